"""PLS path modelling: an index from several questions, what drives it, and what it leads to.

Constructs (satisfaction, image, quality ...) are measured by blocks of items; a construct's score is a weighted sum of its items, and paths
are regressions among scores. Everything is computed from the items' means and correlations (`crmnb.stats.models.item_moments`),
so that 100,000 respondents take no longer than 250, but for the sums.

Standardised results do not depend on the items' units. Unstandardised ones (index weights, means, effects in points) are in those of the
moments: of items on 0-100 (`item_moments.rescaled`), scores are on 0-100 too. Each item is standardised on its own.

Sources. Lohmoeller 1989 (see `crmnb.stats.models.pls_algorithm`). Fornell et al. 1996, Journal of Marketing 60:7, and Tenenhaus et al. 2005,
CSDA 48:159, (14)-(15): the index is the mean of the items, weighted by outer weight / standard deviation, normalised to sum 1.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.models.item_moments import ItemMoments
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls_algorithm import (
    SINGULAR,
    OuterWeights,
    Structure,
    distinct,
    equal_weights,
    outer_weights,
    own_loadings,
    structure,
)
from crmnb.stats.models.pls_model import PathModel


@dataclass(frozen=True)
class PathFit:
    """A fitted PLS path model. Frames of effects lead from the row to the column.

    model, moments: what was fitted to what. weights: by item, of standardised items, for scores with variance 1. loadings: by item, correlation
    with its own construct's score; cross_loadings: items x constructs, with every score. correlations: of scores. paths: standardised
    coefficients; total_effects: over all ways. r2: by construct that a path leads to. iterations: until convergence.
    index_weights: by item, those of unstandardised scores, which sum to 1 in each block. means: of unstandardised scores. unstandardised_paths,
    unstandardised_total_effects: change of the column's score for +1 of the row's.
    """

    model: PathModel
    moments: ItemMoments
    weights: pd.Series
    loadings: pd.Series
    cross_loadings: pd.DataFrame
    correlations: pd.DataFrame
    paths: pd.DataFrame
    total_effects: pd.DataFrame
    r2: pd.Series
    iterations: int
    index_weights: pd.Series
    means: pd.Series
    unstandardised_paths: pd.DataFrame
    unstandardised_total_effects: pd.DataFrame

    @property
    def indirect_effects(self) -> pd.DataFrame:
        """Standardised effects over other constructs: total less direct."""
        return self.total_effects - self.paths

    @property
    def n(self) -> float:
        """Respondents."""
        return self.moments.n


@dataclass(frozen=True)
class Unstandardised:
    """Unstandardised results, with a leading axis as in `crmnb.stats.models.pls_algorithm`; see `PathFit` for what they are."""

    index_weights: np.ndarray
    means: np.ndarray
    paths: np.ndarray
    total_effects: np.ndarray


def fit_path_model(moments: ItemMoments, model: PathModel) -> PathFit:
    """Fit a path model to the moments of its items (`item_moments.item_moments`), which may hold further items.

    A score is oriented so that its items' loadings sum to something positive; within the algorithm its sign means nothing.
    Raises CannotFit where an item does not vary (`items_without_variance`), where an item of a mode B block follows from the others, or a
    block's items cancel (`constructs_without_weights`), where constructs that lead to one follow from each other (`constructs_collinear`), or
    where the iteration does not converge (`weights_not_converged`); KeyError for an item that the moments lack.
    """
    moments = of_items(moments, model.items)
    correlation = moments.correlation[None]
    if (flat := moments.deviation == 0).any():
        raise CannotFit(Note("items_without_variance", items=[moments.items[i] for i in np.flatnonzero(flat)]))
    outer = weights_of(ItemMoments(moments.items, moments.mean[None], moments.covariance[None], moments.n), model)
    if not outer.defined[0]:
        raise CannotFit(Note("constructs_without_weights", constructs=_singular_blocks(correlation[0], model)))
    weights = outer.weights
    weights = weights * np.where(_loading_sums(correlation, weights, model) < 0, -1.0, 1.0)[:, model.block]
    inner = structure(correlation, weights, model)
    if not (regular := distinct(inner.correlations, model)[0]).all():
        collinear = sorted({i for j in np.flatnonzero(~regular) for i in model.predecessors[j]})
        raise CannotFit(Note("constructs_collinear", constructs=[model.constructs[i] for i in collinear]))
    if not outer.converged[0]:
        raise CannotFit(Note("weights_not_converged", iterations=model.max_iterations))
    return _as_fit(model, moments, weights, int(outer.iterations[0]), inner)


def weights_of(moments: ItemMoments, model: PathModel) -> OuterWeights:
    """The outer weights by the model's scheme; moments: (n, ...) of its items."""
    if model.scheme == "equal":
        return equal_weights(moments.correlation, moments.deviation, model)
    return outer_weights(moments.correlation, model)


