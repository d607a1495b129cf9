"""Inference of worth against simulations with known truth, definitions and dumber routes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from second_route_financial import gini, top_tenth
from worded import note_words, reason_words

from benchmarks.accuracy.concentration import figures, lognormal, of_lognormal
from crmnb.core.period import Period
from crmnb.stats import backtest, cac, clv, clv_contractual, clv_models, concentration, simple_clv
from crmnb.stats.clv_noncontractual import weekly_rate
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import discounted_further, simulate_buying
from crmnb.stats.models.gamma_gamma import expected_spend
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.shifted_beta_geometric import retention

BUYING, SPENDING = np.array([0.6, 6.0, 0.8, 2.5]), np.array([6.0, 4.0, 15.0])
YEAR = Period.parse("2025")


def context(kind: str = "inactivity", **settings) -> EstimationContext:
    churn = {"contractual": kind == "contractual", "inactivity_days": 90, "grace_days": 90}
    forecast = {"discount_rate": 0.10, "horizon_months": 36, "renewal_months": 1}
    return EstimationContext(0.95, churn | forecast | settings, {"current": YEAR})


def group(counts: pd.DataFrame, breakdown: str = "", level: str = "") -> GroupedCounts:
    return GroupedCounts("current", breakdown, "region" if level else "", level, counts, float(counts["n"].sum()))


# ---- Forecasts ------------------------------------------------------------------------------------------------------


def purchases(x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the first of x repeat purchases brought, and all of them, of customers drawn from Gamma-Gamma; 0 without one."""
    p, q, v = SPENDING
    rate = rng.gamma(q, 1 / v, len(x))
    first = np.where(x > 0, rng.gamma(p, 1 / rate), 0.0)
    return first, first + np.where(x > 1, rng.gamma(p * np.maximum(x - 1, 1), 1 / rate), 0.0)


def buyers(size: int, seed: int) -> pd.DataFrame:
    """Customers drawn from both models, one a row, all of them there; times in whole days."""
    rng = np.random.default_rng(seed)
    T = rng.integers(200, 700, size)
    x, t_x = simulate_buying(BUYING, T / 7, rng)
    again, spend = purchases(x, rng)
    t_x = np.where(x > 0, np.clip(np.round(t_x * 7), 1, T), 0)
    facts = {
        "x": x,
        "t_x": t_x,
        "T": T,
        "spend": spend,
        "again": again,
        "there": 1,
        "margin": 20.0,
        "times": 1.0,
        "n": 1.0,
    }
    return pd.DataFrame(facts).assign(fold=np.arange(size) % 200)


@pytest.mark.parametrize("months", [12, 36, np.inf])
def test_the_interval_holds_the_worth_that_the_true_parameters_give(months: float):
    held = 0
    for seed in range(40):
        counts = buyers(600, seed)
        facts = context(horizon_months=36 if np.isinf(months) else months)
        infer = clv.residual if np.isinf(months) else clv.predicted
        [row] = infer([group(counts)], facts).rows
        x, t_x, T = clv_models.histories(counts)
        mean = counts["spend"].to_numpy() / np.maximum(x, 1)
        weeks = months * clv_models.WEEKS_PER_MONTH
        often = discounted_further(BUYING, x, t_x, T, weeks, weekly_rate(0.10))
        truth = (often * expected_spend(SPENDING, x, mean)).mean()
        held += row["low"] <= truth <= row["high"]
    assert held >= 34  # of 40 at 95 %: fewer than 34 in three of a thousand


def test_alike_rows_and_levels_are_means_of_the_same_customers():
    counts = buyers(2000, 1)
    half = np.arange(len(counts)) % 2 == 0
    facts = list(counts)
    counts["of region"] = np.where(half, "a", "b")
    both = [group(counts), group(counts[half], level="a"), group(counts[~half], level="b")]
    whole, a, b = clv.predicted(both, context()).rows
    assert whole["numerator"] == pytest.approx(a["numerator"] + b["numerator"], rel=1e-9)
    assert whole["n"] == a["n"] + b["n"]
    once, twice = (clv.predicted([group(counts[facts].assign(n=n))], context()).rows[0] for n in (1.0, 2.0))
    assert twice["value"] == pytest.approx(once["value"], rel=1e-6)


