"""What an answer shows: right, near, another unit, a misconception by its name, wrong, not attempted."""

import pytest

from crmnb.learn.declaration import Exercise, Misconception
from crmnb.learn.feedback import judged

TABLES = {"rows": [{"score": score} for score in (10, 10, 10, 8, 7, 5, 3)]}


def net(rows):
    return 100 * (sum(r["score"] > 8 for r in rows) - sum(r["score"] < 7 for r in rows)) / len(rows)


def mean(rows):
    return sum(r["score"] for r in rows) / len(rows)


EXERCISE = Exercise("q1", "How many?", "points", ("a", "b", "c"), 2, net)
WAYS = (
    Misconception("mean of the scores", "You averaged.", mean),
    Misconception("detractors only", "You left the promoters out.", lambda rows: 200 / len(rows)),
    Misconception("a share of two", "You took two of seven.", lambda rows: 100 * 2 / len(rows)),
)


def outcome(answer):
    return judged(answer, EXERCISE, WAYS, TABLES).outcome


@pytest.mark.parametrize("answer", [14.29, "14.29", "14,29", "14.29 %", 100 / 7])
def test_right_in_any_spelling(answer):
    assert outcome(answer) == "right"


@pytest.mark.parametrize("answer", [14.3, 14, 14.28])
def test_rounded_or_cut_off_is_near(answer):
    assert outcome(answer) == "near"


@pytest.mark.parametrize("answer", [0.1429, 0.14])
def test_a_fraction_is_another_unit(answer):
    feedback = judged(answer, EXERCISE, WAYS, TABLES)
    assert feedback.outcome == "wrong unit"
    assert "multiply it by 100" in feedback.text


@pytest.mark.parametrize("answer", [7.57, 7.6])
def test_a_misconception_is_named_with_its_message_also_rounded(answer):
    feedback = judged(answer, EXERCISE, WAYS, TABLES)
    assert (feedback.outcome, feedback.names) == ("named", ("mean of the scores",))
    assert "You averaged." in feedback.text


def test_where_two_mistakes_give_the_number_both_are_named():
    feedback = judged(28.57, EXERCISE, WAYS, TABLES)
    assert feedback.names == ("detractors only", "a share of two")
    assert all(name in feedback.text for name in feedback.names)


@pytest.mark.parametrize("answer", [..., None, "", "  ", "many", float("nan"), object()])
def test_no_number_is_not_attempted(answer):
    assert outcome(answer) == "not attempted"


def test_any_other_number_is_wrong_and_points_to_the_hints():
    feedback = judged(55, EXERCISE, WAYS, TABLES)
    assert feedback.outcome == "wrong"
    assert ".hint()" in feedback.text


def test_a_feedback_shows_as_its_text():
    feedback = judged(14.29, EXERCISE, WAYS, TABLES)
    assert repr(feedback) == feedback.text == "Right: 14.29 points."
