"""The results of a data quality check: as sections of a page, as plain text for a terminal, and as data."""

import textwrap
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal

from crmnb.engine.segments import MOST_LEVELS
from crmnb.evaluate.settings import compared_with
from crmnb.intake.audit import ReferenceCheck, TableAudit
from crmnb.report.data_check.availability import Availability
from crmnb.report.data_check.drift import RULES
from crmnb.report.data_check.findings import Checked
from crmnb.report.html import printable
from crmnb.report.pages import Entry, Part
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import MINUS, day, localised, percent, period_name, whole_number
from crmnb.report.text.sentences import as_sentence
from crmnb.schema.client import Client
from crmnb.schema.tables import OTHER

_MOST_CAUSES = 3
_MOST_TITLES = 4
METRICS = "Available metrics"
_VERDICTS = {"yes": "available", "partly": "partly available", "no": "not available"}
_ORDER = {can: place for place, can in enumerate(_VERDICTS)}


def parts_of(checked: Checked) -> tuple[Part, ...]:
    """The sections: rows imported, metrics available, changes since the last import."""
    return _read(checked), _metrics(checked), _drift(checked)


# ---- Rows imported ----------------------------------------------------------------------------------------


def _read(checked: Checked) -> Part:
    client, accounts = checked.client, checked.taken.audits
    entries = tuple(_account(account, client) for account in accounts)
    columns = ("Table", "Source", "Rows read", "Accepted", "Rejected", "Remarks")
    return Part("Imported rows", _covers(checked), columns, (2, 3, 4), entries)


def _covers(checked: Checked) -> tuple[str, ...]:
    client, taken = checked.client, checked.taken
    restored = f"Damaged files were restored: {', '.join(taken.rebuilt_files)}."
    also = (restored,) if taken.rebuilt_files else ()
    if not (taken.data_from and taken.cutoff):
        return ("The data contain no dated events, and data_from and data_until are not declared.", *also)
    last = taken.cutoff - timedelta(microseconds=1)
    gaps = (as_sentence(printable(localised(gap, client))) for gap in taken.gaps)
    return (f"The data cover {day(taken.data_from, client)} to {day(last, client)}.", *gaps, *also)


def _account(account: TableAudit, client: Client) -> Entry:
    rejected = whole_number(account.rejected, client)
    if account.rejected:
        rejected += f" ({_share(account.rejected, account.read, client)})"
    source = {"query": "a query"}.get(account.source, f"source {account.source}")
    name = account.table or f"source {account.source}"
    counts = whole_number(account.read, client), whole_number(account.accepted, client), rejected
    return Entry((name, source if account.table else "files", *counts), tuple(_notes(account, client)))


def _notes(account: TableAudit, client: Client) -> list[str]:
    notes = [f"rejected: {printable(c.reason)}, {_rows(c.rows, client)}" for c in account.causes[:_MOST_CAUSES]]
    if len(account.causes) > _MOST_CAUSES:
        more = len(account.causes) - _MOST_CAUSES
        notes[-1] += f"; and {more} other {'cause' if more == 1 else 'causes'}"
    for column, total in account.totals.items():
        unread = f"; {_rows(total.unreadable, client)} had no readable amount" if total.unreadable else ""
        notes.append(
            f"{column}: {_exact(total.accepted, client)} accepted, {_exact(total.rejected, client)} rejected{unread}"
        )
    notes += [_link(link, client) for link in account.references]
    if lines := account.lines:
        share = f" ({_share(lines.unmatched, lines.read, client)})" if lines.unmatched else ""
        counts = f"{whole_number(lines.unmatched, client)} of {whole_number(lines.read, client)}"
        notes.append(f"{counts} lines of the source {lines.source} belong to no row{share}")
        for column, sums in lines.totals.items():
            every, reached, rows = (_exact(text, client) for text in sums)
            notes.append(f"{column}: {every} in all lines, {reached} in lines that belong to a row, {rows} in the rows")
    return notes + [printable(note) for note in account.notes]


def _link(link: ReferenceCheck, client: Client) -> str:
    counts = f"{whole_number(link.orphans, client)} of {whole_number(link.rows, client)}"
    to = "an unknown customer" if link.parent == "customers" else "an unknown key"
    share = f" ({_share(link.orphans, link.rows, client)})" if link.orphans else ""
    return f"{link.column} \N{RIGHTWARDS ARROW} {link.parent}: {counts} rows refer to {to}{share}"


def _rows(rows: int, client: Client) -> str:
    return f"{whole_number(rows, client)} row{'' if rows == 1 else 's'}"


def _share(part: int, of: int, client: Client) -> str:
    share = part / of if of else 0.0
    return f"under {percent(0.001, client)}" if 0 < share < 0.001 else percent(share, client)


