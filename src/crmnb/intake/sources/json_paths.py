"""Columns `a.b` of JSON: a path that no row has is a mistake, not an empty column."""

import json

import duckdb

from crmnb.core.errors import InputError, nearest
from crmnb.intake.staging_table import StagingTable
from crmnb.schema.client import Mapping

_SAMPLE = 10_000  # rows whose keys are proposed


def check_paths(con: duckdb.DuckDBPyConnection, staging: StagingTable, mapping: Mapping, key: str) -> None:
    """Raise InputError, with the nearest keys, for a column `a.b` where no row holds the key b. `key` is the place of the mapping."""
    for name, path in mapping.columns.items():
        if not isinstance(path, str) or path in staging.columns:
            continue
        column, _, steps = path.partition(".")
        text = staging.columns[column].sql
        counts = ", ".join(f"count(*) FILTER (contains({text}, ?))" for _ in steps.split("."))
        quoted = [json.dumps(step, ensure_ascii=False) for step in steps.split(".")]
        filled, *occurrences = con.execute(f"SELECT count({text}), {counts} FROM {staging.table}", quoted).fetchone()
        missing = next((step for step, count in zip(steps.split("."), occurrences, strict=True) if not count), "")
        if filled and missing:
            names = (
                []
                if column in staging.source.personal
                else con.execute(
                    f"SELECT DISTINCT unnest(json_keys({text})) AS name FROM (SELECT {text} FROM {staging.table} "
                    f"WHERE CASE WHEN json_valid({text}) THEN json_type({text}) = 'OBJECT' ELSE false END LIMIT {_SAMPLE}) ORDER BY name"
                ).fetchall()
            )
            hint = nearest(missing, [own for (own,) in names]) if names else ""
            raise InputError(
                f"{key}.columns.{name}: no {column!r} of {staging.location} has the key {missing!r}, which {path!r} names.{hint}"
            )
