"""Gamma-Gamma: its likelihood, estimates and forecasts against dumber routes, simulation and pencil."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from crmnb.stats.models import gamma_gamma
from crmnb.stats.models.gamma_gamma import expected_spend, fit_spending, independence, simulate_spending
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, delta

CDNOW = np.array([6.25, 3.74, 15.45])


def drawn(customers: int, seed: int, parameters: np.ndarray = CDNOW) -> tuple[np.ndarray, ...]:
    """x, m and n of customers who bought once or more."""
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, customers).astype(float)
    return x, simulate_spending(parameters, x, rng), np.ones(customers)


def by_mixing(parameters, x: float, m: float) -> float:
    """The density of a customer's mean spend: gamma given the customer's own rate, which is gamma, by numerical quadrature."""
    p, q, v = parameters
    of = lambda rate: stats.gamma.pdf(m, p * x, scale=1 / (rate * x)) * stats.gamma.pdf(rate, q, scale=1 / v)  # noqa: E731
    return integrate.quad(of, 0, np.inf, epsabs=0, epsrel=1e-10, limit=200)[0]


@pytest.mark.parametrize(("x", "m"), [(1, 30.0), (2, 5.0), (5, 60.0)])
def test_the_likelihood_is_the_density_of_gamma_means_with_gamma_rates(x, m):
    value = gamma_gamma._likelihood(np.array([float(x)]), np.array([m]), np.array([3.0]))(CDNOW)[0]
    assert value == pytest.approx(3 * np.log(by_mixing(CDNOW, x, m)), rel=1e-8)


positive = st.floats(0.2, 30)


@settings(max_examples=40, deadline=None)
@given(st.tuples(positive, positive, positive).map(np.array), st.integers(0, 3))
def test_gradient_and_hessian_are_those_of_finite_differences(parameters, seed):
    of = gamma_gamma._likelihood(*drawn(300, seed))
    value, gradient, hessian = of(parameters)
    for i, step in enumerate(1e-5 * parameters):
        up, down = (of(parameters + sign * step * np.eye(3)[i]) for sign in (1, -1))
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5, abs=1e-6 * abs(value))
        size = np.abs(hessian).max()
        assert hessian[i] == pytest.approx((up[1] - down[1]) / (2 * step), rel=1e-5, abs=1e-6 * size)


def test_the_truth_is_recovered_within_its_errors():
    fit = fit_spending(*drawn(50_000, 1))
    errors = np.log(fit.parameters / CDNOW) / np.sqrt(np.diag(fit.covariance))
    assert np.abs(errors).max() < 3
    assert np.sqrt(np.diag(fit.covariance)).max() < 0.05


def test_counts_of_equal_pairs_are_as_good_as_a_row_per_customer():
    x, m, _ = drawn(3000, 2)
    m = np.ceil(m / 5) * 5
    pairs, n = np.unique(np.stack([x, m]), axis=1, return_counts=True)
    by_count, by_row = fit_spending(*pairs, n), fit_spending(x, m, np.ones(3000))
    assert len(n) < 500
    assert by_count.parameters == pytest.approx(by_row.parameters, rel=1e-6)
    assert by_count.covariance == pytest.approx(by_row.covariance, rel=1e-6)
    assert by_count.log_likelihood == pytest.approx(by_row.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-4, 0.85, 1e6])
def test_the_currency_changes_v_alone(unit):
    x, m, n = drawn(3000, 2)
    here, there = fit_spending(x, m, n), fit_spending(x, m * unit, n)
    assert there.parameters == pytest.approx(here.parameters * [1, 1, unit], rel=1e-6)
    assert there.covariance == pytest.approx(here.covariance, rel=1e-5)
    assert there.log_likelihood == pytest.approx(here.log_likelihood - 3000 * np.log(unit), rel=1e-9)


def test_standard_errors_hold_the_truth_at_the_promised_rate():
    """Of 200 clients of 2,000 customers: the parameters and the mean spend, within three standard errors of .95."""
    held = []
    for seed in range(200):
        fit = fit_spending(*drawn(2000, 500 + seed))
        errors = np.log(fit.parameters / CDNOW) / np.sqrt(np.diag(fit.covariance))
        value, error = delta(lambda p: expected_spend(p, 0, 0), fit)
        held.append(np.abs([*errors, (value - expected_spend(CDNOW, 0, 0)) / error]) < 1.96)
    share = np.mean(held, axis=0)
    assert (share > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)).all(), share


def test_the_expected_spend_is_that_of_simulated_customers_with_such_a_mean():
    rng = np.random.default_rng(4)
    p, q, v = CDNOW
    rate, x = rng.gamma(q, 1 / v, 400_000), 2.0
    m = rng.gamma(p * x, 1 / (rate * x))
    for low, high in ((10, 12), (30, 33), (80, 100)):
        some = (m > low) & (m < high)
        own = p / rate[some]
        expected = expected_spend(CDNOW, x, m[some]).mean()
        assert own.mean() == pytest.approx(expected, abs=4 * own.std() / np.sqrt(some.sum()))


def test_the_expected_spend_moves_from_the_mean_of_all_to_the_customers_own():
    of_all = 6.25 * 15.45 / 2.74
    assert expected_spend(CDNOW, 0, np.nan) == pytest.approx(of_all)
    own = expected_spend(CDNOW, np.array([0, 1, 5, 1e9]), np.full(4, 100.0))
    assert own[0] == pytest.approx(of_all)
    assert (np.diff(own) > 0).all()
    assert own[-1] == pytest.approx(100)


def test_a_mean_that_is_infinite_is_refused_with_the_reason():
    with pytest.raises(CannotFit, match=r"infinite_spend\(q=0.9\)"):
        expected_spend(np.array([2.0, 0.9, 10.0]), 3, 20.0)


def test_too_few_customers_are_refused_with_the_number():
    with pytest.raises(CannotFit, match=f"few_customers_with_purchases.fewest={FEWEST}"):
        fit_spending(*drawn(FEWEST - 1, 1))


def alike(seed: int, size: int = 500) -> tuple[np.ndarray, ...]:
    """Customers whose purchases differ (gamma, shape 3) about one mean of 30."""
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, size).astype(float)
    return x, rng.gamma(3 * x, 10 / x), np.ones(size)


def test_where_all_customers_spend_alike_the_limit_is_the_maximum_over_mean_and_shape():
    """Held to scipy's gamma density, maximized by a method without derivatives."""
    x, m, n = alike(6)
    fit = fit_spending(x, m, n)
    assert fit.homogeneity == "equal_spend"

    def less_likely(logs: np.ndarray) -> float:
        p, mean = np.exp(logs)
        return -stats.gamma.logpdf(m, p * x, scale=mean / (p * x)).sum()

    found = optimize.minimize(
        less_likely, np.log([1.0, 10.0]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}
    )
    p, mean = np.exp(found.x)
    assert fit.log_likelihood == pytest.approx(-found.fun, abs=1e-7)
    assert fit.parameters[0] == pytest.approx(p, rel=1e-6)
    assert expected_spend(fit.parameters, np.array([0.0, 1, 50]), np.array([0.0, 5, 200])) == pytest.approx(
        mean, rel=1e-6
    )
    step = 1e-3
    ends = [
        (less_likely(found.x + step * e) - 2 * found.fun + less_likely(found.x - step * e)) / step**2 for e in np.eye(2)
    ]
    assert fit.covariance[0, 0] == pytest.approx(1 / ends[0], rel=1e-3)
    _, error = delta(lambda parameters: expected_spend(parameters, 0, 0), fit)
    assert error / mean == pytest.approx(ends[1] ** -0.5, rel=1e-3)


