"""Executing one notebook by Papermill, and telling how that ended."""

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
from crmnb.run.jobs import Interrupted, Say
from crmnb.run.process_cleanup import end_all, marked

KERNEL = "crmnb"  # our kernelspec, which chooses our provisioner
# What an error of a cell is called where it tells of the machine rather than of the notebook.
_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryException")
MOST_SHOWN = 10_000_000  # bytes that a cell may show
_LONGEST_LINE = 80
_OF_THE_MACHINE = ("OSError", "IOException", "BlockingIOError", "PermissionError")


class NotebookFailure(Exception):
    """A notebook has no page: `str()` says why in words that may stand on a client's page, `remedy` what the analyst can do."""

    def __init__(self, said: str, remedy: str = ""):
        super().__init__(said)
        self.remedy = remedy


class _ShowsTooMuch(Exception):
    """A cell shows more than is allowed."""


class _LimitedChannel(AsyncZMQSocketChannel):
    """The channel of what cells show, which takes no more than `MOST_SHOWN` of one: memory and the disk have an end."""

    _cell, _size = "", 0

    async def _recv(self, **how: Any) -> dict[str, Any]:
        parts = await self.socket.recv_multipart(**how)
        message = self.session.deserialize(self.session.feed_identities(parts)[1])
        cell = message["parent_header"].get("msg_id", "")
        self._size = sum(map(len, parts)) + (self._size if cell == self._cell else 0)
        self._cell = cell
        if self._size > MOST_SHOWN:
            raise _ShowsTooMuch
        return message


class PromptClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel has answered on both channels, rather than a fifth of a second later.

    What comes late of the handshake carries the id of its request, and is passed over by whoever waits for a cell.
    """

    iopub_channel_class = Type(_LimitedChannel)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the kernel; RuntimeError if it died, or after `timeout` seconds."""
        from queue import Empty

        until = time.monotonic() + (timeout or float("inf"))
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
            if time.monotonic() > until:
                raise RuntimeError("the kernel was not ready in time")


@dataclass
class _Watch:
    """What is seen of a notebook as it runs: the cell that it is at, and when it got where."""

    say: Say
    began: float = field(default_factory=time.monotonic)
    ready: float = 0.0
    done: float = 0.0
    notebook: Any = None
    cell: str = "?"

    def start(self, notebook: Any, **_: Any) -> None:
        self.ready, self.notebook = time.monotonic(), notebook

    def at(self, cell: Any, cell_index: int, **_: Any) -> None:
        self.cell = cell.get("id", "?")
        self.say(f"cell {cell_index + 1} of {len(self.notebook.cells)}: {self.cell}")

    def end(self, **_: Any) -> None:
        self.done = time.monotonic()


