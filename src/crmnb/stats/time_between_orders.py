"""Time between orders, from counts by `gap` (days), `complete`, `m` (complete gaps of the customer) and `fold`.

Wang & Chang 1999, JASA 94:146 (`crmnb.stats.models.recurrent_gaps`); the interval is the percentile bootstrap of customers, dealt at
random into folds (Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3).
"""

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group
from crmnb.stats.models import recurrent_gaps

_REPLICATES = 400
_FEW_CUSTOMERS = 30


@by_group
def median(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The median time to the next order in days; flagged "not_reached" where fewer than half of the customers order again."""
    gap, complete, weights = _by_fold(group)
    value = recurrent_gaps.quantile(gap, complete, complete, weights.sum(axis=1))
    flags = "unreliable" if group.customers < _FEW_CUSTOMERS else ""
    if not np.isfinite(value):
        return [group.row(flags="not_reached", reason=Note("median_gap_not_reached", days=gap.max()))]
    replicates = recurrent_gaps.quantile(gap, complete, complete, weights @ _draws(weights.shape[1]))
    low, high = _percentiles(replicates, context.level)
    return [group.row(value=value, low=low, high=high, flags=flags, method="bootstrap by customer")]


def _by_fold(group: GroupedCounts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gap, complete, and the weight of such gaps in each fold (rows x folds): the gaps of a customer weigh 1 together."""
    counts = group.counts
    gaps, row = np.unique(counts[["gap", "complete"]].to_numpy(float), axis=0, return_inverse=True)
    folds, fold = np.unique(counts["fold"], return_inverse=True)
    table = np.zeros((len(gaps), len(folds)))
    np.add.at(table, (row, fold), counts["n"] / counts["m"].clip(lower=1))
    return *gaps.T, table


def _draws(folds: int) -> np.ndarray:
    """How often each fold is drawn in each replicate (folds x replicates)."""
    random = np.random.default_rng(1999)
    return random.multinomial(folds, np.full(folds, 1 / folds), size=_REPLICATES).T.astype(float)


def _percentiles(replicates: np.ndarray, level: float) -> tuple[float, float]:
    """The ends of the middle share of the replicates, each of them one of the values; an end may be infinite."""
    ordered = np.sort(replicates[~np.isnan(replicates)])
    tail = (1 - level) / 2
    return ordered[int(tail * (len(ordered) - 1))], ordered[int(np.ceil((1 - tail) * (len(ordered) - 1)))]
