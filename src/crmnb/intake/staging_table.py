"""Staging tables: the rows of a source in the working database, unchanged, untyped and complete."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import duckdb

from crmnb.core.errors import InputError, did_you_mean
from crmnb.schema.client import Source
from crmnb.schema.client.sources import source_format

# The kinds of the engine's types; values of any other type are read as text.
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

_TYPED_VALUES = ("string_value", "int_value", "double_value", "float_value")  # of which a parameter of an event has one
_DELIMITERS = ";\t|,"

# The columns that a quarantine file adds: unparsed text, the place of a row, and its reasons for rejection.
UNPARSED, FILE, RECORD, REASONS = REJECTION_COLUMNS = (
    "unread (crmnb)",
    "file (crmnb)",
    "record (crmnb)",
    "reasons (crmnb)",
)


@dataclass(frozen=True)
class Cell:
    """A column of a staging table: its SQL, and the kind of its values (a value of KINDS, or "decimal")."""

    sql: str
    kind: str


def fold_key(sql: str) -> str:
    """A key in small letters and without blanks: the same for keys that differ only in these."""
    return f"replace(lower({sql}), ' ', '')"


@dataclass(frozen=True)
class StagingTable:
    """The unchanged rows of a source in their order. `columns` are by header; the other texts are SQL over a row of `table`.

    `record` is the row's number in its file as a spreadsheet shows it (the header is 1). For a malformed record,
    `problem` describes the fault and `unparsed` holds the text that fits no column. The result of a query has none.
    """

    name: str
    table: str
    columns: dict[str, Cell]
    source: Source
    location: str  # the file and the key, as messages show them
    file: str = "''"
    record: str = "''"
    problem: str = "NULL"
    unparsed: str = "NULL"
    headers_by_file: dict[str, set[str]] = field(default_factory=dict)
    duplicate_headers: frozenset[str] = frozenset()
    exclusions: tuple[
        tuple[str, str], ...
    ] = ()  # rows that are no data: cause, and the SQL condition on a row of `table`
    resubmitted: dict[str, str] = field(
        default_factory=dict
    )  # the SQL of REJECTION_COLUMNS, if there are corrected rows

    @property
    def is_file(self) -> bool:
        """Whether the rows have a place in a file."""
        return self.file != "''"

    @property
    def plain_headers(self) -> set[str]:
        """The headers as they stand in every file, without those that were made unique."""
        headers = set.intersection(*self.headers_by_file.values()) if self.headers_by_file else set()
        return {name for name in headers if not any(name.startswith(f"{first} (") for first in self.duplicate_headers)}

    @property
    def rows(self) -> str:
        """The SQL of all rows but the excluded ones: their cells, and _id, _file, _record, _problem, _unparsed."""
        excluded = " OR ".join(f"({condition})" for _, condition in self.exclusions)
        where = f" WHERE NOT coalesce({excluded}, false)" if excluded else ""
        cells = ", ".join(cell.sql for cell in self.columns.values())
        return (
            f"(SELECT rowid AS _id, {self.file} AS _file, {self.record} AS _record, {self.problem} AS _problem, "
            f"{self.unparsed} AS _unparsed, {cells} FROM {self.table}{where})"
        )

    def cell(self, header: str, key: str) -> Cell:
        """The column with that header. Raises InputError, with the nearest headers, if it is missing or not unique."""
        if header in self.duplicate_headers:
            raise InputError(
                f"{key}: the header {header!r} occurs more than once in {self.location}. Write {f'{header} (2)'!r} for the second one, or make it "
                "unique."
            )
        if header not in self.columns and (nested := self._nested(header)):
            return nested
        incomplete = [(file, headers) for file, headers in self.headers_by_file.items() if header not in headers]
        if header not in self.columns or incomplete:
            file, headers = incomplete[0] if incomplete else ("", self.columns)
            hint = did_you_mean(header, headers, most=3, cutoff=0.5)
            place = f"{self.location} ({file})" if file else self.location
            for mark in _DELIMITERS:
                if any(mark in name and header in map(str.strip, name.split(mark)) for name in headers):
                    hint = f" Is the delimiter {mark!r}? Then add `delimiter: {json.dumps(mark)}`."
                    break
            # In a file without a header the first row is data, which may be personal.
            listed = "" if self.source.personal else f" Its columns: {', '.join(map(repr, sorted(headers)))}."
            raise InputError(f"{key}: {place} has no column {header!r}.{hint}{listed}")
        return self.columns[header]

    def _nested(self, header: str) -> Cell | None:
        """A value within an object of a JSON source: `satisfaction_rating.score`; within a list of {key, value} objects that of the key.

        None where the source is no JSON, or has no column of that beginning.
        """
        column, _, path = header.partition(".")
        if not path or column not in self.columns or source_format(self.source) != "json":
            return None
        value = f"CASE WHEN json_valid({self.columns[column].sql}) THEN CAST({self.columns[column].sql} AS JSON) END"
        for step in path.split("."):
            name = quote_literal(step)
            pairs = f"list_filter(CAST({value} AS JSON[]), lambda p: (p ->> 'key') = {name})[1] -> 'value'"
            values = (f"nullif(({pairs}) -> {quote_literal(kind)}, CAST('null' AS JSON))" for kind in _TYPED_VALUES)
            typed = f"coalesce({', '.join(values)})"
            of_pair = f"CASE WHEN json_type({pairs}) = 'OBJECT' THEN {typed} ELSE {pairs} END"
            value = f"CASE json_type({value}) WHEN 'ARRAY' THEN {of_pair} WHEN 'OBJECT' THEN {value} -> {name} END"
        return Cell(f"(({value}) ->> '$')", "text")

    def with_record_numbers(self, files: list[str], starts: list[int], first_record: int) -> "StagingTable":
        """The same table with the file and record number of each row. starts: the first rowid of each file."""
        file = _case_by_file(quote_literal(name) for name in files)
        offset = _case_by_file(str(start - first_record) for start in starts)
        return replace(self, file=file, record=f"coalesce(record, rowid - {offset})")


def classify_type(type_: str) -> str:
    """The kind of a DuckDB type; "other" for types that are read as text."""
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


def _case_by_file(values: Iterable[str]) -> str:
    branches = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(values))
    return f"CASE file {branches} END"
