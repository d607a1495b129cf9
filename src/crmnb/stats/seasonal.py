"""Season: what STL subtracts from a monthly series, as a matrix, as it is linear in the series.

A small STL of its own: that of statsmodels takes over a second to import, and simulated series need the matrix.

Source. Cleveland, Cleveland, McRae & Terpenning 1990, Journal of Official Statistics 6:3, without robustness weights and with a
season that repeats itself exactly ("periodic").
"""

from functools import cache

import numpy as np

_ITERATIONS = 5  # of the inner loop, enough without robustness weights (section 3.3 of the paper)


@cache
def deseasonalising_matrix(months: int, season: int = 12) -> np.ndarray:
    """The matrix that makes the seasonally adjusted series of a series of so many months.

    The identity where there are fewer than two whole seasons. The result is shared: do not write to it.
    """
    identity = np.eye(months)
    if months < 2 * season:
        return identity
    trend_window = _odd(1.5 * season)
    trend, seasonal = np.zeros((months, months)), identity
    extended = _cycle_means(months, season)
    low_pass = _loess(months, _odd(season + 1)) @ _moving_averages(months + 2 * season, season)
    for _ in range(_ITERATIONS):
        cycles = extended @ (identity - trend)
        seasonal = cycles[season:-season] - low_pass @ cycles
        trend = _loess(months, trend_window) @ (identity - seasonal)
    adjusted = identity - seasonal
    adjusted.setflags(write=False)
    return adjusted


def _odd(least: float) -> int:
    """The least odd number that is not below a number."""
    whole = int(np.ceil(least))
    return whole + 1 - whole % 2


def _cycle_means(months: int, season: int) -> np.ndarray:
    """The mean of each calendar month, for the series and one season before and after it."""
    place, longer = np.arange(months) % season, np.arange(-season, months + season) % season
    same = longer[:, None] == place[None, :]
    return same / same.sum(axis=1, keepdims=True)


def _moving_averages(length: int, season: int) -> np.ndarray:
    """Moving averages of a season, of a season and of three months, one after the other."""
    average = np.eye(length)
    for width in (season, season, 3):
        rows = len(average) - width + 1
        window = np.array([[0 <= j - i < width for j in range(len(average))] for i in range(rows)]) / width
        average = window @ average
    return average


@cache
def _loess(length: int, window: int) -> np.ndarray:
    """Local straight lines with tricube weights over so many neighbours (section 2 of the paper), as a matrix."""
    x = np.arange(length, dtype=float)
    smooth = np.zeros((length, length))
    near = min(window, length)
    for at in range(length):
        first = min(max(at - near // 2, 0), length - near)
        reach = max(at - first, first + near - 1 - at) + max(window - length, 0) // 2
        distance = np.abs(x - at) / reach
        inside = np.zeros(length)
        inside[first : first + near] = 1
        weight = np.where((distance <= 0.999), (1 - np.minimum(distance, 1) ** 3) ** 3, 0) * inside
        weight /= weight.sum()
        centre = weight @ x
        spread = weight @ (x - centre) ** 2
        slope = (at - centre) / spread if np.sqrt(spread) > 0.001 * (length - 1) else 0.0
        smooth[at] = weight * (1 + slope * (x - centre))
    return smooth
