"""Periods of the true figures: months, quarters and years."""

import re
from dataclasses import dataclass
from datetime import date

from crmnb.core.errors import InputError
from crmnb.demo.parameters import EDGES, ORIGIN, YEARS

_LABEL = re.compile(r"(\d{4})(?:Q([1-4])|-(\d{2}))?")


@dataclass(frozen=True)
class TruthPeriod:
    """Days [first, last) since ORIGIN, in one year: the `place` of it in YEARS, so that one rate holds for all of it."""

    place: int
    first: int
    last: int

    @property
    def years(self) -> float:
        """How long it is, in years of 365.25 days."""
        return (self.last - self.first) / 365.25

    @property
    def share(self) -> float:
        """Its share of the days of its year."""
        return (self.last - self.first) / (EDGES[self.place + 1] - EDGES[self.place])

    @property
    def year_before(self) -> "TruthPeriod | None":
        """The same days of the calendar a year earlier; None before the first year."""
        if not self.place:
            return None
        first, last = (_day(_as_date(day, -1)) for day in (self.first, self.last))
        return TruthPeriod(self.place - 1, first, last)

    @property
    def months(self) -> list[tuple[str, int, int]]:
        """The calendar months in it: the label, first day and the day after the last."""
        begin = _as_date(self.first).month
        end = _as_date(self.last - 1).month
        year = YEARS[self.place]
        return [(f"{year}-{m:02d}", _day(date(year, m, 1)), _day(_next(year, m))) for m in range(begin, end + 1)]


def parse_period(label: int | str) -> TruthPeriod:
    """The window that a label means: 2025, "2025Q4" or "2025-11". Raises InputError for others, and for years not made up."""
    match = _LABEL.fullmatch(str(label))
    if not match or int(match[1]) not in YEARS:
        raise InputError(f"{label!r} is no year, quarter or month of {YEARS[0]} to {YEARS[-1]}.")
    year = int(match[1])
    begin = 3 * int(match[2]) - 2 if match[2] else int(match[3] or 1)
    end = begin + (2 if match[2] else 0 if match[3] else 11)
    return TruthPeriod(YEARS.index(year), _day(date(year, begin, 1)), _day(_next(year, end)))


def _next(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _day(of: date) -> int:
    return (of - ORIGIN).days


def _as_date(day: int, years: int = 0) -> date:
    there = date.fromordinal(ORIGIN.toordinal() + day)
    return there.replace(year=there.year + years)
