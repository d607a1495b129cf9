"""The profile of the canonical tables in a few figures, for comparison with the next import."""

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
MIN_ROWS_PER_LEVEL = 5  # with fewer on average, the texts are names or remarks, not categories


def profile_tables(
    con: duckdb.DuckDBPyConnection,
    client: Client,
    paths: dict[str, Path],
    columns: dict[str, dict[str, str]],
    headers: dict[str, list[str]],
) -> Profile:
    """The profile of canonical tables (Parquet, by name) with their columns and engine types."""
    rows, profiles = {}, {}
    for name, path in paths.items():
        table = con.read_parquet(escape(str(path)))
        ((rows[name],),) = table.aggregate("count(*)").fetchall()
        hidden = {c.name for c in TABLES[name].columns if c.type == "key"} | personal_columns(
            client, name, list(columns[name])
        )
        profiles[name] = {
            column: _profile_column(table, column, type_, rows[name], column in hidden)
            for column, type_ in columns[name].items()
        }
    return Profile(datetime.now(UTC).date().isoformat(), rows, profiles, headers)


def _profile_column(table: duckdb.DuckDBPyRelation, name: str, type_: str, rows: int, hidden: bool) -> ColumnProfile:
    column, ranged = quote_identifier(name), type_ in _RANGED and not hidden
    minimum, maximum = (f"min({column})::VARCHAR", f"max({column})::VARCHAR") if ranged else ("NULL", "NULL")
    levels = f"approx_count_distinct({column})" if type_ in ("VARCHAR", "BOOLEAN") and not hidden else "NULL"
    ((known, low, high, distinct),) = table.aggregate(f"count({column}), {minimum}, {maximum}, {levels}").fetchall()
    rows_by_level = None
    if distinct and distinct <= 1.2 * MAX_LEVELS:
        by_level = table.filter(f"{column} IS NOT NULL").aggregate(
            f"{column}::VARCHAR AS level, count(*) AS rows", column
        )
        groups = by_level.order("rows DESC, level").fetchall()
        if len(groups) <= MAX_LEVELS and len(groups) * MIN_ROWS_PER_LEVEL <= known:
            rows_by_level = dict(groups)
    return ColumnProfile(type_, 1 - known / rows if rows else 0.0, low, high, rows_by_level)
