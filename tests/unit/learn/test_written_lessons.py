"""Every lesson that a teacher wrote keeps the rules, and its notebook runs from top to bottom, solved and unsolved."""

import ast
import json
from importlib import import_module
from pathlib import Path

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures

from crmnb.learn.catalogue_map import order
from crmnb.learn.declaration import apply
from crmnb.learn.exercise_notebook import exercise_of
from crmnb.learn.feedback import Feedback, agrees, judged
from crmnb.learn.lesson import lesson, plan, written_lessons
from crmnb.learn.redraw import drawn_with_clashes
from crmnb.learn.tasks import direction_of, filled
from crmnb.learn.words import words_of
from crmnb.metrics.definition import catalogue

NAMES = written_lessons()
NOTEBOOKS = Path(__file__).parents[3] / "notebooks" / "lessons"


def run(notebook: dict) -> list[Feedback]:
    """What the checks of a notebook answer, its cells carried out in order."""
    names, answers = {}, []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), names)  # noqa: S102 -- our own notebook
        if last is not None:
            value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), names)  # noqa: S307
            repr(value)
            answers += [value] if isinstance(value, Feedback) else []
    return answers


def solution(name: str) -> dict:
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_a_lesson_has_a_module_and_a_notebook():
    assert NAMES
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == list(NAMES)
    assert set(NAMES) <= set(catalogue())


def test_lessons_have_places_in_an_order_that_everything_follows():
    places = [import_module(f"crmnb.learn.lessons.{name}").PLACE for name in NAMES]
    assert sorted(places) == list(range(1, len(NAMES) + 1))
    assert order()[: len(NAMES)] == tuple(sorted(NAMES, key=dict(zip(NAMES, places, strict=True)).get))
    assert sorted(order()) == sorted(catalogue())


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_are_complete(name):
    written = plan(name)
    assert {"q1", "q2"} <= set(written.exercises)
    for exercise in written.exercises.values():
        assert exercise.unit
        assert len(exercise.hints) >= 3, exercise.name
        assert exercise.way, f"{exercise.name}: the docstring says the way"
        assert len(written.misconceptions_of(exercise.name)) >= 4, exercise.name
    assert written.traps
    assert sum(claim.allowed for claim in written.claims) >= 2
    assert sum(not claim.allowed for claim in written.claims) >= 2
    assert any(claim.caution for claim in written.claims)
    assert len(written.misuses) >= 2
    assert all(1 <= misuse.line <= len(misuse.slide) for misuse in written.misuses)


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_fit_on_a_screen(name):
    for table, rows in plan(name).tables.items():
        assert 5 <= len(rows) <= 40, table


@pytest.mark.parametrize("name", NAMES)
def test_the_places_in_sentences_are_filled_and_no_number_is_typed(name):
    written = plan(name)
    words = words_of(name, written.breakdown)
    texts = [text for claim in written.claims for text in (claim.text, claim.because)]
    texts += [text for misuse in written.misuses for text in (*misuse.slide, misuse.because)]
    for text in texts:
        assert "{" not in filled(text, words), text


@pytest.mark.parametrize("name", NAMES)
def test_right_passes_and_each_wrong_way_is_named(name):
    written = plan(name)
    for exercise in written.exercises.values():
        ways = written.misconceptions_of(exercise.name)
        right = apply(exercise.value, written.tables)
        assert judged(right, exercise, ways, written.tables).outcome == "right"
        for way in ways:
            value = apply(way.value, written.tables)
            if agrees(value, right, exercise.tolerance):
                continue  # this mistake does not show on these data
            assert way.name in judged(value, exercise, ways, written.tables).names, (exercise.name, way.name)
        assert sum(not agrees(apply(way.value, written.tables), right, exercise.tolerance) for way in ways) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_no_way_clashes_with_another_on_200_draws(name):
    written = plan(name)
    seeds = [f"learner {number}" for number in range(200)]
    clashing = {seed: pairs for seed in seeds if (pairs := drawn_with_clashes(written, seed)[1])}
    assert clashing == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_trap_has_a_direction(name):
    written = plan(name)
    directions = [direction_of(trap, written, written.tables)[0] for trap in written.traps]
    assert set(directions) <= {"up", "down", "same"}


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_right_from_top_to_bottom_and_passes_all_gates(name):
    answers = run(solution(name))
    assert [answer.text for answer in answers if answer.outcome != "right"] == []
    state = lesson(name).state
    assert len(state.rounds) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_starter_is_not_attempted(name):
    answers = run(exercise_of(solution(name)))
    assert {answer.outcome for answer in answers} == {"not attempted"}
    assert len(answers) == len(lesson(name).questions)


@pytest.mark.parametrize("name", NAMES)
def test_the_starter_differs_from_the_solution_in_marked_cells_only(name):
    """Both have the same cells, in the same order, but for the text that gives an answer away."""
    solved, starter = solution(name)["cells"], {cell["id"]: cell for cell in exercise_of(solution(name))["cells"]}
    for cell in solved:
        tagged = "solution" in cell["metadata"].get("tags", [])
        if not tagged:
            assert starter[cell["id"]] == cell
        elif cell["cell_type"] == "code":
            assert "# solution" not in "".join(starter[cell["id"]]["source"])
            assert "..." in "".join(starter[cell["id"]]["source"])
        else:
            assert cell["id"] not in starter
