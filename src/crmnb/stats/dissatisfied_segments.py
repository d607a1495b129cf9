"""Dissatisfied segments: the levels of all segmentations whose relationship index lies below that of all other respondents.

Counts, folds and settings are those of `crmnb.stats.relationship`. Each level is compared with the respondents outside of it, within its
segmentation, at the weights of the path model. What drives the gap: each driver's gap times its direct effect on the index.

Sources. Welch 1947, Biometrika 34:28 (unequal variances), of means whose errors count customers (linearised: Saerndal, Swensson & Wretman
1992, Model Assisted Survey Sampling, 5.7). Holm 1979, Scandinavian Journal of Statistics 6:65, over all levels of all segmentations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from crmnb.core.notes import Note
from crmnb.stats.estimation import ANSWER_TO, RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.multiple_tests import holm
from crmnb.stats.relationship import current_whole, customers_of
from crmnb.stats.relationship_model import FittedRelationship, answers_of, fitted, weight_of

FEWEST = 10  # customers in a level and outside of it, below which no gap is tested
MOST_NAMED = 3  # segments that the notes name
_METHOD = "Welch"


@dataclass(frozen=True)
class Gap:
    """A level's mean score less that of all others: with its standard error, degrees of freedom, and the numbers of answers and customers."""

    value: float
    error: float
    degrees: float
    n: float
    clusters: float

    @property
    def p_value(self) -> float:
        """Two-sided, of no gap."""
        return float(2 * stdtr(self.degrees, -abs(self.value) / self.error)) if self.error > 0 else 1.0

    def limits(self, level: float) -> tuple[float, float]:
        """The ends of its interval."""
        half = float(stdtrit(self.degrees, (1 + level) / 2)) * self.error
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Level:
    """A level of a segmentation, its gap, and the p-value corrected for the number of levels."""

    group: GroupedCounts
    gap: Gap
    p_value: float

    @property
    def pull(self) -> float:
        """What it takes from the index of all: size times gap."""
        return self.gap.n * self.gap.value


