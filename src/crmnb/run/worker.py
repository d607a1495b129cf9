"""The worker: a process that was just forked becomes a kernel or runs a job."""

import ctypes
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crmnb.run import protocol
from crmnb.run.environment import limit_memory, protect_process
from crmnb.run.jobs import print_fault

_PR_SET_PDEATHSIG = 1


def run_request(request: dict[str, Any], parent: int, files: list[int], channel: socket.socket) -> None:
    """Do what was requested in a process that was just forked, and end the process; never returns.

    request: `job` ("kernel" or the name of a job), `environment`, `folder`, `memory` (bytes) and `arguments`. files: the log;
    for a job, also the pipe for its messages; for a job that may know them, also the secrets of the environment, in JSON.
    channel: to the fork server, for requests of kernels.
    """
    code = 1
    try:
        os.setsid()
        _die_with(parent)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        log, *other_files = files
        _redirect(log)
        os.environ.clear()
        os.environ.update(request["environment"])
        if other_files[1:]:
            _read_secrets(other_files[1])
        os.chdir(request["folder"])
        limit_memory(request.get("memory", 0))
        _reseed()
        if request["job"] == "kernel":
            channel.close()
            _run_kernel(request["arguments"])
        else:
            protocol.channel = channel
            with os.fdopen(other_files[0], "w", encoding="utf-8") as pipe:
                _run_job(request["job"], request["arguments"], pipe.write, pipe.flush)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException as fault:
        print_fault(fault)
    finally:
        # Whatever happens here, such as a full disk: this process must not go on with the fork server's own clean-up.
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _die_with(parent: int) -> None:
    """Have the system kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before
        os._exit(1)


def _run_job(name: str, arguments: dict[str, Any], write: Callable[[str], Any], flush: Callable[[], Any]) -> None:
    """Run a job of `crmnb.run.jobs`; write lines of JSON: {"step": text} on the way, at last {"result": ...} or {"error": ...}."""
    from crmnb.run.jobs import run_job

    def send(**message: Any) -> None:
        write(json.dumps(message) + "\n")
        flush()

    send(**run_job(name, arguments, lambda step: send(step=step)))


def _read_secrets(descriptor: int) -> None:
    protect_process()
    with os.fdopen(descriptor, encoding="utf-8") as file:
        os.environ.update(json.load(file))


def _redirect(log: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(null)


def _reseed() -> None:
    """Give each forked process its own random numbers."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _run_kernel(arguments: list[str]) -> None:
    from ipykernel.kernelapp import IPKernelApp

    if "pandas" in sys.modules:  # imported without a shell, it took the fork server for a terminal, which has a width
        sys.modules["pandas"].set_option("display.max_columns", 20)
    sys.argv = ["ipykernel_launcher", *arguments]
    IPKernelApp.launch_instance(argv=arguments)
