"""Every metric has a lesson: facts, hand count, at least four wrong ways, claims that cover its caution, and misuse."""

import ast
import math

import narwhals.stable.v2 as nw
import pytest
from hand_counts import figures_of
from learning import learning, restored_results, shop_book  # noqa: F401 -- fixtures

from crmnb.learn.declaration import apply
from crmnb.learn.derived.plans import FEWEST_WAYS, derived_plan, hand_counts
from crmnb.learn.feedback import judged
from crmnb.learn.lesson import lesson, written_lessons
from crmnb.learn.lesson import plan as plan_of_lesson
from crmnb.learn.opening import notebook_from
from crmnb.learn.redraw import drawn_with_clashes, values_of
from crmnb.learn.tasks import model_explanation, tasks_of
from crmnb.learn.words import words_of
from crmnb.metrics.definition import catalogue, metric
from crmnb.metrics.measures import share

SEEDS = 200


@pytest.fixture(scope="module")
def plans(shop_book):  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        for module in ("corner_shop", "derived.evidence", "derived.base"):
            patch.setattr(f"crmnb.learn.{module}.corner_shop_book", lambda: shop_book)
        written = written_lessons()
        return {
            name: derived_plan(definition) if name in written else plan_of_lesson(name)
            for name, definition in catalogue().items()
        }


def test_every_metric_has_facts_and_a_hand_count_with_hints(plans):
    assert list(plans) == list(catalogue())
    for name, plan in plans.items():
        assert {"q1", "q2"} == set(plan.exercises), name
        assert plan.traps, name
        assert len(plan.misuses) >= 2, name
        for exercise in plan.exercises.values():
            assert len(exercise.hints) >= 3, name
            assert all(exercise.hints), name
            assert math.isfinite(apply(exercise.value, plan.tables)), name


def test_the_first_answer_is_the_hand_count(plans):
    """Of rows and of numbers alike; where only the base is counted, no breakdown is named, and the unit is a number."""
    checked = 0
    for name, plan in plans.items():
        definition, exercise = catalogue()[name], plan.exercises["q1"]
        if plan.breakdown is None:
            assert exercise.unit == "count"
            continue
        expected = figures_of("", hand_counts(definition)[plan.breakdown])[""] * definition.scaled
        assert apply(exercise.value, plan.tables) == pytest.approx(expected, rel=1e-9), name
        checked += 1
    assert checked > len(plans) / 2


def test_the_rows_fit_on_a_screen(plans):
    assert {name for name, plan in plans.items() if not 2 <= len(plan.tables["rows"]) <= 40} == set()


def test_right_passes_and_at_least_four_wrong_ways_have_a_message_each(plans):
    for name, plan in plans.items():
        for exercise in plan.exercises.values():
            ways, values = plan.misconceptions_of(exercise.name), values_of(plan, exercise, plan.tables)
            right = values.pop("")
            assert judged(right, exercise, ways, plan.tables).outcome == "right", name
            named = [way for way, value in values.items() if way in judged(value, exercise, ways, plan.tables).names]
            assert len(named) >= FEWEST_WAYS, (name, exercise.name)
            assert len({way.message for way in ways}) == len({way.name for way in ways}) == len(ways), name


def test_all_ways_are_apart_on_200_draws_or_the_clash_is_named(plans):
    """Almost all draws are without a clash. In those that have one, the right way is never part of it, and both names are told."""
    clashing = 0
    for name, plan in plans.items():
        for number in range(SEEDS):
            tables, pairs = drawn_with_clashes(plan, f"learner {number}")
            for exercise_name, way, other in pairs:
                clashing += 1
                assert way, f"{name}: {other!r} gives the right number on draw {number}"
                exercise = plan.exercises[exercise_name]
                value = values_of(plan, exercise, tables)[other]
                assert other in judged(value, exercise, plan.misconceptions_of(exercise_name), tables).names
    assert clashing < SEEDS * len(plans) / 100


@pytest.mark.usefixtures("restored_results")
def test_claims_cover_the_caution_and_every_place_is_filled(plans):
    for name, plan in plans.items():
        words = words_of(name, plan.breakdown)
        claims = plan.claims_with(words)
        assert any(claim.caution and "{caution}" in claim.text + claim.because for claim in claims), name
        assert sum(claim.allowed for claim in claims) >= 2, name
        assert sum(not claim.allowed for claim in claims) >= 2, name
        for draw in (0, 1):
            for task in tasks_of(plan, plan.tables, words, draw).values():
                assert "{" not in task.ask, (name, task.ask)
                assert task.judge(...).outcome == "not attempted"
                assert len(task.hints) >= 3
                assert task.solution()


@pytest.mark.usefixtures("restored_results")
def test_the_explanation_that_the_suite_would_give_keeps_the_rules(plans):
    for name, plan in plans.items():
        words = words_of(name, plan.breakdown)
        task = tasks_of(plan, plan.tables, words, 0)["q6"]
        assert task.judge(model_explanation(words)).text.startswith("It keeps the rules"), name


@pytest.mark.parametrize("name", ["retention_rate", "predicted_clv", "market_share"])
def test_a_notebook_of_the_same_form_is_not_attempted(name):
    opened = lesson(name)
    notebook = notebook_from(opened)
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert code.count(".check(answer)") == len(opened.questions)
    for question in opened.questions.values():
        assert question.check(...).outcome == "not attempted"
    ast.parse(code)
    assert opened.learner.events() == []


def test_the_last_question_is_of_a_simulated_client_whose_truth_is_told(plans):
    with_client = [name for name, plan in plans.items() if plan.transfer and plan.transfer.rows]
    assert len(with_client) > 30
    opened = lesson("reopen_rate")
    rows = opened.simulated["client"]
    feedback = opened.q7.check(100 * rows["met"].mean())
    assert feedback.outcome == "right"
    assert "true figure" in feedback.text
    assert opened.q7.check(rows["met"].sum()).names == ("a count",)
    assert lesson("reopen_rate", "Ben").simulated["client"].shape != rows.shape


@metric(
    title="Single-order buyers",
    unit="%",
    kind="outcome",
    direction="down",
    hand_count="6 / 14",
    per_customer=True,
)
def single_order_share(orders):
    """Share of the period's buyers with one order only.

    Why: they are the largest group that can place a second order.
    Caution: buyers of the last days had little time for a second order.
    Source: the metric that CONTRIBUTING adds.
    """
    buyers = orders.during("ordered_at").group_by("period_id", "customer_id").agg(orders=nw.len())
    return share(buyers, nw.col("orders") == 1, numerator="buyers with one order", denominator="buyers in the period")


def test_a_new_metric_has_its_lesson_without_a_second_file():
    plan = derived_plan(single_order_share)
    assert apply(plan.exercises["q1"].value, plan.tables) == pytest.approx(100 * 6 / 14)
    messages = [way.message for way in plan.misconceptions_of("q1")]
    assert len(messages) >= FEWEST_WAYS
    assert any("buyers with one order" in message for message in messages)
    assert plan.exercises["q1"].hints[0].startswith("Share of the period's buyers")
