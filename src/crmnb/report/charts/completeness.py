"""The heat map of completeness: tables down, the emptiest columns of each across, darker where more is missing."""

import math

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import cells as draw_cells
from crmnb.report.drawing.canvas import INK, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import printable, table
from crmnb.report.text.alt import completeness_alt
from crmnb.report.text.numbers import percentage
from crmnb.report.text.values import absence_reason

_ACROSS, _NARROW_ACROSS = 6, 3  # columns of each table that are drawn
_MOST_TABLES = 12
_ROW, _NAME, _TOP, _FOOT, _GAP = 50, 20, 6, 8, 14
_LONGEST = 13  # characters of a line of a column's name
_BLUES = LinearSegmentedColormap.from_list("accent", ["#f2f7fb", "#b9d9ec", "#6fb2da", "#0068a3"])
_ON_LIGHT, _ON_DARK, _HALF = "#111214", "#fcfcfc", 62  # percent missing, from which on a cell is dark


@chart("completeness")
def completeness(result: Result) -> Figure | Figures:
    """Points: breakdown and level are table and column, the value the share of cells that are filled (or valid), x = 1 where it counts."""
    points = points_of(result) if result.metric.estimate.chart == "completeness" else points_of(result).iloc[:0]
    if points.empty:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'nothing was counted')}.")
    ordered = points.assign(late=-points["x"]).sort_values(["breakdown", "value", "late", "level"], kind="stable")
    by_table = _worst_tables(ordered)
    heights = [_height(len(by_table), narrow) for narrow in (False, True)]
    pictures = drawings(lambda figure: _draw(figure, result, by_table), *heights)
    drawn, counted = pd.concat(by_table.values()), ordered[ordered["x"] == 1]
    lowest = drawn.loc[drawn["value"].idxmin()]
    least = counted.loc[counted["value"].idxmin()] if len(counted) else None
    words = [(f"{_name(row)}", _share(result, row.value)) for row in (least, lowest) if row is not None]
    alt = completeness_alt(len(by_table), result.metric.denominator, words)
    texts = {"title": _title(result, least), "alt": alt, "notes": _notes(result, by_table, ordered)}
    return Figure(table=_table(result, ordered), **texts, **pictures)


def _worst_tables(ordered: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The columns of the tables that are drawn: those with the lowest share that counts first, then those with the lowest of all."""
    by_table = {str(name): own for name, own in ordered.groupby("breakdown", sort=True)}

    def rank(name: str) -> tuple[float, float, str]:
        own = by_table[name]
        return own.loc[own["x"] == 1, "value"].min() if (own["x"] == 1).any() else 100.0, own["value"].min(), name

    return {name: by_table[name] for name in sorted(by_table, key=rank)[:_MOST_TABLES]}


def _height(tables: int, narrow: bool) -> int:
    return _TOP + _FOOT + tables * (_ROW + (_NAME if narrow else 0))


def _name(row) -> str:
    return f"{printable(row.level, 40)} of {printable(row.breakdown, 40)}"


def _share(result: Result, value: float) -> str:
    """A share that is cut, not rounded, so that only what is complete is 100%."""
    decimals = 1 if 99 < value < 100 or 0 < value < 1 else 0
    scale = 10**decimals
    return percentage(math.floor(value * scale + 1e-9) / scale, decimals, result.client)


def _title(result: Result, least) -> str:
    if least is None:
        return result.metric.title
    if least.value == 100:
        return f"{result.metric.title}: nothing is missing or wrong in {result.metric.denominator}"
    return f"{result.metric.title}: lowest for {_name(least)} ({_share(result, least.value)})"


def _notes(result: Result, by_table: dict, ordered: pd.DataFrame) -> tuple[str, ...]:
    most, tables = max(len(own) for own in by_table.values()), ordered["breakdown"].nunique()
    left_out = [f"{tables - len(by_table)} tables"] * (tables > len(by_table))
    left_out += [f"all but the first {_ACROSS} columns of a table"] * (most > _ACROSS)
    cut = f" In the data table only: {' and '.join(left_out)}." if left_out else ""
    return (f"Darker is lower. A star marks {result.metric.denominator}.{cut}",)


def _draw(figure, result: Result, by_table: dict) -> None:
    narrow = is_narrow(figure)
    across = _NARROW_ACROSS if narrow else _ACROSS
    names = [printable(name, 30) for name in by_table]
    left = 0 if narrow else widest(names) + _GAP
    height = figure.get_size_inches()[1] * 72
    if narrow:
        for at, (name, own) in enumerate(zip(names, by_table.values(), strict=True)):
            top = _TOP + at * (_ROW + _NAME)
            axes = box(figure, left, top + _NAME, 0, height - top - _NAME - _ROW)
            axes.annotate(name, (0, 0), (0, 5), textcoords="offset points", color=INK, annotation_clip=False)
            _cells(axes, result, [own], across)
        return
    axes = box(figure, left, _TOP, 0, _FOOT)
    _cells(axes, result, list(by_table.values()), across)
    axes.set_yticks(np.arange(len(names)) + 0.5, names, color=INK)


def _cells(axes, result: Result, tables: list, across: int) -> None:
    missing = np.full((len(tables), across), np.nan)
    for down, own in enumerate(tables):
        for place, row in enumerate(own.head(across).itertuples(index=False)):
            missing[down, place] = 100 - row.value
    draw_cells(axes, np.ma.masked_invalid(missing), _BLUES, 100)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for down, own in enumerate(tables):
        for place, row in enumerate(own.head(across).itertuples(index=False)):
            colour = _ON_DARK if 100 - row.value > _HALF else _ON_LIGHT
            words = [*_lines(row.level), _share(result, row.value) + ("*" if row.x == 1 else "")]
            for line, text in enumerate(words):
                offset = (line - (len(words) - 1) / 2) * 15
                where = {"ha": "center", "va": "center", "color": colour, "annotation_clip": False}
                axes.annotate(text, (place + 0.5, down + 0.5), (0, -offset), textcoords="offset points", **where)


def _lines(name: str) -> list[str]:
    """The name on at most two lines."""
    first, *others = printable(name, 2 * _LONGEST).split(" ")
    lines = [first]
    for word in others:
        if len(lines[-1]) + len(word) < _LONGEST:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…" for line in lines[:2]]


def _table(result: Result, ordered):
    body = [
        [printable(row.breakdown), printable(row.level), _share(result, row.value) + ("*" if row.x == 1 else "")]
        for row in ordered.itertuples(index=False)
    ]
    columns = ["Table", "Column", result.metric.title]
    return table(columns, body, caption=result.metric.title, numeric=(2,))
