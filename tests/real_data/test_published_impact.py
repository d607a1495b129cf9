"""Published figures of initiatives: R's CausalImpact, the smoking ban in Sicily, the minimum wage of Card & Krueger and of Callaway & Sant'Anna."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.statespace.structural import UnobservedComponents

from crmnb.stats.panel_effects import difference_in_differences, event_study, staggered_effect
from crmnb.stats.series_effects import PACKAGE_PRIOR, Mixture, counterfactual, harmonics, log_linear_counts
from crmnb.stats.shrinkage import shrunk

SHARED = Path(__file__).parents[2] / "../shared/data"
EXAMPLES, SICILY = SHARED / "causalimpact_examples", SHARED / "sicily_its/sicily.csv"
MINIMUM_WAGE = Path(__file__).parents[1] / "data/minimum_wage.csv"

pytestmark = pytest.mark.published
beside = pytest.mark.skipif(not SICILY.exists(), reason="the series are not beside the checkout (../shared/data)")


def rounded(mixture: Mixture) -> tuple[int, int, int]:
    return tuple(round(float(value)) for value in (mixture.mean, *mixture.interval(0.95)))


@pytest.fixture(scope="module")
def google():
    rows = pd.read_csv(EXAMPLES / "google_data.csv")
    return counterfactual(rows["y"].to_numpy(), rows[["x1", "x2"]].to_numpy(), 61, PACKAGE_PRIOR)


@beside
@pytest.mark.real
def test_google_has_the_effects_of_the_r_package(google):
    """R_summary_google.txt: average 27 [18, 36], cumulative 804 [539, 1073], prediction 129. R draws the posterior, here it is integrated: the
    average agrees in all printed digits, the sum, printed with the error of 1,000 draws (a standard deviation of 134), to 1 %."""
    assert rounded(google.average) == (27, 18, 36)
    assert google.expected.mean() == pytest.approx(129, abs=0.5)
    total = google.accumulated[-1]
    assert (total.mean, *total.interval(0.95)) == pytest.approx((804, 539, 1073), rel=0.012)


@beside
@pytest.mark.real
def test_volkswagen_has_the_effects_of_the_r_package():
    """R_summary_volks.txt: average -44 [-55, -33], cumulative -3496 [-4338, -2571] (standard deviation 438.5).

    A limit of 1,000 draws has a standard error of 438.5 * sqrt(.025 * .975 / 1000) / .0584 = 37; two of them are allowed."""
    rows = pd.read_csv(EXAMPLES / "volks_data.csv", sep=" ")
    of_r = counterfactual(rows["VolksWagen"].to_numpy(), rows[["BMW", "Allianz"]].to_numpy(), 246, PACKAGE_PRIOR)
    assert rounded(of_r.average) == (-44, -55, -33)
    total = of_r.accumulated[-1]
    assert (total.mean, *total.interval(0.95)) == pytest.approx((-3496, -4338, -2571), abs=74)


@beside
@pytest.mark.real
def test_google_by_maximum_likelihood_differs_by_what_the_prior_explains(google):
    """statsmodels' maximum likelihood lets the level move (by 4.6 a step), where R's prior expects .12: an effect of 28.7, and a wider interval.

    With the level's variance where the prior puts it, the same filter gives R's effect and pointwise variances.
    """
    rows = pd.read_csv(EXAMPLES / "google_data.csv")
    y, x = rows["y"], rows[["x1", "x2"]]
    model = UnobservedComponents(y[:61], "llevel", exog=x[:61], mle_regression=False)
    fit = model.fit(disp=False)
    noise, level = fit.params
    assert np.sqrt(level) > 4
    by_likelihood = fit.get_forecast(30, exog=x[61:])
    assert (y[61:] - by_likelihood.predicted_mean).mean() == pytest.approx(28.7, abs=0.1)
    expected = 0.01 * y[:61].std(ddof=1)
    by_prior = model.filter([noise, expected**2]).get_forecast(30, exog=x[61:])
    assert (y[61:] - by_prior.predicted_mean).mean() == pytest.approx(google.average.mean, abs=0.2)
    assert by_likelihood.var_pred_mean.iloc[-1] > 3 * by_prior.var_pred_mean.iloc[-1]


@beside
@pytest.mark.real
@pytest.mark.parametrize(
    ("with_season", "poisson", "risk"),
    [
        (False, True, (0.894, 0.865, 0.925)),
        (False, False, (0.894, 0.839, 0.953)),
        (True, False, (0.885, 0.839, 0.933)),
    ],
)
def test_the_smoking_ban_of_sicily_has_its_published_relative_risk(with_season, poisson, risk):
    """Lopez Bernal et al. 2017, International Journal of Epidemiology 46:348, and its code: the level change, by Poisson and quasi-Poisson."""
    rows = pd.read_csv(SICILY)
    time = rows["time"].to_numpy(float)
    season = harmonics(time, 12, 2) if with_season else np.empty((len(rows), 0))
    design = np.column_stack([np.ones(len(rows)), time, season, rows["smokban"]])
    model = log_linear_counts(rows["aces"].to_numpy(float), design, rows["stdpop"].to_numpy())
    error = np.sqrt(model.covariance[-1, -1] * (1.0 if poisson else model.dispersion))
    step = model.coefficients[-1]
    limits = np.exp([step, step - 1.96 * error, step + 1.96 * error])
    assert limits == pytest.approx(risk, abs=0.0006)


def test_card_and_krueger_from_their_cell_means():
    """Card & Krueger 1994, American Economic Review 84:772, table 3, row "change in mean FTE employment": .59 less -2.16 is 2.76 as printed (from
    unrounded means); the standard error is that of the two changes, .54 and 1.25."""
    panel, starts = np.array([[20.44, 21.03], [23.33, 21.17]]), np.array([1.0, np.nan])
    effect = difference_in_differences(panel, starts, 0.95)
    assert effect.value == pytest.approx(2.76, abs=0.011)
    assert np.isnan(effect.low)  # two units show no scatter
    units = np.random.default_rng(1).normal(size=(2, 300))
    samples = [(of_units - of_units.mean()) / of_units.std(ddof=1) * np.sqrt(300) for of_units in units]
    change = np.concatenate([0.59 + 0.54 * samples[0], -2.16 + 1.25 * samples[1]])
    stores = difference_in_differences(np.column_stack([np.zeros(600), change]), np.repeat([1.0, np.nan], 300), 0.95)
    assert stores.value == pytest.approx(2.75, abs=1e-9)
    assert stores.standard_error == pytest.approx(1.36, abs=0.005)


def minimum_wage() -> tuple[np.ndarray, np.ndarray]:
    """Teen employment (log) of 500 counties, 2003 to 2007, and the place of the year in which their minimum wage was raised.

    The data set `mpdta` of Callaway & Sant'Anna's R package `did`, a row for each county.
    """
    rows = pd.read_csv(MINIMUM_WAGE)
    starts = rows["first_treated"].where(rows["first_treated"] > 0) - 2003
    return rows[[str(year) for year in range(2003, 2008)]].to_numpy(), starts.to_numpy(float)


@pytest.mark.parametrize(
    ("raised", "effects", "errors"),
    [
        (2004, (-0.0105, -0.0704, -0.1373, -0.1008), (0.0237, 0.0330, 0.0404, 0.0364)),
        (2006, (-0.0046, -0.0412), (0.0162, 0.0203)),
        (2007, (-0.0261,), (0.0174,)),
    ],
)
def test_the_minimum_wage_has_the_group_time_effects_of_the_r_package(raised, effects, errors):
    """Callaway & Sant'Anna's package `did`, README: ATT(g, t) without covariates, and the standard errors.

    Those are the interquartile ranges of 1,000 bootstrap draws, with an error of 3.7 % themselves: three of these are allowed."""
    panel, starts = minimum_wage()
    of_group = np.isnan(starts) | (starts == raised - 2003)
    events = event_study(panel[of_group], starts[of_group], 0.95)
    found = [events[event] for event in range(len(effects))]
    assert [effect.value for effect in found] == pytest.approx(effects, abs=0.00006)
    assert [effect.standard_error for effect in found] == pytest.approx(errors, rel=0.111)


def test_the_minimum_wage_has_the_event_study_of_the_r_package():
    """The same source, `aggte(type = "dynamic")`: event times 0 to 3, and their mean -.0772."""
    events = event_study(*minimum_wage(), 0.95)
    found = [events[event].value for event in range(4)]
    assert found == pytest.approx((-0.0199, -0.0510, -0.1373, -0.1008), abs=0.00006)
    assert np.mean(found) == pytest.approx(-0.0772, abs=0.00006)
    assert [events[event].standard_error for event in range(4)] == pytest.approx(
        (0.0130, 0.0177, 0.0385, 0.0376), rel=0.1
    )


def test_the_minimum_wage_has_the_simple_effect_of_the_r_package():
    """The mean of the group-time effects above weighted by the counties (20, 40, 131) is the "simple" aggregate."""
    cells = {20: (-0.0105, -0.0704, -0.1373, -0.1008), 40: (-0.0046, -0.0412), 131: (-0.0261,)}
    weighted = sum(units * sum(of_group) for units, of_group in cells.items())
    total = sum(units * len(of_group) for units, of_group in cells.items())
    assert staggered_effect(*minimum_wage(), 0.95).value == pytest.approx(weighted / total, abs=0.0001)


def test_batting_averages_are_shrunken_as_published():
    """Efron & Morris 1977, Scientific American 236:119: 18 players' first 45 times at bat; shrinking factor .212, first and last values."""
    hits = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
    averages = hits / 45
    variance = averages.mean() * (1 - averages.mean()) / 45
    table = shrunk(averages, np.full(18, variance), 0.95)
    assert 1 - table["share"].iloc[0] == pytest.approx(0.212, abs=0.001)
    published = (0.294, 0.289, 0.285, 0.280, 0.275, 0.275, 0.270, 0.266, 0.261, 0.261)
    assert table["value"].iloc[:10].to_numpy() == pytest.approx(published, abs=0.0006)
    assert table["value"].iloc[-3:].to_numpy() == pytest.approx((0.251, 0.247, 0.242), abs=0.0006)
