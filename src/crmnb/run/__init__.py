"""Run: notebooks + clients + period give executed notebooks, pages, results and manifests, each report published whole or not at all."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from crmnb.run.environment import hide, machine_memory, now, remove, runtime_folder
from crmnb.run.fork_client import share, warmed
from crmnb.run.pipeline import Outcome, Wanted, as_json, course
from crmnb.run.progress import Say
from crmnb.run.scheduler import drive

__all__ = ["Outcome", "Wanted", "as_json", "run"]


def run(project: Path, clients: list[str], wanted: Wanted, say: Say = lambda about, text: None) -> list[Outcome]:
    """Make and publish the reports of clients; what came of each, in their order.

    project: the folder that holds parameters/, notebooks/ and outputs/. say: told what a step is about, and what is to
    be said of it (None at its end). One client's failure touches no other's report. At the end no process and no file of the run is left,
    and the index over all clients is made anew.
    """
    hide()
    now()  # refuses a time that is none before anything is done
    outcomes = [Outcome(client) for client in clients]
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = replace(wanted, memory=wanted.memory or machine_memory() // workers)
    runtime = runtime_folder()
    try:
        with warmed(runtime) as warm:
            threads = max(workers // max(len(outcomes), 1), 1)
            courses = (
                course(project, one, wanted, lambda *held: share(warm, *held), runtime, threads) for one in outcomes
            )
            drive(courses, warm, workers, wanted.seconds, say)
    finally:
        remove(runtime)
        if not wanted.only_look:
            _portfolio(project / "outputs")
    return outcomes


def _portfolio(outputs: Path) -> None:
    """Make the index over all clients anew; where it cannot be written, the one that was there stays."""
    from crmnb.report.pages.portfolio import portfolio

    with suppress(OSError):
        portfolio(outputs, now())
