"""The scheduler: runs the pipelines of many clients at once, with as many jobs at a time as there are workers."""

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
from crmnb.run.environment import minimal_environment
from crmnb.run.fork_client import ForkServer, restart_server, stop_server
from crmnb.run.pipeline import Job, JobError, JobResult, Pipeline
from crmnb.run.process_cleanup import RUN_ID
from crmnb.run.progress import Progress
from crmnb.run.status import RunStatus

_GRACE = 60.0  # seconds beyond a cell's time limit for a job to stop by itself
_KILL_TIMEOUT = 10.0  # seconds for the fork server to kill a job
_NEEDS_SECRETS = "plan"  # the only job that may query a client's database


@dataclass
class _Batch:
    """The jobs that a pipeline waits for. finished: how many jobs of the pipeline ended before."""

    pipeline: Pipeline
    jobs: list[Job]
    results: list[JobResult | None]
    finished: int

    @property
    def is_complete(self) -> bool:
        return None not in self.results


@dataclass
class _RunningJob:
    """A job in a process of its own. pipe: from the process, -1 after its end. deadline: for its next message."""

    batch: _Batch
    position: int
    pipe: int
    deadline: float
    buffer: bytes = b""
    message: dict[str, Any] | None = None
    exit_code: int | None = None
    timed_out: bool = False

    @property
    def job(self) -> Job:
        return self.batch.jobs[self.position]


@dataclass
class _State:
    """The jobs that run, and those that are ready to start."""

    server: ForkServer
    time_limit: float
    progress: Progress
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    ready: deque[tuple[_Batch, int]] = field(default_factory=deque)
    running: dict[int, _RunningJob] = field(default_factory=dict)

    def next_deadline(self) -> float:
        """The deadline for the next message of a job that has just sent one."""
        return time.monotonic() + self.time_limit + _GRACE


def run_pipelines(
    pipelines: Iterator[Pipeline], server: ForkServer | None, workers: int, time_limit: float, progress: Progress
) -> None:
    """Run the pipelines: jobs of earlier pipelines come first, and the next one starts when a worker is free.

    time_limit: of a cell, in seconds; a job that is silent for much longer is killed.
    """
    if server is None:
        for pipeline in pipelines:
            _run_in_process(pipeline, progress)
        return
    state = _State(server, time_limit, progress)
    state.selector.register(server.socket, selectors.EVENT_READ)
    remaining = True
    try:
        while remaining or state.ready or state.running:
            while len(state.running) < workers and (state.ready or remaining):
                if state.ready:
                    _start_job(state, *state.ready.popleft())
                elif (pipeline := next(pipelines, None)) is not None:
                    _advance(state, pipeline, None, 0)
                else:
                    remaining = False
            if state.running:
                _wait_for_jobs(state)
    finally:
        if state.running:  # stopped: no process may work in a folder that is cleaned up or unlocked
            stop_server(server)
        for batch in [*(running.batch for running in state.running.values()), *(batch for batch, _ in state.ready)]:
            batch.pipeline.close()
        state.selector.close()


def _wait_for_jobs(state: _State) -> None:
    """Wait for messages and finish the jobs that have ended; all have if the fork server has ended."""
    numbers = _receive(state)
    if numbers is None:
        state.selector.unregister(state.server.socket)
        restart_server(state.server)
        if not state.server.failure:
            state.selector.register(state.server.socket, selectors.EVENT_READ)
    for number in list(state.running) if numbers is None else numbers:
        _finish_job(state, number)


def _advance(state: _State, pipeline: Pipeline, results: list[JobResult] | None, finished: int) -> None:
    """Continue a pipeline with the results of its jobs; its next jobs go before those of later clients."""
    try:
        jobs = next(pipeline) if results is None else pipeline.send(results)
    except StopIteration:
        state.progress.finish_client(finished)
        return
    batch = _Batch(pipeline, jobs, [None] * len(jobs), finished)
    state.ready.extendleft((batch, position) for position in reversed(range(len(jobs))))


def _run_in_process(pipeline: Pipeline, progress: Progress) -> None:
    """Run a pipeline without a fork server: its jobs one after another in this process, kernels started as usual."""
    results: list[JobResult] | None = None
    finished = 0
    while True:
        try:
            jobs = next(pipeline) if results is None else pipeline.send(results)
        except StopIteration:
            progress.finish_client(finished)
            return
        results = []
        for job in jobs:
            progress.start_job(job.label)
            message = _run_here(job, progress, f"{sys.platform} cannot fork processes safely")
            progress.finish_job(job.label)
            results.append(_result(message))
        finished += len(jobs)


def _result(message: dict[str, Any]) -> JobResult:
    return message["result"] if "result" in message else JobError(**message["error"])


