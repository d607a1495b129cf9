"""Empirical Bayes: estimates of many units are moved towards their common mean, the more the less certain each one is.

Source: Morris 1983, JASA 78:47 (unequal variances; his factor (k - 3) / (k - 1)); with equal variances it is James & Stein's estimator towards
the mean (Efron & Morris 1975, JASA 70:311).
"""

from typing import NamedTuple

import numpy as np


class Shrunken(NamedTuple):
    """The common mean, the variance between units, and by unit the estimate, its standard error, and by which share it was moved."""

    mean: float
    between: float
    estimates: np.ndarray
    errors: np.ndarray
    moved: np.ndarray


def between_variance(values: np.ndarray, variances: np.ndarray) -> float:
    """The variance between units, by moments: the scatter beyond that of chance (DerSimonian & Laird 1986, Controlled Clinical Trials 7:177)."""
    weights = 1 / variances
    mean = np.average(values, weights=weights)
    scatter = (weights * (values - mean) ** 2).sum()
    return float(max((scatter - (len(values) - 1)) / (weights.sum() - (weights**2).sum() / weights.sum()), 0.0))


def shrunken(values: np.ndarray, variances: np.ndarray) -> Shrunken:
    """The estimates of k units; variances: of each value, by chance alone. Raises ValueError for fewer than 4 units."""
    values, variances = np.asarray(values, float), np.asarray(variances, float)
    units = len(values)
    if units < 4:
        raise ValueError("empirical Bayes needs 4 units or more")
    between = between_variance(values, variances)
    weights = 1 / (variances + between)
    mean = float(np.average(values, weights=weights))
    moved = (units - 3) / (units - 1) * variances / (variances + between)
    unsure = (
        2 / (units - 3) * moved**2 * (values - mean) ** 2 if units > 5 else 0.0
    )  # as the variance between is estimated
    errors = np.sqrt(variances * (1 - (1 - weights / weights.sum()) * moved) + unsure)
    return Shrunken(mean, between, mean + (1 - moved) * (values - mean), errors, moved)
