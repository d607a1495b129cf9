"""A lock belongs to every process that holds a copy of its descriptor, and the system releases it with the last of them."""

import os
import subprocess
import sys

import pytest

from crmnb.core.lock import locked, locked_if_free, open_lock_file, try_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no flock")


def test_a_lock_excludes_others_until_its_end(tmp_path):
    path = tmp_path / ".lock"
    with locked(path):
        with locked_if_free(path) as is_free:
            assert not is_free
        other = open_lock_file(path)
        assert not try_lock(other)
    assert try_lock(other)
    os.close(other)
    with locked_if_free(path) as is_free:
        assert is_free


def test_a_missing_lock_file_counts_as_not_free_and_is_not_created(tmp_path):
    with locked_if_free(tmp_path / ".lock") as is_free:
        assert not is_free
    assert list(tmp_path.iterdir()) == []


def test_a_process_with_a_copy_of_the_descriptor_holds_the_lock_after_its_owner_has_closed_it(tmp_path):
    path = tmp_path / ".lock"
    descriptor = open_lock_file(path)
    assert try_lock(descriptor)
    program = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, pass_fds=[descriptor])  # noqa: S603
    os.close(descriptor)
    with locked_if_free(path) as is_free:
        assert not is_free
    process.kill()
    process.communicate()
    with locked_if_free(path) as is_free:
        assert is_free


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        open_lock_file(tmp_path / ".lock")
    assert not (tmp_path / "elsewhere").exists()
