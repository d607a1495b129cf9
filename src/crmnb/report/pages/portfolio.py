"""The index of all clients: the last run of each, its reports, the age of its data, and two key metrics.

It is made from the records of runs under outputs/ only. A missing or damaged record is shown as such and never stops the
page, which is needed most on a day on which something failed.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crmnb.core.checksum import parse_json
from crmnb.core.files import write_atomic
from crmnb.core.lock import locked
from crmnb.core.paths import HANDBOOK, is_client_name
from crmnb.report.html import printable
from crmnb.report.pages.frame import page
from crmnb.report.text.alerts import alert_line

PAGE = "index.html"
_LOCK = ".lock"
_PERIOD = re.compile(r"[0-9A-Z][0-9A-Za-z.-]{3,40}")  # what labels are made of; an address is made of it
_FAMILY_PAGE = re.compile(r"[a-z][a-z0-9_]*\.html")
_LARGEST = 1 << 20  # bytes of a record; a larger file is not a record
_STALE = 100  # days: a quarter and some days for its data to arrive
_MOST_PERIODS = 12
_MOST_TILES = 2
_LONGEST = 400  # characters of a sentence

# Each outcome in words, and how urgent it is; an unknown outcome is as urgent as an unreadable record.
_OUTCOMES = {
    "family failed": ("a part of the report failed", 1),
    "interrupted": ("interrupted", 2),
    "refused": ("failed: no new report", 3),
    "made": ("report made", 0),
    "unchanged": ("up to date", 0),
    "skipped": ("skipped: no data files found", 0),
    "": ("no run recorded", 0),
}
_UNREADABLE, _OLD, _ALERT = 4, 5, 6
_MOST_ALERTS = 5
_TONES = {
    "better": "good",
    "worse": "bad",
    "changed": "moved",
}  # of a signal: the colour of a change


@dataclass
class _Client:
    """What the page shows of a client. urgency: 0 where nothing is to be done, else the smaller the sooner."""

    id: str
    name: str
    urgency: int
    outcome: str
    when: str = ""
    message: str = ""
    report: dict[str, Any] | None = None
    tiles: list[dict[str, str]] = field(default_factory=list)
    alerts: list[dict[str, str]] = field(default_factory=list)
    more_alerts: int = 0
    others: list[dict[str, str]] = field(default_factory=list)
    more: int = 0
    reports: int = 0


def portfolio(outputs: Path, now: datetime) -> Path:
    """Write index.html over all clients into the folder of all outputs, whole or not at all; the path of it.

    now: an aware time, for the age of data. Writers wait for one another, so the last page shows all clients.
    Raises OSError where it cannot be written; no client's folder makes it fail.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    with locked(outputs / _LOCK):
        write_atomic(outputs / PAGE, _text(outputs, now))  # it shows several clients: for its owner only
    return outputs / PAGE


