"""Tails and quantiles equal those of scipy.stats."""

import numpy as np
import pytest
from scipy import stats

from crmnb.stats.distributions import chi2_log_tail, chi2_quantile, gamma_log_density


def test_tails_and_quantiles_are_those_of_scipy():
    shares, degrees = np.meshgrid([1e-9, 0.025, 0.5, 0.975, 1 - 1e-9, 1.0], [0.2, 1.0, 7.5, 400.0])
    assert chi2_quantile(shares, degrees) == pytest.approx(stats.chi2.ppf(shares, degrees), rel=1e-12)
    for value in (0.0, 1e-9, 3.84, 700.0, 1e4):
        assert chi2_log_tail(value, 3) == pytest.approx(stats.chi2.logsf(value, 3), rel=1e-12)
    values, shapes, scales = np.array([0.01, 1.0, 90.0]), np.array([0.5, 3.0, 60.0]), np.array([2.0, 0.1, 1.5])
    expected = stats.gamma.logpdf(values, shapes, scale=scales)
    assert gamma_log_density(values, shapes, scales) == pytest.approx(expected, rel=1e-12)
