"""What is proposed for a client: sources, tables and items with the reason of each line, and the questions that no file answers."""

from dataclasses import dataclass, field
from typing import Any

from crmnb.setup.file_profile import FileProfile


@dataclass(frozen=True)
class Line:
    """The value of a key of the parameters file, and why; `score` is how sure it is, from 0 to 1."""

    value: Any
    why: str = ""
    score: float = 1.0


@dataclass(frozen=True)
class Question:
    """What no file can say. `key` names it in `--answer`; `allowed` are the answers, without any it is free text.

    `line` is the line of the parameters file that an answer would make, shown as a comment while there is none.
    """

    key: str
    text: str
    line: str = ""
    allowed: tuple[str, ...] = ()


@dataclass
class SourceDraft:
    """A source: its file's profile, its options, and its personal columns."""

    name: str
    profile: FileProfile
    options: dict[str, Line] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    product: str = ""


@dataclass
class TableDraft:
    """A table of a source: its columns, its further options, or a query instead. `questions` stand as comments in it."""

    name: str
    source: str
    columns: dict[str, Line] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    options: dict[str, Line] = field(default_factory=dict)
    query: str = ""
    why: str = ""
    questions: list[Question] = field(default_factory=list)

    def header_of(self, column: str) -> str | None:
        """The header to which a column is mapped; None if it is not, or holds a constant."""
        line = self.columns.get(column)
        return line.value if line and isinstance(line.value, str) else None


@dataclass
class Draft:
    """All that is proposed for a client. `settings` are the keys of the client itself; `open` questions have no answer."""

    sources: list[SourceDraft] = field(default_factory=list)
    tables: list[TableDraft] = field(default_factory=list)
    items: dict[str, Line] = field(default_factory=dict)
    settings: dict[str, Line] = field(default_factory=dict)
    open: list[Question] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)