def _start_job(state: _State, batch: _Batch, position: int) -> None:
    job, server = batch.jobs[position], state.server
    state.progress.start_job(job.label)
    server.job_count += 1
    number = server.job_count
    pipe, job_end = os.pipe()
    running = state.running[number] = _RunningJob(batch, position, pipe, state.next_deadline())
    state.selector.register(pipe, selectors.EVENT_READ, number)
    request = {
        "id": number,
        "job": job.name,
        "arguments": job.arguments,
        "environment": minimal_environment(os.environ) | {RUN_ID: server.run_id},
        "folder": job.arguments["project"],
        "memory": job.arguments.get("memory", 0),
    }
    secrets = [_open_in_memory(dict(os.environ))] if job.name == _NEEDS_SECRETS else []
    files = [_open_log(job.log), job_end, *secrets]
    try:
        if server.failure:
            running.exit_code, running.message = 0, _run_here(job, state.progress, server.failure)
        else:
            protocol.send(server.socket, request, files)
    except OSError:
        running.deadline = 0.0  # the server has ended or will not receive the request
    finally:
        for file in files:
            os.close(file)


def _open_in_memory(secrets: dict[str, str]) -> int:
    """An open file that exists in memory only; the fork server passes it on unread, so that no other process has the secrets."""
    file = os.memfd_create("environment")
    os.write(file, json.dumps(secrets).encode())
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _open_log(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # such as a full disk, which the job itself will report
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _receive(state: _State) -> list[int] | None:
    """Wait for messages; the numbers of the jobs that have ended, None if the fork server has ended or does not react."""
    now = time.monotonic()
    for number, running in state.running.items():
        if running.exit_code is None and now > running.deadline + _KILL_TIMEOUT * running.timed_out:
            if running.timed_out or not running.deadline:
                return None
            running.timed_out = True
            with suppress(OSError):
                protocol.send(state.server.socket, {"kill": number})
    timeout = min(running.deadline for running in state.running.values()) - now
    for key, _ in state.selector.select(max(min(timeout, 5.0), 0.05)):
        if key.data is None:
            if not _receive_from_server(state):
                return None
        else:
            _receive_from_job(state, state.running[key.data])
    return [n for n, running in state.running.items() if running.exit_code is not None and running.pipe < 0]


def _receive_from_server(state: _State) -> bool:
    message, _ = protocol.receive(state.server.socket)
    if message is None:
        return False
    number = message["id"]
    if "pid" in message:
        state.server.forked[number] = message["pid"]
    elif "exit_code" in message:
        state.server.forked.pop(number, None)
        if running := state.running.get(number):
            running.exit_code = message["exit_code"]
    elif running := state.running.get(number):
        running.exit_code, running.message = 0, _run_here(running.job, state.progress, message["error"])
    return True


def _run_here(job: Job, progress: Progress, reason: str) -> dict[str, Any]:
    """Run a job in this process, and write the reason into its log."""
    from crmnb.run.jobs import run_job

    with suppress(OSError), job.log.open("a", encoding="utf-8") as log:  # a full disk
        print(f"{job.label}: ran in the process of the run, not in a forked process: {reason}", file=log)
    return run_job(job.name, job.arguments, lambda step: progress.update_job(job.label, step))


def _receive_from_job(state: _State, running: _RunningJob) -> None:
    data = os.read(running.pipe, 1 << 16)
    running.deadline = state.next_deadline()
    if not data:
        state.selector.unregister(running.pipe)
        os.close(running.pipe)
        running.pipe = -1
        return
    *lines, running.buffer = (running.buffer + data).split(b"\n")
    for message in map(json.loads, lines):
        if "step" in message:
            state.progress.update_job(running.job.label, message["step"])
        else:
            running.message = message


def _finish_job(state: _State, number: int) -> None:
    """Store a job's result, and continue its pipeline if that was the last one it waited for."""
    running = state.running.pop(number)
    if running.pipe >= 0:
        state.selector.unregister(running.pipe)
        os.close(running.pipe)
    message = running.message
    if message is None and running.exit_code is None and state.server.failure:
        message = _run_here(running.job, state.progress, state.server.failure)
    state.progress.finish_job(running.job.label)
    batch = running.batch
    batch.results[running.position] = (
        _result(message) if message else JobError(RunStatus.INTERRUPTED, _reason_for_end(running))
    )
    if batch.is_complete:
        _advance(state, batch.pipeline, batch.results, batch.finished + len(batch.jobs))


def _reason_for_end(running: _RunningJob) -> str:
    if running.timed_out:
        return "it exceeded its time limit and was stopped."
    if running.exit_code is None:
        return "the fork server was killed."
    if running.exit_code < 0:
        return f"its process was killed ({signal.Signals(-running.exit_code).name})."
    return f"its process ended by itself (exit code {running.exit_code})."
