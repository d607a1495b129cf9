"""Lessons as pages for who only reads: prose, rows and questions, with the answers folded.

The notebooks of lessons hold no outputs: what their cells would show is made here from the lesson's plan, on the corner shop's own rows.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import nbformat
from markupsafe import Markup

from crmnb.core.errors import Unavailable
from crmnb.evaluate.result import Result
from crmnb.handbook.texts import GLOSSARY
from crmnb.learn.corner_shop import lessons_on, rows_with
from crmnb.learn.declaration import Plan, plan_of, visible
from crmnb.learn.derived.plans import derived_plan
from crmnb.learn.opening import notebook_from
from crmnb.learn.question import Task
from crmnb.learn.tasks import tasks_of
from crmnb.learn.words import words_in
from crmnb.metrics.definition import Metric, catalogue
from crmnb.report.html import join, table, tag
from crmnb.report.pages.family import prose_body
from crmnb.report.pages.frame import page
from crmnb.report.text.cells import cell_words, column_words
from crmnb.report.view import ResultView
from crmnb.workbook import Workbook

_SOLUTION = re.compile(r"\s*# solution$", re.MULTILINE)
_QUESTION = re.compile(r"^\w+\.(q\w+)$")
_CHECK = re.compile(r"\.(q\w+)\.check\(")
_TO_ANSWER = re.compile(r"^\w+ = \.\.\.\n")
_TABLE = re.compile(r"\.(?:tables|simulated)\[\"(\w+)\"\]$")
_OPENING = re.compile(r"^from crmnb import lesson\b")
_IN_LAB_ONLY = "This question is about a client of your own: open the lesson with crmnb learn."


@dataclass(frozen=True)
class Lesson:
    """A lesson's page: its title, the name of its file, and its HTML."""

    title: str
    address: str
    html: str


def lesson_pages(folder: Path, book: Workbook | None) -> dict[str, Lesson]:
    """The pages of the lesson notebooks in a folder, by metric; a notebook that is named after no metric is no lesson.

    book: the example client's, from whose rows questions are made; without it, the pages have the prose and the code alone.
    """
    paths = [path for path in sorted(folder.glob("*.ipynb")) if path.stem in catalogue()]
    return {
        path.stem: _lesson(catalogue()[path.stem], nbformat.read(path, as_version=4).cells, _shown_in(path.stem, book))
        for path in paths
    }


def derived_pages(written: Container[str], book: Workbook) -> dict[str, Lesson]:
    """The pages of the lessons that nobody wrote, by metric, of the same form."""
    with lessons_on(book):
        return {id_: _derived(metric, book) for id_, metric in catalogue().items() if id_ not in written}


def _derived(metric: Metric, book: Workbook) -> Lesson:
    plan, result = derived_plan(metric), book(metric.id)
    tasks = tasks_of(plan, plan.tables, words_in(result, plan.breakdown), 0)
    notebook = notebook_from(plan, metric.title, tasks)
    cells = [nbformat.from_dict(cell | {"source": "".join(cell["source"])}) for cell in notebook["cells"]]
    return _lesson(metric, cells, lambda source, is_solution: _cell(source, is_solution, plan, tasks, result))


def _lesson(
    metric: Metric, parts: Iterable[nbformat.NotebookNode], shown: Callable[[str, bool], Markup | None]
) -> Lesson:
    cells = []
    for cell in parts:
        if cell.cell_type == "markdown":
            cells.append(cell)
        elif html := shown(cell.source.strip(), "solution" in cell.metadata.get("tags", ())):
            cells.append(_output_cell(cell, str(html)))
    body, contents = prose_body(
        nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    nav = [("Handbook", "index.html"), ("Glossary", GLOSSARY), (metric.title, f"{metric.id}.html")]
    html = page("handbook_lesson.j2", lang="en-GB", nav=nav, title=metric.title, contents=contents, cells=body)
    return Lesson(metric.title, f"lesson-{metric.id}.html", html)


def _output_cell(cell: nbformat.NotebookNode, html: str) -> nbformat.NotebookNode:
    """A code cell with an output. It is made without the check of its form, which takes longer than all else."""
    output = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
    shown = {"cell_type": "code", "id": cell.id, "source": cell.source, "metadata": {}, "outputs": [output]}
    return nbformat.from_dict(shown | {"execution_count": None})


def _shown_in(id_: str, book: Workbook | None) -> Callable[[str, bool], Markup | None]:
    """What a page shows of a code cell (its source, and whether it is a solution); None of what a reader does not need."""
    module = f"crmnb.learn.lessons.{id_}"
    if book is None or not find_spec(module):
        return lambda source, is_solution: None if _OPENING.match(source) else _code(source)
    result, declared = book(id_), import_module(module)
    try:
        plan = plan_of(declared, id_, rows_with(book.tables, declared.TABLES))
    except Unavailable:  # of an example client that was changed
        return _shown_in(id_, None)
    tasks = tasks_of(plan, plan.tables, words_in(result, plan.breakdown), 0)
    return lambda source, is_solution: _cell(source, is_solution, plan, tasks, result)


def _cell(source: str, is_solution: bool, plan: Plan, tasks: Mapping[str, Task], result: Result) -> Markup | None:
    if _OPENING.match(source):
        return None
    if is_solution:
        return _answer(source, tasks)
    if question := _QUESTION.match(source):
        return _task_text(tasks.get(question[1]))
    if _TO_ANSWER.match(source):
        return _answer(source, tasks, with_code=False)
    if source.endswith(".rows"):
        return _rows(plan)
    if table_name := _TABLE.search(source):
        return _folded(plan, table_name[1])
    if source.endswith(".result"):
        return Markup(ResultView.of(result)._repr_html_())  # noqa: S704 -- made by the suite
    return _code(source)


def _task_text(task: Task | None) -> Markup:
    """A question with its hints folded."""
    if task is None:
        return tag("p", _IN_LAB_ONLY, class_="question")
    hints = tag("details", tag("summary", "Hints"), tag("ol", *(tag("li", hint) for hint in task.hints)))
    return join(*(tag("p", line, class_="question") for line in task.ask.splitlines()), hints)


def _answer(source: str, tasks: Mapping[str, Task], *, with_code: bool = True) -> Markup | None:
    """The answer to a question, folded; None of a prediction, which has no right answer."""
    checked = _CHECK.search(source)
    if checked is None:
        return None
    task = tasks.get(checked[1])
    words = task.solution().splitlines() if task else []
    code = [_code(_SOLUTION.sub("", source))] if with_code else []
    return tag("details", tag("summary", "Answer"), *(tag("p", line) for line in words), *code)


def _folded(plan: Plan, name: str) -> Markup | None:
    """A further table of the lesson, folded since it is long; None of a client of the reader's own."""
    if name not in plan.tables:
        return None
    return tag("details", tag("summary", f"The rows of the {column_words(name)}"), _rows(plan, name))


def _rows(plan: Plan, name: str = "") -> Markup:
    """The rows of a table of the lesson; by default of its first."""
    name = name or next(iter(plan.tables))
    rows = plan.tables[name]
    rows = visible(rows, plan.hidden)
    columns = list(rows[0]) if rows else []
    cells = [[cell_words(row[column]) for column in columns] for row in rows]
    heads = list(map(column_words, columns))
    return tag(
        "div",
        table(heads, cells),
        class_="scroll tight",
        tabindex="0",
        role="group",
        aria_label=f"Rows of {column_words(name)}",
    )


def _code(source: str) -> Markup:
    return tag("pre", tag("code", source), tabindex="0")
