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
        profiles[name] = _profile_columns(table, columns[name], rows[name], hidden)
    return Profile(datetime.now(UTC).date().isoformat(), rows, profiles, headers)


def _profile_columns(
    table: duckdb.DuckDBPyRelation, types: dict[str, str], rows: int, hidden: set[str]
) -> dict[str, ColumnProfile]:
    """The profile of each column; of a hidden one only its type and the share of rows without a value."""
    figures = []
    for name, type_ in types.items():
        column, is_ranged = quote_identifier(name), type_ in _RANGED and name not in hidden
        minimum, maximum = (f"min({column})::VARCHAR", f"max({column})::VARCHAR") if is_ranged else ("NULL", "NULL")
        has_levels = type_ in ("VARCHAR", "BOOLEAN") and name not in hidden
        figures += [f"count({column})", minimum, maximum, f"approx_count_distinct({column})" if has_levels else "NULL"]
    (values,) = table.aggregate(", ".join(figures)).fetchall()
    profiles = {}
    for place, (name, type_) in enumerate(types.items()):
        known, low, high, distinct = values[4 * place : 4 * place + 4]
        levels = _count_levels(table, name, known) if distinct and distinct <= 1.2 * MAX_LEVELS else None
        profiles[name] = ColumnProfile(type_, 1 - known / rows if rows else 0.0, low, high, levels)
    return profiles


def _count_levels(table: duckdb.DuckDBPyRelation, name: str, known: int) -> dict[str, int] | None:
    """The rows of each level of a column, most frequent first; None if its texts are too many to be categories."""
    column = quote_identifier(name)
    by_level = table.filter(f"{column} IS NOT NULL").aggregate(f"{column}::VARCHAR AS level, count(*) AS rows", column)
    groups = by_level.order("rows DESC, level").fetchall()
    return dict(groups) if len(groups) <= MAX_LEVELS and len(groups) * MIN_ROWS_PER_LEVEL <= known else None
