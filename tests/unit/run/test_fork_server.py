"""The warm process and the kernels: forked where that is safe, started as usual where it is not, the same either way."""

import asyncio
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from papermill.engines import NBClientEngine

from conftest import crmnb, project, shortened
from crmnb.run.environment import for_jupyter, minimal
from crmnb.run.fork_server import MODULES
from crmnb.run.notebook import KERNEL
from crmnb.run.provisioner import ForkProvisioner

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked in Linux only")
# What a cell tells of its process: who started it, how one talks to it, and what of the run can be reached from outside.
LOOK = """
import json, os
from pathlib import Path
from ipykernel.connect import get_connection_info
from ipykernel.kernelapp import IPKernelApp
from crmnb.run.process_cleanup import marked

run = {os.getpid(), *marked(os.environ.get("CRMNB_RUN", "none"))}
held = {os.readlink(file) for process in run for file in Path(f"/proc/{process}/fd").glob("*") if os.path.lexists(file)}
tcp = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
told = {
    "forked": "crmnb.run.fork_server" in Path(f"/proc/{os.getppid()}/cmdline").read_text(),
    "processes": len(run),
    "sockets": sum(link.startswith("socket:") for link in held),
    "ports": [line[1] for line in tcp if f"socket:[{line[9]}]" in held],
    "pipe": f"0100007F:{IPKernelApp.instance().iopub_thread._pipe_port:04X}",
    "transport": json.loads(get_connection_info())["transport"],
    "environment": dict(os.environ),
}
print(json.dumps(told))
"""
IN_WARM = "import sys\n\nif 'crmnb.run.fork_server' in sys.orig_argv:\n"
SPOILED = {  # what is done to the warm process, by a module that Python itself imports first
    "forked": "",
    "threads": f"{IN_WARM}    import threading, time\n    threading.Thread(target=time.sleep, args=[600], daemon=True).start()",
    "broken": f"{IN_WARM}    sys.modules['ipykernel.ipkernel'] = None",
    "elsewhere": "",
}
REASONS = {
    "threads": "the warm process has 2 threads",
    "broken": "cannot be imported (ModuleNotFoundError: import of ipykernel.ipkernel halted",
    "elsewhere": "no process is forked on darwin",
}
GIVEN = {"MY_TOKEN": "Canary", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, SimpleNamespace]:
    """A run of one family in each way: its report, its log, what its cell told, and how often Papermill's engine was used here."""
    found = {}
    for way, spoil in SPOILED.items():
        with pytest.MonkeyPatch.context() as patch:
            found[way] = _run(shortened(project(tmp_path_factory.mktemp(way))), spoil, way == "elsewhere", patch)
    return found


def _run(folder: Path, spoil: str, elsewhere: bool, patch: pytest.MonkeyPatch) -> SimpleNamespace:
    _look_about(folder / "notebooks" / "satisfaction.ipynb")
    (folder / "first").mkdir()
    (folder / "first" / "sitecustomize.py").write_text(spoil)
    path = os.pathsep.join([str(folder / "first"), os.environ.get("PYTHONPATH", "")])
    for name, value in {"PYTHONPATH": path, "SOURCE_DATE_EPOCH": "1700000000", **GIVEN}.items():
        patch.setenv(name, value)
    if elsewhere:
        patch.setattr("crmnb.run.fork_client.sys", SimpleNamespace(platform="darwin"))
        patch.setattr("crmnb.run.scheduler.sys", SimpleNamespace(platform="darwin"))
    engine, used = NBClientEngine.execute_managed_notebook, []
    patch.setattr(
        NBClientEngine, "execute_managed_notebook", lambda *given, **more: used.append(1) or engine(*given, **more)
    )
    code = crmnb(folder, "run", "corner_shop", "--period", "2025", "--family", "satisfaction")
    private = folder / "outputs" / "corner_shop" / ".private"
    notebook = nbformat.read(private / "runs" / "2025" / "satisfaction" / "notebook.ipynb", as_version=4)
    return SimpleNamespace(
        code=code,
        used=len(used),
        log=(private / "run.log").read_text(),
        told=json.loads(notebook.cells[-1].outputs[0].text),
        report={file.name: file.read_bytes() for file in (private.parent / "2025").iterdir()},
    )


