"""Published figures of customer lifetime value: CDNOW as Fader, Hardie & Lee printed it, and the renewals of Fader & Hardie."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.speed.clv import cdnow, log_likelihood
from crmnb.stats.models.bg_nbd import expected_further, expected_purchases, fit_buying, probability
from crmnb.stats.models.gamma_gamma import expected_spend, fit_spending
from crmnb.stats.models.maximum_likelihood import Fit
from crmnb.stats.models.shifted_beta_geometric import discounted_residual, fit_contract, survival

CDNOW = Path(__file__).parents[2] / "../shared/data/cdnow"

pytestmark = pytest.mark.published
absent = pytest.mark.skipif(not CDNOW.exists(), reason="CDNOW is not beside the checkout (../shared/data)")


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """The 2,357 customers of the tenth: x, t_x, T in weeks, m the mean of their repeat purchases."""
    table = pd.read_csv(CDNOW / "cdnow_customers_summary_with_transactions.csv")
    return table.rename(columns={"zbar": "m"}).assign(n=1.0)


@pytest.fixture(scope="module")
def bought(customers) -> Fit:
    return fit_buying(*customers[["x", "t_x", "T", "n"]].to_numpy().T)


@pytest.fixture(scope="module")
def spent(customers) -> Fit:
    return fit_spending(*customers.loc[customers["x"] > 0, ["x", "m", "n"]].to_numpy().T)


@absent
@pytest.mark.real
def test_fader_hardie_lee_2005_table_2_bg_nbd_of_cdnow(bought):
    assert bought.n == 2357
    assert bought.parameters.round(3) == pytest.approx([0.243, 4.414, 0.793, 2.426])
    assert bought.log_likelihood == pytest.approx(-9582.4, abs=0.05)


@absent
@pytest.mark.real
def test_clvtools_bg_nbd_of_cdnow():
    # CLVTools takes the log of purchases, with times to the day; the printed table has them to .01 weeks, at its maximum -9582.426.
    log = cdnow("CDNOW_sample.txt", day=2, money=4)
    fit = fit_buying(log["x"], log["t_x"], log["T"], np.ones(2357))
    theirs = [0.2425945, 4.4136019, 0.7929199, 2.4258881]
    assert fit.parameters == pytest.approx(theirs, rel=1e-5)
    assert fit.log_likelihood == pytest.approx(-9582.429, abs=0.0005)
    assert (
        0 <= fit.log_likelihood - log_likelihood("buying", theirs, log) < 1e-6
    )  # they stopped just beside the maximum


@absent
@pytest.mark.real
def test_an_independent_fits_log_likelihood_of_the_printed_table(bought):
    assert bought.log_likelihood == pytest.approx(-9582.426, abs=0.0005)


@absent
@pytest.mark.real
def test_hardie_spreadsheet_conditional_expectation_of_the_customer_with_2_at_30_43(bought):
    assert expected_further(bought.parameters, 2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=0.0005)


@absent
@pytest.mark.real
def test_hardie_spreadsheet_expected_repeat_purchases_of_a_new_customer(bought):
    expected = expected_purchases(bought.parameters, np.array([0.1429, 1, 3, 31.8571, 32]))
    assert expected == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437], abs=0.00005)


def test_hardie_spreadsheet_probability_of_no_repeat_purchase_in_39_weeks():
    assert probability(np.array([0.243, 4.414, 0.793, 2.426]), 0, 39) == pytest.approx(0.5737864, abs=5e-8)


@absent
@pytest.mark.real
def test_fader_hardie_2013_gamma_gamma_of_946_repeat_buyers(spent):
    assert spent.n == 946
    assert spent.parameters.round(2) == pytest.approx([6.25, 3.74, 15.45])  # 15.44 in one print


@absent
@pytest.mark.real
def test_hardie_spreadsheet_expected_spend_of_the_first_ten(customers, spent):
    ten = customers.head(10)
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert expected_spend(spent.parameters, ten["x"], ten["m"]) == pytest.approx(expected, abs=0.1)


# Fader & Hardie 2007, Table 1: of 1,000 customers, those left after 0 to 7 years, on which the model is fitted.
RENEWALS = {
    "Regular": ([1000, 631, 468, 382, 326, 289, 262, 241], (0.704, 1.182)),
    "High End": ([1000, 869, 743, 653, 593, 551, 517, 491], (0.668, 3.806)),
}


def renewed(segment: str) -> Fit:
    left = np.array(RENEWALS[segment][0])
    return fit_contract(np.arange(1, 8), left[:-1], -np.diff(left))


@pytest.mark.parametrize("segment", RENEWALS)
def test_fader_hardie_2007_shifted_beta_geometric(segment):
    assert renewed(segment).parameters.round(3) == pytest.approx(RENEWALS[segment][1])


def test_shifted_beta_geometric_py_projects_the_high_end_five_years_further():
    # github.com/jdmaturen/shifted_beta_geometric_py, README: the same data, with the residual lifetime of Fader & Hardie 2010
    parameters = renewed("High End").parameters
    assert survival(parameters, np.arange(8, 13)).round(3) == pytest.approx([0.460, 0.436, 0.414, 0.395, 0.378])
    assert discounted_residual(parameters, 7, np.inf, 0.10) == pytest.approx(7.530, abs=0.0005)
