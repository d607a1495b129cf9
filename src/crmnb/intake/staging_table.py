"""A source as it came: a table of the working database in which nothing was changed, typed or left out."""

import json
from dataclasses import dataclass, field, replace

import duckdb

from crmnb.core.errors import InputError, close_names
from crmnb.schema.client import Source

# What a column of a typed format can be; anything else in such a file is taken as its text.
KINDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "whole"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "whole"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "time"),
    "TIMESTAMP WITH TIME ZONE": "instant",
    "DATE": "date",
    "BOOLEAN": "flag",
    "VARCHAR": "text",
}

_DELIMITERS = ";\t|,"

# The columns that a quarantine adds to a source's own: where a row stood, and what is wrong with it.
UNREAD, FILE, RECORD, REASONS = OURS = ("unread (crmnb)", "file (crmnb)", "record (crmnb)", "reasons (crmnb)")


@dataclass(frozen=True)
class Cell:
    """A column of a raw table: its SQL, and the kind of value it holds (a value of KINDS, or "decimal")."""

    sql: str
    kind: str


@dataclass(frozen=True)
class Raw:
    """Rows as they came, in their order. `columns` are theirs, by header; the rest is SQL over a row of `table`.

    `record` is the row's number in its file as a spreadsheet shows it (the header is 1); `problem` says what is wrong
    with a malformed record, whose text that fits no column is in `unread`. What a query gives has none of these.
    """

    name: str
    table: str
    columns: dict[str, Cell]
    source: Source
    where: str  # for messages: file and key
    file: str = "''"
    record: str = "''"
    problem: str = "NULL"
    unread: str = "NULL"
    held: dict[str, set[str]] = field(default_factory=dict)  # the headers of each file
    repeated: frozenset[str] = frozenset()  # headers that stand there more than once
    sent: dict[str, str] = field(default_factory=dict)  # the SQL of OURS, where rows of a quarantine were sent again

    @property
    def is_file(self) -> bool:
        """Whether the rows have a place in a file."""
        return self.file != "''"

    @property
    def rows(self) -> str:
        """The SQL of all rows: their cells, and _id, _file, _record, _problem, _unread."""
        cells = ", ".join(cell.sql for cell in self.columns.values())
        return (
            f"(SELECT rowid AS _id, {self.file} AS _file, {self.record} AS _record, {self.problem} AS _problem, "
            f"{self.unread} AS _unread, {cells} FROM {self.table})"
        )

    def cell(self, theirs: str, asked_by: str) -> Cell:
        """The column with that header. Raises InputError, naming the nearest headers, where there is none."""
        if theirs in self.repeated:
            raise InputError(
                f"{asked_by}: the header {theirs!r} stands more than once in {self.where}; make it unique."
            )
        lacking = [(file, held) for file, held in self.held.items() if theirs not in held]
        if theirs not in self.columns or lacking:
            file, held = lacking[0] if lacking else ("", self.columns)
            close = close_names(theirs, held, most=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            place = f"{self.where} ({file})" if file else self.where
            if marks := [mark for mark in _DELIMITERS if any(theirs in _apart(name, mark) for name in held)]:
                hint = f" Is the delimiter {marks[0]!r}? Then add `delimiter: {json.dumps(marks[0])}`."
            # Without a header, what stands there is a row, and that may be a person's.
            there = "" if self.source.personal else f" It has: {', '.join(map(repr, sorted(held)))}."
            raise InputError(f"{asked_by}: {place} has no column {theirs!r}.{hint}{there}")
        return self.columns[theirs]

    def labelled(self, files: list[str], starts: list[int], first_record: int) -> "Raw":
        """The same, knowing where the rows of each file begin and which record the first of them is."""
        file = _case(quote_literal(name) for name in files)
        before = _case(str(start - first_record) for start in starts)
        return replace(self, file=file, record=f"coalesce(record, rowid - {before})")


def _apart(name: str, mark: str) -> list[str]:
    """The columns that a header would be with another delimiter."""
    return [part.strip() for part in name.split(mark)] if mark in name else []


def kind(type_: str) -> str:
    """The kind of a DuckDB type; "other" for what is taken as its text."""
    return "decimal" if type_.startswith("DECIMAL") else KINDS.get(type_, "other")


def describe_columns(con: duckdb.DuckDBPyConnection, rows: str) -> dict[str, str]:
    """The columns of a relation and their DuckDB types."""
    return {name: type_ for name, type_, *_ in con.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}


def quote_literal(text: object) -> str:
    """A text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _case(values) -> str:
    branches = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(values))
    return f"CASE file {branches} END"
