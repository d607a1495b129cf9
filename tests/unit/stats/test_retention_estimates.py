"""Lifetimes, gaps, drivers and losses from counts: against statsmodels on rows written out, and simulations whose truth is known."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.hazard_regression import PHReg
from synthetic import client
from worded import note_words, reason_words

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue
from crmnb.stats import churn_drivers, expected_churn, survival, time_between_orders
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.cox import cox

BY_INACTIVITY = {"contractual": False, "inactivity_days": 90, "grace_days": 90}
BY_CONTRACT = {"contractual": True}


def group(counts: pd.DataFrame, segment: str = "", level: str = "") -> GroupedCounts:
    counts = counts if "n" in counts else counts.assign(n=1.0)
    return GroupedCounts("current", "", segment, level, counts, float(counts["n"].sum()))


def context(churn: dict = BY_CONTRACT, suppress_below: int = 1, **settings) -> EstimationContext:
    return EstimationContext(
        0.95,
        churn | settings,
        {"current": Period.parse("2025")},
        suppress_below=suppress_below,
        time_segmentations=frozenset({"tenure"}),
    )


def lives(duration, event, entry=0) -> pd.DataFrame:
    return pd.DataFrame({"entry": entry, "duration": duration, "event": event})


def exponential(rng: np.random.Generator, n: int, mean: float, followed: float) -> pd.DataFrame:
    days = np.ceil(rng.exponential(mean, n))
    return lives(np.minimum(days, followed), (days <= followed).astype(int))


# ---- Lifetimes ------------------------------------------------------------------------------------------------------


def test_shares_are_told_where_they_were_observed_and_in_order():
    found = survival.curve([group(exponential(np.random.default_rng(1), 500, 400, 800))], context())
    rows = pd.DataFrame(found.rows)
    assert rows["breakdown"].to_list() == [
        "after 30 days", "after 90 days", "after 180 days", "after 1 year", "after 2 years",
    ]  # fmt: skip
    assert (rows["low"] < np.exp(-np.array([30, 90, 180, 365, 730]) / 400)).all()
    assert (rows["high"] > np.exp(-np.array([30, 90, 180, 365, 730]) / 400)).all()


def test_nothing_is_told_within_the_days_of_inactivity():
    found = survival.curve([group(lives([90, 120, 200, 250], [1, 1, 1, 0]))], context(BY_INACTIVITY))
    assert [row["breakdown"] for row in found.rows] == ["after 90 days", "after 180 days"]


def test_a_curve_stops_where_too_few_are_followed():
    counts = lives([20, 40, 60, 100, 200, 400, 500, 600, 700, 800], [1, 1, 1, 0, 1, 0, 0, 1, 0, 0])
    found = survival.curve([group(counts)], context(suppress_below=5))
    assert [row["breakdown"] for row in found.rows] == [
        "after 30 days",
        "after 90 days",
        "after 180 days",
        "after 1 year",
    ]
    assert max(point["x"] for point in found.points) == 400
    assert min(point["n"] for point in found.points) >= 5


def test_where_everybody_at_risk_had_gone_the_curve_begins_with_those_who_came_later():
    counts = lives([10, 60, 80, 100, 120], [1, 1, 0, 1, 0], [0, 20, 20, 20, 30])
    found = survival.curve([group(counts)], context())
    share = {row["breakdown"]: row["value"] for row in found.rows}
    assert share == {"after 30 days": 1.0, "after 90 days": pytest.approx(1 - 1 / 4)}
    assert "20 days" in note_words(found.notes)[0]


def test_who_was_mostly_seen_later_than_the_first_day_is_said():
    counts = lives([60, 80, 90, 90], [1, 0, 1, 0], [0, 5, 5, 5])
    notes = note_words(survival.curve([group(counts)], context()).notes)
    assert any("75% joined before the data start (left-truncated)" in note for note in notes)


def test_what_the_first_days_are_is_said_beside_the_median_too():
    counts = lives([60, 80, 90, 90], [1, 0, 1, 0], [0, 5, 5, 5])
    curve, median = (
        infer([group(counts)], context(BY_INACTIVITY | {"grace_days": 60}))
        for infer in (survival.curve, survival.median_lifetime)
    )
    assert curve.notes == median.notes
    assert note_words(median.notes)[0].startswith("No customer counts as lost before 60 days after the first order")


def test_a_median_that_is_not_reached_says_what_is_known():
    [row] = survival.median_lifetime(
        [group(lives([10, 20, 30, 1096] + [1096] * 6, [1, 1, 1] + [0] * 7))], context()
    ).rows
    assert np.isnan(row["value"])
    assert (row["flags"], row["high"]) == ("not_reached", np.inf)
    assert reason_words(row["reason"]) == "after 1,096 days 70% are still customers"


def test_durations_of_tickets_need_no_churn_declaration():
    counts = exponential(np.random.default_rng(7), 400, 36, 200)  # hours until a ticket is resolved
    tickets = EstimationContext(0.95)
    [row] = survival.median([group(counts)], tickets).rows
    assert row["low"] < 36 * np.log(2) < row["high"]
    assert next(point["x"] for point in survival.curve([group(counts)], tickets).points) == 0


def test_levels_by_tenure_are_left_out_since_they_are_the_time_itself():
    counts = exponential(np.random.default_rng(2), 60, 100, 300)
    levels = [group(counts, "tenure", "under 1 year"), group(counts, "region", "East")]
    for infer in (survival.curve, survival.median_lifetime):
        assert {row["segment"] for row in infer([group(counts), *levels], context()).rows} == {"", "region"}


def test_the_log_rank_test_is_put_into_words():
    rng = np.random.default_rng(3)
    fast, slow = exponential(rng, 300, 100, 500), exponential(rng, 300, 200, 500)
    whole = group(pd.concat([fast, slow]))
    apart = survival.curve([whole, group(fast, "region", "East"), group(slow, "region", "West")], context())
    assert note_words(apart.notes) == [
        "By region the curves differ more than chance explains (log-rank test, p < 0.001)."
    ]
    alike = survival.curve([whole, group(fast, "region", "East"), group(fast, "region", "West")], context())
    assert note_words(alike.notes) == ["By region the curves do not differ beyond chance (log-rank test, p = 1)."]
    few = survival.curve(
        [whole, group(fast, "region", "East"), group(slow[:5], "region", "West")], context(suppress_below=10)
    )
    assert few.notes == []


def test_a_long_curve_is_drawn_with_no_more_points_than_can_be_seen():
    counts = exponential(np.random.default_rng(4), 5000, 800, 2000)
    points = pd.DataFrame(survival.curve([group(counts)], context()).points)
    assert len(points) <= 200
    exact = np.exp(-points["x"] / 800)
    assert (points["value"] - exact).abs().max() < 0.03
    assert points["n"].is_monotonic_decreasing
    followed = [(counts["duration"] >= x).sum() for x in points["x"]]
    assert points["n"].to_list() == followed


# ---- Gaps -----------------------------------------------------------------------------------------------------------


def buyers(rng: np.random.Generator, n: int, days: float = 300) -> pd.DataFrame:
    """Gaps of customers whose own mean gap varies, each followed for some days; each in a fold of one's own."""
    rows = []
    for fold in range(n):
        mean, passed, own = rng.gamma(4, 20), 0.0, []
        while (gap := np.ceil(rng.exponential(mean))) + passed <= days:
            own.append(gap)
            passed += gap
        told_of = [(gap, 1, len(own), fold) for gap in own] or [(days, 0, 0, fold)]
        rows += told_of
    return pd.DataFrame(rows, columns=["gap", "complete", "m", "fold"])


