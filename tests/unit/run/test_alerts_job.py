"""The alerts of a run: raised once, silent while they cool down, and listed; the exit code of its own."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from conftest import crmnb
from crmnb.core.checksum import write_json
from crmnb.evaluate.alerts import Alert, freshness_alerts
from crmnb.report.text.alerts import alert_line
from crmnb.run.alerts_job import _ages, _raised
from crmnb.run.pipeline import Outcome
from crmnb.run.status import RunStatus, exit_code
from crmnb.run.store import alerts_path
from crmnb.schema.client import Alerts

NOW = datetime(2026, 1, 10, tzinfo=UTC)
WEEK = timedelta(days=7)
ALERT = Alert("threshold", "error", "nps", "NPS", 12.0, "points", low=20.0, period="2025", since="2025")


def test_an_alert_is_raised_again_only_after_its_cool_down():
    first = _raised(ALERT, None, NOW, WEEK)
    soon = _raised(ALERT, first, NOW + timedelta(days=6), WEEK)
    later = _raised(ALERT, soon, NOW + timedelta(days=7), WEEK)
    assert [alert["is_raised"] for alert in (first, soon, later)] == [True, False, True]
    assert {alert["first_raised_at"] for alert in (first, soon, later)} == {"2026-01-10T00:00:00+00:00"}
    assert later["last_raised_at"] == "2026-01-17T00:00:00+00:00"


def test_the_age_of_data_by_pencil(corner_shop_intake):
    """The corner shop's newest order is of 31 December 2025, 23:59:59 in London; two days later it is 48 hours old, also seen from Tokyo."""
    client, intake = corner_shop_intake
    rules = {"freshness": {"orders": {"warn_after_hours": 24, "error_after_hours": 72}}}
    client = client.model_copy(update={"alerts": Alerts(**rules)})
    now = datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC)
    for clock in (now, now.astimezone(timezone(timedelta(hours=9)))):
        ages = _ages(intake, client, clock)
        assert ages["orders"][0] == 48.0
        assert [alert.severity for alert in freshness_alerts(ages, client)] == ["warn"]


def test_a_warning_that_becomes_an_error_is_raised_at_once():
    warning = _raised(Alert("freshness", "warn", "orders", "orders", 30.0, "hours", high=24.0), None, NOW, WEEK)
    error = _raised(Alert("freshness", "error", "orders", "orders", 50.0, "hours", high=48.0), warning, NOW, WEEK)
    assert error["is_raised"]


@pytest.mark.parametrize(
    ("statuses", "has_errors", "code"),
    [
        ([RunStatus.MADE], False, 0),
        ([RunStatus.UNCHANGED], True, 5),
        ([RunStatus.MADE, RunStatus.SKIPPED], True, 5),
        ([RunStatus.FAMILY_FAILED], True, 1),
        ([RunStatus.INTERRUPTED, RunStatus.MADE], True, 4),
    ],
)
def test_alerts_have_an_exit_code_of_their_own(statuses, has_errors, code):
    assert exit_code(statuses, has_errors=has_errors) == code


def test_only_errors_that_are_raised_change_the_exit_code():
    for severity, is_raised, has_errors in (("error", True, True), ("error", False, False), ("warn", True, False)):
        outcome = Outcome("demo", alerts=[{"severity": severity, "is_raised": is_raised}])
        assert outcome.has_errors == has_errors


@pytest.mark.parametrize(
    ("alert", "line"),
    [
        (ALERT, "error: NPS: 12 points in 2025, below 20, since 2025"),
        (
            Alert("freshness", "warn", "orders", "orders", 30.5, "hours", high=24.0, since="2026-01-08T10:00:00"),
            "warn: orders: newest row is 30.5 hours old; the limit is 24 hours, since 2026-01-08 10:00:00",
        ),
        (
            Alert("rejections", "warn", "orders", "orders", 100 / 27, "%", high=3.0),
            "warn: orders: 3.704% of the rows were rejected; the limit is 3%",
        ),
        (
            Alert(
                *("control_chart", "warn", "csat", "CSAT", 61.0, "%", 66.0, 78.0),
                segment="region",
                level="East",
                period="2025-12",
                since="2025-11",
                rules=(1,),
                moved=({"title": "NPS"},),
            ),
            "warn: CSAT (region East): 61% in 2025-12, outside the limits (66 to 78), since 2025-11; also changed: NPS",
        ),
    ],
)
def test_an_alert_in_a_line(alert, line):
    assert alert_line(alert.to_json()) == line


def test_the_command_lists_the_alerts_of_all_clients(tmp_path, capsys):
    for name in ("parameters", "notebooks"):
        (tmp_path / name).mkdir()
    for client in ("alma", "bert"):
        content = {"client": client, "period": "2025", "checked_at": "2026-01-10T00:00:00+00:00", "signals": []}
        raised = [_raised(ALERT, None, NOW, WEEK)] if client == "alma" else []
        write_json(alerts_path(tmp_path / "outputs" / client / ".private", "2025"), {**content, "alerts": raised})
    assert crmnb(tmp_path, "alerts") == 0
    assert capsys.readouterr().out == "alma 2025: error: NPS: 12 points in 2025, below 20, since 2025\n"
    assert crmnb(tmp_path, "alerts", "--json") == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["client"], len(run["alerts"])) for run in runs] == [("alma", 1), ("bert", 0)]
    assert crmnb(tmp_path, "alerts", "bert") == 0
    assert capsys.readouterr().out == "No alerts.\n"
    assert crmnb(tmp_path, "alerts", "alm") == 2
