"""PLS path modelling on correlation matrices, many at a time: the iteration of outer weights, and what follows from them.

All arrays have a leading axis of correlation matrices (replicates of the bootstrap; of a single fit, one). Scores are never made: each
step of the algorithm is linear in them, and their covariances follow from those of the items.

Sources. Lohmoeller 1989, Latent Variable Path Modeling with Partial Least Squares, 2.2-2.4 (algorithm, modes, schemes). Tenenhaus,
Esposito Vinzi, Chatelin & Lauro 2005, Computational Statistics & Data Analysis 48:159 (the same on the ECSI example).
"""

from dataclasses import dataclass

import numpy as np

from crmnb.stats.models.pls_model import PathModel

# The least eigenvalue of a correlation matrix that is inverted: below it one variable follows from the others.
SINGULAR = 1e-9


@dataclass(frozen=True)
class OuterWeights:
    """weights: (n, items), of standardised items; scores have variance 1. NaN where a matrix is undefined.

    iterations: (n,). converged: (n,), whether the last step was below the tolerance. defined: (n,), whether every item varies, no item of
    a mode B block follows from the others, and no block's items cancel each other.
    """

    weights: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray
    defined: np.ndarray


@dataclass(frozen=True)
class Structure:
    """What follows from outer weights.

    cross_loadings: (n, items, constructs), correlations of items and scores. correlations: (n, constructs, constructs), of scores.
    paths: (n, constructs, constructs), standardised coefficients from the row to the column. total_effects: the same over all ways.
    r2: (n, constructs), 0 of constructs that no path leads to.
    """

    cross_loadings: np.ndarray
    correlations: np.ndarray
    paths: np.ndarray
    total_effects: np.ndarray
    r2: np.ndarray


def outer_weights(correlation: np.ndarray, model: PathModel) -> OuterWeights:
    """The outer weights of correlation matrices, (n, items, items).

    All weights begin equal. Each step standardises the scores, forms each construct's inner proxy from its neighbours by the scheme, and
    takes as weights the correlations of the items with it (mode A) or its regression on them (mode B).
    """
    n, items = correlation.shape[:2]
    weights, iterations, converged = np.full((n, items), np.nan), np.zeros(n, int), np.zeros(n, bool)
    defined = np.isfinite(correlation).all(axis=(1, 2))
    for block in _mode_b_blocks(model):
        defined[defined] = _regular(correlation[defined][:, block[:, None], block])
    active = np.flatnonzero(defined)
    r, inverses = correlation[active], _inverses(correlation[active], model)
    current, previous = np.ones((len(active), items)), np.full((len(active), items), np.nan)
    for step in range(model.max_iterations + 1):
        if not len(active):
            break
        standardised, covariances, scores = _standardised(r, current, model)
        unfinished = ~converged[active] & defined[active]
        weights[active[unfinished]], iterations[active[unfinished]] = standardised[unfinished], step
        converged[active] |= np.abs(standardised - previous).max(axis=1) < model.tolerance
        defined[active] &= np.isfinite(standardised).all(axis=1)
        current, previous = _next(covariances, scores, inverses, model), standardised
        unfinished = ~converged[active] & defined[active]
        if unfinished.mean() < 0.7:  # not at every step, as it copies
            active, r, current, previous = (a[unfinished] for a in (active, r, current, previous))
            inverses = {j: inverse[unfinished] for j, inverse in inverses.items()}
    return OuterWeights(weights, iterations, converged, defined)


def equal_weights(correlation: np.ndarray, deviation: np.ndarray, model: PathModel) -> OuterWeights:
    """The outer weights of scores that are plain means of their items (scheme "equal"); deviation: (n, items), of these."""
    weights = _standardised(correlation, deviation, model)[0]
    defined = np.isfinite(correlation).all(axis=(1, 2)) & np.isfinite(weights).all(axis=1)
    return OuterWeights(weights, np.zeros(len(weights), int), defined.copy(), defined)


def _mode_b_blocks(model: PathModel) -> list[np.ndarray]:
    return [np.flatnonzero(model.block == j) for j in np.flatnonzero(model.mode_b)]


