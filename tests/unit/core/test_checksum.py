"""A stored file is complete, or counts as missing."""

import json

import pytest

from crmnb.core.checksum import SEAL, damaged_files, file_checksum, read_json, seal, sealed_checksums, write_json
from crmnb.core.files import flush_folder


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "stored"
    (place / "inner").mkdir(parents=True)
    (place / "orders.parquet").write_bytes(b"PAR1 rows PAR1")
    (place / "inner" / "rows.csv").write_text("a,b\n1,2\n")
    (place / "notebook.ipynb").write_text("{}")
    seal(place, exclude=["notebook.ipynb"])
    return place


def test_a_sealed_folder_is_whole(folder):
    assert damaged_files(folder) == []
    assert sorted(sealed_checksums(folder)) == ["inner/rows.csv", "orders.parquet"]
    assert sealed_checksums(folder)["orders.parquet"] == file_checksum(folder / "orders.parquet")


def test_an_inner_folder_can_be_left_out(folder):
    assert sorted(seal(folder, exclude=["inner"])) == ["notebook.ipynb", "orders.parquet"]


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["one bit", "truncated", "empty", "gone", "a folder"],
)
@pytest.mark.parametrize("name", ["orders.parquet", "inner/rows.csv"])
def test_a_damaged_file_is_named(folder, name, damage):
    damage(folder / name)
    assert damaged_files(folder) == [name]


def test_a_damaged_file_of_the_same_size_and_time_is_named(folder):
    import os

    path = folder / "orders.parquet"
    before = path.stat()
    flipped(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert damaged_files(folder) == ["orders.parquet"]


def test_what_was_left_out_may_change_and_new_files_may_come(folder):
    (folder / "notebook.ipynb").write_text('{"cells": []}')
    (folder / "new").write_text("")
    assert damaged_files(folder) == []


@pytest.mark.parametrize("damage", [flipped, lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_without_a_whole_seal_nothing_is_known_to_be_whole(folder, damage):
    damage(folder / SEAL)
    assert damaged_files(folder) == [SEAL]
    assert sealed_checksums(folder) is None


CONTENT = {"name": "Ä shop", "figures": [0.1, 2, None, True], "of": {"2025": {"b": 1, "a": "x"}}}


def test_json_comes_back_as_it_was_written(tmp_path):
    for known in (CONTENT, {}, {"n": 1e308}):
        write_json(tmp_path / "new" / "file.json", known, flush=True)
        assert read_json(tmp_path / "new" / "file.json") == known
    write_json(tmp_path / "new" / "file.json", {2: ("a",), 10: []})
    assert read_json(tmp_path / "new" / "file.json") == {"2": ["a"], "10": []}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.json"]
    assert (tmp_path / "new" / "file.json").stat().st_mode & 0o777 == 0o600


def test_a_json_file_of_which_any_byte_is_gone_or_changed_counts_as_missing_or_is_the_same(tmp_path):
    path = tmp_path / "file.json"
    assert read_json(path) is None
    write_json(path, CONTENT)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for changed in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            path.write_bytes(changed)
            assert read_json(path) in (None, CONTENT)  # a space between two values tells nothing


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"a": 1}', '{"checksum": 1}', "[" * 100_000])
def test_json_without_its_checksum_counts_as_missing(tmp_path, text):
    (tmp_path / "file.json").write_text(text)
    assert read_json(tmp_path / "file.json") is None


def test_a_json_file_that_holds_a_checksum_of_another_content_counts_as_missing(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, CONTENT)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "B shop"}))
    assert read_json(path) is None


def test_a_folder_is_flushed_whatever_lies_in_it(folder):
    (folder / "link").symlink_to("nowhere")
    flush_folder(folder)
    assert damaged_files(folder) == []
