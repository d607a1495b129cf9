"""Every metric has a lesson: facts, hand count, at least four wrong ways, claims that cover its caution, and misuse."""

import ast
import math
from datetime import datetime, timedelta

import narwhals.stable.v2 as nw
import pytest
from hand_counts import figures_of
from learning import learning, restored_results, shop_book  # noqa: F401 -- fixtures

from crmnb.learn.corner_shop import lessons_on
from crmnb.learn.declaration import YEAR, apply, mean, visible
from crmnb.learn.derived.evidence import GIVEN_AWAY, own_table
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
    with lessons_on(shop_book):
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
    notebook = notebook_from(opened.plan, opened.words["title"], opened.questions)
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
    reopened = rows["reopened_at"].notna()
    feedback = opened.q7.check(100 * reopened.mean())
    assert feedback.outcome == "right"
    assert "true figure" in feedback.text
    assert opened.q7.check(reopened.sum()).names == ("a count",)
    assert lesson("reopen_rate", "Ben").simulated["client"].shape != rows.shape


def test_no_column_on_screen_gives_the_answer_away(plans):
    """Where rows are a client's own, only columns of its file are shown; a helper column never stands beside one that is equal."""
    hiding = [name for name, plan in plans.items() if plan.hidden]
    assert len(hiding) > 40
    for name, plan in plans.items():
        rows = plan.tables["rows"]
        own = own_table(catalogue()[name], rows[0])
        shown = visible(rows, plan.hidden)
        if own and plan.breakdown is not None:
            assert not {*shown[0]} & {"met", "value", "amount", "out_of", "num", "den"}, name
        for helper in {*shown[0]} & {*GIVEN_AWAY}:
            twins = [c for c in shown[0] if c != helper and all(row[c] == row[helper] for row in shown)]
            assert twins == [], (name, helper)


# What a learner counts with a pencil, from the columns on screen alone: each written down apart from the metric.
DATA_END = datetime(YEAR + 1, 1, 1)


def _percent(counted):
    counted = list(counted)
    return 100 * sum(counted) / len(counted)


def _within(at, sent, days):
    return at is not None and at <= sent + timedelta(days=days)


def _e_mails(rows):
    return [row for row in _followed(rows, "sent_at", 7) if row["delivered"] and row["channel"] == "e-mail"]


def _followed(rows, time, days):
    return [row for row in rows if row[time] + timedelta(days=days) <= DATA_END]


def _answered(rows, item):
    return [row for row in rows if row[item] is not None]


def _opened(row):
    return _within(row["opened_at"], row["sent_at"], 7) or _within(row["clicked_at"], row["sent_at"], 7)


def _completed(rows):
    started = [row for row in _followed(rows, "sent_at", 14) if _within(row["started_at"], row["sent_at"], 14)]
    return _percent(_within(row["completed_at"], row["sent_at"], 14) for row in started)


def _tickets(rows, column):
    return _answered(_followed(rows, "opened_at", 14), column)


PENCIL = {
    "open_rate": lambda rows: _percent(_opened(row) for row in _e_mails(rows) if not row["machine_open"]),
    "click_rate": lambda rows: _percent(_within(row["clicked_at"], row["sent_at"], 7) for row in _e_mails(rows)),
    "bounce_rate": lambda rows: _percent(row["pages"] == 1 for row in _answered(rows, "pages")),
    "escalation_rate": lambda rows: _percent(row["escalated"] for row in _tickets(rows, "escalated")),
    "transfer_rate": lambda rows: _percent(row["reassignments"] > 0 for row in _tickets(rows, "reassignments")),
    "csat_mean": lambda rows: mean(25 * (row["satisfied"] - 1) for row in _answered(rows, "satisfied")),
    "ces_low_effort": lambda rows: _percent(row["effort"] < 4 for row in _answered(rows, "effort")),
    "completion_rate": _completed,
}


@pytest.mark.parametrize("name", PENCIL)
def test_the_columns_on_screen_are_enough_for_the_first_question(plans, name):
    plan = plans[name]
    rows = visible(plan.tables["rows"], plan.hidden)
    of_figure = [row for row in rows if row["year"] == YEAR and row.get("breakdown", "") == plan.breakdown]
    assert PENCIL[name](of_figure) == pytest.approx(apply(plan.exercises["q1"].value, plan.tables))


def test_a_trap_says_which_row_is_added_in_the_words_of_its_columns(plans):
    added = [(name, trap) for name, plan in plans.items() for trap in plan.traps if "Another row like this" in trap.ask]
    assert len(added) > 100
    assert all("{" not in trap.ask for _, trap in added)
    assert not [name for name, trap in added if " met " in trap.ask and "met" in plans[name].hidden]
    (counted, not_counted, _) = plans["click_rate"].traps
    assert "clicked at empty" in not_counted.ask
    assert "clicked at 2025" in counted.ask
    assert "not among e-mails clicked" in not_counted.because


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
