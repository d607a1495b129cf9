"""Survey weights: raking a sample to the margins of its population, what weights cost in precision, and errors of weighted means.

Sources. Deming & Stephan 1940, Annals of Mathematical Statistics 11:427 (raking). Izrael, Battaglia & Frankel 2009, SAS Global Forum 247 (trimming
within raking). Kish 1965, Survey Sampling, 11.7, and 1992, Journal of Official Statistics 8:183 (effective n, design effect of weights).
Saerndal, Swensson & Wretman 1992, Model Assisted Survey Sampling, 5.7 (linearised error of a ratio); Lumley 2010, Complex Surveys, 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.models.maximum_likelihood import CannotFit

TOLERANCE = 1e-7  # of a share
MAX_ITERATIONS = 500


@dataclass(frozen=True)
class RakedWeights:
    """Weights with which a sample has the margins of its population.

    weights: by row, with mean 1. margins: by (variable, level): n, sample (share before, by base weights), target, weighted (share after).
    converged: whether every share is within the tolerance of its target; deviation: the largest difference that is left. iterations: rounds over
    all variables. trimmed: rows whose weight is at a limit. effective_n: Kish's; design_effect: n / effective_n.
    """

    weights: np.ndarray
    margins: pd.DataFrame
    converged: bool
    deviation: float
    iterations: int
    trimmed: int
    effective_n: float
    design_effect: float


@dataclass(frozen=True)
class SurveyMean:
    """A weighted mean with its linearised standard error; n: rows, clusters and strata: their numbers; degrees_of_freedom: clusters less strata."""

    value: float
    standard_error: float
    n: int
    clusters: int
    strata: int

    @property
    def degrees_of_freedom(self) -> int:
        """Of the t distribution for its interval."""
        return self.clusters - self.strata


def effective_n(weights) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2: what the sample is worth where weights have nothing to do with the answers."""
    w = np.asarray(weights, float)
    return float(w.sum() ** 2 / (w @ w))


