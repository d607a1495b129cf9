"""The run's side of the fork server: starts it, shares locks and folders with it, and ends it with all its processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from crmnb.run import protocol
from crmnb.run.environment import minimal_environment
from crmnb.run.process_cleanup import RUN_ID, kill_processes, signals_blocked


@dataclass
class ForkServer:
    """A running fork server, what it holds for clients, and the processes it has forked.

    failure: why it cannot run, if it ended by itself; jobs then run in the run's own process.
    """

    process: subprocess.Popen
    socket: socket.socket
    run_id: str
    shared: dict[str, tuple[list[str], list[int]]] = field(default_factory=dict)  # client -> folders, lock descriptor
    forked: dict[int, int] = field(default_factory=dict)  # number of a job -> its process
    job_count: int = 0
    failure: str = ""


@contextmanager
def running_fork_server(runtime: Path) -> Iterator[ForkServer | None]:
    """A fork server, and the folder for sockets; None if processes cannot be forked safely on this system.

    At the end, the server, its processes and the folder's sockets are gone.
    """
    if not sys.platform.startswith("linux"):
        runtime.mkdir(mode=0o700)
        yield None
        return
    server = _start()
    try:
        share_lock(server, "", None, [runtime])
        runtime.mkdir(mode=0o700)  # after the server knows it, or a kill in between would leave it behind
        yield server
    finally:
        stop_server(server)


def stop_server(server: ForkServer) -> int:
    """Kill the fork server and all processes that it and its children started; returns the exit code of the server."""
    with signals_blocked():
        server.socket.close()
        server.process.kill()  # has no effect on one that has ended by itself
        exit_code = server.process.wait()
        for process in server.forked.values():  # a process with secrets hides its environment, and the run's id in it
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        kill_processes(server.run_id, also=set(server.forked.values()))
        server.forked.clear()
    return exit_code


def restart_server(server: ForkServer) -> None:
    """Replace a fork server that was killed. One that ended by itself is not replaced, since it would end again."""
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(0.2)
    exit_code = stop_server(server)
    if exit_code > 0:
        server.failure = f"the fork server ended by itself (exit code {exit_code})"
        return
    new = _start()
    server.process, server.socket, server.run_id = new.process, new.socket, new.run_id
    for client in server.shared:
        _send_shared(server, client)


def _start() -> ForkServer:
    own_end, server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    run_id = uuid4().hex
    process = subprocess.Popen(  # noqa: S603 -- our own module; -P: not a module.py in the working folder
        [sys.executable, "-P", "-m", "crmnb.run.fork_server", str(server_end.fileno())],
        pass_fds=[server_end.fileno()],
        env=minimal_environment(os.environ) | {RUN_ID: run_id},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    server_end.close()
    return ForkServer(process, own_end, run_id)


def share_lock(server: ForkServer | None, client: str, lock: int | None, folders: list[Path]) -> None:
    """Have the fork server hold a client's lock too, and clean up its folders if this process dies; None: release the lock."""
    if server:
        server.shared[client] = ([str(folder) for folder in folders], [] if lock is None else [lock])
        _send_shared(server, client)


def _send_shared(server: ForkServer, client: str) -> None:
    folders, lock = server.shared[client]
    with suppress(OSError):  # the server has ended, which is noticed when its messages are received
        protocol.send(server.socket, {"share": client, "folders": folders}, lock)
