"""How much customers differ in their churn, by the shifted beta-geometric: the parameter in which its long forecasts are uncertain.

Heterogeneity is 1 / (alpha + beta): the churn rate at renewal k is rate / (1 + heterogeneity (k - 1)), so that it is 0 where all
customers leave at one rate, and never less. Forecasts beyond the data rise with it, steeply near 0 and ever less beyond.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crmnb.stats.models.maximum_likelihood import Fit

MAX_RATE = 0.9999  # of leaving at the first renewal: a fitted rate does not come nearer to 1
HOMOGENEOUS_CLOCK = 1e9  # alpha + beta from which on customers do not differ noticeably


def is_constant(fit: Fit) -> bool:
    """Whether it is the limit of the shifted beta-geometric in which all leave at one rate."""
    return bool(fit.parameters.sum() > HOMOGENEOUS_CLOCK / 2)


@dataclass(frozen=True)
class Heterogeneity:
    """The heterogeneity of a fit that is not constant."""

    fit: Fit

    @property
    def value(self) -> float:
        """1 / (alpha + beta)."""
        return float(1 / self.fit.parameters.sum())

    @property
    def gradient(self) -> np.ndarray:
        """Its derivatives by the logarithms of alpha and beta, (2,)."""
        return -self.fit.parameters * self.value**2

    @cached_property
    def error(self) -> float:
        """Its standard error."""
        return float(np.sqrt(self.gradient @ self.fit.covariance @ self.gradient))

    @cached_property
    def rate_slope(self) -> float:
        """The regression of the rate at the first renewal on it, over samples: what the rate is expected to be where it is another."""
        alpha, beta = self.fit.parameters
        by_logarithms = alpha * beta * self.value**2 * np.array([1.0, -1.0])
        return float(by_logarithms @ self.fit.covariance @ self.gradient / self.error**2)

    @property
    def path(self) -> np.ndarray:
        """The derivatives of the logarithms of alpha and beta by it, the rate going with it, (2,)."""
        rate = self.fit.parameters[0] * self.value
        return self.rate_slope / np.array([rate, rate - 1]) - 1 / self.value

    def parameters_at(self, step: float) -> np.ndarray:
        """alpha and beta where it is so many standard errors higher, and the rate goes with it."""
        other = max(self.value + step * self.error, 1 / HOMOGENEOUS_CLOCK)
        rate = self.fit.parameters[0] * self.value + self.rate_slope * (other - self.value)
        rate = np.clip(rate, 1 - MAX_RATE, MAX_RATE)
        return np.array([rate, 1 - rate]) / other
