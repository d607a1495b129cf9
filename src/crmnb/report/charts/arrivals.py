"""The heat map of arrivals: hours of the day across, weekdays down, darker where more tickets come."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import cells as draw_cells
from crmnb.report.drawing.canvas import INK, QUIET, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import table
from crmnb.report.text.alt import arrivals_alt
from crmnb.report.text.numbers import quantity
from crmnb.report.text.values import absence_reason, breakdown_name
from crmnb.stats.arrivals import WEEKDAYS

_HEIGHT, _LEFT, _TOP, _ROW = 330, 96, 46, 38
_BLUES = LinearSegmentedColormap.from_list("accent", ["#e4f0f8", "#b9d9ec", "#6fb2da", "#0068a3"])
_HOURS = 24


@chart("arrivals")
def arrivals(result: Result) -> Figure | Figures:
    """Points: x is the hour of the week from Monday 0:00, the value its share of all tickets."""
    points = points_of(result) if result.metric.estimate.chart == "arrivals" else points_of(result).iloc[:0]
    if points.empty:
        return Figures(
            (), f"{result.metric.title}: no chart: {absence_reason(result, 'too few tickets in every hour')}."
        )
    cells = np.full((len(WEEKDAYS), _HOURS), np.nan)
    slots = points["x"].to_numpy(int)
    cells[slots // _HOURS, slots % _HOURS] = points["value"].to_numpy(float)
    names = [breakdown_name(name, result.client) for name in WEEKDAYS]
    pictures = drawings(lambda figure: _draw(figure, cells, names), _HEIGHT, _HEIGHT)
    day, hour = (int(at[0]) for at in np.nonzero(cells == np.nanmax(cells)))
    busiest = (names[day], _clock(hour), quantity(float(cells[day, hour]), "%", 1, result.client))
    title = f"{result.metric.title}: most on {busiest[0]} from {busiest[1]} ({busiest[2]})"
    shares = [(names[at], quantity(float(row.value), "%", 1, result.client)) for at, row in _by_weekday(result)]
    hidden = ("Blank: too few tickets to be shown.",) if np.isnan(cells).any() else ()
    notes = ("Darker is more; an hour's share of all tickets of the period. " + " ".join(hidden),)
    texts = {"title": title, "alt": arrivals_alt(busiest, shares), "notes": notes}
    return Figure(table=_table(result, cells, names), **texts, **pictures)


def _by_weekday(result: Result) -> list[tuple[int, object]]:
    return [
        (WEEKDAYS.index(row.breakdown), row)
        for row in result.entries
        if row.breakdown in WEEKDAYS and row.value == row.value
    ]


def _clock(hour: int) -> str:
    return f"{hour}:00 to {hour + 1}:00"


def _draw(figure, cells: np.ndarray, names: list[str]) -> None:
    axes = box(figure, _LEFT, _TOP, 10, 12)
    top = float(np.nanmax(cells)) or 1.0
    draw_cells(axes, np.ma.masked_invalid(cells), _BLUES, top)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("hour of the day", color=QUIET, labelpad=6)
    hours = range(0, _HOURS, 6 if is_narrow(figure) else 3)
    axes.set_xticks(hours, [f"{hour}:00" for hour in hours])
    axes.set_yticks(np.arange(len(names)) + 0.5, names, color=INK)


def _table(result: Result, cells: np.ndarray, names: list[str]):
    def words(share: float) -> str:
        return quantity(float(share), "%", 1, result.client) if np.isfinite(share) else ""

    body = [[_clock(hour), *(words(cells[day, hour]) for day in range(len(names)))] for hour in range(_HOURS)]
    return table(["Hour", *names], body, caption=result.metric.title, numeric=tuple(range(1, len(names) + 1)))
