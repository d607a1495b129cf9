"""A run, from the files to the published report, with real kernels."""

import json
import shutil
import stat
from pathlib import Path

import duckdb
import nbformat
import pandas as pd
import pytest

from conftest import crmnb, project, shortened
from crmnb.core.checksum import read_json
from crmnb.core.errors import InputError
from crmnb.metrics.definition import catalogue, families
from crmnb.run.environment import current_time, jupyter_environment, new_runtime_folder, remove_folder
from crmnb.run.jobs import Interruption
from crmnb.run.notebook import execute_notebook

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("warm_fork_server")
SECRET = "sesame-4711"  # noqa: S105 -- planted, to be looked for


@pytest.fixture
def jupyter(monkeypatch):
    """The environment of the kernels of a job: a folder for sockets, and our kernelspec."""
    folder = new_runtime_folder()
    folder.mkdir(mode=0o700)
    for name, value in jupyter_environment(folder).items():
        monkeypatch.setenv(name, value)
    yield
    remove_folder(folder)


@pytest.fixture(scope="module")
def report(made) -> Path:
    return made / "outputs" / "corner_shop" / "2025"


def test_publishes_one_folder_with_everything(report):
    """A page of each family but of those without a figure, of which the index says what they would take."""
    with_page = [family for family in families() if family not in ("impact", "relationship")]
    assert sorted(path.name for path in report.iterdir()) == sorted(
        ["index.html", "monitoring.html", "methodology.html", "manifest.json", "results.parquet", "results.xlsx"]
        + [f"methodology-{family}.html" for family in families()]
        + [f"{family}.html" for family in with_page]
    )


def test_results_hold_every_metric_as_in_the_workbook(report, corner_shop):
    published = duckdb.read_parquet(str(report / "results.parquet")).df()
    assert set(published["metric"]) == set(catalogue())
    for family in families():
        computed = corner_shop.results(family)
        mine = published[published["family"] == family].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, computed, check_dtype=False, check_exact=True)


def test_a_run_keeps_what_it_published_and_its_alerts(made):
    """The corner shop retained 5 of 8 customers in 2025, and declares no rules for alerts."""
    run = made / "outputs" / "corner_shop" / ".private" / "runs" / "2025"
    history = read_json(run / "published.json")
    rows = [dict(zip(history["columns"], row, strict=True)) for row in history["figures"]]
    (retention,) = (row for row in rows if row["metric"] == "retention_rate" and row["label"] == "2025")
    assert (retention["value"], retention["report"]) == (62.5, "2025")
    assert {row["label"][:4] for row in rows} == {"2025"}
    alerts = read_json(run / "alerts.json")
    assert (alerts["client"], alerts["period"], alerts["alerts"]) == ("corner_shop", "2025", [])


def test_unknown_figures_are_null_and_not_nan(report):
    held = duckdb.read_parquet(str(report / "results.parquet"))
    assert held.filter("isnan(value) or isnan(low) or isnan(change)").aggregate("count(*)").fetchall() == [(0,)]


def test_the_manifest_describes_the_inputs(report):
    manifest = json.loads((report / "manifest.json").read_text())
    assert manifest["client"] == "corner_shop"
    assert manifest["parameters"] == {"client": "corner_shop", "period": "2025"}
    assert {entry["table"] for entry in manifest["data"]["tables"]} >= {"orders", "customers", "survey_responses"}
    for entry in manifest["data"]["tables"]:
        assert entry["read"] == entry["accepted"] + entry["quarantined"]
    assert manifest["versions"]["duckdb"] == duckdb.__version__
    assert set(manifest["families"]) == set(families())


def test_nothing_private_or_of_this_machine_is_published(report, made):
    names = pd.read_csv(made / "parameters" / "corner_shop" / "customers.csv", dtype=str)["Name"]
    for path in report.iterdir():
        content = path.read_bytes()
        assert str(made).encode() not in content, path
        assert str(Path.home()).encode() + b"/" not in content, path
        for name in names.dropna():
            assert name.encode() not in content, (path, name)


def test_the_private_place_is_its_owners_alone(made):
    private = made / "outputs" / "corner_shop" / ".private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not (private / ".run").exists()
    for family in families():
        notebook = nbformat.read(private / "runs" / "2025" / family / "notebook.ipynb", as_version=4)
        assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


def test_every_output_of_every_cell_is_there(made):
    for family in families():
        path = made / "outputs/corner_shop/.private/runs/2025" / family / "notebook.ipynb"
        notebook = nbformat.read(path, as_version=4)
        showing = [c for c in notebook.cells if c.cell_type == "code" and " = " not in c.source.splitlines()[-1]]
        for cell in showing:
            assert cell.outputs, cell.id
            assert not any(output.output_type == "error" for output in cell.outputs), cell.id
            assert not any(output.get("name") == "stderr" for output in cell.outputs), cell.id


