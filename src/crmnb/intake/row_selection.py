"""Row selection: records that are no data are excluded from a staging table, and counted by cause; empty cells are filled down.

Headers that stand again, rows after the header, totals and footers, previews of a survey. They are no faults of the data, so they are not
rejected; and they are not lost, as the audit counts them.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import replace

import duckdb

from crmnb.intake.staging_table import Cell, StagingTable, quote_literal
from crmnb.intake.validation.casts import cast_to_text, clean_cell
from crmnb.schema.client import Condition, Mapping

REPEATED_HEADER = "the header again"
AFTER_HEADER = "after the header"
_UNNAMED = re.compile(r"column \d+")  # what a column with an empty header is called


def select_source_rows(
    con: duckdb.DuckDBPyConnection, staging: StagingTable, starts: Dictionary[int, int], key: str
) -> StagingTable:
    """Fill cells down and exclude what the source declares. starts: file number and its first rowid; key: of the source, for messages."""
    source = staging.source
    exclusions = []
    if source.rows_after_header:
        conditions = (
            f"(file = {file} AND rowid < {start + source.rows_after_header})" for file, start in starts.items()
        )
        exclusions.append((AFTER_HEADER, " OR ".join(conditions)))
    if repeated := _is_header(staging):
        exclusions.append((REPEATED_HEADER, repeated))
    selected = replace(staging, exclusions=tuple(exclusions))
    for header in source.fill_down:
        _fill_down(con, selected, header, f"{key}.fill_down")
    return exclude_rows(selected, source.where, f"{key}.where")


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
    return " AND ".join(
        f"coalesce(trim({cell.sql}), '') IN ({_literals((header, '') if _UNNAMED.fullmatch(header) else (header,))})"
        for header, cell in names.items()
    )


def _fill_down(con: duckdb.DuckDBPyConnection, staging: StagingTable, header: str, key: str) -> None:
    """Give each empty cell of a column the value above it in its file; the first ones stay empty.

    Excluded rows, which are no data, are passed over. A malformed record may have begun a group: below it cells stay empty. Rows sent
    again, corrected, come from several places of a file, so they neither give nor take.
    """
    cell, table = staging.cell(header, key), staging.table
    faults = [f"({staging.problem}) IS NOT NULL", *(f"{sent} IS NOT NULL" for sent in staging.resubmitted.values())]
    excluded = " OR ".join(f"({condition})" for _, condition in staging.exclusions) or "false"
    rows = (
        f"SELECT rowid AS place, file, {cell.sql} AS value, {_clean_text(staging, cell)} IS NULL AS is_empty, {' OR '.join(faults)} AS is_alone "
        f"FROM {table} WHERE NOT coalesce({excluded}, false)"
    )
    groups = f"SELECT *, count(*) FILTER (is_alone OR NOT is_empty) OVER (PARTITION BY file ORDER BY place) AS number FROM ({rows})"
    first = "first_value(CASE WHEN NOT (is_alone OR is_empty) THEN value END) OVER (PARTITION BY file, number ORDER BY place)"
    con.execute(
        f"UPDATE {table} SET {cell.sql} = above.value FROM (SELECT * REPLACE ({first} AS value) FROM ({groups})) AS above "
        f"WHERE above.place = {table}.rowid AND above.is_empty AND NOT above.is_alone AND above.value IS NOT NULL"
    )
