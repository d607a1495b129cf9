"""Feedback: the net sentiment of comments, and by how much satisfaction differs between comments with and without a theme.

Sources. Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3 (percentile intervals); Rocks 2016, The American Statistician
70:365 (three answers added, so that a few equal ones have an interval); Welch 1947, Biometrika 34:28; Liang & Zeger 1986, Biometrika
73:13 (clusters); Holm 1979, Scandinavian Journal of Statistics 6:65.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.fold_bootstrap import fold_draws
from crmnb.stats.text.sentiment import (
    CLASSES,
    FEWEST_LABELS,
    FEWEST_OF_A_CLASS,
    VADER_ACCURACY,
    accuracy,
    corrected_values,
    is_enough,
)

REPLICATES = 1000
_SEED = 11
_FEW = 30  # comments or customers, below which an interval is too narrow
_FEW_OF_ERRORS = (
    0.5  # added to each count of a row of errors in a replicate, so that what was not seen is not impossible
)


# ---- Sentiment -------------------------------------------------------------------------------------------------------


def net_sentiment(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of positive less that of negative comments of each group, in points from -100 to 100.

    Counts have a column `sentiment_class` (-1, 0, 1); their folds are the clusters of the bootstrap. Settings: `sentiment_source` (scores,
    vader, lexicon or labels) and `misclassified`: counts by label and class of a labelled sample as nine numbers, by which the classifier's
    errors are corrected; empty where none are known.
    """
    counts = np.array(context.settings.get("misclassified", ()), float).reshape(-1, 3)
    values, replicates = _values_of_classes(counts)
    folds = 1 + max((int(group.counts["fold"].max()) for group in groups if len(group.counts)), default=0)
    drawn = fold_draws(folds, REPLICATES, _SEED)
    rows, replicates_of = [], []
    for group in groups:
        row, own = _net(group, values, replicates, drawn, context.level)
        rows.append(row)
        replicates_of.append(own)
    return Estimates(_correlated(rows, replicates_of), notes=_sentiment_notes(context, counts))