def gaps(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The gap of every level, those first that pull the index down most; of levels below the rest also the gaps of each driver and outcome.

    Flag `below_rest`: the index is lower beyond chance.
    """
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    relationship = fitted(groups, context)
    levels = _levels(groups, whole, relationship, context)
    if not levels:
        return Estimates([whole.row(reason=Note("no_segments_to_compare", fewest=FEWEST))])
    rows, below = [], [level for level in levels if _is_below(level, context)]
    for level in levels:
        name = f"{level.group.segment.replace('_', ' ')}: {level.group.level}"
        place = {"at_segment": level.group.segment, "at_level": level.group.level}
        flags = "below_rest" if level in below else ""
        rows.append(_row(whole, name, level.gap, context.level, flags) | place)
    for level in levels:
        flags = "below_rest" if level in below else ""
        rows.append(_row(level.group, RELATIONSHIP_INDEX, level.gap, context.level, flags))
    for level in below[:MOST_NAMED]:
        profile = _profile(level.group, whole, relationship, context)
        rows += [_row(level.group, name, gap, context.level) for name, gap in profile]
    return Estimates(rows, notes=_notes(below, levels))


def levels_below(
    groups: list[GroupedCounts], context: EstimationContext, relationship: FittedRelationship
) -> tuple[list[GroupedCounts], int]:
    """The levels whose index is below that of all others beyond chance, those first that pull it down most; and how many were compared."""
    whole = current_whole(groups)
    levels = _levels(groups, whole, relationship, context) if whole else []
    return [level.group for level in levels if _is_below(level, context)], len(levels)


def _is_below(level: Level, context: EstimationContext) -> bool:
    return level.gap.value < 0 and level.p_value < 1 - context.level


def _row(group: GroupedCounts, breakdown: str, gap: Gap, level: float, flags: str = "") -> dict:
    low, high = gap.limits(level)
    sizes = {"n": gap.n, "clusters": gap.clusters, "method": _METHOD, "flags": flags}
    return group.row(breakdown=breakdown, value=gap.value, low=low, high=high, **sizes)


def _levels(
    groups: list[GroupedCounts], whole: GroupedCounts, relationship: FittedRelationship, context: EstimationContext
) -> list[Level]:
    """The levels with a gap, with Holm's p-values."""
    compared = []
    for group in groups:
        if group.is_whole or group.win != "current" or group.level == context.settings["relationship"]["unknown"]:
            continue
        gap = construct_gap(group, whole, RELATIONSHIP_INDEX, relationship)
        if gap is not None and gap.clusters >= max(FEWEST, context.suppress_below):
            compared.append((group, gap))
    if not compared:
        return []
    p_values = holm([gap.p_value for _, gap in compared])
    levels = [Level(group, gap, float(p)) for (group, gap), p in zip(compared, p_values, strict=True)]
    return sorted(levels, key=lambda level: (level.pull, level.group.segment, level.group.level))


def construct_gap(
    group: GroupedCounts, whole: GroupedCounts, construct: str, relationship: FittedRelationship
) -> Gap | None:
    """The gap of a construct's score."""
    places = relationship.places(construct)
    weights, columns = relationship.weights[places], tuple(relationship.columns[at] for at in places)
    return gap_of_sums(group, *(_sums(of, columns, weights) for of in (group, whole)))


def _sums(group: GroupedCounts, columns: tuple[str, ...], weights: np.ndarray):
    """By fold of the complete answers: its number, sum of weights, sum of weighted scores, and number of answers."""
    answers, weight = answers_of(group.counts, columns), weight_of(group.counts)
    there = ~np.isnan(answers).any(axis=1) & (weight > 0)
    folds, fold = np.unique(group.counts["fold"].to_numpy()[there], return_inverse=True)
    scores, weight = answers[there] @ weights, weight[there]
    n = np.bincount(fold, group.counts["n"].to_numpy(float)[there], len(folds))
    return folds, np.bincount(fold, weight, len(folds)), np.bincount(fold, weight * scores, len(folds)), n


def gap_of_sums(group: GroupedCounts, level: tuple, whole: tuple) -> Gap | None:
    """Of the sums of a level and of the whole, each folds and, by fold, weight, weighted score and answers; None where fewer than two customers
    are on a side."""
    folds, weight, score, _ = whole
    places = np.searchsorted(folds, level[0])
    inside = np.zeros((2, len(folds)))
    inside[:, places] = level[1], level[2]
    outside = np.array([weight, score]) - inside
    outside[:, outside[0] < 1e-9 * weight] = 0.0  # nothing is left of who answered in the level only
    parts = []
    for own_weight, own_score in (inside, outside):
        customers = int((own_weight > 0).sum())
        if customers < 2:
            return None
        mean = own_score.sum() / own_weight.sum()
        influence = (own_score - mean * own_weight) / own_weight.sum()
        parts.append((mean, influence, customers))
    (mean, own, customers), (other_mean, other, others) = parts
    variances = [of @ of * k / (k - 1) for of, k in ((own, customers), (other, others))]
    total = sum(variances)
    freedom = sum(v**2 / (k - 1) for v, k in zip(variances, (customers, others), strict=True))
    error = max(total - 2 * own @ other, 0.0) ** 0.5
    n, freedom = float(level[3].sum()), float(total**2 / freedom) if freedom else 1.0
    return Gap(float(mean - other_mean), error, freedom, n, customers_of(group, customers, n))


def _profile(
    group: GroupedCounts, whole: GroupedCounts, relationship: FittedRelationship, context: EstimationContext
) -> Iterator[tuple[str, Gap]]:
    """The gaps of a level's drivers, and of its answers to each question about what customers will do."""
    declared = context.settings["relationship"]
    for driver in declared["drivers"]:
        if gap := construct_gap(group, whole, driver, relationship):
            yield driver, gap
    others = {RELATIONSHIP_INDEX, *declared["drivers"]}
    for item in (item for name, block in declared["blocks"].items() if name not in others for item in block):
        if gap := gap_of_sums(group, *(_sums(of, (f"{ANSWER_TO}{item}",), np.ones(1)) for of in (group, whole))):
            yield declared["labels"][item], gap


def _notes(below: list[Level], levels: list[Level]) -> list[Note]:
    """How many levels were compared, and which of them lie below."""
    if not below:
        return [Note("no_segment_below_rest", levels=len(levels))]
    names = [f"{level.group.level} ({level.group.segment.replace('_', ' ')})" for level in below[:MOST_NAMED]]
    return [Note("segments_below_rest", names=names, number=len(below), levels=len(levels))]
