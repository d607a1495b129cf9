"""Tails and quantiles of distributions by scipy.special: to import scipy.stats takes longer than to estimate the metrics of a small client.

Of the normal distribution `ndtri` is the quantile, of Student's t `stdtrit`; these are used as they are.
"""

import numpy as np
from scipy import special


def chi2_quantile(share, degrees):
    """The value below which so great a share of a chi-squared distribution lies."""
    return 2 * special.gammaincinv(np.asarray(degrees) / 2, share)


def chi2_log_tail(value: float, degrees: float) -> float:
    """The logarithm of the probability that chi-squared exceeds a value; -inf where that is too small for a number."""
    with np.errstate(divide="ignore"):
        return float(np.log(special.chdtrc(degrees, value)))


def gamma_log_density(value: np.ndarray, shape: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The logarithm of the density of a gamma distribution at positive values."""
    scaled = value / scale
    return special.xlogy(shape - 1, scaled) - scaled - special.gammaln(shape) - np.log(scale)
