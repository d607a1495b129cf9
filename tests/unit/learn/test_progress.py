"""Progress: appended to, never lost: not by two writers at once, not by a crash in the middle of a line."""

import subprocess
import sys
from datetime import datetime

import pandas as pd
import pytest
from learning import Clock

from crmnb.core.errors import InputError
from crmnb.learn.progress import Event, Learner, learner

WRITER = """
import sys
from pathlib import Path
from crmnb.learn.progress import Learner
one_of_two = Learner("Eva", Path(sys.argv[1]))
for number in range(60):
    one_of_two.record("try", "nps", "q1", outcome="wrong", text=f"{sys.argv[2]} {number}")
"""


@pytest.fixture
def eva(tmp_path) -> Learner:
    return Learner("Eva", tmp_path / "learners", Clock())


def test_events_come_back_as_they_were(eva):
    event = eva.record(
        "try", "nps", "q1", draw=2, outcome="named", names=("a count", "promoters, only"), text='7,69 "so"\nand so'
    )
    assert eva.events() == [event.__class__(**{**vars(event), "text": '7,69 "so" and so'})]
    assert event.at == datetime(2026, 3, 2, 9, 0)


def test_the_file_is_only_appended_to_and_is_a_table(eva):
    eva.record("hint", "nps", "q1")
    before = eva.path.read_bytes()
    eva.record("try", "nps", "q1", outcome="right", text="7.69")
    assert eva.path.read_bytes().startswith(before)
    table = pd.read_csv(eva.path)
    assert list(table["kind"]) == ["hint", "try"]
    assert eva.path.stat().st_mode & 0o077 == 0


def test_learners_on_one_machine_have_a_file_each(eva, tmp_path):
    ben = Learner("Ben", tmp_path / "learners")
    eva.record("hint", "nps", "q1")
    assert ben.events() == []
    ben.record("hint", "csat", "q1")
    assert [event.metric for event in eva.events()] == ["nps"]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_left_out_and_the_next_is_whole(eva, cut):
    eva.record("try", "nps", "q1", outcome="wrong", text="1")
    eva.record("try", "nps", "q1", outcome="right", text="7.69")
    eva.path.write_bytes(eva.path.read_bytes()[:-cut])
    whole = 2 if cut == 1 else 1  # without its line break a line is still whole
    assert (len(eva.events()), eva.torn_lines()) == (whole, 2 - whole)
    eva.record("hint", "nps", "q2")
    assert [event.kind for event in eva.events()] == ["try"] * whole + ["hint"]
    assert eva.torn_lines() == 2 - whole


def test_a_line_that_was_changed_is_left_out(eva):
    eva.record("try", "nps", "q1", outcome="wrong", text="1")
    eva.path.write_text(eva.path.read_text().replace("wrong", "right"))
    assert (eva.events(), eva.torn_lines()) == ([], 1)


def test_two_notebooks_that_write_at_once_lose_nothing(tmp_path):
    folder = tmp_path / "learners"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(folder), name])  # noqa: S603
        for name in ("left", "right")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    both = Learner("Eva", folder)
    texts = {event.text for event in both.events()}
    assert texts == {f"{name} {number}" for name in ("left", "right") for number in range(60)}
    assert both.torn_lines() == 0
    assert both.path.read_text().count("checksum") == 1


@pytest.mark.parametrize("name", ["../eva", "a/b", " ", "x" * 65, "-"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(InputError, match="cannot be a learner's name"):
        learner(name)


def test_a_learner_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CRMNB_LEARNER", "Zoë K.")
    monkeypatch.setenv("CRMNB_LEARN_FOLDER", str(tmp_path))
    assert (learner().name, learner().folder) == ("Zoë K.", tmp_path)
    assert learner("Ben").name == "Ben"


def test_a_notebook_in_a_learners_folder_is_theirs(monkeypatch, tmp_path):
    monkeypatch.delenv("CRMNB_LEARNER", raising=False)
    monkeypatch.setenv("CRMNB_LEARN_FOLDER", str(tmp_path))
    (tmp_path / "Mia").mkdir()
    monkeypatch.chdir(tmp_path / "Mia")
    assert learner().name == "Mia"
    assert learner("Eva").name == "Eva"
    monkeypatch.chdir(tmp_path)
    assert learner().name != "Mia"


def test_an_event_of_another_form_is_no_event():
    assert Event.parsed(["only", "three", "cells"]) is None
    assert Event.parsed([]) is None
