"""Derived tables: what several metrics need of a client's tables is worked out once, in a temporary table."""

import atexit
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from typing import Any
from weakref import WeakSet

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.engine.query import Query

_numbers = count()
_all: "WeakSet[DerivedTables]" = WeakSet()


@atexit.register
def _forget() -> None:
    """Let go of all frames while the engine is still there."""
    for derived in _all:
        derived.frames.clear()


@dataclass(frozen=True, eq=False)
class DerivedTables:
    """What was computed once in a connection: frames by function and arguments, temporary tables by their SQL.

    `all_small`: whether all of the client's tables are small. `levels`: of a table's column the level of each value. `time_use`: by the same keys as frames, whether their function looked at events
    and at states (`crmnb.engine.periods.Periods`). `facts`: what is no frame, by its function and arguments.
    """

    con: Any
    all_small: bool = False
    frames: dict[tuple, nw.LazyFrame] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    time_use: dict[tuple, tuple[bool, bool]] = field(default_factory=dict)
    levels: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[tuple, Any] = field(default_factory=dict)

    def __post_init__(self):
        _all.add(self)

    def table(self, sql: str) -> str:
        """The name of the temporary table of the rows of a query."""
        if sql not in self.tables:
            name = f"once_{next(_numbers)}"
            self.con.execute(f"create temp table {name} as {sql}")
            self.tables[sql] = name
        return self.tables[sql]

    def of_pandas(self, rows: pd.DataFrame) -> nw.LazyFrame:
        """Rows that were computed outside of the engine, as a frame in a temporary table."""
        name = f"once_{next(_numbers)}"
        self.con.register(f"{name}_rows", rows)
        self.con.execute(f"create temp table {name} as select * from {name}_rows")
        self.con.unregister(f"{name}_rows")
        return nw.from_native(Query(self, list(rows.columns), name))

    def frame(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """The frame with its rows in a temporary table."""
        rows = frame.to_native()
        return nw.from_native(Query(self, rows.columns, self.table(rows.sql_query())))


def identity(argument: Any) -> Hashable:
    """What is equal of the same argument of two calls: of a frame its SQL."""
    return argument.to_native().sql_query() if isinstance(argument, nw.LazyFrame) else argument


def key_of(function: Callable, arguments: tuple) -> tuple:
    """What is equal of two calls of a function with the same arguments."""
    return (function.__module__, function.__qualname__, *map(identity, arguments))


def once(function: Callable[..., nw.LazyFrame]) -> Callable[..., nw.LazyFrame]:
    """A function (frame, *arguments) -> frame whose rows are computed once, in a temporary table.

    For what several metrics need: the customers at a time, everybody's first order.
    """
    return _remembered(function, lambda derived: True)


def once_if_small(function: Callable[..., nw.LazyFrame]) -> Callable[..., nw.LazyFrame]:
    """The same where all of the client's tables are small; else only the SQL is made once, as the rows would take too much memory."""
    return _remembered(function, lambda derived: derived.all_small)


def _remembered(function: Callable[..., nw.LazyFrame], holds: Callable[[DerivedTables], bool]):
    @wraps(function)
    def remembered(frame: nw.LazyFrame, *arguments: Any) -> nw.LazyFrame:
        rows = frame.to_native()
        if not isinstance(rows, Query):
            return function(frame, *arguments)
        derived, key = rows.derived, key_of(function, (frame, *arguments))
        if key not in derived.frames:
            result = function(frame, *arguments)
            derived.frames[key] = derived.frame(result) if holds(derived) else result
        return derived.frames[key]

    return remembered
