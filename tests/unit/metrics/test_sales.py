"""Sales on the corner shop: every figure counted with a pencil, by a second route, and by the suite; every trap bites."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from evaluating import family_rows
from hand_counts import pencilled
from second_route import Figures, compared
from second_route_sales import corner_shop as raw_corner_shop
from second_route_sales import leads_figures, revenue_figures, tidy, visits_figures

from crmnb.core.notes import Note, from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.intake import Intake
from crmnb.metrics.definition import Metric, catalogue, family
from crmnb.schema.client import Client, Segment, load_client
from crmnb.workbook import open_on

PARAMETERS = Path(__file__).parents[3] / "parameters"
Raw = dict[str, pd.DataFrame]
FROM, CUTOFF = "2023-10-01", "2026-01-01"

# {metric: {breakdown: (numerator, denominator)}}, or a value in the metric's unit where there is no plain ratio; how
# it was counted stands in parameters/corner_shop.yml.
HAND: Figures = {
    "lead_conversion_rate": {"": (5, 11)},
    "cumulative_win_rate": {
        "won within 30 days": 100 * 13 / 33,
        "won within 90 days": 100 * 17 / 33,
        "won within 180 days": 100 * 21 / 33,
    },
    "stage_conversion": {
        "1 lead to qualified": (9, 11),
        "2 qualified to proposed": (8, 9),
        "3 proposed to won": (5, 8),
    },
    "win_rate": {"": (6, 8)},
    "visitor_conversion_rate": {"purchase": (4, 9), "newsletter": (2, 9)},
    "session_conversion_rate": {"": (8, 13)},
    "net_revenue": {"": 2029.5},
    "active_customers": {"": 14},
    "sales_growth": {"": 100 * (2029.5 / 410 - 1)},
    "revenue_bridge": {
        "comparison": 432,
        "customers": 245.836489475,
        "frequency": 233.277197725,
        "order value": 1111.386312800,
        "without a customer": 7,
        "current": 2029.5,
    },
    "average_order_value": {"": (2029.5, 26)},
    "median_order_value": {"": 31},
    "sales_velocity": {"": 18},
}


def second(raw: Raw, start: str, end: str) -> Figures:
    """All figures of a period, from the raw files."""
    shop = tidy(raw)
    return {
        **leads_figures(shop["leads"], start, end, CUTOFF),
        **visits_figures(shop["visits"], start, end),
        **revenue_figures(shop["orders"], start, end, FROM, CUTOFF),
    }


@pytest.fixture
def raw() -> Raw:
    return raw_corner_shop(PARAMETERS / "corner_shop")


def close(found: dict, hand: dict) -> bool:
    """Whether the breakdowns are the same, and each is counted alike or as near as the pencil wrote it down."""
    return found.keys() == hand.keys() and all(
        found[c] == hand[c] if isinstance(hand[c], tuple) else found[c] == pytest.approx(hand[c], rel=1e-9)
        for c in hand
    )


# ---- The pencil and the second route --------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", HAND)
def test_the_second_route_counts_what_the_pencil_counted(raw: Raw, metric: str):
    assert close(second(raw, "2025-01-01", "2026-01-01")[metric], HAND[metric])


def test_the_parameters_file_tells_the_same_counts():
    told = pencilled((PARAMETERS / "corner_shop.yml").read_text(encoding="utf-8").split("Counted with a pencil")[1])
    for metric, breakdowns in HAND.items():
        percent = 100 if family("sales")[metric].unit == "%" else 1
        wanted = {c: f[0] / f[1] if isinstance(f, tuple) else f / percent for c, f in breakdowns.items()}
        assert told[metric] == pytest.approx(wanted, rel=1e-9), metric


def test_every_metric_of_the_family_was_counted():
    assert set(HAND) == set(family("sales"))


@pytest.mark.parametrize("metric", family("sales").values(), ids=lambda metric: metric.id)
def test_a_metric_declares_the_components_that_the_pencil_counted(metric: Metric):
    declared = metric.hand_count if isinstance(metric.hand_count, dict) else {"": metric.hand_count}
    assert declared.keys() == HAND[metric.id].keys()


# ---- Every trap is one of the rows ----------------------------------------------------------------------------------


def _cell(table: str, key: str, row: str, column: str, value: str) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw[table].loc[raw[table][key] == row, column] = value

    return change


def _lead(row: str, column: str, value: str) -> Callable[[Raw], None]:
    return _cell("leads", "Enquiry", row, column, value)


def _visit(row: str, column: str, value: str) -> Callable[[Raw], None]:
    return _cell("visits", "Session", row, column, value)


def _order(row: str, column: str, value: str) -> Callable[[Raw], None]:
    return _cell("orders", "Order no", row, column, value)


def _lost_leads_are_out_of_sight(raw: Raw) -> None:
    raw["leads"] = raw["leads"][(raw["leads"]["Declined"] == "") | (raw["leads"]["Ordered"] != "")]


def _only_leads_with_all_stages(raw: Raw) -> None:
    raw["leads"] = raw["leads"][raw["leads"]["Tasted"] != ""]


def _every_visitor_id_is_a_person(raw: Raw) -> None:
    raw["visits"]["Customer no"] = ""


def _visits_without_customer_do_not_count(raw: Raw) -> None:
    raw["visits"] = raw["visits"][raw["visits"]["Customer no"] != ""]


def _not_known_is_no(raw: Raw) -> None:
    raw["visits"]["Reached"] = raw["visits"]["Reached"].replace("", "no")


def _refunds_do_not_matter(raw: Raw) -> None:
    raw["orders"]["Refunded"] = raw["orders"]["Refunded"].mask(raw["orders"]["Order no"] == "1043", "0")


def _cancelled_counts(raw: Raw) -> None:
    raw["orders"]["Status"] = raw["orders"]["Status"].replace("void", "done")


def _orders_have_customers(raw: Raw) -> None:
    raw["orders"] = raw["orders"][raw["orders"]["Customer no"] != ""]


# What a careless reading does to the rows, and a metric that it must get wrong.
CARELESS: dict[str, tuple[Callable[[Raw], None], str]] = {
    "a lead of the last second of 2024 is of 2025": (_lead("E04", "Asked", "2025-01-01 00:00"), "lead_conversion_rate"),
    "a lead of the first instant of 2025 is of 2024": (_lead("E05", "Asked", "2024-12-31 23:59"), "lead_conversion_rate"),
    "a lead that declined first is lost": (_lead("E08", "Ordered", ""), "cumulative_win_rate"),
    "a lead won after 100 days is won in time": (_lead("E08", "Ordered", "2025-06-18 09:00"), "lead_conversion_rate"),
    "a lead won on the 90th day is too late": (_lead("E06", "Ordered", "2025-05-16 09:00"), "lead_conversion_rate"),
    "a stage is reached however late": (_lead("E08", "Ordered", "2025-06-18 09:00"), "stage_conversion"),
    "a lead that fell through was never won": (_lead("E13", "Ordered", ""), "cumulative_win_rate"),
    "a lost lead is out of sight": (_lost_leads_are_out_of_sight, "cumulative_win_rate"),
    "a recent lead was seen as long as the others": (_lead("E15", "Asked", "2025-01-20 12:00"), "cumulative_win_rate"),
    "a lead that skipped a stage is none": (_only_leads_with_all_stages, "stage_conversion"),
    "a sale without an offer is an offer won": (_lead("E12", "Offered", "2025-08-20 12:00"), "win_rate"),
    "an offer belongs to the year it was made": (_lead("E03", "Ordered", "2024-12-30 10:00"), "win_rate"),
    "no amount is an amount of nothing": (_lead("E10", "Worth", "0"), "sales_velocity"),
    "a decided lead is still open": (_lead("E11", "Declined", ""), "sales_velocity"),
    "two browsers of a customer are two persons": (_every_visitor_id_is_a_person, "visitor_conversion_rate"),
    "two customers of a browser are one person": (_visit("W11", "Customer no", "009"), "visitor_conversion_rate"),
    "who is not known does not count": (_visits_without_customer_do_not_count, "visitor_conversion_rate"),
    "a conversion without a goal is none": (_visit("W07", "Reached", "no"), "session_conversion_rate"),
    "not known is not converted": (_not_known_is_no, "session_conversion_rate"),
    "a visit of the last second of 2024 is of 2025": (_visit("W01", "Began", "2025-01-01 00:00"), "visitor_conversion_rate"),
    "what was refunded in part counts in full": (_refunds_do_not_matter, "average_order_value"),
    "a cancelled order is a sale": (_cancelled_counts, "average_order_value"),
    "31 February is 3 March": (_order("1028", "Ordered", "03/03/2025 12:00:00"), "median_order_value"),
    "orders without a customer are no revenue": (_orders_have_customers, "sales_growth"),
    "orders without a customer have no place in growth": (_orders_have_customers, "revenue_bridge"),
    "29 February has a day to be compared with": (_order("1007", "Ordered", "28/02/2024 11:20:00"), "sales_growth"),
}  # fmt: skip


@pytest.mark.parametrize("reading", CARELESS)
def test_every_trap_bites_a_careless_reading(raw: Raw, reading: str):
    change, metric = CARELESS[reading]
    change(raw)
    assert not close(second(raw, "2025-01-01", "2026-01-01")[metric], HAND[metric])


# ---- The suite ------------------------------------------------------------------------------------------------------

WINDOWS = {
    "2025": ("2025-01-01", "2026-01-01"),
    "2024": ("2024-01-01", "2025-01-01"),
    "2025Q3": ("2025-07-01", "2025-10-01"),
    "2025Q4": ("2025-10-01", "2026-01-01"),
    "2025-06": ("2025-06-01", "2025-07-01"),
}


@pytest.fixture(scope="module")
def taken(corner_shop_intake) -> Intake:
    return corner_shop_intake[1]


def test_the_intake_takes_all_leads_and_visits(taken: Intake):
    counts = {each.table: (each.read, each.accepted) for each in taken.audits if each.table in ("leads", "visits")}
    assert counts == {"leads": (15, 15), "visits": (16, 16)}


@pytest.mark.parametrize("label", WINDOWS)
def test_the_suite_counts_what_the_second_route_counts(corner_shop_intake, raw: Raw, label: str):
    rows = family_rows("sales", *corner_shop_intake, label)
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")]
    assert compared(whole, second(raw, *WINDOWS[label])) == []


def test_months_are_what_the_second_route_counts_of_them(corner_shop, raw: Raw):
    rows = corner_shop.results("sales")
    months = {f"2025-{m:02}": (f"2025-{m:02}-01", f"{2025 + m // 12}-{m % 12 + 1:02}-01") for m in range(1, 13)}
    no_trend = ("revenue_bridge", "median_order_value")
    for label, span in months.items():
        wanted = {metric: found for metric, found in second(raw, *span).items() if metric not in no_trend}
        wanted = {metric: found for metric, found in wanted.items() if found}
        assert compared(rows[rows["part"] == label], wanted) == [], label


def test_leads_are_broken_down_by_their_own_columns_alone(corner_shop, taken: Intake):
    """By the customers' region, all who are in one would have been won."""
    of_leads = (
        "lead_conversion_rate",
        "cumulative_win_rate",
        "stage_conversion",
        "win_rate",
        "sales_velocity",
    )
    rows = corner_shop.results("sales")
    assert set(rows.loc[rows["metric"].isin(of_leads), "segment"]) == {""}
    by_source = {"segments": {"came_by": Segment(column="leads.source")}}
    client = load_client("corner_shop", PARAMETERS).model_copy(update=by_source)
    rows = family_rows("sales", client, taken, "2025")
    levels = rows[rows["segment"] == "came_by"]
    assert set(levels["metric"]) == {*of_leads}
    found = levels[levels["metric"] == "lead_conversion_rate"].set_index("level")
    assert found[["numerator", "denominator"]].T.to_dict("list") == {"a friend": [2, 3], "fair": [0, 3], "web": [3, 5]}


