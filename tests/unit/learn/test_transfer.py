"""The simulated client of a learner: their own, the same each time, and made with a truth that counting comes near to."""

from datetime import timedelta

import pytest
from learning import learner, learning, shop_book  # noqa: F401 -- fixtures
from test_written_lessons import NAMES

from crmnb.learn.declaration import apply
from crmnb.learn.lesson import Lesson, lesson, plan
from crmnb.learn.transfer import client_of, simulated_tables, true_figure

FAR = 15  # points of a share or score, percent of a mean: farther than chance goes with so many rows


def test_a_learner_has_the_same_client_each_time_and_another_than_others():
    rates, drawn = client_of.__wrapped__("Eva")
    again_rates, again = client_of("Eva")
    other_rates, other = client_of("Max")
    assert rates == again_rates != other_rates
    assert drawn.tables["orders"].equals(again.tables["orders"])
    assert not drawn.tables["orders"].equals(other.tables["orders"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_counted_is_near_to_the_truth_and_mistakes_are_not_right(name):
    written = plan(name)
    tables = simulated_tables(written.transfer, "Eva")
    exercise, truth = written.transfer.exercise, true_figure(written, "Eva")
    counted = apply(exercise.value, tables)
    assert abs(counted - truth) <= (FAR if exercise.unit in ("%", "points") else FAR / 100 * truth)
    ways = [way for way in written.misconceptions if "q7" in way.of]
    differing = [way for way in ways if abs(apply(way.value, tables) - counted) > 2 * exercise.tolerance]
    assert len(differing) >= 3


def test_a_right_answer_tells_the_truth_behind_it():
    question = lesson("nps").q7
    right = apply(plan("nps").transfer.exercise.value, simulated_tables(plan("nps").transfer, "Eva"))
    assert "true figure" in question.check(round(right, 2)).text
    assert "true figure" not in question.check(right + 1).text


def test_a_repeat_is_of_another_client(monkeypatch, learner):  # noqa: F811 -- the fixture
    seeds = []
    monkeypatch.setattr("crmnb.learn.lesson.transfer_task", lambda plan, seed: seeds.append(seed))
    opened = Lesson(plan("nps"), learner)
    opened._tasks(0)
    for name in ("q1", "q2", "q4", "q5", "q6", "q7"):
        learner.record("try", "nps", name, draw=0, outcome="right")
    opened._tasks(0)
    learner.clock.now += timedelta(days=1)
    opened._tasks(1)
    assert seeds == ["Eva", "Eva", "Eva 1"]
