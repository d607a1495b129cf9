"""The Lorenz curve: which share of the revenue the smallest customers bring, from none of them to all."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import Series, points_of, series, thinned
from crmnb.report.html import join, table
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import lorenz_alt
from crmnb.report.text.numbers import percent, short_quantity
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, interval_name, interval_words, named_interval, value_words

GINI, TOP = "Gini coefficient", "revenue share of the top 10%"
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 420, 72, 230, 30, 56
_NARROW_HEIGHT, _NARROW_LEFT = 340, 52
_TENTHS = range(10, 101, 10)


@chart("lorenz")
def lorenz(result: Result) -> Figure | Figures:
    """Points: x, the share of customers from the smallest spender (0 to 100), and the share of the revenue they bring.

    The title and the notes state the breakdowns `GINI` and `TOP`.
    """
    points = points_of(result)
    if points.empty or result.metric.unit != "share":  # those of another picture
        return Figures(
            (), f"{result.metric.title}: no chart: {absence_reason(result, 'too few customers to draw a curve')}."
        )
    curve = _whole(series("", points))
    pictures = drawings(lambda figure: _draw(figure, result, curve), _HEIGHT, _NARROW_HEIGHT)
    alt = lorenz_alt(result, [(tenth, _share(result, curve, tenth)) for tenth in (20, 50, 80, 90)])
    return Figure(title=_title(result), alt=alt, table=_tables(result, curve), notes=_notes(result), **pictures)


def _whole(curve: Series) -> Series:
    """From none to all: a Lorenz curve begins at nothing and ends at the whole of both, whatever that is counted in."""
    first = (0.0, 0.0, 0.0, 0.0, np.nan)
    _, x, value, low, high, n = curve
    ends = 100 / (value[-1] or 1.0)
    scaled = (x * 100 / x[-1], value * ends, low * ends, high * ends, n)
    keep = x > 0
    return Series("", *(np.insert(values[keep], 0, start) for values, start in zip(scaled, first, strict=True)))


def _draw(figure, result: Result, curve: Series) -> None:
    narrow = is_narrow(figure)
    axes = box(figure, *((_NARROW_LEFT, _TOP, 20) if narrow else (_LEFT, _TOP, _RIGHT)), _FOOT)
    axes.set_xlim(0, 100)
    axes.set_ylim(min(0.0, float(curve.value.min())), 100)
    for axis in (axes.xaxis, axes.yaxis):
        unit_ticks(axis, result, 5, "%")
    axes.set_xlabel("share of customers, smallest first", color=QUIET, labelpad=6)
    axes.set_title("share of revenue", loc="left", fontsize=13, color=QUIET, pad=9)
    axes.tick_params(pad=7)
    axes.grid(visible=False, axis="x")
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    seen = thinned(curve, 0, 100, 80 if narrow else 160)
    axes.fill_between(seen.x, seen.value, seen.x, color=ACCENT, alpha=0.1, linewidth=0)
    axes.plot(seen.x, seen.value, color=ACCENT)
    place = ("axes fraction", "data"), "offset points"
    axes.annotate("equal shares", (0, 50), (20, 0), *place, va="center", color=QUIET)
    _top_tenth(axes, result, curve)


def _top_tenth(axes, result: Result, curve: Series) -> None:
    """What is left for the last tenth of the customers: a bracket at the right edge."""
    begins = float(np.interp(90, curve.x, curve.value))
    axes.plot([90, 101.5, 101.5], [begins, begins, 100], color=INK, linewidth=1.2, clip_on=False)
    axes.plot([90], [begins], "o", markersize=7, color=ACCENT)
    row = _row(result, TOP)
    share = value_words(result, row) if row else short_quantity(100 - begins, "%", 0, result.client)
    place = ("axes fraction", "data"), "offset points"
    if is_narrow(axes.figure):  # above the diagonal there is room
        axes.annotate(f"top 10%:\n{share} of revenue", (0, 97), (20, 0), *place, va="top", color=INK)
        return
    middle = (100 + begins) / 2
    axes.annotate(f"top 10%:\n{share} of revenue", (1, middle), (18, 0), *place, va="center", color=INK)


def _row(result: Result, breakdown: str):
    """The row of a breakdown, None where it has no value."""
    return next((row for row in result.entries if row.breakdown == breakdown and available(row)), None)


def _share(result: Result, curve: Series, x: float) -> str:
    return short_quantity(float(np.interp(x, curve.x, curve.value)), "%", 0, result.client)


def _title(result: Result) -> str:
    """The revenue share of the top 10%, with its interval."""
    row = _row(result, TOP)
    if row is None:
        return result.metric.title
    limits = interval_words(result, row)
    interval = f" ({interval_name(result)} {limits})" if limits else ""
    return f"{result.metric.title}: the top 10% of customers bring {value_words(result, row)} of revenue{interval}"


def _tables(result: Result, curve: Series):
    """The figures of the rows, and the curve at tenths of the customers."""
    rows = [(row.breakdown, row) for row in result.entries]
    body = [
        [f"smallest {percent(tenth / 100, result.client)}" if tenth < 100 else "all", _share(result, curve, tenth)]
        for tenth in _TENTHS
    ]
    tenths = table(
        ["Customers", "Share of revenue"], body, caption="The Lorenz curve by tenths of customers", numeric=(1,)
    )
    return join(numbers_table(result, "Figure", rows, result.metric.title), tenths)


def _notes(result: Result) -> tuple[str, ...]:
    notes = [
        "Dotted: every customer spends the same. The lower the curve, the more revenue depends on a few customers."
    ]
    row = _row(result, GINI)
    if row is not None:
        interval = named_interval(result, row)
        value = f"{value_words(result, row)} ({interval})" if interval else value_words(result, row)
        notes.append(
            f"Gini coefficient of revenue {value}: 0 means equal shares, 1 means that one customer brings all."
        )
    return (" ".join(notes),)
