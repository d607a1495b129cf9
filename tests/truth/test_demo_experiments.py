"""The demo's experiments, simulated again and again: intervals contain the true effects at the promised rate."""

from pathlib import Path

import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.experiments import LAYOUT, LETTER, simulate_experiments, true_experiments
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import load_client

SEEDS = range(30)
YEAR = Period.parse("2025").observe(pd.Timestamp("2025-01-01"), pd.Timestamp("2026-01-01"))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The effects of all replicates, each an experiment of one client; `true`: what they should contain."""
    demo = load_client("demo", Path(__file__).parents[2] / "parameters")
    units = pd.concat([simulate_experiments(seed).assign(seed=seed) for seed in SEEDS], ignore_index=True)
    units["unit_id"] = units["unit_id"] + "-" + units["seed"].astype(str)
    units["experiment"] = units["experiment"] + " " + units.pop("seed").astype(str)
    declared = {f"{name} {seed}": of for seed in SEEDS for name, of in demo.experiments.items()}
    client = demo.model_copy(update={"experiments": declared, "segments": {}})
    names = ("experiment_effect", "relative_effect", "arm_outcome")
    measured = measure_all([catalogue()[name] for name in names], in_memory(client, {"experiment_units": units}), YEAR)
    found = pd.concat([each.rows for each in measured], ignore_index=True)
    parts = found["breakdown"].str.extract(r"^(?P<name>[A-Z][a-z ]+) \d+: (?P<what>.+)$")
    truth = true_experiments()
    keys = zip(found["metric"], parts["name"] + ": " + parts["what"], strict=True)
    found["true"] = [truth[metric][breakdown] for metric, breakdown in keys]
    return found.assign(name=parts["name"], inside=(found["low"] <= found["true"]) & (found["true"] <= found["high"]))


def test_every_effect_is_stated(rows):
    per_seed = {"experiment_effect": 6, "relative_effect": 6, "arm_outcome": 10}
    assert rows["metric"].value_counts().to_dict() == {name: n * len(SEEDS) for name, n in per_seed.items()}
    assert rows["value"].notna().all()


def test_intervals_contain_what_is_true(rows):
    once = rows[(rows["name"] == LETTER) | (rows["metric"] == "arm_outcome")]
    assert 0.92 < once["inside"].mean() < 0.98
    often = rows[(rows["name"] == LAYOUT) & (rows["metric"] != "arm_outcome")]
    assert often["inside"].mean() > 0.98


def test_effects_are_right_on_average(rows):
    for _, own in rows[rows["metric"] == "experiment_effect"].groupby(
        rows["breakdown"].str.replace(r" \d+:", ":", regex=True)
    ):
        error = own["value"].std() / len(own) ** 0.5
        assert own["value"].mean() == pytest.approx(own["true"].iloc[0], abs=3.5 * error)
