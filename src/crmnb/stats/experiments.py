"""Experiments: from the sums of units by arm to sample ratios, balance, outcomes, effects and sample sizes.

counts: `arm`, `n` (units), and of each variable the sums that `crmnb.metrics.features.experiments` names: `y_0`, `y_1`, ... are the outcomes of the
experiment in their order, `z_0`, ... what belongs to them, `x_0`, ... the covariates. A group's breakdown is the experiment. No effect
is stated where the sample ratio is another one than planned. Sources: those of `crmnb.stats.models.arm_effects`, `sample_ratio` and
`sample_size`; Holm 1979, Scandinavian Journal of Statistics 6:65 (all outcomes and arms of an experiment, or of a segmentation, together); Cochran 1954,
Biometrics 10:101 (whether effects differ between levels).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, ndtri

from crmnb.core.notes import Note
from crmnb.stats.clustered_share import wilson
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models import sample_size
from crmnb.stats.models.always_valid import boundary
from crmnb.stats.models.arm_effects import (
    Effect,
    Moments,
    Sample,
    adjusted,
    of_means,
    of_rates,
    ratio_sample,
    standardised_difference,
)
from crmnb.stats.models.sample_ratio import ALARM, sample_ratio_p_value
from crmnb.stats.multiple_tests import holm

FEWEST = 2  # units of an arm, for an interval
_ROUNDING = 1e-13
_ROUNDS = 60  # of the search for a sample size where the interval depends on it


@dataclass(frozen=True)
class OutcomePlan:
    """An outcome as it was declared. unit: of its mean. form: "plain", "ratio" or "cuped". smallest_effect: in the effect's unit, None where none is declared."""

    name: str
    is_rate: bool
    unit: str
    form: str
    smallest_effect: float | None

    @property
    def effect_unit(self) -> str:
        """The unit of a difference."""
        return "points" if self.is_rate else self.unit

    @property
    def scale(self) -> float:
        """What a mean is multiplied by to be in its unit."""
        return 100.0 if self.is_rate else 1.0


@dataclass(frozen=True)
class ExperimentPlan:
    """An experiment as it was declared: the planned shares of its arms, outcomes, covariates, and the planned units where results are looked at early."""

    arms: dict[str, float]
    control: str
    outcomes: tuple[OutcomePlan, ...]
    covariates: tuple[str, ...]
    planned_units: float | None
    power: float

    @property
    def treated(self) -> list[str]:
        """The arms that are compared with the control."""
        return [arm for arm in self.arms if arm != self.control]

    def label(self, experiment: str, what: str, arm: str = "") -> str:
        """What a breakdown is called; the arm is left out where there is only one beside the control."""
        named = f", {arm}" if arm and len(self.arms) > 2 else ""
        return f"{experiment}: {what}{named}"

    def share(self, arm: str) -> float:
        """The planned share of an arm among itself and the control."""
        return self.arms[arm] / (self.arms[arm] + self.arms[self.control])


@dataclass(frozen=True)
class _Arm:
    """The units of an arm of a group: their number, and the moments of an outcome by its place."""

    n: float
    sums: dict[str, float]

    def sample(self, name: str) -> Sample:
        """A variable by itself."""
        moments = self._moments([name])
        variance = float(moments.covariances[0, 0]) if moments.n >= FEWEST else np.nan
        return Sample(moments.n, float(moments.means[0]), variance)

    def pair(self, at: int) -> Moments:
        """An outcome and what belongs to it."""
        return self._moments([f"y_{at}", f"z_{at}"], self.sums[f"product_{at}"])

    def _moments(self, names: list[str], product: float = 0.0) -> Moments:
        n = self.sums[f"n_{names[0]}"]
        if n < 1:
            return Moments(n, np.full(len(names), np.nan), np.full((len(names), len(names)), np.nan))
        off = np.array([self.sums[f"off_{name}"] for name in names])
        squares = np.diag([self.sums[f"square_{name}"] for name in names])
        if len(names) > 1:
            squares[0, 1] = squares[1, 0] = product
        means = np.array([self.sums[f"sum_{name}"] for name in names]) / n
        scatter = squares - np.outer(off, off) / n
        alike = np.diag(scatter) <= _ROUNDING * np.diag(squares)  # only a rounding error is left
        scatter[alike, :] = scatter[:, alike] = 0.0
        return Moments(n, means, scatter / max(n - 1, 1))

    def is_rate(self, at: int) -> bool:
        """Whether all values of an outcome are 0 or 1: their sum is that of their squares."""
        n, total = self.sums[f"n_y_{at}"], self.sums[f"sum_y_{at}"]
        centre = (total - self.sums[f"off_y_{at}"]) / n if n else 0.0
        squares = self.sums[f"square_y_{at}"] + 2 * centre * self.sums[f"off_y_{at}"] + n * centre**2
        return abs(squares - total) <= 1e-6 * max(n, 1)


def _arms(group: GroupedCounts) -> dict[str, _Arm]:
    summed = group.counts.groupby("arm", observed=True).sum(numeric_only=True)
    return {str(arm): _Arm(float(row["n"]), row.to_dict()) for arm, row in summed.iterrows()}


def _plans(context: EstimationContext) -> dict[str, ExperimentPlan]:
    return context.settings["experiments"]


def _in_order(
    groups: list[GroupedCounts], context: EstimationContext
) -> Iterator[tuple[GroupedCounts, ExperimentPlan]]:
    """The groups with their plans, in the order in which experiments are declared."""
    for experiment, plan in _plans(context).items():
        yield from ((group, plan) for group in groups if group.breakdown == experiment)