def test_who_spends_more_when_buying_more_often_is_said():
    counts = buyers(2000, 2)
    alike = note_words(clv.predicted([group(counts)], context()).notes)
    counts["spend"] *= counts["x"]
    counts["again"] *= counts["x"]
    unlike = note_words(clv.predicted([group(counts)], context()).notes)
    assert all(sum("ank correlation" in note for note in notes) == 1 for notes in (alike, unlike))
    assert any("about as much" in note for note in alike)
    assert not any("can be too" in note for note in alike)
    assert "The value can be too low" in unlike[2]  # after the horizon and the holdout: in sight


def test_where_everybody_pays_the_same_the_value_is_that_times_the_purchases():
    counts = buyers(2000, 5)
    counts["spend"], counts["again"] = 12.5 * counts["x"], 12.5
    found = clv.predicted([group(counts)], context(horizon_months=12))
    x, t_x, T = clv_models.histories(counts)
    often = discounted_further(
        clv_models.fit_purchases(counts).parameters, x, t_x, T, 12 * clv_models.WEEKS_PER_MONTH, weekly_rate(0.10)
    )
    assert found.rows[0]["value"] == pytest.approx(12.5 * often.mean(), rel=1e-6)
    assert "customers spend the same per purchase on average" in " ".join(note_words(found.notes))
    assert "cannot be tested: all repeat buyers" in note_words(found.notes)[-1]


def test_a_value_that_hangs_on_one_customer_is_said_to():
    counts = buyers(2000, 7)
    assert not any("Very few" in note for note in note_words(clv.predicted([group(counts)], context()).notes))
    counts.loc[counts["x"].idxmax(), "spend"] = 0.3 * counts["spend"].sum()
    assert any("Very few" in note for note in note_words(clv.predicted([group(counts)], context()).notes))


def test_customers_without_a_repeat_are_given_the_mean_of_all_and_that_is_said():
    counts = buyers(2000, 3)
    once = counts[counts["x"] == 0]
    both = [group(counts), group(once, level="once")]  # of a segmentation that the models do not know of
    found = clv.predicted(both, context())
    assert f"{len(once):,} of 2,000 customers made one purchase" in " ".join(note_words(found.notes))
    assert 0 < found.rows[1]["value"] < found.rows[0]["value"]


@pytest.mark.parametrize(("share", "carried"), [(0.02, True), (0.4, False)])
def test_customers_who_bring_losses_are_said_or_the_model_is_refused(share: float, carried: bool):
    counts = buyers(2000, 6)
    losing = np.random.default_rng(6).random(len(counts)) < share
    counts["spend"] = np.where(losing, -15.0 * counts["x"], counts["spend"])
    found = clv.predicted([group(counts)], context())
    if carried:
        assert any("slightly too high" in note for note in note_words(found.notes))
    assert np.isfinite(found.rows[0]["value"]) == carried
    assert carried or "does not allow" in reason_words(found.rows[0]["reason"])


def test_what_no_model_can_carry_gets_the_reason():
    few = clv.predicted([group(buyers(60, 4))], context())
    assert np.isnan(few.rows[0]["value"])
    assert "bought again" in reason_words(few.rows[0]["reason"])
    counts = buyers(2000, 5).assign(T=700.0)
    counts["t_x"] = np.where(counts["x"] > 0, 699.0, 0.0)  # everybody was here yesterday
    endless = clv.residual([group(counts)], context())
    assert np.isnan(endless.rows[0]["value"])
    assert reason_words(endless.rows[0]["reason"])


# ---- Contracts ------------------------------------------------------------------------------------------------------


def contracts(size: int, leaves, seed: int, months: int = 24, fee: float | np.ndarray = 10.0) -> pd.DataFrame:
    """Contracts that began in one of so many months and end by chance; leaves: the chance of each at an age, (size,) -> (size,).

    fee: what each of them brings a month.
    """
    rng = np.random.default_rng(seed)
    seen = rng.integers(1, months + 1, size)  # months of age that can be seen of each
    last, gone = np.zeros(size, int), np.zeros(size, bool)
    chance = leaves(rng, size)
    for age in range(1, months + 1):
        at_risk = ~gone & (age <= seen)
        last[at_risk] = age
        gone |= at_risk & (rng.random(size) < chance)
    times = np.where(gone, 0, np.minimum(seen, 12))
    new = (seen <= 12).astype(int)
    facts = {"entry": 1, "last": last, "lost": gone.astype(int), "age": seen, "there": 1 - gone, "new": new, "n": 1.0}
    paid = {"margin": fee * times, "times": times, "pay": fee, "known": 1.0, "due": fee * times}
    return pd.DataFrame(facts | paid).assign(fold=np.arange(size) % 200)


