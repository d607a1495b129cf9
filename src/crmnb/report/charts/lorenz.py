"""The Lorenz curve: which share of the revenue the smallest customers bring, from none of them to all."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, box, canvas, svg
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import Series, points_of, series, thinned
from crmnb.report.html import join, table
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import lorenz_alt
from crmnb.report.text.numbers import brief, percent
from crmnb.report.text.sentences import available, interval_words, value_words, why_nothing

GINI, TOP = "gini", "top decile"
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 420, 72, 230, 30, 56
_TENTHS = range(10, 101, 10)


@chart("lorenz")
def lorenz(result: Result) -> Figure | Figures:
    """Points: x, the share of customers from the smallest spender (0 to 100), and the share of the revenue they bring.

    The breakdowns "gini" and "top decile" are said in the title and the notes.
    """
    points = points_of(result)
    if points.empty or result.metric.unit != "share":  # those of another picture
        return Figures((), f"{result.metric.title}: no curve: {why_nothing(result, 'too few customers to draw one')}.")
    curve = _whole(series("", points))
    with canvas(_HEIGHT) as figure:
        _draw(figure, result, curve)
        drawing = svg(figure)
    return Figure(
        drawing,
        _title(result),
        lorenz_alt(result, [(tenth, _share(result, curve, tenth)) for tenth in (20, 50, 80, 90)]),
        _tables(result, curve),
        _notes(result),
        height=_HEIGHT,
    )


def _whole(curve: Series) -> Series:
    """From none to all: a Lorenz curve begins at nothing and ends at the whole of both, whatever that is counted in."""
    first = (0.0, 0.0, 0.0, 0.0, np.nan)
    _, x, value, low, high, n = curve
    ends = 100 / (value[-1] or 1.0)
    scaled = (x * 100 / x[-1], value * ends, low * ends, high * ends, n)
    keep = x > 0
    return Series("", *(np.insert(values[keep], 0, start) for values, start in zip(scaled, first, strict=True)))


def _draw(figure, result: Result, curve: Series) -> None:
    axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    axes.set_xlim(0, 100)
    axes.set_ylim(min(0.0, float(curve.value.min())), 100)
    for axis in (axes.xaxis, axes.yaxis):
        unit_ticks(axis, result, 5, "%")
    axes.set_xlabel("of the customers, from the smallest", color=QUIET, labelpad=6)
    axes.set_title("of the revenue", loc="left", fontsize=13, color=QUIET, pad=9)
    axes.tick_params(pad=7)
    axes.grid(visible=False, axis="x")
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    seen = thinned(curve, 0, 100, 160)
    axes.fill_between(seen.x, seen.value, seen.x, color=ACCENT, alpha=0.1, linewidth=0)
    axes.plot(seen.x, seen.value, color=ACCENT)
    beside = ("axes fraction", "data"), "offset points"
    axes.annotate("all spend alike", (0, 50), (20, 0), *beside, va="center", color=QUIET)
    _top_tenth(axes, result, curve)


def _top_tenth(axes, result: Result, curve: Series) -> None:
    """What is left for the last tenth of the customers: a bracket at the right edge."""
    begins = float(np.interp(90, curve.x, curve.value))
    axes.plot([90, 101.5, 101.5], [begins, begins, 100], color=INK, linewidth=1.2, clip_on=False)
    axes.plot([90], [begins], "o", markersize=7, color=ACCENT)
    row = _row(result, TOP)
    share = value_words(result, row) if row else brief(100 - begins, "%", 0, result.client)
    beside = ("axes fraction", "data"), "offset points"
    middle = (100 + begins) / 2
    axes.annotate(f"the top tenth\nbring {share}", (1, middle), (18, 0), *beside, va="center", color=INK)


def _row(result: Result, breakdown: str):
    """The row of a breakdown, None where it has no value."""
    return next((row for row in result.entries if row.breakdown == breakdown and available(row)), None)


def _share(result: Result, curve: Series, x: float) -> str:
    return brief(float(np.interp(x, curve.x, curve.value)), "%", 0, result.client)


def _title(result: Result) -> str:
    """How much the top tenth bring, with its interval, from the rows."""
    row = _row(result, TOP)
    if row is None:
        return result.metric.title
    ends = interval_words(result, row)
    return f"{result.metric.title}: the top tenth of the customers bring {value_words(result, row)}{f' ({ends})' if ends else ''} of the revenue"


def _tables(result: Result, curve: Series):
    """The figures of the rows, and the curve at tenths of the customers."""
    rows = [(row.breakdown, row) for row in result.entries]
    body = [[f"smallest {tenth} %" if tenth < 100 else "all", _share(result, curve, tenth)] for tenth in _TENTHS]
    tenths = table(["Customers", "Share of the revenue"], body, caption="The curve at each tenth", numeric=(1,))
    return join(numbers_table(result, "What", rows, result.metric.title), tenths)


def _notes(result: Result) -> tuple[str, ...]:
    notes = ["Dotted: all customers spend alike. The lower the curve, the fewer the revenue hangs on."]
    row = _row(result, GINI)
    if row is not None:
        ends = interval_words(result, row)
        level = f" ({percent(result.client.level, result.client)} interval {ends})" if ends else ""
        notes.append(f"Gini {value_words(result, row)}{level}: 0 were all alike, 1 all from one customer.")
    return (" ".join(notes),)
