"""Judging rows: a raw table becomes accepted rows, typed, and quarantined rows with their reasons, none lost."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj

import duckdb

from crmnb.errors import InputError
from crmnb.intake.cast import as_text, cast, cleaned, in_range, recoded
from crmnb.intake.notation import suggestions
from crmnb.intake.raw import Cell, Raw, named, quoted
from crmnb.intake.rules import Rule, breaks, broken, mask_names, masks, rules_of, text, value
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


def judge(con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, quarantine: Path) -> tuple[str, Account]:
    """Judge a raw table's rows: the SQL of the accepted ones, typed, and the account. Quarantined rows are written out.

    Raises InputError where most of a column's values cannot be read, or too many rows are wrong; the quarantine is
    written all the same.
    """
    form = raw.source.date_format
    rules = rules_of(contract.columns, contract.table, contract.last, contract.end_words, form)
    judged = named(f"judged_{'source' if contract.table is None else 'table'}_{contract.name}")
    _judge(con, raw, contract, rules, judged)
    if contract.table:
        _find_repeated(con, judged, contract.table.key, rules)
    is_bad = f"({' | '.join(mask_names(rules))}) <> 0"
    account = _account(con, judged, contract, rules, is_bad)
    if account.quarantined:
        _write_quarantine(con, raw, contract, rules, judged, is_bad, quarantine)
    _refuse_unreadable(con, raw, contract, rules, judged)
    if account.quarantined > contract.bad_rows_allowed * account.read:
        raise _too_many(con, raw, contract, rules, judged, account, quarantine)
    columns = ", ".join(f"{value(column.name)} AS {named(column.name)}" for column in contract.columns)
    return f"SELECT {columns} FROM {judged} WHERE NOT ({is_bad})", account


def _judge(con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, rules: list[Rule], judged: str) -> None:
    """All rules in one pass over the rows: cleaned, recoded, typed, judged, each step a SELECT over the one before."""
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
    steps = [
        ["_id", "_problem", *(f"{cell.sql} AS {text(name)}" for name, cell in cells.items())],
        [_replaced({text(name): cell.sql for name, cell in words.items()})],
        ["*", *(f"{sql} AS {value(name)}" for name, sql in typed.items())],
        [_replaced({time: in_range(time) for time in times})],
        [
            "_id",
            *map(value, typed),
            *(f"{sql} AS {name}" for sql, name in zip(masks(rules), mask_names(rules), strict=True)),
        ],
    ]
    rows = raw.rows
    for step in steps:
        rows = f"(SELECT {', '.join(step)} FROM {rows})"
    con.execute(f"CREATE TABLE {judged} AS FROM {rows}")


def _replaced(columns: dict[str, str]) -> str:
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"* REPLACE ({replaced})" if replaced else "*"


def _find_repeated(con: duckdb.DuckDBPyConnection, judged: str, key: tuple[str, ...], rules: list[Rule]) -> None:
    """Mark, among rows that nothing else is wrong with, all but the first of those with one key."""
    names, last = ", ".join(map(value, key)), len(rules) - 1
    good = " AND ".join(f"{name} = 0" for name in mask_names(rules))
    repeated = f"SELECT {names} FROM {judged} WHERE {good} GROUP BY {names} HAVING count(*) > 1"
    mask = mask_names(rules)[-1]
    con.execute(
        f"UPDATE {judged} SET {mask} = {mask} | {1 << last % 62} WHERE _id IN (SELECT _id FROM ("
        f"SELECT _id, row_number() OVER (PARTITION BY {names} ORDER BY _id) AS place FROM {judged} "
        f"WHERE {good} AND ({names}) IN ({repeated})) WHERE place > 1)"
    )


def _account(
    con: duckdb.DuckDBPyConnection, judged: str, contract: Contract, rules: list[Rule], is_bad: str
) -> Account:
    names = ", ".join(mask_names(rules))
    reasons: Counter[str] = Counter()
    quarantined = 0
    for *values, rows in con.execute(f"SELECT {names}, count(*) FROM {judged} WHERE {is_bad} GROUP BY ALL").fetchall():
        quarantined += rows
        for rule in broken(rules, tuple(values)):
            reasons[rule.words] += rows
    read, accepted = con.execute(f"SELECT count(*), count(*) FILTER (NOT ({is_bad})) FROM {judged}").fetchone()
    table = contract.table.name if contract.table else ""
    return Account(table, contract.source, read, accepted, quarantined, dict(reasons.most_common()))


def _write_quarantine(
    con: duckdb.DuckDBPyConnection,
    raw: Raw,
    contract: Contract,
    rules: list[Rule],
    judged: str,
    is_bad: str,
    path: Path,
) -> None:
    """The wrong rows as they came, with where they stood and what is wrong with them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ", ".join(
        f"CASE WHEN {breaks(number)} THEN {'_problem' if number == 0 else quoted(rule.words)} END"
        for number, rule in enumerate(rules)
    )
    record = "_record"
    if not raw.is_file and contract.table:  # a query's row has no place but its key
        record = f"concat_ws(' ', {', '.join(as_text(contract.cells[name]) for name in contract.table.key)})"
    extra = {"file": "_file", "record": record, "reasons": f"concat_ws('; ', {words})"}
    if con.execute(f"SELECT count(_unread) FROM {raw.rows}").fetchone()[0]:
        extra = {"unread": "_unread", **extra}
    theirs = [f"CAST({cell.sql} AS VARCHAR)" for cell in raw.columns.values()]
    shown = ", ".join(f"{sql} AS q{number}" for number, sql in enumerate([*theirs, *extra.values()]))
    rows = path.with_suffix(".rows")
    con.execute(
        f"COPY (SELECT {shown} FROM {raw.rows} JOIN {judged} USING (_id) WHERE {is_bad} ORDER BY _id) "
        f"TO {quoted(rows)} (FORMAT csv, HEADER false, FORCE_QUOTE *)"
    )
    with path.open("w", encoding="utf-8", newline="") as target, rows.open(encoding="utf-8", newline="") as source:
        csv.writer(target, lineterminator="\n").writerow([*raw.columns, *extra])
        copyfileobj(source, target, 1 << 20)
    rows.unlink()


