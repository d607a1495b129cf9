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
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.moments import FEW_CLUSTERS, difference


@dataclass(frozen=True)
class _Arm:
    """The share of an arm over all tests, its n if units were independent, what each fold moves it by, and how many folds are in it."""

    value: float
    n: float
    influence: np.ndarray
    folds: int

    def estimate(self, level: float, clustered: bool) -> dict[str, float]:
        """Wilson's limits at the effective n."""
        n, z = self.n, ndtri((1 + level) / 2)
        if clustered:
            if self.folds < 2:
                return {"value": self.value, "low": np.nan, "high": np.nan}
            variance = self.folds / (self.folds - 1) * float((self.influence**2).sum())
            spread = self.value * (1 - self.value)
            n = min(n, spread / variance if variance > 0 and spread > 0 else self.folds)
            z = stdtrit(self.folds - 1, (1 + level) / 2)
        low, high = wilson(self.value, n, float(z))
        return {"value": self.value, "low": low, "high": high}


def lift(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share met in the arm 1 less that in the arm 0, in points, within tests.

    counts: `experiment`, `arm` (0 or 1), `met` (0 or 1), `n` and `fold` (groups of customers). A test with one arm only tells nothing; its
    units are in n all the same, so that levels add up and nobody can tell how few these are.
    """
    arms = [_arms(group.counts) for group in groups]
    changes = iter(_changes([pair for pair in zip(groups, arms, strict=True) if pair[1]], context.level))
    return Estimates(
        [
            group.row(**next(changes)) if of_group else group.row(reason=Note("lift_needs_both_arms"))
            for group, of_group in zip(groups, arms, strict=True)
        ]
    )


def _changes(known: list[tuple[GroupedCounts, tuple[_Arm, _Arm]]], level: float) -> list[dict]:
    """The fields of the row of each group: the share of the arm 1 less that of the arm 0, in points."""
    if not known:
        return []
    clustered = [group.customers < group.n for group, _ in known]
    others, treated = (
        pd.DataFrame([arms[arm].estimate(level, own) for (_, arms), own in zip(known, clustered, strict=True)])
        for arm in (0, 1)
    )
    shared = [_correlation(*arms) if own else 0.0 for (_, arms), own in zip(known, clustered, strict=True)]
    change = 100 * difference(treated, others, pd.Series(shared), level, symmetric=False)
    few = [
        own and min(arm.folds for arm in arms) < FEW_CLUSTERS for (_, arms), own in zip(known, clustered, strict=True)
    ]
    methods = ["Newcombe by customer" if own else "Newcombe" for own in clustered]
    return [
        {"value": value, "low": low, "high": high, "method": method, "flags": "unreliable" if is_unreliable else ""}
        for value, low, high, method, is_unreliable in zip(
            change["change"], change["low"], change["high"], methods, few, strict=True
        )
    ]


def _arms(counts: pd.DataFrame) -> tuple[_Arm, _Arm] | None:
    """The arms 0 and 1 of the tests that have both; None where there is no such test."""
    _, test = np.unique(counts["experiment"].to_numpy(str), return_inverse=True)
    arm, met, n = (counts[name].to_numpy(float) for name in ("arm", "met", "n"))
    sizes = np.stack([np.bincount(test, n * (arm == side)) for side in (0, 1)])
    is_test = (sizes > 0).all(axis=0)
    if not is_test.any():
        return None
    weights = np.where(is_test, sizes.prod(axis=0) / sizes.sum(axis=0), 0.0)
    weights /= weights.sum()
    folds, fold = np.unique(counts["fold"].to_numpy(), return_inverse=True)
    arms = []
    for side, size in enumerate(np.where(is_test, sizes, np.inf)):
        own = n * ((arm == side) & is_test[test])
        shares = np.bincount(test, own * met, len(size)) / size
        influence = np.bincount(fold, own * (met - shares[test]) * (weights / size)[test], len(folds))
        independent = 1 / float((weights**2 / size).sum())
        in_arm = int((np.bincount(fold, own, len(folds)) > 0).sum())
        arms.append(_Arm(float((weights * shares).sum()), independent, influence, in_arm))
    return arms[0], arms[1]


def _correlation(first: _Arm, other: _Arm) -> float:
    """Of the two arms' shares, by the customers who are in both."""
    spread = float(np.sqrt((first.influence**2).sum() * (other.influence**2).sum()))
    return float((first.influence * other.influence).sum()) / spread if spread > 0 else 0.0
