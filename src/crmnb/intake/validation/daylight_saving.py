"""Daylight saving time: the local times that a clock change skips in spring and repeats in autumn."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_FIRST, _LAST = date(1970, 1, 1), date(2100, 1, 1)


@cache
def find_clock_changes(zone: str) -> tuple[tuple[datetime, datetime, bool], ...]:
    """The spans of local time (start, end) that the clock changes of a zone skip (True) or repeat (False), 1970 to 2100."""
    clock, spans = ZoneInfo(zone), []
    day = datetime(_FIRST.year, 1, 1, tzinfo=UTC)
    while day.date() < _LAST:
        later = day + timedelta(days=4)
        if _offset(clock, day) != _offset(clock, later):
            moment = _find_change(clock, day, later)
            old, new = _offset(clock, moment - timedelta(seconds=1)), _offset(clock, moment)
            local = moment.replace(tzinfo=None)
            spans.append((local + min(old, new), local + max(old, new), new > old))
        day = later
    return tuple(spans)


def _offset(clock: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(clock).utcoffset()


def _find_change(clock: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second between two instants at which the new offset holds."""
    old = _offset(clock, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if _offset(clock, middle) == old else (low, middle)
    return high


def skipped_condition(zone: str, time: str) -> str:
    """The SQL condition that a time does not exist in the zone; "" if the zone never skips an hour."""
    return _inside(time, [(start, end) for start, end, is_skipped in find_clock_changes(zone) if is_skipped])


def repeated_condition(zone: str, time: str) -> str:
    """The SQL condition that a time occurs twice in the zone; "" if the zone never repeats an hour."""
    return _inside(time, [(start, end) for start, end, is_skipped in find_clock_changes(zone) if not is_skipped])


def _inside(time: str, spans: list[tuple[datetime, datetime]]) -> str:
    """The SQL condition that a time lies in a span. Hours are compared first, then days, then the spans: this is fast.

    Midnight never counts: it stands for a day without a known time, and in some zones the clock changes at midnight.
    """
    if not spans:
        return ""
    days = sorted({moment.date() for start, end in spans for moment in (start, end)})
    day_list = ", ".join(f"DATE '{day}'" for day in days)
    exactly = " OR ".join(f"({time} >= TIMESTAMP '{start}' AND {time} < TIMESTAMP '{end}')" for start, end in spans)
    within_days = all(start.date() == end.date() for start, end in spans)
    first, last = (min(start.hour for start, _ in spans), max(end.hour for _, end in spans)) if within_days else (0, 23)
    return (
        f"CASE WHEN hour({time}) BETWEEN {first} AND {last} THEN CASE WHEN CAST({time} AS DATE) IN ({day_list}) "
        f"THEN ({exactly}) AND CAST({time} AS TIME) <> TIME '00:00' ELSE false END ELSE false END"
    )
