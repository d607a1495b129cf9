"""Periods: the periods that a metric is asked for, as a relation, and what it asks of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import DerivedTables
from crmnb.engine.evidence import COMPARED, PERIOD, TIMES
from crmnb.engine.query import Query

Make = Callable[[list[str], list[tuple]], nw.LazyFrame]  # from names of columns and rows to a small relation
_MANY = 100  # rows


@dataclass
class Periods:
    """The periods that a metric is asked for, by their places (0 the reporting period, 1 its comparison, then its parts).

    make: how a small relation comes to be. looking_back: the same periods as seen by who asks for history, where one of a metric's
    tables begins later than the others. What a metric asks of its periods is noted: `reasons` says by place why a period has no figure, and
    `reporting_only`, `has_trend`, `of_events`, `of_states`, `looks_back`, `follow_up_days`, `maturity_days` how it sees time.
    """

    by_place: dict[int, Period]
    make: Make
    looking_back: dict[int, Period] = field(default_factory=dict)
    reasons: dict[int, Note] = field(default_factory=dict)
    reporting_only: bool = False
    has_trend: bool = True
    of_events: bool = False
    of_states: bool = False
    looks_back: bool = False
    follow_up_days: int | None = None
    maturity_days: int | None = None
    _relation: nw.LazyFrame | None = None

    @property
    def reporting(self) -> Period:
        """The reporting period itself: a metric that asks for it is of that period alone, without a comparison or parts."""
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
    def compared(self) -> tuple[int, ...]:
        """The places of the comparison period and of its parts."""
        whole = self.by_place.get(1)
        inside = (
            place
            for place, part in self.by_place.items()
            if whole and whole.start <= part.start and part.end <= whole.end
        )
        return tuple(inside) or (1,)

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

    @property
    def by_day(self) -> nw.LazyFrame:
        """The same rows once for each day (`period_day`, its midnight) of their period: what many rows are joined to by their day."""
        days = [
            (place, period.start + timedelta(days=day), period.start, period.end, period.observed_end)
            for place, period in self.by_place.items()
            for day in range(period.days)
        ]
        return self.make([PERIOD, "period_day", *TIMES], days)

    def without_parts(self) -> None:
        """Leave the parts out: they make no trend of the metric. To be called before anything is asked of the periods."""
        self.has_trend = False
        self.by_place = {place: period for place, period in self.by_place.items() if place < len(COMPARED)}
        self.looking_back = {place: self.looking_back[place] for place in self.by_place if place in self.looking_back}
        self._relation = None

    def require(self, condition: Callable[[Period], Any]) -> None:
        """Note the reason of each period for which a condition raises Unavailable."""
        self._by_period(condition, self.by_place)

    def require_history(self, days: int, of: str = "start") -> None:
        """Note which periods have fewer than `days` days of data before a time of theirs (`Period.require_history`)."""
        self.looks_back = True
        self._by_period(lambda period: period.require_history(days, of), self.looking_back or self.by_place)

    def table(self, values: Callable[[Period], dict[str, Any] | list[dict[str, Any]]]) -> nw.LazyFrame:
        """What is worked out of each period, as a relation: `period_id` and the values, of one or several rows.

        A period for which `values` raises Unavailable has no row, and the reason is noted; Unavailable where that is so of all.
        """
        values_of = self._by_period(values, self.by_place)
        rows = [
            {PERIOD: place, **row}
            for place, period_values in values_of.items()
            for row in (period_values if isinstance(period_values, list) else [period_values])
        ]
        if not rows:
            raise Unavailable(next(iter(self.reasons.values())))
        return self.make(list(rows[0]), [tuple(row.values()) for row in rows])

    def _by_period(self, function: Callable[[Period], Any], periods: dict[int, Period]) -> dict[int, Any]:
        """What a function returns for each period; where it raises Unavailable the reason is noted, the first one of each period."""
        outcomes = {}
        for place, period in periods.items():
            try:
                outcomes[place] = function(period)
            except Unavailable as no:
                self.reasons.setdefault(place, no.reason)
        return outcomes


def relation_in(derived: DerivedTables) -> Make:
    """How a small relation is made in the connection of derived tables."""

    def make(names: list[str], rows: list[tuple]) -> nw.LazyFrame:
        if len(rows) > _MANY:  # to parse so many literals would take longer than to use them
            key = ("relation", *names, *rows)
            if key not in derived.facts:
                frame = pd.DataFrame(rows, columns=names)
                derived.facts[key] = derived.of_pandas(frame.astype({PERIOD: "uint8"} if PERIOD in names else {}))
            return derived.facts[key]
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
        columns = ", ".join(f'"{name}"' for name in names)
        typed = f'* replace ("{PERIOD}"::utinyint as "{PERIOD}")' if PERIOD in names else "*"
        table = derived.table(f"select {typed} from (values {values}) as period_rows({columns})")
        return nw.from_native(Query(derived, names, table))

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
