"""Driving the courses of many clients at once: jobs are forked from the warm process, as many at a time as there are workers."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from crmnb.run import asking
from crmnb.run.course import Course, Job, Wrong
from crmnb.run.environment import minimal
from crmnb.run.leftover import MARK, end_all, undisturbed
from crmnb.run.progress import Say

_GRACE = 60.0  # seconds beyond a cell's limit that a job has to stop by itself
_NEEDS_SECRETS = "prepare"  # the only job that may ask a client's database


@dataclass
class _Batch:
    """The jobs that a course waits for."""

    course: Course
    jobs: list[Job]
    results: list[dict[str, Any] | Wrong | None]

    @property
    def done(self) -> bool:
        return None not in self.results


@dataclass
class _Doing:
    """A job under way in a process of its own."""

    batch: _Batch
    place: int
    pipe: int
    until: float
    heard: bytes = b""
    gave: dict[str, Any] | None = None
    ended: int | None = None
    late: bool = False


@dataclass
class Drive:
    """The warm process and what is under way in it."""

    warm: subprocess.Popen
    socket: socket.socket
    mark: str
    held: dict[str, tuple[list[str], list[int]]] = field(default_factory=dict)  # of a client -> folders, lock
    doing: dict[int, _Doing] = field(default_factory=dict)
    numbers: int = 0


@contextmanager
def warmed(runtime: Path) -> Iterator[Drive | None]:
    """A warm process, started; None where processes cannot be forked safely. At the end nothing of it is left."""
    if not sys.platform.startswith("linux"):
        yield None
        return
    drive = _start()
    try:
        share(drive, "", None, [runtime])
        yield drive
    finally:
        _stop(drive)


def _stop(drive: Drive) -> None:
    """End the warm process, with which the system ends what it forked, and what those have left."""
    with undisturbed():
        drive.socket.close()
        drive.warm.kill()
        drive.warm.wait()
        end_all(drive.mark)


def _restart(drive: Drive) -> None:
    """Put another warm process in the place of one that is gone, for the clients that are still to come."""
    _stop(drive)
    new = _start()
    drive.warm, drive.socket, drive.mark = new.warm, new.socket, new.mark
    for client in drive.held:
        _tell_held(drive, client)


def _start() -> Drive:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mark = uuid4().hex
    warm = subprocess.Popen(  # noqa: S603 -- our own module
        [sys.executable, "-m", "crmnb.run.warm", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env=minimal(os.environ) | {MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    return Drive(warm, ours, mark)


def share(drive: Drive | None, client: str, lock: int | None, folders: list[Path]) -> None:
    """Let the warm process hold a client's lock too, and tidy its folders should this process die; without a lock, no longer."""
    if drive:
        drive.held[client] = ([str(folder) for folder in folders], [] if lock is None else [lock])
        _tell_held(drive, client)


def _tell_held(drive: Drive, client: str) -> None:
    folders, lock = drive.held[client]
    with suppress(OSError):  # it is gone, which is noticed as it is listened to
        asking.send(drive.socket, {"hold": client, "clean": folders}, lock)


def drive(courses: Iterator[Course], warm: Drive | None, workers: int, limit: float, say: Say) -> None:
    """Go through the courses: those that come first have precedence, and the next is begun when a worker is free.

    limit: seconds that a cell may take; a job that is still at work much later is ended.
    """
    if warm is None:
        for one in courses:
            _alone(one, say)
        return
    ready: deque[tuple[_Batch, int]] = deque()
    ears = selectors.DefaultSelector()
    ears.register(warm.socket, selectors.EVENT_READ)
    left = True
    try:
        while left or ready or warm.doing:
            while len(warm.doing) < workers and (ready or left):
                if ready:
                    _begin(warm, ears, *ready.popleft(), limit, say)
                elif (one := next(courses, None)) is not None:
                    _advance(one, None, ready)
                else:
                    left = False
            if warm.doing:
                ended = _hear(warm, ears, say)
                if ended is None:
                    ears.unregister(warm.socket)
                    _restart(warm)
                    ears.register(warm.socket, selectors.EVENT_READ)
                for number in list(warm.doing) if ended is None else ended:
                    _finish(warm, ears, number, ready, say)
    finally:
        if warm.doing:  # stopped: nothing may be at work in a place that is cleaned up, or unlocked
            _stop(warm)
        for batch in [*(doing.batch for doing in warm.doing.values()), *(batch for batch, _ in ready)]:
            batch.course.close()
        ears.close()


def _advance(one: Course, results: list[Any] | None, ready: deque[tuple[_Batch, int]]) -> None:
    """Let a course go on with what its jobs gave; the jobs that it then wants go before those of later clients."""
    try:
        jobs = next(one) if results is None else one.send(results)
    except StopIteration:
        return
    batch = _Batch(one, jobs, [None] * len(jobs))
    ready.extendleft((batch, place) for place in reversed(range(len(jobs))))


