"""Fetching a table's or a query's rows from a database, read only, into a Parquet file.

Drivers put addresses, users and values into what they say, so nothing of it is passed on, not even as the cause of an
exception: messages are our own words, chosen by the kind of error.
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
from crmnb.intake.sources.files import File, check_place, missing, named_folder
from crmnb.intake.sources.query import OFFLINE_CONFIG
from crmnb.intake.staging_table import describe_columns, quote_identifier, quote_literal
from crmnb.schema.client import Client, Source
from crmnb.schema.client.models import REFERENCE

_WAIT = 15  # seconds for a server to answer, where the address does not say
_NULL = "\ue000"  # what stands for NULL on the way from SQLite, whose driver takes a type from the first rows

# What may be wrong: the signs of it in a state of SQL or in a driver's words, and ours. The first that fits counts.
_NOT_REACHED = (
    (r"translate host name|Connection refused|timeout expired", "no server answers there."),
    (r"authentication|no password supplied|role .* does not exist", "the database refused the user or the password."),
    (r"database .* does not exist", "the server has no database of that name."),
    (r"invalid|missing|unexpected", "the address is not written as an address must be."),
    (r"", "no server answers there, or it does not let this machine in."),
)
_WRONG = (
    (r"\b42P01|\b3F000|no such table", "there is no such table; write its name, and its schema, as in the database."),
    (r"\b4270[23]|no such column|ambiguous", "a column is not there, or two have one name; name each once (AS)."),
    (r"\b42501|permission denied", "this user may not read all of it; ask for the right to SELECT."),
    (r"\b25006|\b0A000|read-only|read-write|not authori[sz]ed|prohibited", "only reading is allowed: give one SELECT."),
    (
        r"\b42601|\bsyntax|incomplete|multiple commands|one statement",
        "it is not SQL of this database; give one SELECT.",
    ),
    (r"\b57014|timeout|canceling", "the database took too long and gave up; ask for less, or have its limit raised."),
    (r"\b55P03|is locked", "another program holds the database; run again when it is done."),
    (r"not a database|malformed", "the file is no SQLite database."),
    (r"22021|unicode|UTF-?8", "a text in it is not UTF-8; mend it in the database."),
    (
        r"^22|division by zero|out of range|invalid input syntax",
        "the database cannot compute a value that it asks for (such as a division by zero).",
    ),
    (r"at least one column", "it gives no column."),
    (r"", "the database refused it or broke off; run it in the database's own client, which says why."),
)
_FINITE = "CASE WHEN {0} IS NULL OR isfinite({0}) THEN {0} WHEN {0} > '2000-01-01' THEN {1} ELSE {2} END"
_EVER, _NEVER = "294247-01-01", "4700-01-01 BC"  # stand for infinite times, which the driver turns into others
_POSTGRESQL = {  # how a column of a type is asked for; the text of any other
    **dict.fromkeys(("smallint", "integer", "bigint", "boolean", "double precision", "text"), "{0}"),
    "real": "{0}::text::float8",
    "money": "{0}::numeric::text",
    **{
        type_: _FINITE.format("{0}", f"'{_EVER}'::{type_}", f"'{_NEVER}'::{type_}")
        for type_ in ("date", "timestamp without time zone", "timestamp with time zone")
    },
}


@dataclass(frozen=True)
class Fetched(File):
    """The rows of a database, as they were fetched: a Parquet file."""

    def content(self) -> dict[str, str | int]:
        """What the manifest says of it: its name, its rows, and a hash of them that their order does not change."""
        with duckdb.connect(config=OFFLINE_CONFIG) as con:
            columns = describe_columns(con, _parquet(self.path))
            select = (
                f"SELECT count(*), sum(hash({', '.join(map(quote_identifier, columns))})) FROM {_parquet(self.path)}"
            )
            rows, total = con.execute(select).fetchone()
        return {"name": self.name, "rows": rows, "hash": sha256(f"{columns} {rows} {total}".encode()).hexdigest()}


def fetch(client: Client, name: str, into: Path) -> File:
    """Fetch the rows of a client's source from its database into a Parquet file at `into`, whose folder is there.

    Raises SourceMissing for an SQLite file that is not there, InputError for whatever else does not work.
    """
    source, where = client.sources[name], f"{client.id}.yml, sources.{name}"
    address, asked = _resolved(source.database, f"{where}.database"), "select" if source.table is None else "table"
    if address.startswith("sqlite:"):
        path = _sqlite_file(client, address, f"{where}.database")
        _told(lambda: _from_sqlite(path, _select(source), into), where, asked)
    else:
        _told(lambda: _from_postgresql(address, _select(source), into), where, asked)
    return Fetched(into, name, "parquet")


def _resolved(address: str, key: str) -> str:
    """An address with its references replaced from the environment; one that is but a part is encoded as in an address.

    Raises InputError that names a variable that is not set, and nothing of what the others hold.
    """
    if unset := [name for name in re.findall(REFERENCE, address) if not os.environ.get(name)]:
        raise InputError(f"{key}: the environment variable {unset[0]} is not set; set it where crmnb runs.")
    whole = re.fullmatch(REFERENCE, address)
    found = (
        os.environ[whole[1]]
        if whole
        else re.sub(REFERENCE, lambda reference: quote(os.environ[reference[1]], safe=""), address)
    )
    if not re.match(r"(postgresql|postgres|sqlite)://", found):
        raise InputError(f"{key}: what the environment holds is no address such as postgresql://... or sqlite:///file.")
    return found


def _select(source: Source) -> str:
    """The rows that are asked for, as SQL."""
    if source.table is not None:
        return "SELECT * FROM " + ".".join(map(quote_identifier, source.table.split(".")))
    return source.select.rstrip("; \t\r\n")


def _told(action: Callable[[], None], where: str, asked: str) -> None:
    """Do what may fail in a driver; then raise InputError in our words, in which nothing of the driver's is held."""
    import sqlite3

    from adbc_driver_manager import Error

    try:
        action()
        return
    except (Error, duckdb.Error, sqlite3.Error, sqlite3.Warning) as wrong:
        said = re.split(r"(?i)\n\s*query", f"{getattr(wrong, 'sqlstate', None)} {wrong}")[
            0
        ]  # the rest repeats the query
    key, states = ("database", _NOT_REACHED) if "Failed to connect" in said else (asked, _WRONG)
    raise InputError(
        f"{where}.{key}: {next(words for signs, words in states if re.search(signs, said, re.IGNORECASE))}"
    )