def _refuse_unreadable(
    con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, rules: list[Rule], judged: str
) -> None:
    """Raise InputError where most of what stands in a column is not of its type: the notation is another one."""
    types = [(number, rule) for number, rule in enumerate(rules) if rule.is_type]
    if not types:
        return
    counts = ", ".join(f"count({value(rule.column)}), count(*) FILTER ({breaks(number)})" for number, rule in types)
    found = con.execute(f"SELECT {counts} FROM {judged}").fetchone()
    for (number, rule), good, bad in zip(types, found[::2], found[1::2], strict=True):
        if bad > max(0.5, contract.bad_rows_allowed) * (good + bad):
            column = next(column for column in contract.columns if column.name == rule.column)
            cell = cleaned(contract.cells[column.name], raw.source)
            sample = f"SELECT {as_text(cell)} AS given FROM {raw.rows} JOIN {judged} USING (_id) WHERE {breaks(number)}"
            raise InputError(
                f"{contract.key}: {rule.words} in {bad:,} of {good + bad:,} rows"
                f"{_examples(con, raw, contract, rule, number, judged)}. "
                f"{suggestions(con, sample, column, raw, contract.zone)}"
            )


def _too_many(
    con: duckdb.DuckDBPyConnection,
    raw: Raw,
    contract: Contract,
    rules: list[Rule],
    judged: str,
    account: Account,
    quarantine: Path,
) -> InputError:
    commonest = list(account.reasons.items())[:3]
    lines = []
    for words, rows in commonest:
        number, rule = next((number, rule) for number, rule in enumerate(rules) if rule.words == words)
        lines.append(f"- {words}: {rows:,} rows{_examples(con, raw, contract, rule, number, judged)}")
    return InputError(
        "\n".join(
            [
                f"{contract.key}: {account.quarantined:,} of {account.read:,} rows are wrong "
                f"({account.quarantined / account.read:.1%}), more than the {contract.bad_rows_allowed:.1%} "
                "that `bad_rows_allowed` allows.",
                *lines,
                f"All of them, with their reasons, are in {quarantine}. Mend the file, or the parameters, and run again.",
            ]
        )
    )


def _examples(
    con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, rule: Rule, number: int, judged: str
) -> str:
    """Three offending values, or where the rows are if there is no value to show or it is a person's."""
    where = f"FROM {raw.rows} JOIN {judged} USING (_id) WHERE {breaks(number)}"
    if rule.column and rule.column not in contract.personal and not rule.words.endswith("is empty"):
        cell = contract.cells[rule.column]
        found = con.execute(
            f"SELECT given FROM (SELECT CAST({cell.sql} AS VARCHAR) AS given, min(_id) AS first {where} GROUP BY ALL) "
            "ORDER BY first LIMIT 3"
        ).fetchall()
        return f", such as {_listed(repr(given[:_SHOWN]) for (given,) in found)}"
    if not raw.is_file:
        return ""
    found = con.execute(f"SELECT _file, _record {where} ORDER BY _id LIMIT 3").fetchall()
    return f", such as {_listed(f'record {record} of {file}' for file, record in found)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