def _regular(matrices: np.ndarray) -> np.ndarray:
    """Whether correlation matrices can be inverted."""
    return np.linalg.eigvalsh(matrices)[:, 0] > SINGULAR


def _inverses(correlation: np.ndarray, model: PathModel) -> dict[int, np.ndarray]:
    """The inverse of the correlations within each mode B block, by construct."""
    blocks = {j: np.flatnonzero(model.block == j) for j in np.flatnonzero(model.mode_b)}
    return {j: np.linalg.inv(correlation[:, block[:, None], block]) for j, block in blocks.items()}


def _standardised(r: np.ndarray, weights: np.ndarray, model: PathModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of scores with variance 1, the covariances of items and these scores, and the scores' correlations."""
    placed = weights[:, :, None] * model.membership
    covariances = r @ placed
    scores = placed.transpose(0, 2, 1) @ covariances
    variance = np.diagonal(scores, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):  # a block whose items cancel has no score: NaN
        scale = 1 / np.sqrt(np.where(variance > 0, variance, np.nan))
    return (
        weights * scale[:, model.block],
        covariances * scale[:, None, :],
        scores * scale[:, :, None] * scale[:, None, :],
    )


def _next(covariances: np.ndarray, scores: np.ndarray, inverses: dict[int, np.ndarray], model: PathModel) -> np.ndarray:
    """The outer weights of the next step, not standardised."""
    inner = _inner_weights(scores, model)
    proxies = np.einsum("nij,nji->ni", covariances, inner[:, :, model.block])
    for j, inverse in inverses.items():
        block = model.block == j
        proxies[:, block] = (inverse @ proxies[:, block, None])[:, :, 0]
    return proxies


def _inner_weights(scores: np.ndarray, model: PathModel) -> np.ndarray:
    """(n, constructs, constructs): the weight of the row's score in the proxy of the column's construct."""
    neighbours = model.paths | model.paths.T
    if model.scheme == "centroid":
        return np.sign(scores) * neighbours
    if model.scheme == "factorial":
        return scores * neighbours
    return regressions(scores, model) + scores * model.paths.T


def regressions(scores: np.ndarray, model: PathModel) -> np.ndarray:
    """(n, constructs, constructs): the coefficients of each construct's regression on those that lead to it, in its column."""
    coefficients = np.zeros_like(scores)
    for j, of in model.predecessors.items():
        if len(of) == 1:
            coefficients[:, of[0], j] = scores[:, of[0], j]
        else:
            coefficients[:, of, j] = _solved(scores[:, of[:, None], of], scores[:, of, j])
    return coefficients


def _solved(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solutions of linear equations; where a matrix is singular, the shortest (`distinct` tells these from the others)."""
    try:
        return np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        solutions = np.full_like(right, np.nan)
        finite = np.isfinite(matrices).all(axis=(1, 2))
        inverses = np.linalg.pinv(matrices[finite], rcond=SINGULAR, hermitian=True)
        solutions[finite] = (inverses @ right[finite, :, None])[:, :, 0]
        return solutions


def structure(correlation: np.ndarray, weights: np.ndarray, model: PathModel) -> Structure:
    """Loadings, paths and effects of standardised outer weights, (n, items)."""
    placed = weights[:, :, None] * model.membership
    loadings = correlation @ placed
    scores = placed.transpose(0, 2, 1) @ loadings
    paths = regressions(scores, model)
    unit = np.eye(len(model.constructs))
    return Structure(
        cross_loadings=loadings,
        correlations=scores,
        paths=paths,
        total_effects=np.linalg.inv(unit - paths) - unit,
        r2=(paths * scores).sum(axis=1),
    )


def own_loadings(cross_loadings: np.ndarray, model: PathModel) -> np.ndarray:
    """(n, items): the correlation of each item with its own construct's score."""
    return np.take_along_axis(cross_loadings, model.block[None, :, None], axis=2)[:, :, 0]


def distinct(correlations: np.ndarray, model: PathModel) -> np.ndarray:
    """(n, constructs): whether no construct that leads to this one follows from the others that do; scores' correlations are finite."""
    regular = np.ones(correlations.shape[:2], bool)
    for j, of in model.predecessors.items():
        regular[:, j] = _regular(correlations[:, of[:, None], of])
    return regular
