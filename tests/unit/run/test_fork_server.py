"""The fork server and the kernels: forked where that is safe, started as usual where it is not, the same either way."""

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
from crmnb.run.environment import jupyter_environment, minimal_environment
from crmnb.run.fork_server import MODULES
from crmnb.run.notebook import KERNEL
from crmnb.run.provisioner import ForkProvisioner

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked in Linux only")
# A cell that prints facts about its process: who started it, its transport, and the open ports of the run.
LOOK = """
import json, os
from pathlib import Path
from ipykernel.connect import get_connection_info
from ipykernel.kernelapp import IPKernelApp
from crmnb.run.process_cleanup import find_processes

run = {os.getpid(), *find_processes(os.environ.get("CRMNB_RUN", "none"))}
open_files = {os.readlink(file) for process in run for file in Path(f"/proc/{process}/fd").glob("*") if os.path.lexists(file)}
tcp = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
facts = {
    "forked": "crmnb.run.fork_server" in Path(f"/proc/{os.getppid()}/cmdline").read_text(),
    "processes": len(run),
    "sockets": sum(link.startswith("socket:") for link in open_files),
    "ports": [line[1] for line in tcp if f"socket:[{line[9]}]" in open_files],
    "pipe": f"0100007F:{IPKernelApp.instance().iopub_thread._pipe_port:04X}",
    "transport": json.loads(get_connection_info())["transport"],
    "environment": dict(os.environ),
}
print(json.dumps(facts))
"""
IN_FORK_SERVER = "import sys\n\nif 'crmnb.run.fork_server' in sys.orig_argv:\n"
DISTURBANCES = {  # of the fork server, by a module that Python imports first
    "forked": "",
    "threads": f"{IN_FORK_SERVER}    import threading, time\n    threading.Thread(target=time.sleep, args=[600], daemon=True).start()",
    "broken": f"{IN_FORK_SERVER}    sys.modules['ipykernel.ipkernel'] = None",
    "elsewhere": "",
}
REASONS = {
    "threads": "the fork server has 2 threads",
    "broken": "cannot be imported (ModuleNotFoundError: import of ipykernel.ipkernel halted",
    "elsewhere": "darwin cannot fork processes safely",
}
VARIABLES = {"MY_TOKEN": "Canary", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, SimpleNamespace]:
    """A run of one family in each way: its report, its log, the facts that its cell printed, and how often Papermill's engine ran here."""
    results = {}
    for way, disturbance in DISTURBANCES.items():
        with pytest.MonkeyPatch.context() as patch:
            results[way] = _run(
                shortened(project(tmp_path_factory.mktemp(way))), disturbance, way == "elsewhere", patch
            )
    return results


def _run(folder: Path, disturbance: str, elsewhere: bool, patch: pytest.MonkeyPatch) -> SimpleNamespace:
    _look_about(folder / "notebooks" / "satisfaction.ipynb")
    (folder / "first").mkdir()
    (folder / "first" / "sitecustomize.py").write_text(disturbance)
    path = os.pathsep.join([str(folder / "first"), os.environ.get("PYTHONPATH", "")])
    for name, value in {"PYTHONPATH": path, "SOURCE_DATE_EPOCH": "1700000000", **VARIABLES}.items():
        patch.setenv(name, value)
    if elsewhere:
        patch.setattr("crmnb.run.fork_client.sys", SimpleNamespace(platform="darwin"))
        patch.setattr("crmnb.run.scheduler.sys", SimpleNamespace(platform="darwin"))
    engine, used = NBClientEngine.execute_managed_notebook, []
    patch.setattr(
        NBClientEngine, "execute_managed_notebook", lambda *args, **options: used.append(1) or engine(*args, **options)
    )
    code = crmnb(folder, "run", "corner_shop", "--period", "2025", "--family", "satisfaction")
    private = folder / "outputs" / "corner_shop" / ".private"
    notebook = nbformat.read(private / "runs" / "2025" / "satisfaction" / "notebook.ipynb", as_version=4)
    return SimpleNamespace(
        code=code,
        used=len(used),
        log=(private / "run.log").read_text(),
        facts=json.loads(notebook.cells[-1].outputs[0].text),
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
    assert runs["forked"].facts["forked"]
    assert runs["forked"].log == ""


@LINUX
@pytest.mark.parametrize("way", REASONS)
def test_where_processes_cannot_be_forked_the_run_goes_on_without_and_says_so(runs, way):
    assert runs[way].code == 0
    assert not runs[way].facts["forked"]
    assert REASONS[way] in runs[way].log
    assert "Traceback" not in runs[way].log
    assert runs[way].report == runs["forked"].report


@LINUX
@pytest.mark.parametrize("way", DISTURBANCES)
def test_kernels_are_reached_by_files_and_not_by_ports(runs, way):
    facts = runs[way].facts
    assert facts["transport"] == "ipc"
    # ipykernel's own, open to this machine only: what processes print that a cell forks comes by it
    assert facts["ports"] == [facts["pipe"]]
    assert facts["sockets"] >= 5  # of the kernel alone; so they were looked at
    assert (facts["processes"] >= 3) == (way == "forked")  # the fork server, the worker and the kernel


@LINUX
@pytest.mark.parametrize("way", DISTURBANCES)
def test_kernels_know_what_they_need_of_the_environment_either_way(runs, way):
    environment = runs[way].facts["environment"]
    assert "MY_TOKEN" not in environment
    assert (environment["LC_ALL"], environment["PYTHONHASHSEED"], environment["OMP_NUM_THREADS"]) == (
        "C.UTF-8",
        "0",
        "1",
    )
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
    assert environment.keys() - minimal_environment(os.environ | environment).keys() <= shells


@LINUX
def test_forked_and_spawned_kernels_have_the_same_variables(runs):
    of_the_way = {"CRMNB_RUN", "JPY_PARENT_PID", "PYDEVD_USE_FRAME_EVAL"}  # the last: set for debuggers by an import
    known = {way: run.facts["environment"].keys() - of_the_way for way, run in runs.items()}
    assert [names ^ known["forked"] for names in known.values()] == [set()] * len(known)


# ---- In the ecosystem's own way ---------------------------------------------------------------------------


def test_papermills_own_engine_runs_the_cells(runs):
    assert runs["elsewhere"].used == 1


def test_the_provisioner_is_found_by_its_entry_point_and_chosen_by_the_kernelspec(tmp_path, monkeypatch):
    (entry,) = entry_points(group="jupyter_client.kernel_provisioners", name="crmnb")
    assert entry.load() is ForkProvisioner
    for name, value in jupyter_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    for kernel, ours in ((KERNEL, True), ("python3", False)):
        manager = AsyncKernelManager(kernel_name=kernel)
        asyncio.run(manager.pre_start_kernel())
        assert isinstance(manager.provisioner, ForkProvisioner) == ours


@LINUX
def test_the_fork_server_has_one_thread_once_all_is_imported():
    """Measured where it counts: an import that starts a thread would have every kernel spawned, and nobody would notice."""
    program = (
        "import importlib, os, sys\nfrom crmnb.run import fork_server\nfor name in fork_server.MODULES: importlib.import_module(name)\n"
        "print(len(os.listdir('/proc/self/task')), 'matplotlib_inline' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program],
        env=minimal_environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["1", "False"], done.stderr
    assert len(MODULES) == len(set(MODULES))