def execute(
    source: Path, kept: Path, parameters: dict[str, str], folder: Path, limit: float, say: Say
) -> dict[str, float]:
    """Execute a notebook by Papermill, in a kernel of the environment as it is, with declared parameters only.

    The executed notebook is left at `kept`, also after a failure, without anything that tells of this machine. limit:
    seconds that a cell may take. Gives the seconds that it took: kernel (until it is ready), cells, saves.
    Raises InputError for a parameter that the notebook does not declare (Papermill would only log it, and a name is
    executed as it stands), NotebookFailure where a cell raised an error, Interrupted where something else stopped it.
    """
    if not source.exists():
        raise NotebookFailure(f"there is no notebook {source.name}.")
    _refuse_undeclared(source, parameters)
    watch = _Watch(say)
    try:
        papermill.execute_notebook(
            _as_it_is(source),
            None,
            parameters,
            kernel_name=KERNEL,
            cwd=str(folder),
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            execution_timeout=limit,
            config=_config(),
            on_notebook_start=watch.start,
            on_cell_start=watch.at,
            on_cell_complete=watch.end,
        )
    except PapermillExecutionError as error:
        _keep(watch, kept)
        raise _failure(error, watch.cell) from None
    except CellTimeoutError:
        _keep(watch, kept)
        raise Interrupted(
            f"the notebook's cell {watch.cell!r} took longer than the {limit:g} seconds allowed."
        ) from None
    except (DeadKernelError, RuntimeError):
        _keep(watch, kept)
        where = f" at its cell {watch.cell!r}" if watch.notebook else ""
        raise Interrupted(f"the notebook's kernel died{where}: it was killed, or ran out of memory.") from None
    except _ShowsTooMuch:
        _cell_of(watch).outputs = []
        _keep(watch, kept)
        most = f"{MOST_SHOWN / 1e6:g} MB"
        raise NotebookFailure(
            f"the notebook's cell {watch.cell!r} shows more than the {most} that a cell may show.",
            f"cell {watch.cell}, which begins with `{first_line(_cell_of(watch))}`: show less of it, or write it to a file.",
        ) from None
    except (nbformat.ValidationError, ValueError, LookupError, TypeError) as error:
        _keep(watch, kept)
        raise NotebookFailure(f"the notebook cannot be read ({type(error).__name__}).") from None
    finally:
        if marked(os.environ.get(RECORD_FOLDER), RECORD_FOLDER):  # its cells have started processes, which would stay
            end_all(variable=RECORD_FOLDER)
    _keep(watch, kept)
    ran = [cell.execution_count for cell in watch.notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if not all(ran):  # what Papermill's metadata say of that is not believed
        raise Interrupted("the notebook did not run to its end.")
    ended = time.monotonic()
    return {"kernel": watch.ready - watch.began, "cells": watch.done - watch.ready, "saves": ended - watch.done}


def first_line(cell: Any) -> str:
    """The first line of a cell's source, in short, as a message may show it."""
    lines = cell.source.strip().splitlines() or [""]
    return escape_unprintable(lines[0] if len(lines[0]) <= _LONGEST_LINE else f"{lines[0][:_LONGEST_LINE]}...")


def _cell_of(watch: _Watch) -> Any:
    return next(cell for cell in watch.notebook.cells if cell.get("id", "?") == watch.cell)


def _as_it_is(path: Path) -> str:
    """A path that Papermill takes as it stands: it would put parameters in the place of braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _refuse_undeclared(source: Path, parameters: dict[str, str]) -> None:
    declared = set(papermill.inspect_notebook(_as_it_is(source)))
    for name, value in parameters.items():
        if name not in declared or not name.isidentifier() or not isinstance(value, str):
            raise InputError(f"notebook {source.name}: {name!r} is not one of its parameters.{nearest(name, declared)}")


def _config() -> Config:
    """Kernels talk over files of their owner rather than open ports, where the system can, and keep no history.

    Left to itself, Jupyter gives the files of all kernels the same names, in the folder that each works in.
    """
    quiet = ["--IPKernelApp.log_level=CRITICAL", "--HistoryManager.enabled=False"]
    place = f"{os.environ['JUPYTER_RUNTIME_DIR']}/{uuid4().hex[:8]}"  # of the run, which removes all that is in it
    managing: dict[str, Any] = {"client_factory": PromptClient, "connection_file": f"{place}.json"}
    if sys.platform != "win32":
        managing |= {"transport": "ipc", "ip": place}
    return Config(
        NotebookClient={"extra_arguments": quiet, "shutdown_kernel": "immediate"},
        AsyncKernelManager=managing,
    )


def _failure(error: PapermillExecutionError, cell: str) -> Exception:
    if error.ename in _OUT_OF_MEMORY or not error.traceback:  # a kernel without memory cannot even tell of an error
        return Interrupted(f"the notebook's cell {cell!r} needed more memory than it is allowed.")
    if error.ename in _OF_THE_MACHINE:
        return Interrupted(f"the notebook's cell {cell!r} could not read or write a file ({error.ename}).")
    # Only our own errors are written for readers; any other text may hold anything.
    plain = f": {error.evalue}" if error.ename in ("InputError", "Unavailable") else "."
    return NotebookFailure(f"the notebook stopped at its cell {cell!r}{plain}")


def _keep(watch: _Watch, kept: Path) -> None:
    """Leave the executed notebook, as far as it came, without what tells of this machine and of the time."""
    if (notebook := watch.notebook) is None:
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
        for output in cell.get("outputs", ()):
            settle(output, key)
        cell.metadata = nbformat.from_dict({name: tags for name, tags in cell.metadata.items() if name == "tags"})
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
    nbformat.write(notebook, kept)
