"""Times of cases: against simulation, a bootstrap of customers, and an estimator of statsmodels."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from crmnb.core.notes import Count
from crmnb.stats import case_times
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.clustered_kaplan_meier import clustered_curve, clustered_mean_error, restricted_mean
from crmnb.stats.models.kaplan_meier import kaplan_meier


def cases(customers: int, size: int, seed: int, alike: float = 1.0) -> pd.DataFrame:
    """Cases of customers that are alike, some censored."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(customers), size)
    own = np.exp(alike * rng.standard_normal(customers))[cluster]
    time, censored = own * rng.exponential(10, len(cluster)), rng.uniform(5, 80, len(cluster))
    frame = pd.DataFrame(
        {"duration": np.minimum(time, censored).round(2), "event": (time <= censored).astype(int), "fold": cluster}
    )
    return frame.groupby(["duration", "event", "fold"]).size().rename("n").reset_index()


def group(counts: pd.DataFrame, breakdown: str = "", customers: float | None = None) -> GroupedCounts:
    return GroupedCounts("current", breakdown, "", "", counts, customers or float(counts["fold"].nunique()))


CONTEXT = EstimationContext(0.95, {"horizon_hours": 40, "within": (("within 8 hours", 8),)})


def test_the_curve_is_that_of_statsmodels():
    counts = cases(40, 3, 1)
    rows = counts.loc[counts.index.repeat(counts["n"])]
    peer = SurvfuncRight(rows["duration"], rows["event"])
    for estimate, left in ((case_times.median, 0.5), (case_times.ninetieth_percentile, 0.1)):
        (row,) = estimate([group(counts)], CONTEXT).rows
        assert row["value"] == peer.surv_times[peer.surv_prob <= left + 1e-9][0]


def test_the_mean_of_cases_that_all_ended_is_the_mean():
    counts = pd.DataFrame({"duration": [1.0, 4.0, 100.0], "event": 1, "n": [2.0, 1.0, 1.0], "fold": [0, 1, 2]})
    (row,) = case_times.restricted_mean([group(counts)], CONTEXT).rows
    assert row["value"] == pytest.approx((1 + 1 + 4 + 40) / 4)


def test_errors_are_those_of_a_bootstrap_of_customers():
    counts, rng = cases(150, 4, 2), np.random.default_rng(5)
    arrays = [counts[name].to_numpy(float) for name in ("duration", "event", "n", "fold")]
    members = [np.flatnonzero(arrays[3] == customer) for customer in range(150)]
    means, shares = [], []
    for _ in range(400):
        rows = np.concatenate([members[at] for at in rng.integers(0, 150, 150)])
        curve = kaplan_meier(np.zeros(len(rows)), *(column[rows] for column in arrays[:3]))
        means.append(restricted_mean(curve, 40))
        shares.append(curve.table.loc[curve.table["time"] <= 8, "value"].iloc[-1])
    curve = clustered_curve(*arrays)
    error = curve.table.loc[curve.table["time"] <= 8, "standard_error"].iloc[-1]
    assert clustered_mean_error(curve, 40, *arrays) == pytest.approx(np.std(means), rel=0.12)
    assert error == pytest.approx(np.std(shares), rel=0.12)


def test_intervals_hold_the_truth_as_often_as_they_promise():
    large = cases(60_000, 3, 9).groupby(["duration", "event"], as_index=False)["n"].sum().assign(fold=0)
    alone = group(large, customers=180_000.0)
    (truth,) = (row["value"] for row in case_times.median([alone], CONTEXT).rows)
    (mean,) = (row["value"] for row in case_times.restricted_mean([alone], CONTEXT).rows)
    held = np.zeros(2)
    for seed in range(400):
        counts = group(cases(100, 3, 1000 + seed))
        for place, (estimate, value) in enumerate(((case_times.median, truth), (case_times.restricted_mean, mean))):
            (row,) = estimate([counts], CONTEXT).rows
            held[place] += row["low"] <= value <= row["high"]
    assert (held / 400 >= 0.92).all()
    assert (held / 400 <= 0.985).all()


def test_cases_without_a_time_are_left_out_and_counted():
    counts = cases(30, 2, 3)
    lost = pd.DataFrame({"duration": [1.0, 2.0], "event": 0, "n": [3.0, 1.0], "fold": [0, 1]})
    estimates = case_times.median([group(counts), group(lost, case_times.MISSING)], CONTEXT)
    assert len(estimates.rows) == 1
    (note,) = [note for note in estimates.notes if note.code == "cases_without_time"]
    assert note.values == {"cases": Count(4), "of": Count(counts["n"].sum() + 4)}


def test_a_quantile_that_is_not_reached_says_so():
    counts = pd.DataFrame({"duration": [1.0, 9.0], "event": [1, 0], "n": [1.0, 5.0], "fold": [0, 1]})
    (row,) = case_times.median([group(counts)], CONTEXT).rows
    assert np.isnan(row["value"])
    assert "quantile_of_cases_not_reached" in row["reason"]


def test_a_mean_beyond_what_was_followed_is_not_there():
    counts = pd.DataFrame({"duration": [1.0, 9.0], "event": [1, 0], "n": [1.0, 5.0], "fold": [0, 1]})
    (row,) = case_times.restricted_mean([group(counts)], CONTEXT).rows
    assert np.isnan(row["value"])
    assert "cases_followed_too_short" in row["reason"]


def test_points_do_not_part_fewer_cases_than_may_be_shown():
    counts = cases(200, 1, 4)
    context = EstimationContext(0.95, CONTEXT.settings, suppress_below=10)
    points = case_times.share_done([group(counts)], context).points
    came = counts[counts["event"] == 1]
    between = np.histogram(came["duration"], [point["x"] for point in points[1:]], weights=came["n"])[0]
    assert len(points) > 8
    assert (between >= 9).all()  # the last step holds both of its ends, the others the first alone
