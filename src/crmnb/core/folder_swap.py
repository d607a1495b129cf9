"""Publish: a folder is put in place of another whole or not at all."""

import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from crmnb.core.checksum import flush, flush_one

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def publish(made: Path, place: Path) -> None:
    """Put the folder `made` at `place`; whoever looks sees the old one or the new one, never a mixture or nothing.

    Both lie on one disk, which has the new one whole before it is put in place. What stood at `place` is deleted afterwards. Raises OSError if it cannot be done; then the old
    folder is still in place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    recover(place)
    flush(made)
    if not place.exists():
        made.rename(place)
        flush_one(place.parent)
        return
    if not _exchange(made, place):
        aside = _aside(place)
        place.rename(aside)
        try:
            made.rename(place)
        except BaseException:
            aside.rename(place)
            raise
        made = aside
    flush_one(place.parent)
    shutil.rmtree(made, ignore_errors=True)


def recover(place: Path) -> None:
    """See to what a publication leaves that was killed where folders cannot be exchanged: the old one is put back."""
    aside = _aside(place)
    if aside.is_dir():
        aside.rename(place) if not place.exists() else shutil.rmtree(aside, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot (not Linux, or a file system that does not)."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    done = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if done == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
