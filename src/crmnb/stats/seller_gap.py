"""What sellers do who did well before, less what the others do: a difference in this period, of groups chosen by the period before.

To choose the best sellers and to measure them in the same period makes a difference out of luck (regression to the mean: Galton 1886,
Journal of the Anthropological Institute 15:246). Luck of the period before says nothing about this one. Given the groups, sellers are independent:
Welch 1947, Biometrika 34:28.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

FEWEST = 3  # sellers on each side


def gaps(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By practice (breakdown): the mean of the top quarter less that of the middle half; the largest standardised difference first.

    Points: by practice, the standard deviation of sellers as `x`.
    counts: a row for each `seller`: `won_before`, by which sellers are ranked, and `quantity`, what the seller did of the practice; empty where there
    is nothing to tell. Of sellers with equal ranks at the border of a quarter, all are on the same side.
    """
    rows, points = [], []
    for group in groups:
        row, spread = _gap(group, context)
        rows.append((abs(row["value"] / spread) if spread > 0 else 0.0, row))
        if spread > 0 and group.win == "current":
            points.append(group.point(spread, row["value"], n=row["n"]))
    rows.sort(key=lambda pair: -pair[0])
    return Estimates([row for _, row in rows], points)


def _gap(group: GroupedCounts, context: EstimationContext) -> tuple[dict, float]:
    """The row of a practice, and the standard deviation of sellers in it; 0 where there is no value."""
    sellers = group.counts[group.counts["quantity"].notna()]
    top, middle = sides(sellers)
    if min(len(top), len(middle)) < FEWEST:
        return group.row(n=0.0, clusters=0.0, reason=Note("too_few_sellers", fewest=FEWEST)), 0.0
    value = float(top.mean() - middle.mean())
    low, high = welch(top, middle, context.level)
    sizes = {"n": float(len(top) + len(middle)), "clusters": float(len(top) + len(middle))}
    return group.row(value=value, low=low, high=high, method="Welch", **sizes), float(sellers["quantity"].std())


def sides(sellers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """What the sellers of the top quarter and those of the middle half did, by their mean rank in what they won before."""
    place = (sellers["won_before"].rank() - 0.5) / max(len(sellers), 1)
    done = sellers["quantity"].to_numpy(float)
    return done[(place > 0.75).to_numpy()], done[place.between(0.25, 0.75).to_numpy()]


def welch(first: np.ndarray, other: np.ndarray, level: float) -> tuple[float, float]:
    """The limits of the difference of two means; NaN where neither side varies."""
    variances = first.var(ddof=1) / len(first), other.var(ddof=1) / len(other)
    total = sum(variances)
    if total <= 0:
        return np.nan, np.nan
    degrees = total**2 / (variances[0] ** 2 / (len(first) - 1) + variances[1] ** 2 / (len(other) - 1))
    half = float(stdtrit(degrees, (1 + level) / 2) * np.sqrt(total))
    difference = float(first.mean() - other.mean())
    return difference - half, difference + half
