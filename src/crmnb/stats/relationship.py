"""The relationship measure: index, driver scores, what a driver is worth, and which share of the index it explains.

Counts have a column `answer to <item>` (0-100, empty where it was not answered) for each item, and `weight` where answers are weighted;
their folds are the clusters of the bootstrap. Settings: `relationship`, the declared path model.

Weights are estimated once, from the complete answers of the compared periods together, and applied to every segment, part and
period: so a change of the index is one of the answers, never of the weights. Intervals are percentile intervals of a bootstrap of
respondents, in whose replicates the weights are estimated as well.

Sources. `crmnb.stats.models.pls` (weights and effects) and `crmnb.stats.models.relative_importance`; Efron & Tibshirani 1993, An Introduction
to the Bootstrap, 13.3 (percentile intervals).
"""

import numpy as np
import pandas as pd

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls_quality import path_notes, path_quality
from crmnb.stats.models.relative_importance import MOST_EXACT, share_intervals
from crmnb.stats.relationship_model import FittedRelationship, answers_of, fitted, weight_of

STEP = 5.0  # points of a driver's score, for which its impact is stated
SHARED_FOLDS = 200  # from which on the customers of a group are estimated where folds hold several of them
FEW_ANSWERS = 30  # below which a percentile interval is too narrow
_ROUNDING = 1e-12  # of a standardised effect
METHOD = "bootstrap by respondent"


# ---- Scores, of every group ------------------------------------------------------------------------------------------


