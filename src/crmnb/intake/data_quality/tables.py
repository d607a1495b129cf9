"""The tables of data quality that an import writes, from its audits and from the canonical tables."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from glob import escape
from pathlib import Path
from typing import Any

import duckdb

from crmnb.core.errors import InputError, nearest
from crmnb.intake.audit import TableAudit
from crmnb.intake.data_quality.audited_values import NAME as AUDITED
from crmnb.intake.data_quality.audited_values import compare_audited_values
from crmnb.intake.data_quality.near_duplicates import find_near_duplicates, write_pairs
from crmnb.intake.staging_table import quote_identifier, quote_literal
from crmnb.intake.store import NEAR_DUPLICATES
from crmnb.intake.validation.contract import DUPLICATE
from crmnb.schema.client import Client
from crmnb.schema.tables import ENGINE_TYPES, TABLES

_LIST_OF_CUSTOMERS = "customers"
_AT_ONCE = 500  # rows of a statement


def write_quality_tables(
    con: duckdb.DuckDBPyConnection,
    client: Client,
    audits: Sequence[TableAudit],
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
    folder: Path,
) -> None:
    """Write the tables of data quality into a folder, and add their paths and columns to those of the canonical tables.

    The pairs of near duplicates are written beside them as CSV, for analysts alone: `NEAR_DUPLICATES`, a file for each table with pairs.

    Raises InputError for columns of `data_quality` that a query does not yield, and for faulty audited values.
    """
    _check_columns(client, columns)
    if AUDITED in paths:
        compare_audited_values(con, paths, columns, f"{client.id}.yml, tables.{AUDITED}")
    canonical = {name: path for name, path in paths.items() if name != AUDITED}
    contents = {
        "data_cells": _cells(client, audits),
        "data_records": _records(con, audits, canonical, columns),
        "data_rejections": _rejections(audits),
        "data_references": _references(audits),
        "data_duplicates": _duplicates(con, client, canonical, columns, folder / NEAR_DUPLICATES),
        "data_days": _days(con, canonical, columns),
        "data_touchpoints": _touchpoints(con, canonical, columns),
    }
    for name, rows in contents.items():
        paths[name] = folder / f"{name}.parquet"
        columns[name] = {column.name: ENGINE_TYPES[column.type] for column in TABLES[name].columns}
        _write(con, name, rows, paths[name])


def _check_columns(client: Client, columns: dict[str, dict[str, str]]) -> None:
    """Raise InputError for a column of `data_quality` that a table does not have."""
    for option in ("required", "duplicates"):
        for table, declared in getattr(client.data_quality, option).items():
            names = declared if option == "required" else [*declared.fields, *_block_columns(declared.blocks)]
            for name in names:
                if name not in columns[table]:
                    raise InputError(
                        f"{client.id}.yml, data_quality.{option}.{table}: {name!r} is not a column of {table}."
                        + nearest(name, columns[table])
                    )


def _block_columns(blocks: Iterable[Iterable[str]]) -> list[str]:
    return [name.partition(":")[0] for block in blocks for name in block]


def _write(con: duckdb.DuckDBPyConnection, name: str, rows: list[tuple], path: Path) -> None:
    columns = ", ".join(f"{quote_identifier(c.name)} {ENGINE_TYPES[c.type]}" for c in TABLES[name].columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE quality_table ({columns})")
    for first in range(
        0, len(rows), _AT_ONCE
    ):  # a statement for each row would take longer than all else of a small client
        some = rows[first : first + _AT_ONCE]
        places = ", ".join([f"({', '.join('?' * len(TABLES[name].columns))})"] * len(some))
        con.execute(f"INSERT INTO quality_table VALUES {places}", [value for row in some for value in row])
    con.execute(f"COPY (FROM quality_table ORDER BY ALL) TO {quote_literal(path)} (FORMAT parquet, COMPRESSION zstd)")


def _of_tables(audits: Iterable[TableAudit]) -> list[TableAudit]:
    """The audits of canonical tables, the audited values left out: these say how good other data are."""
    return [audit for audit in audits if audit.table and audit.table != AUDITED]


def _cells(client: Client, audits: Iterable[TableAudit]) -> list[tuple]:
    required = client.data_quality.required
    return [
        (audit.table, cell.column, cell.is_required or cell.column in required.get(audit.table, ()), *astuple(cell)[2:])
        for audit in _of_tables(audits)
        for cell in audit.cells
    ]


def _name(audit: TableAudit) -> str:
    return audit.table or f"source {audit.source}"


def _records(
    con: duckdb.DuckDBPyConnection,
    audits: Iterable[TableAudit],
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
) -> list[tuple]:
    """Rows read, rejected (of which duplicates of a key) and accepted (of which with a customer, where the table may have one)."""
    records = []
    for audit in (audit for audit in audits if audit.table != AUDITED):
        linked = None
        if audit.table and audit.table != _LIST_OF_CUSTOMERS and "customer_id" in columns[audit.table]:
            ((linked,),) = con.execute(f"SELECT count(customer_id) FROM {_rows(paths[audit.table])}").fetchall()
        duplicates = sum(cause.rows for cause in audit.causes if cause.kind == DUPLICATE)
        has_key = bool(audit.table and {*TABLES[audit.table].key} & {*columns[audit.table]})
        rows = audit.read - audit.left_out
        records.append(
            (_name(audit), bool(audit.table), has_key, rows, audit.rejected, duplicates, audit.accepted, linked)
        )
    return records


def _rejections(audits: Iterable[TableAudit]) -> list[tuple]:
    return [
        (_name(audit), cause.column, cause.kind, cause.rows, cause.sole_cause_rows)
        for audit in audits
        for cause in audit.causes
        if audit.table != AUDITED
    ]


def _references(audits: Iterable[TableAudit]) -> list[tuple]:
    return [(audit.table, *astuple(check)) for audit in _of_tables(audits) for check in audit.references]


def _duplicates(
    con: duckdb.DuckDBPyConnection,
    client: Client,
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
    folder: Path,
) -> list[tuple]:
    """The near duplicates of each table for which the client declares fields; the pairs are written into a folder for the analysts."""
    counts = []
    for table, declared in client.data_quality.duplicates.items():
        if table not in paths:
            continue
        keys = [name for name in TABLES[table].key if name in columns[table]]
        counts.append((table, *astuple(find_near_duplicates(con, f"FROM {_rows(paths[table])}", declared, keys))))
        if keys:
            write_pairs(con, declared, folder / f"near_duplicates_of_{table}.csv")
    return counts


def _days(
    con: duckdb.DuckDBPyConnection, paths: dict[str, Path], columns: dict[str, dict[str, str]]
) -> list[tuple[str, Any]]:
    """The newest time of each day."""
    days = []
    for name, path in paths.items():
        if (time := TABLES[name].time) in columns[name]:
            newest = f"SELECT max({time}) FROM {_rows(path)} WHERE {time} IS NOT NULL GROUP BY {time}::DATE"
            days += [(name, at) for (at,) in con.execute(newest).fetchall()]
    return days


def _touchpoints(
    con: duckdb.DuckDBPyConnection, paths: dict[str, Path], columns: dict[str, dict[str, str]]
) -> list[tuple]:
    """How many customers occur in none, one, two ... of the tables; none: they are on the list of customers only."""
    seen = [
        f"SELECT DISTINCT customer_id, {int(name != _LIST_OF_CUSTOMERS)} AS touched FROM {_rows(path)} WHERE customer_id IS NOT NULL"
        for name, path in paths.items()
        if "customer_id" in columns[name]
    ]
    if not seen:
        return []
    by_customer = f"SELECT sum(touched) AS touchpoints FROM ({' UNION ALL '.join(seen)}) GROUP BY customer_id"
    return con.execute(f"SELECT touchpoints::BIGINT, count(*) FROM ({by_customer}) GROUP BY 1 ORDER BY 1").fetchall()


def _rows(path: Path) -> str:
    return f"read_parquet({quote_literal(escape(str(path)))})"
