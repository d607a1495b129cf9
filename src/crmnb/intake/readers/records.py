"""Records: what the readers of text, workbooks and JSON share, from a part of a source to rows of its staging table."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from glob import escape
from itertools import islice
from pathlib import Path

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.staging_table import quote_literal

MOST_COLUMNS = 10_000  # with more, the header is a row of data
_LONGEST = 1 << 27  # bytes of a spooled record
_BATCH = 100  # records that are encoded at once
_NEAR = 50  # records before and after the header that are searched for a better one

Load = Callable[[duckdb.DuckDBPyConnection, str, int, list[str]], None]


@dataclass(frozen=True)
class Part:
    """A text file, or a sheet of a workbook: its name in messages and records, its columns, and how it is loaded.

    `duplicates` are headers that occur more than once. `load` takes a connection, the table, the part's number and the
    target columns of the table.
    """

    label: str
    names: list[str]
    duplicates: set[str]
    load: Load


@dataclass(frozen=True)
class Record:
    """A record: its number in a spreadsheet, its fields as text (None is empty), and its fault if it is malformed.

    `unparsed` is text that fits no column.
    """

    number: int
    fields: list[str | None]
    problem: str | None = None
    unparsed: str | None = None


def make_unique_names(headers: list[str], location: str) -> tuple[list[str], set[str]]:
    """Unique column names from headers, and the headers that occur more than once. Raises InputError for too many."""
    check_column_count(len(headers), location)
    stripped = [name.strip() for name in headers]
    unique: dict[str, None] = {}
    used: Counter[str] = Counter()
    for number, name in enumerate(stripped, 1):
        label = first = name or f"column {number}"
        while label in unique:
            used[first] += 1
            label = f"{first} ({used[first] + 1})"
        unique[label] = None
    return list(unique), {name for name, times in Counter(stripped).items() if name and times > 1}


def check_column_count(columns: int, location: str) -> None:
    """Raise InputError for too many columns."""
    if columns > MOST_COLUMNS:
        raise InputError(
            f"{location} has {columns:,} columns; at most {MOST_COLUMNS:,} are allowed. Check that `header` is the row of the "
            "column names, and remove columns that are not needed."
        )


def find_header(
    records: Iterator[tuple[int, list[str] | None]], first: int, required_headers: Iterable[str], location: str
) -> tuple[int, list[str]]:
    """The header: the first record from number `first` on that is not empty. Returns its number and its fields.

    Raises InputError if there is none, or if it lacks some of `required_headers` and a record near it has all of them. A
    record that cannot be parsed has no fields.
    """
    near = []
    for number, header in records:
        near.append((number, header))
        if number >= first and header != []:
            break
    else:
        number, header = 0, []
    if header is None:
        raise InputError(f"{location}: the header cannot be read. Check it for a missing closing quote.")
    required_headers, headers = set(required_headers), {name.strip() for name in header}
    if missing := sorted(required_headers - headers):
        for other, fields in (*near[-_NEAR:], *islice(records, _NEAR)):
            if fields and other != number and required_headers <= {name.strip() for name in fields}:
                raise InputError(
                    f"{location}: record {number}, read as the header, has no column {missing[0]!r}, but record {other} has all "
                    f"mapped columns. Is it the header? Then add `header: {other}`."
                )
    if not any(headers):
        raise InputError(f"{location} is empty: it has no header{f' from record {first} on' if first > 1 else ''}.")
    return number, header


def spool_records(records: Iterable[Record], path: Path, location: str) -> Load:
    """Write records to a file, and return the function that loads them. Raises InputError for a record that is too long."""
    longest, separator, rows = 0, "[", (record.__dict__ for record in records)
    with path.open("w") as target:
        while batch := list(islice(rows, _BATCH)):
            text = json.dumps(batch)[1:-1]  # to encode records one by one takes twice as long
            longest = max(longest, len(text) if len(text) <= _LONGEST else max(len(json.dumps(row)) for row in batch))
            if longest > _LONGEST:
                raise InputError(
                    f"{location}: a record is longer than {_LONGEST >> 20} MB. Check the file for a missing closing quote."
                )
            target.write(f"{separator}{text}")
            separator = ",\n"
        target.write("]" if longest else "[]")
    return partial(_load, path, longest)


def _load(path: Path, longest: int, con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str]) -> None:
    """Load spooled records and delete the file. Missing fields of short records stay empty."""
    fields = "".join(f", row.fields[{place}]" for place in range(1, len(into) + 1))
    con.execute(
        f"INSERT INTO {table} (file, record, problem, unparsed{''.join(f', {name}' for name in into)}) "
        f"SELECT {number}, row.number, row.problem, row.unparsed{fields} FROM (SELECT * FROM "
        f"read_json({quote_literal(escape(str(path)))}, format='array', maximum_object_size={max(longest + 1024, 1 << 20)}, "
        "columns={number: 'BIGINT', fields: 'VARCHAR[]', problem: 'VARCHAR', unparsed: 'VARCHAR'})) AS row"
    )
    path.unlink()


def create_staging_table(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    """Create a staging table: the columns (name: type), and the place and fault of each row."""
    declared = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    con.execute(f"CREATE TABLE {table} (file INTEGER, record BIGINT, problem VARCHAR, unparsed VARCHAR, {declared})")


def find_first_rowid(con: duckdb.DuckDBPyConnection, table: str, number: int) -> int:
    """The rowid of a part's first row: rows keep their order, part after part."""
    return con.execute(f"SELECT coalesce(min(rowid), 0) FROM {table} WHERE file = {number}").fetchone()[0]
