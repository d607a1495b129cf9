"""The results of a data quality check: as sections of a page, as plain text for a terminal, and as data."""

import textwrap
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from crmnb.evaluate.availability import Availability
from crmnb.evaluate.settings import compared_with
from crmnb.intake.audit import TableAudit
from crmnb.report.data_check.drift import Drift
from crmnb.report.data_check.findings import Checked
from crmnb.report.html import printable
from crmnb.report.pages import Entry, Part
from crmnb.report.text import data_check as words
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import day, localised, period_name, whole_number
from crmnb.schema.client import Client

_ORDER = {status: place for place, status in enumerate(words.STATUSES)}


def parts_of(checked: Checked) -> tuple[Part, ...]:
    """The sections: rows imported, metrics available, changes since the last import."""
    return _imported(checked), _metrics(checked), _changes(checked)


def _imported(checked: Checked) -> Part:
    client, accounts = checked.client, checked.intake.audits
    entries = tuple(_account(account, client) for account in accounts)
    columns = ("Table", "Source", "Rows read", "Accepted", "Rejected", "Remarks")
    return Part(words.IMPORTED, words.coverage_sentences(checked.intake, client), columns, (2, 3, 4), entries)


def _account(account: TableAudit, client: Client) -> Entry:
    source = {"query": "a query"}.get(account.source, f"source {account.source}")
    name = account.table or f"source {account.source}"
    counts = (
        whole_number(account.read, client),
        whole_number(account.accepted, client),
        words.rejected_words(account, client),
    )
    return Entry((name, source if account.table else "files", *counts), tuple(words.account_remarks(account, client)))


def _metrics(checked: Checked) -> Part:
    client, period = checked.client, checked.period
    sentences = [
        f"Period: {period_name(period.label, client)}, {checked.chosen}.",
        words.status_counts(checked.metrics),
    ]
    if reason := compared_with(client, period)[1]:
        sentences.append(f"For all metrics: {sentence(reason, client)}.")
    sentences += [words.levels_sentence(name, levels, client) for name, levels in checked.many_levels.items()]
    entries = tuple(_metric(item, client) for item in sorted(checked.metrics, key=lambda item: _ORDER[item.status]))
    columns = ("Metric", "Id", "Available", "Reasons and columns needed")
    return Part(words.METRICS, tuple(sentences), columns, (), entries)


def _metric(item: Availability, client: Client) -> Entry:
    cells = (item.metric.title, item.metric.id, item.status)
    return Entry(cells, words.availability_reasons(item, client), words.needs_words(item))


def _changes(checked: Checked) -> Part:
    client, before = checked.client, checked.intake.previous_profile
    if before is None:
        return Part(words.CHANGES, (words.FIRST_IMPORT,))
    compared = words.compared_with_import(before.day, client)
    rules = tuple(localised(rule, client) for rule in words.CHANGE_RULES)
    if not checked.drift:
        return Part(words.CHANGES, (compared, words.NO_CHANGES), details=rules)
    entries = tuple(_change(item, client) for item in checked.drift)
    return Part(words.CHANGES, (compared,), ("Where", "Change and affected metrics"), (), entries, rules)


def _change(item: Drift, client: Client) -> Entry:
    return Entry((item.where,), (sentence(item.change, client), words.affected_words(item.may_affect)))


# ---- For a terminal, and as data --------------------------------------------------------------------------


def as_text(checked: Checked, width: int) -> str:
    """The parts as plain text of at most `width` columns."""
    client, read_on = checked.client, date.fromisoformat(checked.intake.profile.day)
    lines = _wrapped(f"{printable(client.name)}: data quality check, import of {day(read_on, client)}", width)
    for part in parts_of(checked):
        lines += ["", *_wrapped(part.title.upper(), width)]
        for text in part.sentences:
            lines += _wrapped(text, width, "  ")
        lines += _metric_lines(checked, width) if part.title == words.METRICS else _lines(part, width)
    return "\n".join(lines)


def _metric_lines(checked: Checked, width: int) -> list[str]:
    """The metrics, grouped by status and reasons; those that only lack a table in one line per table."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_table: dict[str, list[Availability]] = {}
    for item in sorted(checked.metrics, key=lambda item: _ORDER[item.status]):
        if table := words.missing_table(item):
            by_table.setdefault(table, []).append(item)
            continue
        key = item.status, words.availability_reasons(item, checked.client)
        groups.setdefault(key, []).append(f"{item.metric.title} [{item.metric.id}]")
    lines = []
    for (status, reasons), metrics in groups.items():
        why = f": {'; '.join(reasons)}" if reasons else ""
        lines += _listed(f"{words.STATUSES[status]}{why}", metrics, width)
    tables = [words.missing_table_words(table, items) for table, items in by_table.items()]
    return lines + (_listed(words.MISSING_TABLES, tables, width) if tables else [])


def _listed(title: str, texts: list[str], width: int) -> list[str]:
    """A list under its title."""
    lines = ["", *_wrapped(title, width, "    ", "  ")]
    for text in texts:
        lines += _wrapped(text, width, "      ", "    - ")
    return lines


def _lines(part: Part, width: int) -> list[str]:
    """A part's rows: aligned where they fit, and under each its sentences."""
    if not part.entries:
        return []
    shown = part.columns[:-1]  # the last one's sentences stand below
    rows = [entry.cells for entry in part.entries]
    wide = [max(len(row[i]) for row in [shown, *rows]) for i in range(len(shown))]
    fits = sum(wide) + 2 * len(wide) <= width
    lines = ["", _aligned(shown, wide, part.numeric)] if fits and len(shown) > 1 else [""]
    for entry in part.entries:
        lines += [_aligned(entry.cells, wide, part.numeric)] if fits else _wrapped("  ".join(entry.cells), width, "  ")
        for note in entry.notes:
            lines += _wrapped(note, width, "      ", "    - ")
    return lines


def _aligned(cells: tuple[str, ...], wide: list[int], numeric: tuple[int, ...]) -> str:
    placed = [
        cell.rjust(w) if i in numeric else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, wide, strict=True))
    ]
    return ("  " + "  ".join(placed)).rstrip()


def _wrapped(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent if first is None else first, subsequent_indent=indent)


def as_data(checked: Checked) -> dict[str, Any]:
    """All results of the check, for `json.dumps`."""
    intake, period = checked.intake, checked.period
    return {
        "client": checked.client.id,
        "data": {
            "from": intake.data_from and intake.data_from.date().isoformat(),
            "until": intake.cutoff and (intake.cutoff - timedelta(microseconds=1)).date().isoformat(),
            "gaps": list(intake.gaps),
        },
        "healed": list(intake.rebuilt_files),
        "accounts": [asdict(account) for account in intake.audits],
        "period": {"label": period.label, "chosen": checked.chosen},
        "metrics": [
            {
                "metric": item.metric.id,
                "available": item.status,
                "reasons": list(words.availability_reasons(item, checked.client)),
                "needs": list(item.needs),
                "missing": list(item.missing),
            }
            for item in checked.metrics
        ],
        "drift": {
            "since": intake.previous_profile and intake.previous_profile.day,
            "changes": [_as_data(item, checked.client) for item in checked.drift],
        },
        "pages": {"check": str(checked.page), "quarantine": str(checked.quarantine)},
    }


def _as_data(item: Drift, client: Client) -> dict[str, Any]:
    code, facts = item.change.code, item.change.values
    return {
        "where": item.where,
        "change": code,
        "values": facts,
        "words": sentence(item.change, client),
        "may_affect": list(item.may_affect),
    }
