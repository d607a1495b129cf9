"""Payback: the cumulative margin of a new customer by age, against the acquisition cost."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, VERMILION, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import Label, label_ends, legend_height
from crmnb.report.drawing.series import Series, points_of, round_step, series
from crmnb.report.tables.data_table import points_table
from crmnb.report.text.alt import payback_alt
from crmnb.report.text.row_state import available, not_reached
from crmnb.report.text.values import (
    absence_reason,
    absence_words,
    interval_name,
    named_interval,
    value_words,
)

MARGIN, COST = "margin", "cost"
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 320, 72, 190, 20, 52
_NARROW_LEFT = 58
_STEPS = (1, 2, 3, 6, 12, 24)
_MOST_TICKS, _MOST_NARROW_TICKS = 12, 6


@chart("payback")
def payback(result: Result) -> Figure | Figures:
    """Points in money by months of age: breakdown "margin", of those followed so long; "cost" has one point, at 0."""
    points = points_of(result)
    margin, cost = (series(name, points[points["breakdown"] == name]) for name in (MARGIN, COST))
    if not (len(margin.x) and len(cost.x)):
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'too few data to draw')}.")
    pictures = drawings(lambda figure: _draw(figure, result, margin, cost), _HEIGHT, _HEIGHT)
    texts = {"title": _title(result), "alt": payback_alt(result, margin, cost), "notes": _notes(result)}
    return Figure(table=_table(result, margin, cost), **texts, **pictures)


def _draw(figure, result: Result, margin: Series, cost: Series) -> None:
    narrow = is_narrow(figure)
    names = ("cumulative margin", ACCENT, margin), ("acquisition cost (CAC)", VERMILION, cost)
    if narrow:
        axes = box(figure, _NARROW_LEFT, _TOP + legend_height(name for name, *_ in names), 20, _FOOT)
    else:
        axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    reach, height = float(margin.x[-1]), float(cost.value[0])
    ends = np.concatenate([values for line in (margin, cost) for values in (line.value, line.low, line.high)])
    axes.set_xlim(0, reach)
    axes.set_ylim(min(0.0, float(np.nanmin(ends))), 1.06 * float(np.nanmax(ends)))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5, "money")
    axes.tick_params(pad=7)
    step = round_step(reach, _STEPS, _MOST_NARROW_TICKS if narrow else _MOST_TICKS)
    axes.set_xticks(np.arange(0, reach + 1e-9, step))
    axes.set_xlabel("months since acquisition", color=QUIET, labelpad=4)
    axes.fill_between([0, reach], cost.low, cost.high, color=VERMILION, alpha=0.15, linewidth=0)
    axes.plot([0, reach], [height, height], color=VERMILION, linewidth=1.4, linestyle=(0, (4, 2.5)))
    x, value, low, high = (np.insert(values, 0, 0.0) for values in margin[1:5])
    axes.fill_between(x, low, high, color=ACCENT, alpha=0.2, linewidth=0)
    axes.plot(x, value, color=ACCENT)
    if row := _reached(result):
        axes.plot([row.value], [np.interp(row.value, x, value)], "o", markersize=7, color=INK)
    label_ends(axes, [Label(name, reach, float(line.value[-1]), colour) for name, colour, line in names])


def _reached(result: Result):
    """The result's row, where the cost is paid back; else None."""
    return next((row for row in result.entries if available(row)), None)


def _title(result: Result) -> str:
    """When the cost is paid back, or how much of it, from the metric's own row."""
    if row := _reached(result):
        interval = named_interval(result, row)
        return f"{result.metric.title}: {value_words(result, row)}{f' ({interval})' if interval else ''}"
    row = next((row for row in result.entries if not_reached(row)), None)
    return result.metric.title if row is None else f"{result.metric.title}: {absence_words(result, row)}"


def _table(result: Result, margin: Series, cost: Series):
    step = round_step(float(margin.x[-1]), _STEPS, _MOST_TICKS)
    places = [place for place, month in enumerate(margin.x) if month % step == 0 or place == len(margin.x) - 1]
    named = [("acquisition cost (CAC)", cost, 0)]
    named += [(f"month {margin.x[place]:.0f}", margin, place) for place in places]
    return points_table(result, "End of", named, "Cumulative margin per new customer", "Customers followed", "money")


def _notes(result: Result) -> tuple[str, ...]:
    dot = " The dot marks the payback month." if _reached(result) else ""
    return (
        f"Bands: {interval_name(result)}. Each month contains the customers followed to its end. The margin is not discounted.{dot}",
    )
