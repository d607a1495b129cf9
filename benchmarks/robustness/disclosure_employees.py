"""Employees whose answers are attacked: teams of three to thirty in two waves, by site as well, and the customers of their tickets."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pandas as pd

from crmnb.metrics.families import employees

BELOW = 7  # answers: of fewer nothing is shown, whatever the client declares
_TEAMS = {
    "Ash": 30,
    "Birch": 26,
    "Cedar": 24,
    "Elm": 22,
    "Fir": 20,
    "Hazel": 18,
    "Larch": 16,
    "Maple": 15,
    "Oak": 14,
    "Pine": 13,
}
_SMALL = {"Rowan": 9, "Sorb": 8, "Thorn": 6, "Yew": 4}  # of these and of no others, fewer than seven may answer
_SITES = {team: ("North", "South", "East")[at % 3] for at, team in enumerate([*_TEAMS, *_SMALL])}
_ITEMS = ("work_satisfied", "e1", "e2", "c1")


def survey(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """Tables, declarations, and how sites and teams lie inside one another: no tickets, and a client who would hide nobody."""
    headcounts = _TEAMS | _SMALL
    waves = [_wave(rng, headcounts, year) for year in (2024, 2025)]
    sheets = pd.concat(waves, ignore_index=True).rename_axis("response_id").reset_index()
    sheets["response_id"] = "E" + sheets["response_id"].astype(str)
    teams = pd.DataFrame({"team": list(headcounts), "headcount": list(headcounts.values())})
    declared = {
        "items": {item: {"scale": [1, 5]} for item in _ITEMS},
        "employees": {"engagement": ["e1", "e2"], "culture": ["c1"]},
        "segments": {"team": {"column": "employee_responses.team"}, "site": {"column": "employee_responses.site"}},
    }
    return (
        {"employee_responses": sheets, "teams": teams},
        declared,
        {("site", "team"): {(s, t) for t, s in _SITES.items()}},
    )


def survey_with_customers(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """The same with tickets and what customers answered about them, so that teams and customers are linked."""
    tables, declared, within = survey(rng)
    n = 1400
    teams = rng.choice([*_TEAMS, *_SMALL], n)
    tickets = pd.DataFrame({"ticket_id": [f"t{at}" for at in range(n)], "team": teams})
    tickets["customer_id"] = [f"c{at:03}" for at in rng.integers(0, 600, n)]
    tickets["opened_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 330, n), unit="D")
    better = np.array([len(team) for team in teams]) - 4
    answers = np.clip(np.round(3 + 0.4 * better + rng.normal(size=n)), 1, 5)
    responses = pd.DataFrame({"response_id": [f"r{at}" for at in range(n)], "survey": "support", "satisfied": answers})
    responses = responses.assign(
        ticket_id=tickets["ticket_id"],
        customer_id=tickets["customer_id"],
        responded_at=tickets["opened_at"] + pd.Timedelta(days=3),
    )
    declared["items"]["satisfied"] = {"scale": [1, 5]}
    return tables | {"tickets": tickets, "survey_responses": responses}, declared, within


def _wave(rng: np.random.Generator, headcounts: dict[str, int], year: int) -> pd.DataFrame:
    """The sheets of a year: four of five employees answer, some of them a month late; some leave questions out."""
    staff = np.repeat(list(headcounts), list(headcounts.values()))
    staff = staff[rng.random(len(staff)) < 0.8]
    mood = np.array([len(team) for team in staff]) / 4
    answers = {item: np.clip(np.round(2 + mood + rng.normal(size=len(staff))), 1, 5) for item in _ITEMS}
    answers["enps"] = np.clip(np.round(5 + 2 * mood + 2 * rng.normal(size=len(staff))), 0, 10)
    sheets = pd.DataFrame(answers).mask(rng.random((len(staff), len(answers))) < 0.03)
    late = pd.to_timedelta(np.where(rng.random(len(staff)) < 0.04, 30, 0), unit="D")
    return sheets.assign(
        team=staff, site=[_SITES[team] for team in staff], responded_at=pd.Timestamp(year, 9, 10) + late
    )


@contextmanager
def shown_whatever_their_number() -> Iterator[None]:
    """Answers of fewer than seven employees are hidden only where the client says so: to know what is true."""
    with patch.object(employees, "_FEWEST", 1):
        yield
