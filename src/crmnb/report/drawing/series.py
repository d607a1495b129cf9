"""Series: a result's points as a picture wants them, in order, and no more of them than can be seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmnb.evaluate.result import Result
from crmnb.report.text.numbers import decimals_of, known, limits_text, quantity


class Series(NamedTuple):
    """A curve: what it is called, and its points by x; low, high and n are NaN where not known."""

    name: str
    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


# Charts of points that no other chart can draw: another one takes what is not made for it for a curve or a driver.
_ALONE = ("agent_themes", "agents", "arrivals", "completeness", "freshness", "pareto", "resolution", "sellers")
_INITIATIVES = ("event_study", "accumulated_effect")  # both draw the points of either


def is_for_another(result: Result, chart: str) -> bool:
    """Whether the result's points are made for another chart alone."""
    own = result.metric.estimate.chart
    if own in _INITIATIVES:
        return chart not in _INITIATIVES
    return own in _ALONE and own != chart


def points_of(result: Result, segment: str = "") -> pd.DataFrame:
    """The points of the whole client, or of the levels of one segmentation; those without a value are left out."""
    points = result.points
    if points.empty:
        return pd.DataFrame(columns=["segment", "level", "breakdown", "x", "value", "low", "high", "n"])
    return points[(points["segment"] == segment) & points["value"].notna()]


def series(name: str, points: pd.DataFrame) -> Series:
    """The points of one curve, by x."""
    ordered = points.sort_values("x", kind="stable")
    return Series(name, *(ordered[column].to_numpy(float) for column in Series._fields[1:]))


def at(curve: Series, x: float) -> int | None:
    """The place of the last point at or before x; None before the first one."""
    place = int(np.searchsorted(curve.x, x + 1e-9, side="right")) - 1
    return place if place >= 0 else None


def point_words(result: Result, curve: Series, place: int, unit: str = "") -> str:
    """A point's value in the metric's unit, or another, with the digits that its interval deserves."""
    value, low, high, _ = (float(values[place]) for values in curve[2:])
    unit = unit or result.metric.unit
    return quantity(value, unit, decimals_of(value, low, high, unit), result.client)


def point_interval(result: Result, curve: Series, place: int, unit: str = "") -> str:
    """Both ends of a point's interval in the metric's unit, or another; "" where it has none."""
    value, low, high, _ = (float(values[place]) for values in curve[2:])
    unit = unit or result.metric.unit
    return (
        limits_text(low, high, unit, decimals_of(value, low, high, unit), result.client)
        if known(low) and known(high)
        else ""
    )


def thinned(curve: Series, x_from: float, x_to: float, columns: int) -> Series:
    """The curve with one point a column of pixels, its last, besides the first and the last of all."""
    place = np.floor((curve.x - x_from) / ((x_to - x_from) or 1) * columns)
    last_in_column = np.append(place[1:] != place[:-1], True)
    last_in_column[0] = True
    return Series(curve.name, *(values[last_in_column] for values in curve[1:]))


def round_step(reach: float, steps: Sequence[float], at_most: int) -> float:
    """The smallest of some round steps with which at most so many reach from zero to there; else a multiple of the last."""
    for step in steps:
        if reach // step <= at_most:
            return step
    return steps[-1] * int(np.ceil(reach / steps[-1] / at_most))
