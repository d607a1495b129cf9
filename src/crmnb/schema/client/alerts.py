"""Checks of the key `alerts` of a parameters file: its tables must be mapped and its segmentations declared."""

from collections.abc import Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.alerts import Alerts
from crmnb.schema.client.models.client import Client
from crmnb.schema.tables import TABLES


def find_alerts_problems(alerts: Alerts, client: Client) -> Iterator[str]:
    """All faults of the key `alerts` but names of metrics, which this layer does not know. Each message begins with the key."""
    for key in ("freshness", "rejected_rows"):
        for table in getattr(alerts, key):
            if table not in client.tables:
                yield f"alerts.{key}.{table}: {table!r} is not mapped under tables.{nearest(table, client.tables)}"
            elif key == "freshness" and table in TABLES and not TABLES[table].time:
                timed = [name for name in client.tables if name in TABLES and TABLES[name].time]
                yield f"alerts.freshness.{table}: the rows of {table} have no time.{nearest(table, timed)}"
    for place, threshold in enumerate(alerts.thresholds):
        for segment in threshold.segments:
            if segment not in client.segments:
                known = nearest(segment, client.segments)
                yield f"alerts.thresholds.{place}.segments: {segment!r} is not declared under segments.{known}"
