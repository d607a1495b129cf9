"""Curves by time since the start: the share still active (survival), or converted so far (cumulative conversion)."""

import math
from typing import NamedTuple

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import must_be_declared
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import QUIET, SERIES, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import Label, label_ends, legend_height
from crmnb.report.drawing.series import Series, at, point_words, points_of, round_step, series, thinned
from crmnb.report.html import printable
from crmnb.report.tables.data_table import points_table
from crmnb.report.text.alt import curve_alt
from crmnb.report.text.numbers import known, whole_number
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, interval_name, value_words
from crmnb.schema.tables import OTHER, UNKNOWN

_TOP, _PLOT, _AXIS, _RISK_ROW, _FOOT = 16, 260, 64, 20, 16
_LONGEST = 18
_OTHERS = (
    "agents",
    "arrivals",
    "resolution",
    "completeness",
    "pareto",
    "freshness",
)  # charts whose points are shares, too
_PLACES = 250  # of a curve, from left to right
_STEPS_TOLD = 80  # more steps than that are drawn as a line
_MOST_TICKS, _MOST_NARROW_TICKS, _MOST_TIMES = 7, 4, 12
_NARROW_LEFT = 46
_STEPS = {"days": (1, 2, 5, 10, 15, 30, 60), "months": (1, 2, 3, 6, 12), "years": (1, 2, 5, 10, 20)}
_DAYS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}
_SAID_AT = (*(30, 90, 180), *(365 * years for years in (1, 2, 3, 4, 5, 7, 10, 15, 20)))


class _Clock(NamedTuple):
    """The axis of time: its unit, how many days that is, and how far the curves go, in days."""

    unit: str
    days: float
    reach: float


@chart("survival")
def curve(result: Result, segment: str | None = None) -> Figure | Figures:
    """The whole client's curves, one a breakdown; or those of the levels of a segmentation, of the first breakdown.

    At most five, the largest, and none of those of whom the level is not known. Raises InputError for a segmentation that the client does not declare.
    """
    if segment is not None:
        must_be_declared(result, segment)
    curves = _curves(result, segment)
    if not curves:
        by = f" by {segment.replace('_', ' ')}" if segment else ""
        return Figures((), f"{result.metric.title}{by}: no chart: {absence_reason(result, 'too few to draw a curve')}.")
    named = [curve for curve in curves if curve.name != UNKNOWN] or curves
    drawn, left_out = named[: len(SERIES)], named[len(SERIES) :]
    clock = _clock(drawn)
    names = [_name(curve, _LONGEST) for curve in drawn]
    at_risk = _risk_rows(result, drawn, names, _times(clock, _MOST_TICKS))
    narrow_at_risk = _risk_rows(result, drawn, names, _times(clock, _MOST_NARROW_TICKS))
    height = _TOP + _PLOT + _AXIS + _RISK_ROW * (len(at_risk) - 1) + _FOOT
    above = legend_height(filter(None, names))
    narrow_height = int(above) + _TOP + _PLOT + _AXIS + _RISK_ROW * _lines(narrow_at_risk) + _FOOT

    def draw(figure) -> None:
        if is_narrow(figure):
            axes = _narrow_axes(figure, result, drawn, clock, narrow_at_risk, above)
        else:
            axes = _axes(figure, result, drawn, clock, at_risk, height)
        _draw(axes, drawn, clock, names)

    pictures = drawings(draw, height, narrow_height)
    title = _title(result, drawn, segment)
    table = _table(result, drawn, clock, segment)
    stepped = [_is_stepped(curve) for curve in drawn]
    alt = curve_alt(result, drawn, [time for time in _times(clock, _MOST_TICKS) if time[0]], stepped)
    return Figure(title=title, alt=alt, table=table, notes=_notes(result, drawn, left_out, segment), **pictures)


def falling(curves: list[Series]) -> bool:
    """Whether they tell how many are left, from 100 down, rather than how many have got there, from 0 up."""
    moved = sum(curve.value[-1] - curve.value[0] for curve in curves)
    return moved < 0 or (moved == 0 and curves[0].value[0] >= 50)


