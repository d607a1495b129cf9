"""Personalisation: the difference of two shares in randomised tests.

Sources. Newcombe 1998, Statistics in Medicine 17:873, method 10: the hybrid of both arms' score limits; Zou & Donner 2008, Statistics in
Medicine 27:1693, where some customers are in both arms. Cochran 1954, Biometrics 10:417: tests weigh n1 n0 / (n1 + n0). Liang & Zeger 1986,
Biometrika 73:13: customers are clusters; the score limits are those of the effective n (Korn & Graubard 1998, Survey Methodology 24:193).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from crmnb.core.notes import Note
from crmnb.stats.clustered_share import wilson
from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group
from crmnb.stats.moments import FEW_CLUSTERS, difference


@dataclass(frozen=True)
class _Arm:
    """The share of an arm over all tests, its n if units were independent, what each fold moves it by, and its customers' folds."""

    value: float
    n: float
    influence: pd.Series

    def estimate(self, level: float, clustered: bool) -> dict[str, float]:
        """Wilson's limits at the effective n."""
        folds, n, z = len(self.influence), self.n, ndtri((1 + level) / 2)
        if clustered:
            if folds < 2:
                return {"value": self.value, "low": np.nan, "high": np.nan}
            variance = folds / (folds - 1) * float((self.influence**2).sum())
            spread = self.value * (1 - self.value)
            n, z = (
                min(n, spread / variance if variance > 0 and spread > 0 else folds),
                stdtrit(folds - 1, (1 + level) / 2),
            )
        low, high = wilson(self.value, n, float(z))
        return {"value": self.value, "low": low, "high": high}


@by_group
def lift(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The share met in the arm 1 less that in the arm 0, in points, within tests.

    counts: `experiment`, `arm` (0 or 1), `met` (0 or 1), `n` and `fold` (groups of customers). A test with one arm only tells nothing; its
    units are in n all the same, so that levels add up and nobody can tell how few these are.
    """
    counts = group.counts[group.counts.groupby("experiment")["arm"].transform("nunique") == 2]
    if counts.empty:
        return [group.row(reason=Note("lift_needs_both_arms"))]
    clustered = group.customers < group.n
    treated, others = (_arm(counts, arm) for arm in (1, 0))
    own = [pd.DataFrame([arm.estimate(context.level, clustered)]) for arm in (treated, others)]
    correlation = _correlation(treated.influence, others.influence) if clustered else 0.0
    change = difference(*own, pd.Series([correlation]), context.level, symmetric=False).iloc[0]
    few = clustered and min(len(treated.influence), len(others.influence)) < FEW_CLUSTERS
    method = "Newcombe by customer" if clustered else "Newcombe"
    fields = {name: 100 * float(change[column]) for name, column in _COLUMNS.items()}
    return [group.row(method=method, flags="unreliable" if few else "", **fields)]


_COLUMNS = {"value": "change", "low": "low", "high": "high"}


def _arm(counts: pd.DataFrame, arm: int) -> _Arm:
    by_test = counts.groupby(["experiment", "arm"])["n"].sum().unstack()
    weight = by_test[0] * by_test[1] / by_test.sum(axis=1)
    weight = weight / weight.sum()
    rows = counts[counts["arm"] == arm]
    met = (rows["n"] * rows["met"]).groupby(rows["experiment"]).sum().reindex(by_test.index)
    value = met / by_test[arm]
    test = rows["experiment"]
    moved = rows["n"] * (rows["met"] - test.map(value)) * test.map(weight / by_test[arm])
    independent = 1 / float((weight**2 / by_test[arm]).sum())
    return _Arm(float((weight * value).sum()), independent, moved.groupby(rows["fold"]).sum())


def _correlation(first: pd.Series, other: pd.Series) -> float:
    """Of the two arms' shares, by the customers who are in both."""
    spread = float(np.sqrt((first**2).sum() * (other**2).sum()))
    return float((first * other).sum()) / spread if spread > 0 else 0.0