def test_a_run_of_one_family_replaces_the_whole_report(made, tmp_path):
    folder = shutil.copytree(made, tmp_path / "made")  # what was made is other tests' too
    report = folder / "outputs" / "corner_shop" / "2025"
    before = (report / "results.parquet").read_bytes()
    index = (report / "index.html").stat().st_ino
    assert crmnb(folder, "run", "corner_shop", "--period", "2025", "--family", "satisfaction") == 0
    assert (report / "index.html").stat().st_ino != index
    assert not (report / "retention.html").exists()
    assert len((report / "results.parquet").read_bytes()) < len(before)


def test_a_failed_family_is_reported_and_the_others_go_on(tmp_path, capsys):
    folder = shortened(project(tmp_path))
    path = folder / "notebooks" / "retention.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(3, nbformat.v4.new_code_cell(f"raise ValueError('{SECRET}')", id="breaks"))
    nbformat.write(notebook, path)
    two = ("--family", "retention", "--family", "satisfaction")
    assert crmnb(folder, "run", "corner_shop", "--period", "2025", *two) == 1
    out = capsys.readouterr()
    report = folder / "outputs" / "corner_shop" / "2025"
    assert "breaks" in out.err
    assert "Traceback" not in out.err
    assert (report / "satisfaction.html").exists()
    assert not (report / "retention.html").exists()
    assert "breaks" in (report / "index.html").read_text()
    for published in report.iterdir():
        assert SECRET.encode() not in published.read_bytes(), published
    assert SECRET not in out.err + out.out
    executed = folder / "outputs/corner_shop/.private/runs/2025/retention/notebook.ipynb"
    assert SECRET in executed.read_text()
    assert json.loads((report / "manifest.json").read_text())["families"]["retention"]["failure"]


def test_a_notebook_without_its_scorecard_has_its_results_all_the_same(tmp_path):
    folder = shortened(project(tmp_path))
    path = folder / "notebooks" / "satisfaction.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "scorecard" not in cell.source][:4]
    nbformat.write(notebook, path)
    assert crmnb(folder, "run", "corner_shop", "--period", "2025", "--family", "satisfaction") == 0
    results = duckdb.read_parquet(str(folder / "outputs" / "corner_shop" / "2025" / "results.parquet")).df()
    assert {id_ for id_, metric in catalogue().items() if metric.family == "satisfaction"} == set(results["metric"])


@pytest.mark.parametrize("name", ["clientt", "__import__('os').system('true')", "x\nprint(1)"])
def test_a_parameter_that_is_not_declared_is_refused_and_never_executed(tmp_path, name):
    with pytest.raises(InputError, match="not one of its parameters"):
        execute_notebook(
            PROJECT / "notebooks" / "retention.ipynb", tmp_path / "out.ipynb", {name: "x"}, tmp_path, 60, print
        )
    assert not (tmp_path / "out.ipynb").exists()


def test_a_dead_kernel_is_reported_though_its_cells_look_completed(tmp_path, jupyter):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell('client = "x"', id="parameters", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", id="dies"),
            nbformat.v4.new_code_cell("1", id="never"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, tmp_path / "dies.ipynb")
    with pytest.raises(Interruption, match="died in cell 'dies'"):
        execute_notebook(tmp_path / "dies.ipynb", tmp_path / "out.ipynb", {"client": "y"}, tmp_path, 60, print)
    assert (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "corner_shop", "--period", "25"], "period '25'"),
        (["run", "corner_shop", "--period", "2031"], "choose a period"),
        (["run", "corner_shopp", "--period", "2025"], "corner_shop"),
        (["run", "../../x", "--period", "2025"], "../../x"),
        (["run", "corner_shop", "--period", "2025", "--family", "retentoin"], "Did you mean retention"),
        (["catalogue", "npss"], "Did you mean nps"),
    ],
)
def test_wrong_input_is_reported_in_one_line_without_a_traceback(tmp_path, capsys, arguments, message):
    folder = shortened(project(tmp_path))
    assert crmnb(folder, *arguments) == 2
    out = capsys.readouterr()
    assert message in out.err
    assert "Traceback" not in out.err
    assert out.out == ""


def test_a_report_that_was_there_stays_if_nothing_can_be_made(tmp_path):
    folder = project(tmp_path)
    old = folder / "outputs" / "corner_shop" / "2025"
    old.mkdir(parents=True)
    (old / "index.html").write_text("old")
    (folder / "parameters" / "corner_shop" / "orders.csv").unlink()
    assert crmnb(folder, "run", "corner_shop", "--period", "2025") == 2
    assert (old / "index.html").read_text() == "old"
    assert not (folder / "outputs" / "corner_shop" / ".private" / ".run").exists()


def test_a_fixed_time_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH"):
        current_time()


def test_a_folder_with_braces_and_brackets_in_its_name_is_run_in(tmp_path):
    folder = tmp_path / "a {client} b [1] $HOME %s '"
    folder.mkdir()
    assert crmnb(shortened(project(folder)), "run", "corner_shop", "--period", "2025", "--family", "satisfaction") == 0