def test_growth_is_compared_with_no_other_growth(corner_shop):
    rows = corner_shop.results("sales")
    growth = rows[rows["metric"] == "sales_growth"]
    assert growth["previous"].isna().all()
    assert growth.loc[growth["part"] != "", "p_value"].isna().all()


def test_growth_that_leaves_chance_behind_is_a_signal_of_its_own(corner_shop):
    """The comparison is the figure itself: its change is its value, with a p-value below .05 where its interval is without 0."""
    rows = corner_shop.results("sales")
    growth = rows[(rows["metric"] == "sales_growth") & (rows["part"] == "") & rows["low"].notna()]
    assert len(growth)
    assert (growth["change"] == growth["value"]).all()
    assert (growth[["change_low", "change_high"]].to_numpy() == growth[["low", "high"]].to_numpy()).all()
    apart = (growth["low"] > 0) | (growth["high"] < 0)
    assert (apart == (growth["p_value"] < 0.05)).all()


def converted(client: Client, imported: Intake, quarter: str) -> pd.Series:
    """The row of the whole client's lead conversion rate."""
    book = open_on(client, Period.parse(quarter), imported)
    rows = measure(catalogue()["lead_conversion_rate"], book.tables, book.period).rows
    return rows[(rows["part"] == "") & (rows["segment"] == "")].iloc[0]


