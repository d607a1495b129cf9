"""A client's query: one SELECT over its typed sources, on a connection that reaches nothing else."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import duckdb

from crmnb.core.errors import InputError, TimeLimitExceeded, nearest
from crmnb.intake.staging_table import quote_identifier, quote_literal

QUERY_SECONDS = 1800.0  # that a query may take where nothing else is asked for
_AGAIN = 0.05  # seconds after which a query that was interrupted between two of its steps is interrupted again

# Nothing is downloaded at run time, and no Python variable is a table.
OFFLINE_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def find_query_sources(query: str, sources: list[str], key: str) -> list[str]:
    """The sources that a query names. Raises InputError unless it is exactly one SELECT that names some."""
    with duckdb.connect(config=OFFLINE_CONFIG) as con:
        try:
            statements = con.extract_statements(query)
        except duckdb.Error as wrong:
            raise InputError(f"{key} is not SQL: {_said(wrong)}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InputError(f"{key}: a query must be one SELECT, and nothing else.")
    names = {name.lower() for name in _tables_in(parse_query(query))}
    found = [name for name in sources if name in names]
    if not found:
        raise InputError(f"{key} reads none of the sources.{nearest(min(names, default=''), sources)}")
    return found


def parse_query(query: str) -> Any:
    """A SELECT as DuckDB understands it: nested dictionaries and lists."""
    with duckdb.connect(config=OFFLINE_CONFIG) as con:
        ((tree,),) = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()
    return json.loads(tree)


def _tables_in(node: Any) -> Iterator[str]:
    """The names of tables anywhere in a parsed statement."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["table_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _tables_in(part)


def run_query(query: str, sources: dict[str, Path], result: Path, key: str, seconds: float = QUERY_SECONDS) -> None:
    """Run a query on typed sources (Parquet) and leave what it gives as a Parquet file.

    No other file can be reached, nor the network, and the settings are locked. One thread, so that sums of floats are
    the same each time. Raises InputError, naming the key, for a query that cannot be run, and TimeLimitExceeded for one that has
    not ended after so many seconds.
    """
    config = {**OFFLINE_CONFIG, "threads": "1", "temp_directory": str(result.with_suffix(".spill"))}
    with duckdb.connect(config=config) as con:
        allowed = ", ".join(quote_literal(path) for path in (*sources.values(), result))
        con.execute(f"SET allowed_paths = [{allowed}]")
        for name, path in sources.items():
            con.execute(f"CREATE VIEW {quote_identifier(name)} AS SELECT * FROM read_parquet({quote_literal(path)})")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")

        def answer() -> None:
            con.execute(f"CREATE TEMP VIEW _query AS\n{query}")
            con.sql("FROM _query").write_parquet(str(result))

        try:
            _within(con, seconds, answer)
        except TimeoutError:
            raise TimeLimitExceeded(
                f"{key}: the query did not end within the {_length(seconds)} allowed, and was stopped. Does it join every row "
                "with every other? Mend it, or allow more by --time-limit."
            ) from None
        except duckdb.Error as wrong:
            raise InputError(f"{key}: {_said(wrong)}") from None


def _within(con: duckdb.DuckDBPyConnection, seconds: float, action: Callable[[], None]) -> None:
    """Do what a connection is to do. TimeoutError after so many seconds.

    It is done in a thread of its own: while the engine works, the main thread of Python hears no keyboard.
    """
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(action)
        try:
            doing.result(seconds)
        finally:
            while not doing.done():
                con.interrupt()
                wait([doing], _AGAIN)


def _length(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"


# Errors that are found before a row is read, so that they hold nothing of the rows.
_BEFORE_READING = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException)


def _said(wrong: duckdb.Error) -> str:
    """What DuckDB says, without the picture of the statement; of what went wrong with a row, nothing, for it may be a person's."""
    if not isinstance(wrong, _BEFORE_READING):
        kind = type(wrong).__name__.removesuffix("Exception").lower()
        return (
            f"a value of a row does not fit ({kind} error). Type its column under `columns` of the source, so that wrong rows are "
            "set aside before the query, or use TRY_CAST."
        )
    told = " ".join(str(wrong).split("LINE 1")[0].split("\n\nLINE")[0].split())
    return re.sub(r"'[^']*'", "'...'", told)
