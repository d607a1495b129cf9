"""The pipeline of one client's run: which jobs run, in which order, and the outcome."""

import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmnb.core.checksum import write_json
from crmnb.core.errors import InputError
from crmnb.core.paths import is_client_name, private_folder
from crmnb.run.lock import ClientLocked, client_lock
from crmnb.run.process_cleanup import signals_blocked
from crmnb.run.status import RunStatus
from crmnb.run.store import NOTEBOOK, clean_up, family_folder, log_path

SINGLE_JOBS = 5  # per client, beside one job per family: plan, evaluation, report, handbook, alerts


@dataclass(frozen=True)
class RunOptions:
    """The options of a run.

    period: "" means the last complete year of each client. families: none means all. time_limit: of a cell or any other step,
    in seconds. memory_limit: of a kernel, in bytes. fresh: reuse nothing. dry_run: only report what would run.
    """

    period: str = ""
    families: tuple[str, ...] = ()
    time_limit: float = 1800.0
    memory_limit: int = 0
    fresh: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Job:
    """A job (see `crmnb.run.jobs`): its name, its label for the progress display, its arguments and its log."""

    name: str
    label: str
    arguments: dict[str, Any]
    log: Path


@dataclass
class Outcome:
    """The outcome of one client's run.

    message: the reason for the status, in plain words. rebuilt: stored files that were damaged and have been rebuilt.
    alerts: those of alerts.json (`crmnb.run.alerts_job.run_alerts`).
    notebooks: for each family {"family", "title", "failure", "remedy", "reused", "reason", "seconds", "steps", "notebook"}.
    """

    client: str
    period: str = ""
    name: str = ""
    status: RunStatus = RunStatus.INTERRUPTED
    message: str = ""
    folder: Path | None = None
    notebooks: list[dict[str, Any]] = field(default_factory=list)
    unavailable: list[dict[str, str]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether an alert of severity error was raised."""
        return any(alert["severity"] == "error" and alert["is_raised"] for alert in self.alerts)

    def end(self, status: RunStatus, message: str = "") -> None:
        """Set the status and its reason."""
        self.status, self.message = status, message


class JobError(Exception):
    """A job failed: `status` is the status of its client's run, `str()` is the reason."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = RunStatus(status)


JobResult = dict[str, Any] | JobError
# Yields jobs that may run at the same time, and receives their results.
Pipeline = Generator[list[Job], list[JobResult], None]


def client_pipeline(
    project: Path,
    outcome: Outcome,
    options: RunOptions,
    share_lock: Callable[[str, int | None, list[Path]], None],
    runtime: Path,
    threads: int,
) -> Pipeline:
    """The pipeline for `outcome.client`, which fills `outcome`.

    share_lock: receives the client, the descriptor of its lock (None: released) and the private folder, so that the fork
    server holds the lock and cleans up if this process dies. threads: for the engine, since clients share the cores.
    """
    started, started_at = time.monotonic(), datetime.now(UTC)
    private, has_lock = None, False
    try:
        private = _private_folder(project, outcome.client, options.dry_run)
        if options.dry_run:
            yield from _run_steps(project, private, outcome, options, runtime, threads)
            return
        with client_lock(private) as lock:
            has_lock = True
            share_lock(outcome.client, lock, [private])
            clean_up(private)
            _write_record(private, replace(outcome, message="the run has not ended, or was stopped."), started_at)
            try:
                yield from _run_steps(project, private, outcome, options, runtime, threads)
            finally:
                with signals_blocked():
                    clean_up(private)
                    share_lock(outcome.client, None, [])
    except JobError as error:
        outcome.end(error.status, str(error))
    except ClientLocked as error:
        outcome.end(RunStatus.INTERRUPTED, str(error))
    except InputError as error:
        outcome.end(RunStatus.REFUSED, str(error))
    except OSError as error:
        message = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        outcome.end(RunStatus.INTERRUPTED, message)
    except (KeyboardInterrupt, GeneratorExit):
        outcome.end(RunStatus.INTERRUPTED, "stopped before the end.")
        raise
    finally:
        outcome.seconds = time.monotonic() - started
        if has_lock:
            _write_record(private, outcome, started_at)


def _private_folder(project: Path, client: str, dry_run: bool) -> Path:
    """The client's private folder, created except in a dry run. Raises InputError if there is no such client."""
    if not is_client_name(client) or not (project / "parameters" / f"{client}.yml").is_file():
        from crmnb.schema.client import load_client

        load_client(client, project / "parameters")  # raises the error, which lists the clients
    return project / "outputs" / client / ".private" if dry_run else private_folder(project, client)


def _run_steps(
    project: Path, private: Path, outcome: Outcome, options: RunOptions, runtime: Path, threads: int
) -> Pipeline:
    client = {"project": str(project), "client": outcome.client}
    log = Path(os.devnull) if options.dry_run else log_path(private)
    if not options.dry_run:
        log.write_text("")
        log.chmod(0o600)

    def job(name: str, label: str, /, **arguments: Any) -> Job:
        words = f"{outcome.client} {outcome.period} {label}".replace("  ", " ").strip()
        return Job(name, words, client | arguments, log)

    plan_job = job(
        "plan",
        "data",
        label=options.period,
        only=list(options.families),
        fresh=options.fresh,
        dry_run=options.dry_run,
        time_limit=options.time_limit,
    )
    plan = yield from _run_one(plan_job, outcome, "intake")
    outcome.name, outcome.period, outcome.rebuilt = plan["name"], plan["period"], plan["rebuilt"]
    outcome.folder = project / "outputs" / outcome.client / outcome.period if outcome.period else None
    outcome.notebooks = _notebook_entries(plan, private, outcome.period)
    if options.dry_run:
        outcome.end(RunStatus.PLANNED, "up to date, nothing to run" if plan["unchanged"] else "")
        return
    if not plan[
        "handbook"
    ]:  # reports link to it; but a report is worth more than its links, and the next run tries again
        with suppress(JobError):
            yield from _run_one(job("handbook", "handbook"), outcome, "handbook")
    report = {"period": outcome.period, "tables": plan["tables"]}
    if plan["unchanged"]:
        yield from _check_alerts(outcome, job, report)
        outcome.end(RunStatus.UNCHANGED)
        return
    if not plan["evaluated"]:
        evaluation = {"families": list(plan["families"]), "memory": options.memory_limit, "threads": threads}
        evaluation_job = job("evaluate", "evaluation", fresh=options.fresh, **report, **evaluation)
        plan |= yield from _run_one(evaluation_job, outcome, "evaluation")
        outcome.notebooks = _notebook_entries(plan, private, outcome.period)
    limits = {"seconds": options.time_limit, "memory": options.memory_limit}
    yield from _run_notebooks(outcome, job, report | {"runtime": str(runtime), "limits": limits}, threads)
    families = {n["family"]: {"title": n["title"], "failure": n["failure"]} for n in outcome.notebooks}
    result = yield from _run_one(job("report", "report", families=families, **report), outcome, "report")
    outcome.unavailable = result["unavailable"]
    yield from _check_alerts(outcome, job, report)
    failures = " ".join(f"{n['title']}: {n['failure']}" for n in outcome.notebooks if n["failure"])
    outcome.end(RunStatus.FAMILY_FAILED if failures else RunStatus.MADE, failures)


def _check_alerts(
    outcome: Outcome, job: Callable[..., Job], report: dict[str, Any]
) -> Generator[list[Job], list[JobResult], None]:
    """Every run checks the alerts: data grow old, and cool-downs end, while the report stays as it is."""
    result = yield from _run_one(job("alerts", "alerts", **report), outcome, "alerts")
    outcome.alerts = result["alerts"]


def _run_notebooks(
    outcome: Outcome, job: Callable[..., Job], arguments: dict[str, Any], threads: int
) -> Generator[list[Job], list[JobResult], None]:
    """Run the notebooks that cannot be reused. Raises JobError if one of them was interrupted."""
    pending = [notebook for notebook in outcome.notebooks if not notebook["reused"]]
    if not pending:
        return
    arguments = arguments | {"threads": max(threads // len(pending), 1)}
    results = yield [job("family", n["family"], family=n["family"], **arguments) for n in pending]
    errors = []
    for notebook, result in zip(pending, results, strict=True):
        if isinstance(result, JobError):
            notebook["failure"] = str(result)
            errors.append((notebook["title"], result))
        else:
            notebook |= result
    if errors:
        titles = ", ".join(title for title, _ in errors)
        first = errors[0][1]
        raise JobError(first.status, f"{titles}: {first}")


def _run_one(job: Job, outcome: Outcome, step: str) -> Generator[list[Job], list[JobResult], dict[str, Any]]:
    started = time.monotonic()
    (result,) = yield [job]
    outcome.steps[step] = time.monotonic() - started
    if isinstance(result, JobError):
        raise result
    return result


def _notebook_entries(plan: dict[str, Any], private: Path, period: str) -> list[dict[str, Any]]:
    return [
        {
            "family": family,
            "title": facts["title"],
            "failure": "",
            "remedy": "",
            "reused": facts["reuse"],
            "reason": facts["reason"],
            "seconds": 0.0,
            "steps": {},
            "notebook": str(family_folder(private, period, family) / NOTEBOOK),
        }
        for family, facts in plan["families"].items()
    ]


def _write_record(private: Path, outcome: Outcome, started_at: datetime) -> None:
    """Write run.json, which the index over all clients reads; a full disk may prevent it."""
    record = {
        "client": outcome.client,
        "name": outcome.name,
        "period": outcome.period,
        "began_at": started_at.isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 2),
        "status": str(outcome.status),
        "message": outcome.message,
        "rebuilt": outcome.rebuilt,
    }
    with suppress(OSError):
        write_json(private / "run.json", record)


def as_json(outcomes: list[Outcome]) -> str:
    """The outcomes as JSON, for automation."""
    return json.dumps(
        {"clients": [vars(outcome) | {"folder": outcome.folder and str(outcome.folder)} for outcome in outcomes]}
    )
