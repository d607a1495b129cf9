"""Quality of the suite's own models on data that they have not seen: of churn, by customer; of CLV, in total beside a naive forecast.

Both are fitted to the time before a holdout (`crmnb.stats.backtest`), and asked what each customer will do in it. Lost are, of
contracts, those that end in the holdout; of purchases, customers without any in it. AUC is the chance that of two customers,
one lost and one kept, the lost one had the higher probability. The Brier score is the mean squared error of the probability, beside
that of giving everybody the share that was lost. The calibration slope is that of a logistic regression of the outcome on the
logit of the probability: 1 is right, below 1 the probabilities are too extreme. The intervals resample customers.

Sources. Hanley & McNeil 1982, Radiology 143:29 (AUC). Brier 1950, Monthly Weather Review 78:1. Cox 1958, Biometrika 45:562, and Steyerberg et
al. 2010, Epidemiology 21:128 (calibration slope). Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from crmnb.core.errors import Unavailable
from crmnb.stats.backtest import Holdout, holdout_of, total_errors
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

AUC, BRIER, NAIVE_BRIER, SLOPE = (
    *("churn: AUC", "churn: Brier score", "churn: Brier score of a naive forecast"),
    "churn: calibration slope",
)
CLV, NAIVE_CLV = "CLV: total error", "CLV: total error of a naive forecast"
_REPLICATES, _SEED, _CHUNK = 500, 92, 50
_EXTREME = 1e-9  # nearest to 0 and 1 of a probability
_FEWEST = 10  # customers lost, and kept
_STEPS = 25  # of Newton's method


@dataclass(frozen=True)
class Scores:
    """Alike customers: how many, the probability of loss, and whether (0 or 1) they were lost."""

    n: np.ndarray
    probability: np.ndarray
    lost: np.ndarray


def effectiveness(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The scores of both models on the holdout. Settings as of `crmnb.stats.backtest.effectiveness`."""
    whole = next(group for group in groups if group.is_whole)
    try:
        holdout = holdout_of(groups, context)
    except Unavailable as error:
        return Estimates([whole.row(breakdown="", reason=error.reason)])
    size = {"n": float(holdout.n.sum()), "clusters": float(holdout.n.sum())}
    rows = [whole.row(**row, **size) for row in _churn_rows(holdout, context.level)]
    names = {"model": CLV, "naive baseline": NAIVE_CLV}
    for name, value, low, high in total_errors(holdout, context.level):
        rows.append(
            whole.row(breakdown=names[name], value=value, low=low, high=high, method="linearised, by customer", **size)
        )
    return Estimates(rows, notes=[holdout.note])


def _churn_rows(holdout: Holdout, level: float) -> list[dict]:
    scores = Scores(holdout.n, holdout.loss_probability.clip(_EXTREME, 1 - _EXTREME), holdout.is_lost.astype(float))
    lost = float(scores.n @ scores.lost)
    if min(lost, scores.n.sum() - lost) < _FEWEST:
        return []
    random = np.random.default_rng(_SEED)
    weights = scores.n[None, :].astype(float)
    figures = [scores_of(scores, weights)]
    share = scores.n / scores.n.sum()
    for _ in range(_REPLICATES // _CHUNK):
        figures.append(scores_of(scores, random.multinomial(int(scores.n.sum()), share, _CHUNK).astype(float)))
    rows = []
    for name, values in zip((AUC, BRIER, NAIVE_BRIER, SLOPE), np.vstack(figures).T, strict=True):
        replicates = values[1:][np.isfinite(values[1:])]
        if not np.isfinite(values[0]) or not len(replicates):
            continue
        low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
        fields = {"low": min(low, values[0]), "high": max(high, values[0]), "method": "percentile bootstrap"}
        rows.append({"breakdown": name, "value": values[0], **fields})
    return rows


def scores_of(scores: Scores, weights: np.ndarray) -> np.ndarray:
    """AUC, Brier score, that of a naive forecast, and calibration slope for each row of weights (replicates, rows)."""
    total, lost = weights.sum(1), weights @ scores.lost
    share = lost / total
    brier = weights @ (scores.probability - scores.lost) ** 2 / total
    columns = [auc(scores, weights), brier, share * (1 - share), _slopes(scores, weights)]
    return np.stack(columns, axis=1)


def auc(scores: Scores, weights: np.ndarray) -> np.ndarray:
    """The area under the ROC curve for each row of weights; ties count half (Hanley & McNeil 1982)."""
    values, place = np.unique(scores.probability, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    lost = np.add.reduceat((weights * scores.lost)[:, order], starts, axis=1)
    retained = np.add.reduceat((weights * (1 - scores.lost))[:, order], starts, axis=1)
    below = np.cumsum(retained, axis=1) - retained / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (lost * below).sum(1) / (lost.sum(1) * retained.sum(1))


def _slopes(scores: Scores, weights: np.ndarray) -> np.ndarray:
    """The slope of the logistic regression of the loss on the logit of its probability; NaN where all have one probability."""
    x = logit(scores.probability)
    if np.ptp(x[scores.n > 0]) < 1e-9:
        return np.full(len(weights), np.nan)
    constant, slope = np.zeros(len(weights)), np.ones(len(weights))
    for _ in range(_STEPS):
        fitted = expit(constant[:, None] + slope[:, None] * x)
        residual, spread = weights * (scores.lost - fitted), weights * fitted * (1 - fitted)
        a, b, c = spread.sum(1), spread @ x, spread @ x**2
        u, v = residual.sum(1), residual @ x
        determinant = a * c - b**2
        with np.errstate(invalid="ignore", divide="ignore"):
            constant, slope = constant + (c * u - b * v) / determinant, slope + (a * v - b * u) / determinant
    return slope