def _values_of_classes(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a comment of each class adds, and the same in each replicate, of whose sample of labels the errors are drawn again."""
    plain = np.array(CLASSES, float)
    values = corrected_values(counts) if is_enough(counts.sum(axis=1)) else None
    if values is None:
        return plain, np.tile(plain, (REPLICATES, 1))
    rng = np.random.default_rng(_SEED)
    rates = np.stack([rng.dirichlet(row + _FEW_OF_ERRORS, REPLICATES) for row in counts], axis=1)
    return values, np.linalg.solve(rates, np.tile(plain, (REPLICATES, 1))[:, :, None])[:, :, 0]


def _net(
    group: GroupedCounts, values: np.ndarray, replicates: np.ndarray, drawn: np.ndarray, level: float
) -> tuple[dict, np.ndarray]:
    """A group's row, and its value in each replicate."""
    sentiment, n = group.counts["sentiment_class"].to_numpy(int), group.counts["n"].to_numpy(float)
    folds, fold = np.unique(group.counts["fold"].to_numpy(int), return_inverse=True)
    sums = np.stack([np.bincount(fold, n * (sentiment == label), len(folds)) for label in CLASSES], axis=1)
    classes = drawn[:, folds] @ sums + _three_more(len(drawn))
    shares = classes / classes.sum(axis=1, keepdims=True)
    own = np.clip((shares * replicates).sum(axis=1), -1, 1)
    value = float(np.clip(values @ sums.sum(axis=0) / n.sum(), -1, 1))
    low, high = np.quantile(own, [(1 - level) / 2, (1 + level) / 2])
    row = group.row(
        value=100 * value,
        low=100 * min(float(low), value),
        high=100 * max(float(high), value),
        denominator=group.n,
        method="bootstrap by customer" if group.customers < group.n else "bootstrap",
        flags="unreliable" if group.customers < _FEW else "",
    )
    return row, own


def _three_more(replicates: int) -> np.ndarray:
    """Three comments more in each replicate, drawn at random: of a few that are all alike it is not certain that all others are so, too."""
    return np.random.default_rng(_SEED + 1).multinomial(3, [0.25, 0.5, 0.25], replicates).astype(float)


def _correlated(rows: list[dict], replicates: list[np.ndarray]) -> list[dict]:
    """The rows, those of the current period with the correlation of their figure with that of the comparison over the replicates."""
    before = {
        (row["breakdown"], row["segment"], row["level"]): own
        for row, own in zip(rows, replicates, strict=True)
        if row["win"] == "comparison"
    }
    for row, own in zip(rows, replicates, strict=True):
        earlier = before.get((row["breakdown"], row["segment"], row["level"]))
        if row["win"] == "current" and earlier is not None:
            spread = own.std() * earlier.std()
            row["correlation"] = float(np.cov(own, earlier, ddof=0)[0, 1] / spread) if spread else 0.0
    return rows


def _sentiment_notes(context: EstimationContext, counts: np.ndarray) -> list[Note]:
    """What the classes rest on, how often they are right, and whether their errors are corrected."""
    source, labels = context.settings["sentiment_source"], float(counts.sum())
    notes = [Note("sentiment_source", source=source)]
    if source == "vader":
        notes += [Note("vader_accuracy", of=of, share=share, n=n) for of, (share, n) in VADER_ACCURACY.items()]
    if not labels:
        return [*notes, Note("sentiment_accuracy_unknown")]
    right = accuracy(counts, context.level)
    facts = {"n": labels, "share": right.value, "frequent": right.most_frequent}
    facts |= {"level": context.level, "low": right.low, "high": right.high}
    is_learned = source == "labels"
    notes.append(Note("sentiment_accuracy_cross_validated" if is_learned else "sentiment_accuracy", **facts))
    if not is_enough(counts.sum(axis=1)):
        return [*notes, Note("sentiment_not_corrected", fewest=FEWEST_LABELS, of_a_class=FEWEST_OF_A_CLASS)]
    return [
        *notes,
        Note("sentiment_corrected" if corrected_values(counts) is not None else "sentiment_not_correctable"),
    ]


# ---- Effects of themes -----------------------------------------------------------------------------------------------


def theme_effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Mean satisfaction of the comments with a theme less that of those without it, per theme; of levels with enough customers on both sides as well.

    Counts have columns `survey`, `mentioned` (0, 1) and `points`; their folds are customers, or groups of them. The difference is taken
    inside of each survey; surveys weigh by n1 n0 / (n1 + n0), as in a regression with a constant for each survey.
    """
    rows, p_values = [], {}
    for group in groups:
        row, p_value = _effect(group, context)
        if not group.is_whole and (np.isnan(row["value"]) or row["flags"]):
            continue
        rows.append(row)
        if group.is_whole and group.win == "current" and np.isfinite(p_value):
            p_values[group.breakdown] = p_value
    return Estimates(rows, notes=_holm_notes(p_values, 1 - context.level))


def _effect(group: GroupedCounts, context: EstimationContext) -> tuple[dict, float]:
    """A theme's row, and the p-value of no difference."""
    counts = group.counts
    survey, fold = (pd.factorize(counts[name], use_na_sentinel=False)[0] for name in ("survey", "fold"))
    side = counts["mentioned"].to_numpy(int)
    mentioned = side == 1
    n = counts["n"].to_numpy(float)
    sizes = {"n": float(n[mentioned].sum()), "clusters": float(np.unique(fold[mentioned]).size)}
    both = (_by_side(survey, side) > 0).all(axis=1)[survey]
    if not both.any():
        reason = Note("no_comments_on_both_sides")
        return group.row(**sizes, reason=reason), float("nan")
    points = counts["points"].to_numpy(float)
    value, influence = _difference(*(column[both] for column in (survey, side, fold, n, points)))
    customers = tuple((~np.isnan(influence)).sum(axis=0)[[1, 0]].tolist())
    error, df = _standard_error(influence, customers)
    half = stdtrit(df, (1 + context.level) / 2) * error if error > 0 else float("nan")
    row = group.row(
        value=value,
        low=max(value - half, -100.0),
        high=min(value + half, 100.0),
        method="t, by customer",
        flags="unreliable" if min(customers) < _FEW else "",
        **sizes,
    )
    return row, float(2 * stdtr(df, -abs(value) / error)) if error > 0 else float("nan")


def _by_side(group: np.ndarray, side: np.ndarray, sums: np.ndarray | None = None) -> np.ndarray:
    """(groups, 2): how many rows of each group are without the theme and with it, or the sums of these rows."""
    return np.bincount(2 * group + side, sums, 2 * (group.max() + 1)).reshape(-1, 2)


def _difference(
    survey: np.ndarray, side: np.ndarray, fold: np.ndarray, n: np.ndarray, points: np.ndarray
) -> tuple[float, np.ndarray]:
    """The pooled difference, and the influence of each fold without and with the theme (folds, 2), NaN where it has no such comment."""
    size = _by_side(survey, side, n)
    with np.errstate(invalid="ignore"):  # a number of a survey that is not among these
        mean = _by_side(survey, side, n * points) / size
        weight = size.prod(axis=1) / size.sum(axis=1)
    weight = np.nan_to_num(weight / np.nansum(weight))
    value = float(np.nansum(weight * (mean[:, 1] - mean[:, 0])))
    sign = np.where(side == 1, 1.0, -1.0)
    moved = sign * weight[survey] * n * (points - mean[survey, side]) / size[survey, side]
    return value, np.where(_by_side(fold, side) > 0, _by_side(fold, side, moved), np.nan)


def _standard_error(influence: np.ndarray, customers: tuple[int, int]) -> tuple[float, float]:
    """The standard error by customer, and Welch's degrees of freedom; 0 where a side has a single customer."""
    if min(customers) < 2:
        return 0.0, float("nan")
    own = [g / (g - 1) * float(np.nansum(influence[:, side] ** 2)) for side, g in zip((1, 0), customers, strict=True)]
    of_both = 2 * float(np.nansum(influence.prod(axis=1)))  # customers on both sides
    variance = max(sum(own) + of_both, 0.0)
    welch = sum(v**2 / (g - 1) for v, g in zip(own, customers, strict=True))
    return float(np.sqrt(variance)), sum(own) ** 2 / welch if welch > 0 else float("nan")


def _holm_notes(p_values: dict[str, float], alpha: float) -> list[Note]:
    """Which differences are more than chance, all themes together."""
    if not p_values:
        return []
    ranked, detected = sorted(p_values, key=p_values.get), []
    for at, theme in enumerate(ranked):
        if p_values[theme] > alpha / (len(ranked) - at):
            break
        detected.append(theme)
    count = Count(len(ranked))
    return [
        Note("theme_effects_detected", themes=tuple(detected), of=count.number)
        if detected
        else Note("no_theme_effect", of=count.number)
    ]
