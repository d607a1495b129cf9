"""Publication: whole or not at all."""

import os
import threading

import pytest

from crmnb.core import folder_swap as module
from crmnb.core.folder_swap import replace_folder, restore_folder


def folder(path, **files):
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def content(path):
    return {p.name: p.read_text() for p in path.iterdir()}


@pytest.mark.parametrize("can_exchange", [True, False])
def test_new_takes_the_place_of_old(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(module, "_exchange", lambda first, second: False)
    place = folder(tmp_path / "out" / "2025", index="old", gone="x")
    replace_folder(folder(tmp_path / "made", index="new"), place)
    assert content(place) == {"index": "new"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_first_publication_makes_the_folders_above(tmp_path):
    replace_folder(folder(tmp_path / "made", index="new"), tmp_path / "a" / "b" / "2025")
    assert content(tmp_path / "a" / "b" / "2025") == {"index": "new"}


@pytest.mark.parametrize("can_exchange", [True, False])
def test_old_stays_if_the_new_is_not_there(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(module, "_exchange", lambda first, second: False)
    place = folder(tmp_path / "2025", index="old")
    with pytest.raises(OSError, match="missing"):
        replace_folder(tmp_path / "missing", place)
    assert content(place) == {"index": "old"}


@pytest.mark.skipif(not hasattr(os, "sched_yield"), reason="the exchange in one step is Linux's")
def test_who_looks_meanwhile_sees_old_or_new_and_never_nothing(tmp_path):
    place, seen, stop = folder(tmp_path / "2025", index="0"), set(), threading.Event()

    def look():
        while not stop.is_set():
            try:
                seen.add((place / "index").read_text())
            except OSError as lost:
                seen.add(repr(lost))

    watcher = threading.Thread(target=look)
    watcher.start()
    for n in range(1, 101):
        replace_folder(folder(tmp_path / f"made{n}", index=str(n)), place)
    stop.set()
    watcher.join()
    assert seen <= {str(n) for n in range(101)}


def test_a_kill_where_folders_cannot_be_exchanged_leaves_the_old_one_to_be_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr("crmnb.core.folder_swap._exchange", lambda first, second: False)
    place, made = tmp_path / "client" / "2025", tmp_path / "made"
    for folder, text in ((place, "old"), (made, "new")):
        folder.mkdir(parents=True)
        (folder / "index.html").write_text(text)
    place.rename(place.with_name(".2025.old"))  # as far as it came
    restore_folder(place)
    assert (place / "index.html").read_text() == "old"
    replace_folder(made, place)
    assert (place / "index.html").read_text() == "new"
    assert [path.name for path in place.parent.iterdir()] == ["2025"]
