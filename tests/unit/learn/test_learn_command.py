"""`crmnb learn`: map, next step, hints, quizzes, the mentor's report, resets, the capstone; and their exit codes."""

import io
import json
from collections import Counter

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures

from crmnb.cli import main
from crmnb.learn.lesson import lesson
from crmnb.learn.opening import open_start
from crmnb.learn.progress import learner as learner_named
from crmnb.learn.quiz import ITEMS, LETTERS, PASS, drawn_items
from crmnb.metrics.definition import catalogue, families, family

FAMILY = "feedback"  # the smallest, and so the cheapest


@pytest.fixture
def typed(monkeypatch):
    return lambda *answers: monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{a}\n" for a in answers)))


def test_the_map_lists_all_families_and_the_next_step(capsys):
    assert main(["learn"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in families())
    assert text.startswith("Eva: ")
    assert text.index("Next: ") < text.index("satisfaction "), "what to do comes first"


def test_the_map_of_a_family_lists_each_metric_with_its_state(capsys):
    lesson("sentiment").q1.check(1)
    capsys.readouterr()
    assert main(["learn", "map", FAMILY]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert "Next: Net sentiment" in text
    listed = {line.split("  ")[0].strip(): line for line in lines if "gates:" in line or "begun:" in line}
    assert set(listed) == set(family(FAMILY))
    assert "0 of 4 gates" in listed["sentiment"]
    assert "not begun" in listed["theme_share"]
    assert main(["learn", "map", "feedbak"]) == 2
    assert "Did you mean feedback" in capsys.readouterr().err


def test_a_misspelt_metric_is_answered_with_the_nearest_and_not_with_all(capsys):
    assert main(["learn", "hint", "opn_rate"]) == 2
    message = capsys.readouterr().err
    assert "open_rate" in message
    assert sum(name in message for name in catalogue()) <= 8


def test_next_puts_a_notebook_into_the_folder_and_never_over_a_learners_work(capsys):
    assert main(["learn", "next"]) == 0
    place = learner_named().folder / "Eva"
    (notebook,) = place.glob("*.ipynb")
    assert str(notebook) in capsys.readouterr().out
    json.loads(notebook.read_text(encoding="utf-8"))
    notebook.write_text("my work", encoding="utf-8")
    main(["learn", "next"])
    assert notebook.read_text(encoding="utf-8") == "my work"


def test_the_first_page_of_the_lab_shows_the_map():
    cells = json.loads(open_start(learner_named()).read_text(encoding="utf-8"))["cells"]
    assert any("lessons" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_hint_continues_the_lesson_that_was_tried_last(capsys):
    assert main(["learn", "hint"]) == 2
    lesson("csat").q2.hint()
    assert main(["learn", "hint"]) == 0
    text = capsys.readouterr().out
    assert "CSAT" in text
    assert "Hint 1 of 3" in text  # of q1, which is the first that is open
    assert main(["learn", "hint", "csat", "q2"]) == 0
    assert "Hint 2 of 3" in capsys.readouterr().out
    assert main(["learn", "hint", "csat", "q77"]) == 2


def test_a_quiz_with_piped_answers_is_passed_or_not(typed, capsys):
    items = drawn_items(FAMILY, "7")
    typed(*(item.right for item in items))
    assert main(["learn", "quiz", FAMILY, "--seed", "7"]) == 0
    assert f"{ITEMS} of {ITEMS} right: passed" in capsys.readouterr().out
    typed(*(item.right for item in items[: PASS - 1]))
    assert main(["learn", "quiz", FAMILY, "--seed", "7"]) == 1
    assert f"{PASS - 1} of {ITEMS} right: not passed" in capsys.readouterr().out
    assert [event.outcome for event in learner_named().events()] == ["passed", "not passed"]


def test_a_mistyped_answer_is_asked_again_and_not_counted(typed, capsys):
    items = drawn_items(FAMILY, "7")
    typed(*(answer for item in items for answer in ("9", "", "yes", f" {item.right.upper()}) ")))
    assert main(["learn", "quiz", FAMILY, "--seed", "7"]) == 0
    text = capsys.readouterr().out
    assert f"{ITEMS} of {ITEMS} right: passed" in text
    assert text.count("'yes' is not one of a, b") == ITEMS


@pytest.mark.parametrize("name", families())
def test_no_metric_comes_once_more_before_each_had_its_turn_and_each_item_says_what_it_is_about(name):
    items = drawn_items(name, "1")
    uses = Counter(item.metric for item in items)
    assert max(uses.values()) <= -(-ITEMS // len(family(name)))
    assert all("corner shop" in item.text or "Another shop" in item.text for item in items)
    assert all("2025" in item.text for item in items)


def test_a_quiz_without_answers_ends_and_is_not_passed(typed, capsys):
    typed()
    assert main(["learn", "quiz", FAMILY, "--seed", "7"]) == 1
    assert f"0 of {ITEMS} right" in capsys.readouterr().out


def test_a_family_that_does_not_exist_is_a_wrong_command(capsys):
    assert main(["learn", "quiz", "feedbak"]) == 2
    assert "Did you mean feedback" in capsys.readouterr().err


@pytest.mark.parametrize("name", families())
def test_every_family_has_a_quiz_of_different_items_of_several_kinds(name):
    items = drawn_items(name, "1")
    assert len({item.text for item in items}) == len(items) == ITEMS
    for item in items:
        assert 2 <= len(item.options) == len(set(item.options)) <= len(LETTERS)
        assert item.right in LETTERS[: len(item.options)]
        assert item.verdict(f" {item.right.upper()}) ") == (True, "")
        assert not item.verdict("")[0]
        assert item.because
    assert len({len(item.options) for item in items}) >= 2
    assert [item.text for item in drawn_items(name, "2")] != [item.text for item in items]


def test_the_report_tells_tries_hints_misconceptions_and_explanations(capsys):
    assert main(["learn", "report"]) == 0
    assert "has not begun" in capsys.readouterr().out
    opened = lesson("nps")
    opened.predict("thirty")
    opened.q1.check(7.00)
    opened.q1.hint()
    opened.q6.check("The NPS was 25, from 8 answers, anywhere from -51 to 85: no detectable change from 2024.")
    assert main(["learn", "report", "--learner", "Eva"]) == 0
    text = capsys.readouterr().out
    for part in (
        "2 tries, 1 hint, 0 solutions",
        "expected: thirty",
        "mean of the scores",
        "not read yet",
        "The NPS was 25",
    ):
        assert part in text, part
    assert main(["learn", "report", "--grade", "nps", "4"]) == 0
    assert "4 of 5 points" in capsys.readouterr().out
    assert "explain it (q6; mentor: 4 of 5 points)" in repr(lesson("nps"))
    assert main(["learn", "report", "--grade", "nps", "6"]) == 2
    assert main(["learn", "report", "--grade", "csat", "4"]) == 2
    assert main(["learn", "report", "--grade", "nps", "all"]) == 2


def test_the_report_says_that_a_line_was_torn(capsys):
    lesson("csat").q1.hint()
    path = learner_named().path
    path.write_bytes(path.read_bytes() + b"2026-03-02T09:00:00,try,cs")
    assert main(["learn", "report"]) == 0
    assert "1 line was torn" in capsys.readouterr().out


def test_reset_begins_again_and_keeps_the_file(capsys):
    lesson("csat").q1.check(1)
    assert main(["learn", "reset", "csat"]) == 0
    assert lesson("csat").state.tries == 0
    assert [event.kind for event in learner_named().events()] == ["try", "reset"]
    assert main(["learn", "reset"]) == 2
    assert main(["learn", "reset", "csat", "--all"]) == 2
    assert main(["learn", "reset", "--all"]) == 0


def test_a_learner_of_the_command_line_has_a_file_of_their_own():
    assert main(["learn", "--learner", "Ben", "reset", "--all"]) == 0
    assert [event.kind for event in learner_named("Ben").events()] == ["reset"]
    assert learner_named("Eva").events() == []
    assert main(["learn", "--learner", "../Ben"]) == 2


def test_the_capstone_is_written_and_checked(capsys):
    assert main(["learn", "capstone", "--seed", "2"]) == 0
    assert (learner_named().folder / "Eva" / "capstone-2.html").exists()
    assert main(["learn", "capstone", "--seed", "2", "--marks", "1"]) == 1
    assert "Missed, line" in capsys.readouterr().out
    assert main(["learn", "capstone", "--seed", "2", "--marks", "99"]) == 2
    assert [event.kind for event in learner_named().events()] == ["capstone"]
