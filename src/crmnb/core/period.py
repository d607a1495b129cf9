"""Period: half-open days with a label, in the client's own time zone."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import narwhals.stable.v2 as nw

from crmnb.core.errors import InputError, Unavailable
from crmnb.core.notes import Note

FORMS = "2025, 2025Q4, 2025-10, 2025-10-01..2025-12-31, FY2025 or FY2025Q4"
_LABEL = re.compile(
    r"(?P<fiscal>FY)?(?P<year>[0-9]{4})(Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?"
    r"|(?P<first>[0-9]{4}-[0-9]{2}-[0-9]{2})\.\.(?P<last>[0-9]{4}-[0-9]{2}-[0-9]{2})"
)


@dataclass(frozen=True)
class Period:
    """Half-open days `[start, end)`, and the days that the data cover.

    `months` is the length in calendar months, 0 for a range that is not made of whole months. `data_from` and `cutoff` (also
    half-open) bound the observed days; None means not bounded. Parts and comparison periods inherit them.
    """

    label: str
    start: datetime
    end: datetime
    months: int = 0
    fiscal_year_starts: int = 1
    data_from: datetime | None = None
    cutoff: datetime | None = None

    @classmethod
    def parse(cls, label: str, fiscal_year_starts: int = 1) -> "Period":
        """The period for a label.

        `2025`, `2025Q4`, `2025-10` are calendar years, quarters, months; `2025-10-01..2025-12-31` is a range
        that includes its last day; `FY2025` and `FY2025Q4` belong to the fiscal year that *ends* in 2025 and
        starts in the month `fiscal_year_starts` (1-12). Raises InputError for anything else.
        """
        match = _LABEL.fullmatch(str(label))
        if not match:
            raise InputError(f"period {str(label)!r} is not one of the forms {FORMS}.")
        if match["first"]:
            return cls._range(label, match["first"], match["last"])
        year, fiscal = int(match["year"]), bool(match["fiscal"])
        if not 1900 <= year <= 2200:
            raise InputError(f"period {label!r}: the year must lie between 1900 and 2200.")
        if fiscal and match["month"]:
            raise InputError(f"period {label!r}: a fiscal year has quarters; write a month without FY.")
        first = datetime(year, 1, 1)
        if fiscal and fiscal_year_starts > 1:
            first = datetime(year - 1, fiscal_year_starts, 1)
        months = 3 if match["quarter"] else 1 if match["month"] else 12
        skip = 3 * (int(match["quarter"]) - 1) if match["quarter"] else int(match["month"] or 1) - 1
        start = shift(first, skip)
        return cls(str(label), start, shift(start, months), months, fiscal_year_starts)

    @classmethod
    def _range(cls, label: str, first: str, last: str) -> "Period":
        try:
            start, final = datetime.fromisoformat(first), datetime.fromisoformat(last)
        except ValueError as error:
            raise InputError(f"period {label!r} has a day that does not exist ({error}).") from None
        if final < start:
            raise InputError(f"period {label!r} ends before it starts.")
        end = final + timedelta(days=1)
        months = (end.year - start.year) * 12 + end.month - start.month if start.day == end.day == 1 else 0
        return cls(label, start, end, months)

    @property
    def days(self) -> int:
        """Calendar days in the period."""
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day that belongs to the period."""
        return (self.end - timedelta(days=1)).date()

    @property
    def previous(self) -> "Period":
        """The period of the same length just before: the month, quarter, year, or as many days."""
        if not self.months:
            return self._from(self.start - timedelta(days=self.days), self.start)
        return self._from(shift(self.start, -self.months), self.start, self.months)

    @property
    def year_before(self) -> "Period":
        """The same days of the calendar a year earlier."""
        return self._from(shift(self.start, -12), shift(self.end, -12), self.months)

    @property
    def parts(self) -> list["Period"]:
        """The parts of a trend, without gap or overlap: months; calendar weeks (from Monday) under two months.

        A period under two weeks is divided into days. The first and last part end at the period's own limits.
        """
        if self.months > 1 or self.days >= 62:
            edges = _edges(self, lambda day: shift(day.replace(day=1), 1))
        elif self.days >= 14:
            edges = _edges(self, lambda day: day + timedelta(days=7 - day.weekday()))
        else:
            edges = _edges(self, lambda day: day + timedelta(days=1))
        whole = [(a, b, int(a.day == 1 and b == shift(a, 1))) for a, b in pairwise(edges)]
        return [self._from(a, b, months) for a, b, months in whole]

    @property
    def partial(self) -> bool:
        """Whether the data cover the period only in part: it has not ended yet, or it began before the data start."""
        late = self.cutoff is not None and self.end > self.cutoff
        early = self.data_from is not None and self.start < self.data_from
        return late or early

    @property
    def observed_end(self) -> datetime:
        """The end, or the cut-off of the data if that is earlier."""
        return min(self.end, self.cutoff) if self.cutoff else self.end

    @property
    def last_observed_day(self) -> date:
        """The last day of the period that the data cover; its own last day if the data are not bounded."""
        return _last(self.observed_end)

    def as_long_after(self, later: "Period") -> datetime | None:
        """The time that is as long after this period's end as the data continue after the end of `later`; None if not bounded."""
        return self.end + max(later.cutoff - later.observed_end, timedelta()) if later.cutoff else None

    def observe(self, data_from: datetime | None, cutoff: datetime | None) -> "Period":
        """The same period with the days that the data cover (`[data_from, cutoff)`)."""
        return replace(self, data_from=data_from, cutoff=cutoff)

    def require_data(self) -> None:
        """Raise Unavailable if the data cover no day of the period."""
        if self.cutoff and self.start >= self.cutoff:
            raise Unavailable(Note("data_end_before_period", ends=str(_last(self.cutoff)), period=self.label))
        if self.data_from and self.end <= self.data_from:
            raise Unavailable(Note("data_begin_after_period", begins=str(self.data_from.date()), period=self.label))

    def require_history(self, days: int, of: str = "start") -> None:
        """Raise Unavailable if the data cover fewer than `days` days before a time of the period.

        of: the attribute that holds the time, "start" or "observed_end".
        """
        time = getattr(self, of)
        needed = time - timedelta(days=days)
        if self.data_from and self.data_from > needed:
            needs = {"needed": str(needed.date()), "days": days, "time": str(time.date())}
            raise Unavailable(Note("needs_history", **needs, begins=str(self.data_from.date())))

    def holds(self, column: str) -> nw.Expr:
        """The narwhals expression that is true if the time in `column` is in the period."""
        return (nw.col(column) >= self.start) & (nw.col(column) < self.end)

    def _from(self, start: datetime, end: datetime, months: int = 0) -> "Period":
        label = _label(start, end, months, self)
        return replace(self, label=label, start=start, end=end, months=months)


def _label(start: datetime, end: datetime, months: int, like: Period) -> str:
    fiscal = like.label.startswith("FY")
    month = (start.month - (like.fiscal_year_starts if fiscal else 1)) % 12
    year = start.year
    if fiscal and like.fiscal_year_starts > 1 and start.month >= like.fiscal_year_starts:
        year += 1
    name = f"{'FY' if fiscal else ''}{year}"
    if months == 12 and month == 0:
        return name
    if months == 3 and month % 3 == 0:
        return f"{name}Q{month // 3 + 1}"
    if months == 1:
        return f"{start:%Y-%m}"
    return f"{start:%Y-%m-%d}..{end - timedelta(days=1):%Y-%m-%d}"


def _edges(period: Period, following) -> list[datetime]:
    edges = [period.start]
    while edges[-1] < period.end:
        edges.append(min(following(edges[-1]), period.end))
    return edges


def shift(day: datetime, months: int) -> datetime:
    """The same day of the month, `months` later; the last day of the month if it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def _last(cutoff: datetime) -> date:
    return (cutoff - timedelta(microseconds=1)).date()
