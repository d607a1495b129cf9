"""Worth where the data are not as they should be: measured from tables that are made for the case."""

import numpy as np
import pandas as pd
import pytest
from worded import note_words, reason_words

from crmnb.core.errors import InputError
from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Churn, Client, Worth

BY_CONTRACT = Churn(kind="contractual", table="subscriptions")


def measured(
    tables: dict[str, pd.DataFrame], metric: str, *, since="2023-01-01", until="2026-01-01", **facts
) -> Measured:
    """A metric of 2025 from these tables, whose data cover `[since, until)`."""
    told = {"churn": Churn(kind="inactivity", inactivity_days=90), "worth": Worth(margin_rate=0.4)}
    told |= {"data_from": since, "data_until": pd.Timestamp(until).date() - pd.Timedelta(days=1)}
    told |= {"id": "x", "folder": ".", "name": "X", "currency": "EUR", "sources": {}}
    client = Client(**told | {"tables": {name: {"columns": {}} for name in tables}} | facts)
    period = Period.parse("2025").observe(pd.Timestamp(since), pd.Timestamp(until))
    return measure(catalogue()[metric], in_memory(client, tables), period)


def whole(found: Measured) -> pd.Series:
    """The row of the whole client and period."""
    rows = found.rows
    return rows[(rows["part"] == "") & (rows["segment"] == "")].iloc[0]


def shop(size: int, *, start="2023-01-01", end="2026-01-01", seed=1) -> pd.DataFrame:
    """Orders of customers who buy at rates of their own until they leave."""
    rng = np.random.default_rng(seed)
    first, days, orders = pd.Timestamp(start), (pd.Timestamp(end) - pd.Timestamp(start)).days, []
    for who in range(size):
        at, rate, leaves, spend = rng.uniform(0, days), rng.gamma(0.8, 1 / 60), rng.beta(0.8, 4), rng.gamma(4, 10)
        while at < days:
            amount = round(float(rng.gamma(4, spend / 4)), 2) + 0.01
            orders.append((f"c{who}", first + pd.Timedelta(days=float(at)), amount))
            at = np.inf if rng.random() < leaves else at + rng.exponential(1 / rate)
    return pd.DataFrame(orders, columns=["customer_id", "ordered_at", "amount"]).assign(status="paid")


@pytest.mark.parametrize("metric", ["predicted_clv", "residual_clv", "clv_backtest"])
def test_orders_before_the_declared_beginning_of_the_data_are_no_obstacle(metric: str):
    privacy = {"min_base": 1, "suppress_below": 1}  # so that each week is told
    found = measured({"orders": shop(800)}, metric, since="2024-03-01", privacy=privacy)
    assert np.isfinite(whole(found)["value"])
    if metric == "clv_backtest":
        curves = found.points.pivot(index="x", columns="breakdown", values="value")
        # Each week of all three years is there, and what was expected of them is near what came.
        assert curves["actual"].dropna().is_monotonic_increasing
        at = curves[["actual", "expected"]].dropna()
        assert len(at) == pytest.approx(156, abs=1)
        assert at["expected"].iloc[80] == pytest.approx(at["actual"].iloc[80], rel=0.15)


def plans(ends: list[str | None], **facts) -> pd.DataFrame:
    """Contracts of 10 a month from 2024-01-15 on, one a customer."""
    many = range(len(ends))
    held = {"subscription_id": [f"s{i}" for i in many], "customer_id": [f"c{i}" for i in many], "monthly_amount": 10.0}
    return pd.DataFrame(held | facts).assign(started_at=pd.Timestamp("2024-01-15"), ended_at=pd.to_datetime(ends))


def test_contracts_are_paid_until_the_data_end_not_until_the_newest_of_them_began_or_ended():
    tables = {"subscriptions": plans([None] * 30 + ["2025-03-20"] * 10)}
    facts = {"churn": BY_CONTRACT}
    assert whole(measured(tables, "revenue_per_customer", **facts))["numerator"] == 30 * 120 + 10 * 30
    unknown = measured(tables, "revenue_per_customer", **facts, data_until=None)
    assert "data_until" in reason_words(whole(unknown)["reason"])
    tickets = pd.DataFrame({"ticket_id": ["t"], "opened_at": pd.to_datetime(["2025-07-16"])})
    found = measured(tables | {"tickets": tickets}, "revenue_per_customer", **facts, data_until=None)
    assert whole(found)["numerator"] == 30 * 70 + 10 * 30  # the newest event is a ticket


def spent(first: str, last: str) -> pd.DataFrame:
    """1,000 in each of these months on winning customers."""
    return pd.DataFrame({"month": pd.date_range(first, last, freq="MS"), "category": "acquisition", "amount": 1000.0})


