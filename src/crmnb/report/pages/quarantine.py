"""The page of what was set aside: in plain words, which few causes spoil most rows, what they touch, and how to mend them."""

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

_MOST = 0.8  # Pareto's share: the few causes that make so much of the faults come first
_FILES = (".xlsx", ".csv")  # the first is the one to mend: a spreadsheet program changes what it reads from the other


def quarantine_page(
    client: Client,
    accounts: tuple[TableAudit, ...],
    folder: Path,
    beside: Path,
    touched: dict[str, tuple[str, ...]],
    *,
    refused: bool = False,
) -> str:
    """The page.

    folder: where the files to mend lie; beside: the folder that the page will lie in, from which they are linked.
    touched: the titles of the metrics that read a table, by its name, or a source ("source x"). refused: whether the
    data were not taken in, for as many wrong rows as the last of the accounts has.
    """
    others = {"replaced": sum(a.replaced for a in accounts), "left out": sum(a.erased for a in accounts)}
    bad = sorted((each for each in accounts if each.rejected), key=lambda each: -each.rejected)
    return page(
        "quarantine.j2",
        lang=language(client),
        client_name=printable(client.name),
        refused=_name(accounts[-1]) if refused else "",
        said=_summary(accounts, client),
        tables=[_table(each, client, folder, beside, touched.get(_name(each), ())) for each in bad],
        parts=" + ".join(["accepted", "set aside", *(word for word, rows in others.items() if rows)]),
        good=", ".join(_name(each) for each in accounts if not each.rejected),
    )


def _name(account: TableAudit) -> str:
    return account.table or f"source {account.source}"


def _summary(accounts: tuple[TableAudit, ...], client: Client) -> str:
    read = whole_number(sum(each.read for each in accounts if each.source != "query"), client)
    aside = sum(each.rejected for each in accounts)
    gone = sum(each.erased for each in accounts)
    out = f" {whole_number(gone, client)} {_was(gone)} left out, of customers who are to be forgotten." if gone else ""
    if not aside:
        every = f"all {read} rows that were read" if not gone else f"of {read} rows that were read, all others"
        return f"Nothing was set aside: {every} are accepted.{out} There is nothing to mend."
    return (
        f"Of {read} rows that were read, {whole_number(aside, client)} {_was(aside)} set aside because something in them cannot be "
        f"right. They are in no figure until they are mended; none is lost.{out}"
    )


def _was(rows: int) -> str:
    return "was" if rows == 1 else "were"


def _table(account: TableAudit, client: Client, folder: Path, beside: Path, titles: tuple[str, ...]) -> dict:
    """What the page says of a table."""
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
        "rows": f"{shares} set aside ({percent(account.rejected / account.read, client)})",
        "few": _few(causes, client),
        "several": sum(cause.rows for cause in causes) > account.rejected,
        "causes": _causes(account, client),
        "asks": list(dict.fromkeys(printable(cause.request) for cause in causes)),
        "metrics": titles,
        "files": [{"name": file.name, "href": _href(file, beside)} for file in there],
        "again": _again(account, client, there[0].name if there else "the file"),
    }


def _href(file: Path, beside: Path) -> str:
    """A file's address as seen from a folder; "" where it lies elsewhere."""
    inside = file.is_relative_to(beside)
    return quote(file.relative_to(beside).as_posix()) if inside else ""


def _few(causes: tuple[RejectionCause, ...], client: Client) -> str:
    """Which few causes make most of the faults, where few do."""
    so_far = list(accumulate(cause.rows for cause in causes))
    number = 1 + sum(rows < _MOST * so_far[-1] for rows in so_far)
    if len(causes) < 3 or number == len(causes):
        return ""
    first = "The first cause makes" if number == 1 else f"The first {number} of {len(causes)} causes make"
    return f"{first} {percent(so_far[number - 1] / so_far[-1], client)} of the faults: begin there."


def _causes(account: TableAudit, client: Client) -> list[dict]:
    every, so_far, told = sum(cause.rows for cause in account.causes), 0, []
    theirs = client.tables[account.table].columns if account.table in client.tables else {}
    for cause in account.causes:
        so_far += cause.rows
        told.append(
            {
                "words": printable(cause.reason),
                "theirs": printable(theirs.get(cause.column, "")),
                "examples": ", ".join(printable(example, 80) for example in cause.examples),
                "bar": _bar(cause.rows / account.rejected),
                "rows": whole_number(cause.rows, client),
                "share": percent(cause.rows / account.rejected, client),
                "together": percent(so_far / every, client),
                "alone": whole_number(cause.sole_cause_rows, client),
            }
        )
    return told


def _bar(share: float) -> Markup:
    """A bar as long as the share; the figure stands beside it."""
    bar = tag("rect", class_="range", width=f"{100 * min(share, 1):.1f}", height="10")
    return tag("svg", bar, viewBox="0 0 100 10", preserveAspectRatio="none", class_="bar", aria_hidden="true")


def _again(account: TableAudit, client: Client, file: str) -> list[str]:
    """How the mended rows are sent again, step by step."""
    source = client.sources.get(account.source)
    if source is None or not source.file or "parquet" in (source.format, source.file.rpartition(".")[2]):
        where = "in the files that its query reads" if source is None else f"for the source {account.source}"
        return [f"Mend these rows where they come from, {where}, and read the data again."]
    steps = [
        f"Mend the cells in {file}. Leave the last columns as they are: they say where a row stood and what was wrong."
    ]
    path = PurePosixPath(source.file)
    if any(sign in path.name for sign in "*?[") and path.name.endswith(("*", PurePosixPath(file).suffix or ".xlsx")):
        steps.append(f"Put the mended file beside the others, under a name that fits {path.name}.")
    else:
        steps.append(
            f"Put the mended file beside {path.name}, and let {client.id}.yml, sources.{account.source}.file be a pattern that "
            f"fits both, such as {path.with_name(path.name.split('.')[0].rstrip('*'))}*."
        )
    again = f"Read the data again: crmnb check {client.id}."
    return [*steps, f"{again} The mended rows take the place of the faulty ones, which may stay in the old file."]
