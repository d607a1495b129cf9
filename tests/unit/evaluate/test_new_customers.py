"""Who is a new customer: told from customers who bought before the data begin, by the client's list or by enough history."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from synthetic import client
from worded import note_words, reason_words

from crmnb.core.period import Period
from crmnb.engine.session import Tables, in_memory
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue

OF_NEW = (
    *("new_customers", "second_purchase_rate", "customer_acquisition_cost", "cac_payback_period"),
    *("profitable_new_customers", "cohort_retention"),
)
DATA_FROM, END = datetime(2023, 1, 1), datetime(2026, 1, 1)
YEAR = Period.parse("2025").observe(DATA_FROM, END)


def shop(orders: pd.DataFrame, customers: pd.DataFrame | None = None, inactivity_days: int = 90) -> Tables:
    orders = orders.assign(order_id=[str(i) for i in range(len(orders))], status="paid")
    orders = orders if "amount" in orders else orders.assign(amount=20.0)
    costs = pd.DataFrame({"month": pd.date_range("2022-12-01", "2025-12-01", freq="MS"), "category": "acquisition"})
    frames = {"orders": orders, "costs": costs.assign(amount=1.0)}
    of = client(
        segments={},
        churn={"kind": "inactivity", "inactivity_days": inactivity_days},
        worth={"margin_rate": 0.5, "profitable_margin": 15.0},
        privacy={"min_base": 1, "suppress_below": 1},
        data_from=DATA_FROM.date(),  # else the first order would be it
    )
    return in_memory(of, frames | ({} if customers is None else {"customers": customers}))


def whole(metric: str, tables: Tables, period: Period = YEAR) -> pd.DataFrame:
    rows = measure(catalogue()[metric], tables, period).rows
    return rows[(rows["part"] == "") & (rows["segment"] == "")].set_index("breakdown")


def days(*dates: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(date) for date in dates]


NEW = pd.DataFrame(
    {
        "customer_id": list("bbcdd"),
        "ordered_at": days("2025-02-03", "2025-03-01", "2025-05-05", "2025-06-01", "2025-06-20"),
    }
)
OLD = pd.DataFrame({"customer_id": list("aa"), "ordered_at": days("2025-01-15", "2025-02-01")})
LIST = pd.DataFrame(
    {"customer_id": list("abcd"), "joined_at": days("2019-04-01", "2025-02-03", "2025-05-01", "2025-06-02")}
)


@pytest.mark.parametrize("metric", OF_NEW)
def test_who_joined_before_the_data_is_new_in_no_metric(metric: str):
    with_old = whole(metric, shop(pd.concat([NEW, OLD]), LIST))
    without = whole(metric, shop(NEW, LIST))
    figures = ["value", "numerator", "denominator", "reason"]
    pd.testing.assert_frame_equal(with_old.loc[without.index, figures], without[figures])
    assert without["value"].notna().any()


def test_a_customer_is_new_with_the_first_order_though_the_list_has_another_day_after_the_data_begin():
    early = LIST.assign(joined_at=days("2019-04-01", "2024-11-30", "2025-05-01", "2025-06-02"))
    assert whole("new_customers", shop(pd.concat([NEW, OLD]), early)).at["", "value"] == 3


def test_an_old_customer_who_comes_after_a_pause_is_a_reactivated_customer():
    rows = whole("new_customers", shop(pd.concat([NEW, OLD.assign(ordered_at=days("2025-11-01", "2025-12-01"))]), LIST))
    assert (rows.at["", "value"], rows.at["reactivated", "value"]) == (3, 1)


def test_the_first_spell_of_who_joined_before_the_data_is_not_in_the_curve():
    orders = pd.concat([NEW, OLD])
    ask = Period.parse("2025").observe(datetime(2024, 1, 1), END)
    measured = measure(catalogue()["survival_curve"], shop(orders, LIST), ask).rows
    assert set(measured["n"]) == {3.0}


def bought(rng: np.random.Generator, a_year: int = 400, mean_gap: float = 100) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders of five years' customers at rates of their own, who stay for three years on average; and when they joined."""
    n = 5 * a_year
    joined, stay = rng.uniform(0, 1826, n), rng.exponential(1096, n)
    gaps = rng.exponential(1 / rng.gamma(1.5, 1 / (1.5 * mean_gap), n)[:, None], (n, 60))
    at = joined[:, None] + np.concatenate([np.zeros((n, 1)), gaps.cumsum(1)], axis=1)
    who, which = np.nonzero(at < np.minimum(joined + stay, 1826)[:, None])
    start = pd.Timestamp("2021-01-01")
    orders = pd.DataFrame(
        {"customer_id": who.astype(str), "ordered_at": start + pd.to_timedelta(at[who, which], unit="D").floor("s")}
    )
    named = [str(customer) for customer in range(n)]
    dates = start + pd.to_timedelta(joined, unit="D").floor("s")
    return orders, pd.DataFrame({"customer_id": named, "joined_at": dates})


def test_as_many_are_new_as_joined_and_nothing_changed_where_nothing_did():
    for seed in range(3):
        orders, customers = bought(np.random.default_rng(seed))
        seen = orders[orders["ordered_at"] >= DATA_FROM]
        row = whole("new_customers", shop(seen, customers, 180)).loc[""]
        for year, told in ((2025, row["value"]), (2024, row["previous"])):
            assert told == (customers["joined_at"].dt.year == year).sum()
        cost = whole("customer_acquisition_cost", shop(seen, customers, 180)).loc[""]
        assert row["change_low"] < 0 < row["change_high"]
        assert cost["change_low"] < 0 < cost["change_high"]
        by_orders = whole("new_customers", shop(seen, None, 180)).loc[""]
        assert not by_orders["previous"] > 0  # a year of history, though old customers come back for longer


def test_without_a_list_the_data_must_reach_back_by_three_mean_gaps():
    orders, _ = bought(np.random.default_rng(3))
    seen = orders[orders["ordered_at"] >= datetime(2024, 11, 1)]
    period = Period.parse("2025").observe(datetime(2024, 11, 1), END)
    row = whole("new_customers", shop(seen, None, 30), period).iloc[0]
    assert row["flags"] == "unavailable"
    assert "3 times the mean" in reason_words(row["reason"])


def test_history_that_still_takes_new_customers_away_is_too_short():
    orders, _ = bought(np.random.default_rng(4), mean_gap=140)
    seen = orders[orders["ordered_at"] >= datetime(2024, 1, 1)]
    period = Period.parse("2025").observe(datetime(2024, 1, 1), END)
    row = whole("new_customers", shop(seen, None, 90), period).iloc[0]
    assert row["flags"] == "unavailable"
    assert "with half of the history" in reason_words(row["reason"])


def test_how_the_figure_falls_is_said_where_the_history_is_long_enough():
    orders, customers = bought(np.random.default_rng(5), mean_gap=70)
    measured = measure(catalogue()["new_customers"], shop(orders, None, 180), YEAR)
    assert any("more would look new" in note for note in note_words(measured.notes))
    with_list = measure(catalogue()["new_customers"], shop(orders, customers, 180), YEAR)
    assert not any("more would look new" in note for note in note_words(with_list.notes))