def _alone(one: Course, say: Say) -> None:
    """A course without a warm process: its jobs are done one after another in this one, kernels started as usual."""
    results: list[Any] | None = None
    while True:
        try:
            wanted = next(one) if results is None else one.send(results)
        except StopIteration:
            return
        results = []
        for job in wanted:
            say(job.about, "")
            told = _here(job, say, f"no process is forked on {sys.platform}")
            say(job.about, None)
            results.append(told["gives"] if "gives" in told else Wrong(**told["wrong"]))


def _begin(warm: Drive, ears: selectors.BaseSelector, batch: _Batch, place: int, limit: float, say: Say) -> None:
    job = batch.jobs[place]
    say(job.about, "")
    warm.numbers += 1
    hear, tell = os.pipe()
    log = _open_log(job.log)
    files = [log, tell, *([_in_memory(dict(os.environ))] if job.name == _NEEDS_SECRETS else [])]
    request = {
        "id": warm.numbers,
        "do": job.name,
        "arguments": job.arguments,
        "environment": minimal(os.environ) | {MARK: warm.mark},
        "folder": job.arguments["project"],
    }
    warm.doing[warm.numbers] = _Doing(batch, place, hear, time.monotonic() + limit + _GRACE)
    ears.register(hear, selectors.EVENT_READ, warm.numbers)
    try:
        asking.send(warm.socket, request, files)
    except OSError:
        pass  # it is gone, which is noticed as it is listened to
    finally:
        for file in files:
            os.close(file)


def _in_memory(secrets: dict[str, str]) -> int:
    """An open file that exists in memory only. The warm process hands it on unread, or all that it forks had a copy."""
    file = os.memfd_create("environment")
    os.write(file, json.dumps(secrets).encode())
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _open_log(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # a full disk, say: the job itself will tell of that
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _hear(warm: Drive, ears: selectors.BaseSelector, say: Say) -> list[int] | None:
    """Wait for news; the numbers of the jobs that have come to an end, None where the warm process has."""
    now = time.monotonic()
    for number, doing in warm.doing.items():
        if now > doing.until and not doing.late:
            doing.late = True
            with suppress(OSError):
                asking.send(warm.socket, {"kill": number})
    soonest = min(doing.until for doing in warm.doing.values()) - now
    for key, _ in ears.select(max(min(soonest, 5.0), 0.05)):
        if key.data is None:
            if not _hear_warm(warm, say):
                return None
        else:
            _hear_job(warm.doing[key.data], ears, say)
    return [n for n, doing in warm.doing.items() if doing.ended is not None and doing.pipe < 0]


def _hear_warm(warm: Drive, say: Say) -> bool:
    message, _ = asking.receive(warm.socket)
    if message is None:
        return False
    doing = warm.doing.get(message["id"])
    if doing and "ended" in message:
        doing.ended = message["ended"]
    elif doing and "refused" in message:
        job = doing.batch.jobs[doing.place]
        doing.ended, doing.gave = 0, _here(job, say, message["refused"])
    return True


def _here(job: Job, say: Say, why: str) -> dict[str, Any]:
    """Do a job in this process, and say in its log why."""
    from crmnb.run.jobs import attempt

    with suppress(OSError), job.log.open("a", encoding="utf-8") as log:  # a full disk
        print(f"{job.about}: done in the run's own process, not in a forked one: {why}", file=log)
    return attempt(job.name, job.arguments, lambda text: say(job.about, text))


def _hear_job(doing: _Doing, ears: selectors.BaseSelector, say: Say) -> None:
    data = os.read(doing.pipe, 1 << 16)
    if not data:
        ears.unregister(doing.pipe)
        os.close(doing.pipe)
        doing.pipe = -1
        return
    *lines, doing.heard = (doing.heard + data).split(b"\n")
    for message in map(json.loads, lines):
        if "say" in message:
            say(doing.batch.jobs[doing.place].about, message["say"])
        else:
            doing.gave = message


def _finish(warm: Drive, ears: selectors.BaseSelector, number: int, ready: deque[tuple[_Batch, int]], say: Say) -> None:
    """Take a job's result, and let its course go on if that was the last it waited for."""
    doing = warm.doing.pop(number)
    say(doing.batch.jobs[doing.place].about, None)
    if doing.pipe >= 0:
        ears.unregister(doing.pipe)
        os.close(doing.pipe)
    told = doing.gave or {"wrong": {"kind": "interrupted", "said": _how_it_ended(doing)}}
    doing.batch.results[doing.place] = told["gives"] if "gives" in told else Wrong(**told["wrong"])
    if doing.batch.done:
        _advance(doing.batch.course, doing.batch.results, ready)


def _how_it_ended(doing: _Doing) -> str:
    if doing.late:
        return "it took longer than is allowed, and was ended."
    if doing.ended is None:
        return "the process that all others come from was killed."
    if doing.ended < 0:
        return f"its process was killed ({signal.Signals(-doing.ended).name})."
    return f"its process ended by itself ({doing.ended})."
