"""Judging rows: a raw table becomes accepted rows, typed, and quarantined rows with their reasons, none lost."""

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj

import duckdb

from crmnb.errors import InputError
from crmnb.intake.cast import as_text, cast, cleaned, in_range, recoded
from crmnb.intake.notation import suggestions
from crmnb.intake.raw import Cell, Raw, named, quoted
from crmnb.intake.rules import Rule, breaks, broken, mark, mask_names, masks, rules_of, text, value
from crmnb.tables import Column, Table

_SHOWN = 60  # characters of an offending value


@dataclass(frozen=True)
class Account:
    """What became of the rows of a canonical table, or of a source that queries read (its `table` is empty).

    `source` is "query" for a table that a query makes. Always read = accepted + quarantined; a row may have several of the
    `reasons`.
    """

    table: str
    source: str
    read: int
    accepted: int
    quarantined: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Quarantine:
    """Where wrong rows are written, and where that will lie if the intake is refused for them."""

    file: Path
    if_refused: Path


@dataclass(frozen=True)
class Contract:
    """What a raw table is to become: columns (ours) with their cells and types, and how its rows are judged."""

    name: str
    source: str
    columns: list[Column]
    cells: dict[str, Cell]
    zone: str
    table: Table | None = None  # the canonical table; None for a source that queries read
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    as_is: frozenset[str] = frozenset()  # columns that keep the type they came with
    personal: tuple[str, ...] = ()
    bad_rows_allowed: float = 0.05
    last: datetime | None = None  # the declared end, half-open, or the day of the intake
    end_words: str = ""
    key: str = ""  # the file and the key that a message names


@dataclass(frozen=True)
class _Judged:
    """Rows under judgement: `table` holds, for every raw row, its typed values and the masks of the rules it breaks."""

    con: duckdb.DuckDBPyConnection
    raw: Raw
    contract: Contract
    rules: list[Rule]

    @property
    def table(self) -> str:
        return named(f"judged_{'source' if self.contract.table is None else 'table'}_{self.contract.name}")

    @property
    def is_bad(self) -> str:
        return f"({' | '.join(mask_names(self.rules))}) <> 0"

    def wrong(self, condition: str) -> str:
        """The SQL of the raw rows, with their masks, that a condition is true of."""
        return f"{self.raw.rows} JOIN {self.table} USING (_id) WHERE {condition}"

    def ask(self, select: str) -> list[tuple]:
        """What a query gives."""
        return self.con.execute(select).fetchall()


def judge(con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, quarantine: Quarantine) -> tuple[str, Account]:
    """Judge a raw table's rows: the SQL of the accepted ones, typed, and the account. Wrong rows are written out.

    Raises InputError where most of a column's values cannot be read, or too many rows are wrong; the quarantine is
    written all the same.
    """
    rules = rules_of(contract.columns, contract.table, contract.last, contract.end_words, raw.source.date_format)
    judged = _Judged(con, raw, contract, rules)
    _break_rules(judged)
    if contract.table:
        _find_repeated(judged, contract.table.key)
    account = _account(judged, _write_quarantine(judged, quarantine.file))
    _refuse_unreadable(judged)
    if account.quarantined > contract.bad_rows_allowed * account.read:
        raise _too_many(judged, account, quarantine.if_refused)
    columns = ", ".join(f"{value(column.name)} AS {named(column.name)}" for column in contract.columns)
    return f"SELECT {columns} FROM {judged.table} WHERE NOT ({judged.is_bad})", account


