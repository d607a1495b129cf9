"""How sales are inferred: against sums written out, integrals, and simulations whose truth is known."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from worded import reason_words

from benchmarks.accuracy.growth import Shop, groups_of, rows_of, told_of
from crmnb.core.period import Period
from crmnb.stats.cumulative_conversion import curve
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.growth import Span, comparisons, divisia, growth, logarithmic_mean, spans
from crmnb.stats.quantiles import median
from crmnb.stats.sales_velocity import velocity

CONTEXT = EstimationContext(0.95)


def group(counts: pd.DataFrame, customers: float, win: str = "current") -> GroupedCounts:
    return GroupedCounts(win, "", "", "", counts.astype({"n": float}), float(customers))


# ---- Revenue bridge -----------------------------------------------------------------------------------------

BEFORE = {"customers": 11.0, "frequency": 15 / 11, "order value": 28.2}
NOW = {"customers": 14.0, "frequency": 24 / 14, "order value": 83.9}


def test_the_parts_add_up_exactly():
    change = np.prod([*NOW.values()]) - np.prod([*BEFORE.values()])
    assert sum(divisia(BEFORE, NOW).values()) == pytest.approx(change, rel=1e-14)


def test_the_parts_are_those_of_growing_at_a_constant_rate():
    """Divisia's integral of revenue d ln(factor), along a path on which each factor grows at a constant rate."""
    t = (np.arange(200_000) + 0.5) / 200_000
    revenue = np.prod([BEFORE[x] * (NOW[x] / BEFORE[x]) ** t for x in BEFORE], axis=0)
    written_out = {x: revenue.mean() * np.log(NOW[x] / BEFORE[x]) for x in BEFORE}
    assert divisia(BEFORE, NOW) == pytest.approx(written_out, rel=1e-9)


def test_backwards_the_parts_are_the_same_with_the_other_sign():
    back = {x: -part for x, part in divisia(NOW, BEFORE).items()}
    assert divisia(BEFORE, NOW) == pytest.approx(back, rel=1e-14)


def test_where_revenue_is_the_same_its_parts_still_differ():
    swapped = {"customers": 22.0, "frequency": 15 / 22, "order value": 28.2}
    parts = divisia(BEFORE, swapped)
    assert parts["customers"] == pytest.approx(-parts["frequency"])
    assert parts["customers"] > 100
    assert logarithmic_mean(5.0, 5.0) == 5.0


# ---- Growth ---------------------------------------------------------------------------------------------------------

START = datetime(2023, 1, 1)


def test_up_to_two_months_are_compared_with_the_same_weekdays_and_no_day_is_on_both_sides():
    for label in ("2025-02", "2024-03", "2025-01-06..2025-01-12"):
        year = comparisons(Period.parse(label))[0]
        assert year.current.start.weekday() == year.comparison.start.weekday()
        assert year.current.days == year.comparison.days
        assert year.comparison.end <= year.current.start
        assert (year.current.start, year.current.end) == (Period.parse(label).start, Period.parse(label).end)


@pytest.mark.parametrize(
    "label",
    ["2025", "2024", "FY2025", "FY2024", "2024-01-01..2025-12-31", "2025Q1", "2024Q1", "2024-01-01..2024-08-31"],
)
def test_what_is_longer_is_compared_by_the_calendar_with_as_many_days_without_29_february(label: str):
    period = Period.parse(label, 4).observe(datetime(2019, 1, 1), datetime(2026, 1, 1))
    for each in comparisons(period):
        if each.years:
            assert each.comparison.start == each.current.start.replace(year=each.current.start.year - each.years)
            assert each.comparison.end == each.current.end.replace(year=each.current.end.year - each.years)
            assert each.current.days == each.comparison.days <= 365
    of_whole_years = label in ("2025", "2024", "FY2025", "FY2024", "2024-01-01..2025-12-31")
    assert ("vs previous period" not in [each.breakdown for each in comparisons(period)]) == of_whole_years


def test_a_day_of_a_span_has_a_place_and_29_february_has_none():
    days = pd.DatetimeIndex(
        ["2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31", "2025-01-01"]
    )
    year = Span(datetime(2024, 1, 1), datetime(2025, 1, 1), leap_days=False)
    assert year.position(days).tolist() == [-1, 0, 58, -1, 59, 364, -1]
    assert Span(*year[:2]).position(days).tolist() == [-1, 0, 58, 59, 60, 365, -1]
    assert (year.days, Span(*year[:2]).days) == (365, 366)


