"""Shrinkage: estimates of several of a kind, each moved towards their mean by as much of its distance as chance explains (empirical Bayes).

Morris 1983, JASA 78:47, sections 4 and 5. Of equal variances it is the estimator of James & Stein.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri

LEAST = 4  # estimates, below which the variance between them cannot be known
_ROUNDS = 200


def shrunk(values: np.ndarray, variances: np.ndarray, level: float) -> pd.DataFrame:
    """`value`, `low`, `high` and `share` (of its distance from the mean by which each is moved). Raises ValueError for fewer than four estimates."""
    count = len(values)
    if count < LEAST:
        raise ValueError(f"shrinkage needs {LEAST} estimates")
    between = float(np.var(values, ddof=1))
    for _ in range(_ROUNDS):
        weights = 1 / (variances + between)
        centre = weights @ values / weights.sum()
        excess = count / (count - 1) * (values - centre) ** 2 - variances
        between = max(float(weights @ excess / weights.sum()), 0.0)
    share = (count - 3) / (count - 1) * variances / (variances + between)
    mean_variance = weights @ variances / weights.sum()
    spread = 2 / (count - 3) * share**2 * (mean_variance + between) / (variances + between) * (values - centre) ** 2
    leverage = weights / weights.sum()
    error = np.sqrt(variances * (1 - (1 - leverage) * share) + spread)
    value, arm = (1 - share) * values + share * centre, ndtri((1 + level) / 2) * error
    return pd.DataFrame({"value": value, "low": value - arm, "high": value + arm, "share": share})
