"""The lock of a client: one run at a time, held by the processes that work on it and let go by the system when they die."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: one run at a time is then up to its user
    fcntl = None

from crmnb.core.errors import InputError

NAME = "run.lock"
_PATIENCE = 10.0  # seconds in which what a killed run has started must be gone


class Busy(InputError):
    """Another run of this client is under way."""


def take(private: Path) -> int:
    """The file descriptor of the lock in a client's private folder, held as long as it, or a copy of it, is open.

    Raises Busy where another run holds it, at once; one that was killed is given time to end, since what it has started cleans up.
    """
    file = os.open(private / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + _PATIENCE
    while not _locked(file):
        if _is_alive(file) or time.monotonic() > until:
            os.close(file)
            raise Busy(f"another run of {private.parent.name} is under way; wait until it has ended, then run again.")
        time.sleep(0.02)
    if not ((private / NAME).exists() and os.path.samestat(os.fstat(file), (private / NAME).stat())):
        os.close(file)
        raise Busy(f"{private.parent.name} was purged a moment ago; run again if it is wanted after all.")
    with suppress(OSError):  # a full disk: then nobody knows who holds it, and it counts as alive
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, str(os.getpid()).encode())
    return file


def _locked(file: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_alive(file: int) -> bool:
    """Whether the process that took the lock is there, as far as is known."""
    os.lseek(file, 0, os.SEEK_SET)
    holder = os.read(file, 20)
    if not holder.isdigit():
        return True
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


@contextmanager
def hold(private: Path) -> Iterator[int]:
    """Hold the lock of a client for a while; Busy where another process holds it."""
    file = take(private)
    try:
        yield file
    finally:
        os.close(file)