def test_a_young_cohort_is_called_immature_and_not_compared(corner_shop_intake):
    whole, before = (converted(*corner_shop_intake, quarter) for quarter in ("2025Q4", "2025Q3"))
    assert "immature" in whole["flags"].split()
    assert pd.isna(whole["change"])
    assert "immature" not in before["flags"].split()


def test_the_curve_draws_won_and_lost(corner_shop):
    points = corner_shop("cumulative_win_rate").points
    whole = points[points["segment"] == ""]
    assert set(whole["breakdown"]) == {"won", "lost"}
    last = whole[whole["x"] == whole["x"].max()].set_index("breakdown")["value"]
    assert last["won"] == pytest.approx(100 * 21 / 33)
    assert last["won"] + last["lost"] < 100
    assert whole["n"].max() == 11


def test_a_lead_that_nobody_closed_is_not_in_the_pipeline_for_ever(corner_shop, taken: Intake):
    leads = duckdb.read_parquet(str(taken.tables["leads"])).df()
    forgotten = leads.assign(lost_at=leads["lost_at"].mask(leads["lead_id"] == "E02"))
    assert forgotten["lost_at"].notna().sum() == leads["lost_at"].notna().sum() - 1
    tables = in_memory(corner_shop.client, {"leads": forgotten})
    found = measure(family("sales")["sales_velocity"], tables, corner_shop.period).rows
    assert found.loc[found["part"] == "", "value"].tolist() == [18]


