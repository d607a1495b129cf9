"""A client's query: one SELECT over its typed sources, on a connection without access to anything else."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import duckdb

from crmnb.core.errors import InputError, TimeLimitExceeded, nearest
from crmnb.intake.sources.query_errors import explain
from crmnb.intake.staging_table import quote_identifier, quote_literal

QUERY_SECONDS = 1800.0  # default time limit of a query
_INTERRUPT_INTERVAL = 0.05  # seconds: an interrupt between two steps of a query has no effect, so it is repeated

# No downloads at run time, and no access to Python variables.
OFFLINE_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def find_query_sources(query: str, sources: list[str], key: str) -> list[str]:
    """The sources that a query reads. Raises InputError unless it is exactly one SELECT that reads at least one of them."""
    with duckdb.connect(config=OFFLINE_CONFIG) as con:
        try:
            statements = con.extract_statements(query)
        except duckdb.Error as error:
            raise InputError(f"{key} is not valid SQL: {_describe_error(error)}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InputError(f"{key}: only one SELECT statement is allowed.")
    names = {name.lower() for name in _tables_in(parse_query(query))}
    used = [name for name in sources if name in names]
    if not used:
        raise InputError(f"{key} does not read any of the sources.{nearest(min(names, default=''), sources)}")
    return used


def parse_query(query: str) -> Any:
    """The syntax tree of a SELECT, from DuckDB: nested dictionaries and lists."""
    with duckdb.connect(config=OFFLINE_CONFIG) as con:
        ((tree,),) = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()
    return json.loads(tree)


def _tables_in(node: Any) -> Iterator[str]:
    """The names of all tables in a syntax tree."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["table_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _tables_in(part)


def run_query(query: str, sources: dict[str, Path], result: Path, key: str, seconds: float = QUERY_SECONDS) -> None:
    """Run a query on typed sources (Parquet) and write its result to a Parquet file.

    The query has no access to other files or the network, and the settings are locked. It runs in one thread, so that
    sums of floats are reproducible. Raises InputError, with the key, for a query that fails, and TimeLimitExceeded after
    `seconds`.
    """
    config = {**OFFLINE_CONFIG, "threads": "1", "temp_directory": str(result.with_suffix(".spill"))}
    with duckdb.connect(config=config) as con:
        allowed = ", ".join(quote_literal(path) for path in (*sources.values(), result))
        con.execute(f"SET allowed_paths = [{allowed}]")
        for name, path in sources.items():
            con.execute(f"CREATE VIEW {quote_identifier(name)} AS SELECT * FROM read_parquet({quote_literal(path)})")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")

        def execute() -> None:
            con.execute(f"CREATE TEMP VIEW _query AS\n{query}")
            con.sql("FROM _query").write_parquet(str(result))

        try:
            _run_with_time_limit(con, seconds, execute)
        except TimeoutError:
            raise TimeLimitExceeded(
                f"{key}: the query was stopped after its time limit of {_format_duration(seconds)}. Check whether it joins "
                "every row with every other, or raise the limit with --time-limit."
            ) from None
        except duckdb.Error as error:
            raise InputError(f"{key}: {explain(str(error), query) or _describe_error(error)}") from None


def _run_with_time_limit(con: duckdb.DuckDBPyConnection, seconds: float, action: Callable[[], None]) -> None:
    """Run an action of a connection in a separate thread, and interrupt it with TimeoutError after `seconds`.

    In the main thread the engine would block keyboard interrupts.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(action)
        try:
            future.result(seconds)
        finally:
            while not future.done():
                con.interrupt()
                wait([future], _INTERRUPT_INTERVAL)


def _format_duration(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"


# Errors before the first row is read: their messages hold no values of rows.
_STATIC_ERRORS = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException)


def _describe_error(error: duckdb.Error) -> str:
    """DuckDB's message without the statement; for an error in a row only its kind, since values may be personal."""
    if not isinstance(error, _STATIC_ERRORS):
        kind = type(error).__name__.removesuffix("Exception").lower()
        return (
            f"a value has the wrong type or range ({kind} error). Declare the type of its column under `columns` of the source, so "
            "that faulty rows are rejected before the query, or use TRY_CAST."
        )
    message = " ".join(str(error).split("LINE 1")[0].split("\n\nLINE")[0].split())
    return re.sub(r"'[^']*'", "'...'", message)
