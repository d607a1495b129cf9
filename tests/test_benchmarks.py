"""The benchmarks run, tiny, and end with a line of JSON that names its aims; how fast they are is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import campaign
from benchmarks.metrics import KEYS, differences, report
from campaign_checks import Tally

PROJECT = Path(__file__).parents[1]

# A size at which each takes seconds.
TINY = {"metrics": ("--rows", "20000")}


@pytest.mark.parametrize("name", TINY)
def test_it_ends_with_one_line_of_json_that_says_which_aims_are_met(name):
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", f"benchmarks.{name}", *TINY[name]], capture_output=True, text=True, cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["benchmark"] == name
    assert told["answers_equal"] is True
    assert told["aims"]
    assert all(isinstance(aim["aim"], str) and isinstance(aim["met"], bool) for aim in told["aims"])


def test_the_campaign_ends_with_one_line_of_json_that_says_what_it_went_through():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.campaign", "--tables", "4"], capture_output=True, text=True, cwd=PROJECT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["benchmark"] == "campaign"
    assert told["tables"] >= 4
    assert told["failures"] == []
    assert {"rows", "quarantined", "refusals", "compared"} <= set(told)


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
