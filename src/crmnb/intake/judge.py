"""Judging rows: a raw table becomes accepted rows, typed, and quarantined rows with their reasons, none lost."""

import duckdb

from crmnb.intake.account import Account
from crmnb.intake.accounting import account_of
from crmnb.intake.cast import cast, cleaned, in_range, recoded
from crmnb.intake.judged import Contract, Judged
from crmnb.intake.quarantine import Quarantine, write_quarantine
from crmnb.intake.raw import Cell, Raw, named
from crmnb.intake.refusal import refuse_ambiguous, refuse_too_many, refuse_unreadable
from crmnb.intake.rules import TIMES, mark, mask_names, masks, rules_of, text, value


def judge(con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, quarantine: Quarantine) -> tuple[str, Account]:
    """Judge a raw table's rows: the SQL of the accepted ones, typed, and the account. Wrong rows are written out.

    Raises Refused where most of a column's values cannot be read, or too many rows are wrong; the quarantine is
    written all the same. Raises InputError where amounts can be read in two ways.
    """
    rules = rules_of(
        contract.columns, contract.table, contract.last, contract.end_words, raw.source.date_format, contract.zone
    )
    judged = Judged(con, raw, contract, rules)
    refuse_ambiguous(judged)
    _break_rules(judged)
    if contract.row_key:
        _find_repeated(judged, contract.row_key)
    account = account_of(judged, write_quarantine(judged, quarantine.file))
    refuse_unreadable(judged, account)
    refuse_too_many(judged, account, quarantine.if_refused)
    columns = ", ".join(f"{value(column.name)} AS {named(column.name)}" for column in contract.columns)
    return f"SELECT {columns} FROM {judged.table} WHERE NOT ({judged.is_bad})", account


def _break_rules(judged: Judged) -> None:
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
    times = [value(column.name) for column in contract.columns if column.type in TIMES]
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


def _find_repeated(judged: Judged, key: tuple[str, ...]) -> None:
    """Mark, among rows that nothing else is wrong with, all but the first of those with one key.

    Step by step: in one statement DuckDB takes ten times as long.
    """
    names, good = ", ".join(map(value, key)), f"NOT ({judged.is_bad})"
    mask, bit = mark(len(judged.rules) - 1)
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {names}, min(_id) AS first FROM {judged.table} "
        f"WHERE {good} GROUP BY {names} HAVING count(*) > 1"
    )
    same = " AND ".join(f"j.{value(name)} IS NOT DISTINCT FROM r.{value(name)}" for name in key)
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE again AS SELECT _id FROM {judged.table} AS j JOIN repeated AS r ON {same} "
        f"WHERE {good} AND _id <> first"
    )
    judged.ask(f"UPDATE {judged.table} SET {mask} = {mask} | {bit} WHERE _id IN (SELECT _id FROM again)")