def _text(outputs: Path, now: datetime) -> str:
    clients = [_client(outputs / name, now) for name in sorted(os.listdir(outputs)) if _is_client(outputs / name)]
    clients.sort(key=lambda client: (client.urgency or 9, client.name.casefold(), client.id))
    reports, waiting = sum(client.reports for client in clients), [client for client in clients if client.urgency]
    totals = [
        _counted(len(clients), "client"),
        _counted(reports, "report"),
        f"{len(waiting)} {'needs' if len(waiting) == 1 else 'need'} attention" if waiting else "none needs attention",
    ]
    groups = [("Needs attention", waiting), ("OK", [client for client in clients if not client.urgency])]
    return page(
        "portfolio.j2",
        lang="en",
        handbook=f"{HANDBOOK}/index.html" if (outputs / HANDBOOK / "index.html").is_file() else "",
        totals=totals,
        groups=[(title, of) for title, of in groups if of],
        made_on=_moment(now),
        version=version("crmnb"),
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# ---- One client -------------------------------------------------------------------------------------------


def _is_client(folder: Path) -> bool:
    return is_client_name(folder.name) and _is_folder(folder)


def _client(folder: Path, now: datetime) -> _Client:
    private = folder / ".private"
    there = _is_folder(private)
    record = _record(private / "run.json") if there else {}
    client = _Client(folder.name, printable(_word(record, "name"), 80) or folder.name, *_outcome(record))
    if began := _time(_word(record, "began_at")):
        client.when = _moment(began)
    client.message = printable(_word(record, "message"), _LONGEST)
    periods = {name: _report(folder, name, there) for name in _periods(folder)}
    newest, *others = sorted(periods, key=lambda name: (periods[name]["made"], name), reverse=True) or [None]
    if newest:
        client.reports, client.report = len(periods), _shown(periods[newest], folder, now)
        client.tiles = [
            _tile(record, folder / newest, folder.name)
            for record in _many(periods[newest]["record"], "tiles")[:_MOST_TILES]
        ]
        client.others = [
            {"href": _href(folder, name), "name": periods[name]["name"]} for name in others[:_MOST_PERIODS]
        ]
        client.more = len(others) - len(client.others)
        if client.report["failed"] and _word(record, "status") == "family failed":
            client.message = ""  # the report shows the same
        client.urgency = client.urgency or client.report["urgency"]
        _add_alerts(client, folder / ".private" / "runs" / newest / "alerts.json", there)
    return client


def _add_alerts(client: _Client, path: Path, is_private_there: bool) -> None:
    """The alerts of the newest report: errors first, in a line each; an error needs attention."""
    there = is_private_there and _is_folder(path.parent)
    alerts = _many(_record(path) if there else {}, "alerts")
    lines = []
    for alert in sorted(alerts, key=lambda alert: _word(alert, "severity") != "error"):
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # a record of another version
            severity = _word(alert, "severity")
            lines.append({"words": printable(alert_line(alert), _LONGEST), "severity": severity})
    client.alerts, client.more_alerts = lines[:_MOST_ALERTS], len(lines[_MOST_ALERTS:])
    if any(line["severity"] == "error" for line in lines):
        client.urgency = client.urgency or _ALERT


def _outcome(record: dict[str, Any] | None) -> tuple[int, str]:
    """How urgent the last run is, and its outcome in words."""
    if record is None:
        return _UNREADABLE, "the record of the run cannot be read"
    words, urgency = _OUTCOMES.get(_word(record, "status"), ("unknown outcome", _UNREADABLE))
    return urgency, words


def _periods(folder: Path) -> list[str]:
    """The labels of the reports that are published."""
    with suppress(OSError):
        return [
            name
            for name in os.listdir(folder)
            if _PERIOD.fullmatch(name) and _is_folder(folder / name) and _is_file(folder / name / PAGE)
        ]
    return []


def _report(folder: Path, label: str, is_private_there: bool) -> dict[str, Any]:
    """A published report: its record, its name, and its time (without a record, that of its file)."""
    run = folder / ".private" / "runs" / label
    there = is_private_there and _is_folder(run.parent) and _is_folder(run)
    record = _record(run / "report.json") if there else {}
    report_time = _time(_word(record, "made_at"))
    if report_time is None:
        with suppress(OSError, ValueError, OverflowError):
            report_time = datetime.fromtimestamp(os.lstat(folder / label / PAGE).st_mtime, UTC)
    name = printable(_word(record, "period_name"), 40) or label
    return {"label": label, "name": name, "made": report_time or datetime.min.replace(tzinfo=UTC), "record": record}


def _shown(report: dict[str, Any], folder: Path, now: datetime) -> dict[str, Any]:
    """The newest report: its place, the age of its data, and what failed."""
    record, label = report["record"], report["label"]
    freshness, is_old = _freshness(_word(record, "data_until"), now)
    failed = _failed(record)
    if record is None:
        freshness = "The record of the report cannot be read"
    return {
        "href": _href(folder, label),
        "name": report["name"],
        "made": _day(report["made"].date()),
        "data": freshness,
        "is_old": is_old,
        "failed": failed,
        "urgency": 1 if failed else _UNREADABLE if record is None else _OLD if is_old else 0,
    }


def _freshness(until: str, now: datetime) -> tuple[str, bool]:
    """The last day of the data and its age in words, and whether that is old."""
    try:
        last = date.fromisoformat(until)
    except ValueError:
        return "Last day of the data unknown", False
    days = (now.date() - last).days
    age = f", {_counted(days, 'day')} old" if days >= 0 else ""
    return f"Data until {_day(last)}{age}", days > _STALE


def _failed(record: dict[str, Any] | None) -> list[dict[str, str]]:
    """The families without results, with the reason for each."""
    families = (record or {}).get("families")
    listed = families.items() if isinstance(families, dict) else ()
    failed = [(name, family) for name, family in listed if isinstance(family, dict) and _word(family, "failure")]
    return [
        {"title": printable(_word(family, "title") or name, 80), "words": printable(_word(family, "failure"), _LONGEST)}
        for name, family in failed
    ]


def _tile(tile: dict[str, Any], report: Path, client: str) -> dict[str, str]:
    href = _word(tile, "href")
    linked = _FAMILY_PAGE.fullmatch(href) and _is_file(report / href)
    words = {key: printable(_word(tile, key), 80) for key in ("title", "value", "interval", "change")}
    signal = _word(tile, "signal")
    if words["change"] and signal in ("better", "worse"):  # in words too, for readers who do not see colours
        words["change"] += f", {signal}"
    return words | {"tone": _TONES.get(signal, "unclear"), "href": f"{client}/{report.name}/{href}" if linked else ""}


def _href(folder: Path, label: str) -> str:
    return f"{folder.name}/{label}/{PAGE}"


# ---- Reading records that may be damaged --------------------------------------------------------------------------


def _is_folder(path: Path) -> bool:
    """Whether a folder is there itself, not a link to one."""
    return _is(stat.S_ISDIR, path)


def _is_file(path: Path) -> bool:
    return _is(stat.S_ISREG, path)


def _is(kind, path: Path) -> bool:
    try:
        return kind(os.lstat(path).st_mode)
    except OSError:
        return False


def _record(path: Path) -> dict[str, Any] | None:
    """A record in JSON; empty where there is no such file, None where it cannot be read or is damaged."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # a link may lead anywhere, and reading a pipe would never end
            return None
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        return parse_json(text.decode("utf-8")) if len(text) <= _LARGEST else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None


def _word(record: dict[str, Any] | None, key: str) -> str:
    value = (record or {}).get(key)
    return value if isinstance(value, str) else ""


def _many(record: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    values = (record or {}).get(key)
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


# ---- Days and times, with the month as a word ----------------------------------


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(time: datetime) -> str:
    time = time.astimezone(UTC)
    return f"{_day(time.date())}, {time:%H:%M} UTC"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
