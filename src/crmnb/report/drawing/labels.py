"""Direct labels: names beside the ends of curves in place of a legend, moved apart where they would overlap."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import IdentityTransform

from crmnb.report.drawing.canvas import INK, NARROW, TEXT, is_narrow, widest

_LEADER, _SWATCH = 10, 16
_THICK = 5  # pixels, from which on the end of a stroke is not round
_EDGE, _BETWEEN, _LINE = 8, 12, TEXT + 6  # pixels of a legend: beside it, between its names, and of each line


class Label(NamedTuple):
    """A name for what ends at (x, y) of the axes, in the colour of the line; without one, the name alone, quietly."""

    text: str
    x: float
    y: float
    colour: str


def spread(wanted: list[float], gap: float, lowest: float, highest: float) -> list[float]:
    """The places nearest to those wanted (least squares) that are `gap` apart, in order, and inside both ends."""
    if not wanted:
        return []
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    fitted = never_falling(np.asarray(wanted, float)[order] - steps)
    room = max(highest - gap * (len(wanted) - 1), lowest)
    placed = np.empty(len(wanted))
    placed[order] = np.clip(fitted, lowest, room) + steps
    return placed.tolist()


def never_falling(values: Iterable[float]) -> np.ndarray:
    """The sequence nearest to the values (least squares) in which none is less than the one before it.

    Neighbours that fall are pooled until none falls, as by scipy.optimize.isotonic_regression, which takes longer to import than a
    chart to draw.
    """
    means, sizes = [], []
    for value in values:
        mean, size = value, 1
        while means and means[-1] >= mean:
            before = sizes.pop()
            mean, size = (means.pop() * before + mean * size) / (before + size), before + size
        means.append(mean)
        sizes.append(size)
    return np.repeat(means, sizes)


def label_ends(axes, labels: list[Label]) -> None:
    """Each label in the right margin at the height where its line ends; a thin line leads there from the end.

    A figure for a telephone has no such margin: there the labels are a legend above the axes (`legend_height`).
    """
    if is_narrow(axes.figure):
        legend(axes.figure, [(label.text, label.colour) for label in labels])
        return
    box = axes.get_window_extent()
    ends = [tuple(axes.transData.transform((label.x, label.y))) for label in labels]
    places = spread([y for _, y in ends], TEXT + 5, box.y0 + 4, box.y1 - 4)
    for label, (x, y), place in zip(labels, ends, places, strict=True):
        _stroke(axes.figure, [x, box.x1 + _LEADER], [y, place], label.colour, 1.0, dotted=x < box.x1 - 2)
        start = box.x1 + _LEADER
        _stroke(axes.figure, [start, start + _SWATCH], [place, place], label.colour, 3.0)
        axes.annotate(label.text, (start + _SWATCH + 6, place), xycoords="figure pixels", va="center", color=INK)


def legend(figure, named: list[tuple[str, str]], thickness: float = 3.0) -> None:
    """Names at the top of a figure, each beside a stroke of its colour, on as many lines as they take."""
    height = figure.get_size_inches()[1] * 72
    places, _ = _legend_places([name for name, _ in named], figure.get_size_inches()[0] * 72)
    for (name, colour), (x, line) in zip(named, places, strict=True):
        y = height - _LINE * (line + 0.5) - 2
        _stroke(figure, [x, x + _SWATCH], [y, y], colour, thickness)
        figure.text(x + _SWATCH + 6, y, name, transform=IdentityTransform(), va="center_baseline", color=INK)


def legend_height(names: Iterable[str], width: float = NARROW) -> float:
    """How many pixels a legend takes at the top of a figure so wide; 0 without names."""
    return _LINE * _legend_places(list(names), width)[1]


def _legend_places(names: list[str], width: float) -> tuple[list[tuple[float, int]], int]:
    """Where each name of a legend begins: the pixels from the left, and its line; and how many lines there are."""
    places, x, line = [], float(_EDGE), 0
    for name in names:
        size = _SWATCH + 6 + widest([name])
        if x > _EDGE and x + size > width - _EDGE:
            x, line = float(_EDGE), line + 1
        places.append((x, line))
        x += size + _BETWEEN
    return places, line + 1 if names else 0


def _stroke(figure, x: list[float], y: list[float], colour: str, width: float, *, dotted: bool = False) -> None:
    look = {"linestyle": (0, (1, 2.5)) if dotted else "-", "solid_capstyle": "butt" if width > _THICK else "round"}
    line = Line2D(x, y, color=colour, linewidth=width, transform=IdentityTransform(), **look)
    figure.add_artist(line)
