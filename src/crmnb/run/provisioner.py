"""The kernel provisioner of a run: kernels are forked from the fork server or, if that fails, started as usual."""

import asyncio
import contextlib
import os
import select
import signal
import sys
from functools import partial
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from crmnb.core.environment import MEMORY
from crmnb.run import protocol
from crmnb.run.environment import limit_memory, minimal_environment


class ForkProvisioner(LocalProvisioner):
    """Registered by an entry point and selected by the metadata of our kernelspec; all kernels get a minimal environment."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel by a command that launches ipykernel, forked if possible."""
        kwargs["env"] = minimal_environment(kwargs.get("env") or os.environ)
        try:
            self.process = _fork(cmd, kwargs)
        except protocol.ForkError as error:
            if protocol.channel is not None:
                print(f"kernel spawned, not forked: {error}", file=sys.stderr)
            if os.name == "posix":
                kwargs["preexec_fn"] = partial(limit_memory, int(kwargs["env"].get(MEMORY, 0)))
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait until the kernel has ended."""
        if isinstance(self.process, ForkedProcess):
            while self.process.poll() is None:
                await asyncio.sleep(0.005)
            self.process.close()
            self.process = None
            return 0
        return await super().wait()


def _fork(cmd: list[str], kwargs: dict[str, Any]) -> "ForkedProcess":
    environment = kwargs["env"]
    request = {
        "job": "kernel",
        "arguments": cmd[cmd.index("ipykernel_launcher") + 1 :],
        "environment": environment,
        "folder": str(kwargs.get("cwd") or os.getcwd()),
        "memory": int(environment.get(MEMORY, 0)),
    }
    return ForkedProcess(protocol.request_fork(request, [2]))


class ForkedProcess:
    """A process forked by another process, with the interface of subprocess.Popen that LocalProvisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = None

    def poll(self) -> int | None:
        """None while the process runs; then -9, since only its parent knows the exit code."""
        if self._pidfd is None:
            return -signal.SIGKILL
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return -signal.SIGKILL if poll.poll(0) else None

    def send_signal(self, number: int) -> None:
        """Send a signal to the process if it is still running."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    terminate = kill

    def close(self) -> None:
        """Close the descriptor of the process."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
