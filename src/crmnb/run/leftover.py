"""Ending what a run started, wherever it hides: every process of a run carries the run's mark in its environment."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "CRMNB_RUN"


def marked(mark: str) -> list[int]:
    """The processes that were started with a run's mark, but for this one."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of another user, or gone by now
            if wanted in (folder / "environ").read_bytes().split(b"\0") and _is_running(folder):
                found.append(int(folder.name))
    return [process for process in found if process != os.getpid()]


def end_all(mark: str | None = None, patience: float = 5.0) -> None:
    """Kill every process of a run, by default of this process's own, and wait until they are gone."""
    mark = mark or os.environ.get(MARK)
    until = time.monotonic() + patience
    seen_none = 0
    # Twice in a row, since one that is just becoming another program is not seen.
    while mark and seen_none < 2 and time.monotonic() < until:
        left = marked(mark)
        seen_none = 0 if left else seen_none + 1
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        if left:
            time.sleep(0.01)


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
    return folder.joinpath("stat").read_bytes().rpartition(b")")[2].split()[:1] != [b"Z"]