def test_the_pipeline_is_told_and_compared_where_the_leads_themselves_reach_back_far_enough():
    """The orders begin years before the leads, whose first year would look as if hardly anything came in before."""
    created = pd.date_range("2024-01-01", "2025-12-01", freq="12h")
    won_at = created.to_series(index=range(len(created))).where(pd.Series(created.day % 2 == 0)) + pd.Timedelta(days=20)
    leads = pd.DataFrame({"created_at": created, "won_at": won_at, "lost_at": pd.NaT, "amount": 100.0})
    leads["lead_id"] = leads.index.astype(str)
    client = Client(id="x", folder=".", name="X", currency="EUR", sources={}, tables={"leads": {"columns": {}}})
    period = Period.parse("2025").observe(pd.Timestamp("2020-01-01"), pd.Timestamp("2026-01-01"))
    rows = measure(family("sales")["sales_velocity"], in_memory(client, {"leads": leads}), period).rows
    whole = rows[rows["part"] == ""].iloc[0]
    assert whole["value"] > 0
    assert pd.isna(whole["change"])
    needs = {"needed": "2023-10-04", "days": 455, "time": "2025-01-01", "begins": "2024-01-01"}
    assert from_json(whole["reason"]) == Note(
        "no_comparison_unavailable", period="2024", reason=Note("needs_history", **needs)
    )
    parts = rows[rows["part"] != ""].set_index("part")["value"]
    assert parts[:"2025-02"].isna().all()
    assert parts["2025-03":].notna().all()


# ---- Small groups and other people ----------------------------------------------------------------------------------


