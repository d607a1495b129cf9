"""The benchmarks run, tiny, and end with a line of JSON that names its aims; how fast they are is not a test's business."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from campaign_checks import Tally

from benchmarks.robustness import campaign, init
from benchmarks.speed import contest, metrics, runner, runner_ways
from benchmarks.speed.metrics import KEYS, differences, report
from benchmarks.speed.runner_ways import displays, run_cells
from crmnb.metrics.definition import families

PROJECT = Path(__file__).parents[2]


def test_it_ends_with_one_line_of_json_that_says_which_aims_are_met(monkeypatch, capfd):
    monkeypatch.chdir(PROJECT)
    assert list(contest.there_and_back("ABC")) == [*"ABCCBA"]
    monkeypatch.setattr(contest, "there_and_back", contest.in_turn)  # once each: a second run gives the same figures
    assert metrics.main(["--rows", "20000"]) == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert told["benchmark"] == "metrics"
    assert told["answers_equal"] is True
    assert told["aims"]
    assert all(isinstance(aim["aim"], str) and isinstance(aim["met"], bool) for aim in told["aims"])


def test_the_campaign_ends_with_one_line_of_json_that_says_what_it_went_through():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.robustness.campaign", "--tables", "4"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["benchmark"] == "campaign"
    assert told["tables"] >= 4
    assert told["failures"] == []
    assert {"rows", "quarantined", "refusals", "compared"} <= set(told)


_ORDERS = "order,customer,created,total,status,refunded\n1,a,2025-01-05 10:00,100.00,complete,{}\n2,b,2025-02-05 10:00,50.00,complete,0.00\n"


def test_the_benchmark_of_init_compares_mappings_and_figures(tmp_path, capsys):
    folder = tmp_path / "paid_but_refunded"
    folder.mkdir()
    (folder / "orders.csv").write_text(_ORDERS.format("100.00"))
    only = ["--exports", str(tmp_path), "--only", "paid_but_refunded"]
    assert init.main(only) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["benchmark"] == "init"
    assert (told["shapes"], told["right_with_two_answers"]) == (1, 1)
    assert told["columns"] == {"right": 6, "wrong": 0, "asked": 0}
    (folder / "orders.csv").write_text(
        _ORDERS.format("0.00")
    )  # nothing is refunded, so the figure is not that of the README
    assert init.main(only) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["silent_wrong_figures"] == [
        "paid_but_refunded: average_order_value",
        "paid_but_refunded: revenue_per_customer",
    ]


def test_the_benchmark_of_init_counts_a_wrong_column(tmp_path):
    folder = tmp_path / "paid_but_refunded"
    folder.mkdir()
    (folder / "orders.csv").write_text(_ORDERS.format("100.00"))
    (shape,) = [shape for shape in init.SHAPES if shape.folder == folder.name]
    other = replace(shape, columns={"orders": {"order_id": "order", "amount": "refunded"}}, figures={})
    outcome = init.run(other, tmp_path)
    assert (outcome.right, outcome.wrong) == (1, ["orders.amount: 'total' instead of 'refunded'"])


def test_a_campaign_that_fails_exits_with_1_and_shows_the_case(capsys):
    assert campaign.report(Tally(tables=3), ["seed 7: a row was lost"]) == 1
    shown, last = capsys.readouterr().out.splitlines()
    assert shown == "seed 7: a row was lost"
    assert json.loads(last)["failures"] == [shown]


def figures(**changes) -> pd.DataFrame:
    row = dict.fromkeys(KEYS, "") | {"value": 60.0, "low": 23.0, "high": 88.0, "n": 5.0, "previous": float("nan")}
    return pd.DataFrame([row | changes])


def test_equal_figures_do_not_differ_and_what_cannot_be_had_is_not_compared():
    ours = pd.concat([figures(), figures(metric="csat", value=float("nan"))])
    assert differences(ours, figures()).empty


@pytest.mark.parametrize("name", ["value", "low", "high", "n", "previous"])
def test_a_figure_that_is_off_by_a_millionth_differs(name):
    ours = figures(previous=50.0)
    assert len(differences(ours, ours.assign(**{name: ours[name] * (1 + 1e-6)}))) == 1


def test_a_figure_that_only_one_has_differs():
    assert len(differences(figures(), figures(level="North"))) == 2


def test_an_aim_is_met_by_its_ratio_and_medians_are_not_means():
    def run(seconds, gigabytes):
        return {"seconds": seconds, "cpu_seconds": seconds, "peak_gb": gigabytes}

    runs = {
        "ours": [run(4.0, 1.0), run(5.0, 1.0), run(60.0, 1.0)],
        "pandas": [run(10.0, 1.9)] * 3,
        "sql": [run(4.0, 1.0)] * 3,
    }
    told = report(1, 1, True, runs)
    assert told["ours"]["seconds"] == 5.0
    assert [(aim["ratio"], aim["met"]) for aim in told["aims"]] == [(0.5, True), (0.53, False), (1.25, True)]


def run_by(program: str, *arguments: str) -> subprocess.CompletedProcess:
    """A program run in a process of its own: what it starts, or waits for, is not the tests'."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)  # noqa: S603


