"""The arms of experiments: what was declared of them, their sums as samples, and whether their sizes are those that were planned.

counts: `arm`, `n` (units), and of each variable the sums that `crmnb.metrics.features.experiments` names: `y_0`, `y_1`, ... are the outcomes of the
experiment in their order, `z_0`, ... what belongs to them, `x_0`, ... the covariates. A group's breakdown is the experiment. Source of the
sample ratio: that of `crmnb.stats.models.sample_ratio`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.arm_effects import Moments, Sample
from crmnb.stats.models.sample_ratio import ALARM, sample_ratio_p_value

FEWEST = 2  # units of an arm, for an interval
_ROUNDING = 1e-13


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
class Arm:
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


def arms_of(group: GroupedCounts) -> dict[str, Arm]:
    """The arms of a group by name."""
    summed = group.counts.groupby("arm", observed=True).sum(numeric_only=True)
    return {str(arm): Arm(float(row["n"]), row.to_dict()) for arm, row in summed.iterrows()}


def _plans(context: EstimationContext) -> dict[str, ExperimentPlan]:
    return context.settings["experiments"]


def groups_in_order(
    groups: list[GroupedCounts], context: EstimationContext
) -> Iterator[tuple[GroupedCounts, ExperimentPlan]]:
    """The groups with their plans, in the order in which experiments are declared."""
    for experiment, plan in _plans(context).items():
        yield from ((group, plan) for group in groups if group.breakdown == experiment)


def sizes_of(samples: Iterable[Sample]) -> dict[str, float]:
    """How many units a figure counts, and how many of them are in its smallest arm."""
    sizes = [sample.n for sample in samples]
    return {"n": sum(sizes), "clusters": min(sizes)}


def ratio_p_value(plan: ExperimentPlan, units: dict[str, float]) -> float:
    """How likely sizes are that differ as much from the planned shares; units: by arm."""
    return sample_ratio_p_value([units.get(arm, 0.0) for arm in plan.arms], list(plan.arms.values()))


def doubt_of(experiment: str, plan: ExperimentPlan, arms: dict[str, Arm], units: dict[str, float]) -> Note | None:
    """Why an experiment tells nothing; None where it may. units: by arm, those that count."""
    unknown = tuple(sorted(set(arms) - set(plan.arms)))
    if unknown:
        return Note("arm_not_declared", experiment=experiment, arms=unknown, declared=tuple(plan.arms))
    if not sum(units.values()):
        return Note("outcome_without_values", experiment=experiment)
    p = ratio_p_value(plan, units)
    return Note("sample_ratio_off", experiment=experiment, p=p) if p < ALARM else None
