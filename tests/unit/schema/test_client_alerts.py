"""The key `alerts` of a parameters file: each fault is named with its key and what would be right."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from crmnb.core.errors import InputError
from crmnb.evaluate.settings import check_settings
from crmnb.schema.client import Alerts, Client
from crmnb.schema.client.validation import find_problems

ORDERS = {"source": "till", "columns": {"order_id": "no", "ordered_at": "on", "amount": "total"}}
TEAMS = {"source": "staff", "columns": {"team": "Team", "headcount": "People"}}


def client(**alerts) -> Client:
    facts = {"id": "alma", "folder": Path(), "name": "Alma", "currency": "EUR", "alerts": alerts}
    sources = {"till": {"file": "till.csv"}, "staff": {"file": "staff.csv"}}
    segments = {"region": {"column": "orders.region"}}
    return Client(**facts, sources=sources, tables={"orders": ORDERS, "teams": TEAMS}, segments=segments)


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        (
            {"freshness": {"ordes": {"warn_after_hours": 24}}},
            "alerts.freshness.ordes: 'ordes' is not mapped under tables. Did you mean orders?",
        ),
        (
            {"freshness": {"teams": {"warn_after_hours": 24}}},
            "alerts.freshness.teams: the rows of teams have no time.",
        ),
        (
            {"rejected_rows": {"order": {"error_above": 5}}},
            "alerts.rejected_rows.order: 'order' is not mapped under tables. Did you mean orders?",
        ),
        (
            {"thresholds": [{"metric": "nps", "below": 20, "segments": ["regio"]}]},
            "alerts.thresholds.0.segments: 'regio' is not declared under segments. Did you mean region?",
        ),
    ],
)
def test_a_fault_is_named_with_its_key(alerts, message):
    problems = [problem for problem in find_problems(client(**alerts)) if problem.startswith("alerts")]
    assert [problem[: len(message)] for problem in problems] == [message]


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ({"thresholds": [{"metric": "nps"}]}, "declare below, above, or both"),
        ({"freshness": {"orders": {}}}, "declare warn_after_hours, error_after_hours, or both"),
        (
            {"freshness": {"orders": {"warn_after_hours": 48, "error_after_hours": 24}}},
            "warn_after_hours must be less than error_after_hours",
        ),
        ({"rejected_rows": {"orders": {"error_above": 101}}}, "less than or equal to 100"),
        ({"cool_down": 3}, "cool_down"),
    ],
)
def test_values_that_contradict_each_other_or_are_out_of_bounds_are_refused(alerts, message):
    with pytest.raises(ValidationError, match=message):
        Alerts(**alerts)


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        (
            {"thresholds": [{"metric": "npss", "below": 20}]},
            "alerts.thresholds: unknown metric 'npss'. Did you mean nps?",
        ),
        (
            {"changes": [{"date": "2025-07-01", "title": "New till", "metrics": ["cast"]}]},
            "alerts.changes: unknown metric 'cast'.",
        ),
    ],
)
def test_an_unknown_metric_is_named(alerts, message):
    with pytest.raises(InputError, match=message):
        check_settings(client(**alerts))


def test_what_is_right_has_no_fault():
    alerts = {"freshness": {"orders": {"warn_after_hours": 24, "error_after_hours": 48}}}
    alerts["thresholds"] = [{"metric": "nps", "below": 20, "segments": ["region"]}]
    declared = client(**alerts)
    assert [problem for problem in find_problems(declared) if problem.startswith("alerts")] == []
    check_settings(declared)
