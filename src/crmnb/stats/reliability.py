"""Reliability: how much of the scatter of scores is the scorers' own, and what remains of a relation once the rest is taken out.

Sources. Cronbach 1951, Psychometrika 16:297 (alpha); Spearman 1904, American Journal of Psychology 15:72 (correction for attenuation);
Fuller 1987, Measurement Error Models, 1.2 (slope with a known error variance).
"""

import numpy as np


def cronbach_alpha(answers: np.ndarray) -> float:
    """Cronbach's alpha of raw items; answers: (respondents, items), complete. NaN for fewer than two of either, or without scatter."""
    respondents, items = answers.shape
    if respondents < 2 or items < 2:
        return float("nan")
    of_sum = answers.sum(axis=1).var(ddof=1)
    return float(items / (items - 1) * (1 - answers.var(axis=0, ddof=1).sum() / of_sum)) if of_sum > 0 else float("nan")


def corrected_slope(x: np.ndarray, y: np.ndarray, x_error: np.ndarray) -> np.ndarray:
    """The slope of y on the true x, along the last axis; NaN where x scatters no more than its errors.

    x, y: scores of units. x_error: the variance of each unit's x about its true value.
    """
    own = x.var(axis=-1, ddof=1) - x_error.mean(axis=-1)
    centred = (x - x.mean(axis=-1, keepdims=True)) * (y - y.mean(axis=-1, keepdims=True))
    return np.divide(centred.sum(axis=-1) / (x.shape[-1] - 1), own, out=np.full(own.shape, np.nan), where=own > 0)


def reliability(x: np.ndarray, x_error: np.ndarray) -> np.ndarray:
    """The share of the variance of x, along the last axis, that is not error; it may be negative by chance."""
    variance = x.var(axis=-1, ddof=1)
    return np.divide(variance - x_error.mean(axis=-1), variance, out=np.zeros(variance.shape), where=variance > 0)
