"""What holds tables together: references to parents that are not there, and the lines that reached no row."""

from glob import escape
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.audit import LineAudit, ReferenceCheck
from crmnb.intake.sources.query import QUERY_SECONDS, find_query_sources, run_query
from crmnb.intake.staging_table import quote_identifier
from crmnb.schema.client import Lines
from crmnb.schema.tables import TABLES, Table


def links_of(
    con: duckdb.DuckDBPyConnection, name: str, paths: dict[str, Path], columns: dict[str, dict[str, str]]
) -> tuple[ReferenceCheck, ...]:
    """Of a canonical table's accepted rows: those whose references to another of the client's tables lead nowhere.

    They are kept, since an order is an order whoever made it; a metric of customers treats them as of someone unknown.
    """
    if name not in paths:
        return ()
    found = []
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
        found.append(ReferenceCheck(column.name, parent, rows, orphans))
    return tuple(found)


def lines_of(
    lines: Lines, table: Table, source: Path, result: Path, key: str, seconds: float = QUERY_SECONDS
) -> LineAudit:
    """The lines of a typed source (Parquet) held against what the query made of them (Parquet), by the row's key.

    Raises InputError for a column or an SQL expression that does not fit, TimeLimitExceeded where it takes more than the seconds.
    """
    line, row = f"CAST({quote_identifier(lines.key)} AS VARCHAR)", f"CAST({quote_identifier(table.key[0])} AS VARCHAR)"
    reached = f"{line} IN (SELECT {row} FROM _rows WHERE {row} IS NOT NULL)"
    sums = [f"({sql}) AS {quote_identifier(name)}" for name, sql in lines.totals.items()]
    select = f"SELECT coalesce({reached}, false) AS _reached{''.join(', ' + each for each in sums)} FROM {quote_identifier(lines.source)}"
    if find_query_sources(select, [lines.source, "_rows"], key) != [lines.source, "_rows"]:
        raise InputError(
            f'{key}.totals: give an expression over a line of {lines.source}, such as \'"Quantity" * "Price"\'.'
        )
    views, made = {lines.source: source, "_rows": result}, result.with_name(f"lines_{table.name}.parquet")
    run_query(select, views, made, key, seconds)
    with duckdb.connect() as con:
        exact = "CAST(coalesce(sum({}), 0) AS DECIMAL(38, 4))::VARCHAR"
        asked = "".join(
            f", {exact.format(quote_identifier(name))}, {exact.format(quote_identifier(name) + ' * _reached::INTEGER')}"
            for name in lines.totals
        )
        read, unreached, *sums = con.execute(
            f"SELECT count(*), count(*) FILTER (NOT _reached){asked} FROM read_parquet(?)", [escape(str(made))]
        ).fetchall()[0]
        made_of = [
            con.execute(
                f"SELECT {exact.format(quote_identifier(name))} FROM read_parquet(?)", [escape(str(result))]
            ).fetchall()[0][0]
            for name in lines.totals
        ]
    totals = {name: (sums[2 * place], sums[2 * place + 1], made_of[place]) for place, name in enumerate(lines.totals)}
    return LineAudit(lines.source, read, unreached, totals)