def _look_about(path: Path) -> None:
    """Add a cell to a notebook that looks about, for the analyst only."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK, id="look", metadata={"tags": ["analyst-only"]}))
    nbformat.write(notebook, path)


# ---- Forked where it is safe, and else not ----------------------------------------------------------------


@LINUX
def test_kernels_are_forked_and_nothing_is_said(runs):
    assert runs["forked"].code == 0
    assert runs["forked"].told["forked"]
    assert runs["forked"].log == ""


@LINUX
@pytest.mark.parametrize("way", REASONS)
def test_where_processes_cannot_be_forked_the_run_goes_on_without_and_says_so(runs, way):
    assert runs[way].code == 0
    assert not runs[way].told["forked"]
    assert REASONS[way] in runs[way].log
    assert "Traceback" not in runs[way].log
    assert runs[way].report == runs["forked"].report


@LINUX
@pytest.mark.parametrize("way", SPOILED)
def test_kernels_are_reached_by_files_and_not_by_ports(runs, way):
    told = runs[way].told
    assert told["transport"] == "ipc"
    # ipykernel's own, open to this machine only: what processes print that a cell forks comes by it
    assert told["ports"] == [told["pipe"]]
    assert told["sockets"] >= 5  # of the kernel alone; so they were looked at
    assert (told["processes"] >= 3) == (way == "forked")  # the warm process, the worker and the kernel


@LINUX
@pytest.mark.parametrize("way", SPOILED)
def test_kernels_know_what_they_need_of_the_environment_either_way(runs, way):
    given = runs[way].told["environment"]
    assert "MY_TOKEN" not in given
    assert (given["LC_ALL"], given["PYTHONHASHSEED"], given["OMP_NUM_THREADS"]) == ("C.UTF-8", "0", "1")
    # what ipykernel sets by itself
    shells = {
        "TERM",
        "CLICOLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "PAGER",
        "GIT_PAGER",
        "JPY_PARENT_PID",
        "PYDEVD_USE_FRAME_EVAL",
    }
    assert given.keys() - minimal(os.environ | given).keys() <= shells


@LINUX
def test_forked_and_spawned_kernels_have_the_same_variables(runs):
    of_the_way = {"CRMNB_RUN", "JPY_PARENT_PID", "PYDEVD_USE_FRAME_EVAL"}  # the last: set for debuggers by an import
    known = {way: run.told["environment"].keys() - of_the_way for way, run in runs.items()}
    assert [names ^ known["forked"] for names in known.values()] == [set()] * len(known)


# ---- In the ecosystem's own way ---------------------------------------------------------------------------


def test_papermills_own_engine_runs_the_cells(runs):
    assert runs["elsewhere"].used == 1


def test_the_provisioner_is_found_by_its_entry_point_and_chosen_by_the_kernelspec(tmp_path, monkeypatch):
    (entry,) = entry_points(group="jupyter_client.kernel_provisioners", name="crmnb")
    assert entry.load() is ForkProvisioner
    for name, value in for_jupyter(tmp_path).items():
        monkeypatch.setenv(name, value)
    for kernel, ours in ((KERNEL, True), ("python3", False)):
        manager = AsyncKernelManager(kernel_name=kernel)
        asyncio.run(manager.pre_start_kernel())
        assert isinstance(manager.provisioner, ForkProvisioner) == ours


@LINUX
def test_the_warm_process_has_one_thread_once_all_is_imported():
    """Measured where it counts: an import that starts a thread would have every kernel spawned, and nobody would notice."""
    program = (
        "import os, sys\nfrom crmnb.run import fork_server\nfor name in fork_server.MODULES: fork_server._import(name)\n"
        "print(len(os.listdir('/proc/self/task')), 'matplotlib_inline' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], env=minimal(os.environ), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "False"], done.stderr
    assert len(MODULES) == len(set(MODULES))
