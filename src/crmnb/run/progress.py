"""Progress of a run on a terminal: a line for each step that is done, and below them one that tells what is being done."""

import shutil
import sys
import time
from collections.abc import Callable

Say = Callable[[str, str | None], None]  # what a step is about; what is to be said of it, None at its end


def progress() -> Say:
    """What to do with the news of a run: on a terminal show them, in a pipe nothing."""
    if not sys.stderr.isatty():
        return lambda about, text: None
    began = time.monotonic()
    doing: dict[str, str] = {}

    def say(about: str, text: str | None) -> None:
        now = f"{time.monotonic() - began:7.1f} s  "
        if text is None:
            doing.pop(about, None)
            _write(f"{now}{about}", "\n")
        else:
            doing[about] = text
        told = "; ".join(f"{one}: {what}" if what else one for one, what in doing.items())
        if told:
            _write(f"{now}{told}"[: shutil.get_terminal_size((100, 24)).columns - 1])

    return say


def _write(line: str, end: str = "") -> None:
    """Put a line in the place of the last one."""
    sys.stderr.write(f"\r\x1b[K{line}{end}")
    sys.stderr.flush()
