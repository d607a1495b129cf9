"""Asking the warm process: messages of JSON, with open files beside them, over a socket that keeps them apart."""

import json
import socket
from typing import Any

_LARGEST = 1 << 20

# In a job: the socket on which it may ask the warm process for kernels. None elsewhere.
channel: socket.socket | None = None


class Refused(Exception):
    """The warm process will not, or cannot, fork; `str()` says why."""


def send(to: socket.socket, message: dict[str, Any], files: list[int] | None = None) -> None:
    """Send a message and copies of open files."""
    socket.send_fds(to, [json.dumps(message).encode()], files or [])


def receive(of: socket.socket, files: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message, None where the other side is gone, and the open files that came with it."""
    try:
        data, got, _, _ = socket.recv_fds(of, _LARGEST, files)
    except ConnectionResetError:
        return None, []
    return (json.loads(data) if data else None), got


def ask(request: dict[str, Any], files: list[int]) -> int:
    """In a job: the process that the warm process forked for it. Raises Refused where it did not."""
    if channel is None:
        raise Refused("there is no warm process")
    try:
        send(channel, {"id": 0, **request}, files)
        reply: dict[str, Any] | None = {}
        while reply is not None and not {"pid", "refused"} & reply.keys():  # else: a former kernel's end
            reply, _ = receive(channel)
    except OSError as gone:
        raise Refused(f"the warm process is gone ({gone.strerror})") from None
    if not reply or "refused" in reply:
        raise Refused(reply["refused"] if reply else "the warm process is gone")
    return reply["pid"]
