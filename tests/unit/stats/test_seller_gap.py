"""The gap between top and average sellers: a pencil count, SciPy's Welch, and no gap out of luck."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.seller_gap import AVERAGE, TOP, gaps, sides

CONTEXT = EstimationContext(level=0.95)


def group(before: list[float], done: list[float], breakdown: str = "call") -> GroupedCounts:
    sellers = [f"s{i}" for i in range(len(before))]
    counts = pd.DataFrame({"seller": sellers, "won_before": before, "quantity": done, "n": 1.0})
    return GroupedCounts("current", breakdown, "", "", counts, float(len(before)))


def test_the_gap_of_a_pencil_count_with_welchs_limits():
    # Twelve sellers by what they won before: the top three called 20, 24 and 28 times, the six in the middle 10 times on average.
    before = [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    done = [20, 24, 28, 9, 10, 11, 10, 8, 12, 0, 1, 2]
    (row,) = gaps([group(before, done)], CONTEXT).rows
    welch = stats.ttest_ind([20, 24, 28], [9, 10, 11, 10, 8, 12], equal_var=False).confidence_interval(0.95)
    assert row["value"] == 24 - 10
    assert (row["low"], row["high"]) == pytest.approx((welch.low, welch.high))
    assert row["n"] == 9
    assert row["flags"] == "beyond_chance"


def test_points_are_both_means_and_how_far_they_lie_from_the_mean_of_all_sellers():
    before = [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    done = [20, 24, 28, 9, 10, 11, 10, 8, 12, 0, 1, 2]
    points = gaps([group(before, done)], CONTEXT).points
    told = {point["breakdown"]: (point["level"], point["value"], point["x"]) for point in points}
    all_sellers, deviation = np.mean(done), np.std(done, ddof=1)
    assert told == {
        AVERAGE: ("call", 10.0, pytest.approx((10 - all_sellers) / deviation)),
        TOP: ("call", 24.0, pytest.approx((24 - all_sellers) / deviation)),
    }


def test_one_of_many_practices_must_be_further_apart_to_be_beyond_chance():
    """Alone it is (p = .02); as one of ten practices, of which the others tell nothing, it is not (Holm)."""
    before, equal = list(range(16)), [1.0, 2.0] * 8
    apart = [3.0, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6, 6, 6, 7, 5]
    p_value = stats.ttest_ind(apart[12:], apart[4:12], equal_var=False).pvalue
    assert 0.005 < p_value < 0.05
    (alone,) = gaps([group(before, apart)], CONTEXT).rows
    of_many = gaps([group(before, apart), *(group(before, equal, f"p{at}") for at in range(9))], CONTEXT).rows
    assert alone["flags"] == "beyond_chance"
    assert {row["flags"] for row in of_many} == {""}
    assert of_many[0]["low"] > 0


def test_nothing_is_told_of_the_difference_of_a_hidden_group():
    context = EstimationContext(level=0.95, suppress_below=10)
    before = [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    (row,) = gaps([group(before, [20, 24, 28, 9, 10, 11, 10, 8, 12, 0, 1, 2])], context).rows
    assert row["flags"] == ""


def test_equal_sellers_at_a_border_are_on_the_same_side():
    of = sides(group([9, 9, 9, 5, 5, 5, 5, 1, 1, 1], range(10)).counts)
    assert of.top.tolist() == [0, 1, 2]
    assert of.middle.tolist() == [3, 4, 5, 6]
    # Four share the upper half: none is in the top quarter alone.
    assert sides(group([5, 5, 5, 5, 1, 1, 1, 1], range(8)).counts) is None


def test_few_sellers_have_a_reason():
    (row,) = gaps([group([3, 2, 1], [1, 1, 1])], CONTEXT).rows
    assert np.isnan(row["value"])
    assert "too_few_sellers" in row["reason"]


def test_the_largest_difference_in_standard_deviations_is_first():
    before = list(range(16))
    clear = [0.0] * 12 + [10.0] * 4
    weak = [1000.0 * (i % 2) for i in range(15)] + [0.0]
    rows = gaps([group(before, weak, "visit"), group(before, clear, "call")], CONTEXT).rows
    assert [row["breakdown"] for row in rows] == ["call", "visit"]


def test_luck_makes_no_gap_but_to_choose_and_measure_in_one_period_does():
    """Sellers who are all alike: the interval holds 0 in 95 % of the samples, unless they are chosen by what is measured."""
    random = np.random.default_rng(1)
    held, held_in_one = [], []
    for _ in range(400):
        before, now = random.poisson(20.0, (2, 40))
        (row,) = gaps([group(before, now)], CONTEXT).rows
        (same,) = gaps([group(now, now)], CONTEXT).rows
        held.append(row["low"] <= 0 <= row["high"])
        held_in_one.append(same["low"] <= 0 <= same["high"])
    assert np.mean(held) >= 0.92
    assert np.mean(held_in_one) < 0.05
