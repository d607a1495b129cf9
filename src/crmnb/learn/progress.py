"""Progress: what a learner did, as a file of lines that is only ever appended to.

A file per learner, in the learner's own data folder: a CSV table, readable in any spreadsheet. Each line ends with a checksum, so that one
that was torn by a crash is recognised and left out. A line is written under a lock, in a single write.
"""

import csv
import getpass
import io
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import OWNER_ONLY
from crmnb.core.lock import locked

FOLDER = "CRMNB_LEARN_FOLDER"  # the environment variable for another folder than the learner's data folder
LEARNER = "CRMNB_LEARNER"  # and for another name than that of the user


@dataclass(frozen=True)
class Event:
    """A line: at which time, of which metric (of a quiz, family) and exercise, on which draw of the data, what happened.

    `kind` is "try", "hint", "solution", "prediction", "quiz", "capstone", "grade" or "reset"; `names` are the misconceptions of
    a wrong answer; `text` is the answer, or what was explained.
    """

    at: datetime
    kind: str
    metric: str = ""
    exercise: str = ""
    draw: int = 0
    outcome: str = ""
    names: tuple[str, ...] = ()
    text: str = ""

    def line(self) -> str:
        """The line of the file, with its checksum."""
        cells = [getattr(self, column.name) for column in fields(self)]
        texts = [_cell(value) for value in cells]
        return _csv([*texts, _checksum(texts)])

    @classmethod
    def parsed(cls, cells: list[str]) -> "Event | None":
        """The event of a line's cells; None where the line is torn."""
        if len(cells) != len(fields(cls)) + 1 or cells[-1] != _checksum(cells[:-1]):
            return None
        at, kind, metric, exercise, draw, outcome, names, text = cells[:-1]
        names = tuple(names.split("; ")) if names else ()
        return cls(datetime.fromisoformat(at), kind, metric, exercise, int(draw), outcome, names, text)


HEADER = ",".join([column.name for column in fields(Event)] + ["checksum"]) + "\n"


@dataclass
class Learner:
    """A learner by name, with the file of what was done. `clock` gives the time of an event."""

    name: str
    folder: Path
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC).replace(tzinfo=None))

    @property
    def path(self) -> Path:
        """The file of the progress."""
        return self.folder / f"{self.name}.csv"

    def record(self, kind: str, metric: str = "", exercise: str = "", **facts) -> Event:
        """Append an event. Raises OSError if it cannot be written."""
        event = Event(self.clock().replace(microsecond=0), kind, metric, exercise, **facts)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder / f".{self.name}.lock"):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
            try:
                os.write(descriptor, (_opening(descriptor) + event.line()).encode("utf-8"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return event

    def events(self) -> list[Event]:
        """All events, the oldest first, without torn lines."""
        return [event for event in self._lines() if event]

    def torn_lines(self) -> int:
        """How many lines are torn, as by a crash: they are left out."""
        return sum(event is None for event in self._lines())

    def _lines(self) -> list[Event | None]:
        try:
            text = self.path.read_bytes().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        # Cells hold no line breaks: each line is parsed by itself, so that a torn one cannot swallow the next.
        lines = [line for line in text.split("\n") if line and line + "\n" != HEADER]
        return [Event.parsed(next(csv.reader([line]), [])) for line in lines]


def learner(name: str = "", folder: Path | None = None) -> Learner:
    """The learner of that name; by default of the environment variable, of the folder of notebooks that is worked in, else the user of the machine.

    Raises InputError for a name that is no name of a file.
    """
    name = name or os.environ.get(LEARNER) or _of_notebooks() or getpass.getuser()
    if not re.fullmatch(r"\w[\w .-]{0,63}", name):
        raise InputError(f"{name!r} cannot be a learner's name: letters, digits, blanks, dots and hyphens, at most 64.")
    return Learner(name, folder or data_folder())


def _of_notebooks() -> str:
    """Whose folder of notebooks this process works in; "" where it is nobody's."""
    here = Path.cwd()
    return here.name if here.parent == data_folder().resolve() else ""


def data_folder() -> Path:
    """Where learners' files lie: in the data folder of the user, or where the environment variable says."""
    if chosen := os.environ.get(FOLDER):
        return Path(chosen)
    from platformdirs import user_data_dir

    return Path(user_data_dir("crmnb", appauthor=False)) / "learners"


def _opening(descriptor: int) -> str:
    """What goes before a new line: the header of an empty file, the end of a line that was torn."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return HEADER
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return "" if os.read(descriptor, 1) == b"\n" else "\n"


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = "; ".join(value) if isinstance(value, tuple) else str(value)
    return " ".join(text.split())


def _csv(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _checksum(cells: list[str]) -> str:
    return f"{zlib.crc32(_csv(cells).encode('utf-8')):08x}"
