"""The employees of the made-up client: intervals hold what is true of the whole staff and of the link, and tickets leave the answers as they are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.employees import LINK, employees_of, true_figures
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import family
from crmnb.schema.client import Client, load_client

SEEDS, TICKETS = 12, 2400
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("demo", Path(__file__).parents[2] / "parameters")


def made(seed: int) -> dict[str, pd.DataFrame]:
    """Tickets of 2025, each with an answer; and the employees."""
    draw = np.random.default_rng(seed)
    tickets = pd.DataFrame({"ticket_id": [f"t{at}" for at in range(TICKETS)], "opened_at": pd.Timestamp("2025-03-01")})
    tickets["customer_id"] = [f"c{at}" for at in draw.integers(0, 2000, TICKETS)]
    responses = pd.DataFrame({"response_id": [f"r{at}" for at in range(TICKETS)], "ticket_id": tickets["ticket_id"]})
    answers = draw.choice([1, 2, 3, 4, 5], TICKETS, p=[0.05, 0.07, 0.16, 0.42, 0.30])
    responses = responses.assign(survey="support", responded_at=pd.Timestamp("2025-03-08"), satisfied=answers)
    return employees_of(tickets, responses, seed) | {"survey_responses": responses}


def whole_rows(client: Client, seed: int) -> pd.DataFrame:
    measured = measure_all(family("employees").values(), in_memory(client, made(seed)), PERIOD)
    rows = pd.concat([metric.rows for metric in measured])
    return rows[(rows["part"] == "") & (rows["segment"] == "") & (rows["breakdown"] == "")].set_index("metric")


def test_intervals_hold_the_truth(client):
    truth = {metric: value for (metric, _), value in true_figures(2025).items()}
    held = []
    for seed in range(SEEDS):
        rows = whole_rows(client, seed)
        assert set(rows.index) == set(truth)
        held += [row.low <= truth[metric] <= row.high for metric, row in rows.iterrows()]
    assert np.mean(held) > 0.86  # of 72, .95 less three standard errors


def test_the_answers_of_a_team_rise_with_its_engagement():
    """Drawn given the answers, a team's customers have the mean that the slope says; without it, that of all."""
    tables = made(1)
    joined = tables["survey_responses"].merge(tables["tickets"], on="ticket_id")
    sheets = tables["employee_responses"]
    sheets = sheets[sheets["responded_at"] >= "2025"]
    engagement = 25 * (sheets[["energetic", "proud", "committed", "supported"]].mean(axis=1) - 1)
    scores = pd.DataFrame(
        {"x": engagement.groupby(sheets["team"]).mean(), "y": 25 * (joined.groupby("team")["satisfied"].mean() - 1)}
    )
    weights = np.sqrt(joined.groupby("team").size())
    slope = np.polyfit(scores["x"], scores["y"], 1, w=weights)[0]
    assert slope == pytest.approx(LINK, abs=0.2)


def test_the_same_seed_gives_the_same_employees_and_tickets_change_in_nothing_but_their_team():
    first, second = made(3), made(3)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])
    assert list(first["tickets"]) == ["ticket_id", "opened_at", "customer_id", "team"]
