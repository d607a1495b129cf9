"""The size of experiments: the smallest effect that one could have found, and the units that the next one needs.

counts: as in `crmnb.stats.experiment_arms`. Sources: those of `crmnb.stats.models.sample_size`.
"""

import numpy as np
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.experiment_arms import FEWEST
from crmnb.stats.experiments import Comparison, comparisons_of
from crmnb.stats.models import sample_size
from crmnb.stats.models.always_valid import boundary

_ROUNDS = 60  # of the search for a sample size where the interval depends on it


def detectable_effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The smallest effect of every arm that the experiment, with the units it had, would have found with its power."""
    rows = []
    for comparison in comparisons_of(groups, context):
        unit = comparison.outcome.effect_unit
        if comparison.samples is None:
            rows.append(comparison.row(reason=comparison.reason, unit=unit))
            continue
        value = _detectable(comparison, context.level)
        if np.isnan(value):
            rows.append(comparison.row(reason=Note("no_effect_detectable"), unit=unit))
            continue
        rows.append(comparison.row(value=comparison.outcome.scale * value, method="none", unit=unit))
    return Estimates(rows)


def _detectable(comparison: Comparison, level: float) -> float:
    plan, (arm, control) = comparison.plan, comparison.samples
    if comparison.by_score and not plan.planned_units:
        units = arm.n + control.n
        return sample_size.effect_on_rate(control.mean, units, level, plan.power, arm.n / units)
    error = float(np.sqrt(arm.squared_error + control.squared_error))
    wide = boundary(comparison.n, plan.planned_units, level) if plan.planned_units else None
    return sample_size.effect_on_mean(error, level, plan.power, wide) if error > 0 else np.nan


def required_samples(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The units of all arms that find the smallest effect which is declared, in the arm that needs most, at the planned shares."""
    by_outcome: dict[tuple[str, str], list[Comparison]] = {}
    for comparison in comparisons_of(groups, context):
        by_outcome.setdefault((comparison.group.breakdown, comparison.outcome.name), []).append(comparison)
    rows = []
    for (experiment, outcome), of_arms in by_outcome.items():
        group, plan = of_arms[0].group, of_arms[0].plan
        label = plan.label(experiment, outcome.replace("_", " "))
        reason = next((comparison.reason for comparison in of_arms if comparison.reason), None)
        if of_arms[0].outcome.smallest_effect is None:
            reason = Note("no_smallest_effect", outcome=outcome)
        needed = [] if reason else [_required(comparison, context.level) for comparison in of_arms]
        if reason or np.isnan(needed).any():
            rows.append(group.row(breakdown=label, reason=reason or Note("no_required_sample", outcome=outcome)))
            continue
        smallest = min(comparison.sizes["clusters"] for comparison in of_arms)
        rows.append(
            group.row(breakdown=label, value=float(np.ceil(max(needed) - 1e-9)), method="none", clusters=smallest)
        )
    return Estimates(rows)


def _required(comparison: Comparison, level: float) -> float:
    """The units of all arms; NaN where the control's rate cannot change by so much."""
    plan, (arm, control) = comparison.plan, comparison.samples
    effect, share = comparison.outcome.smallest_effect / comparison.outcome.scale, plan.share(comparison.arm)
    of_all = sum(plan.arms.values()) / (plan.arms[comparison.arm] + plan.arms[plan.control])
    if comparison.by_score and not plan.planned_units:
        try:
            return of_all * sample_size.units_for_rates(control.mean, effect, level, plan.power, share)
        except ValueError:
            return np.nan
    pooled = (arm.n - 1) * arm.variance + (control.n - 1) * control.variance
    variance = pooled / comparison.n
    units = sample_size.units_for_means(variance, effect, level, plan.power, share)
    if plan.planned_units:
        for _ in range(_ROUNDS):  # the wider the interval, the more units
            wide = boundary(max(units, FEWEST), plan.planned_units, level)
            error = effect / (wide + float(ndtri(plan.power)))
            units = variance * (1 / share + 1 / (1 - share)) / error**2
    return of_all * units
