"""Segmentations: how much the level of a customer says about what the customer does, and whether levels stay as they are.

Of a yes or no (kept as a customer or not): Cramer's V, without the part that chance alone would give. Of a quantity: eta squared on
customers that the levels' means have not seen, 1 - sum of squared errors / that of the mean of all, in five parts of
the customers in turn. Below 0, levels say less than nothing: that is shown as 0. Levels that are not known are left out.

Levels are as at the start of the period, so nothing is compared with an earlier one.

The intervals resample groups of customers (bootstrap), and take away what resampling adds to the figure: a resample scatters
about the data as the data do about the truth, so chance counts twice in it.

Sources. Bergsma 2013, Journal of the Korean Statistical Society 42:323 (V). Stone 1974, JRSS-B 36:111 (cross-validation). Cohen
1988, Statistical Power Analysis, 2nd ed., 8.2 (eta squared). Hubert & Arabie 1985, Journal of Classification 2:193 (adjusted Rand).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.estimation import LEVEL_OF, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.fold_bootstrap import fold_draws

FOLDS, _PARTS = 200, 5
_REPLICATES, _SEED = 1000, 91
_FEWEST = 2  # levels


def of_shares(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Cramer's V (bias-corrected) of each segmentation with a yes or no. counts: levels (`of <name>`), `fold`, the sums `y` and `yy`."""
    return _by_segmentation(groups, context, _cramers_v)