def test_renewals_give_back_the_parameters_that_made_them():
    counts = contracts(20_000, lambda rng, n: rng.beta(0.8, 6.0, n), 6)
    fit = clv_models.fit_renewals(counts, 1)
    error = abs(fit.parameters - [0.8, 6.0]) / fit.standard_errors
    assert (error < 3).all()
    assert not clv_models.is_constant(fit)


def test_one_rate_for_all_is_the_limit_and_is_worth_what_a_geometric_series_is():
    # In each of ten months 30 of the 1,000 leave, so that the rate rises.
    left = {"last": [*range(1, 11), 10], "lost": [1] * 10 + [0], "n": [30.0] * 10 + [700.0], "there": [0] * 10 + [1]}
    counts = pd.DataFrame(left).assign(entry=1, age=10, margin=lambda c: 10.0 * c["there"] * c["n"], fold=0)
    counts["times"] = counts["there"] * counts["n"]
    counts = counts.assign(pay=10.0 * counts["n"], known=counts["n"], due=counts["margin"])
    fit = clv_models.fit_renewals(counts, 1)
    shares = 300 / sum(1000 - 30 * month for month in range(10))
    assert clv_models.is_constant(fit)
    assert retention(fit.parameters, np.arange(1, 300)) == pytest.approx(1 - shares, rel=1e-6)
    rate = 1.1 ** (1 / 12) - 1
    months = np.arange(1, 37)
    ends, begins = ((1 - shares) ** (months - k) for k in (0, 1))
    hand_count = 10 * ((begins + ends) / 2 / (1 + rate) ** (months - 0.5)).sum()
    row = clv.predicted([group(counts)], context("contractual")).rows[0]
    assert row["value"] == pytest.approx(hand_count, rel=1e-6)
    endless = clv.residual([group(counts)], context("contractual")).rows[0]
    v = 1 / (1 + rate)
    assert endless["value"] == pytest.approx(10 * (2 - shares) / 2 * v**0.5 / (1 - (1 - shares) * v), rel=1e-6)


def test_the_interval_of_contracts_holds_the_worth_at_a_constant_rate():
    held = 0
    for seed in range(60):
        counts = contracts(1500, lambda rng, n: np.full(n, 0.03), 100 + seed)
        row = clv.predicted([group(counts)], context("contractual")).rows[0]
        months, rate = np.arange(1, 37), 1.1 ** (1 / 12) - 1
        truth = 10 * (0.97**months * (1 + 1 / 0.97) / 2 / (1 + rate) ** (months - 0.5)).sum()
        held += row["low"] <= truth <= row["high"]
    assert held >= 51  # of 60 at 95 %: fewer than 51 in about one of a thousand


def test_yearly_contracts_count_whole_years():
    monthly = pd.DataFrame(
        {"entry": [1, 5, 13, 1], "last": [24, 30, 24, 10], "lost": [1, 0, 1, 0], "n": [200.0, 100.0, 300.0, 50.0]}
    )
    with pytest.raises(CannotFit):  # one age only: all come to year 2, of which 500 of 600 leave
        clv_models.fit_renewals(monthly.assign(entry=13), 12)
    fit = clv_models.fit_renewals(monthly, 12)
    # Year 1: 200 came and stayed. Year 2: they left, 100 (entered in month 5, so seen from year 2 on) stayed, 300 left.
    assert fit.n == 500


def by_region(*levels: pd.DataFrame) -> list[GroupedCounts]:
    """The whole client and its levels of the segmentation `region`: a, b ..."""
    named = [each.assign(**{"of region": name}) for each, name in zip(levels, "abcdef", strict=False)]
    whole = pd.concat(named, ignore_index=True)
    return [group(whole), *(group(each, level=each["of region"].iloc[0]) for each in named)]


