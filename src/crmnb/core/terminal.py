"""Terminal: where a command prints, which may be closed, may go away meanwhile, and must not be given orders by others' texts."""

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from crmnb.core.bidi import escaped

_GONE = {errno.EPIPE, errno.EBADF, errno.EIO, errno.ECONNRESET}


class Terminal:
    """A stream that others' texts cannot turn round, and whose reader may leave: what is said then is said to nobody.

    What a command did is told by its exit code, which does not change because nobody listens.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, with controls of direction as their escapes."""
        self._try(self._stream.write, escaped(text))
        return len(text)

    def flush(self) -> None:
        """Write what waits."""
        self._try(self._stream.flush)

    def _try(self, what: Any, *given: str) -> None:
        try:
            what(*given)
        except ValueError:  # the stream itself was closed
            self._stream = _nowhere()
        except OSError as no:
            if no.errno not in _GONE:
                raise
            nowhere = _nowhere()  # named, since a file that nothing refers to is closed before its number is used
            with suppress(OSError, ValueError):  # what waits in it would be written, and fail, at the process's end
                os.dup2(nowhere.fileno(), self._stream.fileno())
            self._stream = nowhere

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def stand() -> None:
    """Have all three standard streams, also where the process was started with one closed.

    A file that is opened would otherwise take a closed one's number, and get what others print to it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number: this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere("r" if name == "stdin" else "w"))


def _nowhere(mode: str = "w") -> TextIO:
    return open(os.devnull, mode, encoding="utf-8")
