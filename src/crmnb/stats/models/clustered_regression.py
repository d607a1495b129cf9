"""Least squares with a variance by cluster, from sums by cluster: the rows themselves are not needed.

Source: Liang & Zeger 1986, Biometrika 73:13; with the correction for few clusters of Cameron & Miller 2015, Journal of Human Resources
50:317 (CR1), and t at clusters - 1 degrees of freedom.
"""

from typing import NamedTuple

import numpy as np


class Regression(NamedTuple):
    """The coefficients, their covariance by cluster, and the degrees of freedom of t."""

    coefficients: np.ndarray
    covariance: np.ndarray
    df: int


def regression(products: np.ndarray, responses: np.ndarray, n: float) -> Regression | None:
    """The regression of y on x; None where the columns of x depend on each other, or there are too few clusters.

    products: (clusters, k, k), the sums of x x' of each cluster, a constant among x. responses: (clusters, k), those of x y. n: the number of rows.
    """
    clusters, k = responses.shape
    bread, total = products.sum(axis=0), responses.sum(axis=0)
    scale = np.sqrt(np.diag(bread))
    if (
        (scale == 0).any()
        or np.linalg.matrix_rank(bread / np.outer(scale, scale), tol=1e-9) < k
        or clusters <= k
        or n <= k
    ):
        return None
    inverse = np.linalg.inv(bread / np.outer(scale, scale)) / np.outer(scale, scale)
    coefficients = inverse @ total
    scores = responses - products @ coefficients
    correction = clusters / (clusters - 1) * (n - 1) / (n - k)
    return Regression(coefficients, correction * inverse @ (scores.T @ scores) @ inverse, clusters - 1)
