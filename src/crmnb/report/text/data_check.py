"""The sentences of the data quality check: rows imported, metrics available, changes since the last import."""

from datetime import date, timedelta
from decimal import Decimal

from babel.numbers import format_decimal

from crmnb.engine.segments import MOST_LEVELS
from crmnb.evaluate.availability import Availability
from crmnb.intake import Intake
from crmnb.intake.audit import LineAudit, ReferenceCheck, TableAudit
from crmnb.report.data_check import drift
from crmnb.report.html import printable
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import MINUS, day, localised, percent, whole_number
from crmnb.report.text.sentences import as_sentence
from crmnb.schema.client import Client
from crmnb.schema.tables import OTHER

IMPORTED = "Imported rows"
METRICS = "Available metrics"
CHANGES = "Changes since the last import"
FIRST_IMPORT = "This is the first import, so there is no comparison."
NO_CHANGES = "No changes apart from new rows."
STATUSES = {"yes": "available", "partly": "partly available", "no": "not available"}
MISSING_TABLES = f"{STATUSES['no']}: needs a table that is not mapped"
_MOST_CAUSES = 3
_MOST_TITLES = 4
_SMALLEST_SHARE = 0.001


def breakdown_title(segment: str) -> str:
    """A segmentation among the titles of what reads a table."""
    return f"every breakdown by {segment.replace('_', ' ')}"


# ---- Rows imported ----------------------------------------------------------------------------------------------------


def coverage_sentences(imported: Intake, client: Client) -> tuple[str, ...]:
    """The days that the data cover, their gaps, and the stored files that were restored."""
    restored = f"Damaged files were restored: {', '.join(imported.rebuilt_files)}."
    also = (restored,) if imported.rebuilt_files else ()
    if not (imported.data_from and imported.cutoff):
        return ("The data contain no dated events, and data_from and data_until are not declared.", *also)
    last = imported.cutoff - timedelta(microseconds=1)
    gaps = (as_sentence(printable(localised(gap, client))) for gap in imported.gaps)
    return (f"The data cover {day(imported.data_from, client)} to {day(last, client)}.", *gaps, *also)


def rejected_words(account: TableAudit, client: Client) -> str:
    """The number of rejected rows with their share: `12 (3.1%)`."""
    rejected = whole_number(account.rejected, client)
    return f"{rejected} ({_share(account.rejected, account.read, client)})" if account.rejected else rejected


def account_remarks(account: TableAudit, client: Client) -> list[str]:
    """Causes of rejection, control totals, references and lines of a table's import."""
    remarks = [f"rejected: {printable(c.reason)}, {_rows(c.rows, client)}" for c in account.causes[:_MOST_CAUSES]]
    if len(account.causes) > _MOST_CAUSES:
        more = len(account.causes) - _MOST_CAUSES
        remarks[-1] += f"; and {more} other {'cause' if more == 1 else 'causes'}"
    remarks += [f"excluded: {printable(cause)}, {_rows(rows, client)}" for cause, rows in account.excluded.items()]
    for column, total in account.totals.items():
        unread = f"; {_rows(total.unreadable, client)} had no readable amount" if total.unreadable else ""
        accepted, rejected = _exact(total.accepted, client), _exact(total.rejected, client)
        remarks.append(f"{column}: {accepted} accepted, {rejected} rejected{unread}")
    remarks += [_reference_words(reference, client) for reference in account.references]
    remarks += _line_words(account.lines, client) if account.lines else []
    return remarks + [printable(note) for note in account.notes]


def _line_words(lines: LineAudit, client: Client) -> list[str]:
    share = f" ({_share(lines.unmatched, lines.read, client)})" if lines.unmatched else ""
    counts = f"{whole_number(lines.unmatched, client)} of {whole_number(lines.read, client)}"
    words = [f"{counts} lines of the source {lines.source} belong to no row{share}"]
    for column, sums in lines.totals.items():
        every, reached, rows = (_exact(text, client) for text in sums)
        words.append(f"{column}: {every} in all lines, {reached} in lines that belong to a row, {rows} in the rows")
    return words


