"""What the canonical tables hold, in few figures, to hold the next intake against."""

from datetime import UTC, datetime
from glob import escape
from pathlib import Path

import duckdb

from crmnb.intake.audit import MAX_LEVELS, ColumnProfile, Profile
from crmnb.intake.personal_data import personal_columns
from crmnb.intake.staging_table import quote_identifier
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

_RANGED = ("TIMESTAMP", "DOUBLE", "BIGINT", "DECIMAL(18, 4)")
MIN_ROWS_PER_LEVEL = 5  # fewer on average, and the texts are names or remarks rather than categories


def profile_tables(
    con: duckdb.DuckDBPyConnection,
    client: Client,
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
    headers: dict[str, list[str]],
) -> Profile:
    """The profile of canonical tables (Parquet, by name) with the given columns and engine types."""
    rows, found = {}, {}
    for name, path in paths.items():
        table = con.read_parquet(escape(str(path)))
        ((rows[name],),) = table.aggregate("count(*)").fetchall()
        closed = {c.name for c in TABLES[name].columns if c.type == "key"} | personal_columns(
            client, name, list(columns[name])
        )
        found[name] = {
            column: _column(table, column, type_, rows[name], column in closed)
            for column, type_ in columns[name].items()
        }
    return Profile(datetime.now(UTC).date().isoformat(), rows, found, headers)


def _column(table: duckdb.DuckDBPyRelation, name: str, type_: str, rows: int, closed: bool) -> ColumnProfile:
    column, ranged = quote_identifier(name), type_ in _RANGED and not closed
    least, most = (f"min({column})::VARCHAR", f"max({column})::VARCHAR") if ranged else ("NULL", "NULL")
    levels = f"approx_count_distinct({column})" if type_ in ("VARCHAR", "BOOLEAN") and not closed else "NULL"
    ((known, low, high, distinct),) = table.aggregate(f"count({column}), {least}, {most}, {levels}").fetchall()
    counted = None
    if distinct and distinct <= 1.2 * MAX_LEVELS:
        by_level = table.filter(f"{column} IS NOT NULL").aggregate(
            f"{column}::VARCHAR AS level, count(*) AS rows", column
        )
        found = by_level.order("rows DESC, level").fetchall()
        if len(found) <= MAX_LEVELS and len(found) * MIN_ROWS_PER_LEVEL <= known:
            counted = dict(found)
    return ColumnProfile(type_, 1 - known / rows if rows else 0.0, low, high, counted)
