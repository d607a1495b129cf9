"""The campaign's checks: what an intake leaves is held against the oracle, by duckdb and Python's csv."""

import csv
import io
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb
from campaign_formats import FORMATS, variant
from campaign_oracle import Expected, expect, headers_of, records, text_of
from campaign_tables import Drawn

from campaign import Case
from crmnb.core.errors import InputError
from crmnb.intake import Intake, import_data
from crmnb.schema.client import load_client
from crmnb.schema.tables import TABLES

SAID = {  # what a refusal of each kind says
    "encoding": r"is not UTF-8|looks like UTF-16|is not utf-16",
    "structure": r"has no column|Is it the header\?|Is the delimiter|occurs more than once|header cannot be read|looks like UTF-16|is not utf-16",
    "quote": r"opened and never closed",
    "points": r"is ambiguous",
    "currency": r"Amounts in different currencies are not added up",
    "unreadable": r"in [\d,]+ of [\d,]+ rows.*(Formats are not guessed|The file mixes several formats|Map another)",
    "too many": r"more than the [\d.]+% that `bad_rows_allowed` allows",
}


@dataclass
class Tally:
    """What a campaign has been through."""

    tables: int = 0
    rows: int = 0
    quarantined: int = 0
    excluded: int = 0
    refusals: Counter = field(default_factory=Counter)
    compared: Counter = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Add another's counts."""
        for name in ("tables", "rows", "quarantined", "excluded"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refusals += other.refusals
        self.compared += other.compared


def check(case: Case, folder: Path, tally: Tally) -> None:
    """Take a case's tables in and hold what comes of them against the oracle; those to be refused, one by one.

    Raises AssertionError, with the parameters and the files, where anything differs.
    """
    fine = []
    for drawn in case.drawn:
        files, told = drawn.files, case.parameters([drawn])
        expected = expect(told, drawn.table.name, files)
        if expected.refusal:
            _check_refused(told, files, folder, expected.refusal)
            tally.refusals[expected.refusal] += 1
        else:
            fine.append((drawn, files, expected))
    tally.tables += len(case.drawn)
    tally.rows += sum(len(expected.rows) for *_, expected in fine)
    tally.quarantined += sum(bool(row.reasons) for *_, expected in fine for row in expected.rows)
    tally.excluded += sum(row.excluded for *_, expected in fine for row in expected.rows)
    if fine:
        _check_taken(case, fine, folder)
    if fine and case.compare:
        for name in FORMATS:
            tally.compared[f"{name}, typed" if case.typed else name] += _check_format(case, fine, folder, name)


def _shown(told: dict, files: dict[str, bytes]) -> str:
    """The smallest case's input, for whoever reads of a failure."""
    return "\n".join(
        [json.dumps(told, ensure_ascii=False), *(f"{name}: {content[:4000]!r}" for name, content in files.items())]
    )


def _take(told: dict, files: dict[str, bytes], folder: Path, name: str) -> Intake:
    place = folder / name
    place.mkdir()
    for file, content in files.items():
        (place / file).write_bytes(content)
    (place / "campaign.yml").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return import_data(load_client("campaign", place), place / "private")


def _check_refused(told: dict, files: dict[str, bytes], folder: Path, kind: str) -> None:
    (name,) = told["tables"]
    try:
        _take(told, files, folder, f"refused_{name}")
    except InputError as wrong:
        said = str(wrong)
    except Exception as wrong:
        raise AssertionError(f"{type(wrong).__name__}: {wrong}\n{_shown(told, files)}") from wrong
    else:
        raise AssertionError(f"not refused ({kind})\n{_shown(told, files)}")
    _check_message(said, kind, f"{said}\n({kind})\n{_shown(told, files)}")


def _check_message(said: str, kind: str, shown: str) -> None:
    """A message names the file, the key and what to do; nothing of the inside of the machine."""
    assert re.search(SAID[kind], said, re.DOTALL), shown
    assert re.search(r"campaign\.yml, (sources|tables)\.\w+", said), shown
    assert "Traceback" not in said, shown
    assert ".staging" not in said, shown


def _check_taken(case: Case, fine: list[tuple[Drawn, dict, Expected]], folder: Path) -> None:
    told = case.parameters([drawn for drawn, *_ in fine])
    every = {name: content for _, files, _ in fine for name, content in files.items()}
    try:
        taken = _take(told, every, folder, "fine")
    except Exception as wrong:
        raise AssertionError(f"{type(wrong).__name__}: {wrong}\n{_shown(told, every)}") from wrong
    for drawn, files, expected in fine:
        try:
            _check_count(drawn, files, expected)
            check_table(taken, drawn.table.name, expected, told["tables"][drawn.table.name])
        except AssertionError as wrong:
            raise AssertionError(f"{wrong}\n{_shown(case.parameters([drawn]), files)}") from wrong


def _check_count(drawn: Drawn, files: dict[str, bytes], expected: Expected) -> None:
    """The oracle's rows are those that Python's csv counts (unless a broken record leaves that open), and those written."""
    source = drawn.source
    count, broken = 0, False
    for content in files.values():
        text = text_of(content, source.get("encoding", "utf-8"))
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=source.get("delimiter", ","))
        count += sum(1 for fields in lines if fields) - 1 - min(drawn.dialect.titles, source.get("header", 1) - 1)
        broken |= any(isinstance(fields, str) for fields in records(text, source.get("delimiter", ",")))
    assert count == len(expected.rows) or broken, f"Python's csv counts {count} rows, the oracle {len(expected.rows)}"
    one_empty = sum(len(drawn.headers) == 1 and not drawn.dialect.all_quoted for _ in drawn.rows)
    written = len(drawn.rows) + drawn.after * drawn.dialect.files
    assert written - one_empty <= len(expected.rows) <= written, "rows got lost on the way to the oracle"


