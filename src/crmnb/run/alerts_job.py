"""The alerts of a run, in the client's private folder: what the figures signal, and the state of the data."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crmnb.core.checksum import write_json
from crmnb.evaluate.alerts import Alert, freshness_alerts, rejected_rows_alerts
from crmnb.intake import Intake
from crmnb.run.context import load_context
from crmnb.run.environment import current_time
from crmnb.run.jobs import StepCallback
from crmnb.run.store import alerts_path, read_record
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES


def save_signals(private: Path, period: str, signals: Iterable[Alert]) -> None:
    """Write the signals of a new report's figures; the alerts of the last run stay until `run_alerts` replaces them."""
    record = read_record(alerts_path(private, period))
    write_json(
        alerts_path(private, period), {**record, "signals": [alert.to_json() for alert in signals], "period": period}
    )


def run_alerts(project: str, client: str, period: str, tables: str, on_step: StepCallback) -> dict[str, Any]:
    """The job that ends each run, also of an unchanged report: what the figures signal, and the state of the data today.

    Writes alerts.json, and returns its alerts: those that stand out, with when they were raised first and last, and whether they
    are raised now: not again within the client's cool-down.
    """
    on_step("checking the alerts")
    context = load_context(project, client, period, tables)
    path = alerts_path(context.private, period)
    record, now = read_record(path), current_time()
    signals = [Alert.from_json(signal) for signal in record.get("signals", ())]
    alerts = [alert for alert in signals if alert.stands_out]
    alerts += rejected_rows_alerts(context.intake.audits, context.client)
    alerts += freshness_alerts(_ages(context.intake, context.client, now), context.client)
    before = {alert["key"]: alert for alert in record.get("alerts", ())}
    cool_down = timedelta(days=context.client.alerts.cool_down_days)
    raised = [_raised(alert, before.get(alert.key), now, cool_down) for alert in alerts]
    content = {"client": client, "period": period, "checked_at": _time(now), "alerts": raised}
    write_json(path, {**content, "signals": [signal.to_json() for signal in signals]})
    return {"alerts": raised}


def _raised(alert: Alert, before: dict[str, Any] | None, now: datetime, cool_down: timedelta) -> dict[str, Any]:
    """An alert with the times at which it was raised. before: the same alert of the last run.

    An alert that has become an error is raised at once.
    """
    is_known = before is not None and before["severity"] == alert.severity
    waits = is_known and now - datetime.fromisoformat(before["last_raised_at"]) < cool_down
    return {
        "key": alert.key,
        **alert.to_json(),
        "first_raised_at": before["first_raised_at"] if before else _time(now),
        "last_raised_at": before["last_raised_at"] if waits else _time(now),
        "is_raised": not waits,
    }


def _time(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


def _ages(intake: Intake, client: Client, now: datetime) -> dict[str, tuple[float, str]]:
    """By table the age of its newest row in hours, and that row's time, on the client's clock."""
    clock = now.astimezone(ZoneInfo(client.time_zone)).replace(tzinfo=None)
    ages = {}
    for table in client.alerts.freshness:
        column = intake.profile.columns.get(table, {}).get(TABLES[table].time or "")
        if column and column.maximum:
            newest = datetime.fromisoformat(column.maximum)
            ages[table] = ((clock - newest).total_seconds() / 3600, column.maximum)
    return ages
