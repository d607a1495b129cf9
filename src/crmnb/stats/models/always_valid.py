"""Always-valid: how far an estimate may be from no effect at any of the looks that are taken while units arrive.

The two-sided normal mixture of Howard, Ramdas, McAuliffe & Sekhon 2021, Annals of Statistics 49:1055 (equation 14), with the estimated variance
of the difference in the place of the known one (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, Annals of Statistics 52:2613: asymptotic
confidence sequences). All of it is in the time of an experiment: its number of units.
"""

import numpy as np
from scipy.special import lambertw


def mixture_variance(planned: float, alpha: float) -> float:
    """The rho at which the boundary is narrowest at the planned time (Howard et al. 2021, section 3.5)."""
    return planned / float(-lambertw(-(alpha**2) / np.e, k=-1).real - 1)


def log_mixture(sum_: float, time: float, rho: float) -> float:
    """The logarithm of the mixture: the evidence against no effect of a sum with the variance `time`."""
    return float(np.log(rho / (rho + time)) / 2 + sum_**2 / (2 * (time + rho)))


def sum_boundary(time: float, rho: float, alpha: float) -> float:
    """What a sum without drift passes at any time with the probability alpha at most."""
    return float(np.sqrt((time + rho) * np.log((time + rho) / (rho * alpha**2))))


def boundary(units: float, planned_units: float, level: float) -> float:
    """By how many standard errors an estimate of so many units may be off, at all looks together."""
    rho = mixture_variance(planned_units, 1 - level)
    return sum_boundary(units, rho, 1 - level) / float(np.sqrt(units))


def p_value(z: float, units: float, planned_units: float, level: float) -> float:
    """The always-valid p-value of an estimate that is z standard errors from no effect: below 1 - level where its interval leaves out 0."""
    rho = mixture_variance(planned_units, 1 - level)
    return float(min(np.exp(-log_mixture(z * np.sqrt(units), units, rho)), 1.0))
