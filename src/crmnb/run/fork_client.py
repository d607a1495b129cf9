"""The warm process as its run sees it: started, told which locks and folders to see to, and ended with all that came of it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from crmnb.run import protocol
from crmnb.run.environment import minimal
from crmnb.run.process_cleanup import MARK, end_all, undisturbed


@dataclass
class Warm:
    """The warm process, what it holds for clients, and what it was asked for and has forked.

    broken: why there is none, where it cannot live; jobs are then done in the run's own process.
    """

    process: subprocess.Popen
    socket: socket.socket
    mark: str
    held: dict[str, tuple[list[str], list[int]]] = field(default_factory=dict)  # of a client -> folders, lock
    forked: dict[int, int] = field(default_factory=dict)  # a job's number -> its process
    numbers: int = 0
    broken: str = ""


@contextmanager
def warmed(runtime: Path) -> Iterator[Warm | None]:
    """A warm process, started, and the folder for sockets; None where processes cannot be forked safely.

    At the end nothing of it is left.
    """
    if not sys.platform.startswith("linux"):
        runtime.mkdir(mode=0o700)
        yield None
        return
    warm = _start()
    try:
        share(warm, "", None, [runtime])
        runtime.mkdir(mode=0o700)  # after the warm process knows of it, or a kill in between would leave it
        yield warm
    finally:
        stop(warm)


def stop(warm: Warm) -> int:
    """End the warm process, with which the system ends what it forked, and what those have left; how it ended."""
    with undisturbed():
        warm.socket.close()
        by_itself = warm.process.poll()
        warm.process.kill()
        code = warm.process.wait() if by_itself is None else by_itself
        for process in warm.forked.values():  # one that knows secrets hides even its mark
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        end_all(warm.mark, also=set(warm.forked.values()))
        warm.forked.clear()
    return code


def restart(warm: Warm) -> None:
    """Put another warm process in the place of one that is gone; one that ended by itself would do so again."""
    with suppress(subprocess.TimeoutExpired):
        warm.process.wait(0.2)
    code = stop(warm)
    if code > 0:
        warm.broken = f"the warm process ended by itself ({code})"
        return
    new = _start()
    warm.process, warm.socket, warm.mark = new.process, new.socket, new.mark
    for client in warm.held:
        _tell_held(warm, client)


def _start() -> Warm:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mark = uuid4().hex
    process = subprocess.Popen(  # noqa: S603 -- our own module; -P: a module.py in the folder at hand is not it
        [sys.executable, "-P", "-m", "crmnb.run.fork_server", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=minimal(os.environ) | {MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    return Warm(process, ours, mark)


def share(warm: Warm | None, client: str, lock: int | None, folders: list[Path]) -> None:
    """Let the warm process hold a client's lock too, and tidy its folders should this process die; without a lock, no longer."""
    if warm:
        warm.held[client] = ([str(folder) for folder in folders], [] if lock is None else [lock])
        _tell_held(warm, client)


def _tell_held(warm: Warm, client: str) -> None:
    folders, lock = warm.held[client]
    with suppress(OSError):  # it is gone, which is noticed as it is listened to
        protocol.send(warm.socket, {"hold": client, "clean": folders}, lock)