def growth_of(net: pd.Series, label: str, begins: datetime = datetime(2019, 1, 1)) -> dict[str, dict]:
    """The rows of growth of revenue by day, of which nobody knows whose it is, by breakdown."""
    period = Period.parse(label, 4).observe(begins, datetime(2026, 1, 1))
    rows = []
    for at, span in enumerate(spans(period)):
        inside = net[(net.index >= span.start) & (net.index < span.end)]
        rows.append(pd.DataFrame({"day": inside.index, "net": inside.to_numpy(), "n": 10.0, "span": at}))
    context = EstimationContext(0.95, periods={"current": period})
    return {row["breakdown"]: row for row in growth([group(pd.concat(rows), 1000)], context).rows}


@pytest.mark.parametrize(
    "label",
    [
        "2025",
        "2024",
        "2023",
        "FY2025",
        "FY2024",
        "2024-01-01..2025-12-31",
        "2025Q1",
        "2024Q1",
        "2025-02",
        "2025-03",
        "2024-01-01..2024-08-31",
    ],
)
@pytest.mark.parametrize("billed", ["on the first of each month", "every day"])
def test_who_bills_alike_each_month_or_each_day_does_not_grow(label: str, billed: str):
    """The same weekdays 52 weeks before would have 11 or 13 bills for 12 of some years."""
    days = pd.date_range("2019-01-01", "2025-12-31", freq="D")
    net = pd.Series(np.where((days.day == 1) | (billed == "every day"), 100.0, 0.0), days)
    rows = growth_of(net[net > 0], label)
    assert rows[""]["value"] == pytest.approx(0, abs=1e-12)
    if "CAGR" in rows:
        assert rows["CAGR"]["value"] == pytest.approx(0, abs=1e-12)


def sold(now: np.ndarray, before: np.ndarray) -> dict:
    """Growth of weeks on their likes of a year before."""
    ago = datetime(2022, 1, 1)
    weeks = [
        pd.Series(net, [start + timedelta(days=7 * week) for week in range(len(net))])
        for start, net in ((ago, before), (START, now))
    ]
    last = START + timedelta(days=7 * len(now) - 1)
    return growth_of(pd.concat(weeks), f"{START:%Y-%m-%d}..{last:%Y-%m-%d}", ago)[""]


@pytest.mark.parametrize(("weeks", "likeness"), [(13, 0.0), (26, 0.3), (52, 0.6)])
def test_growth_of_a_tenth_is_in_the_interval_as_often_as_promised(weeks: int, likeness: float):
    rng, samples = np.random.default_rng(2), 150
    noise = rng.normal(size=(samples, 52 + weeks))
    for week in range(1, 52 + weeks):
        noise[:, week] = likeness * noise[:, week - 1] + np.sqrt(1 - likeness**2) * noise[:, week]
    season = 1 + 0.4 * np.cos(2 * np.pi * np.arange(52 + weeks) / 52)
    revenue = 1000 * season * np.exp(0.3 * noise)
    rows = [sold(1.1 * each[52:], each[:weeks]) for each in revenue]
    covered = np.mean([row["low"] <= 0.1 <= row["high"] for row in rows])
    assert 0.88 <= covered <= 0.99


def test_seasons_do_not_widen_the_interval():
    """Each week is set against its like: what is left of a season that grew is the chance in it."""
    chance = np.exp(0.01 * np.random.default_rng(3).normal(size=52))
    season = 1000 * (1 + 0.8 * np.cos(2 * np.pi * np.arange(52) / 52))
    with_season, without = sold(1.2 * season * chance, season), sold(1200 * chance, np.full(52, 1000.0))
    assert with_season["high"] - with_season["low"] == pytest.approx(without["high"] - without["low"], rel=0.5)


def test_what_does_not_vary_at_all_has_no_interval_rather_than_one_of_no_width():
    row = sold(np.full(52, 1200.0), np.full(52, 1000.0))
    assert row["value"] == pytest.approx(0.2)
    assert np.isnan([row["low"], row["high"]]).all()
    assert row["method"] == "no interval: nothing varies"


