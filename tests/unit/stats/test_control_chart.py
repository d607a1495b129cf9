"""Control charts: published examples, rules by pencil, and months simulated with and without a change."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.accuracy.control_charts import autocorrelated, plain_rates
from crmnb.stats import control_chart as charts
from crmnb.stats.control_chart import LEAST_MONTHS, control_chart, moving_range_sigma

# Montgomery 2009, example 6.5: costs of processing mortgage loan applications by week; mean 300.5, moving range 7.79, limits 279.78 and 321.22.
MONTGOMERY = [310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304]
# Wheeler, Making Sense of Data: in-process inventory by month; mean 20.39, moving range 4.7, limits 7.89 and 32.89.
WHEELER = [19, 27, 20, 16, 18, 25, 22, 24, 17, 25, 15, 17, 20, 22, 19, 16, 22, 19, 25, 22, 18, 20, 16, 17]
WHEELER += [20, 15, 27, 25, 17, 19, 28]
# NIST/SEMATECH e-Handbook, 6.3.2.2: flow rates; mean 50.81, limits 45.8159 and 55.8041.
NIST = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
ATTENDANCES = [280443, 276823, 291681, 296155, 282343, 275888]  # of Mohammed et al. 2013, BMJ Quality & Safety 22:362
WITHIN_FOUR_HOURS = [266501, 264225, 276532, 281461, 269071, 261215]


@pytest.mark.parametrize(
    ("series", "mean", "low", "high", "digits"),
    [
        (MONTGOMERY, 300.5, 279.78, 321.22, 2),
        (WHEELER, 20.39, 7.89, 32.89, 2),
        (NIST, 50.81, 45.8159, 55.8041, 4),
    ],
)
def test_moving_ranges_give_the_published_limits(series, mean, low, high, digits):
    series = np.array(series, float)
    reach = 3 * moving_range_sigma(series)
    limits = [series.mean(), series.mean() - reach, series.mean() + reach]
    assert [round(x, d) for x, d in zip(limits, (2, digits, digits), strict=True)] == [mean, low, high]


def test_a_chart_without_season_and_autocorrelation_is_the_published_one():
    chart = control_chart(MONTGOMERY)
    assert chart.autocorrelation == 0
    assert not chart.is_adjusted
    assert chart.centre[0] == pytest.approx(300.5)
    assert chart.sigma == pytest.approx(7.79 / 1.128, abs=0.005)
    reach = chart.width * chart.sigma
    np.testing.assert_allclose(chart.high, 300.5 + reach)
    np.testing.assert_allclose(chart.low, 300.5 - reach)
    assert chart.width == pytest.approx(3.0, abs=0.1)  # as in the book, if not a little wider
    assert not chart.months_marked.any()  # in control, as the book says


def test_sigma_z_of_rates_over_large_bases_by_pencil():
    """Laney 2002: z = (p - mean) / sqrt(mean (1 - mean) / n), sigma z = mean moving range of z / 1.128; here in plain Python."""
    n = ATTENDANCES * 2
    p = [r / m for r, m in zip(WITHIN_FOUR_HOURS * 2, n, strict=True)]
    mean = sum(WITHIN_FOUR_HOURS) / sum(ATTENDANCES)
    z = [(share - mean) / (mean * (1 - mean) / m) ** 0.5 for share, m in zip(p, n, strict=True)]
    sigma_z = sum(abs(b - a) for a, b in pairwise(z)) / (len(z) - 1) / 1.128
    chart = control_chart(p, n, kind="p")
    assert chart.autocorrelation == 0
    assert chart.centre[0] == pytest.approx(mean)
    assert chart.sigma == pytest.approx(sigma_z)
    assert sigma_z > 5  # a plain p chart would be far too narrow: the reason for Laney's
    assert chart.high[3] == pytest.approx(mean + chart.width * sigma_z * (mean * (1 - mean) / n[3]) ** 0.5)


def test_equal_bases_make_laneys_charts_the_individuals_chart():
    """Laney 2002: with one base the p' and u' charts are the XmR chart."""
    p = np.random.default_rng(3).normal(0.4, 0.03, 20)
    plain = control_chart(p)
    for kind in ("p", "u"):
        chart = control_chart(p, np.full(20, 5_000.0), kind=kind)
        np.testing.assert_allclose(chart.low, plain.low)
        np.testing.assert_allclose(chart.high, plain.high)


def test_rates_without_dispersion_beyond_the_binomial_have_a_sigma_z_of_one():
    rng = np.random.default_rng(11)
    n = rng.integers(3_000, 9_000, 60)
    for kind, counts in {"p": rng.binomial(n, 0.2), "u": rng.poisson(n * 0.02)}.items():
        chart = control_chart(counts / n, n, kind=kind, season=60)  # without season, as there is none
        assert chart.sigma == pytest.approx(1, abs=0.25)  # its standard error is about 0.1


# ---- Nelson's rules by pencil ----------------------------------------------------------------------------------------------


def test_a_point_beyond_the_limits_is_marked_by_rule_1():
    t = np.array([[0.5, -0.5, 3.01, -2.99, 0.5, -3.5]])
    assert charts._marks(t, 3.0, 9, 6)[0, 0].tolist() == [False, False, True, False, False, True]


def test_the_ninth_point_on_one_side_is_marked_by_rule_2_and_those_that_follow():
    t = np.array([[-1.0] + [0.3, 0.6] * 5 + [-0.2]])
    assert np.flatnonzero(charts._marks(t, 3.0, 9, 6)[1, 0]).tolist() == [9, 10]


def test_the_sixth_point_of_a_steady_rise_or_fall_is_marked_by_rule_3():
    t = np.array([[0.0, -0.5, -0.4, -0.3, -0.2, 0.1, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, 0.0]])
    assert np.flatnonzero(charts._marks(t, 3.0, 9, 6)[2, 0]).tolist() == [6, 11]
    level = np.zeros((1, 12))
    assert not charts._marks(level, 3.0, 99, 6)[2].any()  # neither rises nor falls


# ---- The whole chart ----------------------------------------------------------------------------------------------------------


def test_a_season_is_no_signal_and_a_shift_in_the_last_months_is_one():
    rng = np.random.default_rng(5)
    season = 10 * np.sin(np.arange(48) / 12 * 2 * np.pi)
    quiet = 50 + season + rng.normal(0, 1, 48)
    assert not control_chart(quiet).months_marked.any()
    moved = quiet + np.where(np.arange(48) >= 44, 8, 0)
    chart = control_chart(moved)
    assert chart.base == 36
    assert chart.months_marked[44:].any()
    assert not chart.months_marked[:44].any()
    assert chart.p_value < control_chart(quiet).p_value


def test_a_declared_change_begins_a_phase_of_its_own():
    rng = np.random.default_rng(6)
    series = np.r_[rng.normal(20, 1, 12), rng.normal(30, 1, 10)]
    chart = control_chart(series, phases=[12])
    assert chart.centre[0] == pytest.approx(series[:12].mean())
    assert chart.centre[-1] == pytest.approx(series[12:].mean())
    assert not chart.months_marked.any()


def test_a_signal_lasts_since_its_first_month():
    quiet = [10.2, 9.9, 10.1, 9.8, 10.3, 9.7, 10.0, 10.2, 9.9, 10.1, 9.8, 10.1]
    chart = control_chart([*quiet, *quiet[:3], 16.0])
    assert chart.rules_of_last == (1,)
    assert chart.since() == 15
    marks = np.zeros((3, 16), bool)
    marks[1, 14:] = True  # the ninth and tenth of a run that began with the seventh month
    run = type(chart)(**{**vars(chart), "marks": marks, "run": 9})
    assert run.since() == 6


@pytest.mark.parametrize("series", [[1.0] * 11, [1.0] * 24, [1.0, float("nan")] * 12])
def test_too_few_months_gaps_and_constants_have_no_chart(series):
    with pytest.raises(ValueError, match=f"{LEAST_MONTHS} months|does not vary"):
        control_chart(series)


# ---- No chart alarms more often than it says ----------------------------------------------------------------------------


@pytest.mark.parametrize("autocorrelation", [0.3, 0.6])
def test_months_without_a_change_are_marked_as_rarely_as_the_chart_says(autocorrelation):
    """A small version of benchmarks.accuracy.control_charts, whose plain chart shows what would be wrong."""
    series = autocorrelated(np.random.default_rng(17), 150, 24, autocorrelation)
    all_charts = [control_chart(values) for values in series]
    says = all_charts[0].chart_rates[autocorrelation]
    alarms = np.mean([chart.months_marked.any() for chart in all_charts])
    assert alarms <= says + 3 * np.sqrt(says * (1 - says) / len(series))
    assert alarms < plain_rates(series)["charts"] / 2
    assert sum(all_charts[0].alarm_rates.values()) / 3 < sum(charts.NOMINAL_RATES)