def _curves(result: Result, segment: str | None) -> list[Series]:
    points = points_of(result, segment or "")
    if points.empty or result.metric.unit != "%":  # those of another picture
        return []
    by = "breakdown" if segment is None else "level"
    if segment is not None:
        points = points[points["breakdown"] == points["breakdown"].iloc[0]]
    curves = [series(str(name), part) for name, part in points.groupby(by, sort=False)]
    if segment is not None:
        sizes = result.rows[result.rows["segment"] == segment].groupby("level")["n"].max().to_dict()
        curves.sort(key=lambda curve: _size(curve, sizes), reverse=True)
    down = falling(curves)
    return [_from_start(curve, 100.0 if down else 0.0) for curve in curves]


def _size(curve: Series, sizes: dict[str, float]) -> float:
    """The size of a curve's level, or its highest number at risk; 0 where both are hidden."""
    return max((float(n) for n in (sizes.get(curve.name, math.nan), *curve.n) if known(n)), default=0.0)


def _from_start(curve: Series, start: float) -> Series:
    """The curve from where everybody is there (or nobody has got there): day 0, or a later one where it says so itself."""
    if curve.x[0] <= 0 or curve.value[0] == start:
        return curve
    first = (0.0, start, start, start, curve.n[0])
    return Series(curve.name, *(np.insert(values, 0, value) for values, value in zip(curve[1:], first, strict=True)))


def _clock(curves: list[Series]) -> _Clock:
    reach = max(float(curve.x[-1]) for curve in curves) or 1.0
    unit = "days" if reach <= 120 else "months" if reach <= 3.2 * 365.25 else "years"
    return _Clock(unit, _DAYS[unit], reach)


def _times(clock: _Clock, at_most: int) -> list[tuple[float, str]]:
    """Round times from 0 to the end: (days, in words)."""
    step = round_step(clock.reach / clock.days, _STEPS[clock.unit], at_most)
    count = math.floor(clock.reach / clock.days / step + 1e-9)
    counts = [k * step for k in range(count + 1)]
    return [(k * clock.days, f"{k} {clock.unit.removesuffix('s') if k == 1 else clock.unit}") for k in counts]


def _axes(figure, result: Result, curves: list[Series], clock: _Clock, at_risk: list, height: int):
    """The axes with their ticks, and under each tick how many were at risk."""
    ticks = _times(clock, _MOST_TICKS)
    gap = 12 + widest(_count(result, curve, 0) for curve in curves) / 2  # half of the first number
    left = max(66, gap + 8 + widest(name for name, _ in at_risk))
    right = 40 + beyond if (beyond := widest(_name(curve, _LONGEST) for curve in curves)) else 24
    axes = box(figure, left, _TOP, right, height - _TOP - _PLOT)
    _scales(axes, result, curves, clock, ticks)
    _at_risk(axes, at_risk, [days for days, _ in ticks], gap)
    return axes


def _narrow_axes(figure, result: Result, curves: list[Series], clock: _Clock, at_risk: list, above: float):
    """The same on a telephone: the name of each row of numbers stands on a line of its own."""
    ticks = _times(clock, _MOST_NARROW_TICKS)
    top = _TOP + above
    axes = box(figure, _NARROW_LEFT, top, 26, figure.get_size_inches()[1] * 72 - top - _PLOT)
    _scales(axes, result, curves, clock, ticks)
    down, place = 0, {"textcoords": "offset points", "va": "center"}
    for name, numbers in at_risk:
        below = -_AXIS - _RISK_ROW * down + 6
        axes.annotate(name, (0, 0), (8 - _NARROW_LEFT, below), xycoords="axes fraction", color=QUIET, **place)
        for (tick, _), words in zip(ticks, numbers, strict=False):
            axes.annotate(
                words, (tick, 0), (0, below - _RISK_ROW), xycoords=("data", "axes fraction"), ha="center", **place
            )
        down += 2 if numbers else 1
    return axes


def _lines(at_risk: list) -> int:
    """How many lines more than one the rows of numbers take where names stand on lines of their own."""
    return sum(2 if numbers else 1 for _, numbers in at_risk) - 1


