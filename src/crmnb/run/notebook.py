"""Executes one notebook with Papermill and reports how it ended."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat
import papermill
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import Type
from traitlets.config import Config

from crmnb.core.environment import PAGE_KEY, RECORD_FOLDER
from crmnb.core.errors import InputError, escape_unprintable, nearest
from crmnb.report.display import settle
from crmnb.run.jobs import Interruption, StepCallback
from crmnb.run.process_cleanup import find_processes, kill_processes

KERNEL = "crmnb"  # our kernelspec, which chooses our provisioner
# Names of errors in a cell that are caused by the machine rather than by the notebook.
_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryException")
MAX_OUTPUT_BYTES = 10_000_000  # of one cell
_MAX_LINE = 80
_FILE_ERRORS = ("OSError", "IOException", "BlockingIOError", "PermissionError")


class NotebookFailure(Exception):
    """A notebook failed and has no page: `str()` is the reason, worded for the client's page, `remedy` is for the analyst."""

    def __init__(self, reason: str, remedy: str = ""):
        super().__init__(reason)
        self.remedy = remedy


class _OutputTooLarge(Exception):
    """The output of a cell exceeds the limit."""


class _LimitedChannel(AsyncZMQSocketChannel):
    """The channel for outputs, limited to `MAX_OUTPUT_BYTES` per cell: memory and disk are finite."""

    _cell, _size = "", 0

    async def _recv(self, **options: Any) -> dict[str, Any]:
        parts = await self.socket.recv_multipart(**options)
        message = self.session.deserialize(self.session.feed_identities(parts)[1])
        cell = message["parent_header"].get("msg_id", "")
        self._size = sum(map(len, parts)) + (self._size if cell == self._cell else 0)
        self._cell = cell
        if self._size > MAX_OUTPUT_BYTES:
            raise _OutputTooLarge
        return message


class PromptClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel has answered on both channels, rather than 0.2 seconds later.

    Late messages of the handshake carry the id of their request and are ignored by the execution of cells.
    """

    iopub_channel_class = Type(_LimitedChannel)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the kernel. Raises RuntimeError if it died, or after `timeout` seconds."""
        from queue import Empty

        deadline = time.monotonic() + (timeout or float("inf"))
        while True:
            self.kernel_info()
            try:
                reply = await self.shell_channel.get_msg(timeout=1)
                if reply["msg_type"] == "kernel_info_reply":
                    await self.iopub_channel.get_msg(timeout=0.2)
                    self._handle_kernel_info_reply(reply)
                    return
            except Empty:
                pass
            if not await self.is_alive():
                raise RuntimeError("the kernel died before it was ready")
            if time.monotonic() > deadline:
                raise RuntimeError("the kernel was not ready in time")


@dataclass
class _Monitor:
    """The progress of an execution: the current cell and the times of each phase."""

    on_step: StepCallback
    started: float = field(default_factory=time.monotonic)
    ready: float = 0.0
    finished: float = 0.0
    notebook: Any = None
    cell: str = "?"

    def start_notebook(self, notebook: Any, **_: Any) -> None:
        self.ready, self.notebook = time.monotonic(), notebook

    def start_cell(self, cell: Any, cell_index: int, **_: Any) -> None:
        self.cell = cell.get("id", "?")
        self.on_step(f"cell {cell_index + 1} of {len(self.notebook.cells)}: {self.cell}")

    def finish_cell(self, **_: Any) -> None:
        self.finished = time.monotonic()


