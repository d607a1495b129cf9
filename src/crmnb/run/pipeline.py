"""The course of one client's run: which jobs, in which order, and what came of it."""

import json
import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmnb.core.checksum import write_json
from crmnb.core.errors import InputError
from crmnb.core.paths import private_folder
from crmnb.run.lock import Busy, hold
from crmnb.run.process_cleanup import undisturbed
from crmnb.run.store import log_of, tidy

NAME = r"[a-z][a-z0-9_]*"  # of a client; a path is made of it


@dataclass(frozen=True)
class Wanted:
    """What is asked of a run: the period ("" for each client's own last whole year), families (none: all), and limits.

    seconds: that a cell, or any other step, may take; memory: bytes that a kernel may take. fresh: reuse nothing.
    only_look: say what would be done, and do nothing.
    """

    period: str = ""
    families: tuple[str, ...] = ()
    seconds: float = 1800.0
    memory: int = 0
    fresh: bool = False
    only_look: bool = False


@dataclass(frozen=True)
class Job:
    """One job (see `crmnb.run.jobs`): its name, what it is given, and what it is about, for who watches."""

    name: str
    about: str
    arguments: dict[str, Any]
    log: Path


@dataclass
class Outcome:
    """What came of one client's run.

    outcome: made, unchanged, family failed, refused (the input is wrong), skipped (none of the files is there),
    interrupted (what stopped it says nothing about the input), planned (only looked). said: why, in plain words.
    healed: what was kept and found damaged, and was made anew. notebooks: of each family {"family", "title", "failure", "remedy", "reused", "why", "seconds", "steps", "notebook"}.
    """

    client: str
    period: str = ""
    name: str = ""
    outcome: str = "interrupted"
    said: str = ""
    folder: Path | None = None
    notebooks: list[dict[str, Any]] = field(default_factory=list)
    unavailable: list[dict[str, str]] = field(default_factory=list)
    healed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


class Wrong(Exception):
    """A job did not come to its end: `kind` is an outcome, `str()` says why."""

    def __init__(self, kind: str, said: str):
        super().__init__(said)
        self.kind = kind


# Gives jobs to be done at the same time, and gets what each gave, or Wrong.
Course = Generator[list[Job], list[dict[str, Any] | Wrong], None]


def course(
    project: Path,
    outcome: Outcome,
    wanted: Wanted,
    share: Callable[[str, int | None, list[Path]], None],
    runtime: Path,
    threads: int,
) -> Course:
    """The course of `outcome.client`, into `outcome`.

    share: told the open file of the client's lock (None: it is let go), and the private folder to tidy, so that
    they are seen to if this process dies. threads: that the engine may use, as others share the cores.
    """
    began, at = time.monotonic(), datetime.now(UTC)
    private, ours = None, False
    try:
        private = _private(project, outcome.client, wanted.only_look)
        if wanted.only_look:
            yield from _steps(project, private, outcome, wanted, runtime, threads)
            return
        with hold(private) as lock:
            ours = True
            share(outcome.client, lock, [private])
            tidy(private)
            _record(private, replace(outcome, said="stopped before it was done, or not done yet."), at)
            try:
                yield from _steps(project, private, outcome, wanted, runtime, threads)
            finally:
                with undisturbed():
                    tidy(private)
                    share(outcome.client, None, [])
    except Wrong as wrong:
        outcome.outcome, outcome.said = wrong.kind, str(wrong)
    except Busy as busy:
        outcome.outcome, outcome.said = "interrupted", str(busy)
    except InputError as wrong:
        outcome.outcome, outcome.said = "refused", str(wrong)
    except OSError as no:
        outcome.outcome, outcome.said = "interrupted", f"{no.strerror}: {no.filename}" if no.filename else str(no)
    except (KeyboardInterrupt, GeneratorExit):
        outcome.outcome, outcome.said = "interrupted", "stopped before it was done."
        raise
    finally:
        outcome.seconds = time.monotonic() - began
        if ours:
            _record(private, outcome, at)


def _private(project: Path, client: str, only_look: bool) -> Path:
    """The client's private folder, made unless one only looks; InputError where there is no such client."""
    if not re.fullmatch(NAME, client) or not (project / "parameters" / f"{client}.yml").is_file():
        from crmnb.schema.client import load_client

        load_client(client, project / "parameters")  # says what is wrong, and what there is
    return project / "outputs" / client / ".private" if only_look else private_folder(project, client)


