"""Several tests at once: p-values after Holm, discoveries after Benjamini and Hochberg."""

import numpy as np


def holm(p_values) -> np.ndarray:
    """The p-values adjusted for their number, so that one of them is below 5% by chance in at most 5% of the cases.

    Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    p_values = np.asarray(p_values, dtype=float)
    order, adjusted = np.argsort(p_values), np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)), 1)
    return adjusted


def are_discoveries(p_values, false: float) -> np.ndarray:
    """Which tests stand out, if at most such a share of those that do may be false, on average.

    Benjamini & Hochberg 1995, JRSS-B 57:289.
    """
    p_values = np.asarray(p_values, dtype=float)
    order, count = np.argsort(p_values), len(p_values)
    below = np.flatnonzero(p_values[order] <= np.arange(1, count + 1) / count * false)
    discoveries = np.zeros(count, dtype=bool)
    discoveries[order[: below[-1] + 1 if len(below) else 0]] = True
    return discoveries