def _parquet(path: Path) -> str:
    return f"read_parquet({quote_literal(escape(str(path)))})"


def _write(engine: duckdb.DuckDBPyConnection, cells: str, rows: str, into: Path) -> None:
    """Write rows to a Parquet file. Texts that are not UTF-8 are noticed when they are read from one, not before."""
    engine.execute(f"COPY (SELECT {cells} FROM {rows}) TO {quote_literal(into)} (FORMAT parquet)")


# ---- PostgreSQL -------------------------------------------------------------------------------------------


def _from_postgresql(address: str, rows: str, into: Path) -> None:
    """Write what a query gives; types are kept, and numeric becomes a decimal that holds all of its values exactly."""
    import adbc_driver_postgresql.dbapi as driver

    if "connect_timeout=" not in address:
        address += f"{'&' if '?' in address else '?'}connect_timeout={_WAIT}"
    asked = f"(\n{rows}\n) AS asked"
    with (
        closing(driver.connect(address)) as database,
        closing(database.cursor()) as cursor,
        duckdb.connect(config=OFFLINE_CONFIG) as engine,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET client_encoding TO 'UTF8'")
        names = list(describe_columns(engine, _streamed(engine, cursor, f"SELECT * FROM {asked} LIMIT 0")))
        types = ", ".join(f"pg_typeof(asked.{quote_identifier(name)})::text" for name in names)
        one_row = f"SELECT {types} FROM (SELECT 1) AS one LEFT JOIN {asked} ON false"
        (found,) = engine.execute(f"FROM {_streamed(engine, cursor, one_row)}").fetchall()
        typed = dict(zip(names, found, strict=True))
        cells = (f"{_cell(quote_identifier(name), type_)} AS {quote_identifier(name)}" for name, type_ in typed.items())
        part = into.with_suffix(".part")
        _write(engine, "*", _streamed(engine, cursor, f"SELECT {', '.join(cells)} FROM {asked}"), part)
        _write(
            engine, ", ".join(_again(engine, part, name, type_) for name, type_ in typed.items()), _parquet(part), into
        )
        part.unlink()


def _streamed(engine: duckdb.DuckDBPyConnection, cursor: Any, select: str) -> str:
    """The name of a view that gives, once, what a query to the database gives."""
    cursor.execute(select)
    engine.register("fetched", cursor.fetch_arrow())
    return "fetched"


def _cell(column: str, type_: str) -> str:
    """A column as it is asked of PostgreSQL."""
    return _POSTGRESQL.get(type_, "{0}::text").replace("{0}", f"asked.{column}")


def _again(engine: duckdb.DuckDBPyConnection, file: Path, name: str, type_: str) -> str:
    """A column as it was in PostgreSQL: times that stood for infinite ones, and numbers that came as text."""
    if type_ in ("numeric", "money"):
        return f"{_exact(engine, file, quote_identifier(name))} AS {quote_identifier(name)}"
    if type_.startswith(("date", "timestamp")):
        return f"{_infinite(quote_identifier(name), type_)} AS {quote_identifier(name)}"
    return quote_identifier(name)


def _infinite(column: str, type_: str) -> str:
    kind = "DATE" if type_ == "date" else "TIMESTAMPTZ" if type_.endswith("with time zone") else "TIMESTAMP"
    ever, never = f"'{_EVER}'::{kind}", f"'{_NEVER.replace('BC', '(BC)')}'::{kind}"
    return f"CASE {column} WHEN {ever} THEN 'infinity'::{kind} WHEN {never} THEN '-infinity'::{kind} ELSE {column} END"


def _exact(engine: duckdb.DuckDBPyConnection, file: Path, column: str) -> str:
    """A decimal if all the column's texts are numbers that fit one; else it stays text, which loses nothing either."""
    ((whole, scale, others),) = engine.execute(
        f"SELECT coalesce(max(length(ltrim(split_part({column}, '.', 1), '-'))), 0), "
        f"coalesce(max(length(split_part({column}, '.', 2))), 0), "
        f"count(*) FILTER (NOT regexp_full_match({column}, '-?[0-9]+(\\.[0-9]+)?')) FROM {_parquet(file)}"
    ).fetchall()
    if others or whole + scale > 38:
        return column
    return f"CAST({column} AS DECIMAL({18 if whole + scale <= 18 else 38}, {scale}))"


# ---- SQLite -----------------------------------------------------------------------------------------------


def _sqlite_file(client: Client, address: str, key: str) -> Path:
    """The file that an address names, relative to the parameters file."""
    if not address.startswith("sqlite:///") or "?" in address:
        raise InputError(f"{key}: the address is not written as sqlite:///file, relative to the parameters file.")
    name = unquote(address.removeprefix("sqlite:///"))
    path, folder = client.folder / name, named_folder(client, name, key)
    if not os.path.lexists(path):
        raise missing(
            f"{key}: there is no such SQLite file; it is looked for from the parameters file's folder.", client
        )
    check_place(path, folder, f"{key}: what it names")
    return path


def _from_sqlite(path: Path, rows: str, into: Path) -> None:
    """Write what a query gives, all of it as text: in SQLite any value may stand in any column."""
    import adbc_driver_sqlite.dbapi as driver

    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    names = _sqlite_names(address, rows)
    cells = ", ".join(f"{_sqlite_text(quote_identifier(name))} AS {quote_identifier(name)}" for name in names)
    with (
        closing(driver.connect(address)) as database,
        closing(database.cursor()) as cursor,
        duckdb.connect(config=OFFLINE_CONFIG) as engine,
    ):
        part = into.with_suffix(".part")
        _write(engine, "*", _streamed(engine, cursor, f"SELECT {cells} FROM (\n{rows}\n) AS asked"), part)
        texts = (
            f"nullif(CAST({quote_identifier(name)} AS VARCHAR), {quote_literal(_NULL)}) AS {quote_identifier(name)}"
            for name in names
        )
        _write(engine, ", ".join(texts), _parquet(part), into)
        part.unlink()


def _sqlite_names(address: str, rows: str) -> list[str]:
    """The columns that a query gives, found by Python's own SQLite, which sees to it that it is one and only reads."""
    import sqlite3

    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    with closing(sqlite3.connect(address, uri=True)) as database:
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY)
        found = database.execute(f"SELECT * FROM (\n{rows}\n) AS asked LIMIT 0")
        names = [column[0] for column in found.description]
    if any(re.sub(r":\d+$", "", name) in names[:place] for place, name in enumerate(names)):
        raise sqlite3.OperationalError("ambiguous column name")  # SQLite calls the second of two by one name `name:1`
    return names


def _sqlite_text(column: str) -> str:
    """A value's text: of a number all its digits, and of bytes what stands for them in SQL."""
    short, long = f"printf('%!.15g', {column})", f"printf('%!.17g', {column})"
    return (
        f"CASE typeof({column}) WHEN 'null' THEN char({ord(_NULL)}) WHEN 'blob' THEN quote({column}) "
        f"WHEN 'real' THEN CASE WHEN CAST({short} AS REAL) = {column} THEN {short} ELSE {long} END "
        f"ELSE CAST({column} AS TEXT) END"
    )
