"""Axes of values: their limits, natural where the unit has some, and their tick labels in the client's locale."""

from collections.abc import Sequence
from math import ceil, floor, log10

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from crmnb.evaluate.result import Result
from crmnb.report.drawing.canvas import PAPER, QUIET
from crmnb.report.text.numbers import YEAR, is_money, known, number, quantity, short_money, short_quantity
from crmnb.report.text.precision import displayed, is_in_years
from crmnb.report.text.row_state import available, not_reached


def limits(rows: list, unit: str, *, from_zero: bool = False, others: Sequence[float] = ()) -> tuple[float, float]:
    """The least and greatest value to draw: all intervals, targets and `others`, with some air, inside the unit's own bounds."""
    shown = ((row.value, row.low, row.high) if available(row) or not_reached(row) else () for row in rows)
    targets = [row.target for row in rows]
    ends = [x for x in (*(x for values in shown for x in values), *targets, *others) if known(x)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if from_zero:
        low = min(low, 0.0)
    air = 0.14 * ((high - low) or abs(high) or 1.0)
    lowest = low if from_zero else low - air
    highest = high + air
    if unit == "%" and low >= 0:
        lowest = max(lowest, -0.14 * (high - low or 1))
    return lowest, highest


def on_ratios(axes, rows: list, result: Result) -> None:
    """A logarithmic axis across for ratios, twice as far from 1 as half, with the line at 1 that parts more from less."""
    ends = [1.0, *(x for row in rows if available(row) for x in (row.value, row.low, row.high) if known(x) and x > 0)]
    low, high = min(ends) / 1.25, max(ends) * 1.25
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(_round_ratios(low, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: number(x, len(f"{x:g}".partition(".")[2]), result.client))
    )
    axes.axvline(1, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    axes.annotate("no difference", (1, 1), (0, 5), ("data", "axes fraction"), "offset points", ha="center", color=QUIET)


def _round_ratios(low: float, high: float) -> list[float]:
    """At most seven round ratios in between, 1 among them."""
    for steps in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1) for step in steps]
        if len(inside := [x for x in ticks if low <= x <= high]) <= 7:
            return inside
    return [1.0]


def cells(axes, values, colours, top: float) -> None:
    """A heat map: a coloured cell of one unit for each value from 0 to `top`, row by row from above, none where it is masked.

    It is an image of one pixel a cell under lines of the paper's colour, which is far smaller than a path for each cell.
    """
    down, across = values.shape
    look = {"interpolation": "none", "aspect": "auto", "extent": (0, across, down, 0), "clip_on": False}
    axes.imshow(values, cmap=colours, vmin=0, vmax=top, **look)
    axes.set(xlim=(0, across), ylim=(down, 0))
    between = {"colors": PAPER, "linewidth": 2, "clip_on": False}
    axes.vlines(range(across + 1), 0, down, **between)
    axes.hlines(range(down + 1), 0, across, **between)


class _YearLocator(MaxNLocator):
    """Round ticks in years on an axis of days."""

    def tick_values(self, vmin: float, vmax: float):
        """The places of the ticks, in days."""
        return super().tick_values(vmin / YEAR, vmax / YEAR) * YEAR


def unit_ticks(axis, result: Result, at_most: int, unit: str = "") -> None:
    """At most so many round ticks with the metric's unit, or another."""
    unit = unit or result.metric.unit
    locator = _YearLocator if unit == "days" and is_in_years(result) else MaxNLocator
    axis.set_major_locator(locator(at_most, steps=[1, 2, 2.5, 5, 10], integer=unit == "count"))
    axis.set_major_formatter(FuncFormatter(lambda x, _: _tick(x, axis, unit, result)))


def _tick(value: float, axis, unit: str, result: Result) -> str:
    if unit == "%" and value < -1e-9:
        return ""
    if unit == "%" and value > 100 + 1e-9 and result.rows["value"].max() <= 100:
        return ""
    unit, (value, step, top) = displayed(result, unit, value, _step(axis), max(map(abs, axis.get_view_interval())))
    if is_money(unit) and step >= 1:
        scaled = step / 1_000_000
        decimals = 0 if scaled >= 1 and scaled == int(scaled) else 1 if scaled >= 0.1 else 2
        return short_money(value, result.client, like=top, decimals=decimals)
    decimals = 0 if step >= 1 and step == int(step) else 1 if step >= 0.1 else 2
    return (
        quantity(value, unit, decimals, result.client)
        if unit == "years"
        else short_quantity(value, unit, decimals, result.client)
    )


def _step(axis) -> float:
    places = axis.get_majorticklocs()
    return abs(round(places[1] - places[0], 9)) if len(places) > 1 else 1.0
