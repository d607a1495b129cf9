"""Curves of time since the start: how many are still there (survival), or how many have got there (conversion)."""

import math
from typing import NamedTuple

import numpy as np

from crmnb.result import Result
from crmnb.results import tuples
from crmnb.show.alt import curve_alt
from crmnb.show.axes import unit_ticks
from crmnb.show.dots import must_be_declared
from crmnb.show.drawing import INK, QUIET, SERIES, box, canvas, svg
from crmnb.show.figure import Figure, Figures
from crmnb.show.html import printable
from crmnb.show.labels import Label, label_ends
from crmnb.show.numbers import percent, whole_number
from crmnb.show.series import Series, at, point_words, points_of, round_step, series, thinned
from crmnb.show.tables import points_table
from crmnb.show.words import value_words, why_nothing

_TOP, _PLOT, _AXIS, _RISK_ROW, _FOOT = 16, 260, 62, 20, 8
_MOST_TICKS, _MOST_TIMES = 7, 12
_STEPS = {"days": (1, 2, 5, 10, 15, 30, 60), "months": (1, 2, 3, 6, 12), "years": (1, 2, 5, 10, 20)}
_DAYS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}
_SAID_AT = (*(30, 90, 180), *(365 * years for years in (1, 2, 3, 4, 5, 7, 10, 15, 20)))


class _Clock(NamedTuple):
    """The axis of time: its unit, how many days that is, and how far the curves go, in days."""

    unit: str
    days: float
    reach: float


def curve(result: Result, segment: str | None = None) -> Figure | Figures:
    """The whole client's curves, one a component; or those of the levels of a segmentation, of the first component.

    At most five, the largest. Raises InputError for a segmentation that the client does not declare.
    """
    if segment is not None:
        must_be_declared(result, segment)
    curves = _curves(result, segment)
    if not curves:
        by = f" by {segment.replace('_', ' ')}" if segment else ""
        return Figures((), f"{result.metric.title}{by}: no curve: {why_nothing(result, 'too few to draw one')}.")
    drawn, left_out = curves[: len(SERIES)], curves[len(SERIES) :]
    clock = _clock(drawn)
    height = _TOP + _PLOT + _AXIS + _RISK_ROW * len(drawn) + _FOOT
    with canvas(height) as figure:
        _draw(figure, result, drawn, clock, height)
        drawing = svg(figure)
    title = _title(result, drawn, segment)
    table = _table(result, drawn, clock, segment)
    alt = curve_alt(result, drawn, [time for time in _times(clock, _MOST_TICKS) if time[0]])
    return Figure(drawing, title, alt, table, _notes(result, drawn, left_out, segment), height=height)


def falling(curves: list[Series]) -> bool:
    """Whether they tell how many are left, from 100 down, rather than how many have got there, from 0 up."""
    moved = sum(one.value[-1] - one.value[0] for one in curves)
    return moved < 0 or (moved == 0 and curves[0].value[0] >= 50)


def _curves(result: Result, segment: str | None) -> list[Series]:
    points = points_of(result, segment or "")
    if points.empty:
        return []
    by = "component" if segment is None else "level"
    if segment is not None:
        points = points[points["component"] == points["component"].iloc[0]]
    found = [series(str(name), part) for name, part in points.groupby(by, sort=False)]
    if segment is not None:
        sizes = result.rows[result.rows["segment"] == segment].groupby("level")["n"].max()
        found.sort(key=lambda one: -float(sizes.get(one.name, np.nanmax(one.n))))
    down = falling(found)
    return [_from_start(one, 100.0 if down else 0.0) for one in found]


def _from_start(curve: Series, start: float) -> Series:
    """The curve from day 0 on, when everybody is there (or nobody has got there)."""
    if curve.x[0] <= 0:
        return curve
    first = (0.0, start, start, start, curve.n[0])
    return Series(curve.name, *(np.insert(values, 0, value) for values, value in zip(curve[1:], first, strict=True)))


def _clock(curves: list[Series]) -> _Clock:
    reach = max(float(one.x[-1]) for one in curves) or 1.0
    unit = "days" if reach <= 120 else "months" if reach <= 3.2 * 365.25 else "years"
    return _Clock(unit, _DAYS[unit], reach)


def _times(clock: _Clock, at_most: int) -> list[tuple[float, str]]:
    """Round times from 0 to the end: (days, in words)."""
    step = round_step(clock.reach / clock.days, _STEPS[clock.unit], at_most)
    count = math.floor(clock.reach / clock.days / step + 1e-9)
    counts = [k * step for k in range(count + 1)]
    return [(k * clock.days, f"{k} {clock.unit.removesuffix('s') if k == 1 else clock.unit}") for k in counts]