def _steps(
    project: Path, private: Path, outcome: Outcome, wanted: Wanted, runtime: Path, threads: int
) -> Generator[list[Job], list[dict[str, Any] | Wrong], None]:
    given = {"project": str(project), "client": outcome.client}
    log = Path(os.devnull) if wanted.only_look else log_of(private)
    if not wanted.only_look:
        log.write_text("")
        log.chmod(0o600)

    def job(name: str, about: str, **more: Any) -> Job:
        return Job(name, f"{outcome.client} {outcome.period} {about}".replace("  ", " ").strip(), given | more, log)

    look = {"label": wanted.period, "only": list(wanted.families), "fresh": wanted.fresh, "only_look": wanted.only_look}
    look["seconds"] = wanted.seconds
    plan = yield from _one(job("prepare", "data", **look), outcome, "intake")
    outcome.name, outcome.period, outcome.healed = plan["name"], plan["period"], plan["healed"]
    outcome.folder = project / "outputs" / outcome.client / outcome.period if outcome.period else None
    outcome.notebooks = [_entry(name, one, private, outcome.period) for name, one in plan["families"].items()]
    if wanted.only_look:
        outcome.outcome = "planned"
        outcome.said = "nothing changed: the report stays" if plan["unchanged"] else ""
        return
    if plan["unchanged"]:
        outcome.outcome = "unchanged"
        return
    here = {"period": outcome.period, "tables": plan["tables"]}
    limits = {"seconds": wanted.seconds, "memory": wanted.memory}
    if not plan["evaluated"]:
        evaluation = here | {"families": list(plan["families"]), "memory": wanted.memory, "threads": threads}
        plan |= yield from _one(job("evaluate", "evaluation", fresh=wanted.fresh, **evaluation), outcome, "evaluation")
        outcome.notebooks = [_entry(name, one, private, outcome.period) for name, one in plan["families"].items()]
    todo = [notebook for notebook in outcome.notebooks if not notebook["reused"]]
    more = here | {"runtime": str(runtime), "limits": limits, "threads": max(threads // max(len(todo), 1), 1)}
    results = (yield [job("family", one["family"], family=one["family"], **more) for one in todo]) if todo else []
    for notebook, result in zip(todo, results, strict=True):
        if isinstance(result, Wrong):
            notebook["failure"] = str(result)
        else:
            notebook |= result
    if stopped := [result for result in results if isinstance(result, Wrong)]:
        titles = ", ".join(n["title"] for n, r in zip(todo, results, strict=True) if isinstance(r, Wrong))
        raise Wrong(stopped[0].kind, f"{titles}: {stopped[0]}")
    families = {n["family"]: {"title": n["title"], "failure": n["failure"]} for n in outcome.notebooks}
    made = yield from _one(job("report", "report", families=families, **here), outcome, "report")
    outcome.unavailable = made["unavailable"]
    failed = [f"{n['title']}: {n['failure']}" for n in outcome.notebooks if n["failure"]]
    outcome.outcome, outcome.said = ("family failed", " ".join(failed)) if failed else ("made", "")


def _one(job: Job, outcome: Outcome, step: str) -> Generator[list[Job], list[dict[str, Any] | Wrong], dict[str, Any]]:
    began = time.monotonic()
    (result,) = yield [job]
    outcome.steps[step] = time.monotonic() - began
    if isinstance(result, Wrong):
        raise result
    return result


def _entry(family: str, planned: dict[str, Any], private: Path, period: str) -> dict[str, Any]:
    return {
        "family": family,
        "title": planned["title"],
        "failure": "",
        "remedy": "",
        "reused": planned["reuse"],
        "why": planned["why"],
        "seconds": 0.0,
        "steps": {},
        "notebook": str(private / "runs" / period / family / "notebook.ipynb"),
    }


def _record(private: Path, outcome: Outcome, at: datetime) -> None:
    """Leave what came of it where the portfolio finds it; a disk that is full may keep it from that."""
    said = {
        "client": outcome.client,
        "name": outcome.name,
        "period": outcome.period,
        "began_at": at.isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 2),
        "outcome": outcome.outcome,
        "said": outcome.said,
        "healed": outcome.healed,
    }
    with suppress(OSError):
        write_json(private / "run.json", said)


def as_json(outcomes: list[Outcome]) -> str:
    """What automation reads."""
    return json.dumps({"clients": [vars(one) | {"folder": one.folder and str(one.folder)} for one in outcomes]})
