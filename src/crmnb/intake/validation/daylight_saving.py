"""The hours of a clock change: those that a wall clock skips in spring, and those that it shows twice in autumn."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_FIRST, _LAST = date(1970, 1, 1), date(2100, 1, 1)


@cache
def changes(zone: str) -> tuple[tuple[datetime, datetime, bool], ...]:
    """The spans of wall-clock time (start, end) that clock changes of a zone skip (True) or repeat (False), 1970 to 2100."""
    clock, found = ZoneInfo(zone), []
    day = datetime(_FIRST.year, 1, 1, tzinfo=UTC)
    while day.date() < _LAST:
        after = day + timedelta(days=4)
        if _offset(clock, day) != _offset(clock, after):
            at = _moment(clock, day, after)
            before, now = _offset(clock, at - timedelta(seconds=1)), _offset(clock, at)
            wall = at.replace(tzinfo=None)
            found.append((wall + min(before, now), wall + max(before, now), now > before))
        day = after
    return tuple(found)


def _offset(clock: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(clock).utcoffset()


def _moment(clock: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second of a few days (low to high) at which the new offset holds."""
    old = _offset(clock, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if _offset(clock, middle) == old else (low, middle)
    return high


def skipped(zone: str, time: str) -> str:
    """The SQL that is true of a time that never was on the zone's clock; "" where no hour is ever skipped."""
    return _inside(time, [(start, end) for start, end, is_skipped in changes(zone) if is_skipped])


def repeated(zone: str, time: str) -> str:
    """The SQL that is true of a time that was twice on the zone's clock; "" where no hour is ever repeated."""
    return _inside(time, [(start, end) for start, end, is_skipped in changes(zone) if not is_skipped])


def _inside(time: str, spans: list[tuple[datetime, datetime]]) -> str:
    """The hours of the day first, which is quick; only in them the days, by a list, and on these the very spans.

    Midnight is let pass: it stands for a day of which no time is known, and in some zones the clock jumps at midnight.
    """
    if not spans:
        return ""
    days = sorted({moment.date() for start, end in spans for moment in (start, end)})
    listed = ", ".join(f"DATE '{day}'" for day in days)
    exactly = " OR ".join(f"({time} >= TIMESTAMP '{start}' AND {time} < TIMESTAMP '{end}')" for start, end in spans)
    one_day = all(start.date() == end.date() for start, end in spans)
    first, last = (min(start.hour for start, _ in spans), max(end.hour for _, end in spans)) if one_day else (0, 23)
    return (
        f"CASE WHEN hour({time}) BETWEEN {first} AND {last} THEN CASE WHEN CAST({time} AS DATE) IN ({listed}) "
        f"THEN ({exactly}) AND CAST({time} AS TIME) <> TIME '00:00' ELSE false END ELSE false END"
    )
