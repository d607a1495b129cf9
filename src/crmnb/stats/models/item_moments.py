"""Means and covariances of survey items: from answers, from cross products, and of bootstrap replicates, many at a time.

Whatever a model of items needs of 100,000 respondents is a few hundred sums. They are kept by cluster (a respondent, or all answers
of one), so that a replicate of the bootstrap is a row of counts times a table of sums: thousands of them are one matrix product.

Sums are about a centre near the means: raw sums of squares would lose digits (NIST StRD, NumAcc3).

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, 6 and 8.3 (clusters are drawn, not rows).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.models.maximum_likelihood import CannotFit

# Groups at most that clusters are dealt into. A standard error from 2,000 groups is itself unsure by 1.6 %, 1 / sqrt(2 x 1,999).
MOST_GROUPS = 2000
_CHUNK = 500  # replicates at a time: their matrices stay in the processor's cache
MISSING = ("complete", "mean")


@dataclass(frozen=True)
class ClusterSums:
    """Sums of items by cluster, (clusters, ...): of weights, of weight x (answer - centre), and of weight x products of two of these.

    items: their names. centre: (items,). products: (clusters, pairs), pairs in the order of `numpy.triu_indices(items)`.
    n: respondents with answers. incomplete: respondents with a gap, who were left out or got the item's mean (see `cluster_sums`).
    """

    items: tuple[str, ...]
    centre: np.ndarray
    weight: np.ndarray
    sums: np.ndarray
    products: np.ndarray
    n: float
    incomplete: float = 0.0


@dataclass(frozen=True)
class ItemMoments:
    """Means (..., items) and covariances (..., items, items), divided by the sum of weights; n: respondents."""

    items: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray
    n: float

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviations, (..., items)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=-2, axis2=-1))

    @property
    def correlation(self) -> np.ndarray:
        """Correlations, each item standardised on its own; NaN where an item does not vary."""
        deviation = np.where(self.deviation > 0, self.deviation, np.nan)
        return self.covariance / (deviation[..., :, None] * deviation[..., None, :])


def cluster_numbers(labels, groups: int = MOST_GROUPS, seed: int = 0) -> np.ndarray:
    """The number of each row's cluster, from 0: rows with one label are one cluster.

    groups: where there are more clusters, they are dealt at random into so many groups of equal size, and these are what a bootstrap draws
    (Efron & Tibshirani 1993, 13.3). Raises ValueError where a label is missing.
    """
    numbers = pd.factorize(np.asarray(labels))[0]
    if (numbers < 0).any():
        raise ValueError("a cluster's label is missing")
    many = numbers.max(initial=-1) + 1
    return numbers if many <= groups else (np.random.default_rng(seed).permutation(many) % groups)[numbers]


def cluster_sums(
    answers: pd.DataFrame, clusters=None, weights=None, missing: str = "complete", size: int | None = None
) -> ClusterSums:
    """The sums of answers by cluster.

    answers: a row per respondent and a column per item, numbers; NaN is a gap. clusters: the number of each row's cluster
    (`cluster_numbers`); None where each row is its own. weights: survey weights per row, at least 0; None is 1 each.
    missing: "complete" leaves out rows with a gap; "mean" puts the item's weighted mean there, which keeps the means and makes correlations
    too small. size: the number of clusters, of which some may be empty here; None counts those that are not.
    Raises ValueError where arguments cannot be meant, CannotFit (`no_complete_answers`) where no row is left.
    """
    x, weight = answers.to_numpy(float), _weights(weights, len(answers))
    if missing not in MISSING or np.isinf(x).any():
        raise ValueError(f"answers are to be finite numbers, and missing one of {', '.join(MISSING)}")
    gaps = np.isnan(x)
    incomplete = gaps.any(axis=1)
    rows = (weight > 0) & (~incomplete if missing == "complete" else ~gaps.all(axis=1))
    if not rows.any() or gaps[rows].all(axis=0).any():
        raise CannotFit(Note("no_complete_answers"))
    place = cluster_numbers(np.arange(rows.sum())) if clusters is None else np.asarray(clusters)[rows]
    place = np.unique(place, return_inverse=True)[1] if size is None else place
    lost = float(incomplete[weight > 0].sum())
    x, weight, gaps = x[rows], weight[rows], gaps[rows]
    centre = np.nansum(x * weight[:, None], axis=0) / (weight[:, None] * ~gaps).sum(axis=0)
    deviations = np.where(gaps, 0.0, x - centre)
    names = tuple(str(name) for name in answers.columns)
    sums = _summed(deviations, weight, place, size or place.max() + 1)
    return ClusterSums(names, centre, *sums, n=float(len(x)), incomplete=lost)


def _weights(weights, rows: int) -> np.ndarray:
    weight = np.ones(rows) if weights is None else np.asarray(weights, float)
    if weight.shape != (rows,) or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("weights are to be a number of at least 0 for each row")
    return weight


def _summed(x: np.ndarray, weight: np.ndarray, place: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Weights, sums and products of rows by cluster."""
    order = np.argsort(place, kind="stable")
    x, weight, place = x[order], weight[order], place[order]
    starts = np.append(0, np.flatnonzero(np.diff(place)) + 1)
    above = np.triu_indices(x.shape[1])
    products = np.zeros((size, len(above[0])))
    for begin, end in zip(starts, np.append(starts[1:], len(x)), strict=True):
        block = x[begin:end]
        products[place[begin]] = (block.T @ (weight[begin:end, None] * block))[above]
    sums = np.zeros((size, x.shape[1]))
    sums[place[starts]] = np.add.reduceat(x * weight[:, None], starts)
    return np.bincount(place, weight, size), sums, products