def _scales(axes, result: Result, curves: list[Series], clock: _Clock, ticks: list[tuple[float, str]]) -> None:
    axes.set_xlim(0, clock.reach)
    axes.set_ylim(0, 100 if falling(curves) else _ceiling(curves))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    axes.tick_params(axis="x", pad=7)
    axes.set_xticks([days for days, _ in ticks], [words.split(" ")[0] for _, words in ticks])
    axes.set_xlabel(f"{clock.unit} since the start", color=QUIET, labelpad=2)


def _draw(axes, curves: list[Series], clock: _Clock, names: list[str]) -> None:
    if falling(curves):
        _half(axes, curves)
    places = (_PLACES // 2 if is_narrow(axes.figure) else _PLACES) // min(
        len(curves), 3
    )  # of several curves, each as fine as the eye tells them apart
    for curve, colour in zip(curves, SERIES, strict=False):
        stepped = _is_stepped(curve)
        _line(axes, _steps_of(curve) if stepped else thinned(curve, 0, clock.reach, places), colour, stepped=stepped)
    if any(names):
        ends = zip(names, curves, SERIES, strict=False)
        label_ends(axes, [Label(name, curve.x[-1], curve.value[-1], colour) for name, curve, colour in ends])


def _steps_of(curve: Series) -> Series:
    """The points at which something changes, and the last."""
    ends = np.nan_to_num(np.array([curve.value, curve.low, curve.high]))
    changes = np.append(True, (ends[:, 1:] != ends[:, :-1]).any(axis=0))
    changes[-1] = True
    return Series(curve.name, *(values[changes] for values in curve[1:]))


def _is_stepped(curve: Series) -> bool:
    """Whether it has so few steps that they are drawn."""
    return len(_steps_of(curve).x) <= _STEPS_TOLD


def _line(axes, curve: Series, colour: str, *, stepped: bool) -> None:
    """The band first, so that the line lies on it. Where not all steps are shown, a line goes through their ends.

    A curve that was thinned would have steps that nobody saw.
    """
    low, high = (np.clip(ends, *axes.get_ylim()) for ends in (curve.low, curve.high))
    axes.fill_between(curve.x, low, high, step="post" if stepped else None, color=colour, alpha=0.2, linewidth=0)
    axes.plot(curve.x, curve.value, drawstyle="steps-post" if stepped else "default", color=colour)


def _half(axes, curves: list[Series]) -> None:
    """Where half are left, if any curve gets there; of a single curve also when, straight down to the axis."""
    axes.set_yticks([0, 25, 50, 75, 100])
    reached = [curve for curve in curves if curve.value.min() <= 50]
    if not reached:
        return
    look = {"color": QUIET, "linewidth": 1.2, "linestyle": (0, (1, 2.5))}
    axes.axhline(50, **look)
    if len(curves) == 1:
        passed = curves[0].x[np.flatnonzero(curves[0].value <= 50)[0]]
        axes.plot([passed, passed], [0, 50], **look)


def _risk_rows(
    result: Result, curves: list[Series], names: list[str], ticks: list[tuple[float, str]]
) -> list[tuple[str, list[str]]]:
    """Names and how many were still followed at each tick; one row where all curves are of the same people."""

    def numbers(curve: Series) -> list[str]:
        inside = [curve.x[0] <= days <= curve.x[-1] for days, _ in ticks]
        places = [at(curve, days) if seen else None for (days, _), seen in zip(ticks, inside, strict=True)]
        return ["" if place is None else _count(result, curve, place) for place in places]

    rows = [(name, numbers(curve)) for name, curve in zip(names, curves, strict=True)]
    first = rows[0][1]
    return [("at risk", first)] if all(row == first for _, row in rows) else [("at risk", []), *rows]


def _at_risk(axes, rows: list[tuple[str, list[str]]], ticks: list[float], gap: float) -> None:
    """The rows under the axis, each number under its tick."""
    for down, (name, numbers) in enumerate(rows):
        below = -_AXIS - _RISK_ROW * down + 6
        place = {"textcoords": "offset points", "va": "center"}
        axes.annotate(name, (0, 0), (-gap, below), xycoords="axes fraction", ha="right", color=QUIET, **place)
        for tick, words in zip(ticks, numbers, strict=False):
            axes.annotate(words, (tick, 0), (0, below), xycoords=("data", "axes fraction"), ha="center", **place)


