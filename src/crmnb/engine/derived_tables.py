"""Derived tables: what several metrics need of a client's tables is worked out once, in a temporary table."""

from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import narwhals.stable.v2 as nw

from crmnb.engine.query import Query

_numbers = count()


@dataclass(frozen=True)
class Kept:
    """What was computed once in a connection: frames by function and arguments, temporary tables by their SQL.

    `levels`: of a table's column the level of each value. `noted`: by the same keys as frames, what their function noted of how it sees time (`crmnb.engine.periods.Periods`).
    """

    con: Any
    frames: dict[tuple, nw.LazyFrame] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    noted: dict[tuple, tuple[bool, bool]] = field(default_factory=dict)
    levels: dict[str, dict[str, str]] = field(default_factory=dict)

    def table(self, sql: str) -> str:
        """The name of the temporary table of the rows of a query."""
        if sql not in self.tables:
            name = f"once_{next(_numbers)}"
            self.con.execute(f"create temp table {name} as {sql}")
            self.tables[sql] = name
        return self.tables[sql]

    def frame(self, frame: nw.LazyFrame) -> nw.LazyFrame:
        """The frame with its rows in a temporary table."""
        rows = frame.to_native()
        return nw.from_native(Query.of_table(self.con, self.table(rows.sql_query()), rows.columns))


# The frames of clients' tables: what was computed once of them, with a number of each.
_kept: WeakKeyDictionary[Any, tuple[int, Kept]] = WeakKeyDictionary()


def keep(rows: Any, kept: Kept) -> None:
    """From now on `once` remembers what it is asked of these rows (a relation of the engine)."""
    _kept[rows] = (next(_numbers), kept)


def kept_of(rows: nw.LazyFrame) -> tuple[int, Kept] | None:
    """The number of the rows of a client's table, and what was computed once of them; None of other rows."""
    return _kept.get(rows.to_native())


def forget() -> None:
    """Let go of all that was kept."""
    _kept.clear()


def once(function):
    """A function (frame of a client's table, *arguments) -> frame whose rows are computed once, in a temporary table.

    For what several metrics need: the customers at a time, everybody's first order.
    """

    @wraps(function)
    def remembered(frame: nw.LazyFrame, *arguments) -> nw.LazyFrame:
        if (known := kept_of(frame)) is None:
            return function(frame, *arguments)
        number, kept = known
        key = (number, function.__module__, function.__qualname__, *arguments)
        if key not in kept.frames:
            kept.frames[key] = kept.frame(function(frame, *arguments))
        return kept.frames[key]

    return remembered
