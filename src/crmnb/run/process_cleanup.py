"""Ending what a run started, wherever it hides: every process of a run carries the run's mark in its environment."""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path

MARK = "CRMNB_RUN"
_PF_EXITING = 4  # include/linux/sched.h


def marked(mark: str | None, variable: str = MARK) -> list[int]:
    """The processes that were started with a run's mark, or another variable of the environment, but for this one."""
    wanted = f"{variable}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of another user, or gone by now
            if wanted in (folder / "environ").read_bytes().split(b"\0") and _is_running(folder):
                found.append(int(folder.name))
    return [process for process in found if process != os.getpid()]


def end_all(mark: str | None = None, variable: str = MARK, also: Collection[int] = (), patience: float = 5.0) -> None:
    """Kill the processes of a run, by default of this process's own, and wait until they are gone, and their files closed.

    also: processes to wait for that were killed already.
    """
    mark = mark or os.environ.get(variable)
    began, quiet = time.monotonic(), 0
    # Twice in a row, since one that is just becoming another program is not seen.
    while mark and quiet < 2 and (waited := time.monotonic() - began) < patience:
        left = marked(mark, variable)
        left += [
            process for process in also if Path(f"/proc/{process}").exists() and _is_running(Path(f"/proc/{process}"))
        ]
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        quiet = 0 if left or (waited < 1 and _some_are_dying()) else quiet + 1
        if not quiet:
            time.sleep(0.005)


def _some_are_dying() -> bool:
    """Whether a process is just going: it no longer tells whose it was, but may still hold a lock."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = _stat(folder)
            if int(told[6]) & _PF_EXITING and (told[0] != b"Z" or int(told[17]) > 1):
                return True
    return False


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Have who asks this process to stop wait until a clean-up is done."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_running(folder: Path) -> bool:
    """Whether it is more than a dead process whose end nobody has taken note of."""
    return _stat(folder)[0] != b"Z"


def _stat(folder: Path) -> list[bytes]:
    """What /proc/PID/stat says after the name: the state, the parent, ...; see proc_pid_stat(5)."""
    return folder.joinpath("stat").read_bytes().rpartition(b")")[2].split()