def _reference_words(reference: ReferenceCheck, client: Client) -> str:
    counts = f"{whole_number(reference.orphans, client)} of {whole_number(reference.rows, client)}"
    to = "an unknown customer" if reference.parent == "customers" else "an unknown key"
    share = f" ({_share(reference.orphans, reference.rows, client)})" if reference.orphans else ""
    return f"{reference.column} \N{RIGHTWARDS ARROW} {reference.parent}: {counts} rows refer to {to}{share}"


def _rows(rows: int, client: Client) -> str:
    return f"{whole_number(rows, client)} row{'' if rows == 1 else 's'}"


def _share(part: int, of: int, client: Client) -> str:
    share = part / of if of else 0.0
    return f"under {percent(_SMALLEST_SHARE, client)}" if 0 < share < _SMALLEST_SHARE else percent(share, client)


def _exact(text: str, client: Client) -> str:
    """A sum of money with all its digits, for comparison with the client's own books."""
    return format_decimal(Decimal(text), "#,##0.00##", client.locale, decimal_quantization=False).replace("-", MINUS)


# ---- Metrics available ------------------------------------------------------------------------------------------------


def status_counts(metrics: tuple[Availability, ...]) -> str:
    """`40 available, 8 partly available, 4 not available.`"""
    counts = {status: sum(item.status == status for item in metrics) for status in STATUSES}
    return ", ".join(f"{count} {STATUSES[status]}" for status, count in counts.items()) + "."


def levels_sentence(segment: str, levels: int, client: Client) -> str:
    """How many levels of a segmentation with very many are shown."""
    return (
        f"Segment {printable(segment)} has {whole_number(levels, client)} levels: the {MOST_LEVELS} with most rows are shown, the "
        f"others together as {OTHER}."
    )


def availability_reasons(item: Availability, client: Client) -> tuple[str, ...]:
    """Why a metric is not, or only partly, available."""
    return tuple(sentence(reason, client).rstrip(".") for reason in item.reasons)


def missing_table(item: Availability) -> str:
    """The table whose absence is the only reason why a metric is not available; "" if there is none."""
    codes = [reason.code for reason in item.reasons]
    return item.reasons[0].values["table"] if item.status == "no" and codes == ["needs_table"] else ""


def missing_table_words(table: str, items: list[Availability]) -> str:
    """`orders: an order (not a line of it); 23 metrics, such as Refund rate and Sales growth`."""
    grain = items[0].reasons[0].values["grain"]
    titles = [item.metric.title for item in items]
    few = len(titles) <= _MOST_TITLES
    metrics = ", ".join(titles) if few else f"{len(titles)} metrics, such as {' and '.join(titles[:2])}"
    return f"{table}: {grain}; {metrics}"


def needs_words(item: Availability) -> str:
    """The columns that a metric needs, and which of them are missing."""
    if not item.needs:
        return ""
    missing = f"; missing: {', '.join(item.missing)}" if item.missing else ""
    return f"Needs {', '.join(item.needs)}{missing}."


# ---- Changes since the last import ------------------------------------------------------------------------------------

CHANGE_RULES = (
    f"share of missing values: moved by more than {drift.POINTS:.0%} of the rows, or from none to more than {drift.FROM_NONE:.1%}",
    f"numbers: a range {drift.TIMES} times as wide as before, or {drift.TIMES} times as narrow",
    "times: earlier than before, or later and in the future, by more than their previous span; an earlier end; a start that is later by "
    f"more than {drift.LOST:.0%} of the span",
    f"categories: new ones with more than {drift.OF_NEW_ROWS:.0%} of the new rows, and vanished ones that had {drift.WAS_COMMON:.0%} or more of all "
    "rows",
    f"rows: more than {drift.HALF:.0%} more or fewer for each day that the data cover, or that many fewer in all",
    "columns, tables and types: each that was added, removed or changed",
    "In tables of few rows, what can be chance is not listed.",
)


def compared_with_import(day_of_import: str, client: Client) -> str:
    """With which import the data are compared; day_of_import: ISO date."""
    return f"Compared with the import on {day(date.fromisoformat(day_of_import), client)}."


def affected_words(titles: tuple[str, ...]) -> str:
    """Which metrics and breakdowns a change may affect."""
    if not titles:
        return "No metric or breakdown uses it."
    more = f"; and {len(titles) - _MOST_TITLES} more" if len(titles) > _MOST_TITLES else ""
    return f"May affect: {'; '.join(titles[:_MOST_TITLES])}{more}."
