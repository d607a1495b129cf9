"""Breakdowns over the parts of a period, side by side in one picture: their rows in order, and the axis of time."""

import math

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.drawing.canvas import is_narrow
from crmnb.report.text.numbers import part_start, part_tick
from crmnb.report.text.row_state import available

_MOST_TICKS, _MOST_NARROW_TICKS = 13, 5


def rows_by_part(result: Result, breakdowns: tuple[str, ...]) -> dict[str, list]:
    """By the label of each part, in time, the rows of all these breakdowns; parts in which one of them has no value are left out."""
    known = {(row.part, row.breakdown): row for row in tuples(result.parts)}
    rows = {label: [known.get((label, name)) for name in breakdowns] for label in every_part(result)}
    return {label: own for label, own in rows.items() if all(row is not None and available(row) for row in own)}


def every_part(result: Result) -> list[str]:
    """The labels of all parts in time, those without a value among them: on an axis they keep their place."""
    return sorted({*result.parts["part"]}, key=lambda label: part_start(label, result.client))


def time_axis(axes, result: Result, labels: list[str]) -> None:
    """The parts under the axis, at 0, 1, 2 and so on."""
    step = math.ceil(len(labels) / (_MOST_NARROW_TICKS if is_narrow(axes.figure) else _MOST_TICKS))
    shown = list(range(0, len(labels), step))
    axes.set_xticks(shown)
    axes.set_xticklabels([part_tick(labels[at], at == 0, result.client) for at in shown])
