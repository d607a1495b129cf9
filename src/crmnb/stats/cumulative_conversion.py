"""Cumulative conversion: how many leads are won by which age, from counts of equal leads in `days`, `followed` and `outcome`.

`days`: from the lead's creation to its end, or to where the data end; `followed`: to where the data end; `outcome`: 1 won, 2 lost,
0 still open. A lost lead stays at risk to where the data end: it is known that it was not won until then. With follow-up that ends
for that reason alone this is the product limit of the time to the win, infinite for leads that are never won (Fine & Gray 1999,
JASA 94:496, 3.1); it is exact where lost leads are won back and where losses have no date.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from scipy.special import ndtri

from crmnb.stats.curve_steps import safe_places
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.kaplan_meier import Curve, at, at_risk, cumulative_incidence

AGES = {"won within 30 days": 30, "won within 90 days": 90, "won within 180 days": 180, "won within 365 days": 365}
OUTCOMES = {"won": 1, "lost": 2}
_METHOD = "Kaplan-Meier, log-log"


def curve(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share won by each observed age of `AGES`, and as points the curves of won and lost of the period's own leads.

    With log-log limits (`crmnb.stats.models.kaplan_meier.cumulative_incidence`).
    """
    fewest = max(context.suppress_below, 1)
    rows, points, common = [], [], None
    for group in groups:
        curves = {name: _curve(group, outcome, context.level) for name, outcome in OUTCOMES.items()}
        rows += _rows(group, curves["won"], fewest)
        if group.win == "current":
            ages = _safe_ages(group, fewest, common)
            common = ages if group.is_whole else common
            points += _points(group, curves, ages, common)
    return Estimates(rows, points)


def _curve(group: GroupedCounts, outcome: int, level: float) -> Curve:
    """The share with an outcome by each age; the others are known not to have it until the data end."""
    counts = group.counts
    reached = (counts["outcome"] == outcome).to_numpy()
    ages = np.where(reached, counts["days"], counts["followed"]).astype(float)
    return cumulative_incidence(np.zeros(len(counts)), ages, reached.astype(int), counts["n"].to_numpy(), level=level)


def _rows(group: GroupedCounts, won: Curve, fewest: int) -> Iterator[dict]:
    """The rows of the ages to which enough leads were followed."""
    followed, n = group.counts["followed"].to_numpy(float), group.counts["n"].to_numpy(float)
    for breakdown, age in AGES.items():
        known = n[followed >= age].sum()
        if known >= fewest:
            share = at(won, [min(age, won.last)]).iloc[0]
            low, high = (share["low"], share["high"]) if share["value"] else (0.0, _upper_limit_of_0(known, won.level))
            method = _METHOD if share["value"] else "Wilson"
            yield group.row(breakdown=breakdown, value=share["value"], low=low, high=high, method=method)


def _upper_limit_of_0(n: float, level: float) -> float:
    """Wilson's upper limit of a share of 0 of n, where the log-log scale ends."""
    z = ndtri((1 + level) / 2)
    return float(z**2 / (n + z**2))


def _safe_ages(group: GroupedCounts, fewest: int, common: np.ndarray | None) -> np.ndarray:
    """The ages of a curve's points: where leads end, with enough of them in each step; of levels, among the whole's (`common`)."""
    days, outcome, n = (group.counts[name].to_numpy(float) for name in ("days", "outcome", "n"))
    shown = _open(group, np.unique(days)) >= fewest
    candidates = np.append(np.unique(days)[shown] if common is None else common, 0.0)
    ages = np.unique(candidates[candidates <= days.max()])

    def ends(side: Literal["left", "right"]) -> list[np.ndarray]:
        """By age and outcome, whose time ended; of side "right", whose ended at an age counts at the next."""
        place = np.searchsorted(ages, days, side)
        return [np.bincount(place, n * (outcome == code), len(ages) + 1)[: len(ages)] for code in np.unique(outcome)]

    return ages[safe_places(ages, ends("left"), fewest, ends("right"))]


def _open(group: GroupedCounts, ages: np.ndarray) -> np.ndarray:
    """How many leads are open and followed at some ages."""
    days, n = group.counts["days"].to_numpy(float), group.counts["n"].to_numpy(float)
    return at_risk(ages, np.zeros(len(days)), days, n)


def _points(
    group: GroupedCounts, curves: dict[str, Curve], ages: np.ndarray, common: np.ndarray | None
) -> Iterator[dict]:
    """A point of each curve at each of the ages; `n`: how many leads are open and followed. At the whole's other ages n alone."""
    hidden = np.setdiff1d(common, ages) if common is not None else ages[:0]
    for breakdown, share in curves.items():
        for row, n in zip(at(share, ages).itertuples(), _open(group, ages), strict=True):
            yield group.point(row.time, row.value, row.low, row.high, n, breakdown=breakdown)
        for age, n in zip(hidden, _open(group, hidden), strict=True):
            yield group.point(age, np.nan, n=n, breakdown=breakdown)
