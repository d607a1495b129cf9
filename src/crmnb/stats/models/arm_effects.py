"""Arm effects: an arm of an experiment less its control, as a difference and as a ratio, with interval and p-value.

Each function takes sufficient statistics and knows nothing of clients. Sources. Rates: Newcombe 1998, Statistics in Medicine 17:873,
method 10 (difference); Koopman 1984, Biometrics 40:513 (score interval of the ratio; it leaves out 1 exactly where Pearson's chi-squared test
rejects). Means: Welch 1947, Biometrika 34:28; the ratio on its logarithm, by the delta method. Ratio metrics: Deng, Knoblich & Lu 2018, KDD
(delta method). CUPED: Deng, Xu, Kohavi & Walker 2013, WSDM. Peeking: `crmnb.stats.models.always_valid`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from crmnb.stats.clustered_share import wilson
from crmnb.stats.models.always_valid import boundary, p_value

NAN = float("nan")
_ROUNDING = 1e-13
_TINY = 1e-30  # variance of a score where none is left


@dataclass(frozen=True)
class Estimate:
    """A value with its limits; a limit that is not known is NaN."""

    value: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Effect:
    """What an arm did beyond its control: the difference, the ratio, the p-value of no difference, and the standard error of the difference."""

    difference: Estimate
    ratio: Estimate
    p_value: float
    error: float


@dataclass(frozen=True)
class Sample:
    """The n units of an arm, the mean of their outcome, and its variance between units (n - 1 in the denominator; NaN of a single unit)."""

    n: float
    mean: float
    variance: float

    @property
    def squared_error(self) -> float:
        """The square of the mean's standard error."""
        return self.variance / self.n


@dataclass(frozen=True)
class Moments:
    """The n units of an arm with several variables: their means and covariances (n - 1 in the denominator; 0 of a single unit)."""

    n: float
    means: np.ndarray
    covariances: np.ndarray

    def __add__(self, other: "Moments") -> "Moments":
        """The units of both (Chan, Golub & LeVeque 1983, American Statistician 37:242)."""
        n = self.n + other.n
        apart = other.means - self.means
        scatter = (self.n - 1) * self.covariances + (other.n - 1) * other.covariances
        scatter = scatter + np.outer(apart, apart) * self.n * other.n / n
        return Moments(n, self.means + apart * other.n / n, scatter / (n - 1))


# ---- Rates ----------------------------------------------------------------------------------------------------------


def of_rates(arm: Sample, control: Sample, level: float, planned_units: float | None = None) -> Effect:
    """The effect on a rate; means are shares. planned_units: as of `of_means`."""
    if planned_units:
        return _always_valid(arm, control, level, planned_units)
    z = float(ndtri((1 + level) / 2))
    p, q = arm.mean, control.mean
    (p_low, p_high), (q_low, q_high) = (wilson(of.mean, of.n, z) for of in (arm, control))
    low = p - q - np.hypot(p - p_low, q_high - q)
    high = p - q + np.hypot(p_high - p, q - q_low)
    error = np.sqrt(arm.squared_error + control.squared_error)
    tail = 2 * float(ndtr(-abs(_score(p, arm.n, q, control.n, 1.0))))
    return Effect(Estimate(p - q, float(low), float(high)), _ratio_of_rates(arm, control, z), tail, float(error))


def _score(p: float, n: float, q: float, m: float, ratio: float) -> float:
    """Koopman's score of a ratio of two rates: 0 at p / q, the root of Pearson's chi-squared at 1."""
    # The rate of the control that is most likely where the arm's is `ratio` times as much.
    a, b, c = (n + m) * ratio, ratio * (n + m * q) + n * p + m, n * p + m * q
    of_control = 2 * c / (b + np.sqrt(max(b * b - 4 * a * c, 0.0)))
    of_arm = ratio * of_control
    variance = of_arm * (1 - of_arm) / n + ratio**2 * of_control * (1 - of_control) / m
    apart = p - ratio * q
    return 0.0 if apart == 0 else float(apart / np.sqrt(max(variance, _TINY)))


def _ratio_of_rates(arm: Sample, control: Sample, z: float) -> Estimate:
    """The ratio of two rates with Koopman's limits; it has no value where the control's rate is 0."""
    p, q, n, m = arm.mean, control.mean, arm.n, control.n
    if q == 0:
        return Estimate(NAN)
    middle = p / q if p > 0 else 1 / (2 * n) / q

    def limit(sign: int) -> float:
        def excess(log_ratio: float) -> float:
            return _score(p, n, q, m, float(np.exp(log_ratio))) - sign * z

        start, far = np.log(middle), np.log(middle) - sign * 40
        return float(np.exp(brentq(excess, *sorted((start, far)), xtol=1e-13)))

    return Estimate(p / q, limit(1) if p > 0 else 0.0, limit(-1))


