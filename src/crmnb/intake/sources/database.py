"""Databases as sources: the rows of a table or a query are fetched, read-only, into a Parquet file.

Messages of database drivers hold addresses, users and values. They are never passed on, not even as the cause of an
exception: the messages here are chosen by the kind of error.
"""

import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.sources.files import SourceFile, check_path, resolve_folder, source_missing_error
from crmnb.intake.sources.query import OFFLINE_CONFIG
from crmnb.intake.staging_table import describe_columns, quote_identifier, quote_literal
from crmnb.schema.client import Client, Source
from crmnb.schema.client.models.values import REFERENCE

_CONNECT_TIMEOUT = 15  # seconds, unless the address declares it
_NULL = "\ue000"  # replaces NULL in rows from SQLite, whose driver derives types from the first rows

# Kinds of error: a pattern of the SQL state or the driver's message, and the message shown. The first match counts.
_CONNECTION_ERRORS = (
    (r"translate host name|Connection refused|timeout expired", "no server answers at this address."),
    (
        r"authentication|no password supplied|role .* does not exist",
        "the database does not accept the user or the password.",
    ),
    (r"database .* does not exist", "the server has no database with this name."),
    (r"invalid|missing|unexpected", "the address is not valid."),
    (r"", "no server answers at this address, or it does not accept connections from this machine."),
)
_QUERY_ERRORS = (
    (r"\b42P01|\b3F000|no such table", "the table does not exist. Write its schema and name as in the database."),
    (
        r"\b4270[23]|no such column|ambiguous",
        "a column does not exist, or two columns have the same name. Give each a unique name (AS).",
    ),
    (r"\b42501|permission denied", "this user has no permission to read it. Ask for the SELECT permission."),
    (
        r"\b25006|\b0A000|read-only|read-write|not authori[sz]ed|prohibited",
        "only reading is allowed. Write one SELECT statement.",
    ),
    (
        r"\b42601|\bsyntax|incomplete|multiple commands|one statement",
        "it is not valid SQL for this database. Write one SELECT statement.",
    ),
    (
        r"\b57014|timeout|canceling",
        "the time limit of the database was exceeded. Select fewer rows, or have the limit raised.",
    ),
    (r"\b55P03|is locked", "another program has locked the database. Run again later."),
    (r"not a database|malformed", "the file is not an SQLite database."),
    (r"22021|unicode|UTF-?8", "a text is not UTF-8. Correct it in the database."),
    (
        r"^22|division by zero|out of range|invalid input syntax",
        "the database cannot compute a value (for example, a division by zero).",
    ),
    (r"at least one column", "it returns no column."),
    (r"", "the database rejected or stopped it. Run it in the database's own client to see the reason."),
)
_FINITE = "CASE WHEN {0} IS NULL OR isfinite({0}) THEN {0} WHEN {0} > '2000-01-01' THEN {1} ELSE {2} END"
_EVER, _NEVER = "294247-01-01", "4700-01-01 BC"  # replace infinite times, which the driver would change
_POSTGRESQL = {  # the SQL for columns of each type; columns of other types are fetched as text
    **dict.fromkeys(("smallint", "integer", "bigint", "boolean", "double precision", "text"), "{0}"),
    "real": "{0}::text::float8",
    "money": "{0}::numeric::text",
    **{
        type_: _FINITE.format("{0}", f"'{_EVER}'::{type_}", f"'{_NEVER}'::{type_}")
        for type_ in ("date", "timestamp without time zone", "timestamp with time zone")
    },
}


@dataclass(frozen=True)
class Fetched(SourceFile):
    """The rows fetched from a database, as a Parquet file."""

    def describe(self) -> dict[str, str | int]:
        """The entry in the manifest: name, number of rows, and a hash of the rows that does not depend on their order."""
        with duckdb.connect(config=OFFLINE_CONFIG) as con:
            columns = describe_columns(con, _parquet(self.path))
            select = (
                f"SELECT count(*), sum(hash({', '.join(map(quote_identifier, columns))})) FROM {_parquet(self.path)}"
            )
            rows, total = con.execute(select).fetchone()
        return {"name": self.name, "rows": rows, "hash": sha256(f"{columns} {rows} {total}".encode()).hexdigest()}


def fetch(client: Client, name: str, into: Path) -> SourceFile:
    """Fetch the rows of a client's source from its database into a Parquet file at `into`, in an existing folder.

    Raises SourceMissing for a missing SQLite file, and InputError for all other errors.
    """
    source, location = client.sources[name], f"{client.id}.yml, sources.{name}"
    address, option = (
        _resolve_address(source.database, f"{location}.database"),
        "select" if source.table is None else "table",
    )
    if address.startswith("sqlite:"):
        path = _locate_sqlite_file(client, address, f"{location}.database")
        _translate_errors(lambda: _from_sqlite(path, _build_select(source), into), location, option)
    else:
        _translate_errors(lambda: _from_postgresql(address, _build_select(source), into), location, option)
    return Fetched(into, name, "parquet")


