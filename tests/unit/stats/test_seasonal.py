"""Season: the same as statsmodels' STL, to rounding."""

import numpy as np
import pytest
from statsmodels.tsa.seasonal import STL

from crmnb.stats.seasonal import deseasonalising_matrix


@pytest.mark.parametrize("months", [24, 30, 47, 60])
def test_it_subtracts_the_periodic_season_of_statsmodels(months):
    place = np.arange(months)
    series = 0.3 * place + 5 * np.sin(place / 12 * 2 * np.pi) + np.random.default_rng(months).normal(size=months)
    window = {"seasonal": 10**7 + 1, "seasonal_deg": 0, "trend": 19, "low_pass": 13}
    season = STL(series, period=12, **window).fit().seasonal
    np.testing.assert_allclose(deseasonalising_matrix(months) @ series, series - season, atol=1e-12)


def test_a_season_that_repeats_itself_is_removed_and_a_level_remains():
    season = np.array([3.0, 1, -2, 0, 4, -6, 2, -1, 0, 1, -3, 1])
    np.testing.assert_allclose(deseasonalising_matrix(36) @ (50 + np.tile(season, 3)), np.full(36, 50.0), atol=1e-9)


def test_fewer_than_two_seasons_are_left_as_they_are():
    np.testing.assert_array_equal(deseasonalising_matrix(23), np.eye(23))