linux = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark `runner` asks Linux's /proc")

# A child that leaves behind a process of its own, which does what the last line says.
_ORPHAN = """
import os, sys, time
from benchmarks.speed import runner_ways
runner_ways._PATIENCE = 5
def work():
    if not os.fork():
        if not os.fork():
            {}
        os._exit(0)
    os.wait()
print(runner_ways.spent(work)["cpu_seconds"])
"""


@linux
def test_the_time_of_a_process_that_its_parent_left_behind_is_counted():
    done = run_by(_ORPHAN.format("while time.process_time() < 0.5: pass"))
    assert float(done.stdout) >= 0.5, done.stderr


@linux
def test_a_way_that_leaves_a_process_behind_fails():
    done = run_by(_ORPHAN.replace("= 5", "= 0.1").format("time.sleep(0.5)"))
    assert done.returncode == 1
    assert "left behind" in done.stderr


_HOLDS = """
import socket, sys, time
memory = bytearray(b"x") * 60_000_000
while time.process_time() < 0.5:
    pass
if sys.argv[1:]:
    kernel = socket.socket(socket.AF_UNIX)
    kernel.bind(sys.argv[1])
time.sleep(0.4)
"""


@linux
@pytest.mark.parametrize("role", ["run", "kernel"])
def test_memory_and_time_are_seen_and_a_kernel_is_known_by_its_socket(role, tmp_path):
    given = [str(tmp_path / "place-1")] if role == "kernel" else []
    seen = runner.watched([sys.executable, "-c", _HOLDS, *given])
    assert list(seen["private_mb"]) == [role]
    assert 60 <= seen["private_mb"][role] < 90
    assert seen["cpu_seconds"][role] >= 0.4  # what is seen is told in hundredths
    assert (seen["set_up_seconds"] is not None) == (role == "kernel")


def test_the_script_displays_what_the_notebook_displays(made, monkeypatch):
    monkeypatch.chdir(made)
    kept = made / "outputs/corner_shop/.private/runs/2025/satisfaction/notebook.ipynb"
    assert run_cells(("corner_shop", "satisfaction")) == displays(kept)


def took(seconds, cpu_seconds, **more) -> dict:
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, **more}


STEPS = [{"steps": {"intake": i}, "notebooks": [{"steps": {"cells": i, "export": 1.0}}] * 2} for i in (1.0, 2.0)]
RUNS = {
    "first": [took(30, 30)],
    "commands": [took(60, 66), took(66, 66)],
    "script": [took(6, 6)],
    "ours": [
        took(8, 14, one=took(4, 6), again=[took(1, 1), took(9, 1)], said={"clients": STEPS}),
        took(8, 14, one=took(4, 6), again=[took(1, 1)], said={"clients": STEPS}),
    ],
}


def test_a_further_notebook_is_what_a_suite_takes_beyond_one_client(monkeypatch):
    monkeypatch.setattr(runner, "FAMILIES", ("a", "b"))  # of a client
    told = runner.figures(RUNS, 6)
    assert told["further_notebook"]["ours"] == {"seconds": 1.0, "cpu_seconds": 2.0}
    assert told["further_notebook"]["commands"] == {"seconds": 10.5, "cpu_seconds": 11.0}
    assert (told["further_faster"], told["further_cpu_to_script"], told["suite_faster"]) == (10.5, 2.0, 7.9)
    assert told["unchanged_seconds"] == 1
    assert told["steps"] == {"client": {"intake": 1.5}, "notebook": {"cells": 1.5, "export": 1.0}}