def _resolve_address(address: str, key: str) -> str:
    """An address with its references replaced from the environment; a reference inside an address is URL-encoded.

    Raises InputError with the name of a variable that is not set, and never with a value.
    """
    if unset := [name for name in re.findall(REFERENCE, address) if not os.environ.get(name)]:
        raise InputError(f"{key}: the environment variable {unset[0]} is not set. Set it where crmnb runs.")
    whole = re.fullmatch(REFERENCE, address)
    resolved = (
        os.environ[whole[1]]
        if whole
        else re.sub(REFERENCE, lambda reference: quote(os.environ[reference[1]], safe=""), address)
    )
    if not re.match(r"(postgresql|postgres|sqlite)://", resolved):
        raise InputError(
            f"{key}: the environment variables do not hold an address such as postgresql://... or sqlite:///file."
        )
    return resolved


def _build_select(source: Source) -> str:
    """The SQL of the rows to fetch."""
    if source.table is not None:
        return "SELECT * FROM " + ".".join(map(quote_identifier, source.table.split(".")))
    return source.select.rstrip("; \t\r\n")


def _translate_errors(action: Callable[[], None], location: str, option: str) -> None:
    """Run an action of a driver. For an error of the driver, raise InputError without any text of the driver."""
    import sqlite3

    from adbc_driver_manager import Error

    try:
        action()
        return
    except (Error, duckdb.Error, sqlite3.Error, sqlite3.Warning) as error:
        message = re.split(r"(?i)\n\s*query", f"{getattr(error, 'sqlstate', None)} {error}")[
            0
        ]  # the rest repeats the query
    key, kinds = ("database", _CONNECTION_ERRORS) if "Failed to connect" in message else (option, _QUERY_ERRORS)
    raise InputError(
        f"{location}.{key}: {next(text for pattern, text in kinds if re.search(pattern, message, re.IGNORECASE))}"
    )


def _parquet(path: Path) -> str:
    return f"read_parquet({quote_literal(escape(str(path)))})"


def _write_parquet(engine: duckdb.DuckDBPyConnection, cells: str, rows: str, into: Path) -> None:
    """Write rows to a Parquet file. Text that is not UTF-8 is detected only when it is read from the file."""
    engine.execute(f"COPY (SELECT {cells} FROM {rows}) TO {quote_literal(into)} (FORMAT parquet)")


# ---- PostgreSQL -------------------------------------------------------------------------------------------