def test_the_interval_of_the_median_gap_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth = np.median(np.ceil(rng.exponential(rng.gamma(4, 20, 400_000))))
    rows = [time_between_orders.median([group(buyers(rng, 100))], context()).rows[0] for _ in range(60)]
    held = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    assert held >= 0.88
    assert np.mean([row["value"] for row in rows]) == pytest.approx(truth, rel=0.05)


def test_few_customers_and_a_median_that_is_not_reached_are_said():
    counts = buyers(np.random.default_rng(6), 20).assign(n=1.0)
    [few] = time_between_orders.median([GroupedCounts("current", "", "", "", counts, 20.0)], context()).rows
    assert few["flags"] == "unreliable"
    open_ = pd.DataFrame({"gap": [5, 100, 100], "complete": [1, 0, 0], "m": [1, 0, 0], "fold": [0, 1, 2]})
    assert time_between_orders.median([group(open_)], context()).rows[0]["flags"] == "not_reached"


# ---- Drivers --------------------------------------------------------------------------------------------------------


def customers(n: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    region, channel = rng.choice(["East", "North", "West"], n, p=[0.2, 0.5, 0.3]), rng.choice(["web", "shop"], n)
    hazard = 0.01 * np.exp(0.7 * (region == "East") - 0.4 * (channel == "web"))
    days = np.ceil(rng.exponential(1 / hazard))
    entry = rng.integers(0, 60, n) * rng.integers(0, 2, n)
    rows = lives(np.minimum(days, 200), (days <= 200).astype(int), entry)
    return rows.assign(**{"of region": region, "of channel": channel})[rows["duration"] > rows["entry"]]


EFRON = {"ties": "efron"}


def after(entry: pd.Series) -> pd.Series:
    """Entries as statsmodels wants them, which takes who enters at an event's time to be at risk then."""
    return entry + 0.5 * (entry > 0)


def test_hazard_ratios_are_those_of_rows_written_out():
    rows = customers()
    counts = rows.value_counts().rename("n").reset_index()
    found = pd.DataFrame(churn_drivers.hazard_ratios([group(counts)], context()).rows).set_index("breakdown")
    assert len(found) == 3
    larger = rows["of channel"].value_counts().index[0]
    smaller = {"web": "shop", "shop": "web"}[larger]
    X = np.column_stack([rows["of region"] == "East", rows["of region"] == "West", rows["of channel"] == smaller])
    theirs = PHReg(rows["duration"], X.astype(float), entry=after(rows["entry"]), **EFRON, status=rows["event"]).fit()
    order = ["region: East vs North", "region: West vs North", f"channel: {smaller} vs {larger}"]
    assert found.loc[order, "value"].to_list() == pytest.approx(np.exp(theirs.params), rel=1e-6)
    limits = np.exp(theirs.conf_int())
    assert found.loc[order, "low"].to_list() == pytest.approx(limits[:, 0], rel=1e-6)
    assert found.loc[order, "high"].to_list() == pytest.approx(limits[:, 1], rel=1e-6)
    assert found.loc[order[0], "n"] == (rows["of region"] == "East").sum()


def test_a_group_of_which_nobody_was_lost_has_no_ratio_and_changes_no_other():
    rows = customers()
    safe = rows["of region"] == "West"
    rows.loc[safe, "event"] = 0
    found = churn_drivers.hazard_ratios([group(rows)], context())
    assert not any("West" in row["breakdown"] for row in found.rows)
    assert note_words(found.notes)[0] == "region: no customer of West was lost, so there is no ratio."
    kept = rows[~safe]  # the limit: with a ratio of 0 these are at no risk
    far = (rows["of region"] == "West") * 1.0
    X = pd.DataFrame({"East": (rows["of region"] == "East") * 1.0})
    alone = cox(*(kept[c] for c in ("entry", "duration", "event")), X[~safe], np.ones(len(kept)))
    both = PHReg(
        rows["duration"], X, entry=after(rows["entry"]), **EFRON, status=rows["event"], offset=-50.0 * far
    ).fit()
    assert alone.coefficients["East"] == pytest.approx(both.params[0], rel=1e-6)
    hidden = churn_drivers.hazard_ratios([group(rows)], context(suppress_below=10_000))
    assert not any("West" in note for note in note_words(hidden.notes))


def test_ratios_that_few_losses_stand_behind_are_not_reliable():
    rows = customers(60)
    rows["event"] *= np.arange(len(rows)) % 4 == 0
    found = churn_drivers.hazard_ratios([group(rows)], context())
    assert all(row["flags"] == "unreliable" or reason_words(row["reason"]) for row in found.rows)


def test_ratios_that_change_with_time_are_said_to():
    rng = np.random.default_rng(8)
    early, late = np.ceil(rng.weibull(0.6, 800) * 100), np.ceil(rng.weibull(2.5, 800) * 100)
    rows = lives(np.concatenate([early, late]), 1).assign(**{"of plan": ["month"] * 800 + ["year"] * 800})
    found = churn_drivers.hazard_ratios([group(rows)], context())
    changes = "The ratio changes with tenure (score test, p < 0.001): read it as an average."
    assert note_words(found.notes)[-1] == changes
    steady = customers().drop(columns="of channel")
    assert "No sign" in note_words(churn_drivers.hazard_ratios([group(steady)], context()).notes)[-1]


def test_no_losses_or_no_two_groups_is_a_reason_in_words():
    rows = customers(50).assign(event=0)
    assert reason_words(churn_drivers.hazard_ratios([group(rows)], context()).rows[0]["reason"])
    alike = customers(50).assign(**{"of region": "East", "of channel": "web"})
    assert reason_words(churn_drivers.hazard_ratios([group(alike)], context()).rows[0]["reason"])


# ---- Losses ---------------------------------------------------------------------------------------------------------

PARAMETERS = np.array([0.8, 40.0, 0.7, 2.5])  # r, alpha (days), a, b


def bought(rng: np.random.Generator, n: int, horizon: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of the BG/NBD world, order by order: their histories, and whether each is lost at the horizon."""
    r, alpha, a, b = PARAMETERS
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    T = rng.integers(100, 700, n).astype(float)
    x, last, in_time, now = np.zeros(n), np.zeros(n), np.zeros(n, bool), np.zeros(n)
    alive = np.ones(n, bool)
    while (alive & (now < T + horizon)).any():
        now = np.where(alive, now + rng.exponential(1 / rate), now)
        before, begins = alive & (now <= T), T + horizon - BY_INACTIVITY["inactivity_days"]
        x, last = x + before, np.where(before, now, last)
        in_time |= alive & (now >= begins) & (now < T + horizon)
        alive &= rng.random(n) >= leaves
    in_time |= last >= begins
    there = T - last <= BY_INACTIVITY["inactivity_days"]
    return pd.DataFrame({"x": x, "t_x": last, "T": T, "there": there.astype(int)}), ~in_time


@pytest.mark.parametrize("horizon", [30, 90, 365])
def test_the_chance_to_be_lost_is_the_share_that_is(horizon: int):
    rows, lost = bought(np.random.default_rng(9), 30_000, horizon)
    there = rows["there"] == 1
    history = (rows.loc[there, name].to_numpy() for name in ("x", "t_x", "T"))
    chance = expected_churn._lost_by_inactivity(PARAMETERS, *history, horizon, 90)
    assert ((chance >= 0) & (chance <= 1)).all()
    seen = pd.DataFrame({"chance": chance, "lost": lost[there]})
    for _, of in seen.groupby(pd.qcut(seen["chance"], 5, duplicates="drop")):
        spread = np.sqrt((of["chance"] * (1 - of["chance"])).sum())
        assert abs(of["lost"].sum() - of["chance"].sum()) < 4 * spread + 1e-9


def test_the_interval_of_losses_by_inactivity_holds_what_comes():
    rng, ask = np.random.default_rng(10), context(BY_INACTIVITY, horizon_days=365)
    held = []
    for _ in range(30):
        rows, lost = bought(rng, 1000, 365)
        [row] = expected_churn.expected([group(rows)], ask).rows
        held.append(row["low"] <= lost[rows["there"] == 1].sum() <= row["high"])
    assert 0.85 <= np.mean(held) <= 1.0


def under_contract(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Contracts with a hazard that falls after a year, seen over the last year only; and who is lost within 90 days after."""
    began = rng.integers(0, 1500, n)
    first = rng.exponential(500, n)
    life = np.where(first < 365, first, 365 + rng.exponential(1500, n))
    age = 1500.0 - began
    seen = life >= age - 365
    entry, over = np.maximum(age - 365, 0), life <= age
    rows = lives(np.ceil(np.minimum(life, age)), over.astype(int), np.floor(entry)).assign(
        age=np.where(over, np.nan, age)
    )
    kept = seen & (rows["duration"] > rows["entry"]).to_numpy()
    return rows[kept].reset_index(drop=True), ((life <= age + 90) & ~over)[kept]


def test_the_interval_of_losses_by_contract_holds_what_comes():
    rng, ask = np.random.default_rng(11), context(BY_CONTRACT, horizon_days=90)
    held = []
    for _ in range(60):
        rows, lost = under_contract(rng, 2000)
        [row] = expected_churn.expected([group(rows)], ask).rows
        held.append(row["low"] <= lost.sum() <= row["high"])
    assert 0.90 <= np.mean(held) <= 1.0


def test_the_chances_of_all_add_up_to_the_expected_losses():
    rows, _ = under_contract(np.random.default_rng(12), 800)
    half = rows.iloc[:300]
    ask = context(BY_CONTRACT, horizon_days=365)
    whole, part = expected_churn.expected([group(rows), group(half, "region", "East")], ask).rows
    chance = expected_churn.probabilities(rows, ask)
    assert chance.sum() == pytest.approx(whole["value"], rel=1e-9)
    assert chance[chance.index.isin(half.index)].sum() == pytest.approx(part["value"], rel=1e-9)


def test_too_few_who_bought_again_is_a_reason_in_words():
    rows, _ = bought(np.random.default_rng(13), 30, 365)
    found = expected_churn.expected(
        [group(rows), group(rows[:5], "region", "East")], context(BY_INACTIVITY, horizon_days=365)
    )
    assert all("bought again" in reason_words(row["reason"]) for row in found.rows)


def test_who_came_and_left_on_one_day_was_a_customer_and_was_lost():
    days = pd.to_datetime(["2024-03-01"] * 4)
    plans = pd.DataFrame(
        {"customer_id": list("abcd"), "joined_at": days, "left_at": [days[0], days[0], pd.NaT, pd.NaT]}
    )
    of = client(
        segments={}, churn={"kind": "contractual", "table": "customers"}, privacy={"min_base": 1, "suppress_below": 1}
    )
    period = Period.parse("2024").observe(datetime(2024, 1, 1), datetime(2025, 1, 1))
    rows = measure(catalogue()["survival_curve"], in_memory(of, {"customers": plans}), period).rows
    assert rows[rows["breakdown"] == "after 30 days"]["value"].to_list() == [50.0]


def test_nothing_is_told_of_a_median_before_anybody_could_be_lost():
    """Three months of orders, lost after 90 days: who was seen to stay could not have been seen to go."""
    at = pd.date_range("2025-01-01", "2025-03-31", freq="h")
    orders = pd.DataFrame(
        {"order_id": range(len(at)), "customer_id": [str(k % 700) for k in range(len(at))], "ordered_at": at}
    )
    orders = orders.assign(order_id=orders["order_id"].astype(str), amount=1.0, status="paid")
    of = client(segments={}, churn={"kind": "inactivity", "inactivity_days": 90})
    period = Period.parse("2025Q1").observe(datetime(2025, 1, 1), datetime(2025, 4, 1))
    rows = measure(catalogue()["median_lifetime"], in_memory(of, {"orders": orders}), period).rows
    assert rows["value"].isna().all()
    assert rows["flags"].str.contains("unavailable").all()


# ---- Late entry -----------------------------------------------------------------------------------------------------


def seen_for_two_years(rng: np.random.Generator, n: int, mean: float = 3 * 365.25) -> pd.DataFrame:
    """Exponential lives of customers who came evenly over 40 years: the first n of those seen in the last two of them."""
    came = np.ceil(rng.uniform(0, 40 * 365, 60 * n))  # days before the end
    life = np.ceil(rng.exponential(mean, 60 * n))
    rows = lives(np.minimum(life, came), (life <= came).astype(int), np.maximum(came - 730, 0))
    return rows[rows["duration"] > rows["entry"]].iloc[:n].reset_index(drop=True)


def medians(n: int, runs: int, mean: float, suppress_below: int) -> pd.DataFrame:
    rng, ask = np.random.default_rng(n), context(suppress_below=suppress_below)
    rows = [survival.median_lifetime([group(seen_for_two_years(rng, n, mean))], ask).rows[0] for _ in range(runs)]
    frame = pd.DataFrame(rows)
    truth = mean * np.log(2)
    sure = ~frame["flags"].str.contains("unreliable") & (frame["value"].notna() | (frame["flags"] == "not_reached"))
    return frame.assign(holds=(frame["low"].fillna(0) <= truth) & (truth <= frame["high"].fillna(np.inf)), sure=sure)


@pytest.mark.parametrize(("mean", "suppress_below"), [(3 * 365.25, 10), (452, 1)])
def test_the_median_of_customers_who_mostly_joined_before_the_data_holds_the_truth(mean: float, suppress_below: int):
    rows = medians(60, 120, mean, suppress_below)
    assert rows["sure"].mean() >= 0.7
    assert rows.loc[rows["sure"], "holds"].mean() >= 0.90  # .95 less three standard errors of 120


def test_of_thirty_customers_only_medians_that_hold_stand_without_a_mark():
    rows = medians(30, 120, 452, 1)
    sure = rows[rows["sure"]]
    assert sure["holds"].mean() >= 0.88
    assert sure["value"].max() < 700  # for a true 313


def test_one_old_customer_who_leaves_alone_does_not_take_the_curve_away():
    young = exponential(np.random.default_rng(14), 200, 400, 700)
    alone = lives([5100], [1], [5000])
    of_young, of_all = (
        pd.DataFrame(survival.curve([group(rows)], context(suppress_below=10)).rows)
        for rows in (young, pd.concat([young, alone]))
    )
    figures = ["breakdown", "value", "low", "high"]
    pd.testing.assert_frame_equal(of_young[figures], of_all[figures])
    assert survival.median_lifetime([group(pd.concat([young, alone]))], context()).rows[0]["value"] == pytest.approx(
        277, abs=60
    )


def test_customers_of_whom_only_a_month_is_seen_make_one_curve_though_a_day_lies_between_their_ages():
    """Joined on the 15th of each month, seen from the first to the last of one: ages 17 to 47, 48 to 78, 78 to 108 ..."""
    joined = pd.date_range("2015-01-15", "2018-08-15", freq="MS") + pd.Timedelta(days=14)
    entry = np.repeat((pd.Timestamp("2018-09-01") - joined).days.to_numpy(), 40)
    counts = lives(
        entry + 30 - np.tile([10] * 2 + [0] * 38, len(joined)), np.tile([1] * 2 + [0] * 38, len(joined)), entry
    )
    rows = survival.curve([group(counts)], context(suppress_below=10)).rows
    share = {row["breakdown"]: row["value"] for row in rows}
    assert share["after 1 year"] == pytest.approx(0.95**11)
    assert {reason_words(row["reason"]) for row in rows} == {"among those who had stayed for 17 days"}


def test_a_curve_that_begins_late_says_among_whom():
    rng = np.random.default_rng(15)
    age = np.ceil(rng.uniform(400, 1500, 400))
    counts = lives(age + np.ceil(rng.exponential(600, 400)), 1, age)
    curve, [median] = (
        survival.curve([group(counts)], context()),
        survival.median_lifetime([group(counts)], context()).rows,
    )
    start = min(point["x"] for point in curve.points)
    assert 400 < start < 450
    assert {reason_words(row["reason"]) for row in curve.rows} == {f"among those who had stayed for {start:,.0f} days"}
    assert reason_words(median["reason"]) == f"among those who had stayed for {start:,.0f} days"
    assert f"starts with customers who had stayed for {start:,.0f} days" in note_words(curve.notes)[0]


def test_a_median_of_no_days_is_a_figure_where_nobody_has_to_be_inactive_first():
    tickets = group(lives([0.0] * 30 + [1.0] * 10, 1))
    [row] = survival.median([tickets], EstimationContext(0.95)).rows
    assert (row["value"], row["reason"]) == (0.0, "")


def test_a_median_of_cases_that_is_not_reached_says_nothing_of_customers():
    open_tickets = group(lives([5.0] * 40, [1] * 10 + [0] * 30))
    [row] = survival.median([open_tickets], EstimationContext(0.95)).rows
    assert reason_words(row["reason"]) == "after 5 days 75% are still open"


def test_a_median_that_is_the_declared_inactivity_is_no_figure():
    counts = lives([90] * 30 + [400] * 20, [1] * 30 + [0] * 20)
    [row] = survival.median_lifetime([group(counts)], context(BY_INACTIVITY)).rows
    assert np.isnan(row["value"])
    assert row["flags"] == ""
    assert "at least half never ordered again" in reason_words(row["reason"])
    assert "90 days" in reason_words(row["reason"])
    [by_contract] = survival.median_lifetime([group(counts)], context(BY_CONTRACT)).rows
    assert by_contract["value"] == 90
