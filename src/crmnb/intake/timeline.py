"""Timelines: the days on which a table has rows, long gaps between them, and isolated rows before and after."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from glob import escape
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from crmnb.intake.staging_table import quote_literal
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

_OUTLIER_SHARE = 0.01  # largest share of the rows that may count as isolated (a single row always may)
_OUTLIER_DAYS = 183  # shortest distance in days of isolated rows from all others
_GAP_DAYS = 366  # longest period without rows that is not reported
_MEDIAN_FACTOR = 20  # both distances must also exceed this multiple of the median distance between rows


@dataclass(frozen=True)
class Timeline:
    """The days of a table's rows: `first` and `last` without isolated rows, `earliest` and `latest` with them.

    `gap`: the days before and after the longest period without rows, if it is long; otherwise None.
    """

    first: date
    last: date
    earliest: date
    latest: date
    gap: tuple[date, date] | None = None


def build_timeline(rows: dict[date, int]) -> Timeline | None:
    """The timeline of a table from its number of rows by day; None if there are no rows.

    A few rows (one, or up to 1%) at a distance of half a year or more, and of 20 times the median distance, from all others
    are wrong dates or tests rather than history, so they do not define the start or the end of the data.
    """
    if not rows:
        return None
    days = sorted(rows)
    spans = [(later - day).days for day, later in pairwise(days)]
    total = sum(rows.values())
    median = median_low([0] * (total - len(days)) + spans) if spans else 0
    cumulative = list(accumulate(rows[day] for day in days))
    most, distance = max(1, _OUTLIER_SHARE * total), max(_OUTLIER_DAYS, _MEDIAN_FACTOR * median)
    first = max((at + 1 for at, span in enumerate(spans) if span >= distance and cumulative[at] <= most), default=0)
    ends = (at for at, span in enumerate(spans) if span >= distance and total - cumulative[at] <= most and at >= first)
    last = min(ends, default=len(days) - 1)
    longest, place = max(((span, at) for at, span in enumerate(spans) if first <= at < last), default=(0, 0))
    gap = (days[place], days[place + 1]) if longest > max(_GAP_DAYS, _MEDIAN_FACTOR * median) else None
    return Timeline(days[first], days[last], days[0], days[-1], gap)


def read_timeline(con: Any, rows: str, time: str) -> Timeline | None:
    """The timeline of the rows of a query (SQL in brackets, or a name) by a time column. con: the engine's connection."""
    counts = con.execute(f"select {time}::date, count(*) from {rows} where {time} is not null group by all").fetchall()
    return build_timeline(dict(counts))


def read_timelines(con: Any, paths: dict[str, Path], columns: dict[str, dict[str, str]]) -> dict[str, Timeline]:
    """The timelines of the canonical tables (Parquet, by name) that have times and rows."""
    timelines = {}
    for name, path in paths.items():
        if TABLES[name].time in columns[name]:
            rows = f"(SELECT * FROM read_parquet({quote_literal(escape(str(path)))}))"
            if timeline := read_timeline(con, rows, TABLES[name].time):
                timelines[name] = timeline
    return timelines


def event_span(timelines: list[Timeline]) -> tuple[datetime | None, datetime | None]:
    """The period that the events cover without isolated rows, half-open: from the first midnight to the one after the last."""
    if not timelines:
        return None, None
    first, last = min(line.first for line in timelines), max(line.last for line in timelines)
    midnight = datetime.min.time()
    return datetime.combine(first, midnight), datetime.combine(last, midnight) + timedelta(days=1)


def describe_timelines(timelines: dict[str, Timeline], client: Client) -> tuple[str, ...]:
    """The warnings on all tables. They ask for `data_from` or `data_until` only for tables of events."""
    return tuple(
        warning
        for name, timeline in timelines.items()
        for warning in _describe_timeline(
            name,
            timeline,
            has_start=bool(client.data_from) or not TABLES[name].of_events,
            has_end=bool(client.data_until) or not TABLES[name].of_events,
        )
    )


def _describe_timeline(table: str, timeline: Timeline, *, has_start: bool, has_end: bool) -> list[str]:
    """The warnings on a table. Of isolated rows only the year is shown: a day could identify a single customer."""
    warnings = []
    if timeline.earliest < timeline.first:
        advice = (
            ""
            if has_start
            else f"; the data start on that day unless you declare data_from: {timeline.first} (or another day)"
        )
        warnings.append(
            f"{table}: nearly all rows start on {timeline.first}, a few isolated rows go back to {timeline.earliest.year}{advice}"
        )
    if timeline.latest > timeline.last:
        advice = (
            ""
            if has_end
            else f"; the data end on that day unless you declare data_until: {timeline.last} (or another day)"
        )
        warnings.append(
            f"{table}: nearly all rows end on {timeline.last}, a few isolated rows go on to {timeline.latest.year}{advice}"
        )
    if timeline.gap:
        before, after = timeline.gap
        warnings.append(
            f"{table}: no rows from {before + timedelta(days=1)} to {after - timedelta(days=1)} "
            f"({(after - before).days - 1:,} days); if the data before the gap are incomplete, declare data_from"
        )
    return warnings
