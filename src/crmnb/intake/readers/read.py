"""Reading a source's files into a raw table: text, workbooks and JSON lines as text, Parquet with its types."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.records import Part, create, start
from crmnb.intake.sources.files import File
from crmnb.intake.staging_table import OURS, Cell, Raw, quote_identifier
from crmnb.schema.client import Source


def read_source(
    con: duckdb.DuckDBPyConnection,
    name: str,
    source: Source,
    files: list[File],
    folder: Path,
    where: str,
    wanted: frozenset[str] = frozenset(),
) -> Raw:
    """Load a source's files, columns bound by their names, into the table `raw_<name>`.

    `folder` is for what has to be unpacked or transcoded first; `wanted` are columns (theirs) that the header must have,
    by which one that stands further down is recognised. Raises InputError for files that cannot be read.
    """
    raw = Raw(name, quote_identifier(f"raw_{name}"), {}, source, where)
    formats = {file.format for file in files}
    if formats == {"parquet"}:
        from crmnb.intake.readers.parquet import read_parquet

        return read_parquet(con, raw, files)
    if "parquet" in formats:
        raise InputError(
            f"{where}: the files are of several formats ({', '.join(sorted(formats))}), and Parquet keeps types that the "
            "others do not have; make them two sources."
        )
    parts = chain.from_iterable(
        _parts(file, source, folder / f"{name}_{number}", where, frozenset(wanted)) for number, file in enumerate(files)
    )
    return _loaded(con, raw, list(parts))


def _parts(file: File, source: Source, space: Path, where: str, wanted: frozenset[str]) -> list[Part]:
    """The parts of a file that is read as text. What a format needs is imported where it occurs."""
    match file.format:
        case "excel":
            from crmnb.intake.readers.excel import read_excel as read
        case "json":
            from crmnb.intake.readers.json_lines import read_json_lines as read
        case _:
            from crmnb.intake.readers.delimited import read_delimited as read
    try:
        return read(file, source, space, where, wanted)
    except OSError as wrong:  # it is no longer there, or there is no room for a copy of it
        raise InputError(f"{where} ({file.name}) cannot be read: {wrong.strerror or type(wrong).__name__}.") from None


def _loaded(con: duckdb.DuckDBPyConnection, raw: Raw, parts: list[Part]) -> Raw:
    """The parts loaded one after the other; what a quarantine added to rows that were sent again is kept apart."""
    every = list(dict.fromkeys(name for part in parts for name in part.names))
    columns = {name: Cell(f"c{number}", "text") for number, name in enumerate(every) if name not in OURS}
    sent = {name: f"sent{number}" for number, name in enumerate(OURS) if name in every}
    into = {name: cell.sql for name, cell in columns.items()} | sent
    create(con, raw.table, dict.fromkeys(into.values(), "VARCHAR"))
    starts = []
    for number, part in enumerate(parts):
        part.load(con, raw.table, number, [into[name] for name in part.names])
        starts.append(start(con, raw.table, number))
    held = {part.label: set(part.names) - {*OURS} for part in parts}
    repeated = frozenset().union(*(part.repeated for part in parts))
    found = replace(raw, columns=columns, held=held, problem="problem", unread="unread", repeated=repeated, sent=sent)
    return found.labelled([part.label for part in parts], starts, first_record=raw.source.header + 1)
