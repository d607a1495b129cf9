"""What the readers of text, workbooks and JSON share: from the records of a part of a source to rows of its table."""

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

MOST_COLUMNS = 10_000  # more are no columns but data that stand in the header
_LONGEST = 1 << 27  # bytes of one record, as it is spooled
_NEAR = 50  # records before and after the header among which a better one is looked for

Load = Callable[[duckdb.DuckDBPyConnection, str, int, list[str]], None]


@dataclass(frozen=True)
class Part:
    """A file of text, or a sheet of a workbook: its name in messages and records, its columns, and how it is loaded.

    `repeated` are headers that stand there more than once. `load` takes a connection, the table, the part's number and
    the table's columns that its own go into.
    """

    label: str
    names: list[str]
    repeated: set[str]
    load: Load


@dataclass(frozen=True)
class Record:
    """A row under way: the number that a spreadsheet shows, its fields as text (None is empty), and what is wrong with it.

    `unread` is text that fits no column.
    """

    number: int
    fields: list[str | None]
    problem: str | None = None
    unread: str | None = None


def unique_names(given: list[str], where: str) -> tuple[list[str], set[str]]:
    """Headers as names of columns, all different, and those that stand there more than once.

    Raises InputError where there are too many.
    """
    refuse_too_many(len(given), where)
    stripped = [name.strip() for name in given]
    unique: dict[str, None] = {}
    used: Counter[str] = Counter()
    for number, name in enumerate(stripped, 1):
        label = first = name or f"column {number}"
        while label in unique:
            used[first] += 1
            label = f"{first} ({used[first] + 1})"
        unique[label] = None
    return list(unique), {name for name, times in Counter(stripped).items() if name and times > 1}


def refuse_too_many(columns: int, where: str) -> None:
    """Raise InputError for more columns than are read."""
    if columns > MOST_COLUMNS:
        raise InputError(
            f"{where} has {columns:,} columns, and at most {MOST_COLUMNS:,} are read. Is the header where it is looked "
            "for? Then leave out the columns that are not needed."
        )


def find_header(
    records: Iterator[tuple[int, list[str] | None]], first: int, wanted: Iterable[str], where: str
) -> tuple[int, list[str]]:
    """The header: the first record from number `first` on that is not empty; its number and its fields.

    Raises InputError where there is none, or where it lacks some of the wanted columns and a record near it holds all of
    them. A record that cannot be parsed has no fields.
    """
    near = []
    for number, header in records:
        near.append((number, header))
        if number >= first and header != []:
            break
    else:
        number, header = 0, []
    if header is None:
        raise InputError(f"{where}: the header cannot be read; is a quote left open in it?")
    wanted, held = set(wanted), {name.strip() for name in header}
    if lacking := sorted(wanted - held):
        for other, fields in (*near[-_NEAR:], *islice(records, _NEAR)):
            if fields and other != number and wanted <= {name.strip() for name in fields}:
                raise InputError(
                    f"{where}: record {number}, taken for the header, has no column {lacking[0]!r}, but record {other} "
                    f"has every column that is mapped. Is it the header? Then add `header: {other}`."
                )
    if not any(held):
        raise InputError(f"{where} is empty: it has no header{f' from record {first} on' if first > 1 else ''}.")
    return number, header


def spooled(records: Iterable[Record], path: Path, where: str) -> Load:
    """Write records to a file, and say how to load them from there. Raises InputError for one that is too long."""
    longest = 0
    with path.open("w") as target:
        for record in records:
            line = json.dumps(record.__dict__)
            longest = max(longest, len(line))
            if longest > _LONGEST:
                raise InputError(f"{where}: a record is longer than {_LONGEST >> 20} MB; is a quote left open?")
            target.write(line + "\n")
    return partial(_load, path, longest)


def _load(path: Path, longest: int, con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str]) -> None:
    """Load spooled records and take the file away. A record with fewer fields than columns is empty in the others."""
    fields = "".join(f", row.fields[{place}]" for place in range(1, len(into) + 1))
    con.execute(
        f"INSERT INTO {table} (file, record, problem, unread{''.join(f', {name}' for name in into)}) "
        f"SELECT {number}, row.number, row.problem, row.unread{fields} FROM (SELECT * FROM "
        f"read_json({quote_literal(escape(str(path)))}, format='newline_delimited', maximum_object_size={max(longest + 1024, 1 << 20)}, "
        "columns={number: 'BIGINT', fields: 'VARCHAR[]', problem: 'VARCHAR', unread: 'VARCHAR'})) AS row"
    )
    path.unlink()


def create(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    """Make the table of a source's rows: the columns (name: type), and where a row comes from and what is wrong with it."""
    declared = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    con.execute(f"CREATE TABLE {table} (file INTEGER, record BIGINT, problem VARCHAR, unread VARCHAR, {declared})")


def start(con: duckdb.DuckDBPyConnection, table: str, number: int) -> int:
    """The rowid of a part's first row: rows keep the order in which they were read, part after part."""
    return con.execute(f"SELECT coalesce(min(rowid), 0) FROM {table} WHERE file = {number}").fetchone()[0]
