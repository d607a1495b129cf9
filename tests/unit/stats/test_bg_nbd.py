"""BG/NBD: its likelihood, estimates and forecasts against dumber routes, simulation and pencil."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from crmnb.stats.models import bg_nbd, maximum_likelihood
from crmnb.stats.models.bg_nbd import (
    alive,
    discounted_further,
    expected_further,
    expected_purchases,
    fit_buying,
    probability,
    simulate_buying,
    simulate_further,
)
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, delta

CDNOW = np.array([0.243, 4.414, 0.793, 2.426])
BUSY = np.array([2.0, 6.0, 0.3, 1.5])
LEAVING = np.array([0.9, 8.0, 3.0, 2.0])  # a > 1: their future has an end even without a discount
TRUTHS = {"cdnow": CDNOW, "busy": BUSY, "leaving": LEAVING}


def drawn(parameters: np.ndarray, customers: int, seed: int) -> tuple[np.ndarray, ...]:
    """x, t_x, T and n of customers who were observed for 20 to 40 weeks."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(20, 40, customers)
    return (*simulate_buying(parameters, T, rng), T, np.ones(customers))


def plainly(parameters, x, t_x, T) -> float:
    """The log-likelihood of one customer as equation (6) prints it."""
    r, alpha, a, b = parameters
    ln, B = special.gammaln, special.beta
    stays = B(a, b + x) / B(a, b) * np.exp(ln(r + x) - ln(r)) * alpha**r / (alpha + T) ** (r + x)
    left = B(a + 1, b + x - 1) / B(a, b) * np.exp(ln(r + x) - ln(r)) * alpha**r / (alpha + t_x) ** (r + x) if x else 0
    return np.log(stays + left)


# ---- the likelihood ----


def test_the_likelihood_is_the_papers_of_each_customer_summed_up():
    x, t_x, T, n = (each[:200] for each in drawn(BUSY, 200, 1))
    n = n * np.arange(200) % 3
    expected = sum(count * plainly(CDNOW, *row) for *row, count in zip(x, t_x, T, n, strict=True))
    assert bg_nbd._likelihood(x, t_x, T, n)(CDNOW)[0] == pytest.approx(expected, rel=1e-12)


positive = st.floats(0.05, 20)


@settings(max_examples=40, deadline=None)
@given(st.tuples(positive, positive, positive, positive).map(np.array), st.integers(0, 3))
def test_gradient_and_hessian_are_those_of_finite_differences(parameters, seed):
    of = bg_nbd._likelihood(*drawn(BUSY, 300, seed))
    value, gradient, hessian = of(parameters)
    for i, step in enumerate(1e-5 * parameters):
        up, down = (of(parameters + sign * step * np.eye(4)[i]) for sign in (1, -1))
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5, abs=1e-6 * abs(value))
        size = np.abs(hessian).max()
        assert hessian[i] == pytest.approx((up[1] - down[1]) / (2 * step), rel=1e-5, abs=1e-6 * size)


def test_rows_too_many_for_one_chunk_count_once_each():
    rows = drawn(CDNOW, 20_000, 5)
    halves = [bg_nbd._likelihood(*(each[some] for each in rows))(BUSY) for some in (slice(7000), slice(7000, None))]
    for whole, *parts in zip(bg_nbd._likelihood(*rows)(BUSY), *halves, strict=True):
        assert whole == pytest.approx(sum(parts), rel=1e-11)


def test_customers_who_bought_extremely_often_do_not_overflow():
    x, t_x, T = np.array([5000.0, 5000.0]), np.array([0.001, 0.9]), np.array([400.0, 1.0])
    value, gradient, hessian = bg_nbd._likelihood(x, t_x, T, np.ones(2))(CDNOW)
    assert np.isfinite([value, *gradient, *hessian.ravel()]).all()


# ---- the estimates ----


@pytest.mark.parametrize("name", TRUTHS)
def test_the_truth_is_recovered_within_its_errors(name):
    fit = fit_buying(*drawn(TRUTHS[name], 60_000, 2))
    errors = np.log(fit.parameters / TRUTHS[name]) / np.sqrt(np.diag(fit.covariance))
    assert np.abs(errors).max() < 3
    assert np.sqrt(np.diag(fit.covariance)).max() < 0.2


