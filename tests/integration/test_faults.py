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
# The points at which a run is stopped, in their order, and the processes that there are at each.
PHASES = ("intake", "cells", "export", "results", "swap", "swapped")
MESSAGES = {
    "kernel": "kernel died",
    "worker": "its process was killed (SIGKILL)",
    "fork server": "the fork server was killed",
}


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
def old(published):
    """The published report."""
    return tree(published)


@pytest.fixture(scope="module")
def new(published):
    """The report of an undisturbed run after answers were removed."""
    folder = copied(published)
    faulty.remove_answers(folder, 2)
    assert ended(start(folder, *ONLY))[0] == 0
    yield tree(folder)
    shutil.rmtree(folder)


@pytest.fixture
def unchanged(published):
    """A copy of the folder with the published report."""
    folder = copied(published)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(unchanged):
    """A copy of the folder with the published report, from whose data answers were removed since."""
    faulty.remove_answers(unchanged, 2)
    return unchanged


def check_left(place: Path, report: dict) -> None:
    """Check that a disturbed run left a report as it was or is to be, and nothing else."""
    assert tree(place) == report
    assert leftovers(place) == []


def check_recovery(place: Path, new: dict, before: tuple[str, ...] = (), seen: Path | None = None) -> None:
    """Check that the next run succeeds and makes the new report.

    before: a command that starts a run. seen: the folder as seen from this process.
    """
    code, _, errors = ended(start(place, *ONLY, before=before))
    assert code == 0, errors
    check_left(seen or place, new)


# Several faults follow each other: each run begins with what the one before it left and must come as far as the next point.


@pytest.mark.parametrize("killed", ["runner", "fork server", "worker"])
def test_a_process_that_is_killed(place, old, new, killed):
    """In each phase, one phase later each time; a kernel, which there is in one phase only, after a worker in that phase."""
    faults = [(phase, killed) for phase in PHASES]
    if killed == "worker":
        faults.insert(faults.index(("cells", killed)) + 1, ("cells", "kernel"))
    for phase, role in faults:
        run = stopping(place, phase)
        stopped = until_stopped(run)
        roles = processes(run)
        assert roles[stopped] == ("kernel" if phase == "cells" else "worker")
        (process,) = (process for process, own in roles.items() if own == role)
        faulty.kill(process)
        code, _, errors = ended(run)
        assert code == (-signal.SIGKILL if role == "runner" else 4), phase
        assert MESSAGES.get(role, "") in errors
        check_left(place, new if phase == "swapped" else old)
    check_recovery(place, new)


def test_a_run_that_is_asked_to_stop(place, old, new):
    for phase in ("intake", "cells"):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = stopping(place, phase)
            until_stopped(run)
            run.process.send_signal(number)
            exit_code, _, errors = ended(run)
            assert exit_code == code
            assert errors == "crmnb: stopped; the published reports are unchanged.\n"
            check_left(place, old)
    check_recovery(place, new)


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


def test_a_disk_that_is_full_or_may_only_be_read(place, disk, old, new):
    seen, before = Path(f"/proc/{disk}/root{place}"), inside(disk, place / "project")
    filled = seen / "project" / "outputs" / "filled"
    for free in (0, 40, 120):  # KiB
        space = os.statvfs(filled.parent)
        filled.write_bytes(bytes(space.f_bavail * space.f_frsize - free * 1024))
        code, _, errors = ended(start(place, *ONLY, before=before))
        assert code == 4
        assert "Traceback" not in errors
        assert "killed" not in errors
        filled.unlink()
        check_left(seen, old)

    def mounted(how: str) -> None:
        subprocess.run([*before, "mount", "-o", f"remount,bind,{how}", place / "project" / "outputs"], check=True)  # noqa: S603

    mounted("ro")
    code, _, errors = ended(start(place, *ONLY, before=before))
    assert code == 4
    assert "Read-only file system" in errors
    assert "Traceback" not in errors
    mounted("rw")
    check_left(seen, old)
    check_recovery(place, new, before, seen)


# ---- Limits -----------------------------------------------------------------------------------------------

HUNGRY = {
    "python": "bytearray(20_000_000_000)",
    "duckdb": "import duckdb; con = duckdb.connect(config={'memory_limit': '100GB'})\n"
    "con.execute('create table hungry as select i, random() as x from range(1_000_000_000) t(i)')",
}


