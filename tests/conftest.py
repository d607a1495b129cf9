"""What several tests share: the corner shop taken in once, and run once; a project of one's own."""

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from warm_fork_server import forking_process

from crmnb.cli import main
from crmnb.core.checksum import read_json, write_json
from crmnb.core.lock import locked
from crmnb.core.paths import handbook_folder
from crmnb.core.period import Period
from crmnb.evaluate import availability as evaluate_availability
from crmnb.evaluate import store
from crmnb.evaluate.evaluation import evaluate
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import families
from crmnb.report.view import ResultView
from crmnb.run import fork_client
from crmnb.run.handbook import mark_current
from crmnb.schema.client import Client, load_client
from crmnb.workbook import Workbook, open_on

PROJECT = Path(__file__).parents[1]
# The files that take longest, in the order in which they are begun: one that is begun last has a worker of its own at the end,
# while the others have nothing to do. Those that ask for `made` follow the longest, as one worker is likely to have them all.
FIRST = (
    *(
        "test_faults",
        "test_reports_in_browser",
        "test_contributing",
        "test_run",
        "test_data_check",
        "test_reproducible",
    ),
    *("test_benchmarks", "test_run_all", "test_secrets", "test_bg_nbd", "test_financial_estimates", "test_healing"),
    *("test_every_metric", "test_simulated_client", "test_demo", "test_fork_server", "test_every_chart"),
    *("test_coverage", "test_campaign", "test_benchmark_money", "test_charts"),
)


_FEW_FAMILIES = ("feedback", "retention", "sales", "satisfaction")

# Modules and results fill a worker's memory, and are not garbage: it is looked for less often.
gc.set_threshold(100_000, 20, 20)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than there are cores, as tests of runs wait for processes much of their time; at most four."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; the order within a file stays."""
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


def project(folder: Path) -> Path:
    """A project of its own, with the corner shop."""
    for name in ("notebooks", "parameters"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("demo"))  # its files are made
    mark_current(folder)  # runs leave the handbook as it is, which takes as long as a small client's report
    return folder


def shortened(folder: Path, tables: tuple[str, ...] = ("customers", "survey_responses")) -> Path:
    """A project for tests of running, which hold whatever is computed: few families and tables, and no cell after a notebook's scorecard.

    Without orders most metrics are unavailable, which makes a run cheap; satisfaction has figures.
    """
    for path in (folder / "notebooks").glob("*.ipynb"):
        if path.stem not in _FEW_FAMILIES:
            path.unlink()
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        last = [cell["id"] for cell in notebook["cells"]].index("scorecard")
        path.write_text(json.dumps(notebook | {"cells": notebook["cells"][: last + 1]}), encoding="utf-8")
    path = folder / "parameters" / "corner_shop.yml"
    parameters = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters["tables"] = {name: parameters["tables"][name] for name in tables}
    parameters["sources"] = {
        name: parameters["sources"][name] for name in {t["source"]: 0 for t in parameters["tables"].values()}
    }
    if "orders" not in tables:
        del parameters["churn"]  # which is told by orders
    if "employee_responses" not in tables:
        del parameters["employees"], parameters["segments"]["team"]
        mapped = {column for table in parameters["tables"].values() for column in table["columns"]}
        parameters["items"] = {name: item for name, item in parameters["items"].items() if name in mapped}
    if "experiment_units" not in tables:
        parameters.pop("experiments", None)
    if "brand_survey" not in tables:
        parameters.pop("market", None)
    expected = parameters["data_quality"]
    parameters["data_quality"] = {
        option: {name: of for name, of in expected[option].items() if name in tables} for option in expected
    }
    path.write_text(yaml.safe_dump(parameters, sort_keys=False), encoding="utf-8")
    return folder