def test_counts_of_equal_triples_are_as_good_as_a_row_per_customer():
    x, t_x, T, _ = drawn(CDNOW, 3000, 3)
    t_x, T = np.where(x > 0, np.ceil(t_x), 0), np.ceil(T)
    triples, n = np.unique(np.stack([x, t_x, T]), axis=1, return_counts=True)
    by_count, by_row = fit_buying(*triples, n), fit_buying(x, t_x, T, np.ones(3000))
    assert len(n) < 2000
    assert by_count.parameters == pytest.approx(by_row.parameters, rel=1e-6)
    assert by_count.covariance == pytest.approx(by_row.covariance, rel=1e-6)
    assert by_count.log_likelihood == pytest.approx(by_row.log_likelihood, rel=1e-12)
    assert by_count.n == by_row.n == 3000


def test_where_rows_are_many_the_maximum_is_that_of_all_of_them(monkeypatch):
    rows = drawn(CDNOW, 60_000, 4)
    from_sample = fit_buying(*rows)
    monkeypatch.setattr(maximum_likelihood, "_MANY", 10**9)
    at_once = fit_buying(*rows)
    assert from_sample.log_likelihood == pytest.approx(at_once.log_likelihood, abs=1e-6)
    assert from_sample.parameters == pytest.approx(at_once.parameters, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 7.0, 604_800.0])
def test_the_unit_of_time_changes_alpha_alone(unit):
    x, t_x, T, n = drawn(CDNOW, 3000, 3)
    weeks, others = fit_buying(x, t_x, T, n), fit_buying(x, t_x * unit, T * unit, n)
    assert others.parameters == pytest.approx(weeks.parameters * [1, unit, 1, 1], rel=1e-6)
    assert others.covariance == pytest.approx(weeks.covariance, rel=1e-5)
    # A density per time, of each repeat purchase
    assert others.log_likelihood == pytest.approx(weeks.log_likelihood - x.sum() * np.log(unit), rel=1e-10)


def test_standard_errors_hold_the_truth_at_the_promised_rate():
    """Of 200 clients of 2,000 customers: 95 % intervals of the parameters and of the forecast, within three standard errors of .95."""
    held = []
    for seed in range(200):
        x, t_x, T, n = drawn(CDNOW, 2000, 1000 + seed)
        fit = fit_buying(x, t_x, T, n)
        errors = np.log(fit.parameters / CDNOW) / np.sqrt(np.diag(fit.covariance))
        truth = expected_further(CDNOW, x, t_x, T, 39.0).sum()
        value, error = delta(lambda p, x=x, t_x=t_x, T=T: expected_further(p, x, t_x, T, 39.0).sum(), fit)
        held.append(np.abs([*errors, (value - truth) / error]) < 1.96)
    share = np.mean(held, axis=0)
    assert (share > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)).all(), share


# ---- what cannot be fitted ----


def test_too_few_who_bought_again_are_refused_with_the_number():
    x, t_x, T, n = drawn(CDNOW, 2000, 1)
    some = np.concatenate([np.flatnonzero(x > 0)[: FEWEST - 1], np.flatnonzero(x == 0)])
    with pytest.raises(CannotFit, match=f"few_repeat_buyers.fewest={FEWEST}"):
        fit_buying(x[some], t_x[some], T[some], n[some])
    with pytest.raises(CannotFit, match="few_repeat_buyers"):
        fit_buying(*np.zeros((4, 0)))


LIMITS = {
    "equal_churn": (1.2, 4, 300, 700),
    "no_churn": (0.8, 6, 1e-6, 1),
    "equal_rate": (500, 2000, 0.4, 2),
}