def test_the_limit_is_where_the_models_own_likelihood_goes():
    x, m, n = alike(6)
    fit = fit_spending(x, m, n)
    p, q, v = fit.parameters
    near = [gamma_gamma._likelihood(x, m, n)(np.array([p, far, v * far / q]))[0] for far in (1e2, 1e4, 1e6)]
    assert np.diff(near).min() > 0
    assert near[-1] == pytest.approx(fit.log_likelihood, abs=1e-2)


def test_of_alike_customers_the_mean_is_held_at_the_promised_rate_and_none_is_refused():
    """Of 200 clients; in about half of them chance makes a maximum inside."""
    held, limits = 0, 0
    for seed in range(200):
        fit = fit_spending(*alike(seed))
        value, error = delta(lambda parameters: expected_spend(parameters, 0, 0), fit)
        held += abs(value - 30) < 1.96 * error
        limits += bool(fit.homogeneity)
    assert held / 200 > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
    assert 60 < limits < 140


def test_the_score_of_difference_has_its_law_where_there_is_none():
    """At the true shape and mean's estimates of 400 clients: mean 0, variance 1, above 1.645 in one of twenty."""
    scores = []
    for seed in range(400):
        x, m, n = alike(seed, 300)
        mean = (x * m).sum() / x.sum()
        less_likely = lambda log_p: -stats.gamma.logpdf(m, np.exp(log_p) * x, scale=mean / (np.exp(log_p) * x)).sum()  # noqa: B023, E731
        p = np.exp(optimize.minimize_scalar(less_likely, (0.0, 2.0)).x)
        scores.append(gamma_gamma._score(p * x, m / mean, x, n))
    assert abs(np.mean(scores)) < 3 / 20
    assert np.std(scores) == pytest.approx(1, abs=0.12)
    assert np.mean(np.array(scores) > 1.645) == pytest.approx(0.05, abs=0.035)


