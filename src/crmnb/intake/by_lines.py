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

from crmnb.intake.loading import Record
from crmnb.intake.raw import quoted

_UNREAD = "not read yet"
_FEW = 0.05  # of the lines may be left to Python: it takes ten times as long, and so does putting its rows back
_MARKS = "\x1f\x1e\x1d\x1c\x02\x01"  # which a text does not hold: a delimiter that is none, and a text that means NULL

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
    fields = [f"fields[{place}]" for place in range(1, len(into) + 1)]
    con.execute(
        f"INSERT INTO {table} (file, problem, unread, {', '.join(into)}) SELECT {number}, CASE WHEN fields IS NULL THEN {quoted(_UNREAD)} END, "
        f"CASE WHEN fields IS NULL THEN line END, {', '.join(fields)} FROM (SELECT line, {_fields(delimiter, len(into))} AS fields "
        f"FROM (SELECT line, string_split(line, {quoted(delimiter)}) AS apart FROM read_csv({quoted(escape(str(path)))}, auto_detect=false, header=false, skip={header}, delim={quoted(marks[0])}, quote='', "
        f"escape='', nullstr={quoted(marks[1])}, columns={{'line': 'VARCHAR'}})))"
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


def _fields(delimiter: str, width: int) -> str:
    """The SQL of the fields of a `line` that is `apart` at its delimiters already: a list; NULL where they are not as many as the columns, or a quote stands where none should."""
    mark = re.escape(delimiter)
    field = f'"(?:[^"]|"")*"|[^"{mark}]*'
    each = f"regexp_extract_all({quoted(delimiter)} || line, {quoted(f'{mark}({field})')}, 1)"
    bare = "CASE WHEN prefix(x, '\"') THEN replace(x[2:-2], '\"\"', '\"') ELSE x END"
    regular = f"regexp_full_match(line, {quoted(f'(?:{field})(?:{mark}(?:{field})){{{width - 1}}}')})"
    return (
        f"CASE WHEN contains(line, '\"') THEN CASE WHEN {regular} THEN list_transform({each}, lambda x: {bare}) END "
        f"WHEN len(apart) = {width} THEN apart END"
    )


def _put_back(
    con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str], read: Read, spool: Path
) -> bool:
    """Have the lines read that the engine could not, and say whether each of them was a record."""
    unread = f"FROM {table} WHERE file = {number} AND problem = {quoted(_UNREAD)}"
    ((every, left),) = con.execute(
        f"SELECT count(*), count(*) FILTER (problem = {quoted(_UNREAD)}) FROM {table} WHERE file = {number}"
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
        f"UPDATE {table} SET problem = fixed.problem, unread = fixed.unread, {values} FROM read_json({quoted(escape(str(spool)))}, "
        f"format='newline_delimited', maximum_object_size={min(longest, 1 << 28)}, {columns}) AS fixed WHERE {table}.rowid = fixed.number"
    )
    spool.unlink()
    return True
