"""Reading Parquet, which keeps its types; files of one source whose types differ meet as text."""

from dataclasses import replace
from glob import escape

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.records import create, refuse_too_many, start
from crmnb.intake.sources.files import File
from crmnb.intake.staging_table import Cell, Raw, describe_columns, kind, quote_identifier, quote_literal


def read_parquet(con: duckdb.DuckDBPyConnection, raw: Raw, files: list[File]) -> Raw:
    """Load Parquet files into the raw table, columns bound by their names. Raises InputError for what cannot be read."""
    types = [_types(con, file, raw) for file in files]
    columns: dict[str, Cell] = {}
    made: dict[str, str] = {}
    for name in dict.fromkeys(name for one in types for name in one):
        kept = {one[name] for one in types if name in one}
        type_ = kept.pop() if len(kept) == 1 else "VARCHAR"
        if kind(type_) == "other":
            type_ = "VARCHAR"
        columns[name] = Cell(f"c{len(columns)}", kind(type_))
        made[columns[name].sql] = type_
    create(con, raw.table, made)
    starts = []
    for number, (file, held) in enumerate(zip(files, types, strict=True)):
        into = ", ".join(columns[name].sql for name in held)
        values = ", ".join(f"CAST({quote_identifier(name)} AS {made[columns[name].sql]})" for name in held)
        try:
            con.execute(f"INSERT INTO {raw.table} (file, {into}) SELECT {number}, {values} FROM {_rows(file)}")
        except duckdb.OutOfMemoryException:
            raise InputError(f"{raw.where} ({file.name}) does not fit into the memory and the disk here.") from None
        except duckdb.Error:  # its words may hold values
            raise InputError(
                f"{raw.where} ({file.name}) cannot be read as Parquet: what lies in it is damaged; copy or export it again."
            ) from None
        starts.append(start(con, raw.table, number))
    found = replace(raw, columns=columns, held={file.name: set(one) for file, one in zip(files, types, strict=True)})
    return found.labelled([file.name for file in files], starts, first_record=1)


def _rows(file: File) -> str:
    return f"read_parquet({quote_literal(escape(str(file.path)))})"


def _types(con: duckdb.DuckDBPyConnection, file: File, raw: Raw) -> dict[str, str]:
    try:
        types = describe_columns(con, _rows(file))
    except duckdb.Error as wrong:
        raise InputError(f"{raw.where} ({file.name}) cannot be read as Parquet: {str(wrong).splitlines()[0]}") from None
    refuse_too_many(len(types), f"{raw.where} ({file.name})")
    return types
