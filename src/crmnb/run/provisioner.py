"""The kernel provisioner of a run: kernels are forked from the warm process; where that cannot be, they are started as usual."""

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
from crmnb.run.environment import limit_memory, minimal


class ForkProvisioner(LocalProvisioner):
    """Found by its entry point, chosen by our kernelspec's metadata; kernels get a minimal environment either way."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel by a command that launches ipykernel, forked if it can be."""
        kwargs["env"] = minimal(kwargs.get("env") or os.environ)
        try:
            self.process = _forked(cmd, kwargs)
        except protocol.Refused as why:
            if protocol.channel is not None:
                print(f"kernel spawned, not forked: {why}", file=sys.stderr)
            if os.name == "posix":
                kwargs["preexec_fn"] = partial(limit_memory, int(kwargs["env"].get(MEMORY, 0)))
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        if isinstance(self.process, Forked):
            while self.process.poll() is None:
                await asyncio.sleep(0.005)
            self.process.close()
            self.process = None
            return 0
        return await super().wait()


def _forked(cmd: list[str], kwargs: dict[str, Any]) -> "Forked":
    environment = kwargs["env"]
    request = {
        "do": "kernel",
        "arguments": cmd[cmd.index("ipykernel_launcher") + 1 :],
        "environment": environment,
        "folder": str(kwargs.get("cwd") or os.getcwd()),
        "memory": int(environment.get(MEMORY, 0)),
    }
    return Forked(protocol.ask(request, [2]))


class Forked:
    """A process that another one forked, as LocalProvisioner wants to see it: like subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid
        try:
            self._file = os.pidfd_open(pid)
        except ProcessLookupError:
            self._file = None

    def poll(self) -> int | None:
        """None while it runs; then -9, as its parent alone could know more."""
        if self._file is None:
            return -signal.SIGKILL
        watch = select.poll()
        watch.register(self._file, select.POLLIN)
        return -signal.SIGKILL if watch.poll(0) else None

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self._file is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    terminate = kill

    def close(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
