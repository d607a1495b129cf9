"""Like with like: which orders count, what is compared with what, and that nothing changes where nothing did."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure, measure_all
from crmnb.evaluate.results_frame import with_signals
from crmnb.evaluate.settings import compared_with
from crmnb.metrics.definition import catalogue
from crmnb.metrics.features.revenue import sold
from crmnb.schema.client import Churn, Client

INACTIVITY = {"churn": Churn(kind="inactivity", inactivity_days=60)}


def client(**declared) -> Client:
    told = {"id": "x", "folder": Path(), "name": "X", "currency": "EUR", "sources": {}, "tables": {}}
    return Client(**(told | INACTIVITY | {"privacy": {"min_base": 1, "suppress_below": 1}} | declared))


def observed(label: str, first: str, last: str) -> Period:
    return Period.parse(label).observe(datetime.fromisoformat(first), datetime.fromisoformat(last))


def whole(id_: str, tables, period: Period) -> pd.DataFrame:
    rows = measure(catalogue()[id_], tables, period).rows
    return rows[(rows["part"] == "") & (rows["segment"] == "")].set_index("breakdown")


# ---- An order that counts -------------------------------------------------------------------------------------------

# (who, amount, status, refunded): a and b bought for 10 and 30; c got a gift, d gave all back by either status.
ORDERS = [
    ("a", 10.0, "paid", None),
    ("b", 40.0, "paid", 10.0),
    ("c", 0.0, "paid", None),
    ("d", 20.0, "paid", 20.0),
    ("d", 20.0, "refunded", 20.0),
    ("d", 20.0, "refunded", None),
    ("d", 20.0, "cancelled", None),
]
# 40 / 2 orders; 2 orders of 2 buyers; none of 2 again; nobody else was won.
COUNTED = {
    "average_order_value": 20.0,
    "median_order_value": 20.0,
    "purchase_frequency": 1.0,
    "repeat_purchase_rate": 0.0,
    "revenue_per_customer": 20.0,
    "new_customers": 2.0,
    "refund_rate": 100 * 4 / 5,
}


def shop(orders: list[tuple], **declared):
    frame = pd.DataFrame(orders, columns=["customer_id", "amount", "status", "refunded_amount"])
    frame["ordered_at"] = pd.date_range("2025-06-01", periods=len(frame), freq="D")
    frame["refunded_at"] = frame["ordered_at"].where(frame["refunded_amount"].notna())
    return in_memory(client(**declared), {"orders": frame.assign(order_id=frame.index.astype(str))})


@pytest.mark.parametrize("id_", COUNTED)
def test_an_order_of_nothing_or_that_came_back_whole_counts_nowhere(id_: str):
    found = whole(id_, shop(ORDERS, data_from="2024-01-01"), observed("2025", "2024-01-01", "2026-01-01"))
    assert found.loc["", "value"] == pytest.approx(COUNTED[id_])


def test_growth_is_made_of_the_same_orders():
    tables = shop(ORDERS)
    now = tables.con.table("orders").df()
    year = pd.Timedelta(days=365)
    earlier = now.assign(
        ordered_at=now["ordered_at"] - year, refunded_at=now["refunded_at"] - year, order_id=now["order_id"] + "x"
    )
    both = in_memory(tables.client, {"orders": pd.concat([now, earlier])})
    period = observed("2025", "2024-01-01", "2026-01-01")
    parts = whole("revenue_bridge", both, period)["value"]
    assert (parts["comparison"], parts["current"]) == (40, 40)
    growth = whole("sales_growth", both, period).loc[""]
    assert (growth["value"], growth["n"], growth["clusters"]) == (0, 4, 2)


def test_who_counts_gifts_as_purchases_says_so():
    found = whole("average_order_value", shop(ORDERS, free_orders=True), observed("2025", "2024-01-01", "2026-01-01"))
    assert (found.loc[""][["numerator", "denominator"]] == [40, 3]).all()


# ---- With what is compared ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "declared", "with_what"),
    [
        ("2025-02", None, "2024-02"),
        ("2025Q1", None, "2024Q1"),
        ("2025-01-01..2025-06-30", None, "2024-01-01..2024-06-30"),
        ("2025", None, "2024"),
        ("2025-01-06..2025-01-12", None, "2024-12-30..2025-01-05"),
        ("2025-02", "previous", "2025-01"),
        ("2025", "year_before", "2024"),
    ],
)
def test_months_and_quarters_are_compared_with_a_year_before_unless_declared(label, declared, with_what):
    assert compared_with(client(comparison=declared), Period.parse(label))[0].label == with_what


def buying(customers: int, first: str, last: str, seed: int) -> pd.DataFrame:
    """Orders of customers who buy at the same rate all the time, so that nothing changes."""
    rng = np.random.default_rng(seed)
    days = (pd.Timestamp(last) - pd.Timestamp(first)).days
    who = np.repeat(np.arange(customers), rng.poisson(days / 15, customers))
    at = pd.Timestamp(first) + pd.to_timedelta(rng.uniform(0, days * 86400, len(who)).astype(int), unit="s")
    orders = pd.DataFrame({"customer_id": who.astype(str), "ordered_at": at, "amount": 10.0, "status": "paid"})
    return orders.assign(order_id=orders.index.astype(str), category="a")


OF_LENGTH = (
    "purchase_frequency",
    "repeat_purchase_rate",
    "revenue_per_customer",
    "retention_rate",
    "average_order_value",
)


@pytest.mark.parametrize(
    ("label", "comparison", "compared"),
    [
        ("2024-02", "previous", False),
        ("2024-03", "previous", False),
        ("2024-02", None, True),
        ("2024-05", "previous", True),
    ],
)
def test_where_nothing_changed_there_is_no_signal_however_long_the_months(label, comparison, compared):
    """Unequal by a day or two (29 February, 30 and 31 days) the interval is wider; by more there is none, and a reason."""
    tables = in_memory(client(comparison=comparison), {"orders": buying(20_000, "2022-12-01", "2024-06-01", 5)})
    period = observed(label, "2022-12-01", "2024-06-01")
    metrics = [catalogue()[id_] for id_ in OF_LENGTH]
    frame = pd.concat([each.rows for each in measure_all(metrics, tables, period)], ignore_index=True)
    frame = with_signals(frame, {metric.id: metric.direction for metric in metrics})
    now = frame[(frame["part"] == "") & (frame["segment"] == "")].set_index("metric")
    assert (now["signal"] == "").all()
    by_length = now.loc[["purchase_frequency", "repeat_purchase_rate", "revenue_per_customer", "retention_rate"]]
    assert by_length["change"].notna().eq(compared).all()
    assert by_length["reason"].str.contains("no_comparison_length").eq(not compared).all()


def test_a_day_more_widens_the_interval_by_what_a_day_can_do():
    """2024 has 366 days: of 3 orders a buyer in 2023, 365 days, a day more makes at most 3 / 365 more."""
    days = [f"{year}-{month:02}-{10 + who % 10}" for year in (2023, 2024) for who in range(40) for month in (2, 5, 9)]
    who = [str(who) for _ in range(2) for who in range(40) for _ in range(3)]
    extra = [("1", "2024-11-11"), ("2", "2023-11-11"), ("3", "2023-10-11")]
    orders = pd.DataFrame(
        {
            "customer_id": who + [name for name, _ in extra],
            "ordered_at": pd.to_datetime(days + [day for _, day in extra]),
        }
    )
    orders = orders.assign(amount=1.0, status="paid", order_id=orders.index.astype(str))
    row = whole(
        "purchase_frequency", in_memory(client(), {"orders": orders}), observed("2024", "2023-01-01", "2025-01-01")
    ).loc[""]
    assert (row["value"], row["previous"]) == pytest.approx((121 / 40, 122 / 40))
    moves = np.array([1, -1, -1] + [0] * 37) + 1 / 40
    error = np.sqrt((moves**2).sum() / 39 / 40)
    slack = 122 / 40 / 365
    assert row["change_high"] - row["change"] >= slack + error
    assert row["change_high"] + row["change_low"] == pytest.approx(2 * row["change"])


# ---- Refunds that are yet to come -----------------------------------------------------------------------------------


def returning(back: float, after: int, first: str = "2023-12-01", last: str = "2026-01-01") -> pd.DataFrame:
    """Ten orders a day of 10 each, by ten customers of the month, of which a share comes back so many days later."""
    ordered = pd.date_range(first, last, inclusive="left").repeat(10)
    orders = pd.DataFrame({"ordered_at": ordered + pd.Timedelta(hours=12), "amount": 10.0, "status": "paid"})
    refunded_at = orders["ordered_at"] + pd.Timedelta(days=after)
    known = refunded_at < pd.Timestamp(last)
    orders["refunded_amount"] = np.where(known, 10 * back, np.nan)
    orders["refunded_at"] = refunded_at.where(known)
    number = np.tile(np.arange(10), len(orders) // 10)
    who = orders["ordered_at"].dt.strftime("%Y-%m ") + pd.Series(number).astype(str)
    return orders.assign(order_id=orders.index.astype(str), customer_id=who)


REFUNDED = (
    "average_order_value",
    "median_order_value",
    "revenue_per_customer",
    "purchase_frequency",
    "repeat_purchase_rate",
)


@pytest.mark.parametrize("back", [0.3, 1.0])
def test_of_refunds_yet_to_come_the_newest_month_makes_no_gain(back: float):
    """30 % (or all) comes back after 20 days: in December that of its first eleven days, and so it was seen a year before."""
    tables, period = (
        in_memory(client(), {"orders": returning(back, 20)}),
        observed("2025-12", "2023-12-01", "2026-01-01"),
    )
    for id_ in REFUNDED:
        row = whole(id_, tables, period).loc[""]
        assert row["change"] == pytest.approx(0, abs=0.005 * row["value"]), id_
    growth = whole("sales_growth", tables, period)["value"]
    assert growth[""] == pytest.approx(0, abs=0.5)
    parts = whole("revenue_bridge", tables, period)["value"]
    assert parts["current"] == parts["comparison"] == 100 * (31 - 11 * back)


def test_a_month_s_own_figure_has_all_refunds_known():
    """Of December's orders those of eleven days have come back in part; of November's all have."""
    tables = in_memory(client(), {"orders": returning(0.3, 20)})
    for label, days_back, days in (("2025-12", 11, 31), ("2025-11", 30, 30)):
        row = whole("average_order_value", tables, observed(label, "2023-12-01", "2026-01-01")).loc[""]
        assert row["value"] == pytest.approx(10 - 3 * days_back / days)
    november = whole("average_order_value", tables, observed("2025-11", "2023-12-01", "2026-01-01")).loc[""]
    assert november["previous"] == pytest.approx(7)


def test_months_of_unequal_length_are_not_compared_while_refunds_are_yet_to_come():
    tables = in_memory(client(comparison="previous"), {"orders": returning(0.3, 20)})
    row = whole("average_order_value", tables, observed("2025-12", "2023-12-01", "2026-01-01")).loc[""]
    assert from_json(row["reason"]).code == "no_comparison_refunds"
    assert np.isnan(row["change"])
    later = observed("2025-10", "2023-12-01", "2026-01-01")
    assert whole("average_order_value", tables, later).loc["", "change"] == pytest.approx(0)


def test_a_refund_without_a_day_counts_from_the_beginning():
    orders = returning(0.3, 20)
    tables = in_memory(client(), {"orders": orders.assign(refunded_at=pd.NaT)})
    row = whole("average_order_value", tables, observed("2025-12", "2023-12-01", "2026-01-01")).loc[""]
    assert row["previous"] == pytest.approx(7)


# ---- The same customers in both periods -----------------------------------------------------------------------------


def two_years(customers: int, alike: float, seed: int) -> pd.DataFrame:
    """Two orders a year of customers who spend on a level of their own, and differently in each year by chance."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, np.sqrt(alike), customers)
    rows = []
    for year in (2024, 2025):
        now = own + rng.normal(0, np.sqrt(1 - alike), customers)
        for month in (3, 9):
            net = np.exp(now + 0.2 * rng.normal(size=customers)).round(2) + 0.01
            rows.append(
                pd.DataFrame(
                    {
                        "customer_id": np.arange(customers).astype(str),
                        "amount": net,
                        "ordered_at": pd.Timestamp(year, month, 5),
                    }
                )
            )
    orders = pd.concat(rows, ignore_index=True)
    return orders.assign(order_id=orders.index.astype(str), status="paid")


