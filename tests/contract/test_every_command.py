"""The command: help that teaches, exit codes, quiet in a pipe, light to start."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import project, shortened
from crmnb import __version__
from crmnb.cli import main
from crmnb.demo.parameters import Rates
from crmnb.demo.truth.whole_year import figures_of_year
from crmnb.metrics.definition import catalogue


def command(*arguments: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "crmnb.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **variables},
    )


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["catalogue", "--help"], ["learn", "--help"], ["learn", "quiz", "--help"]],
)
def test_help_teaches(arguments):
    result = command(*arguments)
    assert result.returncode == 0
    assert "example" in result.stdout
    assert result.stderr == ""


def test_exit_codes_are_documented():
    text = command("run", "--help").stdout
    for code in ("0", "1", "2", "3", "4", "5", "130", "143"):
        assert f"\n  {code}  " in text


def test_version():
    assert command("--version").stdout.strip() == __version__


def test_nothing_asked_is_a_wrong_call():
    assert command().returncode == 2
    assert command("run").returncode == 2
    assert command("nonsense").returncode == 2


def test_catalogue_lists_every_metric(capsys):
    assert main(["catalogue"]) == 0
    listed = capsys.readouterr().out
    for metric in catalogue().values():
        assert metric.id in listed
        assert metric.title in listed


def test_coverage_lists_how_every_metric_is_verified_and_what_is_missing(capsys):
    assert main(["catalogue", "--coverage"]) == 0
    heads, *lines = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert heads == ["metric", "count by hand", "simulated truth", "published figure"]
    assert [line[0] for line in lines] == [*catalogue()]
    simulated = {name for name, _ in figures_of_year(Rates(), 2025, 1)}
    assert {catalogue()[id_].family for id_ in simulated} >= {
        "retention",
        "sales",
        "service",
        "employees",
        "operations",
    }
    for (id_, by_hand, truth, published), metric in zip(lines, catalogue().values(), strict=True):
        assert by_hand == ("yes" if metric.hand_count else "-"), id_
        assert truth == ("yes" if id_ in simulated else "-"), id_
        assert published == (metric.published or "-"), id_
    assert {truth for _, _, truth, _ in lines} == {"yes", "-"}


def test_catalogue_as_data_says_everything(capsys):
    assert main(["catalogue", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in entries] == list(catalogue())
    for entry in entries:
        for fact in (
            "title",
            "unit",
            "definition",
            "why",
            "caution",
            "source",
            "estimate",
            "interval",
        ):
            assert entry[fact], (entry["id"], fact)
        of_any_metric = catalogue()[entry["id"]].estimate.reduces == "panels"  # it reads what that metric reads
        assert bool(entry["reads"]) != of_any_metric, entry["id"]
        assert entry["hand_count"] or entry["published"], entry["id"]


def test_catalogue_in_full_and_as_a_page(capsys, tmp_path):
    assert main(["catalogue", "nps"]) == 0
    assert "Caution:" in capsys.readouterr().out
    assert main(["catalogue", "--page", str(tmp_path / "c.html")]) == 0
    page = (tmp_path / "c.html").read_text()
    assert all(metric.title.split("(")[0].strip() in page for metric in catalogue().values())


def test_quiet_in_a_pipe(tmp_path):
    result = command("catalogue")
    assert result.stderr == ""


def test_a_terminal_that_lacks_a_character_shows_another(tmp_path):
    """Links between tables are shown with an arrow, which latin-1 does not have."""
    result = command("check", "corner_shop", folder=shortened(project(tmp_path)), PYTHONIOENCODING="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "customer_id ? customers: " in result.stdout


def test_data_are_whole_whatever_the_terminal_lacks(tmp_path):
    result = command(
        "check", "corner_shop", "--json", folder=shortened(project(tmp_path / "Café")), PYTHONIOENCODING="ascii"
    )
    assert "/Café/" in json.loads(result.stdout)["pages"]["check"]
