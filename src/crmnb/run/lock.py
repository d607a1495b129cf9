"""The lock of a client: one run at a time, held by every process that works for it (see `crmnb.core.lock`)."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.lock import open_lock_file, try_lock

NAME = "run.lock"
_PATIENCE = 10.0  # seconds in which the processes of a killed run must have ended


class ClientLocked(InputError):
    """Another run of this client is in progress."""


@contextmanager
def client_lock(private: Path) -> Iterator[int]:
    """Hold the lock in a client's private folder; yields its descriptor, whose copies hold the lock too.

    Raises ClientLocked at once if another run holds it. After a run that was killed it waits, since the processes which that
    run started are cleaning up.
    """
    descriptor = _acquire(private)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(private: Path) -> int:
    path, client = private / NAME, private.parent.name
    descriptor = open_lock_file(path)
    deadline = time.monotonic() + _PATIENCE
    while not try_lock(descriptor):
        if _owner_is_alive(descriptor) or time.monotonic() > deadline:
            os.close(descriptor)
            raise ClientLocked(f"another run of {client} is in progress; wait until it has ended, then run again.")
        time.sleep(0.02)
    if not (path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())):
        os.close(descriptor)
        raise ClientLocked(f"the data of {client} were purged a moment ago; run again to rebuild them.")
    with suppress(OSError):  # a full disk: the owner stays unknown and counts as alive
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _owner_is_alive(descriptor: int) -> bool:
    """Whether the process that acquired the lock is alive; True if unknown."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    owner = os.read(descriptor, 20)
    if not owner.isdigit():
        return True
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except OSError:  # a process of another user
        return True
    return True