def execute_notebook(
    source: Path, output: Path, parameters: dict[str, str], folder: Path, time_limit: float, on_step: StepCallback
) -> dict[str, float]:
    """Execute a notebook with Papermill, in a kernel of the current environment, with declared parameters only.

    The executed notebook is written to `output`, also after a failure, without metadata of this machine. time_limit: of a
    cell, in seconds. Returns the seconds of each phase: kernel (until it is ready), cells, saves.
    Raises InputError for a parameter that the notebook does not declare (Papermill would only log it, and would execute its
    name as code), NotebookFailure if a cell raised an error, Interruption if something else stopped it.
    """
    if not source.exists():
        raise NotebookFailure(f"the notebook {source.name} is missing.")
    _reject_undeclared(source, parameters)
    monitor = _Monitor(on_step)
    try:
        papermill.execute_notebook(
            _escape_braces(source),
            None,
            parameters,
            kernel_name=KERNEL,
            cwd=str(folder),
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            execution_timeout=time_limit,
            config=_config(),
            on_notebook_start=monitor.start_notebook,
            on_cell_start=monitor.start_cell,
            on_cell_complete=monitor.finish_cell,
        )
    except PapermillExecutionError as error:
        _write(monitor, output)
        raise _failure(error, monitor.cell) from None
    except CellTimeoutError:
        _write(monitor, output)
        raise Interruption(
            f"the notebook's cell {monitor.cell!r} took longer than the limit of {time_limit:g} seconds."
        ) from None
    except (DeadKernelError, RuntimeError):
        _write(monitor, output)
        where = f" in cell {monitor.cell!r}" if monitor.notebook else ""
        raise Interruption(f"the notebook's kernel died{where}: it was killed or ran out of memory.") from None
    except _OutputTooLarge:
        _current_cell(monitor).outputs = []
        _write(monitor, output)
        limit = f"{MAX_OUTPUT_BYTES / 1e6:g} MB"
        raise NotebookFailure(
            f"the output of the notebook's cell {monitor.cell!r} exceeds the limit of {limit}.",
            f"Cell {monitor.cell}, which begins with `{first_line(_current_cell(monitor))}`: show less or write it to a file.",
        ) from None
    except (nbformat.ValidationError, ValueError, LookupError, TypeError) as error:
        _write(monitor, output)
        raise NotebookFailure(f"the notebook cannot be read ({type(error).__name__}).") from None
    finally:
        if find_processes(os.environ.get(RECORD_FOLDER), RECORD_FOLDER):  # started by its cells; they would go on
            kill_processes(variable=RECORD_FOLDER)
    _write(monitor, output)
    counts = [
        cell.execution_count for cell in monitor.notebook.cells if cell.cell_type == "code" and cell.source.strip()
    ]
    if not all(counts):  # Papermill's metadata are not reliable in this
        raise Interruption("the notebook did not run to its end.")
    written = time.monotonic()
    return {
        "kernel": monitor.ready - monitor.started,
        "cells": monitor.finished - monitor.ready,
        "saves": written - monitor.finished,
    }


def first_line(cell: Any) -> str:
    """The first line of a cell's source, shortened for a message."""
    lines = cell.source.strip().splitlines() or [""]
    return escape_unprintable(lines[0] if len(lines[0]) <= _MAX_LINE else f"{lines[0][:_MAX_LINE]}...")


def _current_cell(monitor: _Monitor) -> Any:
    return next(cell for cell in monitor.notebook.cells if cell.get("id", "?") == monitor.cell)


def _escape_braces(path: Path) -> str:
    """The path for Papermill, which would otherwise replace text in braces by parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _reject_undeclared(source: Path, parameters: dict[str, str]) -> None:
    declared = set(papermill.inspect_notebook(_escape_braces(source)))
    for name, value in parameters.items():
        if name not in declared or not name.isidentifier() or not isinstance(value, str):
            raise InputError(f"notebook {source.name}: {name!r} is not one of its parameters.{nearest(name, declared)}")


def _config() -> Config:
    """Kernels communicate over private files rather than open ports, if the system supports it, and keep no history.

    By default, Jupyter gives the files of all kernels the same names, in the working folder of each.
    """
    quiet = ["--IPKernelApp.log_level=CRITICAL", "--HistoryManager.enabled=False"]
    base = f"{os.environ['JUPYTER_RUNTIME_DIR']}/{uuid4().hex[:8]}"  # the run removes this folder
    manager: dict[str, Any] = {"client_factory": PromptClient, "connection_file": f"{base}.json"}
    if sys.platform != "win32":
        manager |= {"transport": "ipc", "ip": base}
    return Config(
        NotebookClient={"extra_arguments": quiet, "shutdown_kernel": "immediate"},
        AsyncKernelManager=manager,
    )


def _failure(error: PapermillExecutionError, cell: str) -> Exception:
    if error.ename in _OUT_OF_MEMORY or not error.traceback:  # without memory a kernel cannot even report an error
        return Interruption(f"the notebook's cell {cell!r} needed more memory than the limit.")
    if error.ename in _FILE_ERRORS:
        return Interruption(f"the notebook's cell {cell!r} could not read or write a file ({error.ename}).")
    # Only our own errors are worded for readers; other texts may contain anything.
    message = f": {error.evalue}" if error.ename in ("InputError", "Unavailable") else "."
    return NotebookFailure(f"the notebook stopped in cell {cell!r}{message}")


def _write(monitor: _Monitor, output: Path) -> None:
    """Write the executed notebook, as far as it ran, without metadata of this machine and of the time."""
    if (notebook := monitor.notebook) is None:
        return
    language = notebook.metadata.get("language_info", {}).get("name", "python")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": language},
        }
    )
    key = os.environ.get(PAGE_KEY, "")
    for cell in notebook.cells:
        for cell_output in cell.get("outputs", ()):
            settle(cell_output, key)
        cell.metadata = nbformat.from_dict({name: tags for name, tags in cell.metadata.items() if name == "tags"})
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
    nbformat.write(notebook, output)
