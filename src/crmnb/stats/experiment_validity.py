"""The validity of experiments: whether the arms have the sizes that were planned, and whether they are alike in what was known before.

counts: as in `crmnb.stats.experiment_arms`. Sources: Wilson 1927; Welch 1947; Holm 1979, Scandinavian Journal of Statistics 6:65.
"""

import numpy as np
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.clustered_share import wilson
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.experiment_arms import (
    FEWEST,
    Arm,
    ExperimentPlan,
    arms_of,
    doubt_of,
    groups_in_order,
    ratio_p_value,
    sizes_of,
)
from crmnb.stats.models.arm_effects import Sample, of_means, standardised_difference
from crmnb.stats.multiple_tests import holm


def sample_ratios(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the units that is in each arm, with Wilson's limits; notes: whether the shares are those that were planned."""
    z = float(ndtri((1 + context.level) / 2))
    rows, notes = [], []
    for group, plan in groups_in_order(groups, context):
        arms = arms_of(group)
        units = sum(arm.n for arm in arms.values())
        for name in dict.fromkeys([*plan.arms, *arms]):
            n = arms[name].n if name in arms else 0.0
            low, high = wilson(n / units, units, z)
            fields = {"numerator": n, "denominator": units, "n": units, "clusters": units}
            label = f"{group.breakdown}: {name}"
            rows.append(group.row(breakdown=label, value=n / units, low=low, high=high, method="Wilson", **fields))
        if group.is_whole:
            notes.append(_ratio_note(group.breakdown, plan, arms))
    return Estimates(rows, notes=notes)


def _ratio_note(experiment: str, plan: ExperimentPlan, arms: dict[str, Arm]) -> Note:
    doubt = doubt_of(experiment, plan, arms, {name: arm.n for name, arm in arms.items()})
    if doubt:
        return doubt
    return Note(
        "sample_ratio_as_planned", experiment=experiment, p=ratio_p_value(plan, {n: a.n for n, a in arms.items()})
    )


def balance(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By covariate and arm the difference from the control in standard deviations, with Welch's limits."""
    rows, notes = [], []
    for group, plan in groups_in_order(groups, context):
        arms, tests = arms_of(group), []
        for at, covariate in enumerate(plan.covariates):
            for arm in plan.treated:
                label = plan.label(group.breakdown, covariate, arm)
                sides = [
                    arms[name].sample(f"x_{at}") if name in arms else Sample(0, np.nan, np.nan)
                    for name in (arm, plan.control)
                ]
                if min(side.n for side in sides) < FEWEST:
                    rows.append(group.row(breakdown=label, reason=Note("arm_too_small", fewest=FEWEST)))
                    continue
                row, p_value = _balance_row(group, label, sides, context.level)
                rows.append(row)
                tests.append((label, p_value))
        if group.is_whole and tests:
            notes.append(_balance_note(group.breakdown, rows, tests, context.level))
        if not plan.covariates:
            rows.append(group.row(breakdown=group.breakdown, reason=Note("no_covariates", experiment=group.breakdown)))
    return Estimates(rows, notes=notes)


def _balance_row(group: GroupedCounts, label: str, sides: list[Sample], level: float) -> tuple[dict, float]:
    effect = of_means(*sides, level)
    value = standardised_difference(*sides)
    spread = np.sqrt((sides[0].variance + sides[1].variance) / 2)
    per_unit = 1 / spread if spread > 0 else np.nan
    low, high = effect.difference.low * per_unit, effect.difference.high * per_unit
    row = group.row(breakdown=label, value=value, low=low, high=high, method="Welch", **sizes_of(sides))
    return row, effect.p_value


def _balance_note(experiment: str, rows: list[dict], tests: list[tuple[str, float]], level: float) -> Note:
    """Whether the arms are alike; the rows of covariates in which they are not are marked."""
    adjusted_p = holm([p if np.isfinite(p) else 1.0 for _, p in tests])
    off = [label for (label, _), p in zip(tests, adjusted_p, strict=True) if p < 1 - level]
    for row in rows:
        row["flags"] = "beyond_chance" if row["breakdown"] in off else row["flags"]
    if off:
        names = tuple(label.partition(": ")[2] for label in off)
        return Note("covariates_differ", experiment=experiment, covariates=names)
    return Note("covariates_balanced", experiment=experiment, covariates=len(tests))
