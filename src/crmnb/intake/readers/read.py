"""Reading the files of a source into a staging table: text, workbooks and JSON lines as text, Parquet with its types."""

from collections.abc import Set
from dataclasses import replace
from itertools import chain
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.records import Part, create_staging_table, find_first_rowid
from crmnb.intake.row_selection import select_source_rows
from crmnb.intake.sources.files import SourceFile
from crmnb.intake.staging_table import REJECTION_COLUMNS, Cell, StagingTable, quote_identifier
from crmnb.schema.client import Source


def read_source(
    con: duckdb.DuckDBPyConnection,
    name: str,
    source: Source,
    files: list[SourceFile],
    folder: Path,
    location: str,
    required_headers: Set[str] = frozenset(),
) -> StagingTable:
    """Load the files of a source, with columns matched by name, into the table `raw_<name>`.

    `folder` is for unpacked and transcoded copies. `required_headers` help to recognise a header in another row than
    declared. Raises InputError for files that cannot be read.
    """
    staging = StagingTable(name, quote_identifier(f"raw_{name}"), {}, source, location)
    formats = {file.format for file in files}
    if formats == {"parquet"}:
        from crmnb.intake.readers.parquet import read_parquet

        return select_source_rows(con, read_parquet(con, staging, files), {}, location)
    if "parquet" in formats:
        raise InputError(
            f"{location}: the files have several formats ({', '.join(sorted(formats))}). Parquet cannot be combined with "
            "other formats, because only Parquet has types. Declare two sources."
        )
    parts = chain.from_iterable(
        _read_parts(file, source, folder / f"{name}_{number}", location, frozenset(required_headers))
        for number, file in enumerate(files)
    )
    return _load_parts(con, staging, list(parts))


def _read_parts(file: SourceFile, source: Source, space: Path, location: str, required_headers: Set[str]) -> list[Part]:
    """The parts of a file that is read as text. The module of a format is imported only if it is needed."""
    match file.format:
        case "excel":
            from crmnb.intake.readers.excel import read_excel as read
        case "json":
            from crmnb.intake.readers.json_lines import read_json_lines as read
        case _:
            from crmnb.intake.readers.delimited import read_delimited as read
    try:
        return read(file, source, space, location, required_headers)
    except OSError as error:  # the file was removed, or there is no space for a copy
        raise InputError(
            f"{location} ({file.name}) cannot be read: {error.strerror or type(error).__name__}."
        ) from None


def _load_parts(con: duckdb.DuckDBPyConnection, staging: StagingTable, parts: list[Part]) -> StagingTable:
    """Load the parts one after the other. The columns that a quarantine file adds are not columns of the source."""
    names = list(dict.fromkeys(name for part in parts for name in part.names))
    columns = {name: Cell(f"c{number}", "text") for number, name in enumerate(names) if name not in REJECTION_COLUMNS}
    resubmitted = {name: f"sent{number}" for number, name in enumerate(REJECTION_COLUMNS) if name in names}
    targets = {name: cell.sql for name, cell in columns.items()} | resubmitted
    create_staging_table(con, staging.table, dict.fromkeys(targets.values(), "VARCHAR"))
    starts = []
    for number, part in enumerate(parts):
        part.load(con, staging.table, number, [targets[name] for name in part.names])
        starts.append(find_first_rowid(con, staging.table, number))
    loaded = replace(
        staging,
        columns=columns,
        headers_by_file={part.label: set(part.names) - {*REJECTION_COLUMNS} for part in parts},
        problem="problem",
        unparsed="unparsed",
        duplicate_headers=frozenset().union(*(part.duplicates for part in parts)),
        resubmitted=resubmitted,
    )
    numbered = loaded.with_record_numbers([part.label for part in parts], starts, staging.source.header + 1)
    return select_source_rows(con, numbered, dict(enumerate(starts)), staging.location)
