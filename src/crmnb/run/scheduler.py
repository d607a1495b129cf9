"""Driving the courses of many clients at once: jobs are forked from the warm process, as many at a time as there are workers."""

import json
import os
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmnb.run import protocol
from crmnb.run.environment import minimal
from crmnb.run.fork_client import Warm, restart, stop
from crmnb.run.pipeline import Course, Job, Wrong
from crmnb.run.process_cleanup import MARK
from crmnb.run.progress import Say

_GRACE = 60.0  # seconds beyond a cell's limit that a job has to stop by itself
_DEAF = 10.0  # seconds that the warm process has to end a job
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

    @property
    def job(self) -> Job:
        return self.batch.jobs[self.place]


@dataclass
class _Work:
    """What is under way, and what is ready to be begun."""

    warm: Warm
    limit: float
    say: Say
    ears: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    ready: deque[tuple[_Batch, int]] = field(default_factory=deque)
    doing: dict[int, _Doing] = field(default_factory=dict)

    def deadline(self) -> float:
        """When a job of which something was heard just now is to be heard of again."""
        return time.monotonic() + self.limit + _GRACE


def drive(courses: Iterator[Course], warm: Warm | None, workers: int, limit: float, say: Say) -> None:
    """Go through the courses: those that come first have precedence, and the next is begun when a worker is free.

    limit: seconds that a cell may take; a job of which nothing was heard for much longer is ended.
    """
    if warm is None:
        for one in courses:
            _alone(one, say)
        return
    work = _Work(warm, limit, say)
    work.ears.register(warm.socket, selectors.EVENT_READ)
    left = True
    try:
        while left or work.ready or work.doing:
            while len(work.doing) < workers and (work.ready or left):
                if work.ready:
                    _begin(work, *work.ready.popleft())
                elif (one := next(courses, None)) is not None:
                    _advance(work, one, None)
                else:
                    left = False
            if work.doing:
                _go_on(work)
    finally:
        if work.doing:  # stopped: nothing may be at work in a place that is cleaned up, or unlocked
            stop(warm)
        for batch in [*(doing.batch for doing in work.doing.values()), *(batch for batch, _ in work.ready)]:
            batch.course.close()
        work.ears.close()


def _go_on(work: _Work) -> None:
    """Wait for news, and see to the jobs that have ended; all have where the warm process is gone."""
    ended = _hear(work)
    if ended is None:
        work.ears.unregister(work.warm.socket)
        restart(work.warm)
        if not work.warm.broken:
            work.ears.register(work.warm.socket, selectors.EVENT_READ)
    for number in list(work.doing) if ended is None else ended:
        _finish(work, number)


def _advance(work: _Work, one: Course, results: list[Any] | None) -> None:
    """Let a course go on with what its jobs gave; the jobs that it then wants go before those of later clients."""
    try:
        jobs = next(one) if results is None else one.send(results)
    except StopIteration:
        return
    batch = _Batch(one, jobs, [None] * len(jobs))
    work.ready.extendleft((batch, place) for place in reversed(range(len(jobs))))


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


def _begin(work: _Work, batch: _Batch, place: int) -> None:
    job, warm = batch.jobs[place], work.warm
    work.say(job.about, "")
    warm.numbers += 1
    hear, tell = os.pipe()
    doing = work.doing[warm.numbers] = _Doing(batch, place, hear, work.deadline())
    work.ears.register(hear, selectors.EVENT_READ, warm.numbers)
    request = {
        "id": warm.numbers,
        "do": job.name,
        "arguments": job.arguments,
        "environment": minimal(os.environ) | {MARK: warm.mark},
        "folder": job.arguments["project"],
        "memory": job.arguments.get("memory", 0),
    }
    files = [_open_log(job.log), tell, *([_in_memory(dict(os.environ))] if job.name == _NEEDS_SECRETS else [])]
    try:
        if warm.broken:
            doing.ended, doing.gave = 0, _here(job, work.say, warm.broken)
        else:
            protocol.send(warm.socket, request, files)
    except OSError:
        doing.until = 0.0  # it is gone, or will never hear of it
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


def _hear(work: _Work) -> list[int] | None:
    """Wait for news; the numbers of the jobs that have come to an end, None where the warm process has, or does not act."""
    now = time.monotonic()
    for number, doing in work.doing.items():
        if doing.ended is None and now > doing.until + _DEAF * doing.late:
            if doing.late or not doing.until:
                return None
            doing.late = True
            with suppress(OSError):
                protocol.send(work.warm.socket, {"kill": number})
    soonest = min(doing.until for doing in work.doing.values()) - now
    for key, _ in work.ears.select(max(min(soonest, 5.0), 0.05)):
        if key.data is None:
            if not _hear_warm(work):
                return None
        else:
            _hear_job(work, work.doing[key.data])
    return [n for n, doing in work.doing.items() if doing.ended is not None and doing.pipe < 0]


def _hear_warm(work: _Work) -> bool:
    message, _ = protocol.receive(work.warm.socket)
    if message is None:
        return False
    number = message["id"]
    if "pid" in message:
        work.warm.forked[number] = message["pid"]
    elif "ended" in message:
        work.warm.forked.pop(number, None)
        if doing := work.doing.get(number):
            doing.ended = message["ended"]
    elif doing := work.doing.get(number):
        doing.ended, doing.gave = 0, _here(doing.job, work.say, message["refused"])
    return True


def _here(job: Job, say: Say, why: str) -> dict[str, Any]:
    """Do a job in this process, and say in its log why."""
    from crmnb.run.jobs import attempt

    with suppress(OSError), job.log.open("a", encoding="utf-8") as log:  # a full disk
        print(f"{job.about}: done in the run's own process, not in a forked one: {why}", file=log)
    return attempt(job.name, job.arguments, lambda text: say(job.about, text))


def _hear_job(work: _Work, doing: _Doing) -> None:
    data = os.read(doing.pipe, 1 << 16)
    doing.until = work.deadline()
    if not data:
        work.ears.unregister(doing.pipe)
        os.close(doing.pipe)
        doing.pipe = -1
        return
    *lines, doing.heard = (doing.heard + data).split(b"\n")
    for message in map(json.loads, lines):
        if "say" in message:
            work.say(doing.job.about, message["say"])
        else:
            doing.gave = message


def _finish(work: _Work, number: int) -> None:
    """Take a job's result, and let its course go on if that was the last it waited for."""
    doing = work.doing.pop(number)
    if doing.pipe >= 0:
        work.ears.unregister(doing.pipe)
        os.close(doing.pipe)
    told = doing.gave
    if told is None and doing.ended is None and work.warm.broken:
        told = _here(doing.job, work.say, work.warm.broken)
    work.say(doing.job.about, None)
    told = told or {"wrong": {"kind": "interrupted", "said": _how_it_ended(doing)}}
    doing.batch.results[doing.place] = told["gives"] if "gives" in told else Wrong(**told["wrong"])
    if doing.batch.done:
        _advance(work, doing.batch.course, doing.batch.results)


def _how_it_ended(doing: _Doing) -> str:
    if doing.late:
        return "it took longer than is allowed, and was ended."
    if doing.ended is None:
        return "the process that all others come from was killed."
    if doing.ended < 0:
        return f"its process was killed ({signal.Signals(-doing.ended).name})."
    return f"its process ended by itself ({doing.ended})."
