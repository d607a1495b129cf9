"""Sample size: how many units an experiment needs for an effect, and which effect it could have found with those that it had.

Sources. Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, 3rd ed., 4.3 and 4.5 (rates, without continuity correction,
arms of any sizes), as R's power.prop.test; Chow, Shao, Wang & Lokhnygina 2017, Sample Size Calculations in Clinical Research, 3rd ed., 3.2 (means).
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri


def units_for_rates(rate: float, effect: float, level: float, power: float, share: float = 0.5) -> float:
    """The units of both arms that find an effect on the control's rate; share: that of the arm among the two. Raises ValueError where rate + effect is no rate."""
    other = rate + effect
    if not (0 <= rate <= 1 and 0 <= other <= 1) or effect == 0:
        raise ValueError(f"a rate of {rate:g} cannot change by {effect:g}")
    mean = share * other + (1 - share) * rate
    alike = mean * (1 - mean) * (1 / share + 1 / (1 - share))
    apart = other * (1 - other) / share + rate * (1 - rate) / (1 - share)
    return float(((_z(level) * np.sqrt(alike) + ndtri(power) * np.sqrt(apart)) / effect) ** 2)


def units_for_means(variance: float, effect: float, level: float, power: float, share: float = 0.5) -> float:
    """The units of both arms that find an effect on a mean; variance: of the units' outcome, the same in both arms."""
    return float(((_z(level) + ndtri(power)) / effect) ** 2 * variance * (1 / share + 1 / (1 - share)))


def effect_on_rate(rate: float, units: float, level: float, power: float, share: float = 0.5) -> float:
    """The smallest rise of the control's rate that so many units of both arms find; NaN where even a rise to 1 is not found."""
    room = 1 - rate
    if room <= 0 or units_for_rates(rate, room, level, power, share) > units:
        return float("nan")
    tiny = 1e-12 * room
    return float(brentq(lambda effect: np.log(units_for_rates(rate, effect, level, power, share) / units), tiny, room))


def effect_on_mean(error: float, level: float, power: float, multiplier: float | None = None) -> float:
    """The smallest effect that an experiment with this standard error finds; multiplier: of its interval, where that is not the normal one."""
    return float(((_z(level) if multiplier is None else multiplier) + ndtri(power)) * error)


def _z(level: float) -> float:
    return float(ndtri((1 + level) / 2))
