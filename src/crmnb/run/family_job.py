"""The job of one family: executes its notebook and stores the page's cells and the dependencies for reuse."""

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

from crmnb.core import environment as variables
from crmnb.core.checksum import damaged_files, seal, write_json
from crmnb.core.folder_swap import replace_folder
from crmnb.core.paths import private_folder
from crmnb.evaluate import record
from crmnb.report.pages.family import NotOurs, body_of
from crmnb.run.cache_keys import Dependencies, code_hash, family_key, source_hash
from crmnb.run.context import ReportContext, load_context
from crmnb.run.environment import jupyter_environment
from crmnb.run.jobs import Interruption, StepCallback
from crmnb.run.notebook import NotebookFailure, execute_notebook, first_line
from crmnb.run.store import (
    DEPENDENCIES,
    NOTEBOOK,
    PAGE_CELLS,
    STAGING,
    evaluation_folder,
    family_folder,
    parameters_folder,
)
from crmnb.schema.client import Client
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
    on_step: StepCallback,
) -> dict[str, Any]:
    """Execute a family's notebook on the evaluated results, and store it with the cells of its page.

    tables: the folder of the canonical tables. runtime: the folder for sockets. limits: seconds (of a cell), memory (bytes of
    a kernel). threads: of the kernel's engine. Returns failure (in plain words, "" for a complete run), remedy (what the
    analyst can do about it), seconds, steps.
    Raises Interruption after storing the notebook as far as it ran; then nothing can be reused.
    """
    started = time.monotonic()
    root = Path(project)
    source = root / "notebooks" / f"{family}.ipynb"
    private = private_folder(root, client)
    results = evaluation_folder(private, period)
    output, target = private / STAGING / family, family_folder(private, period, family)
    output.mkdir(parents=True)
    settings = {
        variables.RECORD_FOLDER: output,
        variables.PAGE_KEY: secrets.token_hex(),
        variables.PARAMETERS_FOLDER: parameters_folder(private),
        variables.RESULTS_FOLDER: results,
        variables.TABLES_FOLDER: tables,
        variables.THREADS: threads,
        variables.MEMORY: int(limits["memory"]),
    }
    failure, remedy, steps = "", "", {}
    before = _inputs(root, source)
    try:
        with _environment({name: str(value) for name, value in settings.items()} | jupyter_environment(Path(runtime))):
            parameters = {"client": client, "period": period}
            steps = execute_notebook(source, output / NOTEBOOK, parameters, root, limits["seconds"], on_step)
        executed = time.monotonic()
        context = load_context(project, client, period, tables)
        _write_page_cells(output, context.client)
        dependencies = _dependencies(output, source, context)
        if _inputs(root, source) == before:  # otherwise it is unknown which version was executed
            write_json(output / DEPENDENCIES, dependencies)
        seal(output, exclude=[NOTEBOOK])  # an analyst may edit the notebook there
        steps["export"] = time.monotonic() - executed
    except NotebookFailure as error:
        if damaged_files(Path(tables)) or damaged_files(results):  # not the notebook's fault
            _store(output, target)
            raise Interruption("a stored file was damaged during this run; run again.") from None
        failure, remedy = str(error), error.remedy
    except Interruption:
        _store(output, target)
        raise
    _store(output, target)
    return {"failure": failure, "remedy": remedy, "seconds": time.monotonic() - started, "steps": steps}


def _inputs(project: Path, source: Path) -> list[bytes | str]:
    """The inputs that may change while a notebook runs, and that its key depends on: notebook and code."""
    return [source.read_bytes() if source.exists() else b"", code_hash.__wrapped__(project)]


def _write_page_cells(output: Path, client: Client) -> None:
    """Write the cells of the page, with the hash of the notebook that they come from."""
    try:
        notebook = nbformat.read(output / NOTEBOOK, as_version=4)
        cells, contents = body_of(notebook, client.privacy.expose_customers)
    except NotOurs as error:
        raise NotebookFailure(str(error), _remedy(error)) from None
    write_json(output / PAGE_CELLS, {"cells": cells, "contents": contents, "notebook": source_hash(output / NOTEBOOK)})


def _dependencies(output: Path, source: Path, context: ReportContext) -> dict[str, Any]:
    """The content of the dependencies file; a notebook counts as complete once that file is stored."""
    reads = json.loads((output / READ).read_text(encoding="utf-8")) if (output / READ).exists() else {}
    dependencies = Dependencies(*(tuple(reads.get(field.name, ())) for field in fields(Dependencies)))
    digests = record.digests(context.evaluation, record.key_of(context.evaluation)) or {}
    checksums = context.intake.checksums()
    key = family_key(source, context.project, context.client, context.period, checksums, dependencies, digests)
    return {"key": key, **asdict(dependencies)}


def _remedy(error: NotOurs) -> str:
    """What the analyst can do about a cell whose output no page may show."""
    advice = "Tag it `customers`" if error.of_customers else "Tag it `analyst-only` or remove it"
    where = f"Cell {error.cell.id}, which begins with `{first_line(error.cell)}`, shows {error.what}."
    return f"{where} {advice}, then run again. A page shows only book(...), its charts and book.scorecard(...)."


def _store(output: Path, target: Path) -> None:
    """Replace the stored folder of the family."""
    if any(output.iterdir()):
        replace_folder(output, target)


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables temporarily: a job may run in the process of the run itself."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