def test_a_kernel_over_its_limits_and_what_it_has_started(place, old, new):
    for memory in HUNGRY.values():
        code, _, errors = ended(start(place, *ONLY, "--memory-limit", "1.5", cells={"satisfaction": memory}))
        assert code == 4
        assert "disturbed" in errors  # the cell
        assert "memory" in errors
        check_left(place, old)
    starts = "import subprocess\nfor alone in (False, True):\n    subprocess.Popen(['sleep', '600'], start_new_session=alone)\n"
    run = start(place, *ONLY, "--time-limit", "0.1", cells={"satisfaction": starts + faulty.PAUSE})
    until_stopped(run)
    assert sorted(processes(run).values()) == ["fork server", "kernel", "other", "other", "runner", "worker"]
    code, _, errors = ended(run)
    assert code == 4
    assert "'disturbed' took longer than the limit of 6 seconds" in errors
    check_left(place, old)
    check_recovery(place, new)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two notebooks must run at the same time")
def test_what_a_notebook_has_started_ends_with_it_though_others_still_run(place):
    starts = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    wait = "import os, time\nwhile not os.path.exists(STOPPED):\n    time.sleep(0.01)\n"
    run = start(place, *TWO, cells={"retention": faulty.PAUSE, "satisfaction": wait + starts + "raise ValueError"})
    until_stopped(run)
    faulty.wait(lambda: "other" in processes(run).values(), "the process was not started")
    faulty.wait(lambda: "other" not in processes(run).values(), "the process has not ended")
    run.stopped.unlink()
    assert ended(run)[0] == 1


# ---- Two runs, and two times ------------------------------------------------------------------------------


def test_a_dead_runner_does_not_keep_the_lock_and_a_living_one_does(place, new):
    dead = stopping(place, "cells")
    until_stopped(dead)
    dead.process.kill()
    dead.process.wait()
    living = stopping(place, "cells")  # at once: processes of the first run may still be there
    until_stopped(living)
    ended(dead)
    code, _, errors = ended(start(place, *ONLY))
    assert code == 4
    assert "another run of corner_shop is in progress" in errors
    living.stopped.unlink()
    assert ended(living)[0] == 0
    check_left(place, new)


def test_a_notebook_that_was_run_is_not_run_again_after_a_kill_in_another(place):
    stored = "outputs/corner_shop/.private/runs/2025/retention/dependencies.json"
    wait = f"import os, time\nwhile not os.path.exists({stored!r}):\n    time.sleep(0.01)\n"
    run = start(place, *TWO, cells={"satisfaction": wait + faulty.PAUSE})
    until_stopped(run)
    run.process.kill()
    ended(run)
    code, output, _ = ended(start(place, *TWO, "--json"))
    assert code == 0
    assert reused(output) == {"retention": True, "satisfaction": False}


def test_what_a_notebooks_metadata_say_is_not_believed(unchanged):
    stored = unchanged / "project/outputs/corner_shop/.private/runs/2025/satisfaction"
    notebook = json.loads((stored / "notebook.ipynb").read_text())
    for part in (notebook, *notebook["cells"]):
        part["metadata"]["papermill"] = {"status": "completed", "exception": False}
    (stored / "notebook.ipynb").write_text(json.dumps(notebook))
    assert reused(ended(start(unchanged, *ONLY, "--json", "--dry-run"))[1]) == {"satisfaction": True}
    (stored / "dependencies.json").unlink()
    assert reused(ended(start(unchanged, *ONLY, "--json"))[1]) == {"satisfaction": False}


def reused(output: str) -> dict[str, bool]:
    (client,) = json.loads(output)["clients"]
    return {notebook["family"]: notebook["reused"] for notebook in client["notebooks"]}


def test_a_clock_that_jumps_back_and_forth_by_days_disturbs_nothing(place, new):
    jump = "import itertools, time\ntruly, days = time.time, itertools.cycle((0, 9, -9, 1))\n"
    code, _, errors = ended(start(place, *ONLY, at_start=jump + "time.time = lambda: truly() + 86400 * next(days)"))
    assert (code, errors) == (0, "")
    check_left(place, new)


# ---- The benchmark ----------------------------------------------------------------------------------------


def test_the_benchmark_shows_each_violation_and_then_exits_with_1(capsys):
    held = {"process": "fork server", "signal": "SIGKILL", "after": 1.0, "exit": 4, "tree": "old", "violations": []}
    assert faults.report([held], 1, 2.0) == 0
    assert faults.report([held, held | {"tree": "neither", "violations": ["left: sockets/crmnb-x"]}], 1, 2.0) == 1
    *_, shown, last = capsys.readouterr().out.splitlines()
    assert shown == "SIGKILL to the fork server after 1.0 s: left: sockets/crmnb-x"
    assert json.loads(last)["violations"] == 1


def test_a_fault_of_the_benchmark_is_held_to_what_is_promised(place, old):
    other = dict.fromkeys(old, "")
    result = faults.fault(place, (old, 0.0), (other, 0.0), random.Random(1), ONLY)  # noqa: S311
    assert result["process"] == "runner"
    assert result["tree"] == "old"
    assert result["violations"] == ["the next run did not make the new tree"]
