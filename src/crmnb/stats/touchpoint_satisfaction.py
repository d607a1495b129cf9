"""Touchpoint satisfaction: how much of the relationship index goes with customers' satisfaction at each touchpoint and channel.

Counts are those of `crmnb.stats.relationship`, with `at <i>`: the customer's mean satisfaction (0-100) at touchpoint i in the time before the answer,
empty where there is none. Settings as there, and `touchpoints`: their names, and `channels`: which of these are a channel of a touchpoint.

The share of variance is the squared correlation; its interval is Fisher's of the correlation, squared. Sources. Fisher 1921, Metron 1:3; Cohen,
Cohen, West & Aiken 2003, Applied Multiple Regression, 3rd ed., 2.8 (interval), 3.3 (share of variance).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.estimation import RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.relationship import current_whole, customers_of
from crmnb.stats.relationship_model import FittedRelationship, answers_of, fitted, weight_of, wholes_without

AT = "at "  # prefix of the columns with the satisfaction at a touchpoint
SATISFACTION, INDEX_OF_USERS = "satisfaction", "index"  # levels of the points
FEWEST = 30  # customers who gave both, below which a correlation says little


@dataclass(frozen=True)
class Pairs:
    """Of those who gave both: satisfaction at a touchpoint, relationship index, weight, and how many answers and customers they are."""

    satisfaction: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    n: float
    customers: float

    def mean(self, values: np.ndarray) -> float:
        """The weighted mean of some of them."""
        return float(np.average(values, weights=self.weight))

    @property
    def correlation(self) -> float:
        """Weighted; NaN where one of both is the same for everybody."""
        x, y = (values - self.mean(values) for values in (self.satisfaction, self.index))
        spread = np.sqrt(self.mean(x * x) * self.mean(y * y))
        return float(np.clip(self.mean(x * y) / spread, -1, 1)) if spread > 0 else float("nan")


def explained(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the index's variance that goes with satisfaction at each touchpoint. Points: the means of both, of those who gave both."""
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    names, channels = context.settings["touchpoints"], context.settings["channels"]
    columns = [f"{AT}{at}" for at, _ in enumerate(names)]
    relationship = fitted(wholes_without(groups, columns), context)
    rows, points, fewest = [], [], max(FEWEST, context.suppress_below)
    for name, column in zip(names, columns, strict=True):
        pairs = _pairs(whole, column, relationship)
        known = pairs.correlation if pairs.customers >= fewest else float("nan")
        if np.isnan(known):
            if name not in channels:
                reason = Note("too_few_gave_both" if pairs.customers < fewest else "no_index_variance", fewest=fewest)
                rows.append(whole.row(breakdown=name, n=0.0, clusters=0.0, reason=reason))
            continue
        low, high = share_limits(known, pairs.customers, context.level)
        sizes = {"breakdown": name, "n": pairs.n, "clusters": pairs.customers}
        rows.append(whole.row(value=known**2, low=low, high=high, method="Fisher's z", **sizes))
        means = {SATISFACTION: pairs.mean(pairs.satisfaction), INDEX_OF_USERS: pairs.mean(pairs.index)}
        points += [
            whole.point(0.0, mean / 100, n=pairs.customers, breakdown=name, level=level)
            for level, mean in means.items()
        ]
    return Estimates(rows or [whole.row(n=0.0, clusters=0.0, reason=Note("too_few_gave_both", fewest=fewest))], points)


def share_limits(correlation: float, n: float, level: float) -> tuple[float, float]:
    """The interval of the squared correlation of n pairs: from 0 where that of the correlation holds 0."""
    reach = ndtri((1 + level) / 2) / np.sqrt(n - 3)
    z = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    ends = np.tanh([z - reach, z + reach])
    low = 0.0 if ends[0] * ends[1] <= 0 else float((ends**2).min())
    return min(low, correlation**2), max(float((ends**2).max()), correlation**2)


def _pairs(whole: GroupedCounts, column: str, relationship: FittedRelationship) -> Pairs:
    counts, places = whole.counts, relationship.places(RELATIONSHIP_INDEX)
    answers, weight = answers_of(counts, tuple(relationship.columns[at] for at in places)), weight_of(counts)
    there = ~np.isnan(answers).any(axis=1) & counts[column].notna().to_numpy() & (weight > 0)
    n = float(counts["n"].to_numpy(float)[there].sum())
    customers = customers_of(whole, counts["fold"][there].nunique(), n)
    scores = answers[there] @ relationship.weights[places]
    return Pairs(counts[column].to_numpy(float)[there], scores, weight[there], n, customers)
