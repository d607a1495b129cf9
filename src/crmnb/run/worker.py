"""What a process that was forked from the warm one does first, and how it becomes a kernel or does a job."""

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
from crmnb.run.environment import hide, limit_memory
from crmnb.run.jobs import print_fault

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it was asked for
        os._exit(1)


def become(request: dict[str, Any], parent: int, files: list[int], channel: socket.socket) -> None:
    """Do what was asked for in a process that was just forked, and end it; never returns.

    request: `do` ("kernel" or the name of a job), `environment`, `folder`, `memory` (bytes) and what is given to it.
    files: the one that takes what is printed; for a job, the pipe on which it tells of itself; for one that may know
    them, the secrets of the environment, in JSON. channel: to the warm process, to ask for kernels.
    """
    code = 1
    try:
        os.setsid()
        die_with(parent)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        log, *more = files
        _redirect(log)
        os.environ.clear()
        os.environ.update(request["environment"])
        if more[1:]:
            _learn(more[1])
        os.chdir(request["folder"])
        limit_memory(request.get("memory", 0))
        _reseed()
        if request["do"] == "kernel":
            channel.close()
            _kernel(request["arguments"])
        else:
            protocol.channel = channel
            with os.fdopen(more[0], "w", encoding="utf-8") as pipe:
                do_job(request["do"], request["arguments"], pipe.write, pipe.flush)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException as fault:
        print_fault(fault)
    finally:
        # Whatever happens here, as on a full disk: the end of the warm process, which is next, is not for this one to do.
        for printed in (sys.stdout, sys.stderr):
            with suppress(Exception):
                printed.flush()
        os._exit(code)


def do_job(name: str, arguments: dict[str, Any], write: Callable[[str], Any], flush: Callable[[], Any]) -> None:
    """Do a job of `crmnb.run.jobs`; write lines of JSON: {"say": text} on the way, at last {"gives": ...} or {"wrong": ...}."""
    from crmnb.run import jobs

    def tell(**message: Any) -> None:
        write(json.dumps(message) + "\n")
        flush()

    tell(**jobs.attempt(name, arguments, lambda text: tell(say=text)))


def _learn(secrets: int) -> None:
    hide()
    with os.fdopen(secrets, encoding="utf-8") as file:
        os.environ.update(json.load(file))


def _redirect(log: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for made, place in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(made, place)
    os.close(nothing)


def _reseed() -> None:
    """Chance must not be the same in all that are forked."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _kernel(arguments: list[str]) -> None:
    from ipykernel.kernelapp import IPKernelApp

    if "pandas" in sys.modules:  # imported without a shell, it took the warm process for a terminal, which has a width
        sys.modules["pandas"].set_option("display.max_columns", 20)
    sys.argv = ["ipykernel_launcher", *arguments]
    IPKernelApp.launch_instance(argv=arguments)
