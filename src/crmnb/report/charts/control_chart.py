"""The control chart of a metric: its months, their limits, phases and marks. It needs the published history, so only a report draws it."""

import math
from itertools import pairwise

from crmnb.evaluate.monitoring import Monitored
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, PAPER, QUIET, VERMILION, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure
from crmnb.report.html import printable, table
from crmnb.report.text.control_charts import (
    RULES,
    amount,
    chart_alt,
    chart_notes,
    chart_title,
    decimals_on_chart,
    marked_rules,
)
from crmnb.report.text.numbers import part_tick, period_name

_HEIGHT = 330
_MOST_TICKS, _MOST_NARROW_TICKS = 13, 6
_AIR = 0.12


def control_figure(monitored: Monitored) -> Figure:
    """The chart of a metric that has one."""
    pictures = drawings(lambda figure: _draw(figure, monitored), _HEIGHT, _HEIGHT)
    facts = {"title": chart_title(monitored), "alt": chart_alt(monitored), "notes": chart_notes(monitored)}
    return Figure(table=_table(monitored), **facts, **pictures)


def _draw(figure, monitored: Monitored) -> None:
    narrow = is_narrow(figure)
    axes = box(figure, 50 if narrow else 66, 30, 12 if narrow else 76, 42)
    values, low, high = monitored.values, monitored.low, monitored.high
    least, most = min(*values, *low), max(*values, *high)
    air = _AIR * ((most - least) or abs(most) or 1.0)
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_ylim(least - air, most + air)
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, monitored.result, 5)
    _limits(axes, monitored, narrow)
    axes.plot(range(len(values)), values, color=ACCENT, linewidth=1.6)
    _points(axes, monitored)
    _restated(axes, monitored)
    step = math.ceil(len(values) / (_MOST_NARROW_TICKS if narrow else _MOST_TICKS))
    shown = range(0, len(values), step)
    axes.set_xticks([*shown])
    labels, client = monitored.months.labels, monitored.result.client
    axes.set_xticklabels([part_tick(labels[at], at == 0, client) for at in shown])


def _limits(axes, monitored: Monitored, narrow: bool) -> None:
    """The limits as a band with thin edges, and the centre line of each phase with its title above."""
    at = range(len(monitored.values))
    axes.fill_between(at, monitored.low, monitored.high, color=QUIET, alpha=0.1, linewidth=0)
    for line in (monitored.low, monitored.high):
        axes.plot(at, line, color=QUIET, linewidth=1, linestyle=(0, (4, 2.5)))
    starts = [0, *(monitored.months.labels.index(label) for label, _ in monitored.phases), len(monitored.values)]
    for first, following in pairwise(starts):
        axes.plot(range(first, following), monitored.centre[first:following], color=QUIET, linewidth=1.2)
    for start, (_, title) in zip(starts[1:], monitored.phases, strict=False):
        axes.axvline(start - 0.5, color=INK, linewidth=1, linestyle=(0, (1, 2)))
        words = printable(title, 14 if narrow else 30)
        side = "right" if start > len(monitored.values) / 2 else "left"
        place = ((start - 0.5, 1), (-4 if side == "right" else 4, 6), ("data", "axes fraction"), "offset points")
        axes.annotate(words, *place, ha=side, color=INK)
    if not narrow:
        for line, name in ((monitored.high, "upper limit"), (monitored.low, "lower limit"), (monitored.centre, "mean")):
            axes.annotate(
                name, (1, line[-1]), (6, 0), ("axes fraction", "data"), "offset points", va="center", color=QUIET
            )


def _points(axes, monitored: Monitored) -> None:
    """The months, those marked in another colour and shape, with the numbers of their rules."""
    edge = {"markeredgecolor": PAPER, "markeredgewidth": 1}
    quiet = [at for at in range(len(monitored.values)) if not marked_rules(monitored, at)]
    axes.plot(quiet, [monitored.values[at] for at in quiet], "o", color=ACCENT, markersize=5, **edge)
    for at, value in enumerate(monitored.values):
        if not (rules := marked_rules(monitored, at)):
            continue
        above = value >= monitored.centre[at]
        axes.plot([at], [value], "D", markersize=8, markerfacecolor=VERMILION, **edge)
        axes.annotate(
            ", ".join(map(str, rules)),
            (at, value),
            (0, 8 if above else -8),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            color=INK,
            fontweight="bold",
        )


def _restated(axes, monitored: Monitored) -> None:
    """A hollow ring around each month whose figure was published as another one before."""
    for at, label in enumerate(monitored.months.labels):
        if label in monitored.months.restated:
            axes.plot(
                [at],
                [monitored.values[at]],
                "o",
                markersize=13,
                markerfacecolor="none",
                markeredgecolor=INK,
                markeredgewidth=1.2,
            )


def _table(monitored: Monitored):
    months, client = monitored.months, monitored.result.client
    places = decimals_on_chart(monitored)
    columns = ["Month", "Published", "On the chart", "Mean", "Lower limit", "Upper limit", "First published", "Rules"]
    rows = [
        [
            period_name(label, client),
            amount(monitored, months.values[at], places),
            *(
                amount(monitored, line[at], places)
                for line in (monitored.values, monitored.centre, monitored.low, monitored.high)
            ),
            amount(monitored, months.restated[label], places) if label in months.restated else "",
            "; ".join(RULES[rule] for rule in marked_rules(monitored, at)),
        ]
        for at, label in enumerate(months.labels)
    ]
    used = [at for at in range(len(columns)) if at == 0 or any(row[at] for row in rows)]
    caption = f"{monitored.result.metric.title} by month, with limits"
    numeric = tuple(place for place, at in enumerate(used) if 0 < at < 7)
    return table(
        [columns[at] for at in used], [[row[at] for at in used] for row in rows], caption=caption, numeric=numeric
    )
