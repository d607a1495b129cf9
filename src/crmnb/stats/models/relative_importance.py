"""Relative importance of correlated drivers (LMG): each one's share of R2, averaged over all orders in which they can enter a regression.

Works on correlation matrices, many at a time (replicates of the bootstrap). Up to 12 drivers the average is exact: R2 of all subsets comes
from one sweep a driver. Beyond, orders are drawn at random, each with its reverse, and the error of that is returned.

Sources. Lindeman, Merenda & Gold 1980, Introduction to Bivariate and Multivariate Analysis, 4; Groemping 2006, Journal of Statistical
Software 17(1), (6)-(8), and 2007, The American Statistician 61:139 (the R package relaimpo). Beaton 1964, ETS Research Bulletin 64-51 (sweep).
"""

from math import factorial

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.models.item_moments import ClusterSums, draws, item_moments, resampled
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls_bootstrap import interval_table

MOST_EXACT = 12  # drivers: 4,096 subsets
ORDERS = 2000
_FOLLOWS = 1e-10  # of a standardised driver's variance, left by those before it: it follows from them
_CELLS = 4_000_000  # numbers at a time


def lmg(correlation: np.ndarray, orders: int = ORDERS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Each driver's part of R2, and the standard error that drawing orders leaves in it (0 where it is exact).

    correlation: (..., p + 1, p + 1), the outcome last. orders: how many are drawn with more than `MOST_EXACT` drivers, half of them the
    reverse of the others. Gives two arrays, (..., p); the parts sum to R2. A driver that follows from others adds
    nothing after them. NaN where a matrix is not finite.
    """
    matrices = np.asarray(correlation, float)
    p = matrices.shape[-1] - 1
    if p < 1 or matrices.shape[-2] != p + 1 or orders < 4:
        raise ValueError("correlation is to be square, of a driver or more and an outcome, and orders at least 4")
    flat = matrices.reshape(-1, p + 1, p + 1)
    most = max(1, _CELLS // (2**p * 3 if p <= MOST_EXACT else p * p * 64))
    chunks = [flat[begin : begin + most] for begin in range(0, len(flat), most)]
    if p <= MOST_EXACT:
        parts = np.concatenate([_exact(chunk) for chunk in chunks])
        errors = np.where(np.isfinite(parts), 0.0, np.nan)
    else:
        both = [_sampled(chunk, _orders(p, orders, seed)) for chunk in chunks]
        parts, errors = (np.concatenate(of) for of in zip(*both, strict=True))
    return parts.reshape(*matrices.shape[:-2], p), errors.reshape(*matrices.shape[:-2], p)


def subset_r2(correlation: np.ndarray) -> np.ndarray:
    """(n, 2^p): R2 of the outcome on each subset of drivers; subset s holds driver j where bit j of s is 1.

    correlation: (n, p + 1, p + 1), the outcome last. After driver j, there is a matrix for each subset of the first j: the covariances of
    the later variables conditional on that subset. Without the next driver it loses that row; with it, it is swept first.
    """
    conditional = correlation[:, None]
    while conditional.shape[-1] > 1:
        pivot, row, rest = conditional[..., :1, :1], conditional[..., :1, 1:], conditional[..., 1:, 1:]
        scaled = np.divide(row, pivot, out=np.zeros_like(row), where=~(np.broadcast_to(pivot, row.shape) < _FOLLOWS))
        conditional = np.concatenate([rest, rest - row.swapaxes(-1, -2) * scaled], axis=1)
    return 1 - conditional[:, :, 0, 0]


def _exact(correlation: np.ndarray) -> np.ndarray:
    """(n, p): the averages over all orders."""
    p, r2 = correlation.shape[1] - 1, subset_r2(correlation)
    subsets = np.arange(2**p)
    size = sum((subsets >> j) & 1 for j in range(p))
    share = np.array([factorial(k) * factorial(p - 1 - k) / factorial(p) for k in range(p)])  # of the orders, by size
    without = [subsets[(subsets >> j) & 1 == 0] for j in range(p)]
    return np.stack([(r2[:, s | 1 << j] - r2[:, s]) @ share[size[s]] for j, s in enumerate(without)], axis=1)


def _orders(p: int, orders: int, seed: int) -> np.ndarray:
    """(pairs, 2, p): random orders, each with its reverse."""
    forward = np.random.default_rng(seed).permuted(np.tile(np.arange(p), (orders // 2, 1)), axis=1)
    return np.stack([forward, forward[:, ::-1]], axis=1)


def _sampled(correlation: np.ndarray, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The averages over drawn orders, and their standard errors from the differences among pairs of an order and its reverse."""
    pairs, _, p = orders.shape
    total, squares = np.zeros((2, len(correlation), p))
    for pair in orders:
        mean = sum(_increments(correlation, order) for order in pair) / 2
        total += mean
        squares += mean**2
    mean = total / pairs
    variance = np.maximum(squares / pairs - mean**2, 0.0) * pairs / (pairs - 1)
    return mean, np.sqrt(variance / pairs)


def _increments(correlation: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(n, p): what each driver adds to R2 where they enter in this order."""
    p = len(order)
    rows = np.append(order, p)
    conditional, increments = correlation[:, rows[:, None], rows], np.empty((len(correlation), p))
    for driver in order:
        pivot, row = conditional[:, :1, :1], conditional[:, :1, 1:]
        scaled = np.divide(row, pivot, out=np.zeros_like(row), where=~(np.broadcast_to(pivot, row.shape) < _FOLLOWS))
        increments[:, driver] = row[:, 0, -1] * scaled[:, 0, -1]
        conditional = conditional[:, 1:, 1:] - row.swapaxes(-1, -2) * scaled
    return increments


def relative_importance(
    correlation: pd.DataFrame, outcome: str, drivers: list[str], orders: int = ORDERS, seed: int = 0
) -> pd.DataFrame:
    """Each driver's part of R2, its share of it, and the error of drawn orders.

    correlation: of items or of a path model's scores (`pls.PathFit.correlations`). Columns: part, share, sampling_error (of the part; 0 where
    it is exact). Raises CannotFit (`drivers_explain_nothing`) where R2 is 0 or unknown, so that there is nothing to share.
    """
    names = [*drivers, outcome]
    parts, errors = lmg(correlation.loc[names, names].to_numpy(), orders, seed)
    if not parts.sum() > 1e-12:
        raise CannotFit(Note("drivers_explain_nothing"))
    return pd.DataFrame({"part": parts, "share": parts / parts.sum(), "sampling_error": errors}, drivers)


def share_intervals(
    correlation: pd.DataFrame, replicates: np.ndarray, outcome: str, drivers: list[str], level: float = 0.95
) -> pd.DataFrame:
    """Shares with percentile intervals; replicates: (replicates, variables, variables) in the order of the frame's columns.

    The replicates are those of `pls_bootstrap.PathBootstrap.estimates["correlations"]`, or of `resampled_correlations`. Drawn orders are the same in
    all of them. Columns: value, low, high, standard_error. Raises CannotFit as `relative_importance`.
    """
    value = relative_importance(correlation, outcome, drivers)["share"]
    places = np.array([correlation.columns.get_loc(name) for name in (*drivers, outcome)])
    parts, _ = lmg(replicates[:, places[:, None], places])
    shares = parts / parts.sum(axis=1, keepdims=True)
    return interval_table(value.to_numpy(), shares[np.isfinite(shares).all(axis=1)], drivers, level)


def resampled_correlations(sums: ClusterSums, replicates: int = 1000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """The correlations of items, and those of bootstrap replicates (replicates, items, items)."""
    names = list(sums.items)
    many = [resampled(sums, counts).correlation for counts in draws(len(sums.weight), replicates, seed)]
    return pd.DataFrame(item_moments(sums).correlation, names, names), np.concatenate(many)
