"""Folder swap: a new folder replaces an old one completely, or the old one stays."""

import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from crmnb.core.files import flush_folder, flush_path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def replace_folder(new: Path, place: Path) -> None:
    """Move the folder `new` to `place`; readers see the old folder or the new one, never a mixture or nothing.

    Both are on one disk, which stores the new folder completely before the swap. The old folder is deleted afterwards.
    Raises OSError if the swap fails; then the old folder is still in place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(place)
    flush_folder(new)
    if not place.exists():
        new.rename(place)
        flush_path(place.parent)
        return
    old = new
    if not _exchange(new, place):
        old = _backup_of(place)
        place.rename(old)
        try:
            new.rename(place)
        except BaseException:
            old.rename(place)
            raise
    flush_path(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(place: Path) -> None:
    """Put the old folder back after a swap that was killed on a system that cannot exchange folders in one step."""
    backup = _backup_of(place)
    if backup.is_dir():
        backup.rename(place) if not place.exists() else shutil.rmtree(backup, ignore_errors=True)


def restore_folders(parent: Path) -> None:
    """Put back every old folder in `parent` whose swap was killed."""
    for backup in parent.glob(".*.old"):
        restore_folder(backup.with_name(backup.name[1:].removesuffix(".old")))


def _backup_of(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; False if the system cannot (not Linux, or the file system does not support it)."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    status = libc.renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    if status == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(first), None, str(second))
