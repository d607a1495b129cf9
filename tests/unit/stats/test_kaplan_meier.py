"""Survival from counts: against statsmodels on rows written out, slower routes, pencil, and simulations whose truth is known."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight, survdiff

from crmnb.stats.models.kaplan_meier import (
    at,
    at_risk,
    cumulative_incidence,
    kaplan_meier,
    logrank,
    observed_ages,
    quantile,
    steps,
)

CLOSE = pytest.approx


def sample(seed: int, late: bool, size: int = 60) -> tuple[np.ndarray, ...]:
    """Entry, duration, cause (0, 1, 2) and count, with many ties."""
    draw = np.random.default_rng(seed)
    duration = draw.integers(1, 15, size)
    entry = duration - np.minimum(draw.integers(1, 15, size), duration) if late else np.zeros(size, int)
    return entry, duration, draw.choice(3, size, p=(0.3, 0.5, 0.2)), draw.integers(0, 5, size)


def written_out(entry, duration, cause, n) -> list[np.ndarray]:
    return [np.repeat(column, n) for column in (entry, duration, cause)]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_kaplan_meier_from_counts_is_that_of_statsmodels_on_the_rows(seed, late):
    entry, duration, cause, n = sample(seed, late)
    ours = kaplan_meier(entry, duration, cause == 1, n).table
    rows = written_out(entry, duration, cause, n)
    theirs = SurvfuncRight(rows[1], (rows[2] == 1).astype(int), entry=rows[0] if late else None)
    assert ours["time"].to_numpy() == CLOSE(theirs.surv_times)
    assert ours["value"].to_numpy() == CLOSE(theirs.surv_prob, rel=1e-12, abs=1e-15)
    assert ours["at_risk"].to_numpy() == CLOSE(theirs.n_risk)
    assert ours["events"].to_numpy() == CLOSE(theirs.n_events)
    some = theirs.surv_prob > 0
    assert ours["standard_error"].to_numpy()[some] == CLOSE(theirs.surv_prob_se[some], rel=1e-10)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("groups", [2, 3])
def test_logrank_from_counts_is_that_of_statsmodels_on_the_rows(groups, late):
    entry, duration, cause, n = sample(groups, late, 200)
    group = np.random.default_rng(9).integers(0, groups, len(n))
    event = cause == 1
    chi2, df, p = logrank([tuple(a[group == g] for a in (entry, duration, event, n)) for g in range(groups)])
    rows = written_out(entry, duration, event.astype(int), n)
    theirs = survdiff(rows[1], rows[2], np.repeat(group, n), entry=rows[0] if late else None)
    assert (chi2, p) == CLOSE(theirs, rel=1e-9)
    assert df == groups - 1


def slowly(entry, duration, cause, of: int, t: float) -> tuple[float, float]:
    """Incidence of a cause until t and its variance, from the definitions, a loop over times in a loop over times."""

    def incidence(until):
        total, alive = 0.0, 1.0
        for s in np.unique(duration[(cause > 0) & (duration <= until)]):
            risk = np.sum((entry < s) & (duration >= s))
            total += alive * np.sum((duration == s) & (cause == of)) / risk
            alive *= 1 - np.sum((duration == s) & (cause > 0)) / risk
        return total, alive

    variance, alive, now = 0.0, 1.0, incidence(t)[0]
    for s in np.unique(duration[(cause > 0) & (duration <= t)]):
        risk, went = np.sum((entry < s) & (duration >= s)), np.sum((duration == s) & (cause > 0))
        caused, ahead = np.sum((duration == s) & (cause == of)), now - incidence(s)[0]
        variance += ahead**2 * went / (risk * (risk - went)) if risk > went else 0.0
        variance += alive**2 * (risk - caused) * caused / risk**3 - 2 * ahead * alive * caused / risk**2
        alive = incidence(s)[1]
    return now, variance


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("of", [1, 2])
def test_cumulative_incidence_is_that_of_loops_over_rows(of, late):
    counts = sample(4, late)
    told = cumulative_incidence(*counts, of=of).table
    entry, duration, cause = written_out(*counts)
    entry = np.where(entry > 0, entry, -1)
    expected = [slowly(entry, duration, cause, of, t) for t in told["time"]]
    assert told["value"].to_numpy() == CLOSE([value for value, _ in expected], rel=1e-12)
    assert told["standard_error"].to_numpy() ** 2 == CLOSE([max(v, 0.0) for _, v in expected], rel=1e-9, abs=1e-15)


def test_cumulative_incidence_is_that_of_statsmodels():
    counts = sample(5, late=False)
    _, duration, cause = written_out(*counts)
    theirs = CumIncidenceRight(duration, cause)
    for of in (1, 2):
        ours = cumulative_incidence(*counts, of=of).table
        common = np.isin(theirs.times, ours["time"])  # theirs has rows where nothing but a censoring happens
        assert ours["value"].to_numpy() == CLOSE(theirs.cinc[of - 1][common], rel=1e-12)
        assert ours["standard_error"].to_numpy() == CLOSE(theirs.cinc_se[of - 1][common], rel=1e-9)


def test_incidence_of_whom_nobody_lost_sight_is_the_share_with_its_binomial_error():
    draw = np.random.default_rng(1)
    duration, cause = draw.integers(1, 20, 300), draw.choice((1, 2), 300)
    for row in cumulative_incidence(np.zeros(300), duration, cause, np.ones(300)).table.itertuples():
        share = np.mean((duration <= row.time) & (cause == 1))
        assert row.value == CLOSE(share)
        assert row.standard_error == CLOSE(np.sqrt(share * (1 - share) / 300))


def test_incidence_without_a_competing_cause_is_one_less_survival_with_greenwoods_error():
    entry, duration, cause, n = sample(6, late=True)
    alive = kaplan_meier(entry, duration, cause == 1, n).table
    gone = cumulative_incidence(entry, duration, np.where(cause == 1, 1, 0), n).table
    assert gone["value"].to_numpy() == CLOSE(1 - alive["value"].to_numpy())
    some = alive["value"].to_numpy() > 0
    assert gone["standard_error"].to_numpy()[some] == CLOSE(alive["standard_error"].to_numpy()[some], rel=1e-8)


def test_one_less_kaplan_meier_overstates_what_competes_19_3_for_a_true_10_3_percent():
    draw, size = np.random.default_rng(8), 200_000
    won, lost = draw.exponential(1 / 0.2144, size), draw.exponential(1 / 1.4876, size)
    duration, cause = np.minimum(np.minimum(won, lost), 1.0), np.where(won < lost, 1, 2)
    cause[duration == 1.0] = 0
    counts = np.zeros(size), duration, cause, np.ones(size)
    truth = 0.2144 / (0.2144 + 1.4876) * (1 - np.exp(-0.2144 - 1.4876))
    told = at(cumulative_incidence(*counts), [1.0]).loc[0]
    assert truth == CLOSE(0.103, abs=5e-4)
    assert told["low"] < truth < told["high"]
    wrong = at(kaplan_meier(counts[0], duration, cause == 1, counts[3]), [1.0])["value"][0]
    assert 1 - wrong == CLOSE(0.193, abs=2e-3)


# Six customers by pencil: events at 2 (two of six), 4 (one of three), 7 (the last one); censored at 2 and 5.
PENCIL = ([0] * 6, [2, 2, 2, 4, 5, 7], [1, 1, 0, 1, 0, 1], [1] * 6)


def test_survival_by_pencil():
    table = kaplan_meier(*PENCIL).table
    assert list(table["time"]) == [2, 4, 7]
    assert list(table["at_risk"]) == [6, 3, 1]
    assert list(table["events"]) == [2, 1, 1]
    assert list(table["value"]) == CLOSE([2 / 3, 4 / 9, 0])
    assert table["standard_error"][1] == CLOSE(4 / 9 * np.sqrt(2 / 24 + 1 / 6))


def test_the_band_is_undefined_before_the_first_event_and_ends_at_0_with_the_last():
    told = at(kaplan_meier(*PENCIL), [0, 1.9, 2, 4, 6.9, 7, 100])
    assert list(told["value"]) == CLOSE([1, 1, 2 / 3, 4 / 9, 4 / 9, 0, 0])
    assert told["low"].isna().tolist() == [True, True] + [False] * 5
    assert told.loc[5, "low"] == 0
    assert told.loc[5, "high"] == told.loc[4, "high"]


def test_beyond_the_last_time_observed_nothing_is_known():
    told = at(kaplan_meier([0, 0], [3, 9], [1, 0], [1, 1]), [9, 9.1])
    assert told["value"].tolist() == CLOSE([0.5, np.nan], nan_ok=True)


def test_a_customer_who_leaves_on_the_first_day_was_at_risk():
    table = steps([0, 0], [0, 5], [1, 1], [1, 3])
    assert table.to_numpy().tolist() == [[0, 4, 1], [5, 3, 3]]


def test_of_an_event_and_a_censoring_at_one_time_the_event_comes_first():
    assert steps([0, 0], [5, 5], [1, 0], [1, 1])["at_risk"].tolist() == [2]


def test_late_entry_counts_from_after_the_entry():
    assert at_risk([3, 4, 9, 10], [0, 3], [9, 9], [1, 1]).tolist() == [1, 2, 2, 0]


def test_a_median_may_not_be_reached_and_neither_may_its_limits():
    curve = kaplan_meier([0, 0], [5, 9], [1, 0], [20, 80])
    assert quantile(curve) == (np.inf, np.inf, np.inf)
    assert quantile(kaplan_meier(*PENCIL))[0] == 4
    assert quantile(curve, 0.2)[0] == 5


def test_a_survival_of_one_half_is_the_median_in_spite_of_rounding():
    times = np.arange(1, 101)
    assert quantile(kaplan_meier(np.zeros(100), times, np.ones(100), np.ones(100)))[0] == 50


def test_limits_of_the_median_invert_the_band():
    entry, duration, cause, n = sample(1, late=False)
    curve = kaplan_meier(entry, duration, cause == 1, n)
    _, low, high = quantile(curve)
    assert low == curve.table["time"][curve.table["low"] <= 0.5].iloc[0]
    assert high == curve.table["time"][curve.table["high"] <= 0.5].iloc[0]


# The one whom observation began with goes at 2, when the others have not entered.
EMPTIED = ([0, 3, 3, 4], [2, 6, 9, 9], [1, 1, 0, 0], [1, 1, 1, 1])


def test_a_risk_set_that_runs_empty_is_told_and_the_curve_can_begin_after_it():
    curve = kaplan_meier(*EMPTIED)
    assert curve.table["value"].iloc[0] == 0
    assert curve.emptied == 3
    begun = kaplan_meier(*EMPTIED, start=3)
    assert begun.emptied is None
    assert begun.table["value"].tolist() == CLOSE([2 / 3])
    assert at(begun, [2, 3])["value"].tolist() == CLOSE([np.nan, 1], nan_ok=True)


@pytest.mark.parametrize(
    ("entry", "duration", "event", "emptied"),
    [
        ([0, 0], [3, 9], [1, 1], None),
        ([0, 2], [3, 9], [1, 1], None),  # somebody is always there
        ([0, 5], [3, 9], [0, 1], 5),  # nobody is there from 3 to 5, and nobody went
        ([4, 5], [6, 9], [1, 1], 4),  # nobody is there before 4
        ([0, 3], [3, 9], [1, 1], 3),  # whoever was there went at 3, when the next enters
        ([0, 3], [3, 9], [0, 1], None),  # the next enters as the other is lost from sight
        ([1, 3, 7], [2, 5, 9], [1, 0, 1], 7),  # twice: the last time counts
    ],
)
def test_when_a_risk_set_runs_empty(entry, duration, event, emptied):
    assert kaplan_meier(entry, duration, event, np.ones(len(entry))).emptied == emptied


def test_a_logrank_test_of_groups_never_at_risk_together_says_nothing():
    chi2, df, p = logrank([([0], [3], [1], [5]), ([4], [9], [1], [5])])
    assert df == 0
    assert np.isnan([chi2, p]).all()


def test_two_equal_groups_do_not_differ():
    assert logrank([PENCIL, PENCIL]) == CLOSE((0, 1, 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"entry": [0, 9]}, "never at risk"),
        ({"duration": [5, -1]}, "negative"),
        ({"duration": [5, np.nan]}, "missing"),
        ({"n": [1, -1]}, "negative"),
        ({"n": [1]}, "one length"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(change, reason):
    given = {"entry": [0, 0], "duration": [5, 9], "event": [1, 0], "n": [1, 1]} | change
    with pytest.raises(ValueError, match=reason):
        kaplan_meier(**given)


def test_nobody_gives_an_empty_curve():
    curve = kaplan_meier([], [], [], [])
    assert curve.table.empty
    assert np.isnan(at(curve, [1])["value"][0])
    assert quantile(curve)[0] == np.inf


# Weibull lives with shape 1.5 and median 1; exponential censoring, by the rate at which this share of lives is censored.
@pytest.mark.parametrize(("censored", "rate"), [(0.2, 0.2041), (0.6, 1.0028)])
def test_coverage_of_100_weibull_lives(censored, rate):
    draw, samples, size = np.random.default_rng(7), 1_000, 100
    lives = draw.weibull(1.5, (samples, size)) / np.log(2) ** (1 / 1.5)
    ends = draw.exponential(1 / rate, (samples, size))
    assert np.mean(ends < lives) == CLOSE(censored, abs=0.01)
    survival, median = 0, 0
    for life, end in zip(lives, ends, strict=True):
        curve = kaplan_meier(np.zeros(size), np.minimum(life, end), life <= end, np.ones(size))
        told = at(curve, [1.0]).loc[0]
        survival += told["low"] <= 0.5 <= told["high"]
        _, low, high = quantile(curve)
        median += low <= 1.0 <= high
    assert 0.93 <= survival / samples <= 0.97
    assert 0.93 <= median / samples <= 0.97


def written_by_hand(entry, duration, event, start: float, last: float) -> list[tuple[float, float]]:
    """Kaplan and Meier's product over ages, row by row, of those still there after the start."""
    left, steps_of = 1.0, []
    for age in sorted({d for d, e in zip(duration, event, strict=True) if e and start < d <= last}):
        at_age = [(s, d, e) for s, d, e in zip(entry, duration, event, strict=True) if (s < age or s == 0) and d >= age]
        left *= 1 - sum(d == age and e for _, d, e in at_age) / len(at_age)
        steps_of.append((age, left))
    return steps_of