def _break_rules(judged: _Judged) -> None:
    """All rules in one pass over the rows: cleaned, recoded, typed, judged, each step a SELECT over the one before."""
    raw, contract, rules = judged.raw, judged.contract, judged.rules
    cells = {name: cleaned(cell, raw.source) for name, cell in contract.cells.items()}
    texts = {name: Cell(text(name), cell.kind) for name, cell in cells.items()}
    words = {name: recoded(texts[name], words) for name, words in contract.values.items() if words}
    texts |= {name: Cell(text(name), cell.kind) for name, cell in words.items()}
    typed = {
        column.name: texts[column.name].sql
        if column.name in contract.as_is
        else cast(column.type, texts[column.name], raw.source, contract.zone)
        for column in contract.columns
    }
    times = [value(column.name) for column in contract.columns if column.type == "time"]
    broken_rules = [f"{sql} AS {name}" for sql, name in zip(masks(rules), mask_names(rules), strict=True)]
    steps = [
        ["_id", "_problem", *(f"{cell.sql} AS {text(name)}" for name, cell in cells.items())],
        [_replaced({text(name): cell.sql for name, cell in words.items()})],
        ["*", *(f"{sql} AS {value(name)}" for name, sql in typed.items())],
        [_replaced({time: in_range(time) for time in times})],
        ["_id", *map(value, typed), *broken_rules],
    ]
    rows = raw.rows
    for step in steps:
        rows = f"(SELECT {', '.join(step)} FROM {rows})"
    judged.ask(f"CREATE TABLE {judged.table} AS FROM {rows}")


def _replaced(columns: dict[str, str]) -> str:
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"* REPLACE ({replaced})" if replaced else "*"


def _find_repeated(judged: _Judged, key: tuple[str, ...]) -> None:
    """Mark, among rows that nothing else is wrong with, all but the first of those with one key.

    Step by step: in one statement DuckDB takes ten times as long.
    """
    names, good = ", ".join(map(value, key)), f"NOT ({judged.is_bad})"
    mask, bit = mark(len(judged.rules) - 1)
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {names}, min(_id) AS first FROM {judged.table} "
        f"WHERE {good} GROUP BY {names} HAVING count(*) > 1"
    )
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE again AS SELECT _id FROM {judged.table} JOIN repeated USING ({names}) "
        f"WHERE {good} AND _id <> first"
    )
    judged.ask(f"UPDATE {judged.table} SET {mask} = {mask} | {bit} WHERE _id IN (SELECT _id FROM again)")


def _account(judged: _Judged, quarantined: int) -> Account:
    """What became of the rows: read as they came, and those written to the quarantine; the others are accepted."""
    names = ", ".join(mask_names(judged.rules))
    reasons: Counter[str] = Counter()
    found = judged.ask(f"SELECT {names}, count(*) FROM {judged.table} WHERE {judged.is_bad} GROUP BY ALL ORDER BY ALL")
    for *values, rows in found:
        for rule in broken(judged.rules, tuple(values)):
            reasons[rule.words] += rows
    contract = judged.contract
    ((read,),) = judged.ask(f"SELECT count(*) FROM {judged.raw.table}")
    ((accepted,),) = judged.ask(f"SELECT count(*) FROM {judged.table} WHERE NOT ({judged.is_bad})")
    table = contract.table.name if contract.table else ""
    return Account(table, contract.source, read, accepted, quarantined, dict(reasons.most_common()))


# ---- The quarantine ---------------------------------------------------------------------------------------