def crmnb(folder: Path, *arguments: str) -> int:
    """The command's exit code, called in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return main(list(arguments))
    finally:
        os.chdir(before)


def shared_folder(tmp_path_factory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that the first worker which asks for it builds, and that all workers read; no test may change it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, complete = base / name, base / f"{name}.complete"
    with locked(base / f"{name}.lock"):
        if not complete.exists():
            build(folder)
            complete.touch()
    return folder


def _report(folder: Path) -> None:
    project(folder)
    shutil.rmtree(handbook_folder(folder))  # of this one project the run writes it
    assert crmnb(folder, "run", "corner_shop", "--period", "2025") == 0


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """The corner shop's project after a run of 2025, with the handbook."""
    return shared_folder(tmp_path_factory, "made", _report)


@pytest.fixture(scope="session")
def start_forked_server():
    """Starts a fork server whose modules are imported already; None where processes are not forked."""
    if not sys.platform.startswith("linux"):
        yield None
        return
    with forking_process() as start:
        yield start


@pytest.fixture(scope="module")
def warm_fork_server(start_forked_server):
    """The runs of a module's tests are spared the imports of their fork servers (`support/warm_fork_server.py`)."""
    with pytest.MonkeyPatch.context() as patch:
        if start_forked_server:
            patch.setattr(fork_client, "_start", start_forked_server)
        yield


@pytest.fixture(scope="session")
def required_columns(tmp_path_factory) -> Callable[..., tuple[str, ...]]:
    """The columns that a metric of a client needs, worked out once by all workers for the same declarations, whatever the folder."""
    folder = shared_folder(tmp_path_factory, "required_columns", Path.mkdir)
    compute = evaluate_availability.required_columns

    def remembered(metric, client, con):
        declared = metric.id + client.model_dump_json(exclude={"id", "name", "folder"})
        path = folder / f"{sha256(declared.encode()).hexdigest()}.json"
        if not path.exists():
            write_json(path, {"columns": compute(metric, client, con)})
        return tuple(read_json(path)["columns"])

    return remembered


@pytest.fixture(scope="module")
def columns_known(required_columns):
    """Several checks of a module's tests work out once what metrics need, which is most of the CPU time of a check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate_availability, "required_columns", required_columns)
        yield


@pytest.fixture(scope="session")
def corner_shop_intake(tmp_path_factory):
    """The corner shop's client and its canonical tables."""
    client = load_client("corner_shop", PROJECT / "parameters")
    return client, import_data(client, tmp_path_factory.mktemp("corner_shop"))


@pytest.fixture(scope="session")
def online_retail_ii(tmp_path_factory) -> tuple[Client, Intake]:
    """The client of the real file beside the checkout, and its canonical tables, which one worker imports."""
    client = load_client("online_retail_ii", PROJECT / "parameters")
    folder = shared_folder(tmp_path_factory, "online_retail_ii", lambda folder: import_data(client, folder))
    return client, import_data(client, folder)  # unchanged since


@pytest.fixture(scope="session")
def corner_shop_in(corner_shop_intake, tmp_path_factory) -> Callable[[str], Workbook]:
    """Gives the corner shop's workbook of a period, the same each time; one worker evaluates it, all others restore its results."""
    client, imported = corner_shop_intake

    @cache
    def book(label: str) -> Workbook:
        workbook = open_on(client, Period.parse(label), imported)

        def evaluated(folder: Path) -> None:
            folder.mkdir()
            evaluation = evaluate(families(), workbook.tables, workbook.period)
            assert evaluation.failures == {}
            store.save(evaluation, folder, label, client, workbook.period, workbook.tables.con)

        folder = shared_folder(tmp_path_factory, f"corner_shop-{label}", evaluated)
        results = {name: store.restore(folder, name, client, workbook.period) for name in families()}
        views = {name: {id_: ResultView.of(result) for id_, result in of.items()} for name, of in results.items()}
        return replace(workbook, _families=views)

    return book


@pytest.fixture(scope="session")
def corner_shop(corner_shop_in) -> Workbook:
    """The corner shop's workbook of 2025."""
    return corner_shop_in("2025")
