"""Opening a lesson: the exercise notebook in the learner's own folder, and the first page of JupyterLab.

A lesson with a solution notebook has that one's exercise notebook; any other has a notebook of the same form, made from its questions.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crmnb.core.files import write_atomic
from crmnb.learn.corner_shop import project
from crmnb.learn.declaration import Plan
from crmnb.learn.exercise_notebook import exercise_of
from crmnb.learn.lesson import lesson
from crmnb.learn.progress import Learner

START = "start.ipynb"


def notebook_folder(learner: Learner) -> Path:
    """The folder of a learner's notebooks; created if missing."""
    folder = learner.folder / learner.name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def open_notebook(metric: str, learner: Learner) -> Path:
    """The learner's notebook of a lesson; written if there is none yet, so that nobody's work is lost."""
    place = notebook_folder(learner) / f"{metric}.ipynb"
    if not place.exists():
        source = project() / "notebooks" / "lessons" / f"{metric}.ipynb"
        if source.exists():
            notebook = exercise_of(json.loads(source.read_text(encoding="utf-8")))
        else:
            opened = lesson(metric, learner.name)
            notebook = notebook_from(opened.plan, opened.words["title"], opened.questions)
        _write(notebook, place)
    return place


def open_start(learner: Learner) -> Path:
    """The notebook that JupyterLab opens first: the map, and the next lesson."""
    place = notebook_folder(learner) / START
    if not place.exists():
        cells = [
            _text(
                "title",
                "# Learning\n\nRun a cell with Shift and Enter. The first one shows where you stand, and links to the next lesson.",
            ),
            _code("map", "from crmnb import lesson, lessons\n\nlessons"),
            _text(
                "another", "Any other lesson opens by the name of its metric, which stands beside it in the list above."
            ),
            _code("open", 'lesson("nps").open()'),
        ]
        _write(_notebook(cells), place)
    return place


def notebook_from(plan: Plan, title: str, questions: Iterable[str]) -> dict[str, Any]:
    """The exercise notebook of a lesson that nobody wrote, from the names of its questions."""
    name = "this"
    cells = [
        _text("title", f"# {title}\n\n{plan.question}"),
        *([_text("definition", f"## What it is\n\n{plan.definition}")] if plan.definition else []),
        _code("open", f'from crmnb import lesson\n\n{name} = lesson("{plan.metric}")\n{name}'),
        _text(
            "prediction",
            "## What do you expect?\n\nCommit to a prediction before you count. It is written down and not judged.",
        ),
        _code("predict", f"expected = ...\n{name}.predict(expected)"),
        _text(
            "rows-that-matter",
            "## The rows\n\nThese are all that you need for the first question. `year` is the period in which a row counts.",
        ),
        _code("rows", f"{name}.rows"),
    ]
    for question in questions:
        if question in _HEADINGS:
            cells.append(_text(f"heading-{_word(question)}", _HEADINGS[question]))
        else:
            cells.append(_text(f"heading-{_word(question)}", "And the next one."))
        if question == "q2":
            cells.append(_code("branch", f'{name}.tables["branch"]'))
        if question == "q7":
            cells.append(_code("simulated", f'{name}.simulated["client"]'))
        cells.append(_code(f"question-{_word(question)}", f"{name}.{question}"))
        cells.append(_code(f"answer-{_word(question)}", f"answer = ...\n{name}.{question}.check(answer)"))
    cells.append(
        _text(
            "suite",
            "## The suite's own result\n\nIt has an interval where one can be computed, and says what it rests on.",
        )
    )
    cells.append(_code("result", f"{name}.result"))
    return _notebook(cells)


_HEADINGS = {
    "q1": "## Count with a pencil",
    "q2": "## Compute it with pandas",
    "q3a": "## Traps\n\nWhich way will the number go? Answer first, then see.",
    "q4": "## Which claims may be made?\n\nRead the interval first.",
    "q5": "## Find the misuse\n\nA colleague has made a slide.",
    "q6": "## Explain it to the client",
    "q7": "## A client of your own\n\nIt is simulated, so its true figure is known.",
}


def _word(question: str) -> str:
    """A question's name as part of a cell's id, which has letters only."""
    return "q" + "abcdefghi"[int(question[1]) - 1] + question[2:]


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _text(id_: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id_, "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(id_: str, source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "id": id_, "metadata": {}, "source": lines, "outputs": [], "execution_count": None}


def _write(notebook: dict[str, Any], place: Path) -> None:
    write_atomic(place, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
