"""`make report` sets up .venv once, completely or not at all, and says in words what it lacks.

The Makefile runs beside an interpreter of the test's own, a script that writes down what it is asked for:
nothing is installed.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PYTEST = "-m pytest -n auto --dist loadfile --no-loadscope-reorder"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make, which is not on the PATH")

# Does what python does when asked for its version, its modules, an environment and pip; files named `no-...` break it.
PYTHON = r"""#!/bin/sh
case "$*" in
  *"print("*) echo python3.12 ;;
  *sys.version_info*) test ! -e too-old ;;
  *ensurepip*) test ! -e no-venv ;;
  "-m venv --clear .venv") echo venv >> log; rm -rf .venv; mkdir -p .venv/bin; cp python .venv/bin/python
    cp crmnb .venv/bin/crmnb; chmod +x .venv/bin/crmnb ;;
  "-m pip install"*) echo "$*" >> log; test ! -e no-network ;;
  "-m pytest"*) echo "$*" >> log ;;
  *) echo "unexpected: $*" >> log; exit 1 ;;
esac
"""

# Writes down what it was asked for; asked to simulate, it leaves what says that the demo's files are there.
CRMNB = r"""#!/bin/sh
echo crmnb "$@" >> log
test "$1" != simulate || { mkdir -p parameters/demo && touch parameters/demo/truth.json; }
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout with little in it but the Makefile, its locks and a made-up python."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11"\n')
    (tmp_path / "requirements.lock").write_text("one==1\n")
    (tmp_path / "requirements-dev.lock").write_text("one==1\ntwo==2\n")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "crmnb").write_text(CRMNB)
    return tmp_path


def make(checkout: Path, *words: str) -> tuple[int, list[str], str]:
    """Run make there: its exit, what python and crmnb were asked for, and what it printed."""
    log = checkout / "log"
    log.unlink(missing_ok=True)
    # A clean environment: these tests are themselves run by `make test`, whose variables a make within would inherit.
    run = [shutil.which("make"), "PYTHON=./python", *words]
    done = subprocess.run(run, cwd=checkout, env={"PATH": os.defpath}, capture_output=True, text=True)  # noqa: S603
    asked = log.read_text().splitlines() if log.exists() else []
    return done.returncode, asked, done.stdout + done.stderr


LOCK = "-m pip install --quiet --no-compile --require-hashes --requirement requirements.lock"
PACKAGE = "-m pip install --quiet --no-compile --no-deps --no-build-isolation --editable ."
DEVELOPMENT = "-m pip install --quiet --no-compile --require-hashes --requirement requirements-dev.lock"
MADE_UP = "crmnb simulate"
REPORT = "crmnb run demo --period 2025"


def test_the_first_report_installs_and_the_second_installs_nothing(checkout):
    assert make(checkout, "report")[:2] == (0, ["venv", LOCK, PACKAGE, MADE_UP, REPORT])
    assert make(checkout, "report")[:2] == (0, [REPORT])


def test_the_demo_is_made_up_where_it_is_absent_or_older_than_what_makes_it_up(checkout):
    code = checkout / "src/crmnb/demo/draw.py"
    code.parent.mkdir(parents=True)
    code.touch()
    assert make(checkout, "report")[1][-2:] == [MADE_UP, REPORT]
    assert make(checkout, "report")[1] == [REPORT]
    made = (checkout / "parameters/demo/truth.json").stat().st_mtime
    os.utime(code, (made + 9, made + 9))
    assert make(checkout, "report")[1] == [MADE_UP, REPORT]


def test_no_other_client_needs_the_demo(checkout):
    assert MADE_UP not in make(checkout, "report", "CLIENT=corner_shop")[1]


def test_client_and_period_are_handed_on_as_single_words(checkout):
    make(checkout, "report")
    assert make(checkout, "report", "CLIENT=my shop", "PERIOD=2025Q4")[1] == ["crmnb run my shop --period 2025Q4"]
    assert make(checkout, "report", "CLIENT=other")[1] == ["crmnb run other --period 2025"]


def test_the_tests_add_the_development_lock_to_the_same_environment(checkout):
    make(checkout, "report")
    assert make(checkout, "test", "ARGS=-k layers")[1] == [DEVELOPMENT, f"{PYTEST} -k layers"]
    assert make(checkout, "test")[1] == [PYTEST]
    assert make(checkout, "report")[1] == [REPORT]


def test_an_install_that_fails_stops_and_the_next_call_starts_afresh(checkout):
    (checkout / "no-network").touch()
    code, asked, _ = make(checkout, "report")
    assert (code != 0, asked) == (True, ["venv", LOCK])
    (checkout / "no-network").unlink()
    assert make(checkout, "report")[:2] == (0, ["venv", LOCK, PACKAGE, MADE_UP, REPORT])


def test_a_changed_lock_is_installed_and_a_touched_one_is_not(checkout):
    make(checkout, "report")
    (checkout / "requirements.lock").touch()
    assert make(checkout, "report")[1] == [REPORT]
    (checkout / "requirements.lock").write_text("one==1.1\n")
    assert make(checkout, "report")[1] == [LOCK, REPORT]


def test_an_environment_whose_python_is_gone_is_made_anew(checkout):
    make(checkout, "report")
    (checkout / ".venv/bin/python").unlink()
    assert make(checkout, "report")[1] == ["venv", LOCK, PACKAGE, REPORT]


def test_a_python_that_is_too_old_is_refused_in_words(checkout):
    (checkout / "too-old").touch()
    code, asked, said = make(checkout, "report")
    assert (code != 0, asked) == (True, [])
    assert "Python 3.11 or newer is needed" in said
    assert "make report PYTHON=" in said


def test_a_python_without_venv_is_refused_with_the_package_to_install(checkout):
    (checkout / "no-venv").touch()
    code, asked, said = make(checkout, "report")
    assert (code != 0, asked) == (True, [])
    assert "apt install python3.12-venv" in said


def test_a_python_that_will_do_is_found_behind_one_that_will_not(checkout):
    (checkout / "old").write_text("#!/bin/sh\nexit 1\n")
    (checkout / "old").chmod(0o755)
    assert make(checkout, "report", "PYTHON=./absent ./old ./python")[1][-1] == REPORT


def test_make_alone_lists_every_target_that_people_use(checkout):
    code, asked, said = make(checkout)
    assert (code, asked) == (0, [])
    assert [line.split()[1] for line in said.splitlines()] == [
        "help",
        "report",
        "test",
        "lab",
        "learn",
        "lock",
        "package",
    ]
