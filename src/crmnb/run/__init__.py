"""Run: notebooks, clients and a period become executed notebooks, pages, results and manifests; each report is published completely or not at all."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from crmnb.run.environment import (
    current_time,
    machine_memory,
    new_runtime_folder,
    protect_process,
    remove_folder,
)
from crmnb.run.fork_client import running_fork_server, share_lock
from crmnb.run.pipeline import SINGLE_JOBS, Outcome, RunOptions, as_json, client_pipeline
from crmnb.run.progress import Progress
from crmnb.run.scheduler import run_pipelines
from crmnb.run.store import family_names

__all__ = ["Outcome", "RunOptions", "as_json", "run"]


def run(project: Path, clients: list[str], options: RunOptions, progress: Progress | None = None) -> list[Outcome]:
    """Make and publish the reports of clients; returns the outcomes in the order of the clients.

    project: the folder with parameters/, notebooks/ and outputs/. progress: receives the progress of the run. The failure of
    one client does not affect the others. At the end no process and no temporary file of the run is left, and the index over
    all clients is rebuilt.
    """
    protect_process()
    current_time()  # rejects an invalid SOURCE_DATE_EPOCH before anything is done
    progress = progress or Progress()
    outcomes = [Outcome(client) for client in clients]
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    options = replace(options, memory_limit=options.memory_limit or machine_memory() // workers)
    progress.expect(len(clients), SINGLE_JOBS + len(options.families or family_names()))
    runtime = new_runtime_folder()
    try:
        with running_fork_server(runtime) as server:
            threads = max(workers // max(len(outcomes), 1), 1)
            pipelines = (
                client_pipeline(
                    project, outcome, options, lambda *shared: share_lock(server, *shared), runtime, threads
                )
                for outcome in outcomes
            )
            run_pipelines(pipelines, server, workers, options.time_limit, progress)
    finally:
        remove_folder(runtime)
        if not options.dry_run:
            _write_portfolio(project / "outputs")
    return outcomes


def _write_portfolio(outputs: Path) -> None:
    """Rebuild the index over all clients; if it cannot be written, the old one stays."""
    from crmnb.report.pages.portfolio import portfolio

    with suppress(OSError):
        portfolio(outputs, current_time())
