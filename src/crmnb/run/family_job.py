"""The job of one family: its notebook executed, its results and its page's cells kept for the report and for reuse."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import nbformat

from crmnb.core.checksum import damaged_files, seal, write_json
from crmnb.core.environment import (
    MEMORY,
    PAGE_KEY,
    PARAMETERS_FOLDER,
    RECORD_FOLDER,
    RESULTS_FOLDER,
    TABLES_FOLDER,
    THREADS,
)
from crmnb.core.folder_swap import replace_folder
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.evaluate import record
from crmnb.report.pages.family import NotOurs, body_of
from crmnb.run.cache_keys import Read, code, family_key, notebook_key
from crmnb.run.environment import for_jupyter
from crmnb.run.jobs import Interrupted, Say
from crmnb.run.notebook import NotebookFailure, execute, first_line
from crmnb.run.store import NOTEBOOK, STAGING, evaluation_of, intake_of, kept_family, parameters_of
from crmnb.schema.client import Client, load_client
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
    kernel). threads: of the kernel's engine. Gives failure (plain words, "" where it ran to its end), remedy (what the
    analyst can do about it), seconds, steps.
    Raises Interrupted, with the notebook kept as far as it came; then there is nothing to reuse.
    """
    began = time.monotonic()
    root, place = Path(project), Path(tables)
    source = root / "notebooks" / f"{family}.ipynb"
    private = private_folder(root, client)
    made = private / STAGING / family
    made.mkdir(parents=True)
    told = {
        RECORD_FOLDER: made,
        PAGE_KEY: secrets.token_hex(),
        PARAMETERS_FOLDER: parameters_of(private),
        RESULTS_FOLDER: evaluation_of(private, period),
        TABLES_FOLDER: place,
        THREADS: threads,
        MEMORY: int(limits["memory"]),
    }
    failure, remedy, steps = "", "", {}
    before = _inputs(root, source)
    try:
        with _environment({name: str(value) for name, value in told.items()} | for_jupyter(Path(runtime))):
            parameters = {"client": client, "period": period}
            steps = execute(source, made / NOTEBOOK, parameters, root, limits["seconds"], say)
        exported = time.monotonic()
        who = load_client(client, parameters_of(private))
        _keep_page(made, who)
        kept = _dependencies(made, source, root, private, who, period, place)
        if _inputs(root, source) == before:  # else it is not known which of the two has run
            write_json(made / "kept.json", kept)
        seal(made, exclude=[NOTEBOOK])  # an analyst may work on it where it lies
        steps["export"] = time.monotonic() - exported
    except NotebookFailure as why:
        if damaged_files(place) or damaged_files(evaluation_of(private, period)):  # no fault of the notebook's
            _put(made, private, period, family)
            raise Interrupted("a file that is kept was damaged while this run was under way; run again.") from None
        failure, remedy = str(why), why.remedy
    except Interrupted:
        _put(made, private, period, family)
        raise
    _put(made, private, period, family)
    return {"failure": failure, "remedy": remedy, "seconds": time.monotonic() - began, "steps": steps}


def _inputs(project: Path, source: Path) -> list[bytes | str]:
    """What may change while a notebook runs, and is read again for its key: notebook and code."""
    return [source.read_bytes() if source.exists() else b"", code.__wrapped__(project)]


def _keep_page(made: Path, client: Client) -> None:
    """Write the page's cells, and the fingerprint of the notebook that they come from."""
    try:
        cells, contents = body_of(nbformat.read(made / NOTEBOOK, as_version=4), client.privacy.expose_customers)
    except NotOurs as shown:
        raise NotebookFailure(str(shown), _remedy(shown)) from None
    write_json(made / "cells.json", {"cells": cells, "contents": contents, "notebook": notebook_key(made / NOTEBOOK)})


def _dependencies(
    made: Path, source: Path, project: Path, private: Path, client: Client, period: str, tables: Path
) -> dict[str, Any]:
    """What the notebook depends on, as `kept.json` holds it: where that is there, the notebook counts as done."""
    taken = intake_of(tables)
    when = Period.parse(period, client.fiscal_year_starts).observe(taken.data_from, taken.cutoff)
    said = json.loads((made / READ).read_text(encoding="utf-8")) if (made / READ).exists() else {}
    read = Read(*(tuple(said.get(field.name, ())) for field in fields(Read)))
    results = evaluation_of(private, when.label)
    digests = record.digests(results, record.key_of(results)) or {}
    key = family_key(source, project, client, when, taken.checksums(), read, digests)
    return {"key": key, **asdict(read)}


def _remedy(shown: NotOurs) -> str:
    """What the analyst is told of a cell that shows what no page may."""
    advice = "tag it `customers`" if shown.of_customers else "tag it `analyst-only`, or take it out"
    where = f"cell {shown.cell.id}, which begins with `{first_line(shown.cell)}`, shows {shown.what}"
    return f"{where}: {advice}, and run again; a page holds what book(...), its charts and book.scorecard(...) show, and no more."


def _put(made: Path, private: Path, period: str, family: str) -> None:
    """Put the folder of a notebook in the place of the one before."""
    if any(made.iterdir()):
        replace_folder(made, kept_family(private, period, family))


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