@pytest.mark.parametrize(("alike", "parameters"), LIMITS.items(), ids=LIMITS)
def test_customers_who_do_not_differ_in_something_are_fitted_in_that_limit(alike, parameters):
    """About half of such samples look as if they differed a little; from all of them the interval holds the truth."""
    said, held = [], []
    for seed in range(40):
        rng = np.random.default_rng([3, seed])
        T = rng.uniform(13, 39, 400)
        x, t_x = simulate_buying(parameters, T, rng)
        fit = fit_buying(x, t_x, T, np.ones(400))
        value, error = delta(lambda p, x=x, t_x=t_x, T=T: np.log(expected_further(p, x, t_x, T, 39).sum()), fit)
        held.append(abs(value - np.log(expected_further(parameters, x, t_x, T, 39).sum())) < 1.96 * error)
        said.append(fit.homogeneity)
    assert said.count(alike) >= 10
    assert np.mean(held) >= 0.85  # three standard errors below .95


def test_what_is_given_in_a_limit_has_no_error_and_no_better_likelihood_lies_inside():
    rng = np.random.default_rng(6)
    T = np.full(2000, 30.0)
    x, t_x = simulate_buying(LIMITS["no_churn"], T, rng)
    fit = fit_buying(x, t_x, T, np.ones(2000))
    assert fit.homogeneity == "no_churn"
    assert (fit.covariance[2:] == 0).all()
    inside = bg_nbd._likelihood(x, t_x, T, np.ones(2000))
    near = [inside(np.array([*fit.parameters[:2], a, b]))[0] for a in (0.01, 0.1) for b in (2.0, 20.0)]
    assert max(near) < fit.log_likelihood


def test_what_no_limit_explains_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(bg_nbd, "_LIMITS", ())
    rng = np.random.default_rng(6)
    T = np.full(2000, 30.0)
    x, t_x = simulate_buying(LIMITS["no_churn"], T, rng)
    with pytest.raises(
        CannotFit, match=r"no_inner_maximum.*parameter='b', limit='churn_after_purchase', towards='infinity'"
    ):
        fit_buying(x, t_x, T, np.ones(2000))


@pytest.mark.parametrize(
    "row", [(-1, 1, 2, 1), (1.5, 1, 2, 1), (1, 3, 2, 1), (0, 1, 2, 1), (2, 0, 2, 1), (1, 1, 2, -1), (1, 1, np.nan, 1)]
)
def test_a_row_that_cannot_be_is_refused(row):
    with pytest.raises(ValueError, match="each row"):
        fit_buying(*(np.append(each, wrong) for each, wrong in zip(drawn(CDNOW, 500, 1), row, strict=True)))


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        fit_buying(np.ones(3), np.ones(3), np.ones(3), np.ones(2))


# ---- the forecasts ----


