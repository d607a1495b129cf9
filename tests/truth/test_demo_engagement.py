"""Engagement of the made-up client: its rows scatter about the truth, and the intervals of its metrics hold it as promised."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.customers import simulate_customers
from crmnb.demo.emails import true_emails
from crmnb.demo.engagement import engagement_of, true_engagement
from crmnb.demo.parameters import YEARS, Rates
from crmnb.demo.plans import simulate_subscriptions
from crmnb.demo.visits import simulate_visits
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client, load_client

SEEDS, CUSTOMERS, YEAR = 12, 2500, YEARS[-1]
PERIOD = Period.parse(str(YEAR)).observe(pd.Timestamp(f"{YEARS[0]}-01-01"), pd.Timestamp(f"{YEAR + 1}-01-01"))
RATES = Rates()


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("demo", Path(__file__).parents[2] / "parameters")


@pytest.fixture(scope="module")
def rows(client) -> pd.DataFrame:
    """By seed, metric and breakdown: value and interval of the whole client in the last year, and what is true, given its lives (`true`)."""
    parts = []
    for seed in range(SEEDS):
        of_customers, of_plans, of_visits = np.random.default_rng(seed).spawn(3)
        base = simulate_customers(RATES, CUSTOMERS, of_customers)
        tables = engagement_of(base, seed) | {
            "subscriptions": simulate_subscriptions(base, RATES, of_plans).drop(columns="who", errors="ignore"),
            "visits": simulate_visits(base, RATES, of_visits),
        }
        truth = true_engagement(RATES, base, YEAR)
        metrics = [catalogue()[name] for name in dict.fromkeys(name for name, _ in truth)]
        for measured in measure_all(metrics, in_memory(client, tables), PERIOD):
            whole = measured.rows[(measured.rows["part"] == "") & (measured.rows["segment"] == "")]
            true = [truth.get(key, np.nan) for key in zip(whole["metric"], whole["breakdown"], strict=True)]
            parts.append(whole.assign(seed=seed, true=true))
    every = pd.concat(parts)
    return every[np.isfinite(every["true"])]


def test_every_true_figure_is_judged(rows):
    truth = true_engagement(RATES, simulate_customers(RATES, 500, np.random.default_rng(1)), YEAR)
    assert {*zip(rows["metric"], rows["breakdown"], strict=True)} == {*truth}
    assert rows["value"].notna().all()


def test_intervals_hold_the_truth(rows):
    held = (rows["low"] <= rows["true"]) & (rows["true"] <= rows["high"])
    assert held.mean() >= 0.92
    assert held.groupby(rows["metric"]).mean().min() >= 0.74


def test_the_truth_is_what_the_values_scatter_about(rows):
    """Of each figure the mean of what it is off over the seeds lies within four standard errors."""
    for key, own in rows.groupby(["metric", "breakdown"]):
        off = own["value"] - own["true"]
        assert abs(off.mean()) <= 4 * off.std() / np.sqrt(SEEDS), key


def test_intervals_of_half_the_width_would_be_seen(rows):
    low, high = ((rows["value"] + rows[end]) / 2 for end in ("low", "high"))
    assert ((low <= rows["true"]) & (rows["true"] <= high)).mean() < 0.8


def test_the_lift_of_chosen_recipients_would_be_another():
    """The newsletters were personalised for customers who open readily: all messages together overstate what personalisation brings."""
    base = simulate_customers(RATES, CUSTOMERS, np.random.default_rng(5))
    sends = engagement_of(base, 5)["sends"]
    arrived = sends[(sends["delivered"] == True) & ~sends["machine_open"]]  # noqa: E712 -- of some it is not known
    opened = (arrived["opened_at"].notna() | arrived["clicked_at"].notna()).groupby(arrived["personalised"]).mean()
    assert 100 * (opened[True] - opened[False]) > 3 * true_emails(YEAR)["personalisation_lift", "opens"]
