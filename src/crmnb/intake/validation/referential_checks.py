"""Referential checks: references to parent rows that do not exist, and source lines that belong to no row."""

from glob import escape
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.audit import LineAudit, ReferenceCheck
from crmnb.intake.sources.query import QUERY_SECONDS, find_query_sources, run_query
from crmnb.intake.staging_table import quote_identifier
from crmnb.schema.client import Lines
from crmnb.schema.tables import TABLES, Table


def check_references(
    con: duckdb.DuckDBPyConnection, name: str, paths: dict[str, Path], columns: dict[str, dict[str, str]]
) -> tuple[ReferenceCheck, ...]:
    """Check the references of a canonical table's accepted rows to the client's other tables.

    Rows with a reference to an unknown parent stay accepted: an order is an order even if its customer is unknown.
    """
    if name not in paths:
        return ()
    checks = []
    for column in TABLES[name].columns:
        parent = column.refers_to
        if parent not in paths or column.name not in columns[name]:
            continue
        key = quote_identifier(TABLES[parent].key[0])
        ((rows, orphans),) = con.execute(
            f"SELECT count(*), count(*) FILTER (reference NOT IN (SELECT {key} FROM read_parquet($parent))) "
            f"FROM (SELECT {quote_identifier(column.name)} AS reference FROM read_parquet($child)) WHERE reference IS NOT NULL",
            {"parent": escape(str(paths[parent])), "child": escape(str(paths[name]))},
        ).fetchall()
        checks.append(ReferenceCheck(column.name, parent, rows, orphans))
    return tuple(checks)


def check_lines(
    lines: Lines, table: Table, source: Path, result: Path, key: str, time_limit: float = QUERY_SECONDS
) -> LineAudit:
    """Compare the lines of a typed source (Parquet) with the rows that the query made of them (Parquet), by the row's key.

    Raises InputError for a column or an SQL expression that does not fit, and TimeLimitExceeded after `time_limit`.
    """
    line_key = f"CAST({quote_identifier(lines.key)} AS VARCHAR)"
    row_key = f"CAST({quote_identifier(table.key[0])} AS VARCHAR)"
    is_matched = f"coalesce({line_key} IN (SELECT {row_key} FROM _rows WHERE {row_key} IS NOT NULL), false)"
    columns = [f"{is_matched} AS _matched"]
    columns += [f"({sql}) AS {quote_identifier(name)}" for name, sql in lines.totals.items()]
    select = f"SELECT {', '.join(columns)} FROM {quote_identifier(lines.source)}"
    if find_query_sources(select, [lines.source, "_rows"], key) != [lines.source, "_rows"]:
        raise InputError(
            f"{key}.totals: only an SQL expression over a line of {lines.source} is allowed, such as "
            '\'"Quantity" * "Price"\'.'
        )
    views, matched = {lines.source: source, "_rows": result}, result.with_name(f"lines_{table.name}.parquet")
    run_query(select, views, matched, key, time_limit)

    def sum_exactly(sql: str) -> str:
        return f"CAST(coalesce(sum({sql}), 0) AS DECIMAL(38, 4))::VARCHAR"

    names = {name: quote_identifier(name) for name in lines.totals}
    line_sums = [f"{sum_exactly(sql)}, {sum_exactly(f'{sql} * _matched::INTEGER')}" for sql in names.values()]
    row_sums = ["count(*)", *map(sum_exactly, names.values())]
    with duckdb.connect() as con:
        (read, unmatched, *sums), (_, *table_sums) = (
            con.execute(f"SELECT {', '.join(select)} FROM read_parquet(?)", [escape(str(path))]).fetchone()
            for select, path in (
                (["count(*)", "count(*) FILTER (NOT _matched)", *line_sums], matched),
                (row_sums, result),
            )
        )
    totals = {name: (sums[2 * at], sums[2 * at + 1], table_sums[at]) for at, name in enumerate(lines.totals)}
    return LineAudit(lines.source, read, unmatched, totals)