def _from_postgresql(address: str, rows: str, into: Path) -> None:
    """Write the result of a query with its types; numeric becomes a decimal that holds all values exactly."""
    import adbc_driver_postgresql.dbapi as driver

    if "connect_timeout=" not in address:
        address += f"{'&' if '?' in address else '?'}connect_timeout={_CONNECT_TIMEOUT}"
    relation = f"(\n{rows}\n) AS fetched"
    with (
        closing(driver.connect(address)) as database,
        closing(database.cursor()) as cursor,
        duckdb.connect(config=OFFLINE_CONFIG) as engine,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET client_encoding TO 'UTF8'")
        names = list(describe_columns(engine, _stream(engine, cursor, f"SELECT * FROM {relation} LIMIT 0")))
        types = ", ".join(f"pg_typeof(fetched.{quote_identifier(name)})::text" for name in names)
        type_query = f"SELECT {types} FROM (SELECT 1) AS single LEFT JOIN {relation} ON false"
        (type_names,) = engine.execute(f"FROM {_stream(engine, cursor, type_query)}").fetchall()
        typed = dict(zip(names, type_names, strict=True))
        cells = (
            f"{_select_column(quote_identifier(name), type_)} AS {quote_identifier(name)}"
            for name, type_ in typed.items()
        )
        part = into.with_suffix(".part")
        _write_parquet(engine, "*", _stream(engine, cursor, f"SELECT {', '.join(cells)} FROM {relation}"), part)
        _write_parquet(
            engine,
            ", ".join(_restore_column(engine, part, name, type_) for name, type_ in typed.items()),
            _parquet(part),
            into,
        )
        part.unlink()


def _stream(engine: duckdb.DuckDBPyConnection, cursor: Any, select: str) -> str:
    """The name of a view that streams the result of a database query, once."""
    cursor.execute(select)
    engine.register("fetched", cursor.fetch_arrow())
    return "fetched"


def _select_column(column: str, type_: str) -> str:
    """The SQL of a column in PostgreSQL."""
    return _POSTGRESQL.get(type_, "{0}::text").replace("{0}", f"fetched.{column}")


def _restore_column(engine: duckdb.DuckDBPyConnection, file: Path, name: str, type_: str) -> str:
    """The SQL that restores a column: infinite times, and numbers that were fetched as text."""
    if type_ in ("numeric", "money"):
        return f"{_cast_exact(engine, file, quote_identifier(name))} AS {quote_identifier(name)}"
    if type_.startswith(("date", "timestamp")):
        return f"{_restore_infinity(quote_identifier(name), type_)} AS {quote_identifier(name)}"
    return quote_identifier(name)


def _restore_infinity(column: str, type_: str) -> str:
    engine_type = "DATE" if type_ == "date" else "TIMESTAMPTZ" if type_.endswith("with time zone") else "TIMESTAMP"
    ever, never = f"'{_EVER}'::{engine_type}", f"'{_NEVER.replace('BC', '(BC)')}'::{engine_type}"
    return f"CASE {column} WHEN {ever} THEN 'infinity'::{engine_type} WHEN {never} THEN '-infinity'::{engine_type} ELSE {column} END"


def _cast_exact(engine: duckdb.DuckDBPyConnection, file: Path, column: str) -> str:
    """A cast to decimal if all texts of the column are numbers that fit; otherwise the text, without loss."""
    ((whole, scale, others),) = engine.execute(
        f"SELECT coalesce(max(length(ltrim(split_part({column}, '.', 1), '-'))), 0), "
        f"coalesce(max(length(split_part({column}, '.', 2))), 0), "
        f"count(*) FILTER (NOT regexp_full_match({column}, '-?[0-9]+(\\.[0-9]+)?')) FROM {_parquet(file)}"
    ).fetchall()
    if others or whole + scale > 38:
        return column
    return f"CAST({column} AS DECIMAL({18 if whole + scale <= 18 else 38}, {scale}))"


# ---- SQLite -----------------------------------------------------------------------------------------------


def _locate_sqlite_file(client: Client, address: str, key: str) -> Path:
    """The file that an address names, relative to the parameters file."""
    if not address.startswith("sqlite:///") or "?" in address:
        raise InputError(f"{key}: the address is not valid. Write sqlite:///file, relative to the parameters file.")
    name = unquote(address.removeprefix("sqlite:///"))
    path, folder = client.folder / name, resolve_folder(client, name, key)
    if not os.path.lexists(path):
        raise source_missing_error(
            f"{key}: the SQLite file does not exist. Its path is relative to the folder of the parameters file.", client
        )
    check_path(path, folder, f"{key}: the file")
    return path


def _from_sqlite(path: Path, rows: str, into: Path) -> None:
    """Write the result of a query as text: in SQLite any column may hold values of any type."""
    import adbc_driver_sqlite.dbapi as driver

    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    names = _find_sqlite_columns(address, rows)
    cells = ", ".join(f"{_cast_sqlite_text(quote_identifier(name))} AS {quote_identifier(name)}" for name in names)
    with (
        closing(driver.connect(address)) as database,
        closing(database.cursor()) as cursor,
        duckdb.connect(config=OFFLINE_CONFIG) as engine,
    ):
        part = into.with_suffix(".part")
        _write_parquet(engine, "*", _stream(engine, cursor, f"SELECT {cells} FROM (\n{rows}\n) AS fetched"), part)
        texts = (
            f"nullif(CAST({quote_identifier(name)} AS VARCHAR), {quote_literal(_NULL)}) AS {quote_identifier(name)}"
            for name in names
        )
        _write_parquet(engine, ", ".join(texts), _parquet(part), into)
        part.unlink()


def _find_sqlite_columns(address: str, rows: str) -> list[str]:
    """The columns of a query, from Python's own SQLite, which also ensures that it is one statement that only reads."""
    import sqlite3

    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    with closing(sqlite3.connect(address, uri=True)) as database:
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY)
        cursor = database.execute(f"SELECT * FROM (\n{rows}\n) AS fetched LIMIT 0")
        names = [column[0] for column in cursor.description]
    if any(re.sub(r":\d+$", "", name) in names[:place] for place, name in enumerate(names)):
        raise sqlite3.OperationalError("ambiguous column name")  # SQLite names the second of two equal names `name:1`
    return names


def _cast_sqlite_text(column: str) -> str:
    """The text of a value: numbers with all digits, bytes as an SQL literal."""
    short, long = f"printf('%!.15g', {column})", f"printf('%!.17g', {column})"
    return (
        f"CASE typeof({column}) WHEN 'null' THEN char({ord(_NULL)}) WHEN 'blob' THEN quote({column}) "
        f"WHEN 'real' THEN CASE WHEN CAST({short} AS REAL) = {column} THEN {short} ELSE {long} END "
        f"ELSE CAST({column} AS TEXT) END"
    )