def one_by_one(parameters, T: float, further: float, customers: int, seed: int) -> np.ndarray:
    """x, t_x at T, whether still a customer at T, and purchases in the time after: each life lived purchase by purchase."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = parameters
    lives = []
    for rate, leaving in zip(rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers), strict=True):
        now, x, t_x, y, stays = rng.exponential(1 / rate), 0, 0.0, 0, True
        while now < T + further and (stays or now < T):
            x, t_x, y = (x + 1, now, y) if now < T else (x, t_x, y + 1)
            left = rng.random() < leaving
            stays = stays and not (left and now < T)
            if left:
                break
            now += rng.exponential(1 / rate)
        lives.append((x, t_x, stays, y))
    return np.array(lives, float).T


@pytest.fixture(scope="module")
def lives() -> np.ndarray:
    return one_by_one(LEAVING, 30.0, 20.0, 40_000, 7)


def close(values: np.ndarray, expected: float) -> None:
    """The mean of simulated values is the expected one, within four standard errors."""
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(len(values)) + 1e-12)


def test_simulated_customers_are_those_of_lives_lived_purchase_by_purchase(lives):
    x, t_x = simulate_buying(LEAVING, np.full(200_000, 30.0), np.random.default_rng(9))
    for statistic in (lambda x, t: x, lambda x, t: x**2, lambda x, t: t, lambda x, t: x * t, lambda x, t: x > 0):
        ours, theirs = statistic(x, t_x).astype(float), statistic(lives[0], lives[1]).astype(float)
        assert ours.mean() == pytest.approx(theirs.mean(), abs=4 * theirs.std() / np.sqrt(len(theirs)))


@pytest.mark.parametrize("k", range(5))
def test_probability_counts_simulated_customers(lives, k):
    close((lives[0] == k).astype(float), probability(LEAVING, k, 30.0))


def test_probabilities_sum_to_one_and_to_the_expectation():
    k = np.arange(4000)
    for t in (0.5, 39.0):
        chances = probability(BUSY, k, t)
        assert (chances >= 0).all()
        assert chances.sum() == pytest.approx(1, abs=1e-9)
        assert chances @ k == pytest.approx(expected_purchases(BUSY, t), rel=1e-6)


def test_alive_and_further_purchases_are_those_simulated(lives):
    x, t_x, stays, y = lives
    groups = [x == 0, x == 1, (x > 1) & (t_x < 15), (x > 1) & (t_x >= 15) & (t_x < 25), (x > 1) & (t_x >= 25)]
    T = np.full(len(x), 30.0)
    chance, further = alive(LEAVING, x, t_x, T), expected_further(LEAVING, x, t_x, T, 20.0)
    drawn_further = simulate_further(LEAVING, x, t_x, T, 20.0, np.random.default_rng(2))
    for group in groups:
        close(stays[group] - chance[group], 0.0)
        close(y[group] - further[group], 0.0)
        close(drawn_further[group] - further[group], 0.0)


def printed_9(parameters, t):
    """Equation (9), which has a gap at a = 1."""
    r, alpha, a, b = parameters
    f = special.hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * f)


def printed_10(parameters, x, t_x, T, t):
    """Equation (10), which has a gap at a = 1."""
    r, alpha, a, b = parameters
    f = special.hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    top = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * f)
    return top / (1 + (x > 0) * a / (b + x - 1 + (x == 0)) * ((alpha + T) / (alpha + t_x)) ** (r + x))


@pytest.mark.parametrize("name", TRUTHS)
def test_expectations_are_the_printed_equations(name):
    t = np.array([0.0, 0.01, 1.0, 39.0, 500.0])
    assert expected_purchases(TRUTHS[name], t) == pytest.approx(printed_9(TRUTHS[name], t), rel=1e-8, abs=1e-12)
    x, t_x, T, _ = drawn(TRUTHS[name], 300, 6)
    for t in (0.1, 10.0, 300.0):
        expected = printed_10(TRUTHS[name], x, t_x, T, t)
        assert expected_further(TRUTHS[name], x, t_x, T, t) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_at_a_of_one_nothing_breaks():
    beside = [expected_further([0.5, 5, a, 2], 3, 10, 12, 52.0) for a in (1 - 1e-6, 1, 1 + 1e-6)]
    assert beside[1] == pytest.approx((beside[0] + beside[2]) / 2, rel=1e-9)


def by_quadrature(parameters, x, t_x, T, horizon, rate) -> float:
    """The discounted purchases by an integral over the chance of leaving, of a closed form or an integral over time, by QUADPACK."""
    r, alpha, a, b = parameters
    c, since, end = r + x + 1, alpha + T, min(horizon, 40 / rate if rate else np.inf)

    def still(s):
        """E[(1 + p s / since)^-c], on the scale of p^a: no singularity at 0; (1 - p)^(b + x - 1) is QUADPACK's weight."""
        f = lambda p: (1 + p * s / since) ** -c  # noqa: E731
        value, _ = integrate.quad(f, 0, 1, weight="alg", wvar=(a - 1, b + x - 1), epsabs=0, epsrel=1e-12, limit=400)
        return value / special.beta(a, b + x)

    scale = since / c
    inner = lambda u: np.exp(u - rate * scale * np.expm1(u)) * still(scale * np.expm1(u))  # noqa: E731
    value, _ = integrate.quad(inner, 0, np.log1p(end / scale), epsabs=0, epsrel=1e-11, limit=400)
    return float(alive(parameters, x, t_x, T)) * (r + x) / since * value * scale


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize(("horizon", "rate"), [(10.0, 0.0), (156.0, 0.002), (np.inf, 0.002), (np.inf, 0.5)])
def test_discounted_purchases_are_those_of_numerical_quadrature(name, horizon, rate):
    for row in [(0, 0.0, 39.0), (1, 2.0, 3.0), (4, 30.0, 32.0), (40, 39.0, 40.0)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", integrate.IntegrationWarning)
            expected = by_quadrature(TRUTHS[name], *row, horizon, rate)
        assert discounted_further(TRUTHS[name], *row, horizon, rate) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("row", [(5, 30.0, 32.0), (20, 31.0, 32.0), (68, 31.0, 32.0)])
def test_where_hardly_anybody_leaves_frequent_buyers_are_expected_as_by_quadrature(row):
    hardly = np.array([0.8, 10.0, 1e-6, 1.0])
    expected = by_quadrature(hardly, *row, 156.0, 0.002)
    assert discounted_further(hardly, *row, 156.0, 0.002) == pytest.approx(expected, rel=1e-9)


def test_many_customers_at_once_get_what_each_would_get_alone():
    x, t_x, T, _ = drawn(CDNOW, 20_000, 11)
    T = np.where(np.arange(len(T)) % 50, T, T + 900)  # some were observed far longer
    for horizon, rate in ((52.0, 0.0), (np.inf, 0.003)):
        together = discounted_further(CDNOW, x, t_x, T, horizon, rate)
        alone = [discounted_further(CDNOW, x[i], t_x[i], T[i], horizon, rate) for i in range(0, 20_000, 401)]
        assert together[::401] == pytest.approx(alone, rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.floats(-6, 4).map(np.exp)] * 4).map(np.array),
    st.sampled_from([0, 1, 2, 17, 300, 5000]),
    st.floats(1e-6, 1),
    st.floats(-8, 7).map(np.exp),
    st.sampled_from([0.0, 1e-4, 0.002, 0.3]),
)
def test_discounted_purchases_are_never_negative_nor_missing_and_grow_with_the_horizon(parameters, x, last, T, rate):
    t_x = last * T if x else 0.0
    horizons = [0.0, 1e-3, 1.0, 52.0, 1000.0, *([np.inf] if rate else [])]
    values = [float(discounted_further(parameters, x, t_x, T, horizon, rate)) for horizon in horizons]
    assert np.isfinite(values).all()
    assert values[0] == 0
    assert (np.diff(values) >= -1e-9 * np.abs(values[1:])).all()
    undiscounted = [float(expected_further(parameters, x, t_x, T, horizon)) for horizon in horizons if horizon < np.inf]
    assert (np.array(values[: len(undiscounted)]) <= np.array(undiscounted) * (1 + 1e-7)).all()