def _write_quarantine(judged: _Judged, path: Path) -> int:
    """Write the wrong rows as they came, with where they stood and what is wrong with them; say how many."""
    raw, contract = judged.raw, judged.contract
    words = ", ".join(
        f"CASE WHEN {breaks(number)} THEN {'_problem' if number == 0 else quoted(rule.words)} END"
        for number, rule in enumerate(judged.rules)
    )
    record = "_record"
    if not raw.is_file and contract.table:  # a query's row has no place but its key
        record = f"concat_ws(' ', {', '.join(as_text(contract.cells[name]) for name in contract.table.key)})"
    extra = {"file": "_file", "record": record, "reasons": f"concat_ws('; ', {words})"}
    if judged.ask(f"SELECT count(_unread) FROM {raw.rows}") != [(0,)]:
        extra = {"unread": "_unread", **extra}
    shown = [*(f"CAST({cell.sql} AS VARCHAR)" for cell in raw.columns.values()), *extra.values()]
    header = [*raw.columns, *(f"{name} (crmnb)" if name in raw.columns else name for name in extra)]
    if judged.ask(f"SELECT count(*) FROM {judged.table} WHERE {judged.is_bad}") == [(0,)]:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = path.with_suffix(".rows")
    select = ", ".join(f"{sql} AS q{number}" for number, sql in enumerate(shown))
    ((written,),) = judged.ask(
        f"COPY (SELECT {select} FROM {judged.wrong(judged.is_bad)} ORDER BY _id) "
        f"TO {quoted(rows)} (FORMAT csv, HEADER false, FORCE_QUOTE *)"
    )
    with path.open("w", encoding="utf-8", newline="") as target, rows.open(encoding="utf-8", newline="") as source:
        csv.writer(target, lineterminator="\n").writerow(header)
        copyfileobj(source, target, 1 << 20)
    rows.unlink()
    return written


# ---- Refusals ---------------------------------------------------------------------------------------------


def _refuse_unreadable(judged: _Judged) -> None:
    """Raise InputError where most of what stands in a column is not of its type: the notation is another one."""
    raw, contract = judged.raw, judged.contract
    types = [(number, rule) for number, rule in enumerate(judged.rules) if rule.is_type]
    if not types:
        return
    counts = ", ".join(f"count({value(rule.column)}), count(*) FILTER ({breaks(number)})" for number, rule in types)
    (found,) = judged.ask(f"SELECT {counts} FROM {judged.table}")
    for (number, rule), good, bad in zip(types, found[::2], found[1::2], strict=True):
        if bad > max(0.5, contract.bad_rows_allowed) * (good + bad):
            column = next(column for column in contract.columns if column.name == rule.column)
            given = as_text(cleaned(contract.cells[column.name], raw.source))
            sample = f"SELECT {given} AS given FROM {judged.wrong(breaks(number))}"
            raise InputError(
                f"{contract.key}: {rule.words} in {bad:,} of {good + bad:,} rows{_examples(judged, number)}. "
                f"{suggestions(judged.con, sample, column, raw, contract.zone)}"
            )


def _too_many(judged: _Judged, account: Account, quarantine: Path) -> InputError:
    contract = judged.contract
    lines = [
        f"{contract.key}: {account.quarantined:,} of {account.read:,} rows are wrong "
        f"({account.quarantined / account.read:.1%}), more than the {contract.bad_rows_allowed:.1%} that "
        "`bad_rows_allowed` allows.",
    ]
    numbers = {rule.words: number for number, rule in enumerate(judged.rules)}
    for words, rows in list(account.reasons.items())[:3]:
        lines.append(f"- {words}: {rows:,} rows{_examples(judged, numbers[words])}")
    lines.append(
        f"All of them, with their reasons, are in {quarantine}. Mend the file, or the parameters, and run again."
    )
    return InputError("\n".join(lines))


def _examples(judged: _Judged, number: int) -> str:
    """Three offending values, or where the rows are if there is no value to show or it is a person's."""
    raw, contract, rule = judged.raw, judged.contract, judged.rules[number]
    wrong = judged.wrong(breaks(number))
    if rule.column and not rule.is_empty and rule.column not in contract.personal:
        given = f"CAST({contract.cells[rule.column].sql} AS VARCHAR)"
        found = judged.ask(f"SELECT {given} AS given, min(_id) AS first FROM {wrong} GROUP BY 1 ORDER BY first LIMIT 3")
        return f", such as {', '.join(repr(given[:_SHOWN]) for given, _ in found)}"
    if not raw.is_file:
        return ""
    found = judged.ask(f"SELECT _file, _record FROM {wrong} ORDER BY _id LIMIT 3")
    return f", such as {', '.join(f'record {record} of {file}' for file, record in found)}"
