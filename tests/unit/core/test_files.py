"""An atomic write: readers see the old content or the new content, and nothing else remains."""

import os
import stat

import pytest

from crmnb.core.files import write_atomic


@pytest.mark.parametrize(("content", "stored"), [("Ä\n", "Ä\n".encode()), (b"\xff\x00", b"\xff\x00"), ("", b"")])
@pytest.mark.parametrize("flush", [False, True])
def test_the_content_replaces_the_old_one_and_is_private(tmp_path, content, stored, flush):
    path = tmp_path / "page.html"
    path.write_text("old")
    (tmp_path / ".page.html.new").write_text("left by a writer that was killed")
    write_atomic(path, content, flush=flush)
    assert path.read_bytes() == stored
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_after_a_failed_write_the_old_file_is_there_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, "new", flush=True)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]
