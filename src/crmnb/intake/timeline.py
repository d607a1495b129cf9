"""Time line: the days on which a table has rows, where it has none for long, and from when to when it is dense."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise
from statistics import median_low
from typing import Any

_FEW = 0.01  # share of the rows that may lie apart (one row always may)
_APART = 183  # days without a row after which what lies beyond them lies apart, if it is so few
_LONG = 366  # days without a row that are told where both sides hold many
_OFTEN = 20  # times the usual time between two rows that either must exceed


@dataclass(frozen=True)
class TimeLine:
    """From which day to which (`first`, `last`) a table's rows are dense; `earliest` and `latest` hold its first and last row.

    `gap`: the days around the longest time without a row within, where that is long; None where none is.
    """

    first: date
    last: date
    earliest: date
    latest: date
    gap: tuple[date, date] | None = None


def time_line(rows: dict[date, int]) -> TimeLine | None:
    """The time line of a table with so many rows on each day that has any; None without rows.

    A few rows (one, or up to 1 %) that lie half a year or more, and 20 times the usual time between rows, before or after all
    others are a wrong date or a test rather than history: they do not say when the data begin or end.
    """
    if not rows:
        return None
    days = sorted(rows)
    spans = [(later - day).days for day, later in pairwise(days)]
    total = sum(rows.values())
    usual = median_low([0] * (total - len(days)) + spans) if spans else 0
    before = list(accumulate(rows[day] for day in days))
    few, apart = max(1, _FEW * total), max(_APART, _OFTEN * usual)
    first = max((at + 1 for at, span in enumerate(spans) if span >= apart and before[at] <= few), default=0)
    ends = (at for at, span in enumerate(spans) if span >= apart and total - before[at] <= few and at >= first)
    last = min(ends, default=len(days) - 1)
    within = max(((span, at) for at, span in enumerate(spans) if first <= at < last), default=(0, 0))
    gap = (days[within[1]], days[within[1] + 1]) if within[0] > max(_LONG, _OFTEN * usual) else None
    return TimeLine(days[first], days[last], days[0], days[-1], gap)


def read_timeline(con: Any, rows: str, time: str) -> TimeLine | None:
    """The time line of the rows of a query (SQL in brackets, or a name) by one of its times. con: the engine's connection."""
    told = con.execute(f"select {time}::date, count(*) from {rows} where {time} is not null group by all").fetchall()
    return time_line(dict(told))


def said_of(table: str, line: TimeLine, begins: bool, ends: bool) -> list[str]:
    """What is to be said of a table's time line. begins, ends: whether the client declares the first and the last day."""
    told = []  # of the few only the year: a day would be that of one row, and of one customer
    if line.earliest < line.first:
        then = (
            "" if begins else f", so the data are taken to begin then; declare data_from: {line.first} (or another day)"
        )
        told.append(
            f"{table}: all but a few rows lie from {line.first} on, the first of the few in {line.earliest.year}{then}"
        )
    if line.latest > line.last:
        then = "" if ends else f", so the data are taken to end then; declare data_until: {line.last} (or another day)"
        told.append(
            f"{table}: all but a few rows lie up to {line.last}, the last of the few in {line.latest.year}{then}"
        )
    if line.gap:
        first, last = line.gap
        days = (last - first).days - 1
        told.append(
            f"{table}: no row from {first + timedelta(days=1)} to {last - timedelta(days=1)}, {days:,} days; if older data are not "
            "whole, declare data_from"
        )
    return told
