"""The page of rejected rows: the most frequent causes, the affected metrics, and how to correct the rows."""

from itertools import accumulate
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from markupsafe import Markup

from crmnb.intake.audit import RejectionCause, TableAudit
from crmnb.report.html import printable, tag
from crmnb.report.pages.frame import language, page
from crmnb.report.text.numbers import percent, whole_number
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

_MOST = 0.8  # share of all errors that the first causes make (Pareto)
_FILES = (
    ".xlsx",
    ".csv",
)  # the first is the one to correct: a spreadsheet program changes what it reads from the other


def quarantine_page(
    client: Client,
    accounts: tuple[TableAudit, ...],
    folder: Path,
    page_folder: Path,
    affected: dict[str, tuple[str, ...]],
    *,
    refused: bool = False,
) -> str:
    """The page.

    folder: of the files to correct; page_folder: of the page, from which they are linked. affected: the titles of the metrics
    that read a table, by its name, or a source ("source x"). refused: whether the import stopped, as the last account has too
    many invalid rows.
    """
    others = {"replaced": sum(a.replaced for a in accounts), "excluded": sum(a.erased for a in accounts)}
    faulty = sorted((a for a in accounts if a.rejected), key=lambda account: -account.rejected)
    return page(
        "quarantine.j2",
        lang=language(client),
        client_name=printable(client.name),
        refused=_name(accounts[-1]) if refused else "",
        summary=_summary(accounts, client),
        tables=[_table(a, client, folder, page_folder, affected.get(_name(a), ())) for a in faulty],
        parts=" + ".join(["accepted", "rejected", *(word for word, rows in others.items() if rows)]),
        good=", ".join(_name(a) for a in accounts if not a.rejected),
    )


def _name(account: TableAudit) -> str:
    return account.table or f"source {account.source}"


def _summary(accounts: tuple[TableAudit, ...], client: Client) -> str:
    read = whole_number(sum(a.read for a in accounts if a.source != "query"), client)
    rejected = sum(a.rejected for a in accounts)
    erased = sum(a.erased for a in accounts)
    excluded = f" {whole_number(erased, client)} rows of erased customers {_was(erased)} excluded." if erased else ""
    if not rejected:
        return f"{read} rows were read, none {'of the others ' if erased else ''}was rejected.{excluded}"
    return (
        f"{read} rows were read, {whole_number(rejected, client)} {_was(rejected)} rejected because of invalid values. "
        f"Rejected rows are kept, but no figure contains them until they are corrected.{excluded}"
    )


def _was(rows: int) -> str:
    return "was" if rows == 1 else "were"


def _table(account: TableAudit, client: Client, folder: Path, page_folder: Path, titles: tuple[str, ...]) -> dict:
    """What the page shows of a table."""
    name, causes = _name(account), account.causes
    files = [
        folder / f"{'sources/' if not account.table else ''}{account.table or account.source}{end}" for end in _FILES
    ]
    there = [file for file in files if file.is_file()]
    shares = f"{whole_number(account.rejected, client)} of {whole_number(account.read, client)} rows"
    return {
        "id": name.replace(" ", "-"),
        "name": name,
        "grain": f"each row is {TABLES[account.table].grain}" if account.table else "",
        "rows": f"{shares} rejected ({percent(account.rejected / account.read, client)})",
        "few": _few(causes, client),
        "several": sum(cause.rows for cause in causes) > account.rejected,
        "causes": _causes(account, client),
        "asks": list(dict.fromkeys(printable(cause.request) for cause in causes)),
        "metrics": titles,
        "files": [{"name": file.name, "href": _href(file, page_folder)} for file in there],
        "steps": _correction_steps(account, client, there[0].name if there else "the file"),
    }


def _href(file: Path, page_folder: Path) -> str:
    """A file's address as seen from a folder; "" where it lies elsewhere."""
    inside = file.is_relative_to(page_folder)
    return quote(file.relative_to(page_folder).as_posix()) if inside else ""


def _few(causes: tuple[RejectionCause, ...], client: Client) -> str:
    """Which few causes make most of the errors, where few do."""
    so_far = list(accumulate(cause.rows for cause in causes))
    number = 1 + sum(rows < _MOST * so_far[-1] for rows in so_far)
    if len(causes) < 3 or number == len(causes):
        return ""
    first = "The first cause makes" if number == 1 else f"The first {number} of {len(causes)} causes make"
    return f"{first} {percent(so_far[number - 1] / so_far[-1], client)} of the errors: start there."


def _causes(account: TableAudit, client: Client) -> list[dict]:
    total, so_far, causes = sum(cause.rows for cause in account.causes), 0, []
    theirs = client.tables[account.table].headers if account.table in client.tables else {}
    for cause in account.causes:
        so_far += cause.rows
        causes.append(
            {
                "words": printable(cause.reason),
                "theirs": printable(theirs.get(cause.column, "")),
                "examples": ", ".join(printable(example, 80) for example in cause.examples),
                "bar": _bar(cause.rows / account.rejected),
                "rows": whole_number(cause.rows, client),
                "share": percent(cause.rows / account.rejected, client),
                "together": percent(so_far / total, client),
                "alone": whole_number(cause.sole_cause_rows, client),
            }
        )
    return causes


def _bar(share: float) -> Markup:
    """A bar as long as the share; the figure stands next to it."""
    bar = tag("rect", class_="range", width=f"{100 * min(share, 1):.1f}", height="10")
    return tag("svg", bar, viewBox="0 0 100 10", preserveAspectRatio="none", class_="bar", aria_hidden="true")


def _correction_steps(account: TableAudit, client: Client, file: str) -> list[str]:
    """How to correct the rows and import them again, step by step."""
    source = client.sources.get(account.source)
    if source is None or not source.file or "parquet" in (source.format, source.file.rpartition(".")[2]):
        where = "in the files that its query reads" if source is None else f"for the source {account.source}"
        return [f"Correct these rows at their source, {where}, and import the data again."]
    steps = [
        f"Correct the cells in {file}. Do not change the last columns: they hold the place of each row and the cause."
    ]
    path = PurePosixPath(source.file)
    if any(sign in path.name for sign in "*?[") and path.name.endswith(("*", PurePosixPath(file).suffix or ".xlsx")):
        steps.append(f"Save the corrected file in the folder of the others, under a name that matches {path.name}.")
    else:
        steps.append(
            f"Save the corrected file in the folder of {path.name}. In {client.id}.yml, change sources.{account.source}.file to a pattern "
            f"that matches both, such as {path.with_name(path.name.split('.')[0].rstrip('*'))}*."
        )
    run = f"Import the data again: crmnb check {client.id}."
    return [*steps, f"{run} The corrected rows replace the rejected ones, which can stay in the old file."]
