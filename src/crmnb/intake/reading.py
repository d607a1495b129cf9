"""Reading a source's files into a raw table: delimited text, all of it as text, or Parquet, which keeps its types.

Text goes the quick way through DuckDB where the file leaves no room for interpretation, and otherwise through
Python's csv, record by record: DuckDB aborts on mixed newlines, drops blank lines from its numbering, takes blanks
around quotes away and cannot tell the number of a malformed record. Both ways give the same rows (a test holds it).
"""

import csv
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from glob import escape
from pathlib import Path
from shutil import copyfileobj

import duckdb

from crmnb.client import Source
from crmnb.errors import InputError
from crmnb.intake.files import File, opened
from crmnb.intake.raw import Cell, Raw, described, kind, named, quoted

_LONGEST = 1 << 28  # bytes of one record
_NO_NULL = "\ue000"  # no text is NULL here: DuckDB would drop fields that are, at the end of a record that has too many
_OTHER_DELIMITERS = ",;\t|"


def read_source(
    con: duckdb.DuckDBPyConnection, name: str, source: Source, files: list[File], folder: Path, where: str
) -> Raw:
    """Load a source's files, columns bound by their names, into the table `raw_<name>`.

    `folder` is for what has to be unpacked or transcoded first. Raises InputError for files that cannot be read.
    """
    formats = {file.format for file in files}
    if len(formats) > 1:
        raise InputError(
            f"{where}: the files are of several formats ({', '.join(sorted(formats))}); make them two sources."
        )
    read = _read_parquet if formats == {"parquet"} else _read_text
    return read(con, Raw(name, named(f"raw_{name}"), {}, source, where), files, folder)


# ---- Delimited text ---------------------------------------------------------------------------------------


def _read_text(con: duckdb.DuckDBPyConnection, raw: Raw, files: list[File], folder: Path) -> Raw:
    paths = [_plain(file, raw, folder / f"{raw.name}_{number}.csv") for number, file in enumerate(files)]
    headers, repeated = [], set()
    for path, file in zip(paths, files, strict=True):
        names, twice = _header(path, f"{raw.where} ({file.name})", raw.source)
        headers.append(names)
        repeated |= twice
    every = list(dict.fromkeys(name for names in headers for name in names))
    columns = {name: Cell(f"c{number}", "text") for number, name in enumerate(every)}
    _create(con, raw.table, {cell.sql: "VARCHAR" for cell in columns.values()})
    starts = []
    for number, (path, names, file) in enumerate(zip(paths, headers, files, strict=True)):
        into = [columns[name].sql for name in names]
        quick = _is_simple(path, raw.source.delimiter) and _quick(con, raw, number, path, into)
        if not quick:
            _careful(con, raw, number, path, into, file, folder / "records.jsonl")
        starts.append(_start(con, raw.table, number))
    held = {file.name: set(names) for file, names in zip(files, headers, strict=True)}
    found = replace(raw, columns=columns, held=held, problem="problem", unread="unread", repeated=frozenset(repeated))
    return found.labelled([file.name for file in files], starts, first_record=2)


def _plain(file: File, raw: Raw, copy: Path) -> Path:
    """The file itself where it is plain UTF-8, else a copy that is."""
    encoding = raw.source.encoding.lower().replace("_", "-")
    with file.path.open("rb") as head:
        packed = head.read(2) == b"\x1f\x8b"
    if encoding in ("utf-8", "utf8", "utf-8-sig", "ascii") and not packed:
        return file.path
    try:
        with opened(file.path) as source, copy.open("wb") as target:
            if encoding in ("utf-8", "utf8", "utf-8-sig", "ascii"):
                copyfileobj(source, target, 1 << 20)
            else:
                _transcode(source, target, raw.source.encoding)
    except UnicodeError as wrong:
        raise InputError(
            f"{raw.where} ({file.name}) is not {raw.source.encoding}, as `encoding` says: {wrong}."
        ) from None
    except (OSError, EOFError, zlib.error) as wrong:
        raise InputError(f"{raw.where} ({file.name}) cannot be unpacked: {wrong}.") from None
    return copy


def _transcode(source, target, encoding: str) -> None:
    import codecs

    decoder = codecs.getincrementaldecoder(encoding)()
    while block := source.read(1 << 20):
        target.write(decoder.decode(block).encode())
    target.write(decoder.decode(b"", final=True).encode())


