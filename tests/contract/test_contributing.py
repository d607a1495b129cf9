"""CONTRIBUTING's complete change that adds a metric, applied to a copy of the project: the tests there pass, and notice a wrong count."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIFF = re.search(
    r"^```diff\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)[1]
METRIC = re.search(r"^\+def (\w+)\(", DIFF, re.MULTILINE)[1]
# What a new metric can break: the rules for metrics, words, imports, notes and the catalogue, and the figures of the
# corner shop counted by other routes. Left out for their time: benchmarks, environment, Makefile and notebooks, which read no
# metric; charts and runs of notebooks, where the metric is one like any other.
AFFECTED = (
    *(
        "contract/test_every_metric.py",
        "contract/test_words.py",
        "contract/test_layers.py",
        "contract/test_every_note.py",
    ),
    *("contract/test_every_command.py", "unit/metrics/test_corner_shop.py"),
)
# The rules for every metric are asked of the new one, apart from those that hold the engine to be the same in any order; and
# statistics, other commands, earlier years or quarters of old metrics have to do with no new one. The rules for every module are
# asked of the changed one.
MODULE = re.search(r"^\+\+\+ b/.*/(\w+)\.py$", DIFF, re.MULTILINE)[1]
BY_MODULE = "(names_are_nouns or has_a_docstring or nothing_but_their_arguments)"
OTHERS = f"test_every_metric.py or (test_every_command.py and not catalogue) or {BY_MODULE} or quarter or 2024"
CHOSEN = f"({METRIC} and not order_of_rows) or ({BY_MODULE} and {MODULE}) or not ({OTHERS})"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the project's files with the change applied."""
    folder = tmp_path_factory.mktemp("project")
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    module = changed(folder)
    lines = [line[1:] for line in DIFF.splitlines() if re.match(r"\+(?!\+\+ )", line)]
    module.write_text(module.read_text(encoding="utf-8") + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def changed(folder: Path) -> Path:
    """The one file of the change."""
    (name,) = re.findall(r"^\+\+\+ b/(.*)$", DIFF, re.MULTILINE)
    return folder / name


def run_tests(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The tests of a copy, run on the copy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_change_is_whole(copy):
    done = run_tests(copy, *(f"tests/{name}" for name in AFFECTED), "-k", CHOSEN, "-rp")
    assert done.returncode == 0, done.stdout
    assert f"PASSED tests/contract/test_every_metric.py::test_is_what_the_pencil_counted[{METRIC}]" in done.stdout


def test_a_wrong_count_by_hand_is_noticed(copy):
    module = changed(copy)
    right = module.read_text(encoding="utf-8")
    wrong = re.sub(r'hand_count="6 / 14"(?=[^@]*def ' + METRIC + ")", 'hand_count="7 / 14"', right)
    assert wrong != right
    module.write_text(wrong, encoding="utf-8")
    try:
        done = run_tests(
            copy, "tests/contract/test_every_metric.py", "-k", f"test_is_what_the_pencil_counted and {METRIC}"
        )
    finally:
        module.write_text(right, encoding="utf-8")
    assert done.returncode == 1, done.stdout
    assert f"FAILED tests/contract/test_every_metric.py::test_is_what_the_pencil_counted[{METRIC}]" in done.stdout
    assert "1 failed" in done.stdout
