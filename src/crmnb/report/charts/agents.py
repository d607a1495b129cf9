"""The funnel plot of agents: a dot for each, and the limits within which agents lie who do as well as all."""

from typing import NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, TEXT, VERMILION, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import spread
from crmnb.report.drawing.series import Series, points_of, series
from crmnb.report.html import printable, table
from crmnb.report.text.alt_agents import agents_alt
from crmnb.report.text.numbers import percent, quantity, whole_number
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason
from crmnb.stats.agents import AGENTS, LIMITS, SHRUNKEN

_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 420, 52, 60, 34, 52
_MOST_LETTERS = 14  # of a name, on a telephone
_MOST_NAMES = 6  # inside of the limits: more would hide the dots
_MOST_OUTSIDE = 8  # names of those furthest outside of the limits
_FAR = 20  # times as many cases as the smallest, from which on the axis is logarithmic
_AIR = 0.08


class Agent(NamedTuple):
    """An agent: how many cases of average mix tell as much, the adjusted rate, its limits, the shrunken rate (NaN where unknown), and the cases."""

    name: str
    size: float
    rate: float
    low: float
    high: float
    shrunken: float
    n: float

    @property
    def is_outside(self) -> bool:
        """Whether it lies beyond the inner limits."""
        return self.beyond > 0

    @property
    def beyond(self) -> float:
        """By how much it lies beyond the inner limits; 0 or less inside of them."""
        return max(self.low - self.rate, self.rate - self.high)


@chart("agents")
def agents(result: Result) -> Figure | Figures:
    """Points: agents by their size, the same shrunken, and the limits (two levels)."""
    points = points_of(result) if result.metric.estimate.chart == "agents" else points_of(result).iloc[:0]
    if points.empty:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no agent may be shown')}.")
    of_limits = points[points["breakdown"] == LIMITS]
    bands = [series(str(level), own) for level, own in of_limits.groupby("level")]
    bands.sort(key=lambda band: float(band.name))
    shown = _agents(points, bands[0])
    pictures = drawings(lambda figure: _draw(figure, result, shown, bands), _HEIGHT, _HEIGHT)
    target = _rate(float(bands[0].value[0]), result)
    outside = [(agent.name, _rate(agent.rate, result)) for agent in shown if agent.is_outside]
    levels = [percent(float(band.name), result.client) for band in bands]
    ends = [(agent.name, _rate(agent.rate, result)) for agent in (shown[-1], shown[0])]
    alt = agents_alt(len(shown), target, levels, ends, outside)
    texts = {"title": _title(result, outside), "alt": alt, "notes": _notes(result, levels)}
    return Figure(table=_table(result, shown, levels[0]), **texts, **pictures)


def _agents(points, inner: Series) -> list[Agent]:
    """The agents, that of the lowest rate first."""
    drawn_in = {p.level: p.value for p in points[points["breakdown"] == SHRUNKEN].itertuples()}
    own = [
        Agent(
            printable(p.level, 30),
            p.x,
            p.value,
            float(np.interp(p.x, inner.x, inner.low)),
            float(np.interp(p.x, inner.x, inner.high)),
            drawn_in.get(p.level, float("nan")),
            p.n,
        )
        for p in points[points["breakdown"] == AGENTS].itertuples()
    ]
    return sorted(own, key=lambda agent: (agent.rate, agent.name))


