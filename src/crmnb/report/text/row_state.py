"""Row state: what a row of the results frame has to show: a value, an interval, an unfinished period."""

import math

from crmnb.report.text.numbers import known


def available(row) -> bool:
    """Whether the row has a value that may be shown."""
    flags = row.flags.split()
    return known(row.value) and "suppressed" not in flags and "unavailable" not in flags


def not_reached(row) -> bool:
    """Whether the answer is that the event has not happened yet: a median whose interval has no upper limit."""
    flags = row.flags.split()
    return "not_reached" in flags and "suppressed" not in flags


def bounded_below(row) -> bool:
    """Whether the row has an interval that may be shown; its upper limit may be infinite."""
    return (available(row) or not_reached(row)) and known(row.low) and (known(row.high) or row.high == math.inf)


def has_interval(row) -> bool:
    """Whether a value is shown with an interval."""
    return available(row) and bounded_below(row)


def has_before(row) -> bool:
    """Whether a level's value in the comparison period may be shown beside its own: only where its change is."""
    return bool(row.segment) and available(row) and known(row.previous) and known(row.change)


def is_clearly_below(lower, higher) -> bool:
    """Whether the interval of one row lies wholly below that of another."""
    return has_interval(lower) and has_interval(higher) and lower.high < higher.low


def unfinished(row) -> bool:
    """Whether the value can still change: its period or follow-up is not complete."""
    return "partial" in row.flags or "immature" in row.flags
