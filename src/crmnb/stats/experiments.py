"""Experiments: from the sums of units by arm to the outcome of each arm and the effect of each treatment.

counts: as in `crmnb.stats.experiment_arms`. No effect is stated where the sample ratio is another one than planned. Sources: those of
`crmnb.stats.models.arm_effects`; Holm 1979, Scandinavian Journal of Statistics 6:65 (all outcomes and arms of an experiment, or of a segmentation,
together); Cochran 1954, Biometrics 10:101 (whether effects differ between levels).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, ndtri

from crmnb.core.notes import Note
from crmnb.stats.clustered_share import wilson
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.experiment_arms import (
    Arm,
    ExperimentPlan,
    OutcomePlan,
    arms_of,
    doubt_of,
    groups_in_order,
    sizes_of,
)
from crmnb.stats.models.arm_effects import Effect, Sample, adjusted, of_means, of_rates, ratio_sample
from crmnb.stats.multiple_tests import holm


@dataclass(frozen=True)
class Comparison:
    """An arm beside the control in an outcome of a group: both samples, or the reason why there is no effect."""

    group: GroupedCounts
    plan: ExperimentPlan
    outcome: OutcomePlan
    arm: str
    samples: tuple[Sample, Sample] | None
    reason: Note | None = None
    explained: float = 0.0

    @property
    def label(self) -> str:
        """The breakdown of its figures."""
        return self.plan.label(self.group.breakdown, self.outcome.name.replace("_", " "), self.arm)

    @property
    def n(self) -> float:
        """The units of both samples; NaN without samples."""
        return sum(sample.n for sample in self.samples) if self.samples else np.nan

    @property
    def sizes(self) -> dict[str, float]:
        """The units of both sides; those of the smaller one stand behind each figure, which together with the other side's gives them away."""
        return sizes_of(self.samples) if self.samples else {}

    @property
    def by_score(self) -> bool:
        """Whether it is a difference of plain rates."""
        return self.outcome.is_rate and self.outcome.form == "plain"

    @property
    def method(self) -> str:
        """How the interval is computed."""
        if self.plan.planned_units:
            return "always valid"
        return "score" if self.by_score else "Welch"

    def effect(self, level: float) -> Effect:
        """The effect of the arm."""
        of = of_rates if self.by_score else of_means
        return of(*self.samples, level, self.plan.planned_units)

    def row(self, **fields) -> dict:
        """A row of results."""
        return self.group.row(breakdown=self.label, **self.sizes, **fields)


def comparisons_of(groups: list[GroupedCounts], context: EstimationContext) -> list[Comparison]:
    """Every arm beside its control in every outcome of every group."""
    doubts: dict[tuple[str, int], Note | None] = {}
    comparisons = []
    for group, plan in groups_in_order(sorted(groups, key=lambda group: not group.is_whole), context):
        arms = arms_of(group)
        for at, outcome in enumerate(plan.outcomes):
            if group.is_whole:
                units = {name: arm.sums[f"n_y_{at}"] for name, arm in arms.items()}
                doubts[group.breakdown, at] = doubt_of(group.breakdown, plan, arms, units)
            for arm in plan.treated:
                comparison = Comparison(group, plan, outcome, arm, None)
                doubt = doubts.get((group.breakdown, at))
                comparisons.append(replace(comparison, reason=doubt) if doubt else _with_samples(comparison, arms, at))
    return comparisons


def _with_samples(comparison: Comparison, arms: dict[str, Arm], at: int) -> Comparison:
    sides = [arms.get(name) for name in (comparison.arm, comparison.plan.control)]
    if not all(side and side.sums[f"n_y_{at}"] for side in sides):
        return replace(comparison, reason=Note("arm_without_units"))
    if comparison.outcome.is_rate and not all(side.is_rate(at) for side in sides):
        return replace(comparison, reason=Note("not_a_rate", outcome=comparison.outcome.name))
    if comparison.outcome.form == "cuped":
        *samples, explained = adjusted(*(side.pair(at) for side in sides))
        return replace(comparison, samples=tuple(samples), explained=explained)
    if comparison.outcome.form == "ratio":
        pairs = [side.pair(at) for side in sides]
        if any(pair.means[1] == 0 for pair in pairs):
            return replace(comparison, reason=Note("ratio_of_nothing"))
        return replace(comparison, samples=tuple(map(ratio_sample, pairs)))
    return replace(comparison, samples=tuple(side.sample(f"y_{at}") for side in sides))


