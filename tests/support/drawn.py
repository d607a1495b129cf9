"""What a picture shows, read from what was drawn (matplotlib's own objects), and what its texts claim of it.

Nothing here asks the functions that write the sentences: a name comes from a label beside a mark, a value from the mark.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from crmnb.report.drawing.canvas import WIDTH, canvas

MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(rf"([-{MINUS}+]?)[^\d\s,;(]?\s?(\d[\d,]*(?:\.\d+)?)")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Mark(NamedTuple):
    """A point or bar with a name: its place (from left or from the top), value, and both ends of its interval, if drawn."""

    name: str
    place: float
    value: float
    low: float
    high: float
    hollow: bool


@contextmanager
def recorded() -> Iterator[list[Canvas]]:
    """The figures that are drawn meanwhile as wide as a page, and not written as SVG, which takes longer than drawing them."""
    figures = []

    def drawing(draw: Callable[[Canvas], None], width: int, height: int) -> str:
        if width == WIDTH:  # not the same once more, for a telephone
            with canvas(height, width) as figure:
                draw(figure)
            figures.append(figure)
        return "<svg><style></style></svg>"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crmnb.report.drawing.canvas.drawing", drawing)
        yield figures


def agrees(words: str, value: float) -> bool:
    """Whether the first number of some words is the value, rounded to as many digits as it is written with.

    A tenure is drawn in days, also where it is told in years; a part of an hour is told in minutes.
    """
    found = _NUMBER.search(words)
    if not found:
        return False
    digits = found[2].replace(",", "")
    told = float(digits) * (-1 if found[1] in ("-", MINUS) else 1)
    unit = words[found.end() :]
    value = value / 365.25 if unit.startswith(" year") else 60 * value if unit.startswith(" minute") else value
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    return abs(told - value) <= half * (1 + 1e-6) + 1e-9 * abs(value)


def decimals(words: str) -> int:
    """How many decimals the first number of some words is written with."""
    return len(_NUMBER.search(words)[2].partition(".")[2])


def dots(figure: Canvas) -> tuple[list[Mark], float | None]:
    """The dots from the top down, and the value of the line of the whole client."""
    (axes,) = figure.axes
    names: dict[float, list[str]] = {}
    for text in axes.texts:
        if text.get_ha() == "right" and text.xycoords == ("axes fraction", "data") and text.xy[0] == 0:
            names.setdefault(float(text.xy[1]), []).append(text.get_text())
    points, whiskers, whole = {}, {}, None
    for line in axes.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        if line.get_marker() == "o":
            points[y[0]] = x[0], line.get_markerfacecolor() != line.get_markeredgecolor()
        elif len(x) == 2 and y[0] == y[1] and line.get_marker() == "None":
            whiskers[y[0]] = x[0], x[1]
        elif len(x) == 2 and x[0] == x[1] and (x[0] != 1 or axes.get_xscale() != "log"):
            whole = x[0]
    marks = [
        Mark(
            " ".join(words),
            at,
            *points.get(at, (np.nan, False))[:1],
            *whiskers.get(at, (np.nan, np.nan)),
            at in points and points[at][1],
        )
        for at, words in sorted(names.items())
    ]
    return marks, whole


def before(figure: Canvas) -> dict[str, float]:
    """What the levels were in the comparison period, by their names: the diamonds."""
    names = {mark.place: mark.name for mark in dots(figure)[0]}
    (axes,) = figure.axes
    return {names[line.get_ydata()[0]]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"}


def over_time(figure: Canvas) -> list[list[Mark]]:
    """The points or bars of each panel, named by the months that stand under the last one's axis."""
    ticks = {
        at: text.get_text()[:3]
        for at, text in zip(figure.axes[-1].get_xticks(), figure.axes[-1].get_xticklabels(), strict=True)
    }
    panels = []
    for axes in figure.axes:
        bands = [path.vertices for shape in axes.collections for path in shape.get_paths() if len(path.vertices)]
        ends: dict[float, tuple[float, float]] = {}
        points: dict[float, tuple[float, bool]] = {}
        for vertices in bands:
            for at in {round(x) for x in vertices[:, 0]}:
                there = vertices[np.isclose(vertices[:, 0], at)][:, 1]
                ends[at] = float(there.min()), float(there.max())
        for line in axes.lines:
            x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
            if line.get_marker() == "o":
                points[x[0]] = y[0], line.get_markerfacecolor() != line.get_markeredgecolor()
            elif len(x) == 2 and x[0] == x[1]:
                ends[x[0]] = y[0], y[1]
        for bar in axes.patches:
            at = bar.get_x() + bar.get_width() / 2
            points[round(at)] = (
                bar.get_height(),
                bar.get_linestyle() not in ("-", "solid") or points.get(round(at), (0, False))[1],
            )
        panels.append(
            [
                Mark(ticks.get(at, ""), at, value, *ends.get(at, (np.nan, np.nan)), hollow)
                for at, (value, hollow) in sorted(points.items())
            ]
        )
    return panels


def curves(figure: Canvas) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Steps, and lines of more than two points: x, y, and whether they are steps."""
    return [
        (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float), line.get_drawstyle() == "steps-post")
        for axes in figure.axes
        for line in axes.lines
        if len(line.get_xdata()) > 2 or line.get_drawstyle() == "steps-post"
    ]


def banded(figure: Canvas) -> bool:
    """Whether a band is drawn: a filled shape that is not the one between a curve and the diagonal."""
    paths = (
        path
        for axes in figure.axes
        for shape in axes.collections
        if hasattr(shape, "get_paths")
        for path in shape.get_paths()
    )
    return any(len(path.vertices) for path in paths)


def beside(figure: Canvas) -> list[str]:
    """The names at the ends of lines."""
    (axes, *_) = figure.axes
    return [text.get_text() for text in axes.texts if text.xycoords == "figure pixels"]


def value_at(curve: tuple[np.ndarray, np.ndarray, bool], x: float) -> float:
    """What a curve stands at."""
    xs, ys, stepped = curve
    return float(ys[np.searchsorted(xs, x + 1e-9, side="right") - 1]) if stepped else float(np.interp(x, xs, ys))


def month_of(name: str) -> str:
    """`Mar` of `March` or `March 2025`."""
    return name[:3]
