"""Views: a client's tables as metrics see them, their rows in each period of a report, all in one relation.

A metric is called once. What differs from period to period is a column (`period_id`, `period_start`, `period_end`,
`observed_end`), or a row of a small table (`Periods.table`), so one query serves the reporting period, what it is compared with,
and its parts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.evidence import PERIOD, TIMES
from crmnb.engine.periods import kept_of

Make = Callable[[list[str], list[tuple]], nw.LazyFrame]  # from names of columns and rows to a small relation


@dataclass
class Periods:
    """The periods that a metric is asked for, by their places (0 the reporting period, 1 its comparison, then its parts).

    make: how a small relation comes to be. looking_back: the same periods as seen by who asks for history, where one of a metric's
    tables begins later than the others. What a metric asks of its periods is noted: `reasons` says by place why a period has no figure, and
    `reporting_only`, `of_events`, `of_states`, `looks_back`, `follow_up_days`, `maturity_days` how it sees time.
    """

    by_place: dict[int, Period]
    make: Make
    looking_back: dict[int, Period] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    reporting_only: bool = False
    of_events: bool = False
    of_states: bool = False
    looks_back: bool = False
    follow_up_days: int | None = None
    maturity_days: int | None = None
    _relation: nw.LazyFrame | None = None

    @property
    def reporting(self) -> Period:
        """The reporting period itself: who asks for it tells of that period alone, so of no comparison and no parts."""
        self.reporting_only = True
        return self.by_place[0]

    @property
    def data_from(self) -> datetime | None:
        """From when on the data are, as seen by all periods alike; None where that is not bounded."""
        return self.by_place[0].data_from

    @property
    def cutoff(self) -> datetime | None:
        """When the data end, half-open; None where nobody knows."""
        return self.by_place[0].cutoff

    @property
    def first(self) -> datetime:
        """The earliest start of all periods."""
        return min(period.start for period in self.by_place.values())

    @property
    def last(self) -> datetime:
        """The latest end of all periods."""
        return max(period.end for period in self.by_place.values())

    @property
    def key(self) -> tuple:
        """What is equal of the same periods."""
        return tuple((place, p.start, p.end, p.observed_end) for place, p in self.by_place.items())

    @property
    def relation(self) -> nw.LazyFrame:
        """A row per period: `period_id`, `period_start`, `period_end`, and `observed_end`, where the data end earlier."""
        if self._relation is None:
            self._relation = self.make([PERIOD, *TIMES], list(self.key))
        return self._relation

    def require(self, condition: Callable[[Period], Any]) -> None:
        """Note the reason of each period for which a condition raises Unavailable."""
        self._each(condition, self.by_place)

    def require_history(self, days: int, of: str = "start") -> None:
        """Note which periods have fewer than `days` days of data before a time of theirs (`Period.require_history`)."""
        self.looks_back = True
        self._each(lambda period: period.require_history(days, of), self.looking_back or self.by_place)

    def table(self, values: Callable[[Period], dict[str, Any] | list[dict[str, Any]]]) -> nw.LazyFrame:
        """What is worked out of each period, as a relation: `period_id` and the values, of one or several rows.

        A period for which `values` raises Unavailable has no row, and the reason is noted; Unavailable where that is so of all.
        """
        found = self._each(values, self.by_place)
        rows = [
            {PERIOD: place, **row}
            for place, told in found.items()
            for row in (told if isinstance(told, list) else [told])
        ]
        if not rows:
            raise Unavailable(next(iter(self.reasons.values())))
        return self.make(list(rows[0]), [tuple(row.values()) for row in rows])

    def _each(self, function: Callable[[Period], Any], periods: dict[int, Period]) -> dict[int, Any]:
        """What a function gives of each period; where it raises Unavailable the reason is noted, the first one of each period."""
        found = {}
        for place, period in periods.items():
            try:
                found[place] = function(period)
            except Unavailable as no:
                self.reasons.setdefault(place, str(no))
        return found


@dataclass(frozen=True)
class View:
    """A client's table as a metric sees it. Its accessors give narwhals frames of the rows in each period, with `period_id`.

    `sources`: the rows, and the places of the periods that they are the rows of (none: of all); several where a table was known
    otherwise at the time of the comparison.
    """

    periods: Periods
    sources: tuple[tuple[nw.LazyFrame, tuple[int, ...]], ...]

    @property
    def rows(self) -> nw.LazyFrame:
        """All rows, as they are known today, whatever the period."""
        return self.sources[0][0]

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.rows.collect_schema().names()

    def derive(self, function: Callable[..., nw.LazyFrame], *arguments: Any) -> "View":
        """The table of `function(rows, *arguments)`, in which no period has a part."""
        return View(self.periods, tuple((function(rows, *arguments), places) for rows, places in self.sources))

    def filter(self, *conditions: nw.Expr) -> "View":
        """Those of the rows that meet the conditions."""
        return self.derive(lambda rows: rows.filter(*conditions))

    def during(self, time: str, *, follow_up_days: int | None = None, maturity_days: int | None = None) -> nw.LazyFrame:
        """The events of each period: rows whose `time` lies in it.

        follow_up_days: only rows that the data follow for so many days, in all periods alike. maturity_days: so many days after
        its end a period's figure can be told; until then it is immature.
        """
        self.periods.of_events = True
        self.periods.maturity_days = maturity_days
        conditions = [nw.col(time) >= nw.col("period_start"), nw.col(time) < nw.col("period_end")]
        conditions += [
            nw.col(time) >= self.periods.first,
            nw.col(time) < self.periods.last,
        ]  # to read no more than that
        if follow_up_days is not None:
            self.periods.follow_up_days = follow_up_days
            if self.periods.cutoff:
                conditions.append(nw.col(time) <= self.periods.cutoff - timedelta(days=follow_up_days))
        return self.where(*conditions)

    def open_at_start(self, opened: str, closed: str, within_days: int = 0) -> nw.LazyFrame:
        """The states at each period's start: rows opened before it and not closed before it.

        within_days: the most days that a row is open, where that is known: told so, the engine reads no more than these.
        """
        return self._open_at("period_start", opened, closed, within_days)

    def open_at_end(self, opened: str, closed: str, within_days: int = 0) -> nw.LazyFrame:
        """The states at each period's end, or where the data end if that is earlier."""
        return self._open_at("observed_end", opened, closed, within_days)

    def _open_at(self, time: str, opened: str, closed: str, within_days: int) -> nw.LazyFrame:
        self.periods.of_states = True
        begun, not_over = nw.col(opened) < nw.col(time), nw.col(closed).is_null() | (nw.col(closed) >= nw.col(time))
        recent = [nw.col(opened) >= nw.col(time) - timedelta(days=within_days)] if within_days else []
        return self.where(begun, not_over, *recent)

    def until_end(self, time: str) -> nw.LazyFrame:
        """All rows up to the end of the reporting period, of a metric that is cumulative: it has no parts and no comparison."""
        end = self.periods.reporting.observed_end
        return self.rows.filter(nw.col(time) < end)

    def history(self, time: str, days: int) -> nw.LazyFrame:
        """The rows in so many days before each period's start. A period that the data do not reach so far back for has no figure."""
        self.periods.require_history(days)
        since = nw.col("period_start") - timedelta(days=days)
        return self.where(nw.col(time) >= since, nw.col(time) < nw.col("period_start"))

    def where(self, *conditions: nw.Expr, beside: nw.LazyFrame | None = None) -> nw.LazyFrame:
        """The rows beside each period of which the conditions hold, with the period's columns; or beside those of a `Periods.table`."""
        frames = []
        for rows, places in self.sources:
            periods = self.periods.relation if beside is None else beside
            if places:
                periods = periods.filter(nw.col(PERIOD).is_in(places))
            frames.append(rows.join(periods, how="cross").filter(*conditions))
        return frames[0] if len(frames) == 1 else nw.concat(frames)