def test_where_everybody_always_pays_the_same_that_is_expected_and_nothing_is_unsure():
    x = np.random.default_rng(6).geometric(0.4, 500).astype(float)
    fit = fit_spending(x, np.full(500, 20.0), np.ones(500))
    value, error = delta(lambda parameters: expected_spend(parameters, np.array([0.0, 1, 50]), 20.0), fit)
    assert fit.homogeneity
    assert value == pytest.approx(20, rel=1e-6)
    assert error.max() < 0.002


def test_customers_who_never_vary_but_differ_are_refused_in_words():
    rng = np.random.default_rng(6)
    with pytest.raises(CannotFit, match=r"spend_within_customers.*infinity|spend_scale.*zero"):
        fit_spending(rng.geometric(0.4, 500), 100 / rng.gamma(4, size=500), np.ones(500))


@pytest.mark.parametrize("row", [(0, 5, 1), (1, 0, 1), (1, -3, 1), (1, np.nan, 1), (2, 5, -1)])
def test_a_row_that_cannot_be_is_refused(row):
    with pytest.raises(ValueError, match="each row"):
        fit_spending(*(np.append(each, wrong) for each, wrong in zip(drawn(500, 1), row, strict=True)))


def test_independence_is_scipys_rank_correlation_of_the_customers_themselves():
    rng = np.random.default_rng(3)
    x, m, n = rng.integers(1, 5, 60).astype(float), rng.integers(1, 9, 60) * 10.0, rng.integers(0, 4, 60).astype(float)
    value, low, high = independence(x, m, n)
    rows = n.astype(int)
    assert value == pytest.approx(stats.spearmanr(np.repeat(x, rows), np.repeat(m, rows)).statistic, abs=1e-12)
    assert low < value < high


def test_independence_holds_its_limits_at_the_promised_rate():
    """1,000 samples of 100 from a normal distribution: Spearman's true correlation is known (Pearson 1907: 6/pi arcsin(rho/2))."""
    rng = np.random.default_rng(5)
    for rho in (0.0, 0.5):
        pairs = np.exp(rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], (1000, 100)))
        limits = np.array([independence(np.ceil(1e6 * x), m, np.ones(100)) for x, m in pairs.transpose(0, 2, 1)])
        truth = 6 / np.pi * np.arcsin(rho / 2)
        share = ((limits[:, 1] <= truth) & (truth <= limits[:, 2])).mean()
        assert share == pytest.approx(0.95, abs=0.021)


def test_independence_of_customers_who_all_bought_as_often_is_unknown():
    assert np.isnan(independence(np.ones(50), np.arange(1.0, 51), np.ones(50))).all()


def test_simulated_means_have_the_distribution_of_the_likelihood():
    # Given x, v / (v + x m) is beta distributed (q, p x).
    m = simulate_spending(CDNOW, np.full(20_000, 3.0), np.random.default_rng(7))
    p, q, v = CDNOW
    assert stats.kstest(v / (v + 3 * m), lambda z: special.betainc(q, 3 * p, z)).pvalue > 0.01
    assert simulate_spending(CDNOW, np.zeros(3), np.random.default_rng(1)).tolist() == [0, 0, 0]
