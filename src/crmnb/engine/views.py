"""Views: a client's tables as metrics see them, their rows in each period of a report, all in one relation.

A metric is called once. What differs from period to period is a column (`period_id`, `period_start`, `period_end`,
`observed_end`), or a row of a small table (`Periods.table`), so one query serves the reporting period, what it is compared with,
and its parts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.engine.derived_tables import identity, key_of
from crmnb.engine.evidence import PERIOD
from crmnb.engine.periods import Periods
from crmnb.engine.query import Query


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
    def key(self) -> tuple:
        """What is equal of the same rows."""
        return tuple((identity(rows), places) for rows, places in self.sources)

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
        its end a period's figure is complete; until then it is immature.
        """
        self.periods.of_events = True
        self.periods.maturity_days = maturity_days
        # To read no more than that.
        conditions = [nw.col(time) >= self.periods.first, nw.col(time) < self.periods.last]
        if follow_up_days is not None:
            self.periods.follow_up_days = follow_up_days
            if self.periods.cutoff:
                conditions.append(nw.col(time) <= self.periods.cutoff - timedelta(days=follow_up_days))
        if self._is_small:
            inside = [nw.col(time) >= nw.col("period_start"), nw.col(time) < nw.col("period_end")]
            return self.where(*inside, *conditions)
        frames = [
            rows.filter(*conditions)
            .with_columns(period_day=nw.col(time).dt.truncate("1d"))
            .join(_of_places(self._days, places), on="period_day", how="inner")
            .drop("period_day")
            for rows, places in self.sources
        ]
        return frames[0] if len(frames) == 1 else nw.concat(frames)

    @property
    def _days(self) -> nw.LazyFrame:
        """The days of the periods, made once."""
        frames, key = self.rows.to_native().derived.frames, ("days of periods", self.periods.key)
        if key not in frames:
            frames[key] = self.periods.by_day
        return frames[key]

    @property
    def _is_small(self) -> bool:
        """Whether rows are few, so that to compare each with each period costs less than to make a table of the periods' days."""
        rows = self.rows.to_native()
        return not isinstance(rows, Query) or rows.derived.all_small

    def open_at_start(self, opened: str, closed: str, within_days: int = 0) -> nw.LazyFrame:
        """The states at each period's start: rows opened before it and not closed before it.

        within_days: the most days that a row is open, where that is known, so that the engine reads no more than these.
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

    def where(self, *conditions: nw.Expr, windows: nw.LazyFrame | None = None) -> nw.LazyFrame:
        """The rows beside each period of which the conditions hold, with the period's columns.

        windows: the rows of a `Periods.table`, in place of the periods.
        """
        frames = []
        for rows, places in self.sources:
            periods = _of_places(self.periods.relation if windows is None else windows, places)
            frames.append(rows.join(periods, how="cross").filter(*conditions))
        return frames[0] if len(frames) == 1 else nw.concat(frames)

    def join_onto(self, rows: nw.LazyFrame, on: str) -> nw.LazyFrame:
        """Rows that have a `period_id`, joined by a key to this table's as they are known in each period."""
        parts = [
            (rows.filter(nw.col(PERIOD).is_in(places)) if places else rows).join(own, on=on, how="inner")
            for own, places in self.sources
        ]
        return parts[0] if len(parts) == 1 else nw.concat(parts)


def _of_places(periods: nw.LazyFrame, places: tuple[int, ...]) -> nw.LazyFrame:
    """The rows of some periods; of all where there are no places."""
    return periods.filter(nw.col(PERIOD).is_in(places)) if places else periods


def once_in_periods(function: Callable[..., nw.LazyFrame]) -> Callable[..., nw.LazyFrame]:
    """A function (view, *arguments) -> frame whose rows are computed once in all periods, in a temporary table.

    For what several metrics need: the customers at the start, and which of them are customers at the end.
    """

    @wraps(function)
    def remembered(view: View, *arguments: Any) -> nw.LazyFrame:
        rows, periods = view.rows.to_native(), view.periods
        if not isinstance(rows, Query):
            return function(view, *arguments)
        tables = (argument.key if isinstance(argument, View) else argument for argument in (view, *arguments))
        derived, key = rows.derived, (periods.key, *key_of(function, (*tables,)))
        if key not in derived.frames:
            before = periods.of_events, periods.of_states
            periods.of_events = periods.of_states = False
            derived.frames[key] = derived.frame(function(view, *arguments))
            derived.time_use[key] = periods.of_events, periods.of_states
            periods.of_events, periods.of_states = before
        periods.of_events |= derived.time_use[key][0]
        periods.of_states |= derived.time_use[key][1]
        return derived.frames[key]

    return remembered


def views(periods: Periods, frames: Iterable[nw.LazyFrame], earlier: Sequence[nw.LazyFrame | None] = ()) -> list[View]:
    """Tables as views; earlier: by table, its rows as they were known for the comparison, where they were others."""
    views_ = []
    for at, rows in enumerate(frames):
        before = earlier[at] if earlier else None
        compared = periods.compared
        others = tuple(place for place in periods.by_place if place not in compared)
        sources = ((rows, ()),) if before is None else ((rows, others), (before, compared))
        views_.append(View(periods, sources))
    return views_
