"""Locks between processes: the system releases a lock when no process holds its descriptor any longer.

This is `flock` without the package `filelock`, for one reason: a run passes the descriptor of its lock to the processes that
work for it, and the lock must stay until the last of them has ended, also when the run itself was killed. `filelock` keeps its
descriptor private, and its release unlocks the file for all processes that share the descriptor. Closing a descriptor, which
is what happens here, leaves the lock to those that still hold a copy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: the user must see to it that there is one run at a time
    fcntl = None

from crmnb.core.files import OWNER_ONLY


def open_lock_file(path: Path) -> int:
    """The descriptor of a lock file, which is created if it is missing. A link is not followed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), OWNER_ONLY)


def try_lock(descriptor: int) -> bool:
    """Lock an open file; False if another process has locked it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file; wait while another process holds it."""
    descriptor = open_lock_file(path)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock on a file if no other process holds it. Yields whether it is held; False also if the file is missing."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        yield False
        return
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)
