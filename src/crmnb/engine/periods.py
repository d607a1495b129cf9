"""Windows: what is the same in several windows of time is worked out once.

A metric is called for up to fourteen windows (now, the comparison, a year's months), which differ in nothing but their times;
building its expressions is most of the cost on few rows. So it is called once with a period whose times are unsaid, and
its SQL is filled in for each window. A metric that looks at what is unsaid (a branch, the name of a month) is called for
each window, as if this were not here.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import narwhals.stable.v2 as nw

from crmnb.core.period import Period

# Where the unsaid times of a window lie in the calendar: in SQL each, moved by less than `_REACH`, is told from all others,
# and from what people take for "never" (2999, 9999).
_UNSAID = {"start": datetime(3511, 1, 1), "end": datetime(5511, 1, 1), "observed_end": datetime(7511, 1, 1)}
_REACH = timedelta(days=73_000)
_TIME = re.compile(r"'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)'")
_STAND_IN = re.compile(r"\bunsaid_\d+\b")
_numbers = count()


class Looked(Exception):
    """A metric has looked at what its period does not say."""


def _looked(*_):
    raise Looked


class Moment(datetime):
    """A time that is unsaid: it can be moved by a timedelta and put into an expression; all else raises Looked.

    Its year, month and so on are for the engine alone, which writes it into SQL.
    """

    def __getattribute__(self, name: str):
        reader = sys._getframe(1).f_globals["__name__"].partition(".")[0]
        return datetime.__getattribute__(self, name) if name.startswith("__") or reader == "duckdb" else _looked()

    def __add__(self, other):
        moved = datetime.__add__(self, other) if isinstance(other, timedelta) else _looked()
        return moved if _meant(moved) else _looked()

    def __sub__(self, other):
        return self + -other if isinstance(other, timedelta) else _looked()

    __radd__ = __add__
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __rsub__ = _looked
    __str__ = __repr__ = __format__ = _looked


class UnsaidPeriod:
    """A period to call a metric with: its times are unsaid, and what it requires is noted; all else raises Looked.

    Which days the data cover (`data_from`, `cutoff`) is the same of all windows, and said.
    """

    def __init__(self, data_from: datetime | None = None, cutoff: datetime | None = None):
        self.history: list[tuple[int, str]] = []
        self.data_from, self.cutoff = data_from, cutoff
        for name, time in _UNSAID.items():
            setattr(self, name, Moment(time.year, 1, 1))

    def holds(self, column: str) -> nw.Expr:
        """As `Period.holds`."""
        return Period.holds(self, column)  # type: ignore[arg-type]

    def require_history(self, days: int, of: str = "start") -> None:
        """Note what is to be asked of each window's period."""
        self.history.append((days, of))

    def __getattr__(self, name: str):
        _looked()


@dataclass(frozen=True)
class Kept:
    """What was computed once in a connection: frames by function and arguments, temporary tables by their SQL.

    `unsaid`: by the name of a view that stands in for a table, its SQL, in which times are unsaid.
    """

    con: Any
    frames: dict[tuple, nw.LazyFrame] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    unsaid: dict[str, str] = field(default_factory=dict)

    def table(self, sql: str) -> str:
        """The name of the temporary table of the rows of a query."""
        if sql not in self.tables:
            name = f"once_{next(_numbers)}"
            self.con.execute(f"create temp table {name} as {sql}")
            self.tables[sql] = name
        return self.tables[sql]

    def stand_in(self, sql: str) -> str:
        """The name of a view that has the columns of a query whose times are unsaid."""
        name = f"unsaid_{next(_numbers)}"
        self.con.execute(f"create temp view {name} as {sql}")
        self.unsaid[name] = sql
        return name

    def said(self, sql: str, period: Period) -> str:
        """The SQL with a period's times; the tables that stand-ins are for are made."""
        sql = _TIME.sub(lambda found: _said(found, period), sql)
        return _STAND_IN.sub(lambda found: self.table(self.said(self.unsaid[found[0]], period)), sql)


def _said(found: re.Match, period: Period) -> str:
    """A time in SQL as it is in the period; a time that a metric says itself stays."""
    meant = _meant(datetime.fromisoformat(found[1]))
    return f"'{getattr(period, meant[0]) + meant[1]}'" if meant else found[0]


def _meant(time: datetime) -> tuple[str, timedelta] | None:
    """Which unsaid time it is, and by how much it was moved; None for one that is said."""
    moved = {name: datetime.__sub__(time, origin) for name, origin in _UNSAID.items()}
    return next(((name, by) for name, by in moved.items() if abs(by) < _REACH), None)


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

    For what several windows and several metrics need: the customers at a time, everybody's first order.
    """

    @wraps(function)
    def remembered(frame: nw.LazyFrame, *arguments) -> nw.LazyFrame:
        if frame.to_native() not in _kept:
            return function(frame, *arguments)
        number, kept = _kept[frame.to_native()]
        unsaid = any(isinstance(each, Moment) for each in arguments)
        told = (datetime.isoformat(each) if isinstance(each, Moment) else each for each in arguments)
        key = (number, function.__module__, function.__qualname__, unsaid, *told)
        if key not in kept.frames:
            sql = function(frame, *arguments).to_native().sql_query()
            name = kept.stand_in(sql) if unsaid else kept.table(sql)
            kept.frames[key] = nw.from_native(kept.con.table(name))
        return kept.frames[key]

    return remembered


def unsaid(
    function: Callable[[Any], nw.LazyFrame], data_from: datetime | None = None, cutoff: datetime | None = None
) -> tuple[nw.LazyFrame, list[tuple[int, str]]] | None:
    """What a function of a period gives where its times are unsaid, and the history it requires; None if it looks."""
    period = UnsaidPeriod(data_from, cutoff)
    try:
        return function(period), period.history
    except Exception:
        return None
