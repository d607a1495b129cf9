"""Conversion: how many leads are won by which age, from counts of leads alike in `days`, `followed` and `outcome`.

`days`: from the lead's creation to its end, or to where the data end; `followed`: to where the data end; `outcome`: 1 won, 2 lost,
0 still open. A lead that has come to another end stays at risk to where the data end, which is known of every lead: it was
seen not to be won. With follow-up that ends for that reason alone this is the product limit of the time to the win, infinite
for who never is won (Fine & Gray 1999, JASA 94:496, 3.1), exact also where lost leads are won back and without a lead's loss dated.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from crmnb.stats.curve_steps import told_at
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.kaplan_meier import Curve, at, at_risk, cumulative_incidence

AGES = {"won within 30 days": 30, "won within 90 days": 90, "won within 180 days": 180, "won within 365 days": 365}
OUTCOMES = {"won": 1, "lost": 2}
_METHOD = "Kaplan-Meier, log-log"


def curve(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share won by each age that has been seen, and as points the curves of won and lost of the period's own leads.

    With log-log limits (`crmnb.stats.models.kaplan_meier.cumulative_incidence`).
    """
    fewest = max(context.suppress_below, 1)
    rows, points, common = [], [], None
    for group in groups:
        curves = {name: _curve(group, outcome, context.level) for name, outcome in OUTCOMES.items()}
        rows += _rows(group, curves["won"], fewest)
        if group.win == "now":
            ages = _ages(group, fewest, common)
            common = ages if group.is_whole else common
            points += _points(group, curves, ages, common)
    return Estimates(rows, points)


def _curve(group: GroupedCounts, outcome: int, level: float) -> Curve:
    """The share that has come to one outcome by each age; of the others it is known until the data end that they have not."""
    counts = group.counts
    came = (counts["outcome"] == outcome).to_numpy()
    ages = np.where(came, counts["days"], counts["followed"]).astype(float)
    return cumulative_incidence(np.zeros(len(counts)), ages, came.astype(int), counts["n"].to_numpy(), level=level)


def _rows(group: GroupedCounts, won: Curve, fewest: int) -> Iterator[dict]:
    """The ages to which enough leads were followed, decided early or not: of a later one nobody knows anything."""
    followed, n = group.counts["followed"].to_numpy(float), group.counts["n"].to_numpy(float)
    for breakdown, age in AGES.items():
        known = n[followed >= age].sum()
        if known >= fewest:
            found = at(won, [min(age, won.last)]).iloc[0]
            low, high = (found["low"], found["high"]) if found["value"] else (0.0, _most_of_none(known, won.level))
            method = _METHOD if found["value"] else "Wilson"
            yield group.row(breakdown=breakdown, value=found["value"], low=low, high=high, method=method)


def _most_of_none(known: float, level: float) -> float:
    """Where none was won the log-log scale ends: Wilson's upper limit of none of those known."""
    z = stats.norm.ppf((1 + level) / 2)
    return float(z**2 / (known + z**2))


def _ages(group: GroupedCounts, fewest: int, common: np.ndarray | None) -> np.ndarray:
    """The ages at which curves are told: where leads end, with enough of them in each step; of levels, among the whole's (`common`)."""
    days, outcome, n = (group.counts[name].to_numpy(float) for name in ("days", "outcome", "n"))
    last = _still(group, np.unique(days)) >= fewest
    inside = np.append(np.unique(days)[last] if common is None else common, 0.0)
    ages = np.unique(inside[inside <= days.max()])
    place = np.searchsorted(ages, days)
    ways = [np.bincount(place, n * (outcome == way), len(ages) + 1)[: len(ages)] for way in np.unique(outcome)]
    return ages[told_at(ages, ways, fewest)]


def _still(group: GroupedCounts, ages: np.ndarray) -> np.ndarray:
    """How many leads are still open and followed at some ages."""
    days, n = group.counts["days"].to_numpy(float), group.counts["n"].to_numpy(float)
    return at_risk(ages, np.zeros(len(days)), days, n)


def _points(
    group: GroupedCounts, curves: dict[str, Curve], ages: np.ndarray, common: np.ndarray | None
) -> Iterator[dict]:
    """A point of each curve at each of the ages; `n`: how many leads are still open and followed. At the others of the whole that alone."""
    unseen = np.setdiff1d(common, ages) if common is not None else ages[:0]
    for breakdown, each in curves.items():
        for row, many in zip(at(each, ages).itertuples(), _still(group, ages), strict=True):
            yield group.point(row.time, row.value, row.low, row.high, many, breakdown=breakdown)
        for age, many in zip(unseen, _still(group, unseen), strict=True):
            yield group.point(age, np.nan, n=many, breakdown=breakdown)
