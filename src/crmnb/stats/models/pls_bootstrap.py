"""The bootstrap of a PLS path model: thousands of replicates at once, and percentile intervals of whatever follows from them.

Clusters of respondents are drawn with replacement, and each replicate is fitted from the start. A score's sign is arbitrary: each
construct of a replicate is turned so that its loadings agree with those of the original fit (construct-level changes, Tenenhaus et al.
2005, 2.8), here by the sum of products of the loadings, which is not misled by a block with loadings of both signs.

Replicates that do not converge, or in which an item does not vary or a construct follows from others, have no estimate: they are counted,
and left out of the intervals.

Sources. Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3 (percentile intervals). Tenenhaus et al. 2005, CSDA 48:159.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.stats.models.item_moments import ClusterSums, ItemMoments, draws, item_moments, resampled
from crmnb.stats.models.pls import PathFit, fit_path_model, of_items, unstandardised, weights_of
from crmnb.stats.models.pls_algorithm import distinct, own_loadings, structure
from crmnb.stats.models.pls_model import PathModel

# What a replicate holds, in the words of `PathFit`.
ESTIMATES = (
    *("weights", "loadings", "correlations", "paths", "total_effects", "r2"),
    *("index_weights", "means", "unstandardised_paths", "unstandardised_total_effects"),
)


@dataclass(frozen=True)
class PathBootstrap:
    """A fit and its replicates.

    estimates: by name (`ESTIMATES`) the values of the replicates that have an estimate, (of them, ...), ... as in `PathFit`; r2 is of all
    constructs. replicates: how many were drawn. not_converged, undefined: how many have none, and why. usable: (replicates,), which have one.
    """

    fit: PathFit
    estimates: dict[str, np.ndarray]
    replicates: int
    not_converged: int
    undefined: int
    usable: np.ndarray

    def intervals(self, name: str, level: float = 0.95) -> pd.DataFrame:
        """Percentile intervals of an estimate (`ESTIMATES`), a row each.

        Of items and constructs, the index is its name; of effects it is (from, to), a row for each pair that a way leads between.
        Columns: value (of the fit), low, high, standard_error.
        """
        value, replicates = getattr(self.fit, name), self.estimates[name]
        if name == "r2":
            replicates = replicates[:, [self.fit.model.constructs.index(construct) for construct in value.index]]
        if isinstance(value, pd.Series):
            return interval_table(value.to_numpy(), replicates, value.index, level)
        places = self._pairs(name)
        names = np.array(self.fit.model.constructs)
        index = pd.MultiIndex.from_arrays([names[places[0]], names[places[1]]], names=["from", "to"])
        return interval_table(value.to_numpy()[places], replicates[:, *places], index, level)

    def _pairs(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of constructs that a matrix has something to say of."""
        paths = self.fit.model.paths
        if name == "correlations":
            return np.triu_indices(len(paths), 1)
        reach = np.linalg.matrix_power(np.eye(len(paths)) + paths, len(paths)) > 0  # over ways of any length
        np.fill_diagonal(reach, False)
        return np.nonzero(reach if "total" in name else paths)


def interval_table(value: np.ndarray, replicates: np.ndarray, index, level: float = 0.95) -> pd.DataFrame:
    """Percentile limits and standard errors of replicates, (replicates, values); NaN with fewer than two."""
    if len(replicates) < 2:
        replicates = np.full((2, len(value)), np.nan)
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2], axis=0)
    columns = {"value": value, "low": low, "high": high, "standard_error": replicates.std(axis=0, ddof=1)}
    return pd.DataFrame(columns, index)


def bootstrap_path_model(sums: ClusterSums, model: PathModel, replicates: int = 1000, seed: int = 0) -> PathBootstrap:
    """Fit a path model and its bootstrap replicates to sums by cluster (`item_moments.cluster_sums`).

    Raises as `pls.fit_path_model` where the data themselves have no fit, ValueError with fewer than two clusters.
    """
    if len(sums.weight) < 2:
        raise ValueError("a bootstrap needs two clusters at least")
    fit = fit_path_model(item_moments(sums), model)
    chunks = [_estimated(resampled(sums, counts), fit) for counts in draws(len(sums.weight), replicates, seed)]
    usable = np.concatenate([chunk["usable"] for chunk in chunks])
    return PathBootstrap(
        fit=fit,
        estimates={name: np.concatenate([chunk[name] for chunk in chunks])[usable] for name in ESTIMATES},
        replicates=replicates,
        not_converged=int(sum(chunk["not_converged"].sum() for chunk in chunks)),
        undefined=int(sum(chunk["undefined"].sum() for chunk in chunks)),
        usable=usable,
    )


def _estimated(moments: ItemMoments, fit: PathFit) -> dict[str, np.ndarray]:
    """The estimates of some replicates, NaN where there are none, and which these are."""
    model, moments = fit.model, of_items(moments, fit.model.items)
    correlation = moments.correlation
    outer = weights_of(moments, model)
    weights = outer.weights * _turns(correlation, outer.weights, fit)[:, model.block]
    inner = structure(correlation, weights, model)
    has_weights = outer.converged & outer.defined
    has_paths = np.zeros(len(weights), bool)
    has_paths[has_weights] = distinct(inner.correlations[has_weights], model).all(axis=1)
    points = unstandardised(moments, weights, inner, model)
    return {
        "weights": weights,
        "loadings": own_loadings(inner.cross_loadings, model),
        "correlations": inner.correlations,
        "paths": inner.paths,
        "total_effects": inner.total_effects,
        "r2": inner.r2,
        "index_weights": points.index_weights,
        "means": points.means,
        "unstandardised_paths": points.paths,
        "unstandardised_total_effects": points.total_effects,
        "usable": has_paths,
        "not_converged": outer.defined & ~outer.converged,
        "undefined": ~outer.defined | (has_weights & ~has_paths),
    }


def _turns(correlation: np.ndarray, weights: np.ndarray, fit: PathFit) -> np.ndarray:
    """(replicates, constructs): -1 where a score is to be turned to agree with that of the fit, else 1."""
    model = fit.model
    loadings = own_loadings(correlation @ (weights[:, :, None] * model.membership), model)
    return np.where((loadings * fit.loadings.to_numpy()) @ model.membership < 0, -1.0, 1.0)