def shop_of(rows: list[tuple[str | None, str, float]], segments: dict[str, Segment]):
    """The tables of a made-up shop with orders of 2024 and 2025, its customers in the region of their first letter."""
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    orders = orders.assign(ordered_at=pd.to_datetime(orders["ordered_at"]), order_id=orders.index.astype(str))
    orders["status"] = "paid"
    orders["channel"] = ["web" if each % 2 else "shop" for each in orders.index]
    ids = orders["customer_id"].dropna().unique()
    first = orders.groupby("customer_id")["ordered_at"].min()[ids].to_numpy()
    customers = pd.DataFrame({"customer_id": ids, "region": [name[0] for name in ids], "joined": first})
    tables = {"orders": orders, "customers": customers}
    told = {"id": "x", "folder": ".", "name": "X", "currency": "EUR", "sources": {}, "segments": segments}
    return in_memory(Client(**told, tables={name: {"columns": {}} for name in tables}), tables)


def bought(tables, metric: str, **at: str) -> pd.DataFrame:
    period = Period.parse("2025").observe(pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01"))
    rows = measure(family("sales")[metric], tables, period).rows
    rows = rows[rows["part"] == ""]
    return rows[(rows[list(at)] == pd.Series(at)).all(axis=1)]


REGION = {"region": Segment(column="customers.region")}
BUSY = [
    ("a", f"2024-{1 + k // 4:02}-{4 + 7 * (k % 4):02}", 50.0) for k in range(40)
]  # one customer is all of region a in 2024
LATER = [(f"a{k}", f"2025-{1 + k // 10:02}-{1 + k % 10:02}", 50.0) for k in range(100)]
OTHERS = [(f"b{k % 60}", f"{year}-{1 + k // 10:02}-{5 + k % 10:02}", 40.0) for year in (2024, 2025) for k in range(120)]


@pytest.mark.parametrize("metric", ["sales_growth", "revenue_bridge"])
def test_growth_on_what_few_customers_bought_is_not_shown_however_many_orders_they_made(metric: str):
    tables = shop_of(BUSY + LATER + OTHERS, REGION)
    rows = bought(tables, metric, segment="region")
    assert {*rows["level"]} == {"a", "b"}
    assert rows["flags"].str.contains("suppressed|unavailable").all()
    assert rows["value"].isna().all()
    assert bought(tables, metric, segment="")["value"].notna().any()


def test_customers_behind_growth_are_counted_once_in_each_level_of_a_column_of_the_orders():
    tables = shop_of(OTHERS, {"channel": Segment(column="orders.channel"), **REGION})
    rows = bought(tables, "sales_growth", breakdown="")
    assert dict(zip(rows["level"], rows["clusters"], strict=True)) == {"": 60, "b": 60, "shop": 30, "web": 30}
    assert not rows["flags"].str.contains("unreliable").any()
    few = shop_of([(f"b{int(who[1:]) % 20}", *rest) for who, *rest in OTHERS], {})
    assert bought(few, "sales_growth", breakdown="")["flags"].tolist() == ["low_base unreliable"]


def test_growth_of_orders_without_a_column_of_customers_counts_orders():
    """120 orders of 40 in 2024 and 150 in 2025: 6,000 / 4,800 - 1, with the limits of weeks."""
    rows = [(None, day, money) for _, day, money in OTHERS] + [
        (None, f"2025-11-{1 + k % 28:02}", 40.0) for k in range(30)
    ]
    tables = shop_of(rows, {})
    plain = in_memory(tables.client, {"orders": tables.every("orders").df().drop(columns="customer_id")})
    row = bought(plain, "sales_growth", breakdown="").iloc[0]
    assert row["value"] == pytest.approx(25)
    assert row["n"] == 270
    assert row["low"] < 25 < row["high"]
    assert row["method"].startswith("t over weeks, ")


@pytest.mark.parametrize(("before", "now", "apart"), [(0, 3, False), (30, 3, False), (30, 40, True), (0, 0, False)])
def test_few_orders_without_a_customer_are_left_out_of_both_sides(before: int, now: int, apart: bool):
    """Three orders of nobody in the period would follow from growth's parts, so none of either side count."""
    nobody = [(None, "2024-03-01", 7.0)] * before + [(None, "2025-03-01", 11.0)] * now
    money = bought(shop_of(OTHERS + nobody, {}), "revenue_bridge").set_index("breakdown")["value"]
    assert ("without a customer" in money) == apart
    assert money["comparison"] == 4800 + 7 * before * apart
    assert money["current"] == 4800 + 11 * now * apart
    assert money.drop("current").sum() == pytest.approx(money["current"])


@pytest.mark.parametrize("metric", ["sales_growth", "revenue_bridge"])
def test_growth_is_not_told_by_tenure(metric: str):
    """Who joined this year bought nothing the year before."""
    rows = bought(shop_of(OTHERS + LATER, {"tenure": Segment(column="customers.joined", years=(1,)), **REGION}), metric)
    assert {*rows["segment"]} == {"", "region"}


# ---- The same time for all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["lead_conversion_rate", "stage_conversion"])
def test_leads_of_two_quarters_that_are_won_alike_convert_alike_however_long_ago(metric: str):
    """Each day a lead is won after 10 days, one after 120, one after 200 and one never: the older could be won for longer."""
    created = pd.date_range("2025-01-01", "2025-06-29", freq="1h").repeat(4)
    takes = pd.Series([10, 120, 200, None] * (len(created) // 4), dtype=float)
    won_at = created.to_series(index=takes.index) + pd.to_timedelta(takes, unit="D")
    leads = pd.DataFrame({"created_at": created, "won_at": won_at, "lead_id": takes.index.astype(str)})
    leads = leads.assign(proposed_at=leads["won_at"])
    client = Client(
        id="x",
        folder=".",
        name="X",
        currency="EUR",
        sources={},
        tables={"leads": {"columns": {}}},
        comparison="previous",
    )
    period = Period.parse("2025Q2").observe(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-10-01"))
    rows = measure(family("sales")[metric], in_memory(client, {"leads": leads}), period).rows
    first = rows[rows["part"] == ""].iloc[0]
    assert (first["value"], first["previous"], first["change"]) == (25, 25, 0)


# ---- Names ----------------------------------------------------------------------------------------------------------


def test_what_leads_are_worth_breaks_the_pipeline_down_though_it_is_counted(corner_shop, taken: Intake):
    by_amount = {"segments": {"size": Segment(column="leads.amount", bands=(300,))}}
    client = load_client("corner_shop", PARAMETERS).model_copy(update=by_amount)
    rows = family_rows("sales", client, taken, "2025")
    levels = rows[(rows["metric"] == "sales_velocity") & (rows["segment"] == "size")].set_index("level")
    assert {*levels.index} == {"(not known)", "300 or more", "under 300"}
    # E09 and E14 are open; E04 to E06, E09, E11 and E13 had time, and E05, E06 and E13 were won for 300, 500, 400 in 30, 90, 30 days.
    assert levels.loc["300 or more", "value"] == pytest.approx(2 * (3 / 6) * 400 / 30)


@pytest.mark.parametrize(("metric", "column"), [("sales_velocity", "won"), ("cumulative_win_rate", "days")])
def test_a_column_of_the_name_of_what_is_counted_is_refused_in_words(
    corner_shop, taken: Intake, metric: str, column: str
):
    leads = duckdb.read_parquet(str(taken.tables["leads"])).df().assign(**{column: "a"})
    client = corner_shop.client.model_copy(update={"segments": {"own": Segment(column=f"leads.{column}")}})
    rows = measure(family("sales")[metric], in_memory(client, {"leads": leads}), corner_shop.period).rows
    assert rows["value"].isna().all()
    assert f"leads.{column}" in rows["reason"].iloc[0]


def test_a_column_of_the_orders_of_the_name_of_what_is_counted_is_refused_in_words():
    tables = shop_of(OTHERS, {"own": Segment(column="orders.net"), **REGION})
    tables = in_memory(tables.client, {"orders": tables.con.sql("select *, 'a' as net from orders").df()})
    assert "orders.net" in bought(tables, "sales_growth")["reason"].iloc[0]


def test_a_sum_of_all_there_is_needs_no_interval_and_is_not_unreliable(corner_shop):
    (revenue,) = corner_shop("net_revenue").entries
    assert (revenue.value, revenue.flags, revenue.method) == (2029.5, "", "none")
    assert revenue.low != revenue.low
