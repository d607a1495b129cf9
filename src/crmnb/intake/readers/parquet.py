"""The reader of Parquet files, which keep their types; columns whose types differ between files become text."""

from dataclasses import replace
from glob import escape

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.records import check_column_count, create_staging_table, find_first_rowid
from crmnb.intake.sources.files import SourceFile
from crmnb.intake.staging_table import (
    Cell,
    StagingTable,
    classify_type,
    describe_columns,
    quote_identifier,
    quote_literal,
)


def read_parquet(con: duckdb.DuckDBPyConnection, staging: StagingTable, files: list[SourceFile]) -> StagingTable:
    """Load Parquet files into a staging table, with columns matched by name. Raises InputError for unreadable files."""
    types_by_file = [_read_types(con, file, staging) for file in files]
    columns: dict[str, Cell] = {}
    engine_types: dict[str, str] = {}
    for name in dict.fromkeys(name for types in types_by_file for name in types):
        occurring = {types[name] for types in types_by_file if name in types}
        type_ = occurring.pop() if len(occurring) == 1 else "VARCHAR"
        if classify_type(type_) == "other":
            type_ = "VARCHAR"
        columns[name] = Cell(f"c{len(columns)}", classify_type(type_))
        engine_types[columns[name].sql] = type_
    create_staging_table(con, staging.table, engine_types)
    starts = []
    for number, (file, types) in enumerate(zip(files, types_by_file, strict=True)):
        targets = ", ".join(columns[name].sql for name in types)
        values = ", ".join(f"CAST({quote_identifier(name)} AS {engine_types[columns[name].sql]})" for name in types)
        try:
            con.execute(f"INSERT INTO {staging.table} (file, {targets}) SELECT {number}, {values} FROM {_scan(file)}")
        except duckdb.OutOfMemoryException:
            raise InputError(f"{staging.location} ({file.name}) needs more memory or disk than there is.") from None
        except duckdb.Error:  # its message may hold values
            raise InputError(
                f"{staging.location} ({file.name}) cannot be read as Parquet: the file is damaged. Copy or export it again."
            ) from None
        starts.append(find_first_rowid(con, staging.table, number))
    headers = {file.name: set(types) for file, types in zip(files, types_by_file, strict=True)}
    loaded = replace(staging, columns=columns, headers_by_file=headers)
    return loaded.with_record_numbers([file.name for file in files], starts, first_record=1)


def _scan(file: SourceFile) -> str:
    return f"read_parquet({quote_literal(escape(str(file.path)))})"


def _read_types(con: duckdb.DuckDBPyConnection, file: SourceFile, staging: StagingTable) -> dict[str, str]:
    location = f"{staging.location} ({file.name})"
    try:
        types = describe_columns(con, _scan(file))
    except duckdb.Error as error:
        raise InputError(f"{location} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    check_column_count(len(types), location)
    return types
