"""Validation of rows: a staging table becomes accepted, typed rows and rejected rows with their reasons; none is lost."""

import duckdb

from crmnb.intake.audit import TableAudit
from crmnb.intake.erasure.exclude import exclude_erased_customers
from crmnb.intake.staging_table import FILE, REASONS, RECORD, Cell, StagingTable, quote_identifier
from crmnb.intake.validation.acceptance import check_ambiguous_numbers, check_readable, check_rejected_share
from crmnb.intake.validation.casts import cast_cell, clean_cell, recode_cell, restrict_range
from crmnb.intake.validation.contract import (
    TIME_TYPES,
    build_masks,
    build_rules,
    derived_columns,
    locate_bit,
    mask_names,
    text_column,
    typed_column,
    value_column,
)
from crmnb.intake.validation.currency import convert_amounts, currency_rules, exclude_currencies
from crmnb.intake.validation.quarantine import Quarantine, build_reasons, write_quarantine
from crmnb.intake.validation.refunds import PARENT, is_own_refund, merge_refunds, refund_rules
from crmnb.intake.validation.row_counts import audit_rows
from crmnb.intake.validation.validated_rows import Contract, ValidatedRows, source_of
from crmnb.intake.validation.zone_marks import check_zone_marks, skipped_hour_rules
from crmnb.schema.tables import ENGINE_TYPES
from crmnb.schema.tables.columns import in_sql


def validate_rows(
    con: duckdb.DuckDBPyConnection, staging: StagingTable, contract: Contract, quarantine: Quarantine
) -> tuple[str, TableAudit]:
    """Validate the rows of a staging table; return the SQL of the accepted, typed rows, and the audit.

    Rejected rows are written to the quarantine. Rows of customers on the erasure list are in neither. Raises
    ImportRefused if most values of a column are unreadable or too many rows are rejected (the quarantine is written all
    the same), and InputError if amounts can be read in two ways or are in another currency.
    """
    sources = {column.name: source_of(staging, contract, column.name) for column in contract.columns}
    formats = {name: " or ".join(source.date_format) for name, source in sources.items()}
    rules = build_rules(
        contract.columns,
        contract.table,
        contract.end,
        contract.end_text,
        formats,
        contract.zone,
        contract.without_text,
        [*currency_rules(contract), *refund_rules(contract), *skipped_hour_rules(contract, sources)],
    )
    validated = ValidatedRows(con, staging, contract, rules)
    check_ambiguous_numbers(validated)
    check_zone_marks(validated)
    _apply_rules(validated)
    erased = exclude_erased_customers(validated)
    excluded, currency_notes = exclude_currencies(validated)
    if contract.row_key:
        _mark_duplicates(validated, contract.row_key)
    merged, refund_notes = merge_refunds(validated)
    replaced = _exclude_replaced(validated) if {FILE, RECORD, REASONS} <= set(staging.resubmitted) else 0
    removed = {"replaced": replaced, "erased": erased}
    audit = audit_rows(
        validated,
        write_quarantine(validated, quarantine.file),
        removed,
        excluded | merged,
        (*currency_notes, *refund_notes),
    )
    check_readable(validated, audit)
    check_rejected_share(validated, audit, quarantine.if_refused)
    columns = ", ".join(
        f"{value_column(column.name)} AS {quote_identifier(column.name)}"
        for column in contract.columns
        if column.name != PARENT
    )
    return f"SELECT {columns} FROM {validated.table} WHERE NOT ({validated.is_rejected})", audit


