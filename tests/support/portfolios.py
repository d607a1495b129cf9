"""Published reports and records of runs, as the index of all clients reads them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from crmnb.core.checksum import write_json

NOW = datetime(2026, 2, 11, 2, 5, tzinfo=UTC)
TILE = {
    "title": "Retention rate",
    "value": "81.7%",
    "interval": "81.2% to 82.2%",
    "change": "up 3.1 points, 1.2 to 5.0",
    "signal": "better",
    "href": "retention.html",
}


def publish(outputs: Path, client: str, period: str, record: bool = True, **facts) -> Path:
    """A published report with its record; the client's folder."""
    folder = outputs / client / period
    folder.mkdir(parents=True)
    for name in ("index", "retention"):
        (folder / f"{name}.html").write_text("<p>")
    if record:
        given = {
            "period": period,
            "period_name": period,
            "made_at": "2026-02-01T02:00:00+00:00",
            "data_until": "2026-01-21",
            "families": {"retention": {"title": "Retention", "failure": ""}},
            "tiles": [TILE],
        }
        write(outputs / client / ".private" / "runs" / period / "report.json", given | facts)
    return outputs / client


def ran(outputs: Path, client: str, status: str, **facts) -> None:
    """The record of a client's last run."""
    given = {
        "client": client,
        "name": client.title(),
        "began_at": "2026-02-11T02:00:00+00:00",
        "status": status,
        "message": "",
    }
    write(outputs / client / ".private" / "run.json", given | facts)


def write(path: Path, said: object) -> None:
    if isinstance(said, dict):
        write_json(path, said)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said if isinstance(said, str) else json.dumps(said))
