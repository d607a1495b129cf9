"""Freshness: how old the newest row of each table is, beside what is promised, on a logarithmic scale of time."""

from typing import NamedTuple

from matplotlib.ticker import FixedLocator, NullLocator

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, VERMILION, box, drawings
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import printable, table
from crmnb.report.text.alt import freshness_alt
from crmnb.report.text.numbers import known, quantity
from crmnb.report.text.values import absence_reason

_ROW, _TOP, _FOOT, _SIDE = 44, 26, 8, 22
_DAY = 24.0
_LEAST = 1.0  # hours: a younger one is drawn there
_TICKS = {"1 hour": 1.0, "1 day": _DAY, "1 week": 7 * _DAY, "1 month": 30.4 * _DAY, "1 year": 365 * _DAY}


class _Age(NamedTuple):
    """The newest row of a table: its age and the promised one in hours (NaN: none is)."""

    table: str
    hours: float
    promised: float

    @property
    def is_late(self) -> bool:
        return self.hours > self.promised


@chart("freshness")
def freshness(result: Result) -> Figure | Figures:
    """Points: the breakdown is a table, the value the age of its newest row in hours, x the age that is promised."""
    points = points_of(result) if result.metric.estimate.chart == "freshness" else points_of(result).iloc[:0]
    if points.empty:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no table has times')}.")
    ages = [
        _Age(printable(row.breakdown, 40), float(row.value), float(row.x)) for row in points.itertuples(index=False)
    ]
    ages.sort(key=lambda age: (-age.hours, age.table))
    height = _TOP + _ROW * len(ages) + _FOOT
    pictures = drawings(lambda figure: _draw(figure, result, ages), height, height)
    late = [age.table for age in ages if age.is_late]
    oldest = ages[0]
    promised = any(known(age.promised) for age in ages)
    seen = f"{', '.join(late)} older than promised" if late else "all as promised" if promised else ""
    seen = seen or f"oldest {oldest.table} ({_words(result, oldest.hours)})"
    alt = freshness_alt(
        len(ages), [(age.table, _words(result, age.hours)) for age in (oldest, ages[-1])], late, promised
    )
    notes = ("A younger row is drawn at 1 hour." + (" Vertical strokes: the promised age." if promised else ""),)
    title = f"{result.metric.title}: {seen}"
    return Figure(table=_table(result, ages), title=title, alt=alt, notes=notes, **pictures)


def _words(result: Result, hours: float) -> str:
    if hours < _LEAST:
        return "under 1 hour"
    if hours < 2 * _DAY:
        return quantity(hours, "hours", 0, result.client)
    return quantity(hours / _DAY, "days", 0, result.client)


def _draw(figure, result: Result, ages: list[_Age]) -> None:
    axes = box(figure, _SIDE, _TOP, _SIDE, _FOOT)
    drawn = [max(x, _LEAST) for age in ages for x in (age.hours, age.promised) if known(x)]
    most = max(*drawn, _DAY)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST * 0.8, most * 1.6)
    axes.set_ylim(len(ages) - 0.5, -0.75)
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    ticks = {name: hours for name, hours in _TICKS.items() if hours <= most * 1.6}
    axes.xaxis.set_major_locator(FixedLocator(list(ticks.values())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(list(ticks))
    for place, age in enumerate(ages):
        colour = VERMILION if age.is_late else ACCENT
        if known(age.promised):
            axes.plot([age.promised] * 2, [place - 0.28, place + 0.22], color=QUIET, linewidth=2)
        axes.plot([max(age.hours, _LEAST)], [place], "o", markersize=9, color=colour)
        words = f"{age.table}: {_words(result, age.hours)}"
        if known(age.promised):
            words += f", promised {_words(result, age.promised)}"
        where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        axes.annotate(words, (0, place), (0, 16), color=INK, **where)


def _table(result: Result, ages: list[_Age]):
    body = [
        [age.table, _words(result, age.hours), _words(result, age.promised) if known(age.promised) else "none"]
        for age in ages
    ]
    return table(["Table", "Age of the newest row", "Promised"], body, caption=result.metric.title, numeric=(1, 2))
