"""Initiatives: the effect by month since the start, beside what placebos find, and the effect accumulated since then."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import limits, unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, RULE, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import Series, point_interval, point_words, points_of, round_step, series
from crmnb.report.html import table
from crmnb.report.text.alt import accumulated_effect_alt, event_study_alt
from crmnb.report.text.numbers import known, whole_number
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, absence_words, interval_name, interval_words, short_value
from crmnb.stats.initiative_results import ACCUMULATED, EFFECT, PLACEBO_DATE, PLACEBO_UNIT

_CHARTS = ("event_study", "accumulated_effect")
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 320, 76, 24, 34, 52
_NARROW_LEFT = 58
_STEPS = (1, 2, 3, 6, 12, 24)

Draw = Callable[[object, Result, Series, tuple[float, float] | None, str], None]


@chart("event_study")
def event_study(result: Result) -> Figure | Figures:
    """An initiative each: points "effect" by months since the start with whiskers; the range of the placebos as a band around zero."""
    return _figures(result, EFFECT, _draw_months)


@chart("accumulated_effect")
def accumulated_effect(result: Result) -> Figure | Figures:
    """An initiative each: points "accumulated" by months since the start, a line with a band."""
    return _figures(result, ACCUMULATED, _draw_sum)


def _figures(result: Result, level: str, draw: Draw) -> Figure | Figures:
    points = points_of(result)
    points = points if result.metric.estimate.chart in _CHARTS else points.iloc[:0]
    names = list(dict.fromkeys(points.loc[points["level"] == level, "breakdown"]))
    if not names:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no initiative')}.")
    return Figures(tuple(_figure(result, points[points["breakdown"] == name], name, level, draw) for name in names))


def _figure(result: Result, points: pd.DataFrame, name: str, level: str, draw: Draw) -> Figure:
    curve, placebos = series(name, points[points["level"] == level]), _range_of_placebos(points)
    unit = next((row.unit for row in result.entries if row.breakdown == name), result.metric.unit)
    band = placebos if level == EFFECT else None
    pictures = drawings(lambda figure: draw(figure, result, curve, band, unit), _HEIGHT, _HEIGHT)
    alt = event_study_alt(result, curve, band, unit) if level == EFFECT else accumulated_effect_alt(result, curve, unit)
    texts = {"title": _title(result, name), "alt": alt, "notes": _notes(result, level, band)}
    return Figure(table=_table(result, curve, unit), **texts, **pictures)


def _range_of_placebos(points: pd.DataFrame) -> tuple[float, float] | None:
    """The least and the greatest average effect at dates and units at which nothing started, with zero; None without any."""
    effects = points.loc[points["level"].isin([PLACEBO_DATE, PLACEBO_UNIT]), "value"]
    return (min(float(effects.min()), 0.0), max(float(effects.max()), 0.0)) if len(effects) else None


def _axes(figure, result: Result, curve: Series, others: tuple[float, ...], unit: str):
    """Axes with months across, a line at zero, and the metric's unit up."""
    axes = box(figure, _NARROW_LEFT if is_narrow(figure) else _LEFT, _TOP, _RIGHT, _FOOT)
    axes.set_xlim(curve.x[0] - 0.7, curve.x[-1] + 0.7)
    ends = [float(x) for values in curve[2:5] for x in values if known(x)]
    axes.set_ylim(*limits([], unit, others=(0.0, *ends, *others)))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5, unit)
    step = int(round_step(curve.x[-1] - curve.x[0], _STEPS, 5 if is_narrow(figure) else 12))
    first = int(np.ceil(curve.x[0] / step) * step)
    axes.set_xticks(range(first, int(curve.x[-1]) + 1, step))
    axes.tick_params(axis="x", pad=7)
    axes.set_xlabel("months since the start", color=QUIET, labelpad=4)
    axes.axhline(0, color=INK, linewidth=1.2)
    return axes


def _draw_months(figure, result: Result, curve: Series, band: tuple[float, float] | None, unit: str) -> None:
    axes = _axes(figure, result, curve, band or (), unit)
    if band:
        axes.axhspan(*band, color=RULE, linewidth=0, zorder=0)
    if curve.x[0] < 0:
        axes.axvline(-0.5, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
        place = ("data", "axes fraction"), "offset points"
        axes.annotate("before", (-0.5, 1), (-8, 6), *place, ha="right", va="bottom", color=QUIET)
        axes.annotate("since", (-0.5, 1), (8, 6), *place, ha="left", va="bottom", color=QUIET)
    for x, value, low, high in zip(curve.x, curve.value, curve.low, curve.high, strict=True):
        colour = ACCENT if x >= 0 else QUIET
        if known(low) and known(high) and high > low:
            axes.plot([x, x], [low, high], color=colour, linewidth=2, solid_capstyle="round")
        axes.plot([x], [value], "o", markersize=6, markerfacecolor=colour, markeredgecolor=colour)


def _draw_sum(figure, result: Result, curve: Series, band: tuple[float, float] | None, unit: str) -> None:
    axes = _axes(figure, result, curve, (), unit)
    axes.fill_between(curve.x, curve.low, curve.high, color=ACCENT, alpha=0.2, linewidth=0)
    axes.plot(curve.x, curve.value, color=ACCENT, marker="o", markersize=4)


def _title(result: Result, name: str) -> str:
    """The stated effect, or that none is."""
    row = next((row for row in result.entries if row.breakdown == name), None)
    if row is None or not available(row):
        return f"{result.metric.title}, {name}: none is stated"
    return f"{result.metric.title}, {name}: {short_value(result, row)} ({interval_words(result, row)})"


def _table(result: Result, curve: Series, unit: str):
    body = [
        [
            whole_number(curve.x[at], result.client),
            point_words(result, curve, at, unit),
            point_interval(result, curve, at, unit) or "none",
        ]
        for at in range(len(curve.x))
    ]
    columns = ["Months since the start", "Effect", interval_name(result)]
    return table(columns, body, caption=f"{result.metric.title}, {curve.name}", numeric=(0, 1, 2))


def _notes(result: Result, level: str, band: tuple[float, float] | None) -> tuple[str, ...]:
    reasons = [absence_words(result, row) for row in result.entries if not available(row)]
    if level == ACCUMULATED:
        return ("On one unit, added up since its start.", *reasons)
    grey = " Grey band: the average effects that placebo dates and placebo units find." if band else ""
    return (f"On one unit, by months since its start; before it, points should be near zero.{grey}", *reasons)