@pytest.mark.parametrize("metric", ["customer_acquisition_cost", "clv_to_cac", "cac_payback_period"])
def test_months_of_which_no_costs_were_delivered_are_not_without_spend(metric: str):
    orders = shop(1500)
    all_year = measured({"orders": orders, "costs": spent("2023-01", "2025-12")}, metric)
    assert np.isfinite(whole(all_year)["value"])
    for first, last in (("2023-01", "2025-06"), ("2025-02", "2025-12")):
        row = whole(measured({"orders": orders, "costs": spent(first, last)}, metric))
        assert np.isnan(row["value"])
        assert (reason := from_json(row["reason"])).code == "acquisition_costs_partial"
        assert (reason.values["first"], reason.values["last"]) == (first, last)
    other = spent("2025-07", "2025-12").assign(category="service")  # so that no spend is known to be none
    costs = pd.concat([spent("2023-01", "2025-06"), other])
    assert np.isfinite(whole(measured({"orders": orders, "costs": costs}, metric))["value"])
    lagged = Worth(margin_rate=0.4, acquisition_lag_months=2)
    late = measured({"orders": orders, "costs": spent("2024-11", "2025-10")}, metric, worth=lagged)
    assert "acquisition_costs_partial" not in whole(late)["reason"].split("no_comparison")[0]


def test_a_month_that_is_seen_in_part_has_neither_spend_nor_customers_won():
    orders = shop(1500)
    early = orders[orders["ordered_at"] < "2025-12-10"]
    found = measured(
        {"orders": early, "costs": spent("2023-01", "2025-12")}, "customer_acquisition_cost", until="2025-12-10"
    )
    first = orders.groupby("customer_id")["ordered_at"].min()
    won = ((first >= "2025-01-01") & (first < "2025-12-01")).sum()
    assert (whole(found)["numerator"], whole(found)["denominator"]) == (11_000, won)
    assert any("December 2025, in which the data end" in note for note in note_words(found.notes))


@pytest.mark.parametrize(
    ("metric", "setting"), [("predicted_clv", "renewal_months"), ("expected_churn", "horizon_days")]
)
@pytest.mark.parametrize("span", [0, -10])
def test_a_span_of_no_time_is_an_error_of_the_settings(metric: str, setting: str, span: int):
    with pytest.raises(InputError, match=f"{metric}.{setting}: {span} is out of range"):
        measured({"orders": shop(50)}, metric, settings={metric: {setting: span}})


def test_costs_without_any_order_are_no_customers_won():
    none = shop(5).iloc[:0]
    row = whole(measured({"orders": none, "costs": spent("2025-01", "2025-12")}, "clv_to_cac"))
    assert reason_words(row["reason"]) == "no customers won"
    assert np.isnan(row["value"])


def test_the_worth_of_winning_tells_how_its_model_would_have_done():
    found = measured({"orders": shop(1500), "costs": spent("2023-01", "2025-12")}, "clv_to_cac")
    assert any("Tested on a holdout" in note for note in note_words(found.notes))


@pytest.mark.parametrize(("customers", "flags"), [(800, "unreliable"), (1500, "")])
def test_clv_over_cac_of_few_new_customers_is_unreliable(customers: int, flags: str):
    ratio = measured({"orders": shop(customers), "costs": spent("2023-01", "2025-12")}, "clv_to_cac")
    row = whole(ratio)
    assert (row["n"] < 300) == (flags == "unreliable")
    assert row["flags"] == flags


def test_losses_are_not_foretold_further_ahead_than_the_data_reach_back():
    orders = {"orders": shop(800)}
    found = measured(orders, "expected_churn", settings={"expected_churn": {"horizon_days": 1096}})
    assert whole(found)["value"] > 0
    assert any("BG/NBD" in note for note in note_words(found.notes))
    further = whole(measured(orders, "expected_churn", settings={"expected_churn": {"horizon_days": 1097}}))
    assert "the data cover 1,096 days" in reason_words(further["reason"])


def test_a_mean_that_hangs_on_one_customer_says_so_without_telling_who_or_how_much():
    orders = shop(60)
    large = orders.iloc[[0]].assign(customer_id="whale", amount=orders["amount"].sum())
    told = [
        note
        for note in note_words(measured({"orders": pd.concat([orders, large])}, "historical_clv").notes)
        if "few" in note
    ]
    assert told == ["Very few customers brought more than 20% of it: the mean depends on them."]
    assert not any("few" in note for note in note_words(measured({"orders": orders}, "historical_clv").notes))


def test_of_a_group_too_small_to_be_shown_nothing_is_said():
    orders = shop(4)
    found = measured(
        {"orders": orders.assign(amount=orders["amount"].where(orders["customer_id"] != "c0", 1e6))}, "historical_clv"
    )
    assert "suppressed" in whole(found)["flags"]
    assert not any("few" in note for note in note_words(found.notes))


@pytest.mark.parametrize("metric", ["predicted_clv", "residual_clv", "clv_backtest"])
def test_renewals_are_told_of_contracts_only(metric: str):
    assert "renewal_months" not in measured({"orders": shop(100)}, metric).settings
    by_contract = measured({"subscriptions": plans([None] * 30 + ["2025-03-20"] * 10)}, metric, churn=BY_CONTRACT)
    assert by_contract.settings == {"renewal_months": "1", "churn": "contractual"}
