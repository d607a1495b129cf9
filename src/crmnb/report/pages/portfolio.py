"""The index over all clients: how each one's last run went, where its reports are, how old its data, and a figure or two.

It is made of what runs left under outputs/ and of nothing else. What is missing, of another kind or damaged is said, and
stops nothing: the page must be there on the very day on which something went wrong.
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
from crmnb.report.html import printable
from crmnb.report.pages.frame import page
from crmnb.schema.client.models import NAME

PAGE = "index.html"
_LOCK = ".lock"
_PERIOD = re.compile(r"[0-9A-Z][0-9A-Za-z.-]{3,40}")  # what labels are made of; an address is made of it
_FAMILY_PAGE = re.compile(r"[a-z][a-z0-9_]*\.html")
_LARGEST = 1 << 20  # bytes of a record; one that is larger is not one of ours
_STALE = 100  # days: a quarter, and some for its figures to come in
_MOST_PERIODS = 12
_MOST_TILES = 2
_LONGEST = 400  # characters of a sentence

# What is said of each outcome, and how urgent it is; an outcome that is not here is as urgent as one that cannot be read.
_OUTCOMES = {
    "family failed": ("a part of the report failed", 1),
    "interrupted": ("interrupted", 2),
    "refused": ("refused, nothing new was made", 3),
    "made": ("report made", 0),
    "unchanged": ("nothing had changed, the report stands", 0),
    "skipped": ("skipped, as none of its files is there", 0),
    "": ("none on record", 0),
}
_UNREADABLE, _OLD = 4, 5
_TONES = {
    "better": "good",
    "worse": "bad",
    "changed": "moved",
}  # of a signal: the colour of what is said of a change


@dataclass
class _Client:
    """What the page says of a client. urgency: 0 where nobody is needed, else the smaller the sooner."""

    id: str
    name: str
    urgency: int
    outcome: str
    when: str = ""
    said: str = ""
    report: dict[str, Any] | None = None
    tiles: list[dict[str, str]] = field(default_factory=list)
    others: list[dict[str, str]] = field(default_factory=list)
    more: int = 0
    reports: int = 0


def portfolio(outputs: Path, now: datetime) -> Path:
    """Write index.html over all clients into the folder of all outputs, whole or not at all; the path of it.

    now: an aware time, against which the age of data is told. Writers wait for one another, so the last one tells of all.
    Raises OSError where it cannot be written; no client's folder makes it fail.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    with locked(outputs / _LOCK):
        write_atomic(outputs / PAGE, _text(outputs, now))  # it shows clients side by side: for its owner only
    return outputs / PAGE


