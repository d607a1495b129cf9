"""Questions as a learner meets them: hints in order, a solution after two tries, other data after it, and what is written down."""

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures

from crmnb.core.errors import InputError
from crmnb.learn.declaration import apply
from crmnb.learn.lesson import lesson
from crmnb.learn.question import TRIES

METRIC = "csat_mean"  # any with a derived lesson on rows of its own


def right_answer(opened, name: str = "q1") -> float:
    return apply(opened.plan.exercises[name].value, opened._tables(opened.state.draw))


@pytest.fixture
def opened():
    return lesson(METRIC)


def test_a_first_right_answer_is_written_down(opened):
    assert opened.q1.check(right_answer(opened)).outcome == "right"
    (event,) = opened.learner.events()
    assert (event.kind, event.metric, event.exercise, event.outcome) == ("try", METRIC, "q1", "right")
    assert opened.state.gates["count it by hand"]


def test_what_is_not_attempted_is_not_written_down(opened):
    assert opened.q1.check(...).outcome == "not attempted"
    assert opened.q4.check().outcome == "not attempted"
    assert opened.learner.events() == []


def test_hints_come_one_after_the_other_and_then_all(opened):
    hints = [str(opened.q1.hint()) for _ in range(4)]
    assert [hint.split(":")[0] for hint in hints[:3]] == [f"Hint {n} of 3" for n in (1, 2, 3)]
    assert hints[3].startswith("1. ")
    assert sum(event.kind == "hint" for event in opened.learner.events()) == 3


def test_a_solution_takes_two_tries_and_then_the_data_are_others(opened):
    rows, answer = opened.rows, right_answer(opened)
    for _ in range(TRIES):
        assert "first" in opened.q1.solution()
        opened.q1.check(answer + 1000)
    assert f"{answer:.2f}" in opened.q1.solution()
    assert not opened.rows.equals(rows)
    assert opened.q1.check(right_answer(opened)).outcome == "right"


def test_the_answer_to_the_data_before_is_recognised(opened):
    before = right_answer(opened)
    for _ in range(TRIES):
        opened.q1.check(before + 1000)
    opened.q1.solution()
    assert before != right_answer(opened)
    feedback = opened.q1.check(before)
    assert feedback.outcome == "wrong"
    assert "drawn again" in feedback.text


def test_claims_name_what_was_misjudged(opened):
    claims = opened.plan.claims_with(opened.words)
    allowed = [letter for letter, claim in zip("abcdefgh", claims, strict=False) if claim.allowed]
    assert opened.q4.check(*allowed).passed
    assert opened.q4.check("".join(allowed)).passed
    feedback = opened.q4.check(*allowed[1:])
    assert feedback.outcome == "named"
    assert f"Look again at {allowed[0]}." in feedback.text
    assert opened.q4.check("z").outcome == "not attempted"


def test_a_slide_has_one_faulty_line(opened):
    misuse = opened.plan.misuses[0]
    outcomes = [opened.q5.check(number).outcome for number in range(1, len(misuse.slide) + 1)]
    assert outcomes.count("right") == 1
    assert outcomes[misuse.line - 1] == "right"
    assert opened.q5.check(99).outcome == "not attempted"


def test_a_trap_tells_what_happens(opened):
    outcomes = {word: opened.q3a.check(word) for word in ("up", "down", "same")}
    assert [feedback.outcome for feedback in outcomes.values()].count("right") == 1
    assert all("before" in feedback.text and "after" in feedback.text for feedback in outcomes.values())
    assert opened.q3a.check("sideways").outcome == "not attempted"


def test_a_prediction_is_written_down_and_not_judged(opened):
    assert "Not attempted" in opened.predict()
    opened.predict("about half")
    assert [(event.kind, event.text) for event in opened.learner.events()] == [("prediction", "about half")]


def test_a_lesson_shows_its_gates_and_the_next_step_in_words(opened):
    assert "open: count it by hand (q1)" in repr(opened)
    assert f'Next: lesson("{METRIC}").q1' in repr(opened)
    html = opened._repr_html_()
    assert "Open: count it by hand (q1)" in html
    assert "color" not in html


def test_an_unknown_question_or_metric_is_an_error_that_helps(opened):
    with pytest.raises(InputError, match="has no question 'q9'"):
        _ = opened.q9
    with pytest.raises(InputError, match="Did you mean csat"):
        lesson("csatt")
    assert not hasattr(opened, "_repr_png_")


def test_two_learners_have_other_data_after_the_first_round():
    draws = [lesson(METRIC, name)._tables(1) for name in ("Eva", "Ben")]
    assert draws[0] != draws[1]
    assert lesson(METRIC, "Eva")._tables(1) == draws[0]


def test_a_repeat_explains_the_figure_of_another_period(opened):
    first = opened.words
    for _ in range(TRIES):
        opened.q1.check(1234)
    opened.q1.solution()
    assert opened.words["period"] != first["period"]
    assert opened.words["value"] != first["value"]
    assert first["sentence"] in lesson(METRIC, "Ben").q6.task.hints[1]