def _draw(figure, result: Result, curves: list[Series], clock: _Clock, height: int) -> None:
    names = [_name(one, 26) for one in curves]
    widest = max(map(len, names))
    left = max(66, 24 + 7.4 * widest) if len(curves) > 1 else 66
    axes = box(figure, left, _TOP, 40 + 7.6 * widest if widest else 24, height - _TOP - _PLOT)
    down = falling(curves)
    axes.set_xlim(0, clock.reach)
    axes.set_ylim(0, 100 if down else _ceiling(curves))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    ticks = _times(clock, _MOST_TICKS)
    axes.set_xticks([days for days, _ in ticks], [words.split(" ")[0] for _, words in ticks])
    axes.set_xlabel(f"{clock.unit} since the start", color=QUIET, labelpad=2)
    if any(_passes_half(one, down) for one in curves):
        axes.axhline(50, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
        if len(curves) == 1:
            _median(axes, curves[0], down)
    for one, colour in zip(curves, SERIES, strict=False):
        _steps(axes, thinned(one, 0, clock.reach, 250), colour)
    if widest:
        ends = zip(names, curves, SERIES, strict=False)
        label_ends(axes, [Label(name, one.x[-1], one.value[-1], colour) for name, one, colour in ends])
    _at_risk(axes, result, curves, names, [days for days, _ in ticks])


def _steps(axes, curve: Series, colour: str) -> None:
    """The band first, so that the line lies on it."""
    axes.fill_between(curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.2, linewidth=0)
    axes.step(curve.x, curve.value, where="post", color=colour)


def _median(axes, curve: Series, down: bool) -> None:
    """Where the curve passes one half, straight down to the axis."""
    passed = np.flatnonzero(curve.value <= 50 if down else curve.value >= 50)[0]
    axes.plot([curve.x[passed]] * 2, [0, 50], color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))


def _at_risk(axes, result: Result, curves: list[Series], names: list[str], ticks: list[float]) -> None:
    """How many were still followed and had not ended at each tick, a row a curve, under the axis."""

    def write(text: str, x, offset: tuple[float, float], align: str, across: str, **style) -> None:
        axes.annotate(text, (x, 0), offset, (across, "axes fraction"), "offset points", ha=align, va="center", **style)

    if len(curves) > 1:
        write("at risk", 0, (-14, -_AXIS + 22), "right", "axes fraction", color=QUIET)
    for down, (one, name) in enumerate(zip(curves, names, strict=True)):
        below = -_AXIS - _RISK_ROW * down + 2
        write(name if len(curves) > 1 else "at risk", 0, (-14, below), "right", "axes fraction", color=QUIET)
        for tick in ticks:
            if tick <= one.x[-1]:
                write(whole_number(one.n[at(one, tick)], result.client), tick, (0, below), "center", "data", color=INK)


def _ceiling(curves: list[Series]) -> float:
    """The top of an axis that begins at zero, with some air."""
    highest = max(float(np.nanmax([*one.value, *one.high])) for one in curves)
    return min(100.0, 1.08 * highest) or 1.0


def _passes_half(curve: Series, down: bool) -> bool:
    return bool(curve.value.min() <= 50 if down else curve.value.max() >= 50)


def _name(curve: Series, at_most: int = 40) -> str:
    return printable(curve.name, at_most)


def _title(result: Result, curves: list[Series], segment: str | None) -> str:
    """What is seen at the longest round time that every curve reaches; of levels, only where intervals lie apart."""
    title = f"{result.metric.title} by {segment.replace('_', ' ')}" if segment else result.metric.title
    reached = [days for days in _SAID_AT if all(days <= one.x[-1] for one in curves)]
    if not reached:
        return title
    when = f"after {_time_words(reached[-1])}"
    seen = [(one, at(one, reached[-1])) for one in curves]
    if segment is None:
        words = ", ".join(f"{point_words(result, one, place)} {_name(one)}".strip() for one, place in seen)
        return f"{title}: {when} {words}{' are left' if falling(curves) and len(curves) == 1 else ''}"
    seen.sort(key=lambda pair: -pair[0].value[pair[1]])
    (top, most), (bottom, least) = seen[0], seen[-1]
    if not top.low[most] > bottom.high[least]:
        return title
    ends = f"{point_words(result, top, most)} in {_name(top)}, {point_words(result, bottom, least)} in {_name(bottom)}"
    return f"{title}: {when} {ends}"


def _time_words(days: int) -> str:
    years = days // 365
    return f"{days} days" if not years else "1 year" if years == 1 else f"{years} years"


def _table(result: Result, curves: list[Series], clock: _Clock, segment: str | None):
    first = (
        "Time since the start" if len(curves) == 1 else f"{(segment or 'What').replace('_', ' ').capitalize()}, time"
    )
    named = [
        (f"{_name(one)}, {words}" if one.name else words, one, at(one, days))
        for one in curves
        for days, words in _times(clock, _MOST_TIMES)
        if days <= one.x[-1]
    ]
    return points_table(result, first, named, result.metric.title, "At risk")


def _notes(result: Result, drawn: list[Series], left_out: list[Series], segment: str | None) -> tuple[str, ...]:
    least = result.client.privacy.suppress_below
    notes = [
        f"Band: {percent(result.client.level, result.client)} interval.",
        "At risk: how many were still followed and had not come to an end by then.",
    ]
    if least > 1:
        notes.append(f"A curve stops where they are fewer than {least}.")
    if left_out:
        notes.append(f"{len(left_out)} more, all of them smaller, are not drawn: {', '.join(map(_name, left_out))}.")
    if segment is not None:
        notes += _hidden(result, segment, {one.name for one in (*drawn, *left_out)})
    return (" ".join(notes),)


def _hidden(result: Result, segment: str, shown: set[str]) -> list[str]:
    """The levels that have no curve, and why."""
    rows = result.rows[(result.rows["segment"] == segment) & ~result.rows["level"].isin(shown)]
    rows = tuples(rows.drop_duplicates("level"))
    return [f"{printable(row.level, 40)}: {value_words(result, row)}." for row in rows]