def _records(path: Path, source: Source) -> Iterator[tuple[list[str] | None, str, str]]:
    """Every record of a text: its fields, or None; what is wrong with it; its text where it cannot be parsed."""
    csv.field_size_limit(_LONGEST)
    lines: list[str] = []

    def remembered(file) -> Iterator[str]:
        for line in file:
            lines.append(line)
            yield line

    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(remembered(file), delimiter=source.delimiter, strict=True)
        while True:
            lines.clear()
            try:
                yield next(reader), "", ""
            except StopIteration:
                return
            except csv.Error as wrong:
                yield None, str(wrong), "".join(lines)


def _header(path: Path, where: str, source: Source) -> tuple[list[str], set[str]]:
    """The columns' names, made unique, and those that stand there more than once."""
    try:
        first = next((fields for fields, *_ in _records(path, source) if fields != []), [])
    except UnicodeDecodeError:
        raise _not_utf8(path, where) from None
    if first is None:
        raise InputError(f"{where}: the header cannot be read; is a quote left open in it?")
    names = [name.strip() for name in first]
    if not any(names):
        raise InputError(f"{where} is empty: it has no header.")
    if len(names) == 1 and (
        other := [mark for mark in _OTHER_DELIMITERS if mark in names[0] and mark != source.delimiter]
    ):
        raise InputError(
            f"{where}: with the delimiter {source.delimiter!r} there is only one column, {names[0][:80]!r}. "
            f"Is the delimiter {' or '.join(map(repr, other))}? Then add `delimiter: {json.dumps(other[0])}`."
        )
    unique: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        label, count = name or f"column {number}", 2
        while label in unique:
            label, count = f"{name} ({count})", count + 1
        unique[label] = None
    return list(unique), {name for name in names if name and names.count(name) > 1}


def _is_simple(path: Path, delimiter: str) -> bool:
    """Whether nothing in the bytes calls for care.

    One kind of newline, no blank line, no blank beside a quote, no delimiter as the last character.
    """
    lf = cr = crlf = 0
    tail = b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            seen = tail + block
            signs = [b"\n\n", b"\0"]
            if b"\r" in seen:
                cr, crlf = cr + block.count(b"\r"), crlf + seen.count(b"\r\n") - tail.count(b"\r\n")
                signs += [b"\r\r", b"\n\r"]
            if b'"' in seen:
                signs += [b' "', b'" ', b'\t"', b'"\t']
            if any(sign in seen for sign in signs):
                return False
            lf += block.count(b"\n")
            tail = block[-2:]
    return not tail.endswith(delimiter.encode()) and (crlf == lf == cr or (crlf == 0 and (lf == 0 or cr == 0)))


def _quick(con: duckdb.DuckDBPyConnection, raw: Raw, number: int, path: Path, into: list[str]) -> bool:
    """Read a text by DuckDB, and say whether that went well; a text with any malformed record gives nothing."""
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in into)
    try:
        con.execute(
            f"INSERT INTO {raw.table} (file, {', '.join(into)}) SELECT {number}, * FROM read_csv("
            f"{quoted(escape(str(path)))}, auto_detect=false, header=false, skip=1, delim={quoted(raw.source.delimiter)}, "
            f"quote='\"', escape='\"', strict_mode=true, null_padding=false, nullstr={quoted(_NO_NULL)}, columns={{{columns}}})"
        )
    except duckdb.Error:
        return False
    return True


def _careful(
    con: duckdb.DuckDBPyConnection, raw: Raw, number: int, path: Path, into: list[str], file: File, between: Path
) -> None:
    """Read a text record by record; malformed ones come with their problem. Raises InputError for a broken text."""
    where, longest = f"{raw.where} ({file.name})", 1 << 20
    try:
        with between.open("w") as target:
            for row in _judged_records(path, raw.source, len(into), where):
                line = json.dumps(row)
                longest = max(longest, 2 * len(line))
                target.write(line + "\n")
    except UnicodeDecodeError:
        raise _not_utf8(path, where) from None
    if longest > _LONGEST:
        raise InputError(f"{where}: a record is longer than {_LONGEST >> 20} MB; is a quote left open?")
    fields = ", ".join(f"fields[{place}]" for place in range(1, len(into) + 1))
    con.execute(
        f"INSERT INTO {raw.table} (file, record, problem, unread, {', '.join(into)}) "
        f"SELECT {number}, row.record, row.problem, row.unread, {fields.replace('fields', 'row.fields')} FROM (SELECT * FROM "
        f"read_json({quoted(escape(str(between)))}, format='newline_delimited', maximum_object_size={longest}, "
        "columns={record: 'BIGINT', fields: 'VARCHAR[]', problem: 'VARCHAR', unread: 'VARCHAR'})) AS row"
    )
    between.unlink()


