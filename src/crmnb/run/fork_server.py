"""The warm process: the imports are done in it once, and kernels and jobs are forked from it.

It is started by a run (`python -m crmnb.run.fork_server FD`), has one thread, and ends with the run, whichever way that ends:
with it end all that it forked, and what they left. Who asks for a process holds it: if the asker dies, so does the process.
"""

import contextlib
import gc
import importlib
import os
import pkgutil
import selectors
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmnb.run import protocol, worker
from crmnb.run.environment import remove
from crmnb.run.process_cleanup import end_all
from crmnb.run.store import tidy

# First what a client's data need, since that is asked for first; then what a page needs; then what a kernel has.
# Not matplotlib_inline: it ties charts to the shell as it is imported, and a shell exists in a kernel only.
MODULES = (
    *("crmnb.schema.client", "crmnb.intake", "crmnb.intake.pipeline", "crmnb.run.jobs"),
    *(
        "crmnb.workbook",
        "crmnb.run.evaluation_job",
        "crmnb.run.family_job",
        "crmnb.run.report_job",
        "papermill",
        "nbclient",
        "nbconvert",
    ),
    *(
        "crmnb.report.tables.scorecard",
        "crmnb.report.charts.trend",
        "crmnb.report.charts.segment_chart",
        "crmnb.report.charts.cohort_heatmap",
        "crmnb.report.text.sentences",
    ),
    *(
        "ipykernel.kernelapp",
        "ipykernel.zmqshell",
        "ipykernel.ipkernel",
        "ipykernel.debugger",
        "IPython.core.pylabtools",
    ),
    *("IPython.core.debugger", "IPython.core.oinspect", "IPython.core.completerlib", "IPython.extensions.storemagic"),
    *("faulthandler", "tornado.platform.asyncio", "tornado.queues"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "crmnb.metrics.definition"),
)
_AT_ONCE = {"prepare"}  # imports the little it needs by itself; all else waits for the imports


@dataclass
class _Warm:
    """Who may ask, and what was forked for whom."""

    run: socket.socket
    ears: selectors.BaseSelector
    askers: dict[socket.socket, set[int]] = field(default_factory=dict)  # -> processes
    processes: dict[int, tuple[socket.socket, int]] = field(default_factory=dict)  # -> asker and its number for it
    sockets: dict[int, socket.socket] = field(default_factory=dict)  # of a process -> on which it may ask
    waiting: list[tuple[socket.socket, dict[str, Any], list[int]]] = field(default_factory=list)
    locks: dict[str, list[int]] = field(default_factory=dict)  # of a client -> the lock's open file
    to_clean: dict[str, list[Path]] = field(default_factory=dict)
    ready: bool = False
    broken: str = ""  # why nothing can be forked


def main(file: int) -> None:
    """Serve the run at the other end of a socket until it is gone; then end what was forked, and clean up."""
    warm = _Warm(socket.socket(fileno=file), selectors.DefaultSelector())
    _listen(warm, warm.run)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run decides
    warm.ears.register(woken, selectors.EVENT_READ, woken)
    try:
        for name in MODULES:
            try:
                _import(name)
            except Exception as wrong:
                warm.broken = f"{name} cannot be imported ({type(wrong).__name__}: {wrong})"
                break
            if not _serve(warm, wait=False):
                return
        with contextlib.suppress(
            Exception
        ):  # what goes wrong here goes wrong again where it is needed, and is told there
            _prime()
        gc.collect()
        gc.freeze()  # the collector would copy pages that are shared
        warm.ready = True
        while warm.waiting:
            _fork(warm, *warm.waiting.pop(0))
        while _serve(warm, wait=True):
            pass
    finally:
        _end(warm)


def _import(name: str) -> None:
    # Takes a second for a grammar that only a check of addresses in JSON schemas would use.
    sys.modules.setdefault("rfc3987_syntax", None)
    importlib.import_module(name)


def _prime() -> None:
    """Do once what the first chart and the first page of a process take longer for: schemas, templates and fonts."""
    import narwhals._duckdb
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from crmnb.metrics.definition import catalogue
    from crmnb.report.display import note
    from crmnb.report.drawing.canvas import box, canvas, svg
    from crmnb.report.pages.family import body_of
    from crmnb.report.pages.frame import prime

    catalogue()
    for module in pkgutil.iter_modules(narwhals._duckdb.__path__, "narwhals._duckdb."):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)
    with canvas(100) as figure:
        box(figure, 10, 10, 10, 10).plot([0, 1], [0, 1], label="fonts")
        svg(figure)
    table = {"text/html": "<table class='dataframe'></table>"}
    output = new_output("execute_result", table, execution_count=1, metadata=note())
    notebook = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("1", execution_count=1, outputs=[output])])
    nbformat.validate(notebook)
    body_of(notebook)
    prime()