def of_quantities(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Eta squared of each segmentation on a quantity, out of sample. counts: levels (`of <name>`), `fold`, the sums `y` and `yy`."""
    return _by_segmentation(groups, context, _eta_squared)


def of_levels(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The adjusted Rand index of customers' levels at two times: 1 where nobody changed, 0 as by chance. counts: `before`, `now`, `fold`."""
    rows = []
    for group in (group for group in groups if group.is_whole):
        levels = sorted({*group.counts["before"], *group.counts["now"]})
        table = np.zeros((len(levels), len(levels), FOLDS))
        before, now = (group.counts[name].map(levels.index).to_numpy(int) for name in ("before", "now"))
        np.add.at(table, (before, now, group.counts["fold"].to_numpy(int)), group.counts["n"].to_numpy(float))
        draws = np.vstack([np.ones(FOLDS), fold_draws(FOLDS, _REPLICATES, _SEED)])
        values = adjusted_rand(np.einsum("bnf,rf->rbn", table, draws))
        rows.append(_row(group, group.breakdown, group.n, values, context.level))
    return Estimates(rows)


def _by_segmentation(
    groups: list[GroupedCounts],
    context: EstimationContext,
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> Estimates:
    rows = []
    for group in (group for group in groups if group.is_whole and group.win == "current"):
        for column in (name for name in group.counts if name.startswith(LEVEL_OF)):
            known = group.counts[~group.counts[column].isin(context.settings["unknown_levels"])]
            n, name = float(known["n"].sum()), column.removeprefix(LEVEL_OF)
            if known[column].nunique() < _FEWEST:
                reason = Note("segmentation_of_one_level")
                rows.append(group.row(breakdown=name, n=n, clusters=n, reason=reason))
                continue
            sums = [_by_level(known, column, of) for of in ("n", "y", "yy")]
            draws = np.vstack([np.ones(FOLDS), fold_draws(FOLDS, _REPLICATES, _SEED)])
            rows.append(_row(group, name, n, measure(*sums, draws), context.level))
    return Estimates(rows)


def _by_level(counts: pd.DataFrame, column: str, of: str) -> np.ndarray:
    """The sums of a column by level and fold."""
    place, levels = pd.factorize(counts[column], sort=True)
    sums = np.zeros((len(levels), FOLDS))
    np.add.at(sums, (place, counts["fold"].to_numpy(int)), counts[of].to_numpy(float))
    return sums


def _row(group: GroupedCounts, breakdown: str, n: float, values: np.ndarray, level: float) -> dict:
    """A row of the value (the first one) and the percentiles of the replicates."""
    fields = {"breakdown": breakdown, "n": n, "clusters": n}
    if not np.isfinite(values[0]):
        return group.row(**fields, reason=Note("outcome_without_variance"))
    value, replicates = max(values[0], 0.0), values[1:][np.isfinite(values[1:])].clip(0, 1)
    if not len(replicates):
        return group.row(**fields, value=value, method="none")
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return group.row(**fields, value=value, low=min(low, value), high=max(high, value), method="percentile bootstrap")


def _eta_squared(n: np.ndarray, y: np.ndarray, yy: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Eta squared of each draw of folds; n, y, yy: sums by level and fold. NaN where nothing varies."""
    part = np.arange(FOLDS) % _PARTS
    n_all, y_all = draws @ n.T, draws @ y.T
    explained, total = np.zeros(len(draws)), np.zeros(len(draws))
    for tested in range(_PARTS):
        inside = part == tested
        n_in, y_in, yy_in = (draws[:, inside] @ sums[:, inside].T for sums in (n, y, yy))
        n_out, y_out = n_all - n_in, y_all - y_in
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (y_out.sum(1) / n_out.sum(1))[:, None]
            of_level = np.where(n_out > 0, y_out / n_out, mean)
        explained += _squares(n_in, y_in, yy_in, of_level).sum(1)
        total += _squares(n_in, y_in, yy_in, mean).sum(1)
    varies = total > 1e-9 * np.maximum(draws @ yy.sum(0), 1e-300)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(varies, 1 - explained / total, np.nan)
    return value - _twice((len(n) - 1) / n.sum(), len(draws))


def _squares(n: np.ndarray, y: np.ndarray, yy: np.ndarray, mean: np.ndarray) -> np.ndarray:
    return yy - 2 * mean * y + mean**2 * n


def _cramers_v(n: np.ndarray, y: np.ndarray, yy: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Bias-corrected V of each draw of folds, of levels by yes and no; NaN where all or none are a yes."""
    yes, every = draws @ y.T, draws @ n.T
    chance = (len(n) - 1) / np.maximum(every.sum(1), 1)
    return cramers_v(np.stack([yes, every - yes], axis=2), _twice(chance, len(draws)))


def _twice(chance: float | np.ndarray, draws: int) -> np.ndarray:
    """What chance adds once more in every draw but the first, which is the data."""
    return np.where(np.arange(draws) > 0, chance, 0.0)


def cramers_v(table: np.ndarray, further: np.ndarray | float = 0.0) -> np.ndarray:
    """Bias-corrected Cramer's V (Bergsma 2013) of tables (..., rows, columns); further: to be taken from phi squared as well."""
    n, rows, columns = table.sum((-2, -1)), table.sum(-1), table.sum(-2)
    r, k = (rows > 0).sum(-1), (columns > 0).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = rows[..., :, None] * columns[..., None, :] / n[..., None, None]
        phi = np.where(expected > 0, (table - expected) ** 2 / expected, 0.0).sum((-2, -1)) / n
        phi = np.maximum(phi - (r - 1) * (k - 1) / (n - 1) - further, 0.0)
        least = np.minimum(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
        return np.where((r > 1) & (k > 1) & (least > 0), np.sqrt(phi / least), np.nan)


def adjusted_rand(table: np.ndarray) -> np.ndarray:
    """The adjusted Rand index (Hubert & Arabie 1985) of contingency tables (..., rows, columns); 1 where both have one level."""

    def pairs(counts: np.ndarray) -> np.ndarray:
        return counts * (counts - 1) / 2

    together, rows, columns = (
        pairs(table).sum((-2, -1)),
        pairs(table.sum(-1)).sum(-1),
        pairs(table.sum(-2)).sum(-1),
    )
    most = (rows + columns) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = rows * columns / pairs(table.sum((-2, -1)))
        return np.where(most > expected, (together - expected) / (most - expected), 1.0)
