"""Row selection: records that are no data are excluded from a staging table, and counted by cause; empty cells are filled down.

Headers that stand again, rows after the header, totals and footers, previews of a survey. They are no faults of the data, so they are not
rejected; and they are not lost, as the audit counts them.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import replace

import duckdb

from crmnb.intake.staging_table import Cell, StagingTable, quote_literal
from crmnb.intake.validation.casts import cast_to_text, clean_cell
from crmnb.schema.client import Condition, Mapping

REPEATED_HEADER = "the header again"
AFTER_HEADER = "after the header"


def select_source_rows(
    con: duckdb.DuckDBPyConnection, staging: StagingTable, starts: Dictionary[int, int], key: str
) -> StagingTable:
    """Fill cells down and exclude what the source declares. starts: file number and its first rowid; key: of the source, for messages."""
    source = staging.source
    for header in source.fill_down:
        _fill_down(con, staging, header, f"{key}.fill_down")
    exclusions = []
    if source.rows_after_header:
        conditions = (
            f"(file = {file} AND rowid < {start + source.rows_after_header})" for file, start in starts.items()
        )
        exclusions.append((AFTER_HEADER, " OR ".join(conditions)))
    if repeated := _is_header(staging):
        exclusions.append((REPEATED_HEADER, repeated))
    return exclude_rows(replace(staging, exclusions=tuple(exclusions)), source.where, f"{key}.where")


def exclude_rows(staging: StagingTable, where: Dictionary[str, Condition], key: str) -> StagingTable:
    """The same table without the rows for which a condition does not hold; malformed records stay, to be rejected.

    Raises InputError, with the key, for a header that the source does not have.
    """
    exclusions = []
    for header, condition in where.items():
        text = _clean_text(staging, staging.cell(header, f"{key}.{header}"))
        holds = " AND ".join(f"coalesce({sql}, false)" for sql in _holds(text, condition)) or "true"
        exclusions.append((f"where: {header}", f"({staging.problem}) IS NULL AND NOT ({holds})"))
    return replace(staging, exclusions=(*staging.exclusions, *exclusions))


def split_rows(
    con: duckdb.DuckDBPyConnection, staging: StagingTable, mapping: Mapping, key_column: str, key: str
) -> StagingTable:
    """A staging table with a row for each value of the column that is split into rows, or the same table if there is none.

    The key of such a row is the key in the file with a number: `551/1`. The record number stays that of the file.
    """
    column = next((name for name, split in mapping.split.items() if not split.flags), None)
    if column is None:
        return staging
    cell = staging.cell(mapping.headers[column], f"{key}.columns.{column}")
    own_key = staging.cell(mapping.headers[key_column], f"{key}.columns.{key_column}")
    separator = quote_literal(mapping.split[column].separator)
    causes = " ".join(f"WHEN {sql} THEN {number}" for number, (_, sql) in enumerate(staging.exclusions))
    excluded = f"CASE {causes} END" if causes else "NULL::INTEGER"
    values = f"list_filter(list_transform(string_split({_clean_text(staging, cell)}, {separator}), lambda x: trim(x)), lambda x: x <> '')"
    parts = f"CASE WHEN excluded IS NULL AND ({staging.problem}) IS NULL AND len({values}) > 1 THEN {values} ELSE [{cell.sql}] END"
    table = f'{staging.table[:-1]} by value"'
    numbered = f"CASE WHEN len(parts) > 1 THEN {own_key.sql} || '/' || place ELSE {own_key.sql} END"
    con.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT * EXCLUDE (place, parts, number) REPLACE (number AS record, parts[place] AS {cell.sql}, "
        f"{numbered} AS {own_key.sql}) FROM (SELECT *, unnest(range(1, len(parts) + 1)) AS place FROM (SELECT *, {parts} AS parts FROM "
        f"(SELECT *, {excluded} AS excluded, {staging.record} AS number, rowid AS origin FROM {staging.table}))) ORDER BY origin, place"
    )
    exclusions = tuple((cause, f"excluded = {number}") for number, (cause, _) in enumerate(staging.exclusions))
    return replace(staging, table=table, record="record", exclusions=exclusions)


def flag_cell(cell: Cell, value: str, separator: str, staging: StagingTable) -> Cell:
    """Whether a cell with several values holds one of them; NULL for an empty cell."""
    text = _clean_text(staging, cell)
    values = f"list_transform(string_split({text}, {quote_literal(separator)}), lambda x: trim(x))"
    return Cell(f"CASE WHEN {text} IS NOT NULL THEN list_contains({values}, {quote_literal(value)}) END", "flag")


def count_excluded(con: duckdb.DuckDBPyConnection, staging: StagingTable) -> dict[str, int]:
    """The number of excluded rows by cause: the first one that applies to a row."""
    if not staging.exclusions:
        return {}
    branches = " ".join(f"WHEN {sql} THEN {number}" for number, (_, sql) in enumerate(staging.exclusions))
    counts = con.execute(
        f"SELECT cause, count(*) FROM (SELECT CASE {branches} END AS cause FROM {staging.table}) WHERE cause IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {staging.exclusions[number][0]: rows for number, rows in counts}


def _clean_text(staging: StagingTable, cell: Cell) -> str:
    return cast_to_text(clean_cell(cell, staging.source))


def _holds(text: str, condition: Condition) -> Iterator[str]:
    """The SQL of each part of a condition."""
    if condition.among:
        yield f"{text} IN ({_literals(condition.among)})"
    if condition.without:
        yield f"({text} IS NULL OR {text} NOT IN ({_literals(condition.without)}))"
    if condition.filled is not None:
        yield f"({text} IS NOT NULL) = {condition.filled}"
    if condition.starts_with:
        yield f"starts_with({text}, {quote_literal(condition.starts_with)})"


def _literals(texts: tuple[str, ...]) -> str:
    return ", ".join(map(quote_literal, texts))


def _is_header(staging: StagingTable) -> str:
    """The SQL condition that a record repeats the header; "" of typed sources, and of less than two columns, which data may equal."""
    names = {
        header: cell
        for header, cell in staging.columns.items()
        if cell.kind == "text" and header in staging.plain_headers
    }
    if len(names) < 2 or not staging.is_file:
        return ""
    return " AND ".join(f"trim({cell.sql}) = {quote_literal(header)}" for header, cell in names.items())


def _fill_down(con: duckdb.DuckDBPyConnection, staging: StagingTable, header: str, key: str) -> None:
    """Give each empty cell of a column the value above it in its file; the first ones stay empty."""
    cell = staging.cell(header, key)
    con.execute(
        f"UPDATE {staging.table} AS t SET {cell.sql} = above.value FROM (SELECT rowid AS place, last_value({_clean_text(staging, cell)} "
        f"IGNORE NULLS) OVER (PARTITION BY file ORDER BY rowid) AS value FROM {staging.table}) AS above "
        f"WHERE above.place = t.rowid AND {_clean_text(staging, Cell(f't.{cell.sql}', cell.kind))} IS NULL AND above.value IS NOT NULL"
    )
