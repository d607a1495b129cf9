"""Judging rows: a raw table becomes accepted rows, typed, and quarantined rows with their reasons, none lost."""

import duckdb

from crmnb.intake.audit import TableAudit
from crmnb.intake.erasure.exclude import leave_out
from crmnb.intake.staging_table import FILE, REASONS, RECORD, Cell, Raw, quote_identifier
from crmnb.intake.validation.acceptance import refuse_ambiguous, refuse_too_many, refuse_unreadable
from crmnb.intake.validation.casts import cast, cleaned, in_range, recoded
from crmnb.intake.validation.contract import TIMES, mark, mask_names, masks, rules_of, text, value
from crmnb.intake.validation.quarantine import Quarantine, reasons_of, write_quarantine
from crmnb.intake.validation.row_counts import account_of
from crmnb.intake.validation.validated_rows import Contract, Judged


def judge(
    con: duckdb.DuckDBPyConnection, raw: Raw, contract: Contract, quarantine: Quarantine
) -> tuple[str, TableAudit]:
    """Judge a raw table's rows: the SQL of the accepted ones, typed, and the account. Wrong rows are written out; those of
    customers who are to be forgotten are in neither.

    Raises Refused where most of a column's values cannot be read, or too many rows are wrong; the quarantine is
    written all the same. Raises InputError where amounts can be read in two ways.
    """
    rules = rules_of(
        contract.columns, contract.table, contract.last, contract.end_words, raw.source.date_format, contract.zone
    )
    judged = Judged(con, raw, contract, rules)
    refuse_ambiguous(judged)
    _break_rules(judged)
    forgotten = leave_out(judged)
    if contract.row_key:
        _find_repeated(judged, contract.row_key)
    replaced = _leave_out_replaced(judged) if {FILE, RECORD, REASONS} <= set(raw.sent) else 0
    account = account_of(judged, write_quarantine(judged, quarantine.file), replaced, forgotten)
    refuse_unreadable(judged, account)
    refuse_too_many(judged, account, quarantine.if_refused)
    columns = ", ".join(f"{value(column.name)} AS {quote_identifier(column.name)}" for column in contract.columns)
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
    judged.ask(f"CREATE OR REPLACE TABLE {judged.table} AS FROM {rows}")


def _replaced(columns: dict[str, str]) -> str:
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"* REPLACE ({replaced})" if replaced else "*"


def _find_repeated(judged: Judged, key: tuple[str, ...]) -> None:
    """Mark, among rows that nothing else is wrong with, all but the first of those with one key.

    First by a hash, of which few occur twice: then the keys themselves are held against each other for those only.
    """
    names, good = ", ".join(map(value, key)), f"NOT ({judged.is_bad})"
    mask, bit = mark(len(judged.rules) - 1)
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT hash({names}) AS hashed FROM {judged.table} WHERE {good} "
        "GROUP BY ALL HAVING count(*) > 1"
    )
    judged.ask(
        f"CREATE OR REPLACE TEMP TABLE again AS SELECT _id FROM {judged.table} "
        f"WHERE {good} AND hash({names}) IN (SELECT hashed FROM twice) "
        f"QUALIFY row_number() OVER (PARTITION BY {names} ORDER BY _id) > 1"
    )
    judged.ask(f"UPDATE {judged.table} SET {mask} = {mask} | {bit} WHERE _id IN (SELECT _id FROM again)")


def _leave_out_replaced(judged: Judged) -> int:
    """Take out of the judgement the wrong rows in whose place others were sent, and say how many they are.

    A row is one of them if it stands where the other says it stood, and the same is wrong with it as was then: so a file that
    was exported anew loses none.
    """
    raw = judged.raw
    mended = ", ".join(raw.sent[name] for name in (FILE, RECORD, REASONS))
    place = f"_file, _record::VARCHAR, {reasons_of(judged)}"
    replaced = f"SELECT _id FROM {judged.wrong(judged.is_bad)} AND ({place}) IN (SELECT ({mended}) FROM {raw.table})"
    ((count,),) = judged.ask(f"DELETE FROM {judged.table} WHERE _id IN ({replaced})")
    return count
