"""Faults: whichever process dies, and whenever, the report is the old or the new one, nothing is left, and the next run succeeds."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import faulty
import pytest
from faulty import ended, leftovers, processes, start, tree, until_stopped

from benchmarks.robustness import faults
from conftest import shortened

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc")

ONLY = ("--family", "satisfaction")
TWO = ("--family", "retention", *ONLY)  # one beside the other on two cores
# Notebooks run after answers were removed, and not after a change of the name only.
RENAMED, ANSWERED = ("results", "swap", "swapped"), ("intake", "cells", "export")
PROCESSES = dict.fromkeys((*ANSWERED, *RENAMED), ("runner", "fork server", "worker")) | {
    "cells": ("runner", "fork server", "worker", "kernel")
}
MESSAGES = {
    "kernel": "kernel died",
    "worker": "its process was killed (SIGKILL)",
    "fork server": "the fork server was killed",
}


def change(folder: Path, phase: str) -> None:
    """Make the change that lets a run reach a phase."""
    if phase in RENAMED:
        faulty.rename(folder, "Shop at the Corner")
    else:
        faulty.remove_answers(folder, 2)


def stopping(place: Path, phase: str) -> faulty.Run:
    """A run that stops in a phase."""
    cells = {"satisfaction": faulty.PAUSE} if phase == "cells" else {}
    return start(place, *ONLY, stop="" if cells else phase, cells=cells)


def copied(folder: Path) -> Path:
    """A copy of a folder."""
    copy = faulty.short_folder()
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    return copy


@pytest.fixture(scope="module")
def published():
    """A folder with a published report."""
    folder = faulty.place(faulty.short_folder())
    shortened(folder / "project")
    code, _, errors = ended(start(folder, *ONLY))
    assert code == 0, errors
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def trees(published):
    """The report of an undisturbed run after the change for each phase."""
    made = {}
    for phases in (RENAMED, ANSWERED):
        folder = copied(published)
        change(folder, phases[0])
        assert ended(start(folder, *ONLY))[0] == 0
        made |= dict.fromkeys(phases, tree(folder))
        shutil.rmtree(folder)
    return made


@pytest.fixture
def place(published):
    """A copy of the folder with the published report."""
    folder = copied(published)
    yield folder
    shutil.rmtree(folder)


def check_recovery(place: Path, old: dict, new: dict, before: tuple[str, ...] = (), seen: Path | None = None) -> str:
    """Check the conditions after a disturbed run, and run again; returns which report the disturbed run left: old or new.

    before: a command that starts a run. seen: the folder as seen from this process.
    """
    seen = seen or place
    left = tree(seen)
    assert left in (old, new)
    assert leftovers(seen) == []
    code, _, errors = ended(start(place, *ONLY, before=before))
    assert code == 0, errors
    assert tree(seen) == new
    assert leftovers(seen) == []
    return "old" if left == old else "new"


@pytest.mark.parametrize(("phase", "killed"), [(phase, role) for phase, roles in PROCESSES.items() for role in roles])
def test_a_process_that_is_killed(place, published, trees, phase, killed):
    change(place, phase)
    run = stopping(place, phase)
    stopped = until_stopped(run)
    roles = processes(run)
    assert roles[stopped] == ("kernel" if phase == "cells" else "worker")
    (process,) = (process for process, role in roles.items() if role == killed)
    faulty.kill(process)
    code, _, errors = ended(run)
    assert code == (-signal.SIGKILL if killed == "runner" else 4)
    assert MESSAGES.get(killed, "") in errors
    assert check_recovery(place, tree(published), trees[phase]) == ("new" if phase == "swapped" else "old")


@pytest.mark.parametrize("phase", ["intake", "cells"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_stop(place, published, trees, phase, number, code):
    change(place, phase)
    run = stopping(place, phase)
    until_stopped(run)
    run.process.send_signal(number)
    exit_code, _, errors = ended(run)
    assert exit_code == code
    assert errors == "crmnb: stopped; the published reports are unchanged.\n"
    assert check_recovery(place, tree(published), trees[phase]) == "old"


def test_the_keyboards_stop_is_heard_where_whoever_starts_the_tests_ignores_it(place):
    heard = (
        "import signal, sys\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler, file=sys.stderr)\n"
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = start(place, "--help", at_start=heard)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended(run)[2] == "True\n"


# ---- Disks ------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(place):
    """The place with its outputs on a small disk of their own, which is seen only by processes started `inside`; its holder."""
    outputs = place / "project" / "outputs"
    aside = outputs.rename(place / "aside")
    outputs.mkdir()
    mount = f"mount -t tmpfs -o size=4m small {outputs} && cp -a {aside}/. {outputs} && echo there && exec sleep 600"
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    holder = subprocess.Popen(  # noqa: S603 -- our own command
        ["unshare", *user, "--mount", "sh", "-c", mount],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if holder.stdout.readline() != "there\n":
        pytest.skip(f"no disk of one's own can be had here: {holder.communicate()[1]}")
    yield holder.pid
    holder.kill()
    holder.communicate()


def inside(disk: int, folder: Path) -> tuple[str, ...]:
    """The start of a command that is to be done in a folder, where the disk is seen."""
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ("nsenter", f"--target={disk}", *user, "--mount", "sh", "-c", 'cd "$0" && exec "$@"', str(folder))


@pytest.mark.parametrize("free", [0, 40, 120])  # KiB
def test_a_full_disk(place, disk, published, trees, free):
    faulty.remove_answers(place, 2)
    seen, before = Path(f"/proc/{disk}/root{place}"), inside(disk, place / "project")
    filled = seen / "project" / "outputs" / "filled"
    space = os.statvfs(filled.parent)
    filled.write_bytes(bytes(space.f_bavail * space.f_frsize - free * 1024))
    code, _, errors = ended(start(place, *ONLY, before=before))
    assert code == 4
    assert "Traceback" not in errors
    assert "killed" not in errors
    filled.unlink()
    assert check_recovery(place, tree(published), trees["cells"], before, seen) == "old"


def test_a_folder_that_may_only_be_read(place, disk, published, trees):
    faulty.remove_answers(place, 2)
    seen, before = Path(f"/proc/{disk}/root{place}"), inside(disk, place / "project")

    def mounted(how: str) -> None:
        subprocess.run([*before, "mount", "-o", f"remount,bind,{how}", place / "project" / "outputs"], check=True)  # noqa: S603

    mounted("ro")
    code, _, errors = ended(start(place, *ONLY, before=before))
    assert code == 4
    assert "Read-only file system" in errors
    assert "Traceback" not in errors
    mounted("rw")
    assert check_recovery(place, tree(published), trees["cells"], before, seen) == "old"


# ---- Limits -----------------------------------------------------------------------------------------------

HUNGRY = {
    "python": "bytearray(20_000_000_000)",
    "duckdb": "import duckdb; con = duckdb.connect(config={'memory_limit': '100GB'})\n"
    "con.execute('create table hungry as select i, random() as x from range(1_000_000_000) t(i)')",
}


@pytest.mark.parametrize("of", HUNGRY)
def test_a_kernel_over_its_memory_limit(place, published, trees, of):
    faulty.remove_answers(place, 2)
    code, _, errors = ended(start(place, *ONLY, "--memory-limit", "1.5", cells={"satisfaction": HUNGRY[of]}))
    assert code == 4
    assert "disturbed" in errors  # the cell
    assert "memory" in errors
    assert check_recovery(place, tree(published), trees["cells"]) == "old"


def test_a_cell_over_its_time_limit_and_what_it_has_started(place, published, trees):
    faulty.remove_answers(place, 2)
    starts = "import subprocess\nfor alone in (False, True):\n    subprocess.Popen(['sleep', '600'], start_new_session=alone)\n"
    run = start(place, *ONLY, "--time-limit", "0.1", cells={"satisfaction": starts + faulty.PAUSE})
    until_stopped(run)
    assert sorted(processes(run).values()) == ["fork server", "kernel", "other", "other", "runner", "worker"]
    code, _, errors = ended(run)
    assert code == 4
    assert "'disturbed' took longer than the limit of 6 seconds" in errors
    assert check_recovery(place, tree(published), trees["cells"]) == "old"


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two notebooks must run at the same time")
def test_what_a_notebook_has_started_ends_with_it_though_others_still_run(place):
    starts = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    wait = "import os, time\nwhile not os.path.exists(STOPPED):\n    time.sleep(0.01)\n"
    faulty.remove_answers(place, 2)
    run = start(place, *TWO, cells={"retention": faulty.PAUSE, "satisfaction": wait + starts + "raise ValueError"})
    until_stopped(run)
    faulty.wait(lambda: "other" in processes(run).values(), "the process was not started")
    faulty.wait(lambda: "other" not in processes(run).values(), "the process has not ended")
    run.stopped.unlink()
    assert ended(run)[0] == 1


# ---- Two runs, and two times ------------------------------------------------------------------------------


def test_a_second_run_of_a_client_is_refused_and_the_first_goes_on(place, trees):
    faulty.remove_answers(place, 2)
    first = stopping(place, "cells")
    until_stopped(first)
    code, _, errors = ended(start(place, *ONLY))
    assert code == 4
    assert "another run of corner_shop is in progress" in errors
    first.stopped.unlink()
    assert ended(first)[0] == 0
    assert tree(place) == trees["cells"]
    assert leftovers(place) == []


def test_a_dead_runner_does_not_keep_the_lock(place, trees):
    faulty.remove_answers(place, 2)
    first = stopping(place, "cells")
    until_stopped(first)
    first.process.kill()
    first.process.wait()
    assert ended(start(place, *ONLY))[0] == 0  # at once: processes of the first run may still be there
    ended(first)
    assert tree(place) == trees["cells"]
    assert leftovers(place) == []


def test_a_notebook_that_was_run_is_not_run_again_after_a_kill_in_another(place):
    stored = "outputs/corner_shop/.private/runs/2025/retention/dependencies.json"
    wait = f"import os, time\nwhile not os.path.exists({stored!r}):\n    time.sleep(0.01)\n"
    faulty.remove_answers(place, 2)
    run = start(place, *TWO, cells={"satisfaction": wait + faulty.PAUSE})
    until_stopped(run)
    run.process.kill()
    ended(run)
    code, output, _ = ended(start(place, *TWO, "--json"))
    assert code == 0
    assert reused(output) == {"retention": True, "satisfaction": False}


def test_what_a_notebooks_metadata_say_is_not_believed(place):
    stored = place / "project/outputs/corner_shop/.private/runs/2025/satisfaction"
    notebook = json.loads((stored / "notebook.ipynb").read_text())
    for part in (notebook, *notebook["cells"]):
        part["metadata"]["papermill"] = {"status": "completed", "exception": False}
    (stored / "notebook.ipynb").write_text(json.dumps(notebook))
    assert reused(ended(start(place, *ONLY, "--json", "--dry-run"))[1]) == {"satisfaction": True}
    (stored / "dependencies.json").unlink()
    assert reused(ended(start(place, *ONLY, "--json"))[1]) == {"satisfaction": False}


def reused(output: str) -> dict[str, bool]:
    (client,) = json.loads(output)["clients"]
    return {notebook["family"]: notebook["reused"] for notebook in client["notebooks"]}


def test_a_clock_that_jumps_back_and_forth_by_days_disturbs_nothing(place, trees):
    faulty.remove_answers(place, 2)
    jump = "import itertools, time\ntruly, days = time.time, itertools.cycle((0, 9, -9, 1))\n"
    code, _, errors = ended(start(place, *ONLY, at_start=jump + "time.time = lambda: truly() + 86400 * next(days)"))
    assert (code, errors) == (0, "")
    assert tree(place) == trees["cells"]
    assert leftovers(place) == []


# ---- The benchmark ----------------------------------------------------------------------------------------


def test_the_benchmark_shows_each_violation_and_then_exits_with_1(capsys):
    held = {"process": "fork server", "signal": "SIGKILL", "after": 1.0, "exit": 4, "tree": "old", "violations": []}
    assert faults.report([held], 1, 2.0) == 0
    assert faults.report([held, held | {"tree": "neither", "violations": ["left: sockets/crmnb-x"]}], 1, 2.0) == 1
    *_, shown, last = capsys.readouterr().out.splitlines()
    assert shown == "SIGKILL to the fork server after 1.0 s: left: sockets/crmnb-x"
    assert json.loads(last)["violations"] == 1


def test_a_fault_of_the_benchmark_is_held_to_what_is_promised(place, trees):
    old = tree(place)
    faulty.remove_answers(place, 2)
    other = dict.fromkeys(old, "")
    result = faults.fault(place, (old, 0.0), (other, 0.0), random.Random(1), ONLY)  # noqa: S311
    assert result["process"] == "runner"
    assert result["tree"] == "old"
    assert result["violations"] == ["the next run did not make the new tree"]
