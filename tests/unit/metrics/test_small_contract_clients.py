"""Contract clients with few customers or few losses: every metric has a value or a reason, and none stops the evaluation."""

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01")


def contracts(customers: int, losses: int) -> dict[str, pd.DataFrame]:
    """Contracts that began ten days after each other, the first of which ended in the last year and before."""
    keys = [f"c{place}" for place in range(customers)]
    began = START + pd.to_timedelta(np.arange(customers) * 10, "D")
    ended = pd.Series(pd.NaT, index=range(customers), dtype="datetime64[us]")
    ended[:losses] = END - pd.to_timedelta(np.arange(losses) * 20 + 30, "D")
    fees = {
        "subscription_id": keys,
        "customer_id": keys,
        "monthly_amount": 10.0,
        "started_at": began,
        "ended_at": ended,
    }
    plan = np.where(np.arange(customers) % 2, "a", "b")
    who = {"customer_id": keys, "joined_at": began, "plan": plan}
    return {"subscriptions": pd.DataFrame(fees), "customers": pd.DataFrame(who)}


@pytest.mark.parametrize(("customers", "losses"), [(60, 0), (60, 3), (60, 20), (90, 40), (2, 1)])
def test_every_metric_has_a_value_or_a_reason(customers, losses):
    tables = contracts(customers, losses)
    client = Client(
        **{"id": "few", "folder": ".", "name": "Few", "currency": "EUR", "sources": {}},
        **{"churn": {"kind": "contractual", "table": "subscriptions"}, "worth": {"margin_rate": 1.0}},
        **{"tables": {name: {"columns": {}} for name in tables}, "segments": {"plan": {"column": "customers.plan"}}},
        **{"data_from": START.date(), "data_until": (END - pd.Timedelta(days=1)).date()},
    )
    measured = measure_all(catalogue().values(), in_memory(client, tables), Period.parse("2025").observe(START, END))
    rows = pd.concat([each.rows for each in measured])
    assert (rows["value"].notna() | (rows["reason"] != "")).all()
    churn = rows[(rows["metric"] == "expected_churn") & (rows["segment"] == "")]
    assert churn["value"].notna().all() == (losses == 40)
