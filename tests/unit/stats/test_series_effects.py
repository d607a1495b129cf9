"""Effects in single series against statsmodels at equal parameters, and against simulations with a known effect."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.tsa.statespace.structural import UnobservedComponents

from crmnb.stats.series_effects import (
    WEAK_PRIOR,
    LevelPrior,
    counterfactual,
    harmonics,
    level_change,
    log_linear_counts,
)


def test_the_counterfactual_at_known_variances_is_the_kalman_filters():
    """A prior that leaves one point of the grid, against UnobservedComponents with these variances and diffuse coefficients."""
    random = np.random.default_rng(1)
    control = random.normal(size=50).cumsum()
    series = 5 + 2 * control + random.normal(size=50).cumsum() * 0.3 + random.normal(size=50)
    sharp = LevelPrior(0.05, 1e7, 0.2, 1e7)
    ours = counterfactual(series, control[:, None], 40, sharp)
    assert len(ours.average.weights) < 10
    grid = np.exp(np.linspace(np.log(1e-3), np.log(2), 60))
    noises = np.exp(np.linspace(np.log(0.02), np.log(2), 40))
    sd = series[:40].std(ddof=1)
    level, noise = (
        (sd * grid[np.argmin(abs(np.log(grid / 0.05)))]) ** 2,
        (sd * noises[np.argmin(abs(np.log(noises / np.sqrt(0.2))))]) ** 2,
    )
    model = UnobservedComponents(series[:40], "llevel", exog=control[:40], mle_regression=False)
    forecast = model.filter([noise, level]).get_forecast(10, exog=control[40:])
    assert ours.expected == pytest.approx(forecast.predicted_mean, abs=2e-3)
    scales = [effect.scales[np.argmax(effect.weights)] for effect in ours.effects]
    assert np.square(scales) == pytest.approx(forecast.var_pred_mean, rel=5e-3)


def test_accumulated_effects_add_up():
    random = np.random.default_rng(2)
    series = random.normal(size=40) + 8
    ours = counterfactual(series, np.empty((40, 0)), 30, WEAK_PRIOR)
    assert ours.accumulated[-1].mean == pytest.approx(sum(effect.mean for effect in ours.effects))
    assert ours.average.mean == pytest.approx(ours.accumulated[-1].mean / 10)


def test_the_level_change_without_autocorrelation_is_nearly_that_of_least_squares():
    random = np.random.default_rng(3)
    time = np.arange(400)
    design = np.column_stack([np.ones(400), time, time >= 200])
    series = design @ (1, 0.01, 0.8) + random.normal(size=400)
    fit = sm.OLS(series, design).fit()
    ours = level_change(series, design)
    assert ours.mean == pytest.approx(fit.params[-1], abs=0.3 * fit.bse[-1])


def test_the_level_change_at_a_known_autocorrelation_is_that_of_generalised_least_squares():
    """Each point of the grid is one: that of .5 against statsmodels' GLS."""
    random = np.random.default_rng(4)
    design = np.column_stack([np.ones(30), np.arange(30), np.arange(30) >= 20])
    series = random.normal(size=30)
    rho = np.linspace(-0.5, 0.98, 75)[50]
    covariance = rho ** np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    fit = sm.GLS(series, design, sigma=covariance).fit()
    ours = level_change(series, design)
    assert ours.centres[50] == pytest.approx(fit.params[-1], abs=1e-8)
    assert ours.scales[50] == pytest.approx(fit.bse[-1], rel=1e-6)


def test_log_linear_counts_are_those_of_statsmodels():
    random = np.random.default_rng(5)
    design = np.column_stack([np.ones(60), harmonics(np.arange(60), 12, 1), np.arange(60) >= 40])
    exposure = random.uniform(50, 100, 60)
    counts = random.poisson(exposure * 0.2).astype(float)
    fit = sm.GLM(counts, design, family=sm.families.Poisson(), offset=np.log(exposure)).fit(scale="X2")
    ours = log_linear_counts(counts, design, exposure)
    assert ours.coefficients == pytest.approx(fit.params, abs=1e-8)
    assert np.sqrt(np.diag(ours.covariance) * ours.dispersion) == pytest.approx(fit.bse, rel=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_the_interval_of_a_level_change_holds_it_at_its_rate(rho):
    """Of 200 series of 36 months; least squares would hold it in two of three at .6."""
    random = np.random.default_rng(int(10 * rho))
    design = np.column_stack([np.ones(36), np.arange(36), np.arange(36) >= 24])
    held = 0
    for _ in range(200):
        noise = random.normal(size=60)
        for time in range(1, 60):
            noise[time] += rho * noise[time - 1]
        low, high = level_change(design @ (5, 0.1, 2) + noise[24:], design).interval(0.95)
        held += low <= 2 <= high
    assert held / 200 == pytest.approx(0.95, abs=0.06)
