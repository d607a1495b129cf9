"""Estimates of small samples: the statistics of their units, the estimate, and the difference of two."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from crmnb.metrics import estimators
from crmnb.stats.moments import difference

COLUMNS = ["value", "low", "high", "clusters"]


def statistics(num: Sequence[float], den=None, customers=None, weights=None) -> pd.DataFrame:
    """One group's row of statistics, unit by unit: what the engine is to find in SQL."""
    num = np.asarray(num, dtype=float)
    den = np.ones_like(num) if den is None else np.asarray(den, dtype=float)
    weights = np.ones_like(num) if weights is None else np.asarray(weights, dtype=float)
    customers = np.arange(len(num)) if customers is None else np.asarray(customers)
    ratio = (weights * num).sum() / (weights * den).sum()
    off = pd.Series(weights * (num - ratio * den)).groupby(customers).sum()
    row = {
        "num": (weights * num).sum(),
        "den": (weights * den).sum(),
        "n": float(len(num)),
        "clusters": float(len(off)),
        "w": weights.sum(),
        "w2": (weights**2).sum(),
        "magnitude": (weights * np.abs(num)).sum(),
        "ss": (off**2).sum(),
        "s3": (off**3).sum(),
    }
    return pd.DataFrame([row])


def infer(estimator: estimators.Estimator, frame: pd.DataFrame, level: float = 0.95) -> pd.Series:
    return estimator.infer(frame, level).iloc[0]


def ends(row: pd.Series) -> tuple[float, float]:
    return row["low"], row["high"]


def share(k: int, n: int, level: float = 0.95) -> pd.DataFrame:
    """A share with its Wilson interval."""
    return pd.DataFrame([[k / n, *proportion_confint(k, n, 1 - level, "wilson"), float(n)]], columns=COLUMNS)


def change(now, before, correlation=0.0, level=0.95, symmetric=False) -> pd.Series:
    return difference(now, before, pd.Series([correlation]), level, symmetric).iloc[0]
