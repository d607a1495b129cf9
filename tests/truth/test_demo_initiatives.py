"""The demo's initiatives, simulated again and again: intervals contain the true effects, and what is stated is right on average."""

from pathlib import Path

import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.initiatives import (
    DEMONSTRATION,
    STARTS,
    TITLES,
    TRIAL,
    simulate_trained_activities,
    true_effects,
    true_next_steps,
)
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client, load_client

SEEDS = range(12)
YEAR = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))
METRICS = ("initiative_effect", "next_step_rate")


@pytest.fixture(scope="module")
def demo() -> Client:
    client = load_client("demo", Path(__file__).parents[2] / "parameters")
    trained = {name: of for name, of in client.initiatives.items() if of.by == "activities.seller"}
    return client.model_copy(update={"initiatives": type(client.initiatives)(trained), "segments": {}})


@pytest.fixture(scope="module")
def rows(demo) -> pd.DataFrame:
    parts = []
    for seed in SEEDS:
        tables = in_memory(demo, {"activities": simulate_trained_activities(seed)})
        measured = measure_all([catalogue()[name] for name in METRICS], tables, YEAR)
        parts.append(pd.concat([each.rows for each in measured]).assign(seed=seed))
    found = pd.concat(parts, ignore_index=True)
    truth = true_effects() | {kind: value for (_, kind), value in true_next_steps(2025).items()}
    found = found[(found["part"] == "") & found["breakdown"].isin(truth)].assign(true=found["breakdown"].map(truth))
    return found.assign(inside=(found["low"] <= found["true"]) & (found["true"] <= found["high"]))


def test_the_parameters_declare_what_is_simulated(demo):
    for kind in (DEMONSTRATION, TRIAL):
        declared = demo.initiatives[TITLES[kind].replace(" ", "_")]
        assert declared.breakdown == kind
        assert {
            seller: day.date() if hasattr(day, "date") else day for seller, day in declared.starts.items()
        } == STARTS[kind]


@pytest.mark.parametrize("kind", [DEMONSTRATION, TRIAL])
def test_effects_are_stated_and_intervals_contain_them(rows, kind):
    effects = rows[rows["breakdown"] == TITLES[kind]]
    stated = effects[effects["value"].notna()]
    assert len(effects) == len(SEEDS)
    assert len(stated) >= 0.75 * len(SEEDS)
    assert stated["inside"].mean() >= 0.8
    assert stated["value"].mean() == pytest.approx(
        stated["true"].iloc[0], abs=3.5 * stated["value"].std() / len(stated) ** 0.5
    )


def test_shares_of_the_year_mix_sellers_before_and_after(rows):
    shares = rows[rows["metric"] == "next_step_rate"]
    assert len(shares) == 2 * len(SEEDS)
    assert shares["inside"].mean() >= 0.85
