"""What written lessons say: figures are computed, so that none is typed."""

import ast
import re

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures
from test_written_lessons import NAMES, solution

from crmnb.learn.lesson import Lesson, plan
from crmnb.learn.progress import Learner
from crmnb.learn.question import Text
from crmnb.learn.redraw import drawn
from crmnb.learn.tasks import direction_of

FIGURE = re.compile(r"\d[.,]\d|\d\s*(?:%|per ?cent)")
NUMBER = re.compile(r"(?<!\d)(?!20\d\d(?!\d))\d{2,}")  # of two digits or more, but for years


def without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "", text)


def texts(lesson) -> list[str]:
    exercises = [*lesson.exercises.values(), lesson.transfer.exercise]
    asked = [text for exercise in exercises for text in (exercise.ask, exercise.way, *exercise.hints)]
    traps = [text for trap in lesson.traps for text in (trap.ask, trap.because)]
    return asked + traps + [way.message for way in lesson.misconceptions] + conclusions(lesson)


def conclusions(lesson) -> list[str]:
    claims = [text for claim in lesson.claims for text in (claim.text, claim.because)]
    return claims + [text for misuse in lesson.misuses for text in (*misuse.slide, misuse.because)]


@pytest.mark.parametrize(
    ("text", "typed"),
    [("The score is 7.69.", True), ("63 % stayed", True), ("`0.4 * spent` of 40 pence", False), ("in 2025", False)],
)
def test_a_typed_figure_is_seen(text, typed):
    assert bool(FIGURE.search(without_code(text))) == typed


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_is_typed(name):
    assert [text for text in texts(plan(name)) if FIGURE.search(without_code(text))] == []


@pytest.mark.parametrize("name", NAMES)
def test_claims_and_slides_take_their_numbers_from_the_result(name):
    assert [text for text in conclusions(plan(name)) if NUMBER.search(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_transfer_is_asked_in_words_and_knows_mistakes(name):
    lesson = plan(name)
    assert len(lesson.transfer.exercise.hints) >= 3
    assert sum("q7" in way.of for way in lesson.misconceptions) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_traps_work_on_other_data_and_show_at_least_two_directions(name):
    lesson = plan(name)
    for seed in ("", *(f"learner {number}" for number in range(10))):
        tables = drawn(lesson, seed) if seed else lesson.tables
        directions = {direction_of(trap, lesson, tables)[0] for trap in lesson.traps}
        assert len(directions) >= 2, seed


@pytest.mark.parametrize("name", NAMES)
def test_what_the_notebook_computes_is_right_on_other_data(name, tmp_path):
    """The answer of q2 is computed from the rows, so it holds for whoever repeats the lesson."""
    cells = {cell["id"]: "".join(cell["source"]) for cell in solution(name)["cells"]}
    variable = cells["pandas-question"].partition(".")[0]
    learner = Learner("Ida", tmp_path)
    learner.record("solution", name, "q1", draw=0)
    tree = ast.parse(cells["pandas-answer"])
    check = ast.Expression(tree.body.pop().value)
    names = {variable: Lesson(plan(name), learner)}
    assert names[variable].state.draw == 1
    exec(compile(tree, name, "exec"), names)  # noqa: S102 -- our own notebook
    assert eval(compile(check, name, "eval"), names).passed  # noqa: S307


def test_a_notebook_shows_a_text_by_lines_with_its_code_and_nothing_else_as_markup():
    assert Text("Try `a < b`\n<again>")._repr_html_() == "<p>Try <code>a &lt; b</code><br>&lt;again&gt;</p>"