def _listen(warm: _Warm, asker: socket.socket) -> None:
    warm.askers[asker] = set()
    warm.ears.register(asker, selectors.EVENT_READ, asker)


def _serve(warm: _Warm, *, wait: bool) -> bool:
    """Answer what was asked meanwhile; False once the run is gone."""
    for key, _ in warm.ears.select(None if wait else 0):
        if isinstance(key.data, int):
            os.read(key.data, 4096)
            _reap(warm)
        elif key.data in warm.askers and not _hear(warm, key.data):
            return False
    return True


def _hear(warm: _Warm, asker: socket.socket) -> bool:
    """Take one message of an asker; False where the run itself is gone."""
    message, files = protocol.receive(asker, files=3)
    if message is None and asker is warm.run:  # if it died with a message unread, that is told before what it sent last
        message, files = protocol.receive(asker, files=3)
    if message is None:
        if asker is warm.run:
            return False
        _forget(warm, asker)
    elif "kill" in message:
        for process, held in list(warm.processes.items()):
            if held == (asker, message["kill"]):
                _kill(process)
    elif "hold" in message:
        for file in warm.locks.pop(message["hold"], []):
            os.close(file)
        warm.locks[message["hold"]] = files
        warm.to_clean[message["hold"]] = [Path(folder) for folder in message["clean"]]
    elif warm.ready or message["do"] in _AT_ONCE:
        _fork(warm, asker, message, files)
    else:
        warm.waiting.append((asker, message, files))
    return True


def _fork(warm: _Warm, asker: socket.socket, request: dict[str, Any], files: list[int]) -> None:
    """Fork the process that was asked for, and tell the asker; files: as `child.become` wants them."""
    answer: dict[str, Any] = {"id": request["id"]}
    parent = os.getpid()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if warm.broken:
            raise OSError(warm.broken)
        if (threads := len(os.listdir("/proc/self/task"))) > 1:
            raise OSError(f"the warm process has {threads} threads")
        process = os.fork()
    except OSError as no:
        answer["refused"] = str(no)
    else:
        if not process:
            _let_go(warm, ours, request.get("arguments"))
            worker.become(request, parent, files, theirs)
        answer["pid"] = process
        warm.askers[asker].add(process)
        warm.processes[process] = (asker, request["id"])
        warm.sockets[process] = ours
        _listen(warm, ours)
    theirs.close()
    for file in files:
        os.close(file)
    with contextlib.suppress(OSError):
        protocol.send(asker, answer)


def _let_go(warm: _Warm, ours: socket.socket, arguments: Any) -> None:
    """In the child: close what is the warm process's own, so that an asker's end is seen; a job keeps its client's lock."""
    mine = arguments["client"] if isinstance(arguments, dict) else None
    for client, locks in warm.locks.items():
        for lock in locks if client != mine else ():
            os.close(lock)
    gc.enable()
    warm.ears.close()
    ours.close()
    for asker in warm.askers:
        asker.close()
    for _, _, files in warm.waiting:  # where another job tells: held here, its end would not be seen
        for file in files:
            os.close(file)


def _reap(warm: _Warm) -> None:
    """Take note of processes that have ended, and tell who asked for them."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        asker, number = warm.processes.pop(process, (None, 0))
        _forget(warm, warm.sockets.pop(process, None))  # before its end is told: then nobody is at work for it any more
        if asker in warm.askers:
            warm.askers[asker].discard(process)
            with contextlib.suppress(OSError):
                protocol.send(asker, {"id": number, "ended": os.waitstatus_to_exitcode(status)})


def _forget(warm: _Warm, asker: socket.socket | None) -> None:
    """An asker is gone: so must be what was forked for it, and is at the end of this."""
    if asker not in warm.askers:
        return
    warm.ears.unregister(asker)
    for process in warm.askers.pop(asker):
        _kill(process)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        warm.processes.pop(process, None)
        _forget(warm, warm.sockets.pop(process, None))
    warm.waiting = [one for one in warm.waiting if one[0] is not asker]
    asker.close()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it has no group of its own yet
        os.kill(process, signal.SIGKILL)


def _end(warm: _Warm) -> None:
    for process in warm.processes:
        _kill(process)
    for process in list(warm.processes):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
    end_all()
    for folders in warm.to_clean.values():
        for folder in folders:
            tidy(folder) if folder.name == ".private" else remove(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]))