def of_items(moments: ItemMoments, items: tuple[str, ...]) -> ItemMoments:
    """The moments of some items, in their order. Raises KeyError where one is missing."""
    if missing := sorted(set(items) - set(moments.items)):
        raise KeyError(f"no moments of {', '.join(missing)}")
    places = np.array([moments.items.index(item) for item in items])
    covariance = moments.covariance[..., places[:, None], places]
    return ItemMoments(tuple(items), moments.mean[..., places], covariance, moments.n)


def _singular_blocks(correlation: np.ndarray, model: PathModel) -> list[str]:
    """The constructs with an item that follows from the others."""
    blocks = [np.flatnonzero(model.block == j) for j in range(len(model.constructs))]
    least = [np.linalg.eigvalsh(correlation[np.ix_(block, block)])[0] for block in blocks]
    return [name for name, value in zip(model.constructs, least, strict=True) if value <= SINGULAR]


def _loading_sums(correlation: np.ndarray, weights: np.ndarray, model: PathModel) -> np.ndarray:
    """(n, constructs): the sum of the loadings of each construct's own items."""
    loadings = correlation @ (weights[:, :, None] * model.membership)
    return own_loadings(loadings, model) @ model.membership


def unstandardised(moments: ItemMoments, weights: np.ndarray, inner: Structure, model: PathModel) -> Unstandardised:
    """Scores and effects in the items' units; moments: (n, ...), weights: (n, items), inner: of these.

    An unstandardised score is the standardised one divided by the sum of weight / standard deviation, and moved. Where a block's
    weights are of both signs, that sum may be near 0 or below it: see the note `negative_weights` of `pls_quality`.
    """
    by_deviation = weights / moments.deviation
    scale = by_deviation @ model.membership  # standardised units per unit of the unstandardised score
    ratio = scale[:, :, None] / scale[:, None, :]
    index_weights = by_deviation / scale[:, model.block]
    means = (index_weights * moments.mean) @ model.membership
    return Unstandardised(index_weights, means, inner.paths * ratio, inner.total_effects * ratio)


def _as_fit(model: PathModel, moments: ItemMoments, weights: np.ndarray, iterations: int, inner: Structure) -> PathFit:
    many = ItemMoments(moments.items, moments.mean[None], moments.covariance[None], moments.n)
    points = unstandardised(many, weights, inner, model)
    items, constructs = list(model.items), list(model.constructs)

    def between(effects: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(effects[0], constructs, constructs)

    return PathFit(
        model=model,
        moments=moments,
        weights=pd.Series(weights[0], items),
        loadings=pd.Series(own_loadings(inner.cross_loadings, model)[0], items),
        cross_loadings=pd.DataFrame(inner.cross_loadings[0], items, constructs),
        correlations=between(inner.correlations),
        paths=between(inner.paths),
        total_effects=between(inner.total_effects),
        r2=pd.Series(inner.r2[0], constructs)[[constructs[j] for j in model.predecessors]],
        iterations=iterations,
        index_weights=pd.Series(points.index_weights[0], items),
        means=pd.Series(points.means[0], constructs),
        unstandardised_paths=between(points.paths),
        unstandardised_total_effects=between(points.total_effects),
    )


def scores(fit: PathFit, answers: pd.DataFrame) -> pd.DataFrame:
    """Standardised scores, a row per respondent and a column per construct; NaN where an item of the construct is missing."""
    items = list(fit.model.items)
    standardised = (answers[items] - fit.moments.mean) / fit.moments.deviation
    return _weighted(standardised * fit.weights[items], fit.model)


def unstandardised_scores(fit: PathFit, answers: pd.DataFrame) -> pd.DataFrame:
    """Scores in the items' units (0-100 of items on 0-100), as `scores`."""
    return _weighted(answers[list(fit.model.items)] * fit.index_weights, fit.model)


def _weighted(parts: pd.DataFrame, model: PathModel) -> pd.DataFrame:
    """The sum of each construct's columns."""
    sums = np.nan_to_num(parts.to_numpy(float)) @ model.membership
    gaps = parts.isna().to_numpy() @ model.membership > 0
    return pd.DataFrame(np.where(gaps, np.nan, sums), parts.index, list(model.constructs))