def test_without_a_discount_and_a_horizon_the_value_is_finite_only_where_customers_leave_fast_enough():
    forever = discounted_further(LEAVING, 3, 10, 12, np.inf, 0.0)
    assert forever == pytest.approx(alive(LEAVING, 3, 10, 12) * (3 + 2 + 3 - 1) / (3 - 1))
    assert discounted_further(LEAVING, 3, 10, 12, 1e7, 0.0) == pytest.approx(forever, rel=1e-6)
    with pytest.raises(CannotFit, match=r"infinite_purchases\(a=0.793"):
        discounted_further(CDNOW, 3, 10, 12, np.inf, 0.0)


def test_of_nobody_and_within_no_time_nothing_is_expected():
    assert discounted_further(CDNOW, [], [], [], 52.0, 0.0).shape == (0,)
    assert (discounted_further(CDNOW, *drawn(CDNOW, 2000, 1)[:3], 0.0, 0.1) == np.zeros(2000)).all()


def test_a_customer_without_a_repeat_purchase_has_not_left_and_one_long_silent_has():
    assert alive(CDNOW, 0, 0, 500) == 1
    assert alive(CDNOW, [300, 300], [1.0, 49.9], [50, 50]) == pytest.approx([0, 1], abs=0.05)
    chances = alive(CDNOW, np.full(20, 5), np.linspace(1, 39, 20), np.full(20, 39))
    assert (np.diff(chances) > 0).all()
