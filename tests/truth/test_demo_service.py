"""Service of the made-up client: its rows scatter about the truth, and the intervals of its metrics hold it as promised."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.draw import SimulatedTables, simulate_tables
from crmnb.demo.parameters import DAYS, Rates
from crmnb.demo.service import _after, _worked, speed, true_service
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client, load_client

SEEDS, CUSTOMERS = 12, 2500
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))
TRUTH = true_service(Rates(), 2025)


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("demo", Path(__file__).parents[2] / "parameters")


@pytest.fixture(scope="module")
def simulated() -> list[SimulatedTables]:
    return [simulate_tables(Rates(), CUSTOMERS, seed) for seed in range(SEEDS)]


@pytest.fixture(scope="module")
def rows(client, simulated) -> pd.DataFrame:
    """By seed, metric and breakdown: value and interval of the whole client in 2025, and what is true (`true`)."""
    metrics = [catalogue()[name] for name in dict.fromkeys(name for name, _ in TRUTH)]
    parts = []
    for seed, drawn in enumerate(simulated):
        tables = in_memory(client, {name: drawn.tables[name] for name in ("tickets", "survey_responses")})
        parts += [measured.rows.assign(seed=seed) for measured in measure_all(metrics, tables, PERIOD)]
    every = pd.concat(parts)
    every = every[(every["part"] == "") & (every["segment"] == "")]
    true = [TRUTH.get(key, np.nan) for key in zip(every["metric"], every["breakdown"], strict=True)]
    return every.assign(true=true)[np.isfinite(true)]


def test_every_true_figure_is_judged(rows):
    assert {*zip(rows["metric"], rows["breakdown"], strict=True)} == {*TRUTH}
    assert rows["value"].notna().all()


def test_intervals_hold_the_truth(rows):
    held = (rows["low"] <= rows["true"]) & (rows["true"] <= rows["high"])
    assert held.mean() >= 0.89  # of 168 intervals, in which six of the curve are alike
    assert held.groupby(rows["metric"]).mean().min() >= 0.74


def test_the_truth_is_what_the_values_scatter_about(rows):
    """Of each figure the mean over the seeds lies within four standard errors."""
    for key, own in rows.groupby(["metric", "breakdown"]):
        error = own["value"].std() / np.sqrt(SEEDS)
        assert abs(own["value"].mean() - own["true"].iloc[0]) <= 4 * error, key


def test_intervals_of_half_the_width_would_be_seen(rows):
    low, high = ((rows["value"] + rows[end]) / 2 for end in ("low", "high"))
    assert ((low <= rows["true"]) & (rows["true"] <= high)).mean() < 0.8


def test_hours_of_work_are_added_and_counted_alike():
    rng = np.random.default_rng(1)
    day, hours = rng.uniform(0, DAYS, 500), rng.exponential(30, 500)
    assert _worked(_after(day, hours)) - _worked(day) == pytest.approx(hours)


def test_speed_is_standard_normal(simulated):
    every = pd.concat([speed(drawn.tables["tickets"]) for drawn in simulated])
    assert every.mean() == pytest.approx(0, abs=0.03)
    assert every.std() == pytest.approx(1, abs=0.03)


def test_tickets_hold_what_a_service_desk_has(simulated):
    tickets = simulated[0].tables["tickets"]
    at_night = (tickets["opened_at"].dt.hour < 7) | (tickets["opened_at"].dt.hour >= 20)
    assert 0.03 < at_night.mean() < 0.12
    assert 0.03 < (tickets["opened_at"].dt.day_of_week >= 5).mean() < 0.15
    still_open = tickets[["resolved_at", "closed_at", "cancelled_at"]].isna().all(axis=1)
    assert 0 < still_open.mean() < 0.02
    lost = tickets["resolved_at"].isna() & tickets["closed_at"].notna()
    assert lost.sum() / (~still_open & tickets["cancelled_at"].isna()).sum() == pytest.approx(0.06, abs=0.02)
    assert (tickets["reopened_at"] <= tickets["resolved_at"]).sum() == tickets["reopened_at"].notna().sum()