def index(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The relationship index of each group, 0-100."""
    return _scores(groups, context, {RELATIONSHIP_INDEX: ""})


def driver_scores(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The score of each driver in each group, 0-100, as breakdowns."""
    drivers = context.settings["relationship"]["drivers"]
    return _scores(groups, context, dict(zip(drivers, drivers, strict=True)))


def _scores(groups: list[GroupedCounts], context: EstimationContext, breakdowns: dict[str, str]) -> Estimates:
    """The scores of some constructs, each as a breakdown."""
    relationship = fitted(groups, context)
    rows = []
    for construct, breakdown in breakdowns.items():
        scored = [_score(group, construct, relationship, context.level, breakdown) for group in groups]
        rows += _correlated([row for row, _ in scored], [replicates for _, replicates in scored])
    current = current_whole(groups)
    gaps = _gap_notes(current, relationship, list(breakdowns)) if current else []
    return Estimates(rows, notes=[*relationship.weight_notes(list(breakdowns)), *gaps])


def _score(
    group: GroupedCounts, construct: str, relationship: FittedRelationship, level: float, breakdown: str
) -> tuple[dict, np.ndarray]:
    """A row of one construct's score in a group, and the score in each replicate (NaN in those that drew nobody of the group)."""
    places, weight = relationship.places(construct), weight_of(group.counts)
    answers = answers_of(group.counts, tuple(relationship.columns[at] for at in places))
    complete = ~np.isnan(answers).any(axis=1) & (weight > 0)
    if not complete.any():
        reason = Note("no_complete_answers_to", construct=construct)
        return group.row(breakdown=breakdown, n=0.0, clusters=0.0, reason=reason), np.array([])
    counts, answers, weight = group.counts[["n", "fold"]][complete], answers[complete], weight[complete]
    value = float(relationship.weights[places] @ (weight @ answers / weight.sum()))
    replicates = _replicates(counts["fold"].to_numpy(), weight, answers, places, relationship)
    low, high = np.nanquantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    n = float(counts["n"].sum())
    clusters = group.customers if complete.all() else customers_of(group, counts["fold"].nunique(), n)
    row = group.row(
        breakdown=breakdown,
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=n,
        clusters=clusters,
        numerator=value * n,
        denominator=n,
        method=METHOD,
        flags="unreliable" if clusters < FEW_ANSWERS else "",
    )
    return row, replicates


def customers_of(group: GroupedCounts, folds: int, n: float) -> float:
    """How many customers n of a group's answers are of: their folds; where customers share folds, as many per answer as in the whole group."""
    shared = group.customers > group.counts["fold"].nunique() >= SHARED_FOLDS
    return max(float(folds), float(np.floor(group.customers * n / group.n))) if shared else float(folds)


def _replicates(
    fold_of_rows: np.ndarray, weight: np.ndarray, answers: np.ndarray, places: np.ndarray, model: FittedRelationship
) -> np.ndarray:
    """A group's score in each replicate, by the weights of that replicate."""
    folds, fold = np.unique(fold_of_rows, return_inverse=True)
    sums = np.stack([np.bincount(fold, weight * answer, len(folds)) for answer in answers.T], axis=1)
    drawn = model.drawn(folds)
    total = drawn @ np.bincount(fold, weight, len(folds))
    means = (drawn @ sums) / np.where(total > 0, total, np.nan)[:, None]
    return (means * model.replicates[:, places]).sum(axis=1)


def _correlated(rows: list[dict], replicates: list[np.ndarray]) -> list[dict]:
    """The rows, those of the current period with the correlation of their figure with that of the comparison over the replicates.

    The same customers stand behind both, where they answered in both, and the same weights.
    """
    before = {
        (row["segment"], row["level"]): drawn
        for row, drawn in zip(rows, replicates, strict=True)
        if row["win"] == "comparison" and len(drawn)
    }
    for row, drawn in zip(rows, replicates, strict=True):
        earlier = before.get((row["segment"], row["level"]))
        if row["win"] == "current" and len(drawn) and earlier is not None:
            both = np.isfinite(drawn) & np.isfinite(earlier)
            spread = drawn[both].std() * earlier[both].std() if both.any() else 0.0
            row["correlation"] = float(np.cov(drawn[both], earlier[both], ddof=0)[0, 1] / spread) if spread else 0.0
    return rows


def _gap_notes(current: GroupedCounts, relationship: FittedRelationship, constructs: list[str]) -> list[Note]:
    """How many answers of the reporting period count for each construct, where some do not."""
    answers, n = answers_of(current.counts, relationship.columns), current.counts["n"].to_numpy(float)
    notes = []
    for construct in constructs:
        gaps = float(n[np.isnan(answers[:, relationship.places(construct)]).any(axis=1)].sum())
        if gaps:
            notes.append(Note("answers_with_gaps", construct=construct, n=Count(gaps), of=Count(n.sum())))
    return notes


# ---- Effects, of the whole client ------------------------------------------------------------------------------------


def driver_impacts(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """What the index gains where a driver's score rises by `STEP` points: in total, and directly (breakdown "<driver>, direct").

    A driver without an indirect effect has one row.
    """
    relationship, whole = fitted(groups, context), current_whole(groups)
    if whole is None:
        return Estimates([])
    if reason := relationship.without_effects:
        return Estimates([whole.row(reason=reason)])
    tables = {
        "": relationship.bootstrap.intervals("unstandardised_total_effects", context.level),
        ", direct": relationship.bootstrap.intervals("unstandardised_paths", context.level),
    }
    fit = relationship.bootstrap.fit
    indirect = fit.indirect_effects[RELATIONSHIP_INDEX].abs() > _ROUNDING
    rows = [
        _effect(whole, groups, relationship, f"{driver}{suffix}", table.loc[driver, RELATIONSHIP_INDEX] * STEP)
        for suffix, table in tables.items()
        for driver in context.settings["relationship"]["drivers"]
        if (driver, RELATIONSHIP_INDEX) in table.index and (not suffix or indirect[driver])
    ]
    points = _priorities(whole, rows, relationship, context)
    explained = Note("drivers_explain", r2=float(fit.r2[RELATIONSHIP_INDEX]))
    health = path_notes(fit, path_quality(fit)) or [Note("model_sound")]
    return Estimates(rows, points, notes=[explained, *health, *relationship.model_notes()])


def _priorities(
    whole: GroupedCounts, rows: list[dict], relationship: FittedRelationship, context: EstimationContext
) -> list[dict]:
    """The points of the priority map: each driver's impact at its score in the reporting period, and at both ends of the score's interval."""
    impact_of = {row["breakdown"]: row for row in rows}
    points = []
    for driver in context.settings["relationship"]["drivers"]:
        score, _ = _score(whole, driver, relationship, context.level, driver)
        impact = impact_of[driver]
        if np.isnan(score["value"]):
            continue
        ends = impact["low"], impact["high"]
        points += [whole.point(score[end], impact["value"], n=score["n"], breakdown=driver) for end in ("low", "high")]
        points.append(whole.point(score["value"], impact["value"], *ends, n=score["n"], breakdown=driver))
    return points


def driver_shares(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the index's R2 that each driver accounts for (LMG), of all drivers together 1."""
    relationship, whole = fitted(groups, context), current_whole(groups)
    if whole is None:
        return Estimates([])
    if reason := relationship.without_effects:
        return Estimates([whole.row(reason=reason)])
    drivers, bootstrap = list(context.settings["relationship"]["drivers"]), relationship.bootstrap
    replicates = bootstrap.estimates["correlations"]
    try:
        shares = share_intervals(bootstrap.fit.correlations, replicates, RELATIONSHIP_INDEX, drivers, context.level)
    except CannotFit as refusal:
        return Estimates([whole.row(reason=refusal.reason)])
    rows = [_effect(whole, groups, relationship, driver, shares.loc[driver]) for driver in drivers]
    sampled = [Note("shares_of_drawn_orders", drivers=len(drivers))] if len(drivers) > MOST_EXACT else []
    return Estimates(rows, notes=[*relationship.model_notes(), *sampled])


def current_whole(groups: list[GroupedCounts]) -> GroupedCounts | None:
    """The group of the whole client in the reporting period; None where nobody answered in it."""
    return next((group for group in groups if group.is_whole and group.win == "current"), None)


def _effect(
    whole: GroupedCounts,
    groups: list[GroupedCounts],
    relationship: FittedRelationship,
    breakdown: str,
    estimate: pd.Series,
) -> dict:
    """A row of an effect; where two periods were put together for it, there is nothing left to compare it with."""
    both = any(group.win == "comparison" for group in groups)
    return whole.row(
        breakdown=breakdown,
        value=float(estimate["value"]),
        low=min(float(estimate["low"]), float(estimate["value"])),
        high=max(float(estimate["high"]), float(estimate["value"])),
        n=relationship.complete,
        clusters=relationship.clusters,
        method=METHOD,
        reason=Note("no_comparison_joint_model") if both else "",
    )
