"""Time between orders, from counts by `gap` (days), `complete`, `m` (complete gaps of the customer) and `fold`.

Wang & Chang 1999, JASA 94:146 (`crmnb.stats.models.recurrent_gaps`); the interval is the percentile bootstrap of customers, dealt at
random into folds (`crmnb.stats.fold_bootstrap`).
"""

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group
from crmnb.stats.fold_bootstrap import fold_draws
from crmnb.stats.models import recurrent_gaps

_REPLICATES, _SEED = 400, 1999
_FEW_CUSTOMERS = 30


@by_group
def median(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The median time to the next order in days; flagged "not_reached" where fewer than half of the customers order again."""
    gap, complete, weights = _by_fold(group)
    value = recurrent_gaps.quantile(gap, complete, complete, weights.sum(axis=1))
    flags = "unreliable" if group.customers < _FEW_CUSTOMERS else ""
    if not np.isfinite(value):
        return [group.row(flags="not_reached", reason=Note("median_gap_not_reached", days=gap.max()))]
    replicates = recurrent_gaps.quantile(
        gap, complete, complete, weights @ fold_draws(weights.shape[1], _REPLICATES, _SEED).T
    )
    low, high = _percentiles(replicates, context.level)
    return [group.row(value=value, low=low, high=high, flags=flags, method="bootstrap by customer")]


def _by_fold(group: GroupedCounts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gap, complete, and the weight of such gaps in each fold (rows x folds): the gaps of a customer weigh 1 together."""
    counts = group.counts
    complete = counts["complete"].to_numpy() == 1
    length, lengths = pd.factorize(counts["gap"].to_numpy(float), sort=True)  # by hash, as most values repeat
    kind, kinds = pd.factorize(2 * length + complete, sort=True)
    fold, folds = pd.factorize(counts["fold"].to_numpy(), sort=True)
    weights = counts["n"].to_numpy(float) / counts["m"].clip(lower=1).to_numpy(float)
    table = np.bincount(kind * len(folds) + fold, weights, len(kinds) * len(folds)).reshape(len(kinds), len(folds))
    return lengths[kinds // 2], (kinds % 2).astype(float), table


def _percentiles(replicates: np.ndarray, level: float) -> tuple[float, float]:
    """The ends of the middle share of the replicates, each of them one of the values; an end may be infinite."""
    ordered = np.sort(replicates[~np.isnan(replicates)])
    tail = (1 - level) / 2
    return ordered[int(tail * (len(ordered) - 1))], ordered[int(np.ceil((1 - tail) * (len(ordered) - 1)))]
