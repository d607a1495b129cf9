"""The always-valid boundary: the published figures of its authors, and its promise on random walks."""

import numpy as np
import pytest

from crmnb.stats.models.always_valid import boundary, log_mixture, mixture_variance, p_value, sum_boundary


def test_the_figures_of_the_authors_own_software():
    """gostevehoward/confseq, test/uniform_boundaries_test.cpp, TestTwoSidedNormalMixture: time 100, alpha .05.

    Its rho is an approximation of the best one, 12.60056; ours, the exact one, is no wider at the planned time.
    """
    assert log_mixture(10, 100, 12.60056) == pytest.approx(-0.6510052, abs=1e-6)
    assert sum_boundary(100, 12.60056, 0.05) == pytest.approx(30.35209, abs=1e-5)
    rho = mixture_variance(100, 0.05)
    assert rho == pytest.approx(12.60056, rel=0.04)
    assert 30.34 < sum_boundary(100, rho, 0.05) <= 30.35209


def test_it_is_narrowest_where_planned():
    assert min((300, 600, 990, 1000, 1010, 1700, 3000), key=lambda planned: boundary(1000, planned, 0.95)) == 1000


def test_walks_without_drift_pass_it_in_at_most_five_of_a_hundred():
    walks = np.random.default_rng(6).normal(size=(4000, 1500)).cumsum(axis=1)
    limits = [sum_boundary(time, mixture_variance(500, 0.05), 0.05) for time in range(1, 1501)]
    assert 0.02 < (np.abs(walks) > limits).any(axis=1).mean() <= 0.05


def test_the_p_value_is_one_less_level_on_the_boundary():
    z = boundary(750, 1000, 0.9)
    assert p_value(z, 750, 1000, 0.9) == pytest.approx(0.1, rel=1e-12)
    assert p_value(0, 750, 1000, 0.9) == 1