def test_a_way_that_displays_something_else_is_named(capsys):
    runs = {
        "commands": [{"shown": {"a/x": "1", "b/x": "2"}}],
        "ours": [{"shown": {"a/x": "1", "b/x": "3"}}],
        "first": [{}],
    }
    assert runner.differences(runs) == ["ours: b/x displays something else than by commands"]
    assert "ours" in capsys.readouterr().err
    assert runner.differences(dict.fromkeys(runs, runs["ours"])) == []


def test_a_way_that_runs_more_or_fewer_notebooks_is_named(capsys):
    runs = {
        "commands": [{"shown": {"a/x": "1"}}],
        "ours": [{"shown": {"a/x": "1", "a/y": "2"}}],
        "script": [{"shown": {}}],
    }
    assert runner.differences(runs) == [
        "ours: a/y displays something else than by commands",
        "script: a/x displays something else than by commands",
    ]


def test_of_a_quick_run_the_clients_are_compared_that_every_way_ran():
    runs = {"commands": [{"shown": {"a/x": "1"}}], "ours": [{"shown": {"a/x": "1", "b/x": "2"}}], "first": [{}]}
    assert runner.differences(runner.of_clients(runs, ["a"])) == []
    assert runner.differences(runner.of_clients(runs, ["a", "b"])) == [
        "ours: b/x displays something else than by commands"
    ]


def test_the_results_that_a_notebook_shows_are_those_evaluated_of_its_client(tmp_path):
    (tmp_path / "evaluated").mkdir()
    (tmp_path / "evaluated" / "a.tables").write_text("/tables/of/a")
    told = runner_ways.variables("a", tmp_path)
    assert told == {
        "CRMNB_RESULTS_FOLDER": str(tmp_path / "evaluated" / "a"),
        "CRMNB_TABLES_FOLDER": "/tables/of/a",
    }


def test_all_ways_run_the_notebooks_of_all_families(monkeypatch):
    assert sorted(runner_ways.FAMILIES) == sorted(families())
    said = {"clients": [{"client": "a", "notebooks": [{"family": f, "reused": False} for f in runner_ways.FAMILIES]}]}
    runner_ways.refuse_others(said, ["a"])
    asked = []
    monkeypatch.setattr(runner_ways, "command", lambda *words: asked.append(words) or json.dumps(said).encode())
    monkeypatch.setattr(runner_ways, "spent", lambda work: work() or {})
    runner_ways.first(["a"])
    assert [asked[0][place + 1] for place, word in enumerate(asked[0]) if word == "--family"] == [*runner_ways.FAMILIES]
    said["clients"][0]["notebooks"][0]["reused"] = True
    with pytest.raises(SystemExit, match="other notebooks than the other ways"):
        runner_ways.refuse_others(said, ["a"])
    said["clients"][0]["notebooks"][0] |= {"reused": False, "family": "another"}
    with pytest.raises(SystemExit, match="another"):
        runner_ways.refuse_others(said, ["a"])


def test_the_largest_page_is_one_with_six_charts(tmp_path):
    for name, charts, more in (("few", 5, 9_000), ("small", 6, 1_000), ("large", 7, 2_000)):
        page = tmp_path / "client" / "2025" / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("data:image/" * charts + "x" * more)
    assert runner.pages(tmp_path) == {"page_kb": 2.1, "page_charts": 7}
    assert runner.pages(tmp_path / "none") == {"page_kb": None, "page_charts": 0}


def test_an_aim_holds_up_to_its_limit_and_never_without_a_figure():
    at_limit = {figure: limit for _, figure, _, limit in runner.AIMS}
    assert all(aim["met"] for aim in runner.judged(at_limit))
    missed = {figure: limit - 0.1 if bound == "at_least" else limit + 0.1 for _, figure, bound, limit in runner.AIMS}
    assert not any(aim["met"] for aim in runner.judged(missed))
    assert not any(aim["met"] for aim in runner.judged(dict.fromkeys(at_limit)))
