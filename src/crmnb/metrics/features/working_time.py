"""Working time: the hours between two times in which the service desk works, from a small table with a row per day.

The table holds the minutes worked before each day, so the time between two instants is a difference of two sums: every row is
joined to two days, however long it lasts. Without a working week every hour of the day counts. On the two days of a year
on which clocks change, an hour more or less passes than the clock shows.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from crmnb.engine.periods import Periods
from crmnb.schema.client import Service, TimeZone

_DAY = 24 * 60  # minutes
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_COLUMNS = ("day", "opens", "open_for", "before", "shifts_at", "shift")


class WorkingDay(NamedTuple):
    """A day: when work begins and how long it lasts by the clock, what was worked before, and by how much clocks change (minutes).

    shifts_at: the minute of the day from which on clocks have changed while work goes on; a day without a change has shift 0.
    """

    day: datetime
    opens: int
    open_for: int
    before: int
    shifts_at: int
    shift: int


def working_days(first: date, last: date, service: Service, zone: str) -> Iterator[WorkingDay]:
    """Every day from the first to the last."""
    holidays, worked = _holidays(first, last, service), 0
    for days in range((last - first).days + 1):
        day = first + timedelta(days=days)
        opens, closes = _hours(day, service, holidays)
        shifts_at, shift = _clock_change(day, zone)
        if not opens < shifts_at <= closes:
            shift = 0
        yield WorkingDay(datetime.combine(day, time()), opens, closes - opens, worked, shifts_at, shift)
        worked += closes - opens - shift


def _holidays(first: date, last: date, service: Service) -> set[date]:
    if not service.holidays:
        return set(service.closed)
    from holidays import country_holidays  # takes long to import; most clients declare none

    country, _, part = service.holidays.partition("-")
    listed = country_holidays(country, subdiv=part or None, years=range(first.year, last.year + 1))
    return {*listed, *service.closed}


def _hours(day: date, service: Service, holidays: set[date]) -> tuple[int, int]:
    """From which minute of the day to which the desk works; the same twice where it does not."""
    if not service.working_week:
        return 0, _DAY
    hours = service.working_week.get(_WEEKDAYS[day.weekday()])
    if hours is None or day in holidays:
        return 0, 0
    opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in hours)
    return opens, closes


def _clock_change(day: date, zone: str) -> tuple[int, int]:
    """The minute of the day from which on clocks have changed, and by how many minutes forward; (0, 0) where they do not."""
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    before, after = (moment.utcoffset() for moment in (midnight, midnight + timedelta(days=1)))
    if before == after:
        return 0, 0
    early, late = 0, _DAY
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (
            (middle, late) if (midnight + timedelta(minutes=middle)).utcoffset() == before else (early, middle)
        )
    return late, round((after - before).total_seconds() / 60)


def with_hours(
    rows: nw.LazyFrame, start: str, end: str, periods: Periods, service: Service, time_zone: TimeZone
) -> nw.LazyFrame:
    """The rows with `duration`: the hours worked from one of their times to another, to the minute.

    The times lie within the periods, or after them and before the data end.
    """
    last = max(periods.last, periods.cutoff or periods.last)
    days = [*working_days(periods.first.date(), last.date(), service, time_zone)]
    calendar = periods.make(list(_COLUMNS), [tuple(day) for day in days])
    placed = _placed(_placed(rows, start, "starts", calendar), end, "ends", calendar)
    minutes = nw.col("clock_ends") - nw.col("clock_starts")
    return placed.with_columns(duration=minutes / 60).drop("clock_starts", "clock_ends")


def _placed(rows: nw.LazyFrame, instant: str, name: str, calendar: nw.LazyFrame) -> nw.LazyFrame:
    """The rows with `clock_<name>`: the minutes worked until one of their times; rows without that time are gone."""
    names = {column: f"clock_{column}" for column in _COLUMNS}
    joined = rows.with_columns(clock_day=nw.col(instant).dt.truncate("1d")).join(
        calendar.rename(names), on="clock_day", how="inner"
    )
    minute = nw.col(instant).dt.hour() * 60 + nw.col(instant).dt.minute()
    inside = nw.max_horizontal(nw.lit(0), nw.min_horizontal(minute - nw.col("clock_opens"), nw.col("clock_open_for")))
    shifted = nw.when(minute >= nw.col("clock_shifts_at")).then(nw.col("clock_shift")).otherwise(nw.lit(0))
    until = nw.col("clock_before") + inside - shifted
    return joined.with_columns(**{f"clock_{name}": until}).drop("clock_day", *list(names.values())[1:])