def test_levels_have_fits_of_their_own_only_where_their_losses_differ():
    facts = context("contractual")
    alike = [contracts(3000, lambda rng, n: rng.beta(0.8, 6.0, n), seed) for seed in (21, 22)]
    unlike = [alike[0], contracts(3000, lambda rng, n: np.full(n, 0.005), 23)]
    for levels, said in ((alike, "By region losses do not differ"), (unlike, "By region losses differ")):
        groups = by_region(*levels)
        found = clv.predicted(groups, facts)
        whole, a, b = (row["value"] for row in found.rows)
        assert any(said in note for note in note_words(found.notes))
        assert min(a, b) < whole < max(a, b)
        if levels is unlike:
            assert b > 1.3 * a
    by_years = replace(facts, time_segmentations=frozenset({"region"}))
    assert any("the time scale of the model" in note for note in note_words(clv.predicted(groups, by_years).notes))


def test_the_test_of_levels_rejects_alike_ones_as_often_as_it_says():
    rejected = 0
    for seed in range(100):
        levels = [contracts(800, lambda rng, n: rng.beta(0.8, 6.0, n), 500 + 2 * seed + k) for k in (0, 1)]
        whole = by_region(*levels)[0].counts
        rejected += bool(clv_contractual.fit_contracts(whole, context("contractual")).strata.by)
    assert rejected <= 12  # of 100 at 5 %: more than 12 in two of a thousand


@pytest.mark.parametrize("length", [1, 12, 24])
def test_of_a_renewal_that_the_horizon_cuts_the_part_before_it_counts(length: int):
    counts = contracts(4000, lambda rng, n: rng.beta(0.8, 6.0, n), 12, months=60)
    worths = []
    for months in (6, 12, 18, 24, 30, 36, 48):
        facts = context("contractual", renewal_months=length, horizon_months=months)
        row = clv.predicted([group(counts)], facts).rows[0]
        assert row["low"] < row["value"] < row["high"]
        assert row["value"] < 10 * months  # nobody can bring more than all of the margin
        worths.append(row["value"])
    assert (np.diff(worths) > 0).all()
    if length > 6:
        assert worths[0] == pytest.approx(worths[1] * 6 / 12 if length == 12 else worths[3] * 6 / 24)


# ---- Holdout --------------------------------------------------------------------------------------------------------


def test_the_errors_of_forecasts_by_definition():
    counts = buyers(3000, 8).assign(ahead=182, behind=700)
    rng = np.random.default_rng(9)
    counts["later"], counts["recent"] = rng.poisson(0.8, len(counts)), rng.poisson(1.0, len(counts))
    rows = {row["breakdown"]: row for row in backtest.effectiveness([group(counts, "holdout")], context()).rows}
    naive = rows["total error, naive baseline"]
    error = counts["recent"].sum() / counts["later"].sum() - 1
    assert naive["value"] == pytest.approx(error)
    resampled = [
        draw["recent"].sum() / draw["later"].sum() - 1
        for draw in (counts.sample(frac=1, replace=True, random_state=seed) for seed in range(400))
    ]
    assert (naive["high"] - naive["low"]) / 3.92 == pytest.approx(np.std(resampled), rel=0.15)
    distance = abs(counts["recent"] - counts["later"]).sum() / counts["later"].sum()
    assert rows["mean absolute error per customer, naive baseline"]["value"] == pytest.approx(distance)


def test_without_a_holdout_that_is_said():
    [row] = backtest.effectiveness([group(buyers(500, 10))], context()).rows
    assert "too little history" in reason_words(row["reason"])
    assert any(
        "could not be tested" in note for note in note_words(clv.predicted([group(buyers(500, 10))], context()).notes)
    )