def test_the_interval_is_that_of_weeks_and_customers_both_as_written_out():
    """Every order by itself: the variance of weeks (cosines), plus that of customers, less that of orders."""
    rng, ago = np.random.default_rng(8), datetime(2022, 1, 1)
    orders = pd.DataFrame({"customer": rng.integers(0, 200, 4000), "day": rng.integers(0, 730, 4000)})
    orders["net"] = (
        rng.lognormal(0, 0.7, 4000) * rng.lognormal(0, 0.3, 105)[orders["day"] // 7] * (1 + orders["customer"] % 3)
    )
    period = Period.parse("2023").observe(ago, datetime(2024, 1, 1))
    row = growth(groups_of(orders, period, ago), told_of(period)).rows[0]
    now = orders["day"] >= 365
    moves = orders["net"] / np.where(now, orders["net"][now].sum(), -orders["net"][~now].sum())
    weeks = moves.groupby(orders["day"] % 365 // 7).sum().reindex(range(53), fill_value=0)
    cosines = [np.sqrt(2) * np.cos(np.pi * k * (np.arange(53) + 0.5) / 53) for k in range(1, 7)]
    of_weeks = np.mean([(wave @ weeks) ** 2 for wave in cosines])
    of_customers = 200 / 199 * (moves.groupby(orders["customer"]).sum() ** 2).sum()
    common = max(of_weeks - 4000 / 3999 * (moves**2).sum(), 0)
    assert common > 0
    variance = of_customers + common
    df = variance**2 / (of_customers**2 / 199 + common**2 / 6)
    half = max(stats.t.ppf(0.975, df) * np.sqrt(variance), stats.t.ppf(0.975, 6) * np.sqrt(of_weeks))
    assert np.log((1 + row["high"]) / (1 + row["low"])) / 2 == pytest.approx(half, rel=1e-9)
    assert row["method"].startswith("t over weeks")


@pytest.mark.parametrize(
    "shop",
    [Shop("come and go", 60, orders=12.0), Shop("weather", 60, stay=4.0, orders=6.0, weather=0.4)],
    ids=lambda s: s.name,
)
def test_growth_of_nothing_is_in_the_interval_as_often_as_promised(shop: Shop):
    """Weeks alone hold it in 7 of 10 of the first kind, customers alone in 7 of 10 of the second (benchmarks/growth.py)."""
    told = [rows for seed in range(40) for rows in rows_of(shop, seed)["ours"].values()]
    held = np.mean([row["low"] <= 0 <= row["high"] for row in told])
    assert held >= 0.87


def test_the_p_value_is_that_of_an_interval_that_just_touches_nothing():
    row = sold(1000 * np.exp(0.1 * np.random.default_rng(4).normal(size=52)), np.full(52, 900.0))
    assert (row["p_value"] < 0.05) == (row["low"] > 0)


def test_few_weeks_and_nothing_sold_have_no_interval():
    assert np.isnan(sold(np.full(11, 2.0), np.full(11, 1.0))["low"])
    row = sold(np.zeros(20), np.full(20, 1.0))
    assert row["value"] == -1
    assert np.isnan(row["low"])
    assert "no net revenue" in reason_words(sold(np.full(20, 1.0), np.zeros(20))["reason"])


# ---- The median -----------------------------------------------------------------------------------------------------


def drawn(rng: np.random.Generator, customers: int, likeness: float) -> pd.DataFrame:
    """Orders of customers who place three on average, log-normal about 20, those of a customer alike."""
    orders = rng.geometric(1 / 3, customers)
    customer = np.repeat(np.arange(customers), orders)
    z = np.sqrt(likeness) * rng.normal(size=customers)[customer]
    z += np.sqrt(1 - likeness) * rng.normal(size=len(customer))
    return pd.DataFrame({"customer": customer, "net": np.round(20 * np.exp(z), 2)})


def counted(orders: pd.DataFrame) -> pd.DataFrame:
    """As the metric's evidence is counted."""
    by = orders.groupby("customer")["net"]
    ranked = orders.assign(squares=2 * by.rank("first") - 1, units=by.transform("size"), n=1.0, quantity=orders["net"])
    return ranked.groupby("quantity", as_index=False)[["n", "squares", "units"]].sum()


def test_the_interval_counts_customers_as_written_out():
    rng = np.random.default_rng(4)
    orders = drawn(rng, 50, 0.5)
    row = median([group(counted(orders), 50)], CONTEXT).rows[0]
    middle = np.sort(orders["net"])[(len(orders) - 1) // 2]
    below = orders["net"] <= middle
    p, n = below.mean(), len(orders)
    u = below.groupby(orders["customer"]).sum() - p * orders.groupby("customer").size()
    effective = min(p * (1 - p) / (50 / 49 * (u**2).sum() / n**2), n)
    z = stats.t.ppf(0.975, 49)
    centre = (0.5 + z**2 / (2 * effective)) / (1 + z**2 / effective)
    half = z * np.sqrt(0.25 / effective + z**2 / (4 * effective**2)) / (1 + z**2 / effective)
    assert centre == pytest.approx(0.5)
    values = np.sort(orders["net"])
    ends = [values[int(np.ceil(n * share - 1e-9)) - 1] for share in (centre - half, centre + half)]
    assert row["value"] == pytest.approx(orders["net"].median())
    assert [row["low"], row["high"]] == ends


@pytest.mark.parametrize(("customers", "likeness"), [(30, 0.3), (100, 0.0), (100, 0.6)])
def test_the_true_median_is_in_the_interval_as_often_as_promised(customers: int, likeness: float):
    rng = np.random.default_rng(6)
    rows = [median([group(counted(drawn(rng, customers, likeness)), customers)], CONTEXT).rows[0] for _ in range(400)]
    assert 0.91 <= np.mean([row["low"] <= 20 <= row["high"] for row in rows]) <= 0.98


def test_one_customer_alone_has_no_interval():
    row = median([group(counted(pd.DataFrame({"customer": 0, "net": [1.0, 2.0, 4.0]})), 1)], CONTEXT).rows[0]
    assert row["value"] == 2
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


# ---- Conversion -----------------------------------------------------------------------------------------------------


def leads(days: list[int], outcome: list[int], followed: list[int] | int | None = None) -> pd.DataFrame:
    """Leads of which each was followed so long; where that is not given, as if the data ended with each of them."""
    return pd.DataFrame(
        {"days": days, "followed": days if followed is None else followed, "outcome": outcome, "n": 1.0}
    )


def test_of_leads_followed_alike_the_curve_is_the_share_won():
    rows = curve([group(leads([5, 20, 40, 60], [1, 2, 1, 2], 400), 4)], CONTEXT).rows
    assert {row["breakdown"]: row["value"] for row in rows} == {
        "won within 30 days": 0.25,
        "won within 90 days": 0.5,
        "won within 180 days": 0.5,
        "won within 365 days": 0.5,
    }


def test_no_age_is_told_to_which_nobody_was_followed_though_all_are_decided():
    rows = curve([group(leads([5, 20, 40, 60], [1, 2, 1, 2], 92), 4)], CONTEXT).rows
    assert [row["breakdown"] for row in rows] == ["won within 30 days", "won within 90 days"]


@pytest.mark.parametrize("dated", [True, False])
def test_lost_leads_that_are_won_back_are_in_the_curve_of_a_young_cohort_too(dated: bool):
    """Half are given up after 20 days and a third of these won on day 100; leads came evenly over the 200 days before the data end."""
    rng = np.random.default_rng(12)
    followed = rng.integers(0, 200, 30_000)
    lost, back = rng.random(30_000) < 0.5, rng.random(30_000) < 1 / 3
    won = lost & back & (followed >= 100)
    gone = lost & ~won & (followed >= 20)
    days = np.where(won, 100, np.where(gone & dated, 20, followed))
    counts = leads(list(days), list(np.where(won, 1, np.where(gone & dated, 2, 0))), list(followed))
    counts = counts.groupby(["days", "followed", "outcome"], as_index=False)["n"].sum()
    rows = {row["breakdown"]: row["value"] for row in curve([group(counts, 30_000)], CONTEXT).rows}
    assert rows["won within 180 days"] == pytest.approx(1 / 6, abs=0.01)


def test_lost_leads_are_not_won_later():
    """A tenth is won, most others are lost early, and a third is too young: to call the lost ones open says far too much."""
    rng = np.random.default_rng(8)
    n = 20_000
    wins = rng.random(n) < 0.1
    end = np.where(wins, rng.integers(20, 60, n), rng.integers(1, 30, n))
    followed = np.where(rng.random(n) < 0.3, rng.integers(0, 60, n), 400)
    days, outcome = np.minimum(end, followed), np.where(end > followed, 0, np.where(wins, 1, 2))
    counts = leads(list(days), list(outcome), list(followed))
    counts = counts.groupby(["days", "followed", "outcome"], as_index=False)["n"].sum()
    rows = {row["breakdown"]: row for row in curve([group(counts, n)], CONTEXT).rows}
    naive = 1.0
    for day in np.unique(days[outcome == 1]):
        naive *= 1 - ((days == day) & (outcome == 1)).sum() / (days >= day).sum()
    assert rows["won within 90 days"]["value"] == pytest.approx(0.1, abs=0.01)
    assert 1 - naive > 0.3


def test_an_age_that_too_few_have_reached_is_not_told():
    counts = leads([10] * 20 + [95] * 5, [1] * 4 + [0] * 21)  # nobody but five was followed for more than ten days
    for fewest, told in ((1, {"won within 30 days", "won within 90 days"}), (10, set())):
        context = EstimationContext(0.95, suppress_below=fewest)
        found = curve([group(counts, 25)], context)
        assert {row["breakdown"] for row in found.rows} == told
        assert min(point["n"] for point in found.points) >= fewest


def test_where_none_was_won_there_is_an_upper_limit_still():
    row = curve([group(leads([50] * 20, [0] * 20), 20)], CONTEXT).rows[0]
    z = stats.norm.ppf(0.975)
    assert (row["value"], row["low"]) == (0, 0)
    assert row["high"] == pytest.approx(z**2 / (20 + z**2))


# ---- The pipeline ---------------------------------------------------------------------------------------------------


def in_pipeline(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Leads of which three quarters had time, three of ten of these are won, in 40 days at the median, for 245 on average."""
    mature = rng.random(n) < 0.75
    won = mature & (rng.random(n) < 0.3)
    is_open = ~won & (rng.random(n) < 0.25)
    days = np.where(won, np.round(40 * np.exp(0.8 * rng.normal(size=n))), np.nan)
    amount = np.where(won, np.exp(5 + rng.normal(size=n)), 0)
    flags = {"open": is_open * 1, "mature": mature * 1, "won": won * 1}
    found = pd.DataFrame(flags | {"days": days, "brought": amount, "priced": won * 1.0, "n": 1.0})
    found = found[is_open | mature].reset_index(drop=True)
    return found.assign(fold=rng.permutation(len(found)) % 200)


def test_velocity_is_what_it_is_made_of():
    counts = in_pipeline(np.random.default_rng(9), 500)
    won = counts[counts["won"] == 1]
    rate = len(won) / counts["mature"].sum()
    wanted = counts["open"].sum() * rate * won["brought"].mean() / won["days"].median()
    assert velocity([group(counts, 500)], CONTEXT).rows[0]["value"] == pytest.approx(wanted, rel=1e-12)


def test_the_true_velocity_is_in_the_interval_nearly_as_often_as_promised():
    rng, n = np.random.default_rng(10), 300
    truth = n * 0.25 * (1 - 0.75 * 0.3) * 0.3 * np.exp(5.5) / 40
    rows = [velocity([group(in_pipeline(rng, n), n)], CONTEXT).rows[0] for _ in range(60)]
    assert np.mean([row["low"] <= truth <= row["high"] for row in rows]) >= 0.88


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mature": 0, "won": 0, "days": np.nan}, "no lead has a complete follow-up yet"),
        ({"won": 0, "days": np.nan}, "no lead with a complete follow-up was won"),
        ({"priced": 0.0}, "amount"),
        ({"days": 0.0}, "won on the day of creation"),
    ],
)
def test_what_cannot_be_told_is_said(change: dict, reason: str):
    row = velocity([group(in_pipeline(np.random.default_rng(11), 60).assign(**change), 60)], CONTEXT).rows[0]
    assert np.isnan(row["value"])
    assert reason in reason_words(row["reason"])