def _exact(text: str, client: Client) -> str:
    """A sum of money with all its digits, for comparison with the client's own books."""
    return format_decimal(Decimal(text), "#,##0.00##", client.locale, decimal_quantization=False).replace("-", MINUS)


# ---- Available metrics ----------------------------------------------------------------------------------------


def _metrics(checked: Checked) -> Part:
    client, period = checked.client, checked.period
    counts = {can: sum(item.can == can for item in checked.metrics) for can in _VERDICTS}
    sentences = [f"Period: {period_name(period.label, client)}, {checked.chosen}."]
    sentences.append(", ".join(f"{n} {_VERDICTS[can]}" for can, n in counts.items()) + ".")
    if why := compared_with(client, period)[1]:
        sentences.append(f"For all metrics: {sentence(why, client)}.")
    for name, count in checked.many_levels.items():
        sentences.append(
            f"Segment {printable(name)} has {whole_number(count, client)} levels: the {MOST_LEVELS} with most rows are shown, the "
            f"others together as {OTHER}."
        )
    entries = tuple(_metric(item, client) for item in sorted(checked.metrics, key=lambda item: _ORDER[item.can]))
    return Part(
        METRICS,
        tuple(sentences),
        ("Metric", "Id", "Available", "Reasons and columns needed"),
        (),
        entries,
    )


def _metric(item: Availability, client: Client) -> Entry:
    cells = (item.metric.title, item.metric.id, item.can)
    needs = f"Needs {', '.join(item.needs)}." if item.needs else ""
    return Entry(cells, tuple(localised(reason, client) for reason in item.reasons), needs)


# ---- Changes since the last import -----------------------------------------------------------------------------------------


def _drift(checked: Checked) -> Part:
    client, before = checked.client, checked.taken.previous_profile
    title = "Changes since the last import"
    if before is None:
        return Part(title, ("This is the first import, so there is no comparison.",))
    when = f"Compared with the import on {day(date.fromisoformat(before.day), client)}."
    if not checked.drift:
        return Part(title, (when, "No changes apart from new rows."), details=RULES)
    entries = tuple(Entry((item.where,), (item.words, _affected(item.may_affect))) for item in checked.drift)
    return Part(title, (when,), ("Where", "Change and affected metrics"), (), entries, RULES)


def _affected(titles: tuple[str, ...]) -> str:
    if not titles:
        return "No metric or breakdown uses it."
    more = f"; and {len(titles) - _MOST_TITLES} more" if len(titles) > _MOST_TITLES else ""
    return f"May affect: {'; '.join(titles[:_MOST_TITLES])}{more}."


# ---- For a terminal, and as data --------------------------------------------------------------------------


def as_text(checked: Checked, width: int) -> str:
    """The parts as plain text of at most `width` columns."""
    client, read_on = checked.client, date.fromisoformat(checked.taken.profile.day)
    lines = _wrapped(f"{printable(client.name)}: data quality check, import of {day(read_on, client)}", width)
    for part in parts_of(checked):
        lines += ["", *_wrapped(part.title.upper(), width)]
        for text in part.sentences:
            lines += _wrapped(text, width, "  ")
        lines += _metric_lines(checked, width) if part.title == METRICS else _lines(part, width)
    return "\n".join(lines)


def _metric_lines(checked: Checked, width: int) -> list[str]:
    """The metrics, grouped by status and reasons."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for item in sorted(checked.metrics, key=lambda item: _ORDER[item.can]):
        groups.setdefault((item.can, item.reasons), []).append(f"{item.metric.title} [{item.metric.id}]")
    lines = []
    for (can, reasons), metrics in groups.items():
        words = "; ".join(localised(reason, checked.client) for reason in reasons)
        lines += ["", *_wrapped(f"{_VERDICTS[can]}{': ' if words else ''}{words}", width, "    ", "  ")]
        for metric in metrics:
            lines += _wrapped(metric, width, "      ", "    - ")
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
    taken, period = checked.taken, checked.period
    return {
        "client": checked.client.id,
        "data": {
            "from": taken.data_from and taken.data_from.date().isoformat(),
            "until": taken.cutoff and (taken.cutoff - timedelta(microseconds=1)).date().isoformat(),
            "gaps": list(taken.gaps),
        },
        "healed": list(taken.rebuilt_files),
        "accounts": [asdict(account) for account in taken.audits],
        "period": {"label": period.label, "chosen": checked.chosen},
        "metrics": [
            {
                "metric": item.metric.id,
                "can": item.can,
                "reasons": list(item.reasons),
                "needs": list(item.needs),
                "missing": list(item.missing),
            }
            for item in checked.metrics
        ],
        "drift": {
            "since": taken.previous_profile and taken.previous_profile.day,
            "found": [asdict(item) for item in checked.drift],
        },
        "pages": {"check": str(checked.page), "quarantine": str(checked.quarantine)},
    }
