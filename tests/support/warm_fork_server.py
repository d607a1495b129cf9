"""A fork server that is forked from a process with its modules imported, for tests of what runs make rather than of processes.

The imports are most of the CPU time of a small run. How a fork server starts, ends and is replaced is tested on real ones
(`test_faults`, `test_fork_server`, `test_reproducible`, `test_secrets`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from uuid import uuid4

from crmnb.run import fork_client, fork_server, protocol
from crmnb.run.environment import minimal_environment
from crmnb.run.process_cleanup import RUN_ID


class ForkedServer:
    """A fork server that was forked: as much of `subprocess.Popen` as a run uses."""

    def __init__(self, parent: socket.socket, environment: dict[str, str], file: int):
        self._parent = parent
        protocol.send(parent, {"environment": environment}, [file])
        self.pid = self._reply()

    def _reply(self) -> int | None:
        reply, _ = protocol.receive(self._parent)
        assert reply is not None, "the process that fork servers are forked from has ended"
        return reply["result"]

    def kill(self) -> None:
        """Kill the process; no effect on one that has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired if the process has not ended after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            protocol.send(self._parent, {"wait": self.pid})
            if (exit_code := self._reply()) is not None:
                return exit_code
            if deadline and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("fork server", timeout)
            time.sleep(0.005)


@contextmanager
def forking_process():
    """Starts the process that fork servers are forked from; gives a replacement for `crmnb.run.fork_client._start`."""
    own_end, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(  # noqa: S603 -- our own module
        [sys.executable, "-P", __file__, str(other_end.fileno())],
        pass_fds=[other_end.fileno()],
        env=minimal_environment(os.environ),
        stdin=subprocess.DEVNULL,
    )
    other_end.close()

    def start() -> fork_client.ForkServer:
        runs_end, servers_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        run_id = uuid4().hex
        server = ForkedServer(own_end, minimal_environment(os.environ) | {RUN_ID: run_id}, servers_end.fileno())
        servers_end.close()
        return fork_client.ForkServer(server, runs_end, run_id)

    try:
        yield start
    finally:
        own_end.close()
        process.wait()


def main(file: int) -> None:
    """Fork a server for each request, until the tests end."""
    for name in fork_server.MODULES:
        import_module(name)
    fork_server._fill_caches()
    tests = socket.socket(fileno=file)
    exit_codes: dict[int, int] = {}
    while True:
        message, files = protocol.receive(tests, max_files=1)
        if message is None:
            return
        if "wait" in message:
            process, status = os.waitpid(message["wait"], os.WNOHANG) if message["wait"] not in exit_codes else (0, 0)
            if process:
                exit_codes[process] = os.waitstatus_to_exitcode(status)
            protocol.send(tests, {"result": exit_codes.get(message["wait"])})
        elif process := os.fork():
            os.close(files[0])
            protocol.send(tests, {"result": process})
        else:
            os.setsid()
            tests.close()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            os.environ.clear()
            os.environ.update(message["environment"])
            try:
                fork_server.main(files[0])
            finally:
                os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
