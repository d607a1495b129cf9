"""Precision: one number of decimals per metric and page, and one unit: many days are written in years, a part of an hour in minutes."""

from crmnb.core.cohort_cell import CohortCell
from crmnb.evaluate.result import Result
from crmnb.report.text.numbers import YEAR, change_decimals, common_decimals, decimals_of, known, limit_decimals
from crmnb.report.text.row_state import available, not_reached

_LONG = 2 * YEAR  # days
_MINUTES = 60  # of an hour


def is_in_years(result: Result) -> bool:
    """Whether the result's days are written in years: a tenure of 1,133 days is 3.1 years."""
    if result.metric.unit != "days":
        return False
    days = [row.value if known(row.value) else row.low for row in result.entries if available(row) or not_reached(row)]
    return any(value >= _LONG for value in days if known(value))


def _is_in_minutes(result: Result) -> bool:
    """Whether the result's hours are written in minutes: 0.4 hours are 24 minutes."""
    if result.metric.unit != "hours":
        return False
    hours = [row.value for row in result.entries if available(row) and known(row.value)]
    return bool(hours) and 0 < max(hours) < 1


def displayed(result: Result, unit: str, *values: float) -> tuple[str, tuple[float, ...]]:
    """A unit and values in it as the page shows them: days in years where they are many, hours in minutes where they are less than one."""
    if unit == "days" and is_in_years(result):
        return "years", tuple(value / YEAR for value in values)
    if unit == "hours" and _is_in_minutes(result):
        return "minutes", tuple(value * _MINUTES for value in values)
    return unit, values


def row_decimals(result: Result, row) -> int:
    """The decimals that a row's own interval supports; of a change those of changes, as it stands among them."""
    unit, (value, low, high) = displayed(result, row.unit, row.value, row.low, row.high)
    return (change_decimals if result.metric.compares else decimals_of)(value, low, high, unit)


def page_decimals(result: Result, row) -> int:
    """The decimals with which a page writes a row's value, wherever it stands.

    Levels are written like their whole, or a reader would take 55.50, 55 and 56 for three figures. A part of the period may
    need more: a month's amount is smaller than a year's. Without a whole it is what the row's own interval supports.
    """
    if CohortCell.of(row.breakdown):
        return 0 if row.unit == "%" else 1
    whole = _whole_of(result, row) if row.segment or row.part else None
    if whole is None:
        return row_decimals(result, row)
    return max(row_decimals(result, whole), row_decimals(result, row)) if row.part else row_decimals(result, whole)


def part_decimals(result: Result, rows: list) -> int:
    """The decimals of parts of the period side by side: their middle one's, and no fewer than their whole has."""
    shown = [row for row in rows if available(row)]
    wholes = [_whole_of(result, row) for row in {row.breakdown: row for row in shown}.values()]
    return max([_common(result, shown), *(row_decimals(result, whole) for whole in wholes if whole)])


def level_decimals(result: Result, rows: list) -> int:
    """The decimals of levels side by side: those of their whole; without one, their middle one's."""
    shown = [row for row in rows if available(row)]
    whole = _whole_of(result, shown[0]) if shown else None
    return row_decimals(result, whole) if whole else _common(result, shown)


def interval_decimals(result: Result, row, decimals: int) -> int:
    """The decimals of a row's limits: those of its value, or one more where the value would hide a limit."""
    unit, (value, low, high) = displayed(result, row.unit, row.value, row.low, row.high)
    return limit_decimals(value, low, high, decimals, unit)


def _common(result: Result, rows: list) -> int:
    if is_in_years(result):
        return 1
    if _is_in_minutes(result):  # decimals of minutes, not of hours
        decimals = sorted(row_decimals(result, row) for row in rows if known(row.value))
        return decimals[len(decimals) // 2] if decimals else 0
    return common_decimals(rows, result.metric.unit)


def _whole_of(result: Result, row):
    """The whole client's row in the whole period of what a row is a level or a part of; None where it has no value."""
    alike = (whole for whole in result.entries if (whole.breakdown, whole.unit) == (row.breakdown, row.unit))
    return next(filter(available, alike), None)
