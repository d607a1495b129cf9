"""Engine: opens a client's canonical tables in DuckDB, as the narwhals frames that metrics see."""

import atexit
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from itertools import count
from pathlib import Path
from weakref import WeakKeyDictionary

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.exceptions import ColumnNotFoundError

from crmnb.client import Churn, Client
from crmnb.errors import Unavailable
from crmnb.period import Period
from crmnb.tables import ENGINE_TYPES, TABLES

# What was computed once of a frame: its connection, and the tables made, by function and arguments.
_made: WeakKeyDictionary[duckdb.DuckDBPyRelation, tuple[duckdb.DuckDBPyConnection, dict]] = WeakKeyDictionary()
_numbers = count()
atexit.register(_made.clear)  # while the engine is still there to let go of its tables


def once(function):
    """A function (frame of a client's table, *arguments) -> frame whose rows are computed once, in a temporary table.

    For what several windows and several metrics need: the customers at a time, everybody's first order.
    """

    @wraps(function)
    def remembered(frame: nw.LazyFrame, *arguments) -> nw.LazyFrame:
        rows = frame.to_native()
        if rows not in _made:
            return function(frame, *arguments)
        con, made = _made[rows]
        key = (function.__qualname__, *arguments)
        if key not in made:
            name = f"once_{next(_numbers)}"
            con.execute(f"create temp table {name} as {function(frame, *arguments).to_native().sql_query()}")
            made[key] = nw.from_native(con.table(name))
        return made[key]

    return remembered


# What is raised where an expression names a column that a table does not have.
NoColumn = (ColumnNotFoundError, duckdb.BinderException)


def column_of(error: Exception, names: Iterable[str]) -> str:
    """In words, the column that an error of `NoColumn` is about; names: the tables in which it was looked for."""
    told = f"{error.__context__ or ''} {error}"
    found = re.search(r'column "(\w+)"', told) or re.search(r"\['(\w+)'", told)
    column = found[1] if found else "that is not mapped"
    holders = [name for name in names if column in TABLES[name].by_name]
    return f"needs the column {'.'.join([*holders[:1], column])}"


@dataclass(frozen=True)
class Tables:
    """A client's canonical tables, open for reading. `frame(name)` is what a metric gets.

    `reduced` remembers the statistics of evidence that was reduced already, by its SQL.
    """

    client: Client
    con: duckdb.DuckDBPyConnection
    names: frozenset[str]
    _frames: dict[tuple[str, bool], nw.LazyFrame] = field(default_factory=dict, repr=False, compare=False)
    reduced: dict[tuple, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    _without: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)

    def frame(self, name: str, *, per_customer: bool = False) -> nw.LazyFrame:
        """The rows of a table that count (of which `per_customer`: those with a customer).

        `tenures` is derived: the spans in which someone is a customer. Raises Unavailable where the client has no such table.
        """
        if (name, per_customer) not in self._frames:
            rows = self._rows(name, per_customer)
            _made[rows] = (self.con, {})
            self._frames[name, per_customer] = nw.from_native(rows)
        return self._frames[name, per_customer]

    def _rows(self, name: str, per_customer: bool) -> duckdb.DuckDBPyRelation:
        if name == "tenures":
            return _tenures(self.client.churn, self.names, self.con)
        if name not in self.names:
            raise Unavailable(f"needs the table {name}: {TABLES[name].grain}")
        rows = _counting(self.con, name)
        if per_customer and "customer_id" in rows.columns:
            rows = rows.filter("customer_id is not null")
        return rows

    def source_of(self, name: str) -> str:
        """The canonical table behind a name that a metric reads."""
        return self.client.churn.table if name == "tenures" and self.client.churn else name

    def first_day(self, names: Iterable[str]) -> datetime | None:
        """The midnight from which on all of the tables of events have rows; None where none of them is one."""
        times = [
            self.con.table(name).aggregate(f"min({TABLES[name].time})").fetchall()[0][0]
            for name in names
            if name in self.names and TABLES[name].of_events
        ]
        known = [time for time in times if time]
        return max(known).replace(hour=0, minute=0, second=0, microsecond=0) if known else None

    def without_customer(self, name: str, period: Period) -> tuple[int, int]:
        """Of a canonical table's rows that count in the period: how many carry no customer, and how many there are."""
        if name not in self.names or "customer_id" not in self.con.table(name).columns:
            return 0, 0
        if (name, period.label) not in self._without:
            rows, time = _counting(self.con, name), TABLES[name].time
            inside = rows.filter(f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'")
            counted = inside.aggregate("count(*) - count(customer_id), count(*)").fetchall()[0]
            self._without[name, period.label] = counted
        return self._without[name, period.label]


def open_tables(client: Client, files: dict[str, Path], *, threads: int | None = None) -> Tables:
    """The one function that opens the tables: canonical Parquet `files` by table name, in a connection of their own."""
    con = duckdb.connect(config={"threads": threads or os.cpu_count() or 1})
    con.execute("set preserve_insertion_order = false")
    for name, path in files.items():
        con.read_parquet(str(path)).create_view(name)
    return Tables(client, con, frozenset(files))


def in_memory(client: Client, frames: dict[str, pd.DataFrame]) -> Tables:
    """The same from pandas frames that an analyst or a test hands in, cast by the contract."""
    con = duckdb.connect()
    for name, frame in frames.items():
        con.register(f"{name}_given", frame)
        con.execute(f"create table {name} as select {_cast(name, frame.columns)} from {name}_given")
    return Tables(client, con, frozenset(frames))


def _cast(name: str, columns: Iterable[str]) -> str:
    declared = TABLES[name].by_name
    return ", ".join(
        f'"{c}"::{ENGINE_TYPES[declared[c].type]} as "{c}"' if c in declared else f'"{c}"' for c in columns
    )


def _counting(con: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """The rows of a table that count; its rule sees a column that the client does not have as empty."""
    table, rows = TABLES[name], con.table(name)
    absent = [c.name for c in table.columns if c.name in table.counts and c.name not in rows.columns]
    if not absent:
        return rows.filter(table.counts)
    filled = rows.project("*, " + ", ".join(f"null as {name}" for name in absent))
    return filled.filter(table.counts).project(f"* exclude ({', '.join(absent)})")


def _tenures(churn: Churn | None, names: frozenset[str], con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Rows customer_id, since, until: someone is a customer at t where since < t <= until (no `until`: still).

    An order at `since` makes a customer of `[t - d, t)` for every t in (since, since + d].
    """
    if churn is None:
        raise Unavailable("needs churn: in the parameters file (contractual, or by inactivity of so many days)")
    if churn.table not in names:
        raise Unavailable(f"needs the table {churn.table}: {TABLES[churn.table].grain}")
    rows = _counting(con, churn.table).filter("customer_id is not null")
    if churn.kind == "inactivity":
        until = f"ordered_at + interval {churn.inactivity_days} day"
        return rows.project(f"customer_id, ordered_at as since, {until} as until")
    since, until = {"customers": ("joined_at", "left_at"), "subscriptions": ("started_at", "ended_at")}[churn.table]
    for column in (since, until):
        if column not in rows.columns:
            raise Unavailable(f"needs the column {churn.table}.{column}")
    return rows.filter(f"{since} is not null").project(f"customer_id, {since} as since, {until} as until")
