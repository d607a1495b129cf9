"""Effects of an arm: against published figures, statsmodels, scipy and numpy."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import confint_proportions_2indep

from crmnb.stats.models.arm_effects import (
    Moments,
    Sample,
    adjusted,
    of_means,
    of_rates,
    ratio_sample,
    standardised_difference,
)


def rate(met: int, n: int) -> Sample:
    share = met / n
    return Sample(n, share, share * (1 - share) * n / (n - 1))


def sample(values) -> Sample:
    return Sample(len(values), float(np.mean(values)), float(np.var(values, ddof=1)))


def moments(*variables) -> Moments:
    return Moments(len(variables[0]), np.mean(variables, axis=1), np.cov(variables))


@pytest.mark.parametrize(
    ("met", "limits"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),  # Newcombe 1998, table II, method 10, examples (a) and (d)
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ],
)
def test_the_difference_of_rates_has_newcombes_published_limits(met, limits):
    found = of_rates(rate(*met[:2]), rate(*met[2:]), 0.95).difference
    assert (found.low, found.high) == pytest.approx(limits, abs=5e-5)


def test_the_ratio_of_rates_has_koopmans_published_limits():
    found = of_rates(rate(36, 40), rate(16, 80), 0.95).ratio  # Koopman 1984, the example of section 4
    assert found.value == pytest.approx(4.5)
    assert (found.low, found.high) == pytest.approx((2.94, 7.15), abs=5e-3)


@pytest.mark.parametrize("met", [(36, 40, 16, 80), (120, 1000, 90, 980), (7, 500, 12, 400), (400, 4000, 380, 2000)])
def test_rates_are_those_of_statsmodels(met):
    found = of_rates(rate(*met[:2]), rate(*met[2:]), 0.9)
    expected = confint_proportions_2indep(*met, method="newcomb", compare="diff", alpha=0.1)
    assert (found.difference.low, found.difference.high) == pytest.approx(expected, rel=1e-9)
    expected = confint_proportions_2indep(*met, method="score", compare="ratio", alpha=0.1, correction=False)
    assert (found.ratio.low, found.ratio.high) == pytest.approx(expected, rel=1e-5)
    table = [[met[0], met[1] - met[0]], [met[2], met[3] - met[2]]]
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)


def test_rates_at_the_ends():
    found = of_rates(rate(0, 50), rate(5, 50), 0.95)
    assert (found.ratio.value, found.ratio.low) == (0, 0)
    assert 0 < found.ratio.high < 1.1
    assert np.isnan(of_rates(rate(5, 50), rate(0, 50), 0.95).ratio.value)
    assert of_rates(rate(0, 50), rate(0, 50), 0.95).difference.low < 0
    # Both 1: the score of a ratio r < 1 is sqrt(n (1 - r) / r), which is z at n / (n + z^2).
    found = of_rates(rate(20, 20), rate(20, 20), 0.95).ratio
    assert (found.low, found.high) == pytest.approx((20 / (20 + 1.959964**2), (20 + 1.959964**2) / 20), rel=1e-6)


def test_the_difference_of_means_is_scipys_welch():
    chance = np.random.default_rng(1)
    a, b = chance.gamma(2, 3, 70), chance.gamma(2, 2, 45)
    expected = stats.ttest_ind(a, b, equal_var=False)
    found = of_means(sample(a), sample(b), 0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    limits = expected.confidence_interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx((limits.low, limits.high), rel=1e-12)


def test_the_ratio_of_means_covers_the_true_one():
    chance, inside = np.random.default_rng(2), 0
    for _ in range(2000):
        found = of_means(sample(chance.gamma(2, 3, 60)), sample(chance.gamma(2, 2, 60)), 0.95).ratio
        inside += found.low <= 1.5 <= found.high
    assert 0.935 < inside / 2000 < 0.965


def test_means_without_scatter_have_no_interval():
    found = of_means(Sample(10, 2, 0), Sample(10, 1, 0), 0.95)
    assert found.difference.value == 1
    assert np.isnan([found.difference.low, found.p_value]).all()
    assert np.isnan(of_means(Sample(9, 1, 1), Sample(9, 0, 1), 0.95).ratio.value)


def test_a_ratio_metric_by_hand():
    # Orders 1, 2, 3 with 10, 30, 20: 60 / 6 = 10; the linearised values are (0, 10, -10) / 2, with the variance 25.
    found = ratio_sample(moments([10.0, 30.0, 20.0], [1.0, 2.0, 3.0]))
    assert (found.mean, found.variance) == pytest.approx((10, 25))
    with pytest.raises(ValueError, match="sums to 0"):
        ratio_sample(moments([1.0, 2.0], [0.0, 0.0]))


def test_a_ratio_metric_has_the_error_of_the_jackknife():
    chance = np.random.default_rng(3)
    orders = chance.poisson(3, 800) + 1.0
    spent = orders * chance.gamma(5, 4, 800)
    left_out = (spent.sum() - spent) / (orders.sum() - orders)
    jackknife = 799 / 800 * ((left_out - left_out.mean()) ** 2).sum()
    assert ratio_sample(moments(spent, orders)).squared_error == pytest.approx(jackknife, rel=0.01)


def test_cuped_is_the_regression_on_the_covariate():
    chance = np.random.default_rng(4)
    before = chance.gamma(2, 20, 1000)
    arm = np.arange(1000) % 2
    spent = 0.7 * before + 3 * arm + chance.normal(0, 10, 1000)
    sides = [moments(spent[arm == side], before[arm == side]) for side in (1, 0)]
    treated, control, explained = adjusted(*sides)
    found = of_means(treated, control, 0.95)
    slope = np.cov(spent, before)[0, 1] / np.var(before, ddof=1)  # Deng et al. 2013, equation 4
    expected = stats.ttest_ind(*((spent - slope * before)[arm == side] for side in (1, 0)), equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert explained == pytest.approx(np.corrcoef(spent, before)[0, 1] ** 2, rel=1e-9)
    fit = OLS(spent, np.column_stack([np.ones(1000), arm, before])).fit()
    assert found.difference.value == pytest.approx(fit.params[1], rel=0.02)
    assert found.error == pytest.approx(fit.bse[1], rel=0.02)


def test_a_covariate_that_is_the_same_for_all_changes_nothing():
    a, b = moments([1.0, 2.0, 4.0], [5.0, 5.0, 5.0]), moments([1.0, 3.0, 1.0], [5.0, 5.0, 5.0])
    treated, control, explained = adjusted(a, b)
    assert (treated.mean, treated.variance) == pytest.approx((7 / 3, 7 / 3))
    assert (control.mean, control.variance) == pytest.approx((5 / 3, 4 / 3))
    assert explained == 0


def test_moments_add_up():
    chance = np.random.default_rng(5)
    x, y = chance.normal(1e6, 1, 40), chance.normal(1e6, 2, 40)
    both = moments(x[:11], y[:11]) + moments(x[11:], y[11:])
    np.testing.assert_allclose(both.covariances, np.cov(x, y), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(both.means, [x.mean(), y.mean()], rtol=1e-15)


def test_standardised_difference_by_hand():
    assert standardised_difference(Sample(50, 12, 16), Sample(50, 10, 9)) == pytest.approx(2 / np.sqrt(12.5))
    assert standardised_difference(Sample(50, 1, 0), Sample(50, 1, 0)) == 0


def test_where_peeking_is_declared_p_value_and_interval_agree():
    arm, control = Sample(400, 0.6, 1), Sample(380, 0.3, 1)
    found = of_means(arm, control, 0.95, planned_units=2000)
    wider = of_means(arm, control, 0.95)
    assert found.difference.low < wider.difference.low
    assert (found.difference.low > 0) == (found.p_value < 0.05)
    at_edge = of_means(Sample(400, 0.3 + (0.6 - 0.3 - found.difference.low), 1), control, 0.95, planned_units=2000)
    assert at_edge.difference.low == pytest.approx(0, abs=1e-12)
    assert at_edge.p_value == pytest.approx(0.05, rel=1e-9)