def _apply_rules(validated: ValidatedRows) -> None:
    """Clean, recode, type and check all rows in one pass; each step is a SELECT over the previous one."""
    staging, contract, rules = validated.staging, validated.contract, validated.rules
    cells = {name: clean_cell(cell, source_of(staging, contract, name)) for name, cell in contract.cells.items()}
    texts = {name: Cell(text_column(name), cell.kind) for name, cell in cells.items()}
    recoded = {name: recode_cell(texts[name], codes) for name, codes in contract.values.items() if codes}
    texts |= {name: Cell(text_column(name), cell.kind) for name, cell in recoded.items()}
    typed = {
        column.name: texts[column.name].sql
        if column.name in contract.as_is
        else cast_cell(column.type, texts[column.name], source_of(staging, contract, column.name), contract.zone)
        for column in contract.columns
        if column.name in contract.cells
    }
    times = [
        value_column(column.name) for column in contract.columns if column.type in TIME_TYPES and column.name in typed
    ]
    masks = [f"{sql} AS {name}" for sql, name in zip(build_masks(rules), mask_names(rules), strict=True)]
    steps = [
        ["_id", "_problem", *(f"{cell.sql} AS {text_column(name)}" for name, cell in cells.items())],
        [_replace_columns({text_column(name): cell.sql for name, cell in recoded.items()})],
        ["*", *(f"{sql} AS {value_column(name)}" for name, sql in typed.items())],
        [_replace_columns({time: restrict_range(time) for time in times})],
        [_replace_columns(convert_amounts(contract))],
        _derive(contract),
        ["_id", *(value_column(column.name) for column in contract.columns), *masks],
    ]
    rows = staging.rows
    for step in steps:
        rows = f"(SELECT {', '.join(step)} FROM {rows})"
    validated.query(f"CREATE OR REPLACE TABLE {validated.table} AS FROM {rows}")


def _derive(contract: Contract) -> list[str]:
    """The columns that follow from others, beside those that are there."""
    table, there = contract.table, contract.cells
    if not table:
        return ["*"]
    names = {column.name: value_column(column.name) if column.name in there else "NULL" for column in table.columns}
    values = {
        column.name: f"TRY_CAST({in_sql(column.derived.sql, names)} AS {ENGINE_TYPES[column.type]})"
        for column in derived_columns(table, there)
    }
    replaced = {value_column(name): sql for name, sql in values.items() if name in there}
    values |= {
        name: f"CAST(NULL AS {ENGINE_TYPES[table.by_name[name].type]})" for name in contract.without_text - set(values)
    }
    added = (f"{sql} AS {value_column(name)}" for name, sql in values.items() if name not in there)
    typed = (f"{names[c.name]} AS {typed_column(c.name)}" for c in table.columns if c.derived and c.name in there)
    return [_replace_columns(replaced), *added, *typed]


def _replace_columns(columns: dict[str, str]) -> str:
    replacements = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"* REPLACE ({replacements})" if replacements else "*"


def _mark_duplicates(validated: ValidatedRows, key: tuple[str, ...]) -> None:
    """Mark all rows but the first with the same key, among the rows that violate no other rule.

    Hashes come first: few occur twice, and only for those the keys themselves are compared.
    """
    names = ", ".join(map(value_column, key))
    accepted = f"NOT ({validated.is_rejected}) AND NOT {is_own_refund(validated.contract)}"
    mask, bit = locate_bit(len(validated.rules) - 1)
    validated.query(
        f"CREATE OR REPLACE TEMP TABLE repeated_hashes AS SELECT hash({names}) AS hashed FROM {validated.table} "
        f"WHERE {accepted} GROUP BY ALL HAVING count(*) > 1"
    )
    validated.query(
        f"CREATE OR REPLACE TEMP TABLE duplicates AS SELECT _id FROM {validated.table} "
        f"WHERE {accepted} AND hash({names}) IN (SELECT hashed FROM repeated_hashes) "
        f"QUALIFY row_number() OVER (PARTITION BY {names} ORDER BY _id) > 1"
    )
    validated.query(f"UPDATE {validated.table} SET {mask} = {mask} | {bit} WHERE _id IN (SELECT _id FROM duplicates)")


def _exclude_replaced(validated: ValidatedRows) -> int:
    """Remove the rejected rows that corrected rows replace, and count them.

    A row is replaced if the corrected row names its place and exactly its reasons. So a file that was exported again
    loses no row.
    """
    staging = validated.staging
    corrected = ", ".join(staging.resubmitted[name] for name in (FILE, RECORD, REASONS))
    place = f"_file, _record::VARCHAR, {build_reasons(validated)}"
    rejected = validated.select_rows(validated.is_rejected)
    replaced = f"SELECT _id FROM {rejected} AND ({place}) IN (SELECT ({corrected}) FROM {staging.table})"
    ((count,),) = validated.query(f"DELETE FROM {validated.table} WHERE _id IN ({replaced})")
    return count