def once_in_periods(function: Callable[..., nw.LazyFrame]) -> Callable[..., nw.LazyFrame]:
    """A function (view, *arguments) -> frame whose rows are computed once in all periods, in a temporary table.

    For what several metrics need: the customers at the start, and which of them are customers at the end.
    """

    @wraps(function)
    def remembered(view: View, *arguments: Any) -> nw.LazyFrame:
        known = [kept_of(rows) for rows, _ in view.sources]
        if None in known:
            return function(view, *arguments)
        kept = known[0][1]
        rows = tuple((number, places) for (number, _), (_, places) in zip(known, view.sources, strict=True))
        key = (rows, view.periods.key, function.__module__, function.__qualname__, *arguments)
        if key not in kept.frames:
            sql = function(view, *arguments).to_native().sql_query()
            kept.frames[key] = nw.from_native(kept.con.table(kept.table(sql)))
        return kept.frames[key]

    return remembered


def views(periods: Periods, frames: Iterable[nw.LazyFrame], earlier: Sequence[nw.LazyFrame | None] = ()) -> list[View]:
    """Tables as views; earlier: by table, its rows as they were known for the comparison, where they were others."""
    found = []
    for at, rows in enumerate(frames):
        before = earlier[at] if earlier else None
        others = tuple(place for place in periods.by_place if place != 1)
        sources = ((rows, ()),) if before is None else ((rows, others), (before, (1,)))
        found.append(View(periods, sources))
    return found


def relation_in(con: Any) -> Make:
    """How a small relation is made in a connection."""

    def make(names: list[str], rows: list[tuple]) -> nw.LazyFrame:
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
        columns = ", ".join(f'"{name}"' for name in names)
        typed = f'* replace ("{PERIOD}"::utinyint as "{PERIOD}")'
        return nw.from_native(con.sql(f"select {typed} from (values {values}) as told({columns})"))

    return make


def _literal(value: Any) -> str:
    """A value in SQL."""
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value}::double" if isinstance(value, float) else f"{int(value)}::bigint"
