"""Churn hazards by tenure, by Nelson and Aalen, and the churn that they give within a horizon.

The variance of the cumulative hazard is the sum of d / n^2 (Klein & Moeschberger 2003, Survival Analysis, 2nd ed., 4.2.3-4.2.4).
"""

from dataclasses import dataclass, replace

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.models import kaplan_meier
from crmnb.stats.models.maximum_likelihood import CannotFit

_MIN_AT_RISK = 30  # the ages at which hazards are estimated have so many at risk


@dataclass(frozen=True)
class Hazards:
    """The hazard at each tenure with a loss, and what it means for customers of some ages within the horizon.

    time: tenures in days, ascending. step: the hazard at each. variance: of each step. level_variance: of the logarithm of all steps
    together. losses_observed: from which they are estimated. horizon: days ahead; observed: how many of them one customer's age
    is observed for. last: the last tenure with enough at risk.
    """

    time: np.ndarray
    step: np.ndarray
    variance: np.ndarray
    level_variance: float
    losses_observed: float
    horizon: float
    observed: float
    last: float

    def _event_times(self, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first and last event time ahead of each age; of older customers, the last that were observed."""
        begin = np.minimum(age, self.last - self.observed)
        return (np.searchsorted(self.time, at, side="right") for at in (begin, begin + self.observed))

    def cumulative(self, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The sum of the steps between two places each."""
        total = np.concatenate([[0.0], np.cumsum(self.step)])
        return total[end] - total[first]

    def churn(self, age: np.ndarray) -> np.ndarray:
        """The probability to be lost within the horizon, by age in days."""
        return 1 - np.exp(-self.cumulative(*self._event_times(age)) * self.horizon / self.observed)

    def expected_losses(self, age: np.ndarray, n: np.ndarray) -> tuple[float, float]:
        """The expected losses of n customers at each of the ages, and the standard error of their prediction."""
        churn = self.churn(age)
        first, end = self._event_times(age)
        slope = np.zeros(len(self.time) + 1)
        weight = n * (1 - churn) * self.horizon / self.observed
        np.add.at(slope, first, weight)
        np.subtract.at(slope, end, weight)
        slope = np.cumsum(slope)[:-1]
        variance = slope**2 @ self.variance + self.level_variance * (slope @ self.step) ** 2
        return float(n @ churn), float(np.sqrt(variance + n @ (churn * (1 - churn))))


def fit_hazards(entry, duration, event, n, horizon_days: float) -> Hazards:
    """The hazards of n customers each, observed from the tenure `entry` to `duration` (days), lost then where `event` is 1.

    Raises CannotFit where too few were at risk at every tenure.
    """
    ends = np.unique(duration)
    enough = ends[kaplan_meier.at_risk(ends, entry, duration, n) >= _MIN_AT_RISK]
    if not len(enough):
        raise CannotFit(Note("too_few_at_risk", fewest=_MIN_AT_RISK))
    last = float(enough.max())
    steps = kaplan_meier.steps(entry, duration, event, n)
    steps = steps[steps["time"] <= last]
    step, variance = (steps["events"] / steps["at_risk"] ** power for power in (1, 2))
    return Hazards(
        time=steps["time"].to_numpy(),
        step=step.to_numpy(),
        variance=variance.to_numpy(),
        level_variance=0.0,
        losses_observed=float(steps["events"].sum()),
        horizon=horizon_days,
        observed=min(horizon_days, last - entry.min()),
        last=last,
    )


def fit_proportional_hazards(entry, duration, event, n, like: Hazards, fewest: int) -> Hazards:
    """Hazards proportional to those of a larger group, for customers with few losses. Raises CannotFit.

    The factor is observed over expected losses (indirect standardisation: Breslow & Day 1987, Statistical Methods in Cancer
    Research II, 2.3), so that the losses expected so far are those observed.
    """
    observed, expected = losses(entry, duration, event, n, like)
    if observed < fewest or not expected > 0:
        raise CannotFit(Note("few_losses", fewest=fewest))
    return scaled(like, observed / expected, observed)


def losses(entry, duration, event, n, hazards: Hazards) -> tuple[float, float]:
    """How many of these customers were lost up to the last tenure of the hazards, and how many these expect."""
    observed = float(n @ ((event == 1) & (duration <= hazards.last)))
    return observed, float(n @ hazards.cumulative(*between(hazards.time, entry, duration)))


def scaled(hazards: Hazards, factor: float, losses: float) -> Hazards:
    """The hazards times a factor that so many losses determine. Its error is that of a count; the shape's is small beside it."""
    step = hazards.step * factor
    return replace(hazards, step=step, variance=np.zeros(len(step)), level_variance=1 / losses, losses_observed=losses)


def between(times: np.ndarray, entry: np.ndarray, duration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of the first of the times that each customer is at risk at, and of the first after the last one."""
    first = np.where(entry > 0, entry, -1)  # who is observed from the beginning is at risk at time 0
    return tuple(np.searchsorted(times, at, side="right") for at in (first, duration))
