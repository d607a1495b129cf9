"""Direct labels: names beside the ends of curves in place of a legend, moved apart where they would overlap."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import IdentityTransform

from crmnb.report.drawing.canvas import INK, TEXT

_LEADER, _SWATCH = 10, 16


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
    """Each label in the right margin at the height where its line ends; a thin line leads there from the end."""
    box = axes.get_window_extent()
    ends = [tuple(axes.transData.transform((label.x, label.y))) for label in labels]
    places = spread([y for _, y in ends], TEXT + 5, box.y0 + 4, box.y1 - 4)
    for label, (x, y), place in zip(labels, ends, places, strict=True):
        _line(axes, [x, box.x1 + _LEADER], [y, place], label.colour, 1.0, dotted=x < box.x1 - 2)
        start = box.x1 + _LEADER
        _line(axes, [start, start + _SWATCH], [place, place], label.colour, 3.0)
        axes.annotate(label.text, (start + _SWATCH + 6, place), xycoords="figure pixels", va="center", color=INK)


def _line(axes, x: list[float], y: list[float], colour: str, width: float, *, dotted: bool = False) -> None:
    style = (0, (1, 2.5)) if dotted else "-"
    line = Line2D(x, y, color=colour, linewidth=width, linestyle=style, transform=IdentityTransform())
    axes.figure.add_artist(line)
