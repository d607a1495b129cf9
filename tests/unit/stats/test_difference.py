"""The difference of two estimates: against scipy, statsmodels and the paired formulas, and its p-value against itself."""

import numpy as np
import pandas as pd
import pytest
from estimating import COLUMNS, change, share
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from crmnb.stats.moments import difference


def mean(values, level: float = 0.95) -> pd.DataFrame:
    """A mean with its t interval."""
    values = np.asarray(values, dtype=float)
    interval = DescrStatsW(values).tconfint_mean(1 - level)
    return pd.DataFrame([[values.mean(), *interval, float(len(values))]], columns=COLUMNS)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_two_shares_have_newcombes_interval_of_statsmodels(level):
    for (k1, n1), (k2, n2) in [((9, 14), (3, 5)), ((0, 10), (0, 20)), ((50, 100), (70, 90)), ((1, 2), (998, 999))]:
        told = change(share(k1, n1, level), share(k2, n2, level), level=level)
        by_statsmodels = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff", alpha=1 - level)
        assert (told["low"], told["high"]) == pytest.approx(by_statsmodels, abs=1e-12)
        assert told["change"] == k1 / n1 - k2 / n2


def test_two_shares_of_the_same_people_have_newcombes_paired_interval():
    # Both 40, now only 15, before only 5, neither 20 of 80. Newcombe 1998, Statistics in Medicine 17:2635, method 8.
    a, b, c, d = 40, 15, 5, 20
    phi = (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    (l1, u1), (l2, u2) = (proportion_confint(k, 80, 0.05, "wilson") for k in (a + b, a + c))
    p1, p2 = 55 / 80, 45 / 80
    low = p1 - p2 - np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = p1 - p2 + np.sqrt((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2)
    told = change(share(55, 80), share(45, 80), phi)
    assert (told["low"], told["high"]) == pytest.approx((low, high))
    apart = change(share(55, 80), share(45, 80))
    assert told["high"] - told["low"] < apart["high"] - apart["low"]
    assert told["p_value"] < 0.05 < apart["p_value"]


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_two_means_have_welchs_interval_and_p_value(level):
    rng = np.random.default_rng(8)
    for n1, n2 in [(3, 4), (12, 30), (200, 7)]:
        now, before = rng.normal(52, 10, n1), rng.normal(45, 3, n2)
        told = change(mean(now, level), mean(before, level), level=level, symmetric=True)
        welch = CompareMeans(DescrStatsW(now), DescrStatsW(before))
        assert (told["low"], told["high"]) == pytest.approx(welch.tconfint_diff(1 - level, usevar="unequal"))
        assert told["p_value"] == pytest.approx(stats.ttest_ind(now, before, equal_var=False).pvalue)


def test_two_means_of_the_same_people_have_the_paired_standard_error():
    rng = np.random.default_rng(9)
    who = rng.normal(50, 10, 60)
    now, before = who + rng.normal(2, 4, 60), who + rng.normal(0, 4, 60)
    told = change(mean(now), mean(before), np.corrcoef(now, before)[0, 1], symmetric=True)
    paired = stats.ttest_rel(now, before)
    # Welch has more degrees of freedom than the 59 of the pairs; the standard error is the same.
    s1, s2 = now.var(ddof=1), before.var(ddof=1)
    df = 59 * (s1 + s2) ** 2 / (s1**2 + s2**2)
    half = stats.t.ppf(0.975, df) * paired.statistic**-1 * (now - before).mean()
    assert told["high"] - told["change"] == pytest.approx(half)
    assert told["p_value"] == pytest.approx(paired.pvalue, rel=0.2)


def test_an_interval_cut_off_at_the_end_of_the_scale_is_compared_by_its_other_arm():
    now, before = mean([95, 100, 100, 90]), mean([80, 85, 90, 95])
    cut = now.assign(high=now["high"].clip(upper=100))
    assert now["high"][0] > 100
    pd.testing.assert_series_equal(change(cut, before, symmetric=True), change(now, before, symmetric=True))


def test_nothing_changed_is_no_evidence_of_a_change():
    assert change(share(9, 14), share(9, 14))["p_value"] == 1
    assert change(mean([1, 2, 3]), mean([1, 2, 3]), symmetric=True)["p_value"] == pytest.approx(1)


@pytest.mark.parametrize("symmetric", [False, True])
def test_without_an_interval_there_is_a_change_and_no_more(symmetric):
    bare = pd.DataFrame([[3.0, np.nan, np.nan, 1.0]], columns=COLUMNS)
    for told in (
        change(mean([1, 2, 6]), bare, symmetric=symmetric),
        change(bare, mean([1, 2, 6]), symmetric=symmetric),
    ):
        assert told["change"] == 0
        assert told[["low", "high", "p_value"]].isna().all()


def test_rows_are_compared_each_with_its_own():
    now, before = pd.concat([share(9, 14), share(3, 40)]), pd.concat([share(3, 5), share(20, 41)])
    now.index = before.index = ["North", "South"]
    told = difference(now, before, pd.Series(0.0, now.index), 0.95, False)
    apart = [change(share(9, 14), share(3, 5)), change(share(3, 40), share(20, 41))]
    assert told.index.tolist() == ["North", "South"]
    pd.testing.assert_frame_equal(told.reset_index(drop=True), pd.DataFrame(apart).reset_index(drop=True))


TWO_SHARES = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@settings(deadline=None)
@given(TWO_SHARES, st.floats(-0.9, 0.9), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_p_value_and_the_interval_never_disagree(counts, correlation, level):
    k1, n1, k2, n2 = counts
    told = change(share(k1, n1, level), share(k2, n2, level), correlation, level)
    apart = told["low"] > 1e-9 or told["high"] < -1e-9
    touching = min(abs(told["low"]), abs(told["high"])) <= 1e-9
    assert touching or apart == (told["p_value"] < 1 - level)


@settings(deadline=None)
@given(TWO_SHARES, st.floats(-0.9, 0.9))
def test_turned_round_it_is_the_same_with_the_other_sign(counts, correlation):
    k1, n1, k2, n2 = counts
    there = change(share(k1, n1), share(k2, n2), correlation)
    back = change(share(k2, n2), share(k1, n1), correlation)
    assert [back["change"], back["low"], back["high"]] == pytest.approx(
        [-there["change"], -there["high"], -there["low"]]
    )
    assert back["p_value"] == pytest.approx(there["p_value"])