@pytest.mark.parametrize("seed", range(4))
def test_the_curve_over_the_observed_ages_is_that_of_rows_written_out(seed: int):
    draw = np.random.default_rng(seed)
    entry = np.where(draw.random(80) < 0.4, 0, draw.integers(0, 60, 80))
    duration = entry + draw.integers(1, 40, 80)
    event = draw.random(80) < 0.6
    start, last = observed_ages(entry, duration, event, np.ones(80), 10, 5)
    table = kaplan_meier(entry, duration, event, np.ones(80), start=start).table
    told = table.loc[table["time"] <= last, ["time", "value"]].to_numpy()
    assert told == CLOSE(np.array(written_by_hand(entry, duration, event, start, last)), abs=1e-12)


@pytest.mark.parametrize(
    ("entry", "duration", "event", "ages"),
    [
        ([0] * 12, [5] * 6 + [9] * 6, [1] * 12, (0, 9)),  # nobody enters late
        ([0] * 12 + [50], [5] * 6 + [9] * 6 + [60], [1] * 12 + [1], (0, 9)),  # one old customer alone
        ([2] + [10] * 12, [5] + [15] * 6 + [20] * 6, [1] * 13, (10, 20)),  # one alone before the others
        ([0] * 3 + [4] * 12, [9] * 15, [1] * 15, (4, 9)),  # too few from the first day on
        ([0] * 12 + [30] * 12, [9] * 12 + [40] * 12, [1] * 3 + [0] * 9 + [1] * 12, (30, 40)),  # most events
    ],
)
def test_the_ages_that_a_curve_can_be_told_of(entry, duration, event, ages):
    assert observed_ages(entry, duration, event, np.ones(len(entry)), 10, 1) == ages


def test_nobody_has_no_ages():
    assert observed_ages([], [], [], [], 10, 1) == (0, 0)
