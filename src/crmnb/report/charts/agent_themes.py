"""The heat map of what customers write about agents: agents down, themes across, darker where more comments are about a theme."""

from textwrap import wrap
from typing import NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import cells as draw_cells
from crmnb.report.drawing.canvas import INK, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import printable, table
from crmnb.report.tables.data_table import n_words
from crmnb.report.text.alt_agents import agent_themes_alt
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, interval_name, interval_words, value_words
from crmnb.stats.agent_themes import SHRUNKEN

_MOST_AGENTS = 12
_ROW, _FOOT, _LINE, _GAP = 26, 8, 16, 14
_LETTERS, _NARROW_LETTERS, _MOST_LINES = 24, 11, 3  # of a theme's name
_BLUES = LinearSegmentedColormap.from_list("accent", ["#f2f7fb", "#b9d9ec", "#6fb2da", "#0068a3"])
_ON_LIGHT, _ON_DARK, _DARK = "#111214", "#fcfcfc", 0.75  # of the largest share, from which on a cell is dark


class Cell(NamedTuple):
    """A theme and an agent: the row that is drawn, and the row of the share that is not shrunken."""

    theme: str
    agent: str
    drawn: object
    plain: object


@chart("agent_themes")
def agent_themes(result: Result) -> Figure | Figures:
    """Points: breakdown is the theme, level the breakdown of the row that is drawn: of the shrunken share, where there is one."""
    cells = _cells(result)
    if not cells:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no agent may be shown')}.")
    themes, agents = (
        [*dict.fromkeys(names)] for names in zip(*((cell.theme, cell.agent) for cell in cells), strict=True)
    )
    shown = _most_comments(cells, agents)
    heights = [_top(themes, letters) + len(shown) * _ROW + _FOOT for letters in (_LETTERS, _NARROW_LETTERS)]
    pictures = drawings(lambda figure: _draw(figure, result, cells, themes, shown), *heights)
    ends = [_ends(cells, theme) for theme in themes]
    quantity = "shrunken share of an agent's comments" if _is_shrunken(cells) else "share of an agent's comments"
    words = [
        (printable(theme), _words(result, top), _words(result, low))
        for theme, (top, low) in zip(themes, ends, strict=True)
    ]
    texts = {"title": _title(result, ends), "alt": agent_themes_alt(len(agents), quantity, words)}
    notes = _notes(result, cells, len(agents) - len(shown))
    return Figure(table=_table(result, cells, themes, agents), notes=notes, **texts, **pictures)


def _cells(result: Result) -> list[Cell]:
    """What may be shown, by theme (the most frequent first) and agent."""
    rows = {row.breakdown: row for row in result.entries}
    order, cells = list(rows), []
    for point in points_of(result).itertuples():
        row = rows.get(point.level) if point.level else None  # points of other metrics have no level
        if row is not None and available(row):
            plain = point.level.removesuffix(SHRUNKEN)
            cells.append(Cell(point.breakdown, plain.removeprefix(f"{point.breakdown}, "), row, rows[plain]))
    return sorted(cells, key=lambda cell: order.index(cell.drawn.breakdown))


def _most_comments(cells: list[Cell], agents: list[str]) -> list[str]:
    """The agents that are drawn: those with most comments, in the order of all."""
    comments = {cell.agent: cell.drawn.n for cell in cells}
    chosen = sorted(agents, key=lambda agent: -comments[agent])[:_MOST_AGENTS]
    return [agent for agent in agents if agent in chosen]


def _is_shrunken(cells: list[Cell]) -> bool:
    return any(cell.drawn is not cell.plain for cell in cells)


def _ends(cells: list[Cell], theme: str) -> tuple[Cell, Cell]:
    """The agents with the highest and the lowest share of a theme."""
    own = [cell for cell in cells if cell.theme == theme]
    return max(own, key=lambda cell: cell.drawn.value), min(own, key=lambda cell: cell.drawn.value)


def _words(result: Result, cell: Cell) -> tuple[str, str]:
    return printable(cell.agent, 30), value_words(result, cell.drawn)


def _title(result: Result, ends: list[tuple[Cell, Cell]]) -> str:
    """The theme in which the shares of agents are furthest apart, as far as they are drawn apart at all."""
    high, low = max(ends, key=lambda pair: pair[0].drawn.value - pair[1].drawn.value)
    (first, most), (last, least) = _words(result, high), _words(result, low)
    if most == least:
        return f"{result.metric.title}: all agents alike"
    return f"{result.metric.title}: “{printable(high.theme, 40)}” in {least} ({last}) to {most} ({first}) of comments"


def _notes(result: Result, cells: list[Cell], left_out: int) -> tuple[str, ...]:
    kind = (
        "Shrunken shares: those of few comments are moved towards the share of all agents."
        if _is_shrunken(cells)
        else ""
    )
    more = f"Drawn are the agents with most comments; {left_out} more are in the data table only." if left_out else ""
    note = " ".join(filter(None, ("Darker is more. A comment can have several themes or none.", kind, more)))
    return (note, *notes_in_words(result))


def _top(themes: list[str], letters: int) -> int:
    return 10 + _LINE * max(len(_lines(theme, letters)) for theme in themes)


def _lines(theme: str, letters: int) -> list[str]:
    return wrap(printable(theme), letters, max_lines=_MOST_LINES, placeholder=" …") or [""]


def _draw(figure, result: Result, cells: list[Cell], themes: list[str], agents: list[str]) -> None:
    letters = _NARROW_LETTERS if is_narrow(figure) else _LETTERS
    names = [printable(agent, 14) for agent in agents]
    axes = box(figure, widest(names) + _GAP, _top(themes, letters), 0, _FOOT)
    places = {(cell.theme, cell.agent): cell.drawn for cell in cells}
    shares = np.full((len(agents), len(themes)), np.nan)
    for down, agent in enumerate(agents):
        for across, theme in enumerate(themes):
            if row := places.get((theme, agent)):
                shares[down, across] = row.value
    top = float(np.nanmax(shares)) or 1.0
    draw_cells(axes, np.ma.masked_invalid(shares), _BLUES, top)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(themes)) + 0.5, ["\n".join(_lines(theme, letters)) for theme in themes], color=INK)
    axes.set_yticks(np.arange(len(agents)) + 0.5, names, color=INK)
    for (down, across), share in np.ndenumerate(shares):
        if np.isfinite(share):
            words = value_words(result, places[themes[across], agents[down]])
            colour = _ON_DARK if share > _DARK * top else _ON_LIGHT
            axes.annotate(words, (across + 0.5, down + 0.5), ha="center", va="center", color=colour)


def _table(result: Result, cells: list[Cell], themes: list[str], agents: list[str]):
    """By agent the comments, and of each theme the share with its interval, and the shrunken one."""
    kinds = ("share", "shrunken") if _is_shrunken(cells) else ("share",)
    columns = [
        "Agent",
        "Comments",
        *(f"{printable(theme)}, {kind} ({interval_name(result)})" for theme in themes for kind in kinds),
    ]
    body = []
    for agent in agents:
        own = {cell.theme: cell for cell in cells if cell.agent == agent}
        line = [printable(agent, 30), n_words(result, next(iter(own.values())).drawn)]
        for theme in themes:
            rows = (own[theme].plain, own[theme].drawn)[: len(kinds)] if theme in own else (None,) * len(kinds)
            line += [
                f"{value_words(result, row)} ({interval_words(result, row)})" if row is not None else "" for row in rows
            ]
        body.append(line)
    return table(columns, body, caption=result.metric.title, numeric=tuple(range(1, len(columns))))