def _judged_records(path: Path, source: Source, width: int, where: str) -> Iterator[dict[str, object]]:
    """The records after the header as fields, number, problem and what fits no column; blank lines are none."""
    is_header = True
    for number, (fields, wrong, text) in enumerate(_records(path, source), 1):
        if fields == []:
            continue
        if is_header:
            is_header = False
            continue
        problem, unread = None, None
        if fields is None:
            if "unexpected end" in wrong:
                raise InputError(f"{where}, record {number}: a quote is opened and never closed.")
            fields, problem, unread = [], f"malformed record: {wrong}", text
        elif len(fields) != width:
            few = "few" if len(fields) < width else "many"
            problem = f"malformed record: too {few} fields ({len(fields)} instead of {width})"
            unread = source.delimiter.join(fields[width:]) or None
        yield {"record": number, "fields": fields[:width], "problem": problem, "unread": unread}


def _not_utf8(path: Path, where: str) -> InputError:
    """What to say of a text that is not UTF-8: up to three places, and the line to add."""
    shown = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as wrong:
                bad = line[wrong.start : wrong.end].decode("ascii", "backslashreplace")
                shown.append(f"line {number}, byte {wrong.start + 1}: {bad}")
            if len(shown) == 3:
                break
    return InputError(
        f"{where} is not UTF-8 ({'; '.join(shown)}). Save it as UTF-8, or say what it is, "
        "such as `encoding: cp1252` (Windows, Western Europe) or `encoding: utf-16`."
    )


# ---- Parquet ----------------------------------------------------------------------------------------------


def _read_parquet(con: duckdb.DuckDBPyConnection, raw: Raw, files: list[File], folder: Path) -> Raw:
    types = [_parquet_types(con, file, raw) for file in files]
    columns: dict[str, Cell] = {}
    made: dict[str, str] = {}
    for name in dict.fromkeys(name for one in types for name in one):
        kept = {one[name] for one in types if name in one}
        type_ = kept.pop() if len(kept) == 1 else "VARCHAR"
        if kind(type_) == "other":
            type_ = "VARCHAR"
        columns[name] = Cell(f"c{len(columns)}", kind(type_))
        made[columns[name].sql] = type_
    _create(con, raw.table, made)
    starts = []
    for number, (file, held) in enumerate(zip(files, types, strict=True)):
        into = ", ".join(columns[name].sql for name in held)
        values = ", ".join(f"CAST({named(name)} AS {made[columns[name].sql]})" for name in held)
        con.execute(f"INSERT INTO {raw.table} (file, {into}) SELECT {number}, {values} FROM {_parquet(file)}")
        starts.append(_start(con, raw.table, number))
    found = replace(raw, columns=columns, held={file.name: set(one) for file, one in zip(files, types, strict=True)})
    return found.labelled([file.name for file in files], starts, first_record=1)


def _parquet(file: File) -> str:
    return f"read_parquet({quoted(escape(str(file.path)))})"


def _parquet_types(con: duckdb.DuckDBPyConnection, file: File, raw: Raw) -> dict[str, str]:
    try:
        return described(con, _parquet(file))
    except duckdb.Error as wrong:
        raise InputError(f"{raw.where} ({file.name}) cannot be read as Parquet: {str(wrong).splitlines()[0]}") from None


# ---- Both -------------------------------------------------------------------------------------------------


def _create(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    declared = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    con.execute(f"CREATE TABLE {table} (file INTEGER, record BIGINT, problem VARCHAR, unread VARCHAR, {declared})")


def _start(con: duckdb.DuckDBPyConnection, table: str, number: int) -> int:
    """The rowid of a file's first row: rows keep the order in which they were read, file after file."""
    return con.execute(f"SELECT coalesce(min(rowid), 0) FROM {table} WHERE file = {number}").fetchone()[0]
