"""Axes of values: their limits, natural where the unit has some, and their tick labels in the client's locale."""

from matplotlib.ticker import FuncFormatter, MaxNLocator

from crmnb.result import Result
from crmnb.show.numbers import known, number, quantity
from crmnb.show.words import available


def limits(rows: list, unit: str, *, from_zero: bool = False) -> tuple[float, float]:
    """The least and greatest value to draw: all intervals and targets, with some air, inside the unit's own bounds."""
    ends = [
        x for row in rows for x in (*((row.value, row.low, row.high) if available(row) else ()), row.target) if known(x)
    ]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if from_zero:
        low = min(low, 0.0)
    air = 0.14 * ((high - low) or abs(high) or 1.0)
    lowest = low if from_zero else low - air
    highest = high + air
    if unit == "%" and low >= 0:
        lowest = max(lowest, -0.14 * (high - low or 1))
    return lowest, highest


def unit_ticks(axis, result: Result, at_most: int) -> None:
    """At most so many round ticks with their unit."""
    unit = result.metric.unit
    axis.set_major_locator(MaxNLocator(at_most, steps=[1, 2, 2.5, 5, 10], integer=unit == "count"))
    axis.set_major_formatter(FuncFormatter(lambda x, _: _tick(x, axis, unit, result)))


def _tick(value: float, axis, unit: str, result: Result) -> str:
    if unit == "%" and value < -1e-9:
        return ""
    if unit == "%" and value > 100 + 1e-9 and result.rows["value"].max() <= 100:
        return ""
    step = _step(axis)
    decimals = 0 if step >= 1 and step == int(step) else 1 if step >= 0.1 else 2
    if unit in ("%", "money"):
        return quantity(value, unit, decimals, result.client)
    return number(value, decimals, result.client)


def _step(axis) -> float:
    places = axis.get_majorticklocs()
    return abs(round(places[1] - places[0], 9)) if len(places) > 1 else 1.0
