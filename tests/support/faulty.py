"""A disturbed run, and the conditions that must hold after it: shared by the tests of faults and the benchmark `faults`.

A run stops at a chosen point, without a hook in the product: a `sitecustomize` on PYTHONPATH, which all processes of the run
inherit, wraps one function; a cell that is added to each notebook executes the code of the test. The path of that module also
identifies the processes of the run.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from crmnb.run.handbook import mark_current

CHECKOUT = Path(__file__).parents[2]
CLIENT, PERIOD = "corner_shop", "2025"
FAMILIES = ("retention", "satisfaction")
# Pages show the time of the run; with a fixed time, two runs of the same data produce the same bytes.
_EPOCH = "1767225600"
_TIMEOUT = 60.0  # seconds for a disturbed run to end; it needs a few, but the machine may be busy

# The points at which a run can stop: a function, and whether before or after it. Cells stop by code of their own.
STOPS = {
    "intake": "crmnb.intake.pipeline:_import_table:before",
    "export": "crmnb.run.family_job:body_of:before",
    "results": "crmnb.run.report_job:write_report_xlsx:before",
    "swap": "crmnb.core.folder_swap:_exchange:before",
    "swapped": "crmnb.core.folder_swap:_exchange:after",
}

# Code that writes the id of its process into a file, and waits until the file is removed.
PAUSE = """
import os, time
with open(STOPPED + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(STOPPED + ".new", STOPPED)
while os.path.exists(STOPPED):
    time.sleep(0.01)
"""

_SITE = '''
"""For one run: STOP is the function to wrap (module:function:before or after) when its module is imported, or nothing."""
import sys
from importlib.machinery import PathFinder


def cell(family):
    exec(CELLS.get(family, ""))

def wrapped(call, when):
    def stopping(*arguments, **options):
        if when == "before":
            exec(PAUSE)
        result = call(*arguments, **options)
        if when == "after":
            exec(PAUSE)
        return result
    return stopping

class Finder:
    def find_spec(name, path=None, target=None):
        module, function, when = STOP.split(":")
        if name != module:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(target):
            execute(target)
            setattr(target, function, wrapped(getattr(target, function), when))
        spec.loader.exec_module = exec_module
        return spec

if STOP:
    sys.meta_path.insert(0, Finder)
exec(AT_START)
'''


@dataclass
class Run:
    """A running command: the id in the environment of all its processes, and the file in which a stopped process writes its id."""

    process: subprocess.Popen
    run_id: str
    stopped: Path


def place(folder: Path) -> Path:
    """Prepare a folder for runs: the project, and beside it the folders for sockets and temporary files."""
    for name in ("sockets", "temporary", "sites"):
        (folder / name).mkdir()
    for name in ("notebooks", "parameters"):
        ignored = shutil.ignore_patterns("demo")  # its files are made
        shutil.copytree(CHECKOUT / name, folder / "project" / name, ignore=ignored)
    for family in FAMILIES:
        path = folder / "project" / "notebooks" / f"{family}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        code = f"import sitecustomize\n\nsitecustomize.cell({family!r})"
        cell = {"cell_type": "code", "id": "disturbed", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].insert(4, cell | {"source": code})
        path.write_text(json.dumps(notebook), encoding="utf-8")
    mark_current(folder / "project")  # runs leave the handbook as it is
    return folder


def short_folder() -> Path:
    """A new folder with a short path, since the path of a socket in it must be short."""
    return Path(tempfile.mkdtemp(prefix="f-", dir="/tmp"))


def rename(folder: Path, name: str) -> None:
    """Change the client's name: the report must be rebuilt, but no notebook must run."""
    path = folder / "project" / "parameters" / f"{CLIENT}.yml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = [f"name: {name}\n" if line.startswith("name:") else line for line in lines]
    path.write_text("".join(new), encoding="utf-8")


def remove_answers(folder: Path, count: int) -> None:
    """Remove the first of the shop's survey answers: a notebook must run again."""
    answers = Path("parameters", CLIENT, "answers.csv")
    lines = (CHECKOUT / answers).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "project" / answers).write_text("".join(lines[:1] + lines[1 + count :]), encoding="utf-8")


