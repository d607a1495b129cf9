"""The fork server: it imports the modules once, and kernels and jobs are forked from it.

A run starts it (`python -m crmnb.run.fork_server FD`). It has one thread and ends with the run, however that ends; with it end all
processes that it forked, and their temporary files are removed. If a process that requested a fork dies, so does the forked process.
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
from crmnb.run.environment import remove_folder
from crmnb.run.process_cleanup import kill_processes
from crmnb.run.store import clean_up

# In the order of use: modules for the data, for the pages, for a kernel.
# Not matplotlib_inline: on import it connects charts to the shell, and only a kernel has a shell.
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
        "IPython.core.pylabtools",
    ),
    *("IPython.core.debugger", "IPython.core.oinspect", "IPython.core.completerlib", "IPython.extensions.storemagic"),
    *("faulthandler", "tornado.platform.asyncio", "tornado.queues"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "crmnb.metrics.definition"),
)
_BEFORE_IMPORTS = {"plan"}  # a job that imports its few modules itself; all others wait for the imports


@dataclass
class _Server:
    """The connections of the fork server and the processes that it has forked for each."""

    run: socket.socket
    selector: selectors.BaseSelector
    connections: dict[socket.socket, set[int]] = field(default_factory=dict)  # -> processes forked for it
    processes: dict[int, tuple[socket.socket, int]] = field(default_factory=dict)  # -> connection, id of the request
    sockets: dict[int, socket.socket] = field(default_factory=dict)  # process -> its own connection
    waiting: list[tuple[socket.socket, dict[str, Any], list[int]]] = field(default_factory=list)
    locks: dict[str, list[int]] = field(default_factory=dict)  # client -> descriptor of its lock
    folders: dict[str, list[Path]] = field(default_factory=dict)  # client -> folders to clean up
    ready: bool = False
    failure: str = ""  # why nothing can be forked


def main(file: int) -> None:
    """Serve the run at the other end of a socket until it ends; then kill the forked processes and clean up."""
    server = _Server(socket.socket(fileno=file), selectors.DefaultSelector())
    _listen(server, server.run)
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run handles it
    server.selector.register(wakeup_read, selectors.EVENT_READ, wakeup_read)
    gc.disable()  # what is imported stays: to look for garbage among it takes time and finds none
    sys.modules["debugpy"] = None  # nobody debugs the kernel of a run, and a kernel without it starts sooner
    try:
        for name in MODULES:
            try:
                importlib.import_module(name)
            except Exception as error:
                server.failure = f"{name} cannot be imported ({type(error).__name__}: {error})"
                break
            if not _serve(server, wait=False):
                return
        with contextlib.suppress(Exception):  # an error occurs again where the module is needed, and is reported there
            _fill_caches()
        gc.collect()
        gc.freeze()  # the collector would write to shared pages, which copies them
        server.ready = True
        while server.waiting:
            _fork(server, *server.waiting.pop(0))
        while _serve(server, wait=True):
            pass
    finally:
        _end(server)


def _fill_caches() -> None:
    """Load schemas, templates and fonts once, which the first chart and the first page of a process would load."""
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


def _listen(server: _Server, connection: socket.socket) -> None:
    server.connections[connection] = set()
    server.selector.register(connection, selectors.EVENT_READ, connection)


def _serve(server: _Server, *, wait: bool) -> bool:
    """Handle pending messages; False after the run has ended."""
    for key, _ in server.selector.select(None if wait else 0):
        if isinstance(key.data, int):
            os.read(key.data, 4096)
            _reap(server)
        elif key.data in server.connections and not _handle_message(server, key.data):
            return False
    return True


def _handle_message(server: _Server, connection: socket.socket) -> bool:
    """Handle one message of a connection; False if the run itself has ended."""
    message, files = protocol.receive(connection, max_files=3)
    if message is None and connection is server.run:  # a reset is received before the last message of a run that died
        message, files = protocol.receive(connection, max_files=3)
    if message is None:
        if connection is server.run:
            return False
        _close(server, connection)
    elif "kill" in message:
        for process, request in list(server.processes.items()):
            if request == (connection, message["kill"]):
                _kill(process)
    elif "share" in message:
        for descriptor in server.locks.pop(message["share"], []):
            os.close(descriptor)
        server.locks[message["share"]] = files
        server.folders[message["share"]] = [Path(folder) for folder in message["folders"]]
    elif server.ready or message["job"] in _BEFORE_IMPORTS:
        _fork(server, connection, message, files)
    else:
        server.waiting.append((connection, message, files))
    return True


def _fork(server: _Server, connection: socket.socket, request: dict[str, Any], files: list[int]) -> None:
    """Fork the requested process and reply; files: see `worker.run_request`."""
    reply: dict[str, Any] = {"id": request["id"]}
    parent = os.getpid()
    own_end, worker_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if server.failure:
            raise OSError(server.failure)
        if (threads := len(os.listdir("/proc/self/task"))) > 1:
            raise OSError(f"the fork server has {threads} threads")
        process = os.fork()
    except OSError as error:
        reply["error"] = str(error)
    else:
        if not process:
            _close_inherited(server, own_end, request.get("arguments"))
            worker.run_request(request, parent, files, worker_end)
        reply["pid"] = process
        server.connections[connection].add(process)
        server.processes[process] = (connection, request["id"])
        server.sockets[process] = own_end
        _listen(server, own_end)
    worker_end.close()
    for file in files:
        os.close(file)
    with contextlib.suppress(OSError):
        protocol.send(connection, reply)


def _close_inherited(server: _Server, own_end: socket.socket, arguments: Any) -> None:
    """In the child: close the server's files, so that the end of a connection is noticed; a job keeps its client's lock."""
    own_client = arguments["client"] if isinstance(arguments, dict) else None
    for client, locks in server.locks.items():
        for lock in locks if client != own_client else ():
            os.close(lock)
    gc.enable()
    server.selector.close()
    own_end.close()
    for connection in server.connections:
        connection.close()
    for _, _, files in server.waiting:  # pipes of other jobs: open here, their end would not be noticed
        for file in files:
            os.close(file)


def _reap(server: _Server) -> None:
    """Collect processes that have ended, and inform the connections that requested them."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        connection, request = server.processes.pop(process, (None, 0))
        _close(server, server.sockets.pop(process, None))  # first, so that none of its own processes is left
        if connection in server.connections:
            server.connections[connection].discard(process)
            with contextlib.suppress(OSError):
                protocol.send(connection, {"id": request, "exit_code": os.waitstatus_to_exitcode(status)})


def _close(server: _Server, connection: socket.socket | None) -> None:
    """Close a connection that has ended, and end the processes that were forked for it."""
    if connection not in server.connections:
        return
    server.selector.unregister(connection)
    for process in server.connections.pop(connection):
        _kill(process)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        server.processes.pop(process, None)
        _close(server, server.sockets.pop(process, None))
    server.waiting = [request for request in server.waiting if request[0] is not connection]
    connection.close()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it has no process group yet
        os.kill(process, signal.SIGKILL)


def _end(server: _Server) -> None:
    for process in server.processes:
        _kill(process)
    for process in list(server.processes):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
    kill_processes()
    for folders in server.folders.values():
        for folder in folders:
            clean_up(folder) if folder.name == ".private" else remove_folder(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]))