def test_a_holdout_does_not_tell_of_few():
    rng = np.random.default_rng(3)
    counts = contracts(400, lambda rng, n: rng.beta(0.8, 6.0, n), 12).assign(ahead=6, behind=24, before=0)
    there = np.flatnonzero(counts["there"] == 1)
    facts = context("contractual")
    careful = replace(facts, suppress_below=10)
    for stayed, shown in ((len(there) - 5, False), (5, False), (len(there) // 2, True)):
        later = np.zeros(len(counts), int)
        later[rng.permutation(there)[:stayed]] = 6
        held = group(counts.assign(later=later), "holdout")
        rows = backtest.effectiveness([held], careful).rows
        [note] = note_words([backtest.backtest_note([held], careful)])
        assert (not np.isnan(rows[0]["value"])) is shown
        assert (f"({stayed:,} of" in note) is shown
        assert ("fewer than 10" in note) is not shown


# ---- Concentration --------------------------------------------------------------------------------------------------


def revenues(amounts: np.ndarray) -> GroupedCounts:
    values, n = np.unique(amounts, return_counts=True)
    return group(pd.DataFrame({"revenue": values, "n": n.astype(float)}))


@pytest.mark.parametrize("size", [3, 10, 57, 400])
def test_concentration_is_what_its_definition_says(size: int):
    amounts = np.random.default_rng(size).lognormal(3, 1, size).round(0)
    found = {row["breakdown"]: row["value"] for row in concentration.lorenz([revenues(amounts)], context()).rows}
    assert found["Gini coefficient"] == pytest.approx(gini(list(amounts)))
    assert found["revenue share of the top 10%"] == pytest.approx(top_tenth(list(amounts)))


def test_the_intervals_of_concentration_hold_the_truth():
    population = np.random.default_rng(0).lognormal(3, 1, 400_000)
    truth = {
        "Gini coefficient": 0.5204998778,
        "revenue share of the top 10%": top_tenth(list(population)),
    }  # Gini of a lognormal: 2 Phi(sigma / sqrt 2) - 1
    held = dict.fromkeys(truth, 0)
    for seed in range(200):
        amounts = np.random.default_rng(1000 + seed).lognormal(3, 1, 400)
        for row in concentration.lorenz([revenues(amounts)], context()).rows:
            held[row["breakdown"]] += row["low"] <= truth[row["breakdown"]] <= row["high"]
    assert held["Gini coefficient"] >= 176  # of 200 at 95 %: fewer than 176 in three of a hundred thousand
    assert held["revenue share of the top 10%"] >= 174


@pytest.mark.parametrize(("sigma", "customers"), [(1.2, 100), (1.6, 100), (1.4, 300)])
def test_of_very_unequal_revenue_the_intervals_hold_the_truth_as_often_as_promised(sigma: float, customers: int):
    """The normal's limits hold it in .79 to .87 of these (benchmarks/concentration.py)."""
    truth = of_lognormal(sigma)
    drawn = figures(lognormal(sigma)(np.random.default_rng(3), (400, customers)))
    for name, (values, errors) in drawn.items():
        limits = [concentration.limits(name, *each, customers, 0.95) for each in zip(values, errors, strict=True)]
        held = np.mean([low <= truth[name] <= high for low, high in limits])
        assert 0.9 <= held <= 0.99, name


def test_one_customer_has_no_gini_and_all_alike_no_limits():
    alone = concentration.lorenz([revenues(np.array([5.0]))], context()).rows
    assert {row["breakdown"]: reason_words(row["reason"]) for row in alone} == {
        "Gini coefficient": "one customer only",
        "revenue share of the top 10%": "one customer only",
    }
    alike = concentration.lorenz([revenues(np.full(200, 5.0))], context()).rows[0]
    assert alike["value"] == pytest.approx(0, abs=1e-12)
    assert np.isnan([alike["low"], alike["high"]]).all()


def test_the_curve_shows_no_step_of_fewer_than_may_be_shown():
    facts = context()
    careful = replace(facts, suppress_below=10)
    points = pd.DataFrame(concentration.lorenz([revenues(np.arange(1.0, 101))], careful).points)
    assert len(points) == 11
    assert points["value"].iloc[-1] == pytest.approx(1)
    assert points["value"].diff().dropna().is_monotonic_increasing


def test_no_revenue_has_no_concentration():
    [row] = concentration.lorenz([revenues(np.zeros(5))], context()).rows
    assert reason_words(row["reason"]) == "no revenue"


# ---- What winning customers costs -----------------------------------------------------------------------------------


def winning(won: list[int], spent: list[float]) -> GroupedCounts:
    months = range(2025 * 12, 2025 * 12 + len(won))
    held = {"month": months, "won": won, "amount": spent, "costs_from": np.nan, "costs_to": np.nan}
    covered = {"month": np.nan, "won": 0, "amount": 0.0, "costs_from": 2025 * 12, "costs_to": 2025 * 12 + 11}
    return group(pd.concat([pd.DataFrame(held), pd.DataFrame([covered])]).assign(n=1.0), "spent")


def test_the_cost_of_winning_has_an_interval_from_twelve_months_on():
    rng = np.random.default_rng(11)
    won, spent = rng.poisson(40, 12), rng.normal(1000, 100, 12)
    [row] = cac.cost([winning(list(won), list(spent))], context()).rows
    assert row["value"] == pytest.approx(spent.sum() / won.sum())
    u = spent - row["value"] * won
    assert (row["high"] - row["low"]) / 2 == pytest.approx(2.2009852 * np.sqrt(12 / 11 * (u**2).sum()) / won.sum())
    quarter = replace(context(), periods={"current": Period.parse("2025Q1")})
    found = cac.cost([winning([40, 41, 42], [1000, 900, 950])], quarter)
    assert np.isnan(found.rows[0]["low"])
    assert "twelve months" in note_words(found.notes)[0]


@pytest.mark.parametrize(
    ("won", "spent", "reason"), [([0], [5.0], "no customers won"), ([5], [0.0], "no acquisition spend")]
)
def test_nothing_won_or_nothing_spent_is_no_cost(won, spent, reason):
    [row] = cac.cost([winning(won, spent)], context()).rows
    assert reason in reason_words(row["reason"])


def followed(margins: list[float], months: int, customers: int = 200) -> GroupedCounts:
    """Customers who all bring the same in each month of age, followed for so many months."""
    people = pd.DataFrame({"age": np.nan, "followed": months, "margin": 0.0, "n": 1.0, "fold": range(customers)})
    paid = [people.assign(age=float(age), margin=each) for age, each in enumerate(margins)]
    return group(pd.concat([people, *paid], ignore_index=True), "followed")


def test_payback_is_the_month_in_which_the_cost_is_covered():
    spent = winning([20] * 12, [180.0] * 12)  # 9 for each
    [row] = cac.payback([followed([4, 3, 2, 1], 12), spent], context()).rows
    assert (row["value"], row["low"], row["high"]) == (3, 3, 3)
    points = pd.DataFrame(cac.payback([followed([4, 3, 2, 1], 12), spent], context()).points)
    brought, cost = (points[points["breakdown"] == name] for name in ("margin", "cost"))
    assert list(brought["x"]) == list(range(1, 13))
    assert list(brought["value"])[:5] == [4, 7, 9, 10, 10]
    assert (brought["low"] == brought["value"]).all()
    assert (brought["n"] == 200).all()
    assert (cost["x"].item(), cost["value"].item(), cost["low"].item(), cost["high"].item()) == (0, 9, 9, 9)
    [row] = cac.payback([followed([4, 3, 1, 0.5], 12), spent], context()).rows
    assert np.isnan(row["value"])
    assert row["flags"] == "not_reached"
    assert reason_words(row["reason"]) == "after 12 months a new customer has brought 94% of CAC"
    assert row["high"] == np.inf
    [row] = cac.payback([followed([4, 3, 2, 1], 2), spent], context()).rows
    assert "after 2 months" in reason_words(row["reason"])  # the third is not seen whole


def test_the_bands_of_payback_are_those_of_the_cost_and_of_normal_theory():
    """The cost's band is the cost's own interval; the margin's that of a mean of many, near enough."""
    months = [180.0, 120.0] * 6
    groups = [followed([0.0], 12, 5000), winning([20] * 12, months)]
    each = np.random.default_rng(4).normal(10, 4, 5000)
    people = pd.DataFrame({"age": np.nan, "followed": 12.0, "margin": 0.0, "n": 1.0, "fold": np.arange(5000) % 200})
    groups[0] = group(pd.concat([people, people.assign(age=0.0, margin=each)], ignore_index=True), "followed")
    points = pd.DataFrame(cac.payback(groups, context()).points).set_index(["breakdown", "x"])
    [own] = cac.cost([winning([20] * 12, months)], context()).rows
    assert tuple(points.loc[("cost", 0), ["value", "low", "high"]]) == (own["value"], own["low"], own["high"])
    first = points.loc[("margin", 1)]
    half = 1.96 * each.std(ddof=1) / np.sqrt(5000)
    assert first["value"] == pytest.approx(each.mean())
    assert (first["high"] - first["low"]) / 2 == pytest.approx(half, rel=0.12)


def test_a_programmes_return_is_that_of_its_declared_gain():
    costs = group(pd.DataFrame({"amount": [400.0], "n": [3.0]}), "card")
    other = group(pd.DataFrame({"amount": [10.0], "n": [1.0]}), "van")
    facts = context(gains={"card": (500, 300, 700)})
    found = simple_clv.returned([costs, other], facts)
    [row] = found.rows
    assert (row["value"], row["low"], row["high"]) == (0.25, -0.25, 0.75)
    assert "van" in note_words(found.notes)[0]
