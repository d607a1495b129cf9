"""Shifted beta-geometric: its likelihood, estimates and residual lifetimes against dumber routes, simulation and pencil."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from crmnb.stats.models import shifted_beta_geometric
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, delta
from crmnb.stats.models.shifted_beta_geometric import discounted_residual, fit_contract, retention, survival

REGULAR = np.array([0.704, 1.182])


def drawn(parameters, customers: int, seed: int, late: bool = False) -> tuple[np.ndarray, ...]:
    """Age, at risk and lost of customers who were followed for one to eight renewals; `late`: from a later one on."""
    rng = np.random.default_rng(seed)
    left_at = rng.geometric(rng.beta(*parameters, customers))
    first = rng.integers(1, 5, customers) if late else np.ones(customers, int)
    last = first + rng.integers(0, 8, customers)
    age = np.arange(1, last.max() + 1)
    seen = (left_at >= first) & (first <= age[:, None]) & (age[:, None] <= np.minimum(last, left_at))
    return age, seen.sum(axis=1), (seen & (left_at == age[:, None])).sum(axis=1)


def test_the_likelihood_of_a_cohort_is_the_papers():
    # Equation (B2) of 2007: sum of lost ln P(T = t), and of those left ln S.
    left = np.array([1000, 631, 468, 382])
    alpha, beta = 0.9, 2.0
    of = shifted_beta_geometric._likelihood(np.arange(1.0, 4), left[:-1].astype(float), -np.diff(left).astype(float))
    s = survival([alpha, beta], np.arange(4))
    expected = -np.diff(left) @ np.log(-np.diff(s)) + left[-1] * np.log(s[-1])
    assert of(np.array([alpha, beta]))[0] == pytest.approx(expected, rel=1e-12)


positive = st.floats(0.05, 30)


@settings(max_examples=40, deadline=None)
@given(st.tuples(positive, positive).map(np.array), st.integers(0, 3))
def test_gradient_and_hessian_are_those_of_finite_differences(parameters, seed):
    of = shifted_beta_geometric._likelihood(*(each.astype(float) for each in drawn(REGULAR, 300, seed)))
    value, gradient, hessian = of(parameters)
    for i, step in enumerate(1e-5 * parameters):
        up, down = (of(parameters + sign * step * np.eye(2)[i]) for sign in (1, -1))
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5, abs=1e-6 * abs(value))
        assert hessian[i] == pytest.approx((up[1] - down[1]) / (2 * step), rel=1e-5, abs=1e-6 * np.abs(hessian).max())


@pytest.mark.parametrize("late", [False, True])
def test_the_truth_is_recovered_within_its_errors_late_entry_or_not(late):
    fit = fit_contract(*drawn(REGULAR, 60_000, 1, late))
    errors = np.log(fit.parameters / REGULAR) / np.sqrt(np.diag(fit.covariance))
    assert np.abs(errors).max() < 3
    assert np.sqrt(np.diag(fit.covariance)).max() < 0.1


def test_rows_of_one_age_may_stand_apart():
    age, at_risk, lost = drawn(REGULAR, 2000, 2)
    other = drawn(REGULAR, 1000, 3)
    apart = fit_contract(*(np.concatenate(pair) for pair in zip((age, at_risk, lost), other, strict=True)))
    together = fit_contract(age, at_risk + other[1], lost + other[2])
    assert apart.parameters == pytest.approx(together.parameters, rel=1e-7)
    assert apart.n == together.n == lost.sum() + other[2].sum()


def test_standard_errors_hold_the_truth_at_the_promised_rate():
    """Of 400 clients of 2,000 customers: the parameters and a residual lifetime, within three standard errors of .95."""
    held = []
    for seed in range(400):
        fit = fit_contract(*drawn(REGULAR, 2000, 100 + seed, late=True))
        errors = np.log(fit.parameters / REGULAR) / np.sqrt(np.diag(fit.covariance))
        value, error = delta(lambda p: discounted_residual(p, 2, np.inf, 0.1), fit)
        held.append(np.abs([*errors, (value - discounted_residual(REGULAR, 2, np.inf, 0.1)) / error]) < 1.96)
    share = np.mean(held, axis=0)
    assert (share > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)).all(), share


def test_survival_is_that_of_leaving_at_random_with_a_beta_chance():
    for k in (0, 1, 7):
        expected = integrate.quad(lambda p, k=k: (1 - p) ** k * stats.beta.pdf(p, 2.5, 4), 0, 1)[0]
        assert survival([2.5, 4], k) == pytest.approx(expected, rel=1e-9)
    k = np.arange(1, 20)
    assert retention(REGULAR, k) == pytest.approx(survival(REGULAR, k) / survival(REGULAR, k - 1), rel=1e-12)


def test_the_first_renewals_rate_is_beta_by_alpha_plus_beta():
    assert retention([1, 3], [1, 2]) == pytest.approx([3 / 4, 4 / 5])


@pytest.mark.parametrize("parameters", [REGULAR, [1.0, 3.0], [5.0, 0.3], [0.05, 40.0]])
@pytest.mark.parametrize("rate", [0.01, 0.1, 2.0])
def test_residual_lifetimes_are_sums_over_the_renewals_ahead(parameters, rate):
    for age in (0, 3, 40):
        ahead = np.arange(1, 6001)
        terms = survival(parameters, age + ahead) / survival(parameters, age) * (1 + rate) ** (1.0 - ahead)
        assert discounted_residual(parameters, age, np.inf, rate) == pytest.approx(terms.sum(), rel=1e-9)
        assert discounted_residual(parameters, age, 12, rate) == pytest.approx(terms[:12].sum(), rel=1e-9)


def test_residual_lifetimes_grow_with_age_and_horizon():
    ages = np.array([0, 1, 5, 50, 5000])
    values = np.array([discounted_residual(REGULAR, ages, horizon, 0.02) for horizon in (0, 1, 12, 400, np.inf)])
    assert (values[0] == 0).all()
    assert (np.diff(values, axis=0) > 0).all()
    assert (np.diff(values[1:], axis=1) > 0).all()
    assert values.max() <= 1.02 / 0.02  # of who never leaves


def test_without_a_discount_and_a_horizon_the_stay_is_finite_only_where_customers_leave_fast_enough():
    assert discounted_residual([3.0, 4.0], 5, np.inf, 0.0) == pytest.approx(
        discounted_residual([3.0, 4.0], 5, 100_000, 0.0), rel=1e-6
    )
    with pytest.raises(CannotFit, match=r"infinite_stay\(alpha=0.704"):
        discounted_residual(REGULAR, 5, np.inf, 0.0)


def test_too_few_losses_are_refused_with_the_number():
    with pytest.raises(CannotFit, match=f"few_losses_for_model.fewest={FEWEST}"):
        fit_contract([1, 2], [1000, 900], [FEWEST - 1, 0])
    with pytest.raises(CannotFit, match="few_losses_for_model"):
        fit_contract([], [], [])


@pytest.mark.parametrize(
    ("at_risk", "lost", "reason"),
    [
        ([1000, 800, 640], [200, 160, 128], "churn_at_renewal.*infinity|flat_likelihood"),
        ([1000, 800, 600], [100, 150, 200], "churn_at_renewal"),
        ([1000, 500, 500], [500, 0, 0], "churn_at_renewal.*zero"),
        ([1000, 0, 0], [500, 0, 0], "renewals_of_one_age"),
    ],
)
def test_losses_that_the_model_has_no_inside_maximum_for_are_refused_in_words(at_risk, lost, reason):
    with pytest.raises(CannotFit, match=reason):
        fit_contract([1, 2, 3], at_risk, lost)


@pytest.mark.parametrize("row", [(0, 5, 1), (1.5, 5, 1), (2, 5, 6), (2, 5, -1), (2, np.nan, 1)])
def test_a_row_that_cannot_be_is_refused(row):
    with pytest.raises(ValueError, match="each row"):
        fit_contract(*(np.append(each, wrong) for each, wrong in zip(drawn(REGULAR, 500, 1), row, strict=True)))