def _count(result: Result, curve: Series, place: int) -> str:
    return whole_number(curve.n[place], result.client) if known(curve.n[place]) else ""


def _ceiling(curves: list[Series]) -> float:
    """The top of an axis that begins at zero, with some air."""
    highest = max(float(np.nanmax([*curve.value, *curve.high])) for curve in curves)
    return min(100.0, 1.08 * highest) or 1.0


def _name(curve: Series, at_most: int = 40) -> str:
    return printable(curve.name, at_most)


def _title(result: Result, curves: list[Series], segment: str | None) -> str:
    """What is seen at the longest round time that every curve reaches; of levels, only where intervals lie apart."""
    title = f"{result.metric.title} by {segment.replace('_', ' ')}" if segment else result.metric.title
    reached = [days for days in _SAID_AT if all(curve.x[0] < days <= curve.x[-1] for curve in curves)]
    telling = [days for days in reached if any(1 <= curve.value[at(curve, days)] <= 99 for curve in curves)]
    if not reached:
        return title
    days = (telling or reached)[-1]  # when all are gone is less of a headline
    when = f"after {_time_words(days)}"
    seen = [(curve, at(curve, days)) for curve in curves]
    if segment is None:
        words = ", ".join(f"{point_words(result, curve, place)} {_name(curve)}".strip() for curve, place in seen)
        remain = " remain" if falling(curves) and len(curves) == 1 else ""
        return f"{title}: {words}{remain} {when}"
    seen = [pair for pair in seen if pair[0].name not in (UNKNOWN, OTHER)]
    if len(seen) < 2:
        return title
    seen.sort(key=lambda pair: -pair[0].value[pair[1]])
    (top, most), (bottom, least) = seen[0], seen[-1]
    if not top.low[most] > bottom.high[least]:
        return title
    ends = f"{point_words(result, top, most)} in {_name(top)}, {point_words(result, bottom, least)} in {_name(bottom)}"
    return f"{title}: {ends} {when}"


def _time_words(days: int) -> str:
    years = days // 365
    return f"{days} days" if not years else "1 year" if years == 1 else f"{years} years"


def _table(result: Result, curves: list[Series], clock: _Clock, segment: str | None):
    first = (
        "Time since the start" if len(curves) == 1 else f"{(segment or 'What').replace('_', ' ').capitalize()}, time"
    )
    named = [
        (f"{_name(curve)}, {words}" if curve.name else words, curve, at(curve, days))
        for curve in curves
        for days, words in _times(clock, _MOST_TIMES)
        if curve.x[0] <= days <= curve.x[-1]
    ]
    return points_table(result, first, named, result.metric.title, "At risk")


def _notes(result: Result, drawn: list[Series], left_out: list[Series], segment: str | None) -> tuple[str, ...]:
    least = result.client.privacy.suppress_below
    notes = [
        f"Band: {interval_name(result)}."
        + (" Dotted: median." if falling(drawn) and min(curve.value.min() for curve in drawn) <= 50 else ""),
        "At risk: the number still followed at that time, without the event.",
    ]
    if least > 1:
        notes.append(f"A curve ends where fewer than {least} are at risk.")
    if left_out:
        notes.append(f"Not drawn, as they are smaller: {', '.join(map(_name, left_out))}.")
    if segment is not None:
        levels = set(result.rows.loc[result.rows["segment"] == segment, "level"])
        without = UNKNOWN in levels and UNKNOWN not in {curve.name for curve in drawn}
        notes += ["Customers with an unknown level have no curve."] if without and len(levels) > 1 else []
        notes += _hidden(result, segment, {curve.name for curve in (*drawn, *left_out)} | {UNKNOWN})
    own = () if segment else notes_in_words(result)  # said once, under the whole client's curve
    return (" ".join(notes), *own)


def _hidden(result: Result, segment: str, shown: set[str]) -> list[str]:
    """The levels that have no curve, and why."""
    rows = result.rows[(result.rows["segment"] == segment) & ~result.rows["level"].isin(shown)]
    rows = tuples(rows.drop_duplicates("level"))
    return [f"{printable(row.level, 40)}: {value_words(result, row)}." for row in rows]