# ---- May it be believed ---------------------------------------------------------------------------------------------


def sample_ratios(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the units that is in each arm, with Wilson's limits; notes: whether the shares are those that were planned."""
    z = float(ndtri((1 + context.level) / 2))
    rows, notes = [], []
    for group, plan in _in_order(groups, context):
        arms = _arms(group)
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


def _ratio_note(experiment: str, plan: ExperimentPlan, arms: dict[str, _Arm]) -> Note:
    doubt = _doubt(experiment, plan, arms, {name: arm.n for name, arm in arms.items()})
    if doubt:
        return doubt
    return Note(
        "sample_ratio_as_planned", experiment=experiment, p=_ratio_p_value(plan, {n: a.n for n, a in arms.items()})
    )


def _ratio_p_value(plan: ExperimentPlan, units: dict[str, float]) -> float:
    return sample_ratio_p_value([units.get(arm, 0.0) for arm in plan.arms], list(plan.arms.values()))


def _doubt(experiment: str, plan: ExperimentPlan, arms: dict[str, _Arm], units: dict[str, float]) -> Note | None:
    """Why an experiment tells nothing; None where it may. units: by arm, those that count."""
    unknown = tuple(sorted(set(arms) - set(plan.arms)))
    if unknown:
        return Note("arm_not_declared", experiment=experiment, arms=unknown, declared=tuple(plan.arms))
    if not sum(units.values()):
        return Note("outcome_without_values", experiment=experiment)
    p = _ratio_p_value(plan, units)
    return Note("sample_ratio_off", experiment=experiment, p=p) if p < ALARM else None


def balance(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By covariate and arm the difference from the control in standard deviations, with Welch's limits."""
    rows, notes = [], []
    for group, plan in _in_order(groups, context):
        arms, tests = _arms(group), []
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
    row = group.row(breakdown=label, value=value, low=low, high=high, method="Welch", **_sizes(sides))
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


# ---- What it did ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Comparison:
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
        return self.plan.label(self.group.breakdown, self.outcome.name.replace("_", " "), self.arm)

    @property
    def n(self) -> float:
        return sum(sample.n for sample in self.samples) if self.samples else np.nan

    @property
    def sizes(self) -> dict[str, float]:
        """The units of both sides; those of the smaller one stand behind each figure, which together with the other side's gives them away."""
        return _sizes(self.samples) if self.samples else {}

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


def _sizes(samples: Iterable[Sample]) -> dict[str, float]:
    """How many units a figure counts, and how many of them are in its smallest arm."""
    sizes = [sample.n for sample in samples]
    return {"n": sum(sizes), "clusters": min(sizes)}


def _comparisons(groups: list[GroupedCounts], context: EstimationContext) -> list[_Comparison]:
    """Every arm beside its control in every outcome of every group."""
    doubts: dict[tuple[str, int], Note | None] = {}
    comparisons = []
    for group, plan in _in_order(sorted(groups, key=lambda group: not group.is_whole), context):
        arms = _arms(group)
        for at, outcome in enumerate(plan.outcomes):
            if group.is_whole:
                units = {name: arm.sums[f"n_y_{at}"] for name, arm in arms.items()}
                doubts[group.breakdown, at] = _doubt(group.breakdown, plan, arms, units)
            for arm in plan.treated:
                comparison = _Comparison(group, plan, outcome, arm, None)
                doubt = doubts.get((group.breakdown, at))
                comparisons.append(replace(comparison, reason=doubt) if doubt else _with_samples(comparison, arms, at))
    return comparisons


def _with_samples(comparison: _Comparison, arms: dict[str, _Arm], at: int) -> _Comparison:
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
    for group, plan in _in_order(groups, context):
        arms = _arms(group)
        for at, outcome in enumerate(plan.outcomes):
            rows += [_outcome_row(group, outcome, at, name, arms.get(name), context.level) for name in plan.arms]
    return Estimates(rows)


def _outcome_row(
    group: GroupedCounts, outcome: OutcomePlan, at: int, name: str, arm: _Arm | None, level: float
) -> dict:
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
    comparisons = _comparisons(groups, context)
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


def _by_holm(comparisons: list[_Comparison], estimated: list[Effect | None]) -> np.ndarray:
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
    comparisons: list[_Comparison], estimated: list[Effect | None], adjusted_p: np.ndarray, level: float
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
    comparisons: list[_Comparison], estimated: list[Effect | None], level: float
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


# ---- What it could not have seen ------------------------------------------------------------------------------------


def detectable_effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The smallest effect of every arm that the experiment, with the units it had, would have found with its power."""
    rows = []
    for comparison in _comparisons(groups, context):
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


def _detectable(comparison: _Comparison, level: float) -> float:
    plan, (arm, control) = comparison.plan, comparison.samples
    if comparison.by_score and not plan.planned_units:
        units = arm.n + control.n
        return sample_size.effect_on_rate(control.mean, units, level, plan.power, arm.n / units)
    error = float(np.sqrt(arm.squared_error + control.squared_error))
    wide = boundary(comparison.n, plan.planned_units, level) if plan.planned_units else None
    return sample_size.effect_on_mean(error, level, plan.power, wide) if error > 0 else np.nan


def required_samples(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The units of all arms that find the smallest effect which is declared, in the arm that needs most, at the planned shares."""
    by_outcome: dict[tuple[str, str], list[_Comparison]] = {}
    for comparison in _comparisons(groups, context):
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


def _required(comparison: _Comparison, level: float) -> float:
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
