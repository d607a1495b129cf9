"""Several tests at once: p-values after Holm, discoveries after Benjamini and Hochberg.

As in statsmodels (`multipletests`), which takes longer to import than to estimate the metrics of a small client.
"""

import numpy as np


def holm(p_values) -> np.ndarray:
    """The p-values adjusted for their number, so that one of them is below 5% by chance in at most 5% of the cases.

    Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)]


def are_discoveries(p_values, false: float) -> np.ndarray:
    """Which tests stand out, if at most such a share of those that do may be false, on average.

    Benjamini & Hochberg 1995, JRSS-B 57:289.
    """
    p_values = np.asarray(p_values, float)
    order, count = np.argsort(p_values, kind="stable"), len(p_values)
    below = np.flatnonzero(p_values[order] <= np.arange(1, count + 1) / count * false)
    stand_out = np.zeros(count, bool)
    stand_out[order[: below[-1] + 1 if len(below) else 0]] = True
    return stand_out
