"""The Pareto chart of causes: the most frequent first, with the share that all so far have together."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, PAPER, QUIET, VERMILION, box, drawings
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import printable, table
from crmnb.report.text.alt import pareto_alt
from crmnb.report.text.numbers import percentage, whole_number
from crmnb.report.text.values import absence_reason

_MOST = 8
_ROW, _TOP, _FOOT, _AXIS = 46, 30, 8, 12
_UNDER = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}  # so that the line passes behind a name
_NAME_UP = 16  # pixels from a bar's middle to its name


@chart("pareto")
def pareto(result: Result) -> Figure | Figures:
    """Points: the level is a cause, the value its number of rows, x how many of these have no other cause."""
    points = points_of(result) if result.metric.estimate.chart == "pareto" else points_of(result).iloc[:0]
    if points.empty:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no row was rejected')}.")
    ordered = points.sort_values(["value", "level"], ascending=[False, True], kind="stable")
    named = [(printable(row.level, 60), float(row.value), float(row.x)) for row in ordered.itertuples(index=False)]
    shown = named[:_MOST]
    if len(named) > _MOST + 1:
        others = named[_MOST:]
        shown.append((f"{len(others)} other causes", sum(rows for _, rows, _ in others), 0.0))
    else:
        shown = named
    height = _TOP + _ROW * len(shown) + _FOOT
    pictures = drawings(lambda figure: _draw(figure, result, shown), height, height)
    total = sum(rows for _, rows, _ in named)
    first, most, _ = named[0]
    largest = (first, whole_number(most, result.client), _percent(100 * most / total, result))
    alt = pareto_alt(len(named), largest, [(name, whole_number(rows, result.client)) for name, rows, _ in shown])
    title = f"{result.metric.title}: most by {largest[0]} ({largest[1]} {'row' if most == 1 else 'rows'}, {largest[2]} of all causes)"
    notes = ("Bars: rows with the cause; a row may have several. Line: the share of all causes so far.",)
    return Figure(table=_table(result, named, total), title=title, alt=alt, notes=notes, **pictures)


def _percent(share: float, result: Result) -> str:
    return percentage(share, 0, result.client)


def _draw(figure, result: Result, shown: list[tuple[str, float, float]]) -> None:
    axes = box(figure, _AXIS, _TOP, 46, _FOOT)
    rows = np.array([rows for _, rows, _ in shown])
    total, places = rows.sum(), np.arange(len(shown))
    axes.set_xlim(0, 100)
    axes.set_ylim(len(shown) - 0.3, -0.6)
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.set_xticks([0, 50, 100], [_percent(tick, result) for tick in (0, 50, 100)])
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("share of all causes", color=QUIET, labelpad=4, loc="right")
    colours = [PALE if name.endswith(" other causes") else ACCENT for name, _, _ in shown]
    axes.barh(places, 100 * rows / total, 0.28, facecolor=colours, edgecolor=PAPER, linewidth=0)
    so_far = 100 * np.cumsum(rows) / total
    axes.plot(so_far, places, "o-", color=VERMILION, linewidth=1.4, markersize=4)
    for place, (name, number, _) in enumerate(shown):
        words = f"{name}: {whole_number(number, result.client)}"
        axes.annotate(words, (0, place), (0, _NAME_UP), textcoords="offset points", va="center", color=INK, bbox=_UNDER)
        axes.annotate(
            _percent(so_far[place], result),
            (so_far[place], place),
            (8, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )


def _table(result: Result, named: list[tuple[str, float, float]], total: float):
    so_far = np.cumsum([rows for _, rows, _ in named]) / total
    body = [
        [name, whole_number(rows, result.client), whole_number(sole, result.client), _percent(100 * share, result)]
        for (name, rows, sole), share in zip(named, so_far, strict=True)
    ]
    columns = ["Cause", "Rows", "Of these with no other cause", "Share of all causes so far"]
    return table(columns, body, caption=result.metric.title, numeric=(1, 2, 3))