def rescaled(sums: ClusterSums, scales: Mapping[str, tuple[float, float]]) -> ClusterSums:
    """The sums of the items on 0-100.

    scales: for each item the answer that is 0 (the worst) and the one that is 100 (the best); of an item that is asked the other way
    round, the first is the higher. Raises KeyError for an item without a scale, ValueError where both ends are equal.
    """
    worst, best = np.array([scales[item] for item in sums.items], float).T
    if (worst == best).any():
        raise ValueError("the ends of an item's scale are equal")
    factor = 100 / (best - worst)
    rows, columns = np.triu_indices(len(factor))
    return replace(
        sums,
        centre=(sums.centre - worst) * factor,
        sums=sums.sums * factor,
        products=sums.products * (factor[rows] * factor[columns]),
    )


def item_moments(sums: ClusterSums) -> ItemMoments:
    """Means and covariances of all."""
    many = resampled(sums, np.ones((1, len(sums.weight))))
    return replace(many, mean=many.mean[0], covariance=many.covariance[0])


def resampled(sums: ClusterSums, counts: np.ndarray) -> ItemMoments:
    """Means and covariances where each cluster is taken so many times; counts: (replicates, clusters)."""
    items = len(sums.items)
    weight = (counts @ sums.weight)[:, None]
    mean = (counts @ sums.sums) / weight
    covariance = np.empty((len(counts), items, items))
    above = np.triu_indices(items)
    covariance[:, *above] = (counts @ sums.products) / weight - mean[:, above[0]] * mean[:, above[1]]
    covariance[:, above[1], above[0]] = covariance[:, *above]
    return ItemMoments(sums.items, sums.centre + mean, _without_rounding(covariance, sums), sums.n)


def _without_rounding(covariance: np.ndarray, sums: ClusterSums) -> np.ndarray:
    """The covariances, with a variance of 0 where rounding errors are all there is of it."""
    rows, columns = np.triu_indices(len(sums.items))
    squares = sums.products[:, rows == columns].sum(axis=0) / sums.weight.sum()
    diagonal = np.einsum("nii->ni", covariance)
    diagonal[diagonal <= 1e-12 * squares] = 0.0
    return covariance


def draws(clusters: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """How often each cluster is drawn in each replicate, (some replicates, clusters) at a time; the same for the same arguments."""
    for number, begin in enumerate(range(0, replicates, _CHUNK)):
        size = min(_CHUNK, replicates - begin)
        random = np.random.default_rng([seed, number])
        drawn = random.integers(0, clusters, (size, clusters)) + clusters * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * clusters).reshape(size, clusters).astype(float)
