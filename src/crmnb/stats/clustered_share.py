"""Shares whose interval counts units other than customers: sellers of activities, processes of runs.

Wilson 1927, JASA 22:209, at the effective n of clusters with t (Korn & Graubard 1998, Survey Methodology 24:193).
"""

import numpy as np
from scipy.special import stdtrit

from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group
from crmnb.stats.moments import FEW_CLUSTERS


@by_group
def share(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The share of rows with `met` = 1. counts: `unit`, by which rows are clustered, and `met` (0 or 1)."""
    rows = group.counts
    met = (rows["met"] * rows["n"]).groupby(rows["unit"]).sum().to_numpy(float)
    size = rows.groupby("unit")["n"].sum().to_numpy(float)
    value, units = met.sum() / size.sum(), len(size)
    low, high = limits(met, size, context.level) if units > 1 else (np.nan, np.nan)
    fields = {"numerator": met.sum(), "denominator": size.sum(), "clusters": group.n}  # nobody counts the units' people
    flags = "unreliable" if units < FEW_CLUSTERS and units < size.sum() else ""
    return [
        group.row(
            value=value, low=low, high=high, method="Wilson by unit" if units > 1 else "none", flags=flags, **fields
        )
    ]


def limits(met: np.ndarray, size: np.ndarray, level: float) -> tuple[float, float]:
    """Wilson's limits of a share over units with so many rows each, of which so many are met. Where all or none are, a unit counts once."""
    units, n = len(size), size.sum()
    value = met.sum() / n
    variance = units / (units - 1) * ((met - value * size) ** 2).sum() / n**2
    effective = min(value * (1 - value) / variance, n) if variance > 0 and 0 < value < 1 else float(units)
    return wilson(value, effective, float(stdtrit(units - 1, (1 + level) / 2)))


def wilson(value: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's limits of a share of n independent units; z: the quantile of the interval."""
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(centre - half, 0.0) if value > 0 else 0.0, min(centre + half, 1.0) if value < 1 else 1.0


@by_group
def of_people(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The share of all people: no interval. counts: the sums `met` and `size`, of those who meet a condition and of all."""
    met, size = float(group.counts["met"].sum()), float(group.counts["size"].sum())
    fields = {"n": size, "clusters": size, "numerator": met, "denominator": size}
    return [group.row(value=met / size if size else np.nan, method="none", **fields)]


@by_group
def of_units(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The share of all of some things, such as processes: no interval, and no number of people, as they are none to be protected.

    counts: as of `of_people`."""
    met, size = float(group.counts["met"].sum()), float(group.counts["size"].sum())
    fields = {"n": np.nan, "clusters": np.nan, "numerator": met, "denominator": size}
    return [group.row(value=met / size if size else np.nan, method="none", **fields)]
