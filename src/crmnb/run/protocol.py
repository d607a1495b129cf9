"""The protocol between a run, its jobs and the fork server: JSON messages with open files, over a socket that separates them."""

import json
import socket
from typing import Any

_MAX_BYTES = 1 << 20

# In a job: the socket for requests to the fork server. None elsewhere.
channel: socket.socket | None = None


class ForkError(Exception):
    """The fork server cannot fork a process; `str()` is the reason."""


def send(target: socket.socket, message: dict[str, Any], files: list[int] | None = None) -> None:
    """Send a message and copies of open files."""
    socket.send_fds(target, [json.dumps(message).encode()], files or [])


def receive(source: socket.socket, max_files: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message, None if the other side has closed, and the open files that came with it."""
    try:
        data, files, _, _ = socket.recv_fds(source, _MAX_BYTES, max_files)
    except ConnectionResetError:
        return None, []
    return (json.loads(data) if data else None), files


def request_fork(request: dict[str, Any], files: list[int]) -> int:
    """In a job: have the fork server fork a process, and return its id. Raises ForkError if it did not."""
    if channel is None:
        raise ForkError("there is no fork server")
    try:
        send(channel, {"id": 0, **request}, files)
        reply: dict[str, Any] | None = {}
        while reply is not None and not {"pid", "error"} & reply.keys():  # skips the exit of an earlier kernel
            reply, _ = receive(channel)
    except OSError as error:
        raise ForkError(f"the fork server has ended ({error.strerror})") from None
    if not reply or "error" in reply:
        raise ForkError(reply["error"] if reply else "the fork server has ended")
    return reply["pid"]
