"""The corner shop's newer figures of retention: by pencil, by a second route, and by the suite."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from evaluating import family_rows
from hand_counts import equal, pencilled
from second_route import Figures, compared, raw_corner_shop
from second_route_retention import (
    crossed,
    gaps_of,
    lifetimes,
    median_gap,
    median_life,
    orders_of_every_status,
    orders_with_categories,
    plans_of,
    refunded,
    revenue_kept,
    staying,
)

from crmnb.core.notes import from_json

PARAMETERS = Path(__file__).parents[3] / "parameters"
FOLDER = PARAMETERS / "corner_shop"
DATA_FROM, DATA_END = "2023-10-01", "2026-01-01"

# {metric: {breakdown: (numerator, denominator)}}, or a value in the metric's unit; the parameters file tells it row by row.
HAND: Figures = {
    "gross_revenue_retention": {"": (85, 180)},
    "net_revenue_retention": {"": (95, 180)},
    "cross_sell_rate": {"": (2, 10)},
    "refund_rate": {"": (1, 23)},
    "time_between_orders": {"": 250.0},
    "survival_curve": {"after 90 days": 100 * 3 / 8},
}

# 2024. Plans: 003 20 and 007 10 at the start; at the end 007 10 + 15. Orders that came back: 1023, of 17 (1014 was cancelled). Lifetimes: 005, 006 after 90 days, 013
# after 150; 008 after 51 and 099 after 20 still there.
HAND_2024: Figures = {
    "gross_revenue_retention": {"": (10, 30)},
    "net_revenue_retention": {"": (25, 30)},
    "refund_rate": {"": (1, 17)},
    "time_between_orders": {"": 293.0},
    "survival_curve": {"after 90 days": 100 / 3},
}

Shop = tuple[pd.DataFrame, list]


def second_route(shop: Shop, start: str, end: str) -> Figures:
    raw, plans = shop
    orders = orders_with_categories(raw)
    lives = lifetimes(orders, end, DATA_FROM)
    return (
        revenue_kept(plans, start, end)
        | crossed(orders, start, end)
        | refunded(orders_of_every_status(raw), start, end, DATA_END)
        | {
            "time_between_orders": {"": median_gap(gaps_of(orders, end))},
            "survival_curve": {"after 90 days": 100 * float(staying(lives, 90))},
            "median_lifetime": {"": median_life(lives)},
        }
    )


@pytest.fixture
def shop() -> Shop:
    return raw_corner_shop(FOLDER)["orders"], plans_of(FOLDER)


@pytest.mark.parametrize(("year", "hand"), [(2025, HAND), (2024, HAND_2024)])
def test_the_second_route_counts_what_the_pencil_counted(shop: Shop, year: int, hand: Figures):
    found = second_route(shop, f"{year}-01-01", f"{year + 1}-01-01")
    assert found.keys() >= hand.keys()
    assert {metric: found[metric] for metric in hand if not equal(found[metric], hand[metric])} == {}


def test_the_parameters_file_tells_the_same_counts():
    told = pencilled((PARAMETERS / "corner_shop.yml").read_text(encoding="utf-8").split("Counted with a pencil")[1])
    shares = {
        metric: {c: hand[0] / hand[1] if isinstance(hand, tuple) else hand for c, hand in breakdowns.items()}
        for metric, breakdowns in HAND.items()
    }
    shares["survival_curve"] = {"after 90 days": 3 / 8}
    for metric, breakdowns in shares.items():
        assert told[metric] == pytest.approx(breakdowns, rel=1e-12), metric


# ---- Every trap is one of the rows ----------------------------------------------------------------------------------


def _order(number: str, column: str, value: str) -> Callable[[Shop], Shop]:
    def changed(shop: Shop) -> Shop:
        raw, plans = shop
        raw.loc[raw["Order no"] == number, column] = value
        return raw, plans

    return changed


def _plans(change: Callable[[list], list]) -> Callable[[Shop], Shop]:
    return lambda shop: (shop[0], change(shop[1]))


def _all_paid(shop: Shop) -> Shop:
    return shop[0].assign(Status=shop[0]["Status"].replace("void", "done")), shop[1]


def _an_instant_later(plans: list) -> list:
    return [(customer, since, until - pd.Timedelta(seconds=1), amount) for customer, since, until, amount in plans]


def _from_before(plans: list) -> list:
    return [(customer, since - pd.Timedelta(seconds=1), until, amount) for customer, since, until, amount in plans]


def _one_plan_each(plans: list) -> list:
    return [plan for i, plan in enumerate(plans) if plan[0] not in {other[0] for other in plans[:i]}]


def _trial_is_worth_something(plans: list) -> list:
    return [(customer, since, until, amount or Fraction(5)) for customer, since, until, amount in plans]


def _a_basket_of_two_days(shop: Shop) -> Shop:
    """The second of two orders at one time comes a day later."""
    return _order("1036", "Ordered", "15/06/2025 11:00:00")(shop)


# What a careless reading does to the rows, and a metric that it must get wrong.
CARELESS: dict[str, tuple[Callable[[Shop], Shop], str]] = {
    "a plan that ends at the instant of the start or the end has ended": (_plans(_an_instant_later), "net_revenue_retention"),
    "a plan from the instant of the start on was there before": (_plans(_from_before), "gross_revenue_retention"),
    "a customer has one plan": (_plans(_one_plan_each), "gross_revenue_retention"),
    "a free trial is revenue": (_plans(_trial_is_worth_something), "net_revenue_retention"),
    "bread on 31 February counts": (_order("1028", "Ordered", "28/02/2025 12:00:00"), "cross_sell_rate"),
    "a cancelled order makes an earlier customer": (_order("1014", "Status", "done"), "cross_sell_rate"),
    "a cancelled order can come back": (_all_paid, "refund_rate"),
    "after 34 days is within 30": (_order("1043", "Refunded on", "14/11/2025 11:00:00"), "refund_rate"),
    "an order of December has had its time": (_order("1050", "Ordered", "01/12/2025 15:00:00"), "refund_rate"),
    "two orders at one time are two purchases": (_a_basket_of_two_days, "time_between_orders"),
    "who bought as the data begin is new": (_order("1006", "Ordered", "31/12/2023 12:05:00"), "survival_curve"),
    "again after 91 days goes on": (_order("1042", "Ordered", "08/10/2025 10:00:00"), "survival_curve"),
}  # fmt: skip


@pytest.mark.parametrize("reading", CARELESS)
def test_every_trap_bites_a_careless_reading(shop: Shop, reading: str):
    change, metric = CARELESS[reading]
    assert not equal(second_route(change(shop), "2025-01-01", "2026-01-01")[metric], HAND[metric])


# ---- The suite ------------------------------------------------------------------------------------------------------


def told(rows: pd.DataFrame, metrics: Figures) -> pd.DataFrame:
    return rows[(rows["part"] == "") & rows["metric"].isin(metrics)]


@pytest.mark.parametrize(("label", "hand"), [("2025", HAND), ("2024", HAND_2024)])
def test_the_suite_counts_what_the_pencil_counted(corner_shop_in, label: str, hand: Figures):
    rows = told(corner_shop_in(label).results("retention"), hand)
    assert compared(rows[rows["segment"] == ""], hand) == []


@pytest.mark.parametrize("quarter", ["2024Q3", "2025Q1", "2025Q3", "2025Q4"])
def test_a_quarter_agrees_with_the_second_route(shop: Shop, corner_shop_intake, quarter: str):
    span = pd.Period(quarter)
    wanted = second_route(shop, str(span.start_time), str((span + 1).start_time))
    if quarter == "2024Q3":  # with so few still followed for 90 days there is nothing to say after them
        del wanted["survival_curve"]
    rows = told(family_rows("retention", *corner_shop_intake, quarter), wanted)
    rows = rows[rows["segment"] == ""]
    never = [metric for metric in wanted if wanted[metric] == {"": float("inf")}]
    assert rows[rows["metric"].isin(never)]["flags"].str.contains("not_reached").all()
    assert compared(rows, {metric: figures for metric, figures in wanted.items() if metric not in never}) == []


@pytest.mark.parametrize("region", ["North", "South", "(not known)"])
def test_a_region_agrees_with_the_second_route(shop: Shop, corner_shop_in, region: str):
    raw, plans = shop
    known = raw_corner_shop(FOLDER)["customers"].set_index("Customer no")["Region"]
    where = raw["Customer no"].map(known).fillna("").replace("", "(not known)")
    plans = [plan for plan in plans if (known.get(plan[0], "") or "(not known)") == region]
    wanted = second_route((raw[where == region], plans), "2025-01-01", "2026-01-01")
    rows = told(corner_shop_in("2025").results("retention"), wanted)
    of = rows[(rows["segment"] == "region") & (rows["level"] == region)]
    assert compared(of, wanted) == []


def test_survival_is_not_told_by_tenure_which_is_the_time_itself(corner_shop_in):
    book = corner_shop_in("2025")
    assert book("survival_curve").segmentations == ("region",)
    assert book("median_lifetime").segmentations == ("region",)


def test_too_few_customers_carry_no_model(corner_shop_in):
    book = corner_shop_in("2025")
    [row] = book("expected_churn").whole.to_dict("records")
    assert row["flags"] == "unavailable"
    assert from_json(row["reason"]).values["reason"].code == "few_repeat_buyers"
    assert list(book.customers("expected_churn").columns) == ["not available"]
