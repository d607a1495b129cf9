"""Shares by seller or process: Wilson's interval at the effective n, beside statsmodels and a simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from crmnb.stats.clustered_share import limits


def test_units_of_one_row_each_are_independent_rows():
    met = np.repeat([1.0, 0.0], [30, 170])
    z = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 199)  # Wilson with t in place of the normal quantile
    low, high = limits(met, np.ones(200), 0.95)
    expected = proportion_confint(30, 200, 2 * stats.norm.sf(stats.norm.ppf(0.975) / z), "wilson")
    assert (low, high) == pytest.approx(expected, abs=3e-4)


def test_where_none_or_all_are_met_a_unit_counts_once():
    assert limits(np.zeros(5), np.full(5, 100.0), 0.95)[0] == 0
    assert limits(np.zeros(5), np.full(5, 100.0), 0.95)[1] > 0.5
    assert limits(np.full(5, 100.0), np.full(5, 100.0), 0.95)[1] == 1


def test_it_holds_the_true_share_of_sellers_who_differ():
    random, held, of_rows = np.random.default_rng(2), [], []
    for _ in range(1000):
        size = random.poisson(40, 25) + 1.0
        met = random.binomial(size.astype(int), random.beta(3, 7, 25)).astype(float)
        low, high = limits(met, size, 0.95)
        held.append(low <= 0.3 <= high)
        naive = proportion_confint(met.sum(), size.sum(), 0.05, "wilson")
        of_rows.append(naive[0] <= 0.3 <= naive[1])
    assert 0.925 <= np.mean(held) <= 0.975
    assert np.mean(of_rows) < 0.75  # rows are not independent
