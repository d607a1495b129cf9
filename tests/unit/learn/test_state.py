"""Gates, rounds, repeats after 1, 7 and 30 days, mastery, and on which draw of the data a learner is."""

from datetime import datetime, timedelta

from crmnb.learn.progress import Event
from crmnb.learn.state import state_of

START = datetime(2026, 3, 2, 9, 0)
GATES = ("q1", "q2", "q4", "q5", "q6")


def tries(day: float, draw: int, *names: str, outcome: str = "right") -> list[Event]:
    return [Event(START + timedelta(days=day), "try", "nps", name, draw, outcome) for name in names]


def at(events: list[Event], day: float):
    return state_of("nps", events, START + timedelta(days=day))


def test_nothing_done():
    state = at([], 0)
    assert (state.draw, state.tries, state.due, state.mastered) == (0, 0, None, False)
    assert state.text(START) == "not begun"


def test_a_gate_is_passed_by_all_of_its_exercises():
    state = at(tries(0, 0, "q1", "q4") + tries(0, 0, "q2", outcome="wrong"), 0)
    assert state.gates == {"count it by hand": True, "compute it": False, "explain it": False, "refuse a misuse": False}
    assert state.text(START) == "1 of 4 gates"


def test_a_round_keeps_its_data_until_the_repeat_is_due_and_then_has_others():
    events = tries(0, 0, *GATES)
    assert (at(events, 0.5).draw, at(events, 1).draw) == (0, 1)
    assert at(events, 0.5).text(START + timedelta(days=0.5)) == "passed; repeat on 03 March 2026"
    assert at(events, 2).text(START + timedelta(days=2)) == "repeat due"
    assert [at(events, day).is_waiting(START + timedelta(days=day)) for day in (0.5, 2)] == [True, False]


def test_the_same_answers_again_are_no_second_round():
    events = tries(0, 0, *GATES) + tries(8, 0, *GATES)
    assert len(at(events, 9).rounds) == 1


def test_mastery_is_two_rounds_seven_days_apart_on_other_data():
    soon = tries(0, 0, *GATES) + tries(1, 1, *GATES)
    assert not at(soon, 1).mastered
    assert at(soon, 1).due == START + timedelta(days=8)
    later = soon + tries(8, 2, *GATES)
    assert at(later, 8).mastered
    assert at(later, 8).due == START + timedelta(days=38)
    last = later + tries(38, 3, *GATES)
    assert (at(last, 39).due, at(last, 39).text(START)) == (None, "mastered")


def test_a_solution_that_was_shown_draws_the_data_again():
    events = [*tries(0, 0, "q1", "q1", outcome="wrong"), Event(START, "solution", "nps", "q1", 0)]
    assert at(events, 0).draw == 1


def test_a_reset_begins_again_on_other_data_and_other_lessons_stay():
    events = [*tries(0, 0, *GATES), Event(START, "reset", "nps", "", 0)]
    state = at(events, 0)
    assert (state.draw, state.rounds, state.tries) == (1, (), 0)
    assert len(at([*tries(0, 0, *GATES), Event(START, "reset", "csat", "", 0)], 0).rounds) == 1
    everything = at([*tries(0, 0, *GATES), Event(START, "reset")], 0)
    assert (everything.draw, everything.rounds) == (1, ())


def test_where_a_lesson_has_a_client_of_ones_own_it_is_part_of_computing():
    events = tries(0, 0, *GATES)
    with_client = state_of("nps", events, START, lambda: True)
    assert with_client.gates["compute it"] is False
    assert with_client.rounds == ()
    done = state_of("nps", events + tries(0, 0, "q7"), START, lambda: True)
    assert len(done.rounds) == 1
    assert len(at(events, 0).rounds) == 1, "without q7 the other five are all"


def test_whether_there_is_a_client_is_not_asked_where_nothing_is_right():
    def never() -> bool:
        raise AssertionError("the lesson was made to draw a map")

    assert state_of("nps", tries(0, 0, "q1", outcome="wrong"), START, never).tries == 1


def test_the_mentors_points_are_kept_with_the_state():
    graded = [*tries(0, 0, "q6"), Event(START, "grade", "nps", "q6", 0, "4")]
    assert (at(tries(0, 0, "q6"), 0).points, at(graded, 0).points) == ("", "4")
