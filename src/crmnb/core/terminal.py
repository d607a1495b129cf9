"""Terminal: the output stream of a command. It may be closed, its reader may leave, and foreign text must not control it."""

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from crmnb.core.bidi import escape_controls

_READER_GONE = {errno.EPIPE, errno.EBADF, errno.EIO, errno.ECONNRESET}


class Terminal:
    """A stream on which foreign text cannot change the writing direction, and whose reader may leave.

    Output without a reader is dropped: the exit code of a command does not depend on whether somebody reads its output.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text; direction controls are shown as their escapes."""
        self._try(self._stream.write, escape_controls(text))
        return len(text)

    def flush(self) -> None:
        """Write buffered text."""
        self._try(self._stream.flush)

    def _try(self, operation: Any, *arguments: str) -> None:
        try:
            operation(*arguments)
        except ValueError:  # the stream itself was closed
            self._stream = _open_null()
        except OSError as error:
            if error.errno not in _READER_GONE:
                raise
            null = _open_null()  # named, since a file that nothing refers to is closed before its number is used
            with suppress(OSError, ValueError):  # its buffer would be written, and fail, when the process ends
                os.dup2(null.fileno(), self._stream.fileno())
            self._stream = null

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def ensure_standard_streams() -> None:
    """Open the standard streams with which the process was started closed.

    Otherwise the next file that is opened would take the number of the closed stream and receive its output.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number: this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _open_null("r" if name == "stdin" else "w"))


def _open_null(mode: str = "w") -> TextIO:
    return open(os.devnull, mode, encoding="utf-8")
