"""The exercise notebook is derived from the solution notebook by tags and marks."""

import pytest

from crmnb.core.errors import InputError
from crmnb.learn.exercise_notebook import exercise_of


def cell(source: str, kind: str = "code", tags: tuple[str, ...] = ()) -> dict:
    return {
        "id": "here",
        "cell_type": kind,
        "metadata": {"tags": list(tags)},
        "source": source.splitlines(keepends=True),
    }


def derived(*cells: dict) -> list[str]:
    return ["".join(c["source"]) for c in exercise_of({"cells": list(cells)})["cells"]]


def test_marked_statements_lose_their_answer_and_others_stay():
    source = "scores = rows.recommend\nanswer = 100 * sum(scores)  # solution\ncheck(answer)"
    assert derived(cell(source, tags=("solution",))) == ["scores = rows.recommend\nanswer = ...\ncheck(answer)"]


def test_a_statement_over_several_lines_is_replaced_as_a_whole():
    source = "answer = (\n    1\n    + 2  # solution\n)\ncheck(answer)"
    assert derived(cell(source, tags=("solution",))) == ["answer = ...\ncheck(answer)"]


def test_a_marked_statement_that_assigns_nothing_is_left_out():
    assert derived(cell("rows.head()  # solution\nrows", tags=("solution",))) == ["rows"]


def test_text_with_the_tag_is_left_out_and_other_text_stays():
    assert derived(cell("It is 1.", "markdown", ("solution",)), cell("How many?", "markdown")) == ["How many?"]


def test_other_cells_are_copied_as_they_are():
    other = cell("rows")
    assert exercise_of({"cells": [other], "nbformat": 4})["cells"][0]["source"] == other["source"]


@pytest.mark.parametrize(("tags", "source"), [(("solution",), "answer = 1"), ((), "answer = 1  # solution")])
def test_a_tag_without_a_mark_and_a_mark_without_the_tag_are_errors(tags, source):
    with pytest.raises(InputError, match="solution"):
        derived(cell(source, tags=tags))
