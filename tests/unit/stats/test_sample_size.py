"""Sample size and sample ratio: the examples of R's documentation and of books, statsmodels, and simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower

from crmnb.stats.models.sample_ratio import sample_ratio_p_value
from crmnb.stats.models.sample_size import effect_on_mean, effect_on_rate, units_for_means, units_for_rates


def test_rates_as_in_the_help_of_rs_power_prop_test():
    assert units_for_rates(0.50, 0.25, 0.95, 0.90) / 2 == pytest.approx(76.7, abs=0.05)


def test_means_are_those_of_statsmodels():
    for share in (0.5, 0.2):
        n = NormalIndPower().solve_power(0.1, alpha=0.05, power=0.8, ratio=share / (1 - share))
        units = units_for_means(4.0, 0.2, 0.95, 0.8, share)
        assert units == pytest.approx(n / (1 - share), rel=1e-4)  # it also counts the other tail


def test_the_rule_of_sixteen():
    # Van Belle 2008, Statistical Rules of Thumb, 2.1: 16 variances over the squared effect, in each arm (power .8; 15.7).
    assert units_for_means(1, 1, 0.95, 0.8) / 2 == pytest.approx(16, abs=0.5)


def test_so_many_units_find_the_effect_as_often_as_promised():
    units = units_for_rates(0.1, 0.03, 0.95, 0.8, share=0.3)
    n, m = round(0.3 * units), round(0.7 * units)
    chance = np.random.default_rng(7)
    p, q = chance.binomial(n, 0.13, 20_000) / n, chance.binomial(m, 0.1, 20_000) / m
    mean = (n * p + m * q) / (n + m)
    found = np.abs(p - q) / np.sqrt(mean * (1 - mean) * (1 / n + 1 / m)) > stats.norm.ppf(0.975)
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_the_effect_that_is_found_needs_as_many_units():
    effect = effect_on_rate(0.02, 30_000, 0.95, 0.8, share=0.4)
    assert units_for_rates(0.02, effect, 0.95, 0.8, share=0.4) == pytest.approx(30_000, rel=1e-6)
    error = np.sqrt(9 / 500 + 9 / 500)
    assert units_for_means(9, effect_on_mean(error, 0.95, 0.8), 0.95, 0.8) == pytest.approx(1000)
    assert np.isnan(effect_on_rate(0.5, 6, 0.95, 0.8))
    assert np.isnan(effect_on_rate(1.0, 600, 0.95, 0.8))


@pytest.mark.parametrize(("rate", "effect"), [(0.9, 0.2), (0.1, -0.2), (0.1, 0)])
def test_what_is_no_rate_is_refused(rate, effect):
    with pytest.raises(ValueError, match="cannot change"):
        units_for_rates(rate, effect, 0.95, 0.8)


def test_the_sample_ratio_of_a_book():
    # Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments, chapter 3: 821,588 and 815,482 users, planned alike: p = 1.8E-6.
    assert sample_ratio_p_value([821_588, 815_482], [1, 1]) == pytest.approx(1.8e-6, abs=5e-8)


def test_the_sample_ratio_of_several_arms_is_scipys():
    units, planned = [610, 190, 215], [0.6, 0.2, 0.2]
    expected = stats.chisquare(units, np.array(planned) * sum(units)).pvalue
    assert sample_ratio_p_value(units, planned) == pytest.approx(expected, rel=1e-12)