# ---- Means, ratio metrics, CUPED ------------------------------------------------------------------------------------


def of_means(arm: Sample, control: Sample, level: float, planned_units: float | None = None) -> Effect:
    """The effect on a mean by Welch's t.

    planned_units: where results are looked at before the experiment ends, the number of units at which the always-valid interval is to be
    narrowest, as it was planned.
    """
    if planned_units:
        return _always_valid(arm, control, level, planned_units)
    error = float(np.sqrt(arm.squared_error + control.squared_error))
    apart = arm.mean - control.mean
    if not error > 0:
        return Effect(Estimate(apart), Estimate(_quotient(arm.mean, control.mean)), NAN, error)
    degrees = error**4 / sum(of.squared_error**2 / (of.n - 1) for of in (arm, control))
    t = float(stdtrit(degrees, (1 + level) / 2))
    tail = 2 * float(stdtr(degrees, -abs(apart) / error))
    return Effect(Estimate(apart, apart - t * error, apart + t * error), _ratio(arm, control, level), tail, error)


def _ratio(arm: Sample, control: Sample, level: float, multiplier: float | None = None) -> Estimate:
    """The ratio of two means, with limits on its logarithm; without limits where a mean is not above 0."""
    ratio = _quotient(arm.mean, control.mean)
    if not (arm.mean > 0 and control.mean > 0):
        return Estimate(ratio)
    parts = [of.squared_error / of.mean**2 for of in (arm, control)]
    error = np.sqrt(sum(parts))
    if multiplier is None:
        degrees = sum(parts) ** 2 / sum(x**2 / (of.n - 1) for x, of in zip(parts, (arm, control), strict=True))
        multiplier = float(stdtrit(degrees, (1 + level) / 2))
    return Estimate(ratio, float(ratio * np.exp(-multiplier * error)), float(ratio * np.exp(multiplier * error)))


def _quotient(value: float, of: float) -> float:
    return value / of if of else NAN


def _always_valid(arm: Sample, control: Sample, level: float, planned_units: float) -> Effect:
    """The effect with an interval that holds at all looks together."""
    error = float(np.sqrt(arm.squared_error + control.squared_error))
    apart = arm.mean - control.mean
    if not error > 0:
        return Effect(Estimate(apart), Estimate(_quotient(arm.mean, control.mean)), NAN, error)
    units = arm.n + control.n
    wide = boundary(units, planned_units, level)
    tail = p_value(apart / error, units, planned_units, level)
    ratio = _ratio(arm, control, level, wide)
    return Effect(Estimate(apart, apart - wide * error, apart + wide * error), ratio, tail, error)


def ratio_sample(arm: Moments) -> Sample:
    """A ratio metric, the sum of a variable over that of another, as the mean of its linearised values. Raises ValueError where the second sums to 0."""
    above, below = arm.means
    if below == 0:
        raise ValueError("the denominator of a ratio metric sums to 0")
    ratio = above / below
    (yy, yz), (_, zz) = arm.covariances
    return _sample(arm.n, float(ratio), _combined(yy, yz, zz, ratio) / float(below) ** 2)


def adjusted(arm: Moments, control: Moments) -> tuple[Sample, Sample, float]:
    """CUPED: both arms' outcome (the first variable) less what the covariate (the second) explains; and the share of its variance that this is.

    The covariate is measured before the assignment. Slope and mean of the covariate are those of both arms together.
    """
    both = arm + control
    (yy, yx), (_, xx) = both.covariances
    slope = yx / xx if xx > 0 else 0.0

    def of(moments: Moments) -> Sample:
        (own_yy, own_yx), (_, own_xx) = moments.covariances
        mean = moments.means[0] - slope * (moments.means[1] - both.means[1])
        return _sample(moments.n, float(mean), _combined(own_yy, own_yx, own_xx, slope))

    return of(arm), of(control), float(yx**2 / (xx * yy)) if xx > 0 and yy > 0 else 0.0


def _sample(n: float, mean: float, variance: float) -> Sample:
    return Sample(n, mean, variance if n > 1 else NAN)


def _combined(yy: float, yz: float, zz: float, slope: float) -> float:
    """The variance of y - slope z; 0 where only a rounding error is left of it."""
    variance = float(yy - 2 * slope * yz + slope**2 * zz)
    return variance if variance > _ROUNDING * float(yy + slope**2 * zz) else 0.0


def standardised_difference(arm: Sample, control: Sample) -> float:
    """The difference of two means in standard deviations (Austin 2009, Statistics in Medicine 28:3083); 0 where both have neither."""
    spread = np.sqrt((arm.variance + control.variance) / 2)
    apart = arm.mean - control.mean
    return float(apart / spread) if spread > 0 else 0.0 if apart == 0 else NAN
