"""What sellers do who did well before, less what the others do: a difference in this period, of groups chosen by the period before.

To choose the best sellers and to measure them in the same period makes a difference out of luck (regression to the mean: Galton 1886,
Journal of the Anthropological Institute 15:246). Luck of the period before says nothing about this one. Given the groups, sellers are independent:
Welch 1947, Biometrika 34:28. Holm 1979, Scandinavian Journal of Statistics 6:65, over all practices.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.multiple_tests import holm

FEWEST = 3  # sellers on each side
AVERAGE, TOP = "average sellers", "top sellers"  # breakdowns of the points
BEYOND_CHANCE = "beyond_chance"  # flag


class Sides(NamedTuple):
    """What the sellers of the top quarter and those of the middle half did, and the mean and standard deviation of all sellers."""

    top: np.ndarray
    middle: np.ndarray
    mean: float
    deviation: float

    @property
    def difference(self) -> float:
        """The mean of the top quarter less that of the middle half."""
        return float(self.top.mean() - self.middle.mean())

    def scaled(self, quantity: float) -> float:
        """How many standard deviations a quantity lies from the mean of all sellers; 0 where these are all alike."""
        return (quantity - self.mean) / self.deviation if self.deviation > 0 else 0.0


def gaps(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By practice (breakdown): the mean of the top quarter less that of the middle half; the largest standardised difference first.

    Points: by practice (level), the mean of average and of top sellers (breakdowns `AVERAGE` and `TOP`); x is its distance from the mean of all sellers,
    in their standard deviations. Flag `beyond_chance`: the difference is, also for so many practices.
    counts: a row for each `seller`: `won_before`, by which sellers are ranked, and `quantity`, what the seller did of the practice; empty where there
    is nothing to tell. Of sellers with equal ranks at the border of a quarter, all are on the same side.
    """
    rows, points = [], []
    compared = {at: of for at, group in enumerate(groups) if (of := sides(group.counts)) is not None}
    beyond = _beyond_chance(groups, compared, context)
    for at, group in enumerate(groups):
        if at not in compared:
            reason = Note("too_few_sellers", fewest=FEWEST)
            rows.append((0.0, group.row(n=0.0, clusters=0.0, reason=reason)))
            continue
        of = compared[at]
        row = _row(group, of, context.level, BEYOND_CHANCE if at in beyond else "")
        rows.append((abs(of.scaled(of.mean + of.difference)), row))
        if group.win == "current":
            for name, side in ((AVERAGE, of.middle), (TOP, of.top)):
                mean = float(side.mean())
                points.append(group.point(of.scaled(mean), mean, n=row["n"], breakdown=name, level=group.breakdown))
    rows.sort(key=lambda pair: -pair[0])
    return Estimates([row for _, row in rows], points)


def sides(sellers: pd.DataFrame) -> Sides | None:
    """The sellers of both sides by their mean rank in what they won before; None where a side has too few."""
    sellers = sellers[sellers["quantity"].notna()]
    place = (sellers["won_before"].rank() - 0.5) / max(len(sellers), 1)
    done = sellers["quantity"].to_numpy(float)
    top, middle = done[(place > 0.75).to_numpy()], done[place.between(0.25, 0.75).to_numpy()]
    if min(len(top), len(middle)) < FEWEST:
        return None
    return Sides(top, middle, float(done.mean()), float(done.std(ddof=1)))


def welch(first: np.ndarray, other: np.ndarray, level: float) -> tuple[float, float, float]:
    """The limits of the difference of two means, and the p-value of none; NaN where neither side varies."""
    variances = first.var(ddof=1) / len(first), other.var(ddof=1) / len(other)
    total = sum(variances)
    if total <= 0:
        return np.nan, np.nan, np.nan
    degrees = total**2 / (variances[0] ** 2 / (len(first) - 1) + variances[1] ** 2 / (len(other) - 1))
    error = np.sqrt(total)
    difference = float(first.mean() - other.mean())
    half = float(stdtrit(degrees, (1 + level) / 2) * error)
    return difference - half, difference + half, float(2 * stdtr(degrees, -abs(difference) / error))


def _row(group: GroupedCounts, of: Sides, level: float, flag: str) -> dict:
    low, high, _ = welch(of.top, of.middle, level)
    sellers = float(len(of.top) + len(of.middle))
    fields = {"low": low, "high": high, "method": "Welch", "flags": flag}
    return group.row(value=of.difference, n=sellers, clusters=sellers, **fields)


def _beyond_chance(groups: list[GroupedCounts], compared: dict[int, Sides], context: EstimationContext) -> set[int]:
    """The places of the practices whose difference is beyond chance, all of a window tested together; none of those that are hidden."""
    of_window: dict[str, list[int]] = {}
    for at in compared:
        of_window.setdefault(groups[at].win, []).append(at)
    beyond = set()
    for places in of_window.values():
        p_values = {at: welch(compared[at].top, compared[at].middle, context.level)[2] for at in places}
        tested = [at for at in places if np.isfinite(p_values[at])]
        adjusted = holm([p_values[at] for at in tested])
        beyond |= {at for at, p_value in zip(tested, adjusted, strict=True) if p_value < 1 - context.level}
    return {at for at in beyond if len(compared[at].top) + len(compared[at].middle) >= context.suppress_below}
