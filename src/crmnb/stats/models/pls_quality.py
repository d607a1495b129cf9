"""Whether a PLS path model's constructs are measured well, and are distinct: reliability, HTMT, collinearity, and notes on what fails.

Sources. Hair, Hult, Ringle & Sarstedt 2017, A Primer on PLS-SEM, 2nd ed., 4-6 (criteria and their limits). Dijkstra & Henseler 2015, MIS
Quarterly 39:297 (rho_A). Henseler, Ringle & Sarstedt 2015, Journal of the Academy of Marketing Science 43:115 (HTMT), with absolute
correlations as in Ringle et al. 2023, Data in Brief 48:109074. Fornell & Larcker 1981, Journal of Marketing Research 18:39 (AVE,
composite reliability).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.models.pls import PathFit
from crmnb.stats.models.pls_algorithm import SINGULAR

LEAST_RELIABILITY = 0.70
LEAST_AVE = 0.50
LEAST_LOADING = 0.40
MOST_HTMT = 0.90
MOST_VIF = 5.0


@dataclass(frozen=True)
class PathQuality:
    """Criteria of a fit.

    constructs: by construct: items (their number), alpha (Cronbach's, of standardised items), rho_a, composite_reliability (rho_c), ave, r2.
    Those of measurement are NaN for a single item, of which nothing can be said, and for mode B, whose items need not agree.
    items: by item: construct, loading, other (the construct whose score it correlates with most, of the others), cross_loading (with that),
    vif (variance inflation within its block). htmt: heterotrait-monotrait ratio of each two constructs, NaN on the diagonal and for mode B; a
    single item counts as measured without error. inner_vif: by (from, to), of the constructs that lead to one.
    """

    constructs: pd.DataFrame
    items: pd.DataFrame
    htmt: pd.DataFrame
    inner_vif: pd.Series


def path_quality(fit: PathFit) -> PathQuality:
    """The criteria of a fitted path model."""
    model, r = fit.model, fit.moments.correlation
    blocks = [np.flatnonzero(model.block == j) for j in range(len(model.constructs))]
    return PathQuality(
        constructs=_constructs(fit, r, blocks),
        items=_items(fit, r, blocks),
        htmt=_htmt(fit, r, blocks),
        inner_vif=_inner_vif(fit),
    )


def _constructs(fit: PathFit, r: np.ndarray, blocks: list[np.ndarray]) -> pd.DataFrame:
    rows = []
    for j, block in enumerate(blocks):
        row = {"items": len(block), "alpha": np.nan, "rho_a": np.nan, "composite_reliability": np.nan, "ave": np.nan}
        if len(block) > 1 and not fit.model.mode_b[j]:
            row |= _measurement(r[np.ix_(block, block)], fit.weights.to_numpy()[block], fit.loadings.to_numpy()[block])
        rows.append(row)
    frame = pd.DataFrame(rows, list(fit.model.constructs))
    return frame.assign(r2=fit.r2.reindex(frame.index))


def _measurement(r: np.ndarray, weights: np.ndarray, loadings: np.ndarray) -> dict[str, float]:
    """The criteria of one block of two items or more."""
    k, others = len(r), r - np.eye(len(r))
    mean = others.sum() / (k * (k - 1))
    products = np.outer(weights, weights)
    np.fill_diagonal(products, 0.0)
    return {
        "alpha": k * mean / (1 + (k - 1) * mean),
        "rho_a": (weights @ weights) ** 2 * (weights @ others @ weights) / (weights @ products @ weights),
        "composite_reliability": loadings.sum() ** 2 / (loadings.sum() ** 2 + (1 - loadings**2).sum()),
        "ave": (loadings**2).mean(),
    }


def _items(fit: PathFit, r: np.ndarray, blocks: list[np.ndarray]) -> pd.DataFrame:
    model, constructs = fit.model, np.array(fit.model.constructs)
    cross = fit.cross_loadings.abs().to_numpy() - 2 * model.membership  # its own construct comes last
    other = cross.argmax(axis=1)
    return pd.DataFrame(
        {
            "construct": constructs[model.block],
            "loading": fit.loadings,
            "other": constructs[other],
            "cross_loading": fit.cross_loadings.to_numpy()[np.arange(len(other)), other],
            "vif": np.concatenate([_vif(r[np.ix_(block, block)]) for block in blocks]),
        },
        list(model.items),
    )


def _vif(r: np.ndarray) -> np.ndarray:
    """Variance inflation of each of some variables by the others; infinite where it follows from them."""
    inverse = np.linalg.pinv(r, rcond=SINGULAR, hermitian=True)
    determined = np.diagonal(r @ inverse) < 1 - 1e-6  # it takes part in a combination that does not vary
    return np.where(determined, np.inf, np.diagonal(inverse))


def _htmt(fit: PathFit, r: np.ndarray, blocks: list[np.ndarray]) -> pd.DataFrame:
    absolute, constructs = np.abs(r), list(fit.model.constructs)
    within = np.array([_mean_within(absolute[np.ix_(block, block)]) for block in blocks])
    within[fit.model.mode_b] = np.nan
    between = np.array([[absolute[np.ix_(a, b)].mean() for b in blocks] for a in blocks])
    ratios = between / np.sqrt(np.outer(within, within))
    np.fill_diagonal(ratios, np.nan)
    return pd.DataFrame(ratios, constructs, constructs)


def _mean_within(r: np.ndarray) -> float:
    """The mean correlation of each two items of a block; 1 for a single item."""
    return 1.0 if len(r) == 1 else (r.sum() - len(r)) / (len(r) * (len(r) - 1))


def _inner_vif(fit: PathFit) -> pd.Series:
    names, values = [], []
    for j, of in fit.model.predecessors.items():
        names += [(fit.model.constructs[i], fit.model.constructs[j]) for i in of]
        values.append(_vif(fit.correlations.to_numpy()[np.ix_(of, of)]))
    return pd.Series(np.concatenate(values), pd.MultiIndex.from_tuples(names, names=["from", "to"]))


def path_notes(fit: PathFit, quality: PathQuality) -> list[Note]:
    """What an analyst should know before acting on the model, the most consequential first.

    Codes: `constructs_hard_to_separate` (HTMT above .90), `drivers_collinear` (variance inflation from 5), `negative_weights`,
    `unreliable_construct` (rho_A below .70, with alpha and composite reliability as lower and upper bounds), `low_ave` (below .50),
    `item_fits_other_construct`, `weak_item` (loading below .40), `items_collinear` (within a mode B block, from 5). Limits: Hair et al. 2017.
    """
    return [
        *_separation_notes(quality),
        *_weight_notes(fit),
        *_construct_notes(quality),
        *_item_notes(fit, quality),
    ]


def _separation_notes(quality: PathQuality) -> list[Note]:
    names = list(quality.htmt.columns)
    pairs = [(a, b, quality.htmt.loc[a, b]) for i, a in enumerate(names) for b in names[i + 1 :]]
    close = sorted((pair for pair in pairs if pair[2] > MOST_HTMT), key=lambda pair: -pair[2])
    vif = quality.inner_vif[quality.inner_vif >= MOST_VIF].sort_values(ascending=False)
    return [
        *(Note("constructs_hard_to_separate", construct=a, other=b, htmt=value) for a, b, value in close),
        *(Note("drivers_collinear", driver=begin, outcome=end, vif=value) for (begin, end), value in vif.items()),
    ]


def _weight_notes(fit: PathFit) -> list[Note]:
    """Blocks with weights of both signs, whose unstandardised scores may leave the scale."""
    names = np.array(fit.model.constructs)[fit.model.block]
    negative = fit.weights[fit.weights < 0]
    by = pd.Series(names, fit.weights.index)[negative.index]
    return [Note("negative_weights", construct=name, items=list(of.index)) for name, of in by.groupby(by, sort=False)]


def _construct_notes(quality: PathQuality) -> list[Note]:
    rows = quality.constructs
    return [
        *(
            Note("unreliable_construct", construct=name, rho_a=row.rho_a, low=row.alpha, high=row.composite_reliability)
            for name, row in rows[rows["rho_a"] < LEAST_RELIABILITY].iterrows()
        ),
        *(Note("low_ave", construct=name, ave=row.ave) for name, row in rows[rows["ave"] < LEAST_AVE].iterrows()),
    ]


def _item_notes(fit: PathFit, quality: PathQuality) -> list[Note]:
    rows = quality.items
    mode_b = pd.Series(fit.model.mode_b, list(fit.model.constructs))[rows["construct"]].to_numpy()
    elsewhere = rows[~mode_b & (rows["cross_loading"].abs() > rows["loading"].abs())]
    weak = rows[~mode_b & (rows["loading"].abs() < LEAST_LOADING)]
    collinear = rows[mode_b & (rows["vif"] >= MOST_VIF)]
    return [
        *(
            Note("item_fits_other_construct", item=item, construct=row.construct, other=row.other)
            for item, row in elsewhere.iterrows()
        ),
        *(Note("weak_item", item=item, construct=row.construct, loading=row.loading) for item, row in weak.iterrows()),
        *(
            Note("items_collinear", construct=name, items=list(of.index), vif=of["vif"].max())
            for name, of in collinear.groupby("construct", sort=False)
        ),
    ]