def start(
    folder: Path,
    *options: str,
    stop: str = "",
    cells: dict[str, str] | None = None,
    at_start: str = "",
    before: tuple[str, ...] = (),
) -> Run:
    """Start a run of the corner shop in a prepared folder.

    stop: of STOPS, or "" for none. cells: the code of the added cell by family; `STOPPED` in it is the file for the process id.
    at_start: code that each process executes at its start. before: a command that starts the run's command.
    """
    run_id = uuid4().hex
    site, stopped = folder / "sites" / run_id, folder / f"stopped-{run_id}"
    site.mkdir()
    values = {
        "STOPPED": str(stopped),
        "STOP": STOPS.get(stop, ""),
        "PAUSE": PAUSE,
        "CELLS": cells or {},
        "AT_START": at_start,
    }
    constants = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    (site / "sitecustomize.py").write_text(constants + _SITE, encoding="utf-8")
    environment = {
        "SOURCE_DATE_EPOCH": _EPOCH,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")])),
        "XDG_RUNTIME_DIR": str(folder / "sockets"),
        "TMPDIR": str(folder / "temporary"),
    }
    command = [*before, sys.executable, "-c", "import sys; from crmnb.cli import main; sys.exit(main())"]
    process = subprocess.Popen(  # noqa: S603 -- our own command
        [*command, "run", CLIENT, "--period", PERIOD, *options],
        cwd=folder / "project",
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The tests may be started with SIGINT ignored, as by `nohup make test &`; child processes would inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    return Run(process, run_id, stopped)


def until_stopped(run: Run) -> int:
    """Wait until a run has reached the point where it stops; returns the process that has stopped."""
    wait(lambda: run.stopped.exists() or run.process.poll() is not None, "the run neither stopped nor ended")
    assert run.stopped.exists(), run.process.communicate()
    return int(run.stopped.read_text())


def ended(run: Run) -> tuple[int, str, str]:
    """Wait until all processes of a run have ended; returns its exit code, standard output and standard error."""
    output, errors = run.process.communicate(timeout=_TIMEOUT)
    wait(lambda: not processes(run), "processes of the run are left")
    run.stopped.unlink(missing_ok=True)  # not earlier: a process that should have died would go on
    return run.process.returncode, output, errors


def processes(run: Run) -> dict[int, str]:
    """The role of each process of a run: runner, fork server, worker (of a job) or kernel; "other" for what these start."""
    parents = _parents()
    ids = {process for process in parents if _is_marked(run, process)}
    if run.process.poll() is None:
        ids.add(run.process.pid)
    ids |= {
        process for process, parent in parents.items() if parent in ids
    }  # a process with secrets hides its environment
    return {process: _role(run, process, parents.get(process)) for process in ids}


def _role(run: Run, process: int, parent: int | None) -> str:
    if process == run.process.pid:
        return "runner"
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return "other"
    if b"crmnb.run.fork_server" not in command:
        return "other"
    if parent == run.process.pid:
        return "fork server"
    with suppress(OSError):
        if os.readlink(f"/proc/{process}/fd/1").startswith("pipe:"):  # of ipykernel; the output of a job goes to a file
            return "kernel"
    return "worker"


def _parents() -> dict[int, int]:
    """The parent of each running process."""
    parents = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state, parent, *_ = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
            if state != b"Z":
                parents[int(process)] = int(parent)
    return parents


def _is_marked(run: Run, process: int) -> bool:
    with suppress(OSError):  # of another user, or it has ended
        return run.run_id.encode() in Path(f"/proc/{process}/environ").read_bytes()
    return False


def tree(folder: Path) -> dict[str, str]:
    """The report: the hash of each file, by name."""
    report = folder / "project" / "outputs" / CLIENT / PERIOD
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(report.rglob("*")) if path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """The files that no run may leave behind: sockets, temporary files and folders."""
    home = folder / "project" / "outputs" / CLIENT
    private = home / ".private"
    ids = [*(folder / "sockets").iterdir(), *(folder / "temporary").iterdir()]
    ids += [path for path in home.glob("*") if path.name not in (".private", PERIOD)]
    ids += [path for path in (private / ".run", private / "tables" / ".staging") if path.exists()]
    return [str(path.relative_to(folder)) for path in ids]


def wait(condition: Callable[[], bool], message: str) -> None:
    """Wait until a condition holds; otherwise AssertionError with the message."""
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.01)


def kill(process: int) -> None:
    """Kill a process."""
    os.kill(process, signal.SIGKILL)
