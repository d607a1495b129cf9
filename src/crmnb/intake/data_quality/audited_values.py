"""Audited values: values of records beside the truth, from a reference file or a sample that somebody checked."""

from glob import escape
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError, nearest
from crmnb.intake.staging_table import quote_identifier, quote_literal
from crmnb.schema.tables import TABLES

NAME = "audited_values"


def compare_audited_values(
    con: duckdb.DuckDBPyConnection, paths: dict[str, Path], columns: dict[str, dict[str, str]], key: str
) -> None:
    """Compare the audited values with the records of the canonical tables (Parquet, by name), and store the outcome in their place.

    Stored are table, column, a number in place of the record's key, whether the value is correct, and how many records the table
    has; neither keys nor true values remain. A value of a record that is not in the table is left out. Texts are compared
    without case and surrounding blanks, all others as values of the column's type; a known `is_correct` counts as it is.

    Raises InputError for a table or column that is not mapped, and if there is neither `true_value` nor `is_correct`.
    """
    if not {"true_value", "is_correct"} & {*columns[NAME]}:
        raise InputError(
            f"{key}: map `true_value` (the text of the true value) or `is_correct` (whether the value is correct)."
        )
    file = f"read_parquet({quote_literal(escape(str(paths[NAME])))})"
    named = con.execute(f"SELECT DISTINCT table_name, column_name FROM {file} ORDER BY ALL").fetchall()
    for table, column in named:
        _check_place(table, column, columns, key)
    compared = " UNION ALL ".join(_compare(table, column, paths[table], file, columns) for table, column in named)
    numbered = "SELECT * REPLACE ('record ' || dense_rank() OVER (ORDER BY hash(table_name, record_key), record_key) AS record_key)"
    none = (
        "SELECT ''::VARCHAR AS table_name, ''::VARCHAR AS record_key, ''::VARCHAR AS column_name, "
        "false AS is_correct, 0::BIGINT AS records WHERE false"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE quality_audited AS {numbered} FROM ({compared or none}) ORDER BY ALL")
    con.execute(f"COPY quality_audited TO {quote_literal(paths[NAME])} (FORMAT parquet, COMPRESSION zstd)")
    columns[NAME] = dict(
        con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'quality_audited'"
        ).fetchall()
    )


def _check_place(table: str, column: str, columns: dict[str, dict[str, str]], key: str) -> None:
    possible = [name for name in columns if name != NAME and len(TABLES[name].key) == 1]
    if table not in possible:
        raise InputError(
            f"{key}: table_name is {table!r} in some rows, which is not one of the tables with a key of one column."
            + nearest(table, possible)
        )
    if column not in columns[table]:
        raise InputError(
            f"{key}: column_name is {column!r} in some rows, which is not a column of {table}."
            + nearest(column, columns[table])
        )


def _compare(table: str, column: str, path: Path, file: str, columns: dict[str, dict[str, str]]) -> str:
    """The SQL of the audited values of a column, compared."""
    rows = f"read_parquet({quote_literal(escape(str(path)))})"
    own, type_ = f"t.{quote_identifier(column)}", columns[table][column]
    true = "a.true_value" if "true_value" in columns[NAME] else "NULL::VARCHAR"
    if type_ == "VARCHAR":
        agrees = f"lower(trim({own})) IS NOT DISTINCT FROM lower(trim({true}))"
    else:
        agrees = f"{own} IS NOT DISTINCT FROM TRY_CAST({true} AS {type_}) AND ({own} IS NULL) = ({true} IS NULL)"
    known = "a.is_correct" if "is_correct" in columns[NAME] else "NULL::BOOLEAN"
    place = f"a.table_name = {quote_literal(table)} AND a.column_name = {quote_literal(column)}"
    return (
        f"SELECT a.table_name, a.record_key, a.column_name, coalesce({known}, {agrees}) AS is_correct, "
        f"(SELECT count(*) FROM {rows}) AS records "
        f"FROM {file} a JOIN {rows} t ON t.{quote_identifier(TABLES[table].key[0])} = a.record_key WHERE {place}"
    )