def check_table(taken: Intake, name: str, expected: Expected, mapping: dict, first_record: int | None = None) -> None:
    """A canonical table, its quarantine and its account are what was expected.

    `first_record`: of a format that numbers its records otherwise, the number of the first; then rows are known by it alone.
    """
    (account,) = [account for account in taken.audits if account.table == name]
    rows = _parquet(taken.tables[name])
    wrong = _quarantine(taken.folder / "quarantine" / f"{name}.csv")
    assert account.read == len(expected.rows), f"{name}: read {account.read} instead of {len(expected.rows)} rows"
    assert (account.accepted, account.rejected) == (len(rows), len(wrong)), (
        f"{name}: the account is not what lies there"
    )
    excluded = sum(row.excluded for row in expected.rows)
    assert account.excluded_rows == excluded, f"{name}: excluded {account.excluded} instead of {excluded} rows"
    assert account.read == len(rows) + len(wrong) + excluded, f"{name}: a row was lost"
    _check_quarantine(name, wrong, expected, mapping, first_record)
    ours, theirs = Counter(map(_known, expected.accepted)), Counter(map(_known, rows))
    assert ours == theirs, (
        f"{name}: accepted but wrong {list(theirs - ours)[:3]}; right but otherwise {list(ours - theirs)[:3]}"
    )
    time = list(mapping["columns"]).index(TABLES[name].time) if TABLES[name].time in mapping["columns"] else None
    if time is not None:
        times = [row[time] for row in rows if row[time] is not None]
        assert times == sorted(times), f"{name} is not sorted by its time"
    for column, total in account.totals.items():
        sums = expected.total(column, accepted=True), expected.total(column, accepted=False)
        assert (Decimal(total.accepted), Decimal(total.rejected)) == sums, f"{name}.{column}: {total} instead of {sums}"


def _check_quarantine(name: str, wrong: list, expected: Expected, mapping: dict, first_record: int | None) -> None:
    """The rows set aside are the wrong ones, as they came, each with its true reasons."""
    place = {(row.file, row.record) if first_record is None else row.record: row for row in expected.rows}
    found = {}
    for cells, file, record, reasons in wrong:
        key = (file, int(record)) if first_record is None else int(record) - first_record
        assert key in place.keys() - found.keys(), f"{name}: {key} is in the quarantine, and no row, or twice"
        found[key] = reasons.split("; ")
        row = place[key]
        for theirs in headers_of(mapping).values() if first_record is None else ():
            came = row.cells.get(theirs, "")
            assert cells[theirs] == came, f"{name}: {cells[theirs]!r} instead of {came!r} in the quarantine"
    for key, row in place.items():
        got = found.get(key, [])
        same = len(got) == len(row.reasons) and all(any(said.startswith(true) for said in got) for true in row.reasons)
        assert same, f"{name}, {key}: set aside for {got} instead of {sorted(row.reasons)}; {row.values}"


def _parquet(path: Path) -> list[tuple]:
    with duckdb.connect() as con:
        return con.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


def _quarantine(path: Path) -> list[tuple[dict[str, str], str, str, str]]:
    """The rows set aside: cells by header, file, record, reasons. None where there is no file."""
    if not path.exists():
        return []
    csv.field_size_limit(1 << 28)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return [(dict(zip(header, row[:-3], strict=False)), *row[-3:]) for row in rows]


def _known(row: tuple) -> tuple:
    """A row that can be counted: a float by its digits, so that -0.0 is 0.0."""
    return tuple(math.copysign(one, 1) if isinstance(one, float) and one == 0 else one for one in row)


def _check_format(case: Case, fine: list[tuple[Drawn, dict, Expected]], folder: Path, name: str) -> int:
    """The same data in another format give the same; how many tables were compared."""
    told = {**case.parameters([drawn for drawn, *_ in fine]), "data_folders": [".."]}
    place = folder / name
    place.mkdir()
    same = {}
    fine = [one for one in fine if not one[0].numbered]  # the place of a row is another one in each format
    told = {**told, "tables": {drawn.table.name: told["tables"][drawn.table.name] for drawn, *_ in fine}}
    told["sources"] = {f"s_{name}": told["sources"][f"s_{name}"] for name in told["tables"]}
    for drawn, _, expected in fine:
        key = f"s_{drawn.table.name}"
        found = variant(name, told, drawn, expected, place, typed=case.typed)
        told["sources"][key] = found.source
        if (
            found.expected.refusal or not found.expected.rows
        ):  # what remains of it in this format is refused or empty, which says nothing
            del told["sources"][key], told["tables"][drawn.table.name]
        else:
            same[drawn.table.name] = found
    if not same:
        return 0
    try:
        taken = _take(told, {}, place, "client")
        for table, found in same.items():
            check_table(taken, table, found.expected, told["tables"][table], found.first_record)
    except Exception as wrong:
        shown = [(one.expected.rows[:20], one.source) for one in same.values()]
        raise AssertionError(
            f"{name}, typed={case.typed}: {type(wrong).__name__}: {wrong}\n{json.dumps(told)}\n{shown}"
        ) from wrong
    return len(same)
