"""The list of single customers at risk: for analysts, and on a client's page only where the client says so."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_output

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.report.display import WITH_CUSTOMERS, note
from crmnb.report.pages.family import body_of
from crmnb.schema.client import Churn, Client
from crmnb.workbook import Workbook

START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01")


def book(**tables: pd.DataFrame) -> Workbook:
    client = Client(
        id="phone",
        folder=".",
        name="Phone",
        currency="EUR",
        data_from=START.date(),
        data_until=(END - pd.Timedelta(days=1)).date(),
        sources={},
        tables={name: {"columns": {}} for name in tables},
        churn=Churn(kind="contractual", table="customers"),
    )
    return Workbook(client, Period.parse("2025").observe(START, END), in_memory(client, tables))


def customers(n: int = 400) -> pd.DataFrame:
    """Who joined long ago leaves rarely, who joined of late often; the first of them pays by far the most."""
    rng = np.random.default_rng(3)
    joined = START + pd.to_timedelta(rng.integers(0, 700, n), "D")
    life = rng.weibull(0.6, n) * 900 + 1
    left = joined + pd.to_timedelta(np.round(life), "D")
    return pd.DataFrame(
        {"customer_id": [f"c{i:03}" for i in range(n)], "joined_at": joined, "left_at": left.where(left < END)}
    )


def plans(of: pd.DataFrame) -> pd.DataFrame:
    paid = pd.Series(10.0, of.index)
    paid[of["left_at"].isna().idxmax()] = 5000.0
    return pd.DataFrame(
        {
            "subscription_id": of["customer_id"],
            "customer_id": of["customer_id"],
            "started_at": of["joined_at"],
            "ended_at": of["left_at"],
            "monthly_amount": paid,
        }
    )


def test_the_list_holds_today_s_customers_and_adds_up_to_the_metric():
    who = customers()
    opened = book(customers=who, subscriptions=plans(who))
    listed = opened.customers("expected_churn", limit=1000)
    assert set(listed["customer_id"]) == set(who.loc[who["left_at"].isna(), "customer_id"])
    assert listed["probability"].sum() == pytest.approx(opened("expected_churn").whole["value"].iloc[0], rel=1e-3)
    assert listed["expected_loss"].is_monotonic_decreasing
    assert listed["expected_loss"].to_list() == pytest.approx((listed["probability"] * listed["at_stake"]).round(2))
    assert listed.loc[0, "customer_id"] == who.loc[who["left_at"].isna().idxmax(), "customer_id"]
    assert len(opened.customers("expected_churn", limit=7)) == 7


def test_what_is_at_stake_is_what_was_paid_in_the_last_365_days():
    who = customers()
    listed = book(customers=who, subscriptions=plans(who)).customers("expected_churn", 1000).set_index("customer_id")
    old = who[who["left_at"].isna() & (who["joined_at"] < "2024-06-01")].iloc[1]
    assert listed.loc[old["customer_id"], "at_stake"] == 12 * 10


def test_without_a_table_that_says_what_was_paid_the_likeliest_stand_first():
    listed = book(customers=customers()).customers("expected_churn")
    assert list(listed.columns) == ["customer_id", "probability"]
    assert listed["probability"].is_monotonic_decreasing


def test_a_metric_that_tells_of_no_single_customer_is_refused():
    with pytest.raises(InputError, match="retention_rate has no figure of single customers"):
        book(customers=customers()).customers("retention_rate")


def test_the_export_lies_among_what_is_not_sent(tmp_path, monkeypatch):
    (tmp_path / "parameters").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    place = book(customers=customers()).export("expected_churn")
    assert place == tmp_path / "outputs" / "phone" / ".private" / "expected_churn-2025.xlsx"
    assert place.stat().st_mode & 0o077 == 0
    assert place.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("exposed", [False, True])
def test_a_page_names_customers_only_where_the_client_says_so(exposed: bool):
    told = {"text/html": "<p>c001 is likely to go</p>"}
    output = new_output("execute_result", told, execution_count=1, metadata=note(WITH_CUSTOMERS))
    cell = new_code_cell("book.customers(...)", outputs=[output], metadata={"tags": ["customers"]})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert ("c001" in body_of(notebook, expose_customers=exposed)[0]) == exposed
    assert "c001" not in body_of(notebook)[0]