def _draw(figure, result: Result, shown: list[Agent], bands: list[Series]) -> None:
    axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    if bands[0].x[-1] > _FAR * bands[0].x[0]:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: whole_number(x, result.client)))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(bands[0].x[0], bands[0].x[-1])
    rates = [agent.rate for agent in shown]
    low, high = min(*rates, *bands[0].low), max(*rates, *bands[0].high)
    air = _AIR * ((high - low) or 1.0)
    axes.set_ylim(max(low - air, -1.0), min(high + air, 103.0))
    unit_ticks(axes.yaxis, result, 6)
    axes.set_xlabel("tickets (as many of an average case mix)", color=QUIET, labelpad=6)
    axes.set_title("share resolved, adjusted for the case mix", loc="left", fontsize=TEXT, color=QUIET, pad=9)
    axes.axhline(bands[0].value[0], color=QUIET, linewidth=1.4)
    for band, style in zip(bands, ((0, (5, 3)), (0, (1, 2.5))), strict=False):
        for ends in (band.low, band.high):
            inside = (ends >= axes.get_ylim()[0]) & (ends <= axes.get_ylim()[1])
            axes.plot(band.x, np.where(inside, ends, np.nan), color=QUIET, linewidth=1.3, linestyle=style)
    _label_limits(axes, [(percent(float(band.name), result.client), band) for band in bands])
    for agent in shown:
        axes.plot([agent.size], [agent.rate], "o", markersize=9, color=VERMILION if agent.is_outside else ACCENT)
    outside = sorted((agent for agent in shown if agent.is_outside), key=lambda agent: -agent.beyond)[:_MOST_OUTSIDE]
    _label(axes, shown if len(shown) <= _MOST_NAMES else outside)


def _label_limits(axes, named: list[tuple[str, Series]]) -> None:
    """The level of each pair of limits beside the end of the upper one."""
    bounds = axes.get_window_extent()
    heights = [float(axes.transData.transform((band.x[-1], band.high[-1]))[1]) for _, band in named]
    places = spread(heights, TEXT + 2, bounds.y0, bounds.y1 + 20)
    for (words, _), place in zip(named, places, strict=True):
        axes.annotate(words, (bounds.x1 + 5, place), xycoords="figure pixels", va="center", color=QUIET)


def _label(axes, named: list[Agent]) -> None:
    """Each name beside its dot, moved up or down where two would overlap."""
    places = [axes.transData.transform((agent.size, agent.rate)) for agent in named]
    bounds = axes.get_window_extent()
    heights = spread([float(y) for _, y in places], TEXT + 2, bounds.y0 + 8, bounds.y1 - 8)
    for agent, (x, _), height in zip(named, places, heights, strict=True):
        name = printable(agent.name, _MOST_LETTERS) if is_narrow(axes.figure) else agent.name
        left = x > bounds.x1 - (widest([name]) if is_narrow(axes.figure) else 40)
        place = {"xycoords": "figure pixels", "va": "center", "ha": "right" if left else "left"}
        axes.annotate(name, (x - 9 if left else x + 9, height), color=INK, **place)


def _rate(value: float, result: Result) -> str:
    return quantity(value, "%", 1, result.client)


def _title(result: Result, outside: list[tuple[str, str]]) -> str:
    """Who lies outside of the limits, where anybody does."""
    if not outside:
        return f"{result.metric.title}: nobody outside the limits"
    if len(outside) > _MOST_OUTSIDE:
        return f"{result.metric.title}: {whole_number(len(outside), result.client)} outside the limits"
    who = ", ".join(f"{name} ({rate})" for name, rate in outside[:3])
    more = f" and {len(outside) - 3} more" if len(outside) > 3 else ""
    return f"{result.metric.title}: outside the limits {who}{more}"


def _table(result: Result, shown: list[Agent], level: str):
    body = [
        [
            agent.name,
            whole_number(agent.n, result.client),
            _rate(agent.rate, result),
            f"{_rate(agent.low, result)} to {_rate(agent.high, result)}",
            _rate(agent.shrunken, result) if np.isfinite(agent.shrunken) else "",
        ]
        for agent in shown
    ]
    columns = ["Agent", "Tickets", "Resolved, adjusted", f"Limits ({level})", "Shrunken estimate"]
    return table(columns, body, caption=result.metric.title, numeric=(1, 2, 3, 4))


def _notes(result: Result, levels: list[str]) -> tuple[str, ...]:
    note = f"Dashed and dotted: limits for {' and '.join(levels)} of agents who do as well as all. No ranking follows from dots inside of them."
    return (note, *notes_in_words(result))
