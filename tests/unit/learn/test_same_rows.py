"""All parts of a lesson speak of the same rows, also where they were drawn again."""

import math

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures

from crmnb.learn.declaration import apply
from crmnb.learn.lesson import lesson, plan, written_lessons
from crmnb.learn.words import result_of


def _figure(result, breakdown):
    rows = [row for row in result.entries if breakdown is None or row.breakdown == breakdown]
    return max(rows, key=lambda row: row.n if row.n == row.n else -1).value


@pytest.mark.parametrize("name", written_lessons())
def test_the_report_is_of_the_rows_that_the_learner_counts(name):
    """The suite's figure on rows that were drawn again is what a pencil counts on them, for the exercise that the report is about."""
    declared = plan(name)
    figure = _figure(result_of(name), declared.breakdown)
    asked = [
        e for e in declared.exercises.values() if math.isclose(apply(e.value, declared.tables), figure, abs_tol=1e-9)
    ]
    assert asked, "the report is about none of the exercises"
    opened = lesson(name)
    for _ in range(2):
        opened.q1.check(-12345)
        opened.q1.check(-12345)
        opened.q1.solution()
        rows = {
            table: frame.astype(object).where(frame.notna(), None).to_dict("records")
            for table, frame in opened.tables.items()
        }
        expected = apply(asked[0].value, rows)
        assert _figure(opened.result, declared.breakdown) == pytest.approx(expected, abs=1e-9)
        claims = opened.q4.task.ask + opened.q4.task.solution()
        assert any(opened.words[part] in claims for part in ("value", "base", "limits") if opened.words[part])


def test_claims_are_asked_of_results_for_which_their_verdict_holds():
    declared = plan("nps")
    words = {"limits": "\N{MINUS SIGN}51 to 85", "change": "no detectable change vs 2024"}
    assert len(declared.claims_with(words)) == len(declared.claims)
    asked = {claim.text for claim in declared.claims_with({"limits": "5 to 85", "change": "+60 pts vs 2024"})}
    left_out = {claim.text for claim in declared.claims} - asked
    assert len(left_out) == 2
