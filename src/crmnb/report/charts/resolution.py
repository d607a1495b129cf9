"""The resolution curve: the share of cases that came within so many hours, with the targets."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.metrics.definition import catalogue
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import Series, at, point_words, points_of, round_step, series, thinned
from crmnb.report.tables.data_table import points_table
from crmnb.report.text.alt import resolution_alt
from crmnb.report.text.numbers import number
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, interval_name

_HEIGHT, _LEFT, _TOP, _RIGHT, _FOOT = 340, 56, 16, 24, 52
_STEPS = (1, 2, 4, 8, 12, 24, 48, 72, 168, 336)
_MOST_TICKS, _MOST_NARROW_TICKS = 8, 4
_PLACES, _NARROW_PLACES = 160, 60  # of the curve, from left to right
_NEARLY_ALL = 90.0  # percent: the axis ends some way after so many are resolved


@chart("resolution")
def resolution(result: Result) -> Figure | Figures:
    """Points of the whole: hours, and the share that came by then."""
    points = points_of(result) if result.metric.estimate.chart == "resolution" else points_of(result).iloc[:0]
    if len(points) < 2:
        return Figures(
            (), f"{result.metric.title}: no chart: {absence_reason(result, 'too few cases to draw a curve')}."
        )
    curve = series("", points)
    reach = _reach(curve)
    targets = _targets(result, reach)
    pictures = drawings(lambda figure: _draw(figure, result, curve, reach, targets), _HEIGHT, _HEIGHT)
    hours = [hour for hour in _ticks(reach) if hour <= curve.x[-1]]
    marks = [(number(hour, 0, result.client), at(curve, hour)) for hour in hours]
    table = points_table(
        result, "Within hours", [(words, curve, place) for words, place in marks], result.metric.title, "Still open"
    )
    target_words = [
        (number(hour, 1 if hour % 1 else 0, result.client), share, point_words(result, curve, at(curve, hour)))
        for hour, share in targets
    ]
    alt = resolution_alt(
        result, [(words, point_words(result, curve, place)) for words, place in marks[1:]], target_words
    )
    texts = {"title": _title(result, curve, hours), "alt": alt, "notes": _notes(result, targets)}
    return Figure(table=table, **texts, **pictures)


def _reach(curve: Series) -> float:
    """Where the axis ends: a quarter after nearly all are resolved, or with the curve."""
    nearly = np.flatnonzero(curve.value >= _NEARLY_ALL)
    last = float(curve.x[-1]) or 1.0
    return min(last, 1.25 * float(curve.x[nearly[0]])) if len(nearly) and curve.x[nearly[0]] > 0 else last


def _until(curve: Series, reach: float) -> Series:
    """The curve as far as the axis goes."""
    return Series(curve.name, *(column[curve.x <= reach] for column in curve[1:]))


def _ticks(reach: float, at_most: int = _MOST_TICKS) -> list[float]:
    step = round_step(reach, _STEPS, at_most)
    return [float(hour) for hour in np.arange(0, reach + 1e-9, step)]


def _targets(result: Result, reach: float) -> list[tuple[float, int]]:
    """The declared targets in hours with the share that each promises, those inside the picture."""
    known = catalogue()
    return sorted(
        (hours, known[name].estimate.quantile)
        for name, hours in result.client.targets.items()
        if known[name].estimate.quantile and known[name].numerator == result.metric.numerator and hours <= reach
    )


def _draw(figure, result: Result, curve: Series, reach: float, targets: list[tuple[float, int]]) -> None:
    narrow = is_narrow(figure)
    axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    axes.set_xlim(0, reach)
    axes.set_ylim(0, 100)
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    ticks = _ticks(reach, _MOST_NARROW_TICKS if narrow else _MOST_TICKS)
    axes.tick_params(axis="x", pad=7)
    axes.set_xticks(ticks, [number(hour, 0, result.client) for hour in ticks])
    axes.set_xlabel("hours since the opening", color=QUIET, labelpad=4)
    seen = thinned(_until(curve, reach), 0, reach, _NARROW_PLACES if narrow else _PLACES)
    _, x, value, low, high, _ = seen
    axes.fill_between(x, low, high, step="post", color=ACCENT, alpha=0.2, linewidth=0)
    axes.plot(x, value, color=ACCENT, drawstyle="steps-post")
    for hour, share in targets:
        look = {"color": QUIET, "linewidth": 1.2, "linestyle": (0, (1, 2.5))}
        axes.plot([0, hour, hour], [share, share, 0], **look)
        axes.plot([hour], [share], "D", markersize=7, color=INK)
        words = f"{share}% in {number(hour, 1 if hour % 1 else 0, result.client)} h"
        words = words if narrow else f"target: {words}"
        left = hour > 0.6 * reach
        axes.annotate(
            words,
            (hour, share),
            (-10 if left else 12, 8 if left else -14),
            textcoords="offset points",
            ha="right" if left else "left",
            color=INK,
        )


def _title(result: Result, curve: Series, hours: list[float]) -> str:
    """What is resolved by a round time about half way, where anything is."""
    telling = [hour for hour in hours if hour > 0]
    if not telling:
        return result.metric.title
    hour = telling[len(telling) // 2]
    words = point_words(result, curve, at(curve, hour))
    return f"{result.metric.title}: {words} within {number(hour, 0, result.client)} hours"


def _notes(result: Result, targets: list[tuple[float, int]]) -> tuple[str, ...]:
    notes = [f"Band: {interval_name(result)}."]
    if targets:
        notes.append("Diamonds: targets; one that lies below the curve is met.")
    return (" ".join(notes), *notes_in_words(result))
