"""Sample ratio: whether the arms of an experiment have as many units as planned.

Pearson's chi-squared test; Fabijan et al. 2019, KDD 2156 (why an experiment with another ratio tells nothing, and the limit of .001).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtrc

ALARM = 0.001


def sample_ratio_p_value(units: Sequence[float], planned: Sequence[float]) -> float:
    """The probability of so great a departure from the planned shares by chance. planned: in any unit, each above 0."""
    units, planned = np.asarray(units, float), np.asarray(planned, float)
    expected = units.sum() * planned / planned.sum()
    return float(chdtrc(len(units) - 1, ((units - expected) ** 2 / expected).sum()))
