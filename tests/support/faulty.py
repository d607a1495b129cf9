"""A run that is disturbed, and what must hold after it: shared by the tests of faults and the benchmark `faults`.

A run stops where it is told to, without a hook in the product: a `sitecustomize` on PYTHONPATH, which a run hands down, wraps one function;
a cell that is put into each notebook executes what the environment says. Every process of a run carries the run's mark.
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

CHECKOUT = Path(__file__).parents[2]
CLIENT, PERIOD = "corner_shop", "2025"
FAMILIES = ("retention", "satisfaction")
# A time of day stands on the pages; fixed, two runs of the same data make the same bytes.
_EPOCH = "1767225600"
_PATIENCE = 60.0  # seconds that a disturbed run has to end; it ends in a few, but the machine may be busy

# Where a run can be stopped: the function, and whether before or after it. Cells are stopped by code of their own.
STOPS = {
    "intake": "crmnb.intake.pipeline:_take_table:before",
    "export": "crmnb.run.family_job:body_of:before",
    "results": "crmnb.run.report_job:write_xlsx:before",
    "swap": "crmnb.core.folder_swap:_exchange:before",
    "swapped": "crmnb.core.folder_swap:_exchange:after",
}

# Code that tells its process into a file, and waits until that is removed.
PAUSE = """
import os, time
with open(STOPPED + ".new", "w") as told:
    told.write(str(os.getpid()))
os.rename(STOPPED + ".new", STOPPED)
while os.path.exists(STOPPED):
    time.sleep(0.01)
"""

_SITE = '''
"""Of one run: STOP is a function to wrap (module:function:before or after) once its module is there, or nothing."""
import sys
from importlib.machinery import PathFinder

def cell(family):
    exec(CELLS.get(family, ""))

def wrapped(call, when):
    def stopping(*given, **named):
        if when == "before":
            exec(PAUSE)
        gave = call(*given, **named)
        if when == "after":
            exec(PAUSE)
        return gave
    return stopping

class Finder:
    def find_spec(name, path=None, target=None):
        module, function, when = STOP.split(":")
        if name != module:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def exec_module(made):
            execute(made)
            setattr(made, function, wrapped(getattr(made, function), when))
        spec.loader.exec_module = exec_module
        return spec

if STOP:
    sys.meta_path.insert(0, Finder)
exec(AT_START)
'''


@dataclass
class Run:
    """A run that was started: the mark in the environment of all its processes, and the file in which one says that it stopped."""

    process: subprocess.Popen
    mark: str
    stopped: Path


def place(folder: Path) -> Path:
    """Make a folder into a place for runs: the project, and beside it the folders for sockets and temporary files."""
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
    return folder


def short_folder() -> Path:
    """A new folder; its name is short, as the name of a socket in it must be."""
    return Path(tempfile.mkdtemp(prefix="f-", dir="/tmp"))


def rename(folder: Path, name: str) -> None:
    """Call the client something else: the report is to be made anew, the notebooks need not be run."""
    path = folder / "project" / "parameters" / f"{CLIENT}.yml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = [f"name: {name}\n" if line.startswith("name:") else line for line in lines]
    path.write_text("".join(new), encoding="utf-8")


def answer(folder: Path, fewer: int) -> None:
    """Leave out so many of the shop's answers, the first: a notebook is to be run anew."""
    answers = Path("parameters", CLIENT, "answers.csv")
    lines = (CHECKOUT / answers).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "project" / answers).write_text("".join(lines[:1] + lines[1 + fewer :]), encoding="utf-8")


def start(
    folder: Path,
    *options: str,
    stop: str = "",
    cells: dict[str, str] | None = None,
    at_start: str = "",
    before: tuple[str, ...] = (),
) -> Run:
    """Start a run of the corner shop in a place.

    stop: of STOPS, or "" for none. cells: code that the cell of a family does; `STOPPED` in it is the file to tell into.
    at_start: code that each process does at its start. before: a command that starts the run's.
    """
    mark = uuid4().hex
    site, stopped = folder / "sites" / mark, folder / f"stopped-{mark}"
    site.mkdir()
    told = {
        "STOPPED": str(stopped),
        "STOP": STOPS.get(stop, ""),
        "PAUSE": PAUSE,
        "CELLS": cells or {},
        "AT_START": at_start,
    }
    constants = "".join(f"{name} = {value!r}\n" for name, value in told.items())
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
        # Whoever starts the tests may ignore the keyboard's stop, as `nohup make test &` does, and its processes would, too.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    return Run(process, mark, stopped)


def until_stopped(run: Run) -> int:
    """Wait until a run has come to where it is to stop; the process that has."""
    wait(lambda: run.stopped.exists() or run.process.poll() is not None, "the run neither stopped nor ended")
    assert run.stopped.exists(), run.process.communicate()
    return int(run.stopped.read_text())


def ended(run: Run) -> tuple[int, str, str]:
    """Wait until nothing of a run is at work any more; its exit code, and what it printed and complained."""
    said, wrong = run.process.communicate(timeout=_PATIENCE)
    wait(lambda: not processes(run), "processes of the run are left")
    run.stopped.unlink(missing_ok=True)  # not before: it would let one go on that should have died
    return run.process.returncode, said, wrong


def processes(run: Run) -> dict[int, str]:
    """What each process of a run is: runner, warm, worker (one that does a job) or kernel; "other" for what these start."""
    parents = _parents()
    found = {process for process in parents if _is_marked(run, process)}
    if run.process.poll() is None:
        found.add(run.process.pid)
    found |= {
        process for process, parent in parents.items() if parent in found
    }  # who knows secrets hides its environment
    return {process: _what(run, process, parents.get(process)) for process in found}


def _what(run: Run, process: int, parent: int | None) -> str:
    if process == run.process.pid:
        return "runner"
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return "other"
    if b"crmnb.run.fork_server" not in command:
        return "other"
    if parent == run.process.pid:
        return "warm"
    with suppress(OSError):
        if os.readlink(f"/proc/{process}/fd/1").startswith("pipe:"):  # ipykernel's; what a job prints goes to a file
            return "kernel"
    return "worker"


def _parents() -> dict[int, int]:
    """The parent of each process that runs."""
    parents = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state, parent, *_ = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
            if state != b"Z":
                parents[int(process)] = int(parent)
    return parents


def _is_marked(run: Run, process: int) -> bool:
    with suppress(OSError):  # of another user, or gone
        return run.mark.encode() in Path(f"/proc/{process}/environ").read_bytes()
    return False


def tree(folder: Path) -> dict[str, str]:
    """The tree that may be sent: the hash of each file, by name."""
    report = folder / "project" / "outputs" / CLIENT / PERIOD
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(report.rglob("*")) if path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """What no run may leave behind: sockets, temporary files and folders."""
    home = folder / "project" / "outputs" / CLIENT
    private = home / ".private"
    found = [*(folder / "sockets").iterdir(), *(folder / "temporary").iterdir()]
    found += [path for path in home.glob("*") if path.name not in (".private", PERIOD)]
    found += [path for path in (private / ".run", private / "tables" / ".staging") if path.exists()]
    return [str(path.relative_to(folder)) for path in found]


def wait(done: Callable[[], bool], else_: str) -> None:
    """Wait until something is done; an AssertionError that says what is not."""
    until = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < until, else_
        time.sleep(0.01)


def kill(process: int) -> None:
    """End a process at once, whatever it does."""
    os.kill(process, signal.SIGKILL)