def gini(revenue: np.ndarray) -> float:
    revenue, n = np.sort(revenue), len(revenue)
    return (2 * np.arange(1, n + 1) - n - 1) @ revenue / (n * revenue.sum()) * n / (n - 1)


def top_tenth(revenue: np.ndarray) -> float:
    return 100 * np.sort(revenue)[-len(revenue) // 10 :].sum() / revenue.sum()


FIGURES = {
    ("revenue_concentration", "Gini coefficient"): lambda rows: gini(rows.sum(1)),
    ("revenue_concentration", "revenue share of the top 10%"): lambda rows: top_tenth(rows.sum(1)),
    ("median_order_value", ""): lambda rows: float(np.median(rows)),
}


@pytest.mark.parametrize(("metric", "breakdown"), FIGURES)
def test_the_change_of_a_curve_or_a_median_is_paired_by_customer(metric: str, breakdown: str):
    """As wide as a bootstrap of customers that takes each one's both years together; as if apart it would be half as wide again."""
    orders = two_years(600, 0.9, 7)
    tables, period = in_memory(client(), {"orders": orders}), observed("2025", "2024-01-01", "2026-01-01")
    row = whole(metric, tables, period).loc[breakdown]
    wide = orders.pivot_table(index="customer_id", columns="ordered_at", values="amount").to_numpy()
    figure, rng, n = FIGURES[metric, breakdown], np.random.default_rng(1), len(wide)
    drawn = [wide[rng.integers(0, n, n)] for _ in range(300)]
    error = np.std([figure(rows[:, 2:]) - figure(rows[:, :2]) for rows in drawn])
    apart = np.hypot(*(np.std([figure(rows[:, part]) for rows in drawn]) for part in (slice(0, 2), slice(2, 4))))
    width = (row["change_high"] - row["change_low"]) / (2 * 1.96)
    assert apart > 1.35 * error
    wider = (
        1.4 if breakdown == "revenue share of the top 10%" else 1.2
    )  # whose limits are wider than a bootstrap's, which holds too little
    assert 0.8 * error < width < wider * error


def test_customers_of_one_period_only_are_not_paired():
    orders = two_years(300, 0.9, 8)
    others = orders.assign(
        customer_id=orders["customer_id"].where(orders["ordered_at"].dt.year == 2024, "new " + orders["customer_id"])
    )
    period = observed("2025", "2024-01-01", "2026-01-01")
    same, apart = (
        whole("median_order_value", in_memory(client(), {"orders": rows}), period).loc[""] for rows in (orders, others)
    )
    assert same["change"] == apart["change"]
    assert same["change_high"] - same["change_low"] < 0.8 * (apart["change_high"] - apart["change_low"])


# ---- No interval of no width ----------------------------------------------------------------------------------------


def contracts(fees: list[tuple[float, float]]) -> pd.DataFrame:
    """Customers who pay so much a month at the start of 2025, and so much at its end (0: gone)."""
    rows = []
    for who, (before, now) in enumerate(fees):
        ends = pd.NaT if now == before else pd.Timestamp("2025-06-15")
        rows.append((str(who), pd.Timestamp("2024-06-01"), ends, before))
        if now not in (0, before):
            rows.append((str(who), pd.Timestamp("2025-06-15"), pd.NaT, now))
    plans = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at", "monthly_amount"])
    return plans.assign(subscription_id=plans.index.astype(str))


def of_contracts(id_: str, fees: list[tuple[float, float]]) -> pd.Series:
    tables = in_memory(
        client(churn=Churn(kind="contractual", table="subscriptions")), {"subscriptions": contracts(fees)}
    )
    return whole(id_, tables, observed("2025", "2024-01-01", "2026-01-01")).loc[""]


def test_of_revenue_that_all_stayed_the_interval_is_wilsons_at_the_effective_n():
    """100 who pay 10 and 20 who pay 100: Kish's n = (100 * 10 + 20 * 100)^2 / (100 * 100 + 20 * 10000) = 42.86."""
    row = of_contracts("gross_revenue_retention", [(10, 10)] * 100 + [(100, 100)] * 20)
    z, n = stats.t.ppf(0.975, 119), 3000**2 / 210_000
    assert (row["value"], row["high"], row["numerator"], row["denominator"]) == (100, 100, 3000, 3000)
    assert row["low"] == pytest.approx(100 * n / (n + z**2))


def test_who_is_lost_in_part_tells_more_than_who_is_lost_whole():
    whole_loss = of_contracts("gross_revenue_retention", [(10, 0)] * 20 + [(10, 10)] * 180)
    in_part = of_contracts("gross_revenue_retention", [(10, 5)] * 40 + [(10, 10)] * 160)
    assert whole_loss["value"] == in_part["value"] == 90
    assert in_part["high"] - in_part["low"] < 0.8 * (whole_loss["high"] - whole_loss["low"])


def test_of_revenue_of_which_none_moved_net_retention_has_no_interval():
    row = of_contracts("net_revenue_retention", [(10, 10)] * 100)
    assert row["value"] == 100
    assert np.isnan([row["low"], row["high"]]).all()
    assert row["method"].startswith("no interval")


def test_net_retention_that_few_customers_move_is_unreliable():
    few = of_contracts("net_revenue_retention", [(10, 0)] * 3 + [(10, 10)] * 300)
    many = of_contracts("net_revenue_retention", [(10, 0)] * 30 + [(10, 10)] * 300)
    assert ["unreliable" in row["flags"] for row in (few, many)] == [True, False]


@pytest.mark.parametrize("free", [False, True])
def test_the_two_rules_of_which_orders_count_are_one(free: bool):
    """The table's, in SQL, and that of who looks at the days of refunds: all amounts, refunds and statuses."""
    every = [
        ("a", amount, status, back)
        for amount in (0.0, 10.0)
        for status in ("paid", "refunded", "cancelled")
        for back in (None, 0.0, 4.0, 10.0)
        if back is None or back <= amount
    ]
    tables = shop(every, free_orders=free)
    counting = set(tables.counting("orders").project("order_id").df()["order_id"])
    brought = sold(tables.frame("all_orders")).to_native().project("order_id, net").df()
    assert counting == set(brought["order_id"])
    assert len(counting) == (7 if free else 5)


# ---- The parts of the time before -----------------------------------------------------------------------------------

BEFORE = [  # customer, time, amount, refunded, when
    ("a", "2024-02-03", 10.0, None, None),
    ("b", "2024-02-20", 20.0, 5.0, "2024-02-25"),
    ("a", "2024-03-10", 30.0, 30.0, "2025-02-01"),  # not known yet when 2024 was as old as 2025 is
    ("a", "2025-03-01", 70.0, None, None),
    ("c", "2025-04-01", 80.0, None, None),
]


def test_the_months_of_the_year_before_add_up_to_it_as_it_was_known():
    frame = pd.DataFrame(BEFORE, columns=["customer_id", "ordered_at", "amount", "refunded_amount", "refunded_at"])
    frame[["ordered_at", "refunded_at"]] = frame[["ordered_at", "refunded_at"]].apply(pd.to_datetime)
    frame["status"], frame["order_id"] = "paid", frame.index.astype(str)
    tables = in_memory(client(), {"orders": frame})
    rows = measure(catalogue()["net_revenue"], tables, observed("2025", "2024-01-01", "2026-01-01")).rows
    of_months = rows[rows["value"].notna() & (rows["part"] != "") & (rows["segment"] == "")].set_index("part")
    assert of_months["value"].to_dict() == {"2024-02": 25, "2024-03": 30, "2025-03": 70, "2025-04": 80}
    assert of_months["period"].tolist() == ["2024", "2024", "2025", "2025"]
    assert rows.iloc[0][["value", "previous", "change"]].tolist() == [150, 55, 95]


def test_of_states_and_of_counted_curves_no_months_of_the_year_before_are_worked_out(corner_shop):
    assert corner_shop("nps").parts_before["part"].tolist()[::11] == ["2024-01", "2024-12"]
    for id_ in ("retention_rate", "backlog", "cumulative_win_rate"):
        assert corner_shop(id_).parts_before.empty
        assert set(corner_shop(id_).rows["period"]) == {"2025"}
