"""The alerts that the last runs of clients have left, read without anything else of the suite."""

from pathlib import Path
from typing import Any

from crmnb.core.errors import InputError, nearest
from crmnb.core.paths import is_client_name
from crmnb.run.store import RUNS, read_record


def alert_records(project: Path, clients: list[str]) -> list[dict[str, Any]]:
    """The content of alerts.json of each client (all, if none is named) and period: client, period, checked_at and alerts.

    Raises InputError for a client without outputs.
    """
    outputs = project / "outputs"
    known = sorted(path.name for path in outputs.glob("*") if is_client_name(path.name) and path.is_dir())
    for name in clients:
        if name not in known:
            raise InputError(f"outputs/ has no data of a client {name[:80]!r}.{nearest(name, known)}")
    records = []
    for name in clients or known:
        for path in sorted((outputs / name / ".private" / RUNS).glob("*/alerts.json")):
            record = read_record(path)
            if "alerts" in record:
                records.append({key: record[key] for key in ("client", "period", "checked_at", "alerts")})
    return records
