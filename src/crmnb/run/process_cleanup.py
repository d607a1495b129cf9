"""Ends the processes that a run started: each of them has the run's id in its environment."""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path

RUN_ID = "CRMNB_RUN"  # the environment variable with the run's id
_PF_EXITING = 4  # include/linux/sched.h


def find_processes(value: str | None, variable: str = RUN_ID) -> list[int]:
    """The other processes whose environment has the variable with this value, by default a run's id."""
    entry = f"{variable}={value}".encode()
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of another user, or it has ended
            if entry in (folder / "environ").read_bytes().split(b"\0") and _is_running(folder):
                processes.append(int(folder.name))
    return [process for process in processes if process != os.getpid()]


def kill_processes(
    value: str | None = None, variable: str = RUN_ID, also: Collection[int] = (), timeout: float = 5.0
) -> None:
    """Kill the processes of a run, by default of this process's own run, and wait until their files are closed.

    also: processes that were killed already and must have ended too. timeout: seconds to wait.
    """
    value = value or os.environ.get(variable)
    started, quiet_rounds = time.monotonic(), 0
    # Two quiet rounds, since a process that is just replacing its program is not seen.
    while value and quiet_rounds < 2 and (elapsed := time.monotonic() - started) < timeout:
        processes = find_processes(value, variable)
        processes += [
            process for process in also if Path(f"/proc/{process}").exists() and _is_running(Path(f"/proc/{process}"))
        ]
        for process in processes:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        quiet_rounds = 0 if processes or (elapsed < 1 and _some_are_exiting()) else quiet_rounds + 1
        if not quiet_rounds:
            time.sleep(0.005)


def _some_are_exiting() -> bool:
    """Whether a process is exiting: it no longer shows its environment, but may still hold a lock."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = _stat(folder)
            if int(fields[6]) & _PF_EXITING and (fields[0] != b"Z" or int(fields[17]) > 1):
                return True
    return False


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until a clean-up is complete."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_running(folder: Path) -> bool:
    """Whether the process is more than a zombie."""
    return _stat(folder)[0] != b"Z"


def _stat(folder: Path) -> list[bytes]:
    """The fields of /proc/PID/stat after the name: the state, the parent, ...; see proc_pid_stat(5)."""
    return folder.joinpath("stat").read_bytes().rpartition(b")")[2].split()
