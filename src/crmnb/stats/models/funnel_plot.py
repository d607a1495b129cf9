"""Funnel plot: rates of units, adjusted for their case mix, against limits that allow for more scatter than chance.

Source: Spiegelhalter 2005, Statistics in Medicine 24:1185 (funnel plots, indirect standardisation; appendix A.3 exact scale of the target), and
Spiegelhalter 2005, Quality and Safety in Health Care 14:347 (over-dispersion: z-scores winsorised, and an additive variance between units).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

WINSORISED = 0.1  # share of the units at either end whose z-scores are drawn in before the scatter is taken


class Standardised(NamedTuple):
    """By unit: the events observed, those expected of its cases at the rates of all, and the variance of the events by chance."""

    observed: np.ndarray
    expected: np.ndarray
    variance: np.ndarray


class Funnel(NamedTuple):
    """The target (the rate of all), the dispersion of z-scores (1 is chance), the variance between units of observed / expected, by unit the
    adjusted rate, its size (cases of average mix that would be as certain) and the z-score with that variance in it."""

    target: float
    dispersion: float
    between: float
    rates: np.ndarray
    sizes: np.ndarray
    z: np.ndarray


def standardise(unit: np.ndarray, stratum: np.ndarray, n: np.ndarray, events: np.ndarray) -> Standardised:
    """The sums of each unit (0, 1, ...); a row per unit and stratum (0, 1, ...) with its cases and events."""
    rate = np.bincount(stratum, events) / np.bincount(stratum, n)
    expected, variance = n * rate[stratum], n * rate[stratum] * (1 - rate[stratum])
    return Standardised(*(np.bincount(unit, column) for column in (events, expected, variance)))


def funnel(of: Standardised, target: float) -> Funnel:
    """The funnel of several units, none of which expects nothing or varies not at all.

    A unit's events vary by chance around those expected, and units differ: the variance between them is what scatters beyond chance, extreme units
    drawn in.
    """
    ratio, chance = of.observed / of.expected, of.variance / of.expected**2
    z = (ratio - 1) / np.sqrt(chance)
    low, high = np.quantile(z, [WINSORISED, 1 - WINSORISED])
    units, dispersion = len(z), float((np.clip(z, low, high) ** 2).mean())
    weights = 1 / chance
    spread = weights.sum() - (weights**2).sum() / weights.sum()
    between = max((units * dispersion - (units - 1)) / spread, 0.0) if units > 1 else 0.0
    sizes = (1 - target) / (target * chance)
    return Funnel(target, dispersion, between, ratio * target, sizes, (ratio - 1) / np.sqrt(chance + between))


def limits(of: Funnel, sizes: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """The limits within which so many of units that do as well as all lie, by their size; within 0 and 1."""
    reach = ndtri((1 + level) / 2) * of.target * np.sqrt((1 - of.target) / (of.target * sizes) + of.between)
    return np.clip(of.target - reach, 0, 1), np.clip(of.target + reach, 0, 1)
