"""Reading a delimited text line by line in the engine, for files in which a few records are malformed.

DuckDB's reader of delimited text gives up at a malformed record, or leaves it out. Here it reads whole lines, takes those
apart that can only be meant in one way, and leaves the others to Python's csv, which is the judge of what a record is.
"""

import json
import re
from collections.abc import Callable
from glob import escape
from pathlib import Path

import duckdb

from crmnb.intake.readers.records import Record
from crmnb.intake.staging_table import quote_literal

_UNREAD = "not read yet"
_FEW = 0.05  # of the lines may be left to Python: it takes ten times as long, and so does putting its rows back
_MARKS = "\x1f\x1e\x1d\x1c\x02\x01"  # which a text does not hold: a delimiter that is none, and a text that means NULL

_MOST_GROUPS = 60

Read = Callable[[str], Record | None]


def load_lines(
    con: duckdb.DuckDBPyConnection,
    table: str,
    number: int,
    path: Path,
    header: int,
    delimiter: str,
    into: list[str],
    read: Read,
    spool: Path,
) -> bool:
    """Load the lines after the header into the columns `into` of a table, and say whether that could be done.

    Every line must end in a newline of one kind and none be blank. `read` takes a line apart as Python's csv does, or gives
    None where the record goes on in the next line. Then, or if many lines are of the difficult kind, the table is left as
    it was. Raises duckdb.Error for a text that the engine cannot read. `spool` is the path of a file that is there for a while.
    """
    marks = _absent(path)
    if len(marks) < 2:
        return False
    lines = (
        f"read_csv({quote_literal(escape(str(path)))}, auto_detect=false, header=false, skip={header}, delim={quote_literal(marks[0])}, "
        f"quote='', escape='', nullstr={quote_literal(marks[1])}, columns={{'line': 'VARCHAR'}})"
    )
    fields = ", ".join(f"f{place}" for place in range(len(into)))
    con.execute(
        f"INSERT INTO {table} (file, problem, unread, {', '.join(into)}) SELECT {number}, "
        f"CASE WHEN NOT ok THEN {quote_literal(_UNREAD)} END, CASE WHEN NOT ok THEN line END, {fields} "
        f"FROM {_taken_apart(lines, delimiter, len(into))}"
    )
    if _put_back(con, table, number, into, read, spool):
        return True
    con.execute(f"DELETE FROM {table} WHERE file = {number}")
    return False


def _absent(path: Path) -> list[str]:
    """The marks that the text does not hold."""
    left = set(_MARKS)
    with path.open("rb") as file:
        while left and (block := file.read(1 << 20)):
            left -= {mark for mark in left if mark.encode() in block}
    return sorted(left)


def _taken_apart(lines: str, delimiter: str, width: int) -> str:
    """The SQL of each `line`, whether it is `ok`, and its fields `f0`, `f1` ..., which are NULL where it is not.

    It is not where the fields are not as many as the columns, or a quote stands where none should. A line without a quote is
    split. One with quotes is matched as a whole: its fields are groups, all of them empty where it does not match. The
    engine's patterns have room for so many groups only; in a wider text no line with a quote is ok.
    """
    mark, split, places = re.escape(delimiter), f"string_split(line, {quote_literal(delimiter)})", range(width)
    is_quoted, found = "contains(line, '\"')", [f"apart[{place + 1}]" for place in places]
    groups, matches = "NULL", "false"
    if width <= _MOST_GROUPS:
        pattern = mark.join([f'([^"{mark}]*|"(?:[^"]|"")*")'] * width)
        names = ", ".join(f"'g{place}'" for place in places)
        groups = f"CASE WHEN {is_quoted} THEN regexp_extract(line, {quote_literal(f'^(?:{pattern})$')}, [{names}]) END"
        matches = f"concat({', '.join(f'groups.g{place}' for place in places)}) <> ''"
        bare = "CASE WHEN prefix({0}, '\"') THEN replace({0}[2:-2], '\"\"', '\"') ELSE {0} END"
        found = [
            f"CASE WHEN groups IS NULL THEN {split} ELSE {bare.format(f'groups.g{place}')} END"
            for place, split in enumerate(found)
        ]
    fields = ", ".join(f"CASE WHEN ok THEN {sql} END AS f{place}" for place, sql in enumerate(found))
    return (
        f"(SELECT line, ok, {fields} FROM (SELECT *, CASE WHEN {is_quoted} THEN {matches} ELSE len(apart) = {width} END AS ok "
        f"FROM (SELECT line, {split} AS apart, {groups} AS groups FROM {lines})))"
    )


def _put_back(
    con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str], read: Read, spool: Path
) -> bool:
    """Have the lines read that the engine could not, and say whether each of them was a record."""
    unread = f"FROM {table} WHERE file = {number} AND problem = {quote_literal(_UNREAD)}"
    ((every, left),) = con.execute(
        f"SELECT count(*), count(*) FILTER (problem = {quote_literal(_UNREAD)}) FROM {table} WHERE file = {number}"
    ).fetchall()
    if left > _FEW * every and left > 1000:
        return False
    with spool.open("w") as target:
        for at, line in con.execute(f"SELECT rowid, unread {unread}").fetchall():
            found = read(line)
            if found is None:
                spool.unlink()
                return False
            target.write(json.dumps(found.__dict__ | {"number": at}) + "\n")
    columns = "columns={number: 'BIGINT', fields: 'VARCHAR[]', problem: 'VARCHAR', unread: 'VARCHAR'}"
    values = ", ".join(f"{name} = fixed.fields[{place}]" for place, name in enumerate(into, 1))
    longest = max(1 << 20, spool.stat().st_size)
    con.execute(
        f"UPDATE {table} SET problem = fixed.problem, unread = fixed.unread, {values} FROM read_json({quote_literal(escape(str(spool)))}, "
        f"format='newline_delimited', maximum_object_size={min(longest, 1 << 28)}, {columns}) AS fixed WHERE {table}.rowid = fixed.number"
    )
    spool.unlink()
    return True
