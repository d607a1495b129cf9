"""The priorities among drivers: what each scores and what it is worth, and which of them to improve first."""

from typing import NamedTuple

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.drawing.series import points_of, series
from crmnb.report.html import printable
from crmnb.report.text.row_state import available

IMPROVE_FIRST = "improve first"
QUADRANTS = {  # by whether the impact and the score lie above those of the mean driver
    (True, False): IMPROVE_FIRST,
    (True, True): "keep up",
    (False, False): "improve later",
    (False, True): "maintain",
}


class Driver(NamedTuple):
    """A driver: its score with both ends of the interval, and the row of its impact."""

    name: str
    score: float
    low: float
    high: float
    row: object


def drivers_of(result: Result) -> list[Driver]:
    """The drivers that have a score and an impact, that of the largest impact first."""
    points, drivers = points_of(result), []
    for row in result.entries:
        own = points[points["breakdown"] == row.breakdown]
        if len(own) == 3 and available(row):
            low, score, high = series("", own).x
            drivers.append(Driver(printable(row.breakdown, 40), score, low, high, row))
    return sorted(drivers, key=lambda driver: -driver.row.value)


def centre_of(drivers: list[Driver]) -> tuple[float, float]:
    """The score and the impact of the mean driver."""
    return float(np.mean([d.score for d in drivers])), float(np.mean([d.row.value for d in drivers]))


def quadrant(driver: Driver, centre: tuple[float, float], drivers: list[Driver]) -> str:
    """What to do about a driver, by where it lies among the others; "" of a single one."""
    if len(drivers) < 2:
        return ""
    return QUADRANTS[driver.row.value >= centre[1], driver.score >= centre[0]]


def to_improve_first(result: Result, at_most: int) -> list[Driver]:
    """The drivers that are worth more than the mean one and score less than it, that of the largest impact first."""
    drivers = drivers_of(result)
    if len(drivers) < 2:
        return []
    centre = centre_of(drivers)
    return [driver for driver in drivers if quadrant(driver, centre, drivers) == IMPROVE_FIRST][:at_most]