def rake(
    sample: pd.DataFrame,
    margins: Mapping[str, Mapping],
    base_weights=None,
    limits: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> RakedWeights:
    """Rake the rows of a sample to margins of its population.

    sample: a row per respondent, a column per variable of the margins, without gaps (give those who did not say a level of their own).
    margins: of each variable, the population's number or share by level. base_weights: by row, positive; None is 1. limits: the least and the
    largest weight, as multiples of the mean weight; weights beyond are cut after each round, and the next round makes up for it.
    Whether that came to an end is in `converged`, never taken for granted: margins that contradict each other, or limits that are too narrow, leave
    a `deviation` (and then weights may lie a little beyond the limits). Raises CannotFit where a level has respondents but no margin (`levels_without_margin`) or a margin but no respondents
    (`levels_without_respondents`, which need to be put together with others); ValueError where arguments cannot be meant.
    """
    base = np.ones(len(sample)) if base_weights is None else np.asarray(base_weights, float)
    low, high = (0.0, np.inf) if limits is None else limits
    if base.shape != (len(sample),) or not (base > 0).all() or not np.isfinite(base).all():
        raise ValueError("base weights are to be a positive number for each row")
    if not len(sample) or not margins or not 0 <= low < 1 < high or tolerance <= 0 or max_iterations < 1:
        raise ValueError(
            "rows and margins are needed, limits on both sides of 1, a positive tolerance and an iteration"
        )
    indicators, targets = _indicators(sample, margins), _targets(margins)
    weights, deviation, iterations = _raked(base[None], indicators, targets, (low, high), tolerance, max_iterations)
    limited = (weights[0] <= low) | (weights[0] >= high)
    weights = weights[0] * len(sample) / weights[0].sum()
    return RakedWeights(
        weights=weights,
        margins=_margin_table(sample, margins, base, weights),
        converged=bool(deviation[0] < tolerance),
        deviation=float(deviation[0]),
        iterations=iterations,
        trimmed=int(limited.sum()) if limits else 0,
        effective_n=effective_n(weights),
        design_effect=len(sample) / effective_n(weights),
    )


def raking_factors(
    cells: pd.DataFrame,
    counts: np.ndarray,
    margins: Mapping[str, Mapping],
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[np.ndarray, np.ndarray]:
    """Rake many samples at once, such as replicates of a bootstrap: the weight of a respondent in each cell.

    cells: a row per combination of levels. counts: (samples, cells), respondents. Gives (samples, cells) factors, with mean 1 over the sample's
    respondents, and (samples,) the deviation that is left, NaN where a level has nobody in that sample. Raises as `rake`.
    """
    indicators, targets = _indicators(cells, margins), _targets(margins)
    counts = np.asarray(counts, float)
    raked, deviation, _ = _raked(counts, indicators, targets, (0.0, np.inf), tolerance, max_iterations)
    factors = np.divide(raked, counts, out=np.zeros_like(raked), where=counts > 0)
    scale = counts.sum(axis=1) / raked.sum(axis=1)
    return factors * scale[:, None], deviation


def _indicators(sample: pd.DataFrame, margins: Mapping[str, Mapping]) -> list[np.ndarray]:
    """Of each variable: (rows, levels), 1 where the row has the level."""
    indicators = []
    for variable, levels in margins.items():
        names = list(levels)
        codes = pd.Index(names).get_indexer(sample[variable])
        if (codes < 0).any():
            others = sorted(sample.loc[codes < 0, variable].astype(str).unique())
            raise CannotFit(Note("levels_without_margin", variable=variable, levels=others))
        if empty := [str(names[code]) for code in sorted(set(range(len(names))) - set(codes)) if levels[names[code]]]:
            raise CannotFit(Note("levels_without_respondents", variable=variable, levels=empty))
        indicators.append((codes[:, None] == np.arange(len(names))).astype(float))
    return indicators


def _targets(margins: Mapping[str, Mapping]) -> list[np.ndarray]:
    """The shares of each variable's levels."""
    targets = [np.array(list(levels.values()), float) for levels in margins.values()]
    if any(not np.isfinite(of).all() or (of < 0).any() or not of.sum() > 0 for of in targets):
        raise ValueError("margins are to be numbers of at least 0, and of each variable not all 0")
    return [of / of.sum() for of in targets]


def _raked(
    base: np.ndarray,
    indicators: list,
    targets: list,
    limits: tuple[float, float],
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights (samples, rows) with mean 1 in each, the deviation that is left, and the rounds that it took."""
    mean = base.shape[1]
    weights = base * (mean / base.sum(axis=1, keepdims=True))
    iterations, deviation = 0, np.full(len(base), np.inf)
    while iterations < max_iterations and (deviation >= tolerance).any():
        for indicator, target in zip(indicators, targets, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):  # a level without anybody: NaN
                factor = np.where(target > 0, target * mean / (weights @ indicator), 0.0)
            weights = weights * (np.where(np.isfinite(factor), factor, np.nan) @ indicator.T)
        weights = np.clip(weights, *limits)
        deviation = _deviation(weights, indicators, targets)
        iterations += 1
    return weights, deviation, iterations


def _deviation(weights: np.ndarray, indicators: list, targets: list) -> np.ndarray:
    """(samples,): the largest difference between a share and its target."""
    total = weights.sum(axis=1, keepdims=True)
    pairs = zip(indicators, targets, strict=True)
    return np.max([np.abs(weights @ indicator / total - target).max(axis=1) for indicator, target in pairs], axis=0)


def _margin_table(sample: pd.DataFrame, margins: Mapping, base: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    tables = {}
    for (variable, levels), target in zip(margins.items(), _targets(margins), strict=True):
        by = pd.DataFrame({"level": sample[variable].to_numpy(), "n": 1, "sample": base, "weighted": weights})
        sums = by.groupby("level", observed=True).sum().reindex(list(levels), fill_value=0)
        shares = sums[["sample", "weighted"]] / sums[["sample", "weighted"]].sum()
        tables[variable] = pd.DataFrame({"n": sums["n"], "sample": shares["sample"], "target": target}).join(
            shares["weighted"]
        )
    return pd.concat(tables, names=["variable", "level"])


def weighted_mean(values, weights=None, strata=None, clusters=None, population=None) -> SurveyMean:
    """A weighted mean and its standard error by linearisation, of a sample with strata and clusters.

    values: by row. weights: design or raked weights, None is equal; they are taken as fixed, so that the error leaves out what raking to known
    margins gains, and is as a rule too large. strata: labels, None is one stratum. clusters: labels within strata of what was drawn (customers, schools), None is each
    row. population: by row, the number of clusters in its stratum of the population, for the finite population correction; None is
    without. Var = sum over strata of (1 - n / N) n / (n - 1) sum (z - mean z)^2, z the clusters' sums of w (y - mean) / sum w.
    Raises CannotFit (`strata_with_one_cluster`) where a stratum that is not drawn whole has one cluster; ValueError where arrays cannot be meant.
    """
    y = np.asarray(values, float)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    if (
        not len(y)
        or w.shape != y.shape
        or not (np.isfinite(y) & np.isfinite(w)).all()
        or (w < 0).any()
        or not w.sum() > 0
    ):
        raise ValueError("values and weights are to be finite numbers, a weight of at least 0 for each value")
    mean = float(w @ y / w.sum())
    rows = pd.DataFrame({"z": w * (y - mean) / w.sum()})
    rows["stratum"] = 0 if strata is None else np.asarray(strata)
    rows["cluster"] = np.arange(len(y)) if clusters is None else np.asarray(clusters)
    rows["population"] = np.inf if population is None else np.asarray(population, float)
    sums = rows.groupby(["stratum", "cluster"], observed=True).agg(z=("z", "sum"), population=("population", "first"))
    variance = sums.groupby("stratum", observed=True).agg(
        n=("z", "size"), variance=("z", "var"), population=("population", "first")
    )
    if (variance["population"] < variance["n"]).any():
        raise ValueError("a stratum has fewer clusters in the population than in the sample")
    sampled = 1 - variance["n"] / variance["population"]
    if (lonely := (variance["n"] == 1) & (sampled > 0)).any():
        raise CannotFit(Note("strata_with_one_cluster", strata=[str(name) for name in variance.index[lonely]]))
    error = np.sqrt((sampled * variance["n"] * variance["variance"].fillna(0.0)).sum())
    return SurveyMean(mean, float(error), len(y), len(sums), len(variance))