def _text(outputs: Path, now: datetime) -> str:
    clients = [_client(outputs / name, now) for name in sorted(os.listdir(outputs)) if _is_client(outputs / name)]
    clients.sort(key=lambda each: (each.urgency or 9, each.name.casefold(), each.id))
    reports, waiting = sum(each.reports for each in clients), [each for each in clients if each.urgency]
    totals = [
        _counted(len(clients), "client"),
        _counted(reports, "report"),
        f"{len(waiting)} {'needs' if len(waiting) == 1 else 'need'} somebody" if waiting else "none needs somebody",
    ]
    groups = [("Needs somebody", waiting), ("In order", [each for each in clients if not each.urgency])]
    return page(
        "portfolio.j2",
        lang="en",
        totals=totals,
        groups=[(title, of) for title, of in groups if of],
        made_on=_moment(now),
        version=version("crmnb"),
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# ---- One client -------------------------------------------------------------------------------------------


def _is_client(folder: Path) -> bool:
    return re.fullmatch(NAME, folder.name) is not None and _is_folder(folder)


def _client(folder: Path, now: datetime) -> _Client:
    private = folder / ".private"
    there = _is_folder(private)
    record = _record(private / "run.json") if there else {}
    found = _Client(folder.name, printable(_word(record, "name"), 80) or folder.name, *_outcome(record))
    if began := _time(_word(record, "began_at")):
        found.when = _moment(began)
    found.said = printable(_word(record, "message"), _LONGEST)
    periods = {name: _report(folder, name, there) for name in _periods(folder)}
    newest, *others = sorted(periods, key=lambda name: (periods[name]["made"], name), reverse=True) or [None]
    if newest:
        found.reports, found.report = len(periods), _shown(periods[newest], folder, now)
        found.tiles = [
            _tile(each, folder / newest, folder.name)
            for each in _many(periods[newest]["record"], "tiles")[:_MOST_TILES]
        ]
        found.others = [{"href": _href(folder, name), "name": periods[name]["name"]} for name in others[:_MOST_PERIODS]]
        found.more = len(others) - len(found.others)
        if found.report["failed"] and _word(record, "status") == "family failed":
            found.said = ""  # it is the same, and stands with the report
        found.urgency = found.urgency or found.report["urgency"]
    return found


def _outcome(record: dict[str, Any] | None) -> tuple[int, str]:
    """How urgent a last run is, and what came of it in words."""
    if record is None:
        return _UNREADABLE, "what is kept of it cannot be read"
    words, urgency = _OUTCOMES.get(_word(record, "status"), ("what came of it is not known", _UNREADABLE))
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
    """What is known of a published report: its record, its name, and when it was made (of one without a record, by its file)."""
    kept = folder / ".private" / "runs" / label
    there = is_private_there and _is_folder(kept.parent) and _is_folder(kept)
    record = _record(kept / "report.json") if there else {}
    made = _time(_word(record, "made_at"))
    if made is None:
        with suppress(OSError, ValueError, OverflowError):
            made = datetime.fromtimestamp(os.lstat(folder / label / PAGE).st_mtime, UTC)
    name = printable(_word(record, "period_name"), 40) or label
    return {"label": label, "name": name, "made": made or datetime.min.replace(tzinfo=UTC), "record": record}


def _shown(report: dict[str, Any], folder: Path, now: datetime) -> dict[str, Any]:
    """The newest report: where it is, how old its data, what failed, and its headlines."""
    record, label = report["record"], report["label"]
    said, is_old = _freshness(_word(record, "data_until"), now)
    failed = _failed(record)
    if record is None:
        said = "What is kept of it cannot be read"
    return {
        "href": _href(folder, label),
        "name": report["name"],
        "made": _day(report["made"].date()),
        "data": said,
        "is_old": is_old,
        "failed": failed,
        "urgency": 1 if failed else _UNREADABLE if record is None else _OLD if is_old else 0,
    }


def _freshness(until: str, now: datetime) -> tuple[str, bool]:
    """The data's last day and its age, in words, and whether that is old."""
    try:
        last = date.fromisoformat(until)
    except ValueError:
        return "The data's last day is not known", False
    days = (now.date() - last).days
    age = f", {_counted(days, 'day')} old" if days >= 0 else ""
    return f"Data to {_day(last)}{age}", days > _STALE


def _failed(record: dict[str, Any] | None) -> list[dict[str, str]]:
    """The families without results, with the sentence on each."""
    families = (record or {}).get("families")
    listed = families.items() if isinstance(families, dict) else ()
    each = [(name, one) for name, one in listed if isinstance(one, dict) and _word(one, "failure")]
    return [
        {"title": printable(_word(one, "title") or name, 80), "words": printable(_word(one, "failure"), _LONGEST)}
        for name, one in each
    ]


def _tile(tile: dict[str, Any], report: Path, client: str) -> dict[str, str]:
    href = _word(tile, "href")
    linked = _FAMILY_PAGE.fullmatch(href) and _is_file(report / href)
    words = {key: printable(_word(tile, key), 80) for key in ("title", "value", "interval", "change")}
    signal = _word(tile, "signal")
    if words["change"] and signal in ("better", "worse"):  # in words too: not all see colours
        words["change"] += f", {signal}"
    return words | {"tone": _TONES.get(signal, "unclear"), "href": f"{client}/{report.name}/{href}" if linked else ""}


def _href(folder: Path, label: str) -> str:
    return f"{folder.name}/{label}/{PAGE}"


# ---- Reading what may be anything --------------------------------------------------------------------------


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
    """What a run left in JSON; nothing where there is no such file, None where it cannot be read or is damaged."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # a link may lead anywhere, and a pipe would never end
            return None
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        return parse_json(text.decode("utf-8")) if len(text) <= _LARGEST else None
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None


def _word(said: dict[str, Any] | None, key: str) -> str:
    found = (said or {}).get(key)
    return found if isinstance(found, str) else ""


def _many(said: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    found = (said or {}).get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


# ---- Days and times, written so that no reader takes the month for the day ----------------------------------


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(time: datetime) -> str:
    time = time.astimezone(UTC)
    return f"{_day(time.date())}, {time:%H:%M} UTC"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
