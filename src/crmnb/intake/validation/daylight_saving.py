"""Daylight saving time: the local times that a clock change skips in spring and repeats in autumn."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
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
    return _inside(time, _days_by_hours(zone, skipped=True))


def repeated_condition(zone: str, time: str) -> str:
    """The SQL condition that a time occurs twice in the zone; "" if the zone never repeats an hour."""
    return _inside(time, _days_by_hours(zone, skipped=False))


@cache
def _days_by_hours(zone: str, *, skipped: bool) -> dict[tuple[str, str], list[str]]:
    """The days on which hours are skipped or repeated, by the times of day (hh:mm:ss) at which this begins and ends."""
    days = defaultdict(list)
    for start, end, is_skipped in find_clock_changes(zone):
        while is_skipped == skipped and start < end:
            next_day = datetime.combine(start.date(), time.min) + timedelta(days=1)
            last = f"{end:%H:%M:%S}" if end < next_day else "24:00:00"
            days[f"{start:%H:%M:%S}", last].append(str(start.date()))
            start = next_day
    return dict(days)


def _inside(time: str, days_by_hours: dict[tuple[str, str], list[str]]) -> str:
    """The SQL condition that a time lies in these hours of these days. Hours are compared first, then times, then days: this is fast.

    Midnight never counts: it stands for a day without a known time, and in some zones the clock changes at midnight.
    """
    if not days_by_hours:
        return ""
    # A list that is cast from a text is one constant; planning hundreds of comparisons took longer than reading a small table.
    inside = " OR ".join(
        f"CASE WHEN CAST({time} AS TIME) >= TIME '{first}' AND CAST({time} AS TIME) < TIME '{last}' "
        f"THEN list_contains(CAST('[{', '.join(days)}]' AS DATE[]), CAST({time} AS DATE)) ELSE false END"
        for (first, last), days in days_by_hours.items()
    )
    earliest, latest = min(first for first, _ in days_by_hours)[:2], max(last for _, last in days_by_hours)[:2]
    return (
        f"CASE WHEN hour({time}) BETWEEN {int(earliest)} AND {int(latest)} "
        f"THEN CAST({time} AS TIME) <> TIME '00:00' AND ({inside}) ELSE false END"
    )
