"""The job of one family: its notebook executed, its results and its page's cells kept for the report and for reuse."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import nbformat

from crmnb.client import load_client
from crmnb.evaluate import record
from crmnb.kernel import MEMORY, NOTES_TO, PARAMETERS_FROM, RESULTS_FROM, TABLES_FROM, THREADS
from crmnb.page.family import body_of
from crmnb.period import Period
from crmnb.project import private_folder
from crmnb.publish import publish
from crmnb.run.environment import for_jupyter
from crmnb.run.jobs import Interrupted, Say
from crmnb.run.keys import Read, code, family_key
from crmnb.run.notebook import NotebookFailure, execute
from crmnb.run.places import (
    STAGING,
    evaluation_of,
    intake_of,
    kept_family,
    parameters_of,
    read_json,
    write_json,
)
from crmnb.workbook import READ


def run_family(
    project: str,
    client: str,
    period: str,
    family: str,
    tables: str,
    runtime: str,
    limits: dict[str, float],
    threads: int,
    say: Say,
) -> dict[str, Any]:
    """Execute a family's notebook on the evaluated results, and keep it with the cells of its page.

    tables: the canonical ones' folder. runtime: the folder for sockets. limits: seconds (of a cell), memory (bytes of a
    kernel). threads: of the kernel's engine. Gives failure (plain words, "" where it ran to its end), seconds, steps.
    Raises Interrupted, with the notebook kept as far as it came; then there is nothing to reuse.
    """
    began = time.monotonic()
    root, place = Path(project), Path(tables)
    source = root / "notebooks" / f"{family}.ipynb"
    private = private_folder(root, client)
    made = private / STAGING / family
    made.mkdir(parents=True)
    told = {
        NOTES_TO: made,
        PARAMETERS_FROM: parameters_of(private),
        RESULTS_FROM: evaluation_of(private, period),
        TABLES_FROM: place,
        THREADS: threads,
        MEMORY: int(limits["memory"]),
    }
    failure, steps = "", {}
    before = _inputs(root, source)
    try:
        with _environment({name: str(value) for name, value in told.items()} | for_jupyter(Path(runtime))):
            parameters = {"client": client, "period": period}
            steps = execute(source, made / "notebook.ipynb", parameters, root, limits["seconds"], say)
        exported = time.monotonic()
        _keep(made, source, root, private, client, period, place)
        if _inputs(root, source) != before:  # it is not known which of the two has run
            (made / "kept.json").unlink()
        steps["export"] = time.monotonic() - exported
    except NotebookFailure as why:
        failure = str(why)
    except Interrupted:
        _put(made, private, period, family)
        raise
    _put(made, private, period, family)
    return {"failure": failure, "seconds": time.monotonic() - began, "steps": steps}


def _inputs(project: Path, source: Path) -> list[bytes | str]:
    """What may change while a notebook runs, and is read again for its key: notebook and code."""
    return [source.read_bytes() if source.exists() else b"", code.__wrapped__(project)]


def _keep(made: Path, source: Path, project: Path, private: Path, client: str, period: str, tables: Path) -> None:
    """Write the page's cells, and last of all what the notebook depends on: with that it counts as done."""
    who = load_client(client, parameters_of(private))
    cells, contents = body_of(nbformat.read(made / "notebook.ipynb", as_version=4), who.privacy.expose_customers)
    (made / "cells.json").write_text(json.dumps({"cells": cells, "contents": contents}), encoding="utf-8")
    taken = intake_of(tables)
    when = Period.parse(period, who.fiscal_year_starts).observe(taken.data_from, taken.cutoff)
    said = read_json(made / READ)
    read = Read(*(tuple(said.get(field.name, ())) for field in fields(Read)))
    results = evaluation_of(private, when.label)
    digests = record.digests(results, record.key_of(results)) or {}
    key = family_key(source, project, who, when, taken.tables, read, digests)
    write_json(made / "kept.json", {"key": key, **asdict(read)})


def _put(made: Path, private: Path, period: str, family: str) -> None:
    """Put the folder of a notebook in the place of the one before."""
    if any(made.iterdir()):
        publish(made, kept_family(private, period, family))


@contextmanager
def _environment(told: dict[str, str]) -> Iterator[None]:
    """Variables that are set for a while: a job may be done in the process of the run itself."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
