"""Limits on the logarithm, and those of CLV under contract along the heterogeneity of customers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmnb.stats.clv_contractual import Contracts, fit_contracts
from crmnb.stats.clv_models import fit_constant_rate, fit_renewals
from crmnb.stats.estimation import EstimationContext
from crmnb.stats.log_limits import Source, least_favourable, linear, symmetric
from crmnb.stats.models.churn_heterogeneity import Heterogeneity, is_constant

Z = stats.norm.ppf(0.975)


def test_limits_of_straight_lines_are_those_of_the_delta_method():
    sources = [linear(0.3), linear(0.4)]
    assert least_favourable(100.0, sources, 0.95) == pytest.approx((100 * np.exp(-Z * 0.5), 100 * np.exp(Z * 0.5)))
    assert symmetric(100.0, 50.0, 0.95) == pytest.approx(least_favourable(100.0, sources, 0.95))


def test_a_value_without_error_or_not_positive_has_limits_without_width():
    assert symmetric(100.0, 0.0, 0.95) == (100.0, 100.0)
    assert symmetric(-5.0, 3.0, 0.95) == (-5.0, -5.0)


def test_beyond_an_edge_the_other_sources_go_further():
    """By hand: two sources of slope 0.3 and 0.4, the first with an edge one standard error away."""
    sources = [Source(0.3, lambda step: 0.3 * step, -1.0), linear(0.4)]
    low, high = least_favourable(1.0, sources, 0.95)
    assert np.log(low) == pytest.approx(-0.3 - 0.4 * np.sqrt(Z**2 - 1))
    assert np.log(high) == pytest.approx(0.5 * Z)


def test_where_a_value_falls_with_its_source_the_edge_is_on_the_other_side():
    low, high = least_favourable(1.0, [Source(-0.3, lambda step: -0.3 * step, -1.0)], 0.95)
    assert (np.log(low), np.log(high)) == pytest.approx((-0.3 * Z, 0.3))


# ---- Contracts ------------------------------------------------------------------------------------------------------

RATE, MONTHS, YEARLY = 0.01, 36, 0.10


def alike(seed: int, size: int = 2000) -> pd.DataFrame:
    """Customers who pay 1 a month and all leave at one rate, joined evenly in the last three years."""
    rng = np.random.default_rng(seed)
    observed, stay = rng.integers(1, MONTHS + 1, size), rng.geometric(RATE, size)
    lost = stay <= observed
    last = np.where(lost, stay, observed)
    columns = {"entry": 1, "last": last, "lost": lost * 1, "age": last, "there": 1 - lost, "new": 0, "n": 1.0}
    margin = {"margin": 1.0 - lost, "times": 1 - lost, "pay": 1.0, "known": 1, "due": 1.0 - lost}
    return pd.DataFrame(columns | margin | {"fold": np.arange(size) % 200})


def contracts_of(counts: pd.DataFrame) -> Contracts:
    settings = {"contractual": True, "discount_rate": YEARLY, "renewal_months": 1}
    return fit_contracts(counts, EstimationContext(0.95, settings, {}))


def residual(counts: pd.DataFrame) -> tuple[float, float, float]:
    contracts = contracts_of(counts)
    return contracts.value(counts[counts["there"] == 1], np.inf, 0.95)


def at_one_rate(rate: float) -> float:
    """The residual value at one churn rate, the sum by hand: a customer who leaves in a month pays half of it."""
    month = np.arange(1, 5000)
    there = (1 - rate) ** (month - 1)
    return float((there * (1 - rate / 2) / (1 + YEARLY) ** ((month - 0.5) / 12)).sum())


@pytest.mark.parametrize("seed", [4, 12, 27])
def test_limits_contain_the_value_of_equal_customers_where_they_may_be_equal(seed):
    """Heterogeneity within its error of 0: the delta method's lower limit was above the value at one rate for all."""
    counts = alike(seed)
    fit, constant = fit_renewals(counts, 1), fit_constant_rate(counts, 1)
    heterogeneity = Heterogeneity(fit)
    assert not is_constant(fit)
    gain = 2 * (fit.log_likelihood - constant.log_likelihood)
    assert gain < stats.chi2.ppf(0.95, 1)
    value, low, high = residual(counts)
    assert low < at_one_rate(constant.parameters[0] / constant.parameters.sum()) < value < high
    equal = heterogeneity.parameters_at(-10.0)
    assert equal[0] / equal.sum() == pytest.approx(constant.parameters[0] / constant.parameters.sum(), rel=0.02)


def test_the_path_keeps_the_likelihood_as_high_as_it_can_be():
    """A second route: the maximum over the rate, heterogeneity fixed, on a grid of rates."""
    counts = alike(4)
    heterogeneity = Heterogeneity(fit_renewals(counts, 1))
    last = np.arange(1, MONTHS + 1)
    at_risk = np.array([(counts["last"] >= age).sum() for age in last])
    lost = np.array([((counts["last"] == age) & (counts["lost"] == 1)).sum() for age in last])

    def likelihood(rate: float, fading: float) -> float:
        churn = rate / (1 + fading * (last - 1))
        return lost @ np.log(churn) + (at_risk - lost) @ np.log1p(-churn)

    for step in (-1.0, 1.0):
        alpha, beta = heterogeneity.parameters_at(step)
        grid = np.linspace(0.5, 2.0, 3001) * alpha / (alpha + beta)
        best = max(likelihood(rate, 1 / (alpha + beta)) for rate in grid)
        assert likelihood(alpha / (alpha + beta), 1 / (alpha + beta)) == pytest.approx(best, abs=0.02)


def test_how_much_of_the_value_lies_beyond_the_data():
    """A constant rate by hand: of a customer aged a, the months after month 36 are worth what a customer of 36 is worth then."""
    counts = alike(7)
    assert is_constant(fit_renewals(counts, 1))
    rate = fit_constant_rate(counts, 1).parameters @ [1e-9, 0.0]
    ahead = MONTHS - counts.loc[counts["there"] == 1, "age"].to_numpy(float)
    share = ((1 - rate) / (1 + YEARLY) ** (1 / 12)) ** ahead
    note = contracts_of(counts).beyond_data(counts, 10)
    assert note.values == {"share": pytest.approx(share.mean(), rel=1e-6), "months": MONTHS}
