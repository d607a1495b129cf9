"""What customers will do, against the relationship index: the slope of each answer, with the bootstrap of the path model.

Counts, folds and settings are those of `crmnb.stats.relationship`; the slope is that of least squares on the index at the weights of the path
model, in each replicate on that replicate's weights and customers.

Source: Cameron & Miller 2015, Journal of Human Resources 50:317 (resampling clusters); Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3.
"""

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.estimation import ANSWER_TO, RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.relationship import METHOD, STEP, current_whole, customers_of
from crmnb.stats.relationship_model import FittedRelationship, answers_of, fitted, weight_of

_FLAT = 1e-9  # of a variance on 0-100


def slopes(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By how many points each answer is higher where the index is `STEP` points higher, in the reporting period."""
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    relationship, declared = fitted(groups, context), context.settings["relationship"]
    others = {RELATIONSHIP_INDEX, *declared["drivers"]}
    outcome_items = [item for name, block in declared["blocks"].items() if name not in others for item in block]
    return Estimates([_row(whole, item, declared["labels"][item], relationship, context) for item in outcome_items])


def _row(
    whole: GroupedCounts, item: str, label: str, relationship: FittedRelationship, context: EstimationContext
) -> dict:
    places, counts = relationship.places(RELATIONSHIP_INDEX), whole.counts
    parts = answers_of(counts, tuple(relationship.columns[at] for at in places))
    answer, weight = counts[f"{ANSWER_TO}{item}"].to_numpy(float), weight_of(counts)
    there = ~np.isnan(parts).any(axis=1) & ~np.isnan(answer) & (weight > 0)
    n = float(counts["n"].to_numpy(float)[there].sum())
    folds, fold = np.unique(counts["fold"].to_numpy()[there], return_inverse=True)
    sizes = {"n": n, "clusters": customers_of(whole, len(folds), n), "breakdown": label}
    if reason := relationship.without_effects:
        return whole.row(**sizes, reason=reason)
    sums = _sums(fold, weight[there], parts[there], answer[there], len(folds))
    value = float(_slope(sums.sum(axis=0)[None], relationship.weights[None, places])[0])
    if np.isnan(value):
        return whole.row(**sizes, reason=Note("no_index_variance"))
    replicates = _slope(relationship.drawn(folds) @ sums, relationship.replicates[:, places])
    ends = (1 - context.level) / 2, (1 + context.level) / 2
    low, high = np.nanquantile(replicates, ends)
    limits = {"low": STEP * min(low, value), "high": STEP * max(high, value)}
    return whole.row(**sizes, value=STEP * value, **limits, method=METHOD)


def _sums(fold: np.ndarray, weight: np.ndarray, parts: np.ndarray, answer: np.ndarray, folds: int) -> np.ndarray:
    """(folds, products): by fold the weighted sums of 1, the answer, the items, items times the answer, and items times items; values centred first."""
    parts, answer = parts - parts.mean(axis=0), answer - answer.mean()
    products = [np.ones_like(answer), answer, *parts.T, *(parts.T * answer)]
    products += [a * b for a in parts.T for b in parts.T]
    return np.stack([np.bincount(fold, weight * product, folds) for product in products], axis=1)


def _slope(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(samples,): the slope of the answer on the weighted items; sums, weights: a row for each sample; NaN where the index does not vary."""
    k = weights.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / sums[:, :1]
        index = (weights * means[:, 2 : 2 + k]).sum(axis=1)
        product = (weights * means[:, 2 + k : 2 + 2 * k]).sum(axis=1)
        square = np.einsum("si,sij,sj->s", weights, means[:, 2 + 2 * k :].reshape(-1, k, k), weights)
        variance = square - index**2
        return np.where(variance > _FLAT, (product - index * means[:, 1]) / variance, np.nan)
