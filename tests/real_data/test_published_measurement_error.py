"""Slopes with errors in x, and reliability, against published figures."""

import numpy as np
import pytest

from crmnb.stats.reliability import corrected_slope, reliability

# Fuller 1987, Measurement Error Models, table 1.2.1: corn yields and soil nitrogen of eleven sites; the error variance of nitrogen is 57.
YIELD = np.array([86, 115, 90, 86, 110, 91, 99, 96, 99, 104, 96], float)
NITROGEN = np.array([70, 97, 53, 64, 95, 64, 50, 70, 94, 69, 51], float)
ERROR = np.full(11, 57.0)


def test_the_corrected_slope_is_the_published_one():
    assert float(corrected_slope(NITROGEN, YIELD, ERROR)) == pytest.approx(0.4232, abs=5e-5)


def test_without_error_it_is_the_slope_of_least_squares():
    assert float(corrected_slope(NITROGEN, YIELD, 0 * ERROR)) == pytest.approx(np.polyfit(NITROGEN, YIELD, 1)[0])


def test_the_reliability_is_that_of_the_published_moments():
    assert float(reliability(NITROGEN, ERROR)) == pytest.approx((304.8545 - 57) / 304.8545, abs=1e-6)
