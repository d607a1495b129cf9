"""Build: the pages of the handbook, from the metrics, the example client and the lessons of a project."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.evaluate.metric_call import all_inputs
from crmnb.evaluate.result import Result
from crmnb.handbook.lessons import Lesson, derived_pages, lesson_pages
from crmnb.handbook.pages import Example, glossary_page, index_page, metric_page
from crmnb.handbook.rejected import RejectedRow, rejected_rows
from crmnb.handbook.trace import traceable, traced
from crmnb.handbook.worked import worked
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import Metric, catalogue
from crmnb.report.text.notes import sentence as note_sentence
from crmnb.schema.client import known_clients, load_client
from crmnb.workbook import Workbook, open_on

EXAMPLE_CLIENT, EXAMPLE_PERIOD = "corner_shop", "2025"


def write_handbook(
    project: Path, folder: Path, on_step: Callable[[str], None] = lambda text: None, *, with_example: bool = True
) -> int:
    """Write the pages of a project's handbook into a new folder; returns their number.

    with_example: count the metrics on the example client. Raises InputError where its parameters or files are wrong.
    """
    is_there = with_example and EXAMPLE_CLIENT in known_clients(project / "parameters")
    if is_there:
        on_step("counting the corner shop")
    with _example_book(project / "parameters") if is_there else nullcontext() as opened:
        examples = _examples(*opened) if opened else {}
        on_step("writing the pages")
        written = lesson_pages(project / "notebooks" / "lessons", opened[0] if opened else None)
        derived = derived_pages(written, opened[0]) if opened else {}
        pages = _pages(examples, written, derived)
    folder.mkdir(parents=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(pages)


def _pages(examples: dict[str, Example], written: dict[str, Lesson], derived: dict[str, Lesson]) -> dict[str, str]:
    """The pages by the names of their files. The index lists the written lessons; each metric's page leads to its own."""
    lessons = {**written, **derived}
    metrics = list(catalogue().values())
    pages: dict[str, str] = {}
    uses: dict[str, list[Metric]] = {}
    for metric in metrics:
        lesson = lessons.get(metric.id)
        address = lesson.address if lesson else ""
        pages[f"{metric.id}.html"], terms = metric_page(metric, examples.get(metric.id), address)
        for term in terms:
            uses.setdefault(term.id, []).append(metric)
    pages |= {lesson.address: lesson.html for lesson in lessons.values()}
    pages["glossary.html"] = glossary_page(metrics, uses)
    pages["index.html"] = index_page(metrics, [(lesson.title, lesson.address) for lesson in written.values()])
    return pages


@contextmanager
def _example_book(parameters: Path) -> Iterator[tuple[Workbook, Intake]]:
    """The workbook of the example client; its tables lie in a temporary folder, so that nobody's private folder is touched."""
    client = load_client(EXAMPLE_CLIENT, parameters)
    with tempfile.TemporaryDirectory() as private:
        imported = import_data(client, Path(private))
        yield open_on(client, Period.parse(EXAMPLE_PERIOD, client.fiscal_year_starts), imported), imported


def _examples(book: Workbook, imported: Intake) -> dict[str, Example]:
    """What every metric came to on the example client."""
    tables, rejected = traceable(book.tables), rejected_rows(imported, book.client)
    return {
        metric.id: _example(metric, book(metric.id), tables, book.period, rejected) for metric in catalogue().values()
    }


def _example(
    metric: Metric, result: Result, tables: Tables, period: Period, rejected: dict[str, tuple[RejectedRow, ...]]
) -> Example:
    of = None if metric.has_rows else catalogue()[all_inputs(metric)[0]]
    try:
        trace = traced(metric, tables, period)
    except Unavailable as unavailable:
        return Example(result, None, note_sentence(unavailable.reason, tables.client), of)
    breakdowns = frozenset(result.whole["breakdown"])
    return Example(result, worked(trace, tables, period, rejected, breakdowns), "", of)
