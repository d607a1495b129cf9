"""Gaps between recurring events: against a loop over customers, against Kaplan & Meier, and a simulation whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from crmnb.stats.models import recurrent_gaps
from crmnb.stats.models.kaplan_meier import kaplan_meier

CLOSE = pytest.approx

# Three customers by pencil. A: gaps 2, 4, then open (dropped). B: gap 4, then open (dropped). C: none, open at 3.
# Weights: A 1/2 each, B 1, C 1. At 2: at risk 3, ended 1/2; at 4: at risk 3/2, all ended.
PENCIL = {"gap": [2, 4, 9, 4, 1, 3], "complete": [1, 1, 0, 1, 0, 0], "m": [2, 2, 2, 1, 1, 0], "n": [1] * 6}


def test_weighted_gaps_by_pencil():
    times, values, risk, ended = recurrent_gaps.survival(**PENCIL)
    assert times.tolist() == [2, 4]
    assert risk.tolist() == [3, 1.5]
    assert ended.tolist() == [0.5, 1.5]
    assert values.tolist() == CLOSE([5 / 6, 0])
    assert recurrent_gaps.quantile(**PENCIL) == 4
    assert recurrent_gaps.quantile(**PENCIL, p=0.1) == 2


def test_of_one_gap_each_the_curve_is_kaplan_and_meiers():
    draw = np.random.default_rng(1)
    gap, complete, n = draw.integers(1, 20, 80), draw.integers(0, 2, 80), draw.integers(1, 4, 80)
    curve = kaplan_meier(np.zeros(80), gap, complete, n).table
    times, values, risk, _ = recurrent_gaps.survival(gap, complete, complete, n)
    assert times == CLOSE(curve["time"].to_numpy())
    assert values == CLOSE(curve["value"].to_numpy(), abs=1e-12)
    assert risk == CLOSE(curve["at_risk"].to_numpy())


def customers(draw: np.random.Generator, size: int) -> pd.DataFrame:
    """Customers observed for 100 days from an order: one exponential pace each, gamma distributed; their gaps, the last one open."""
    pace = draw.gamma(1.0, 1 / 20, size)
    length = draw.exponential(size=(size, 400)) / pace[:, None]
    begin = np.cumsum(length, axis=1) - length
    row, number = np.nonzero(begin < 100)
    found = pd.DataFrame({"customer": row, "number": number, "gap": length[row, number], "begin": begin[row, number]})
    found["complete"] = (found["begin"] + found["gap"] <= 100).astype(int)
    found["gap"] = found["gap"].where(found["complete"] == 1, 100 - found["begin"])
    found["m"] = found.groupby("customer")["complete"].transform("sum")
    return found


# P(gap > t) = E exp(-pace t) = 1 / (1 + t / 20).
TRUE_MEDIAN = 20.0


def median_of(rows: pd.DataFrame) -> float:
    return recurrent_gaps.quantile(rows["gap"], rows["complete"], np.minimum(rows["complete"], 1), np.ones(len(rows)))


def test_weighted_gaps_find_the_true_median_where_pooled_gaps_and_complete_first_gaps_do_not():
    draw = np.random.default_rng(2)
    found = []
    for _ in range(40):
        rows = customers(draw, 500)
        first = rows[rows["number"] == 0]
        weighted = recurrent_gaps.quantile(rows["gap"], rows["complete"], rows["m"], np.ones(len(rows)))
        found.append([weighted, median_of(first), median_of(rows), first.loc[first["complete"] == 1, "gap"].median()])
    weighted, first, pooled, complete_first = np.mean(found, axis=0)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert weighted == CLOSE(TRUE_MEDIAN, abs=3 * error[0])
    assert first == CLOSE(TRUE_MEDIAN, abs=3 * error[1])  # by Kaplan & Meier right as well, but from fewer gaps:
    assert error[0] < 0.9 * error[1]
    assert pooled < 0.6 * TRUE_MEDIAN
    assert complete_first < 0.8 * TRUE_MEDIAN


def slowly(rows: pd.DataFrame, t: float) -> float:
    """The weighted curve at t, customer by customer, from the definition."""
    of = [part for _, part in rows.groupby("customer")]
    value = 1.0
    for s in np.unique(rows.loc[(rows["complete"] == 1) & (rows["gap"] <= t), "gap"]):
        risk = ended = 0.0
        for part in of:
            used = part[part["complete"] == 1] if part["complete"].any() else part
            risk += np.mean(used["gap"] >= s)
            ended += np.mean((used["gap"] == s) & (used["complete"] == 1))
        value *= 1 - ended / risk
    return value


def test_the_curve_is_that_of_a_loop_over_customers():
    rows = customers(np.random.default_rng(3), 40)
    rows["gap"] = np.ceil(rows["gap"] / 5)
    counts = rows.groupby(["gap", "complete", "m"]).size().rename("n").reset_index()
    times, values, _, _ = recurrent_gaps.survival(**counts)
    assert values == CLOSE([slowly(rows, t) for t in times])


def test_a_column_per_replicate_is_each_replicate_on_its_own():
    draw = np.random.default_rng(4)
    rows = customers(draw, 60)
    drawn = draw.multinomial(60, np.full(60, 1 / 60), 50).T[rows["customer"]]
    told = [rows["gap"], rows["complete"], rows["m"]]
    alone = [recurrent_gaps.quantile(*told, column) for column in drawn.T]
    assert recurrent_gaps.quantile(*told, drawn).tolist() == alone
    assert len(set(alone)) > 5


def test_a_median_that_is_not_reached_is_infinite_and_that_of_nobody_is_missing():
    assert recurrent_gaps.quantile([5, 9], [1, 0], [1, 0], [1, 3]) == np.inf
    assert recurrent_gaps.quantile([9], [0], [0], [3]) == np.inf
    assert np.isnan(recurrent_gaps.quantile([], [], [], []))
    assert recurrent_gaps.quantile([5, 9], [1, 0], [1, 0], [[1, 0, 3], [3, 0, 1]]).tolist() == CLOSE(
        [np.inf, np.nan, 5], nan_ok=True
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gap": [2, -4]}, "negative"),
        ({"gap": [2, np.nan]}, "missing"),
        ({"m": [1]}, "one length"),
        ({"m": [0, 0]}, "m is to be 1 or more"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        recurrent_gaps.survival(**{"gap": [2, 4], "complete": [1, 0], "m": [1, 0], "n": [1, 1]} | change)