def outcomes(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The rate or mean of every arm, as it is (without CUPED), with Wilson's or t limits."""
    rows = []
    for group, plan in groups_in_order(groups, context):
        arms = arms_of(group)
        for at, outcome in enumerate(plan.outcomes):
            rows += [_outcome_row(group, outcome, at, name, arms.get(name), context.level) for name in plan.arms]
    return Estimates(rows)


def _outcome_row(group: GroupedCounts, outcome: OutcomePlan, at: int, name: str, arm: Arm | None, level: float) -> dict:
    label, unit = (
        f"{group.breakdown}: {outcome.name.replace('_', ' ')}, {name}",
        "%" if outcome.is_rate else outcome.unit,
    )
    if arm is None or not arm.sums[f"n_y_{at}"] or (outcome.form == "ratio" and arm.pair(at).means[1] == 0):
        return group.row(breakdown=label, reason=Note("arm_without_units"), unit=unit)
    sample = ratio_sample(arm.pair(at)) if outcome.form == "ratio" else arm.sample(f"y_{at}")
    if outcome.is_rate:
        low, high = wilson(sample.mean, sample.n, float(ndtri((1 + level) / 2)))
    else:
        alone = of_means(sample, Sample(np.inf, 0.0, 0.0), level).difference
        low, high = alone.low, alone.high
    value, low, high = (outcome.scale * x for x in (sample.mean, low, high))
    fields = {"n": sample.n, "clusters": sample.n, "unit": unit}
    return group.row(
        breakdown=label, value=value, low=low, high=high, method="Wilson" if outcome.is_rate else "t", **fields
    )


def effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The difference of every arm from its control, in points or in the outcome's unit; `beyond_chance` after Holm."""
    return _estimated(groups, context, lambda effect: effect.difference, lambda of: (of.scale, of.effect_unit), True)


def relative_effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The same as a share of the control's rate or mean."""
    return _estimated(groups, context, lambda effect: effect.ratio, lambda of: (1.0, "%"), False)


def _estimated(
    groups: list[GroupedCounts],
    context: EstimationContext,
    part: Callable,
    scale_of: Callable[[OutcomePlan], tuple[float, str]],
    has_notes: bool,
) -> Estimates:
    comparisons = comparisons_of(groups, context)
    estimated = [comparison.effect(context.level) if comparison.samples else None for comparison in comparisons]
    adjusted_p = _by_holm(comparisons, estimated)
    rows = []
    for comparison, effect, p in zip(comparisons, estimated, adjusted_p, strict=True):
        scale, unit = scale_of(comparison.outcome)
        if effect is None:
            rows.append(comparison.row(reason=comparison.reason, unit=unit))
            continue
        estimate, less = part(effect), 0 if has_notes else 1
        if np.isnan(estimate.value):
            rows.append(comparison.row(reason=Note("control_is_zero"), unit=unit))
            continue
        value, low, high = (scale * (x - less) for x in (estimate.value, estimate.low, estimate.high))
        flags = "beyond_chance" if p < 1 - context.level else ""
        rows.append(comparison.row(value=value, low=low, high=high, method=comparison.method, unit=unit, flags=flags))
    notes = _effect_notes(comparisons, estimated, adjusted_p, context.level) if has_notes else []
    return Estimates(rows, notes=notes)


def _by_holm(comparisons: list[Comparison], estimated: list[Effect | None]) -> np.ndarray:
    """The p-values adjusted for all outcomes and arms of an experiment, of a segmentation for its levels as well; 1 where there is none."""
    families: dict[tuple[str, str], list[int]] = {}
    for at, comparison in enumerate(comparisons):
        if estimated[at] is not None and np.isfinite(estimated[at].p_value):
            families.setdefault((comparison.group.breakdown, comparison.group.segment), []).append(at)
    adjusted_p = np.ones(len(comparisons))
    for places in families.values():
        adjusted_p[places] = holm([estimated[at].p_value for at in places])
    return adjusted_p


def _effect_notes(
    comparisons: list[Comparison], estimated: list[Effect | None], adjusted_p: np.ndarray, level: float
) -> list[Note]:
    """Of each experiment: what is beyond chance, whether CUPED helped, whether results were looked at early, and for whom effects differ."""
    notes, seen = [], set()
    for at, (comparison, effect) in enumerate(zip(comparisons, estimated, strict=True)):
        if not comparison.group.is_whole:
            continue
        experiment, plan = comparison.group.breakdown, comparison.plan
        if experiment not in seen:
            seen.add(experiment)
            if comparison.reason and comparison.reason.code == "sample_ratio_off":
                notes.append(comparison.reason)
            if plan.planned_units:
                notes.append(Note("always_valid", experiment=experiment, units=plan.planned_units))
        if effect is None or not np.isfinite(effect.p_value):
            continue
        number = len(plan.outcomes) * len(plan.treated)
        facts = {"effect": comparison.label, "p": float(adjusted_p[at]), "comparisons": number}
        notes.append(Note("effect_p_value" if number == 1 else "effect_p_value_holm", **facts))
        if comparison.outcome.form == "cuped":
            notes.append(Note("cuped", effect=comparison.label, share=comparison.explained))
    return notes + _differences_between_levels(comparisons, estimated, level)


def _differences_between_levels(
    comparisons: list[Comparison], estimated: list[Effect | None], level: float
) -> list[Note]:
    """The effects that differ between the levels of a segmentation, by Cochran's Q and Holm over all of them."""
    cells: dict[tuple[str, str], list[Effect]] = {}
    for comparison, effect in zip(comparisons, estimated, strict=True):
        if comparison.group.segment and effect is not None and effect.error > 0:
            cells.setdefault((comparison.label, comparison.group.segment), []).append(effect)
    tests = []
    for key, of_levels in cells.items():
        if len(of_levels) > 1:
            weights = np.array([effect.error**-2 for effect in of_levels])
            values = np.array([effect.difference.value for effect in of_levels])
            q = float((weights * (values - np.average(values, weights=weights)) ** 2).sum())
            tests.append((key, float(chdtrc(len(of_levels) - 1, q))))
    adjusted_p = holm([p for _, p in tests])
    return [
        Note("effect_differs", effect=label, segment=segment, p=float(p))
        for ((label, segment), _), p in zip(tests, adjusted_p, strict=True)
        if p < 1 - level
    ]
