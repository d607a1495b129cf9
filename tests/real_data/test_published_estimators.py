"""Published figures: what books, papers and reference data print of today's estimators."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from estimating import change, ends, infer, share, statistics
from nist_univariate import CERTIFIED
from reducing import reduced
from scipy import stats

from crmnb.metrics.estimators import net_promoters, proportion
from crmnb.stats.models.clustered_regression import regression
from crmnb.stats.models.empirical_bayes import shrunken

pytestmark = pytest.mark.published

PROMOTERS_20_PASSIVES_8_DETRACTORS_8 = [1] * 20 + [0] * 8 + [-1] * 8


def test_nps_standard_error_of_20_8_8():
    # The variance of one answer is p + d - (p - d)^2.
    frame = statistics(PROMOTERS_20_PASSIVES_8_DETRACTORS_8)
    assert 100 * infer(net_promoters, frame)["value"] == pytest.approx(33.33, abs=0.005)
    assert 100 * np.sqrt(frame["ss"][0]) / frame["n"][0] == pytest.approx(13.608, abs=0.0005)


def test_nps_adjusted_wald_of_20_8_8():
    low, high = (100 * end for end in ends(infer(net_promoters, statistics(PROMOTERS_20_PASSIVES_8_DETRACTORS_8))))
    assert (low + high) / 2 == pytest.approx(30.769, abs=0.0005)
    assert (low, high) == pytest.approx((5.24, 56.30), abs=0.005)


def _covered(low, high, n: int, p: float) -> float:
    k = np.arange(n + 1)
    return stats.binom.pmf(k, n, p)[(low <= p) & (p <= high)].sum()


def test_csat_of_92_percent_from_10_answers_wald_covers_56_0_and_wilson_96_0():
    k, n = np.arange(11), 10
    p = k / n
    half = stats.norm.ppf(0.975) * np.sqrt(p * (1 - p) / n)
    assert 100 * _covered(p - half, p + half, n, 0.92) == pytest.approx(56.0, abs=0.05)
    ours = [ends(infer(proportion, statistics([1] * yes + [0] * (n - yes)))) for yes in k]
    low, high = np.transpose(ours)
    assert 100 * _covered(low, high, n, 0.92) == pytest.approx(96.0, abs=0.05)


# Newcombe 1998, Statistics in Medicine 17:873, Table II, method 10 (hybrid score), examples (a) to (h).
NEWCOMBE = {
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (0, 10, 0, 10): (-0.2775, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0000),
    (10, 10, 0, 10): (0.6075, 1.0000),
}


@pytest.mark.parametrize("counts", NEWCOMBE, ids=str)
def test_newcombe_1998_table_ii_method_10(counts):
    k1, n1, k2, n2 = counts
    told = change(share(k1, n1), share(k2, n2))
    assert (told["low"], min(told["high"], 1)) == pytest.approx(NEWCOMBE[counts], abs=5e-5)


@pytest.mark.parametrize("name", CERTIFIED)
def test_nist_strd_univariate_through_the_engines_reduction(name):
    values, mean, deviation = CERTIFIED[name]
    found = reduced(pd.DataFrame({"value": values})).iloc[0]
    # NumAcc4 (higher difficulty) keeps eight digits: its numbers, as doubles, are no nearer to those that NIST prints.
    digits = 8 if name == "NumAcc4" else 9
    assert found["num"] / found["den"] == pytest.approx(float(mean), rel=10**-13)
    assert np.sqrt(found["ss"] / (found["n"] - 1)) == pytest.approx(deviation, rel=10**-digits)


def test_nist_numacc3_as_money_keeps_nine_digits():
    values, mean, deviation = CERTIFIED["NumAcc3"]
    found = reduced(pd.DataFrame({"value": values}), types={"value": "decimal(18, 4)"}).iloc[0]
    assert found["num"] == float(1001 * Decimal(mean))
    assert np.sqrt(found["ss"] / 1000) == pytest.approx(deviation, rel=1e-9)


# Efron & Morris 1977, Scientific American 236(5):119: batting averages of 18 players after 45 at bats in 1970, and James & Stein's estimates.
BATTED = (0.400, 0.378, 0.356, 0.333, 0.311, 0.311, 0.289, 0.267, 0.244, 0.244, *[0.222] * 5, 0.200, 0.178, 0.156)
JAMES_STEIN = (0.294, 0.289, 0.285, 0.280, 0.275, 0.275, 0.270, 0.266, 0.261, 0.261, *[0.256] * 5, 0.251, 0.247, 0.242)


def test_batting_averages_shrunken_towards_their_mean():
    hits = np.round(np.array(BATTED) * 45) / 45
    mean = hits.mean()
    of = shrunken(hits, np.full(18, mean * (1 - mean) / 45))
    assert of.mean == pytest.approx(0.265, abs=0.0005)
    assert 1 - of.moved == pytest.approx(np.full(18, 0.212), abs=0.0055)  # they take the variance from a transformation
    assert of.estimates == pytest.approx(JAMES_STEIN, abs=0.0015)


# NIST Statistical Reference Datasets, linear regression: Norris (y, x), and the certified coefficients.
NORRIS = """
0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3 449.1 448.6 778.9 777.0 559.2 558.2 0.3 0.4
0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5 10.8 11.6 557.7 556.0 228.3 228.1 998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3
0.6 0.3 557.6 556.8 339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1 449.2 448.9 0.2 0.5
"""


def test_norris_regression_of_nist():
    y, x = np.array(NORRIS.split(), float).reshape(-1, 2).T
    columns = np.stack([np.ones(36), x], axis=1)
    fit = regression(np.einsum("ci,cj->cij", columns, columns), columns * y[:, None], 36.0)
    assert fit.coefficients == pytest.approx((-0.262323073774029, 1.00211681802045), rel=1e-9)
