"""Reading delimited text, all of it as text.

It goes the quick way through DuckDB where the file leaves no room for interpretation, line by line where a few records of
such a file are malformed (by_lines.py), and otherwise through Python's csv, record by record: DuckDB aborts on mixed newlines, drops blank lines from its numbering, takes blanks around quotes
away and cannot tell the number of a malformed record. All ways give the same rows (a test holds it).
"""

import codecs
import csv
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from glob import escape
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.delimited_lines import load_lines
from crmnb.intake.readers.records import Part, Record, find_header, spooled, unique_names
from crmnb.intake.sources.files import File, opened
from crmnb.intake.staging_table import quote_literal
from crmnb.schema.client import Source

_LONGEST_FIELD = 1 << 28  # characters
_MOST_LINES = 1_000_000  # of one record; more are what follows a quote that is never closed
_NO_NULL = "\ue000"  # no text is NULL here: DuckDB would drop fields that are, at the end of a record that has too many
_OTHER_DELIMITERS = ",;\t|"
_UTF8 = ("utf-8", "utf-8-sig", "ascii")
_UNPACKED = 1 << 30  # bytes that anything may unpack to
_TIMES = 200  # its size to which more may unpack; text packs to a tenth, and hardly ever to a hundredth
_HEAD = 4096  # bytes by which an encoding is recognised
_ZIP = b"PK\x03\x04"  # what a workbook begins with


def read_delimited(file: File, source: Source, space: Path, where: str, wanted: frozenset[str]) -> list[Part]:
    """A delimited text as a part; `space` is the path that copies of it may begin with.

    Raises InputError for what cannot be read.
    """
    where = f"{where} ({file.name})"
    path = plain(file, source.encoding, space.with_suffix(".txt"), where)
    try:
        numbered = ((number, fields) for number, (fields, *_) in enumerate(_records(path, source), 1))
        number, header = find_header(numbered, source.header, wanted, where)
    except UnicodeDecodeError:
        raise not_utf8(path, where) from None
    names, repeated = unique_names(header, where)
    _refuse_other_delimiter(names, source, where)
    text = _Text(path, source, number, len(names), space.with_suffix(".records"), where)
    return [Part(file.name, names, repeated, text.load)]


def _refuse_other_delimiter(names: list[str], source: Source, where: str) -> None:
    other = [mark for mark in _OTHER_DELIMITERS if mark in names[0] and mark != source.delimiter]
    if len(names) == 1 and other:
        raise InputError(
            f"{where}: with the delimiter {source.delimiter!r} there is only one column, {names[0][:80]!r}. "
            f"Is the delimiter {' or '.join(map(repr, other))}? Then add `delimiter: {json.dumps(other[0])}`."
        )


# ---- Encodings --------------------------------------------------------------------------------------------


def plain(file: File, encoding: str, copy: Path, where: str) -> Path:
    """The file itself where it is plain UTF-8, else a copy that is. Raises InputError where its encoding is another."""
    is_utf8 = codecs.lookup(encoding).name in _UTF8
    with file.path.open("rb") as begin:
        packed = begin.read(2) == b"\x1f\x8b"
    try:
        with opened(file.path) as content:
            _refuse_other_encoding(content.read(_HEAD), encoding, where)
        if is_utf8 and not packed:
            return file.path
        with opened(file.path) as content, copy.open("wb") as target:
            blocks = _unpacked(content, file.path.stat().st_size, where) if packed else _blocks(content)
            for block in blocks if is_utf8 else _transcoded(blocks, encoding, where):
                target.write(block)
    except UnicodeError as wrong:
        raise InputError(f"{where} is not {encoding}, as `encoding` says: {wrong}.") from None
    except (OSError, EOFError, zlib.error) as wrong:
        raise InputError(f"{where} cannot be unpacked: {wrong}.") from None
    return copy


def _blocks(content: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: content.read(1 << 20), b"")


def _unpacked(content: BinaryIO, size: int, where: str) -> Iterator[bytes]:
    """What is unpacked from a file of that size. Raises InputError for more than can be meant as text."""
    found = 0
    for block in _blocks(content):
        found += len(block)
        if found > max(_UNPACKED, _TIMES * size):
            raise InputError(
                f"{where} unpacks to more than {_UNPACKED >> 20:,} MB and {_TIMES} times its size, which no text does that "
                "is data; if it is right, unpack it."
            )
        yield block


def _transcoded(blocks: Iterator[bytes], encoding: str, where: str) -> Iterator[bytes]:
    """Blocks of a text, in UTF-8. Raises UnicodeError for what is not of the encoding, InputError for what is UTF-8."""
    decoder, other = codecs.getincrementaldecoder(encoding)(), codecs.getincrementaldecoder("utf-8")()
    is_ascii, is_utf8 = True, not codecs.lookup(encoding).name.startswith("utf")  # in UTF-16, a byte is no sign
    for block in chain(blocks, [b""]):
        yield decoder.decode(block, final=not block).encode()
        is_ascii = is_ascii and block.isascii()
        if is_utf8:
            try:
                other.decode(block, final=not block)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8 and not is_ascii:
        raise InputError(f"{where} is UTF-8, not {encoding}; leave out `encoding`.")


def _refuse_other_encoding(head: bytes, encoding: str, where: str) -> None:
    """Raise InputError for a workbook that is taken for text, and for UTF-16 where it is not declared or not there.

    Bytes of UTF-16 can be valid UTF-8, and the other way round; then every character would be a wrong one.
    """
    if head.startswith(_ZIP):
        raise InputError(f"{where} is no text but a zip file; if it is a workbook, add `format: excel`.")
    found = _utf16(head)
    declared = codecs.lookup(encoding).name.startswith("utf-16")
    if found and not declared:
        raise InputError(f"{where} is not {encoding.upper()} but looks like UTF-16; add `encoding: {found}`.")
    if declared and not found and b"\0" not in head and head:
        raise InputError(
            f"{where} is not {encoding}, as `encoding` says: it begins with {head[:20].decode('ascii', 'backslashreplace')!r}. "
            "Leave out `encoding` if it is UTF-8."
        )


def _utf16(head: bytes) -> str:
    """The kind of UTF-16 that the first bytes look like: by its mark, or by every other byte being zero; else nothing."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.4 * len(head) / 2 or min(even, odd) > 0.1 * len(head) / 2 or len(head) < 4:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def not_utf8(path: Path, where: str) -> InputError:
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
        f"{where} is not UTF-8 ({'; '.join(shown)}). Save it as UTF-8, or say what it is, such as `encoding: cp1252` "
        "(Windows, Western Europe)."
    )


# ---- Records ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Text:
    """A delimited text in UTF-8 whose header, record `header`, has `width` columns."""

    path: Path
    source: Source
    header: int
    width: int
    spool: Path
    where: str

    def load(self, con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str]) -> None:
        """Load the records after the header. Raises InputError for a broken text."""
        simple = self.header == self.source.header and _is_simple(self.path, self.source.delimiter, self.header)
        if simple and (_quick(con, table, number, self, into) or self._load_lines(con, table, number, into)):
            return
        try:
            load = spooled(_judged_records(self), self.spool, self.where)
        except UnicodeDecodeError:
            raise not_utf8(self.path, self.where) from None
        load(con, table, number, into)

    def _load_lines(self, con: duckdb.DuckDBPyConnection, table: str, number: int, into: list[str]) -> bool:
        def read(line: str) -> Record | None:
            try:
                fields, wrong = next(csv.reader([line], delimiter=self.source.delimiter, strict=True)), ""
            except csv.Error as error:
                fields, wrong = None, str(error)
            return None if "unexpected end" in wrong else _judged(self, 0, fields, wrong, line)

        try:
            return load_lines(con, table, number, self.path, self.header, self.source.delimiter, into, read, self.spool)
        except duckdb.Error:  # a line that is too long for it, or is no UTF-8
            con.execute(f"DELETE FROM {table} WHERE file = {number}")
            return False


def _records(path: Path, source: Source) -> Iterator[tuple[list[str] | None, str, str]]:
    """Every record of a text: its fields, or None; what is wrong with it; its text where it cannot be parsed."""
    csv.field_size_limit(_LONGEST_FIELD)
    lines: list[str] = []

    def remembered(file) -> Iterator[str]:
        for line in file:
            lines.append(line)
            if len(lines) > _MOST_LINES:
                raise csv.Error("unexpected end")
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


def _is_simple(path: Path, delimiter: str, header: int) -> bool:
    """Whether nothing in the bytes calls for care.

    One kind of newline, no blank line, no blank beside a quote, no delimiter as the last character, and no quote above
    the header, so that a line there is a record.
    """
    with path.open("rb") as file:
        if header > 1 and any(b'"' in file.readline() for _ in range(header - 1)):
            return False
        file.seek(0)
        return _is_plain(file, delimiter)


def _is_plain(file, delimiter: str) -> bool:
    import numpy as np  # five times as fast as bytes' own search for pairs

    lf = cr = crlf = 0
    tail = b"\n"
    while block := file.read(1 << 20):
        seen = tail + block
        signs = np.frombuffer(seen, np.uint8)
        ends, quotes = np.flatnonzero(signs == ord("\n")), np.flatnonzero(signs == ord('"'))
        if (np.diff(ends) == 1).any() or b"\0" in block:
            return False
        beside = (signs[quotes[quotes > 0] - 1], signs[quotes[quotes < len(signs) - 1] + 1])
        if any(np.isin(each, (ord(" "), ord("\t"))).any() for each in beside):
            return False
        if b"\r" in seen:
            cr, crlf = cr + block.count(b"\r"), crlf + seen.count(b"\r\n") - tail.count(b"\r\n")
            if b"\r\r" in seen or b"\n\r" in seen:
                return False
        lf += len(ends) - tail.count(b"\n")
        tail = block[-2:]
    return not tail.endswith(delimiter.encode()) and (crlf == lf == cr or (crlf == 0 and (lf == 0 or cr == 0)))


def _quick(con: duckdb.DuckDBPyConnection, table: str, number: int, text: _Text, into: list[str]) -> bool:
    """Read a text by DuckDB, and say whether that went well; a text with any malformed record gives nothing."""
    columns = ", ".join(f"{quote_literal(column)}: 'VARCHAR'" for column in into)
    try:
        con.execute(
            f"INSERT INTO {table} (file, {', '.join(into)}) SELECT {number}, * FROM read_csv({quote_literal(escape(str(text.path)))}, "
            f"auto_detect=false, header=false, skip={text.header}, delim={quote_literal(text.source.delimiter)}, "
            f"quote='\"', escape='\"', strict_mode=true, null_padding=false, nullstr={quote_literal(_NO_NULL)}, columns={{{columns}}})"
        )
    except duckdb.Error:
        return False
    return True


def _judged_records(text: _Text) -> Iterator[Record]:
    """The records after the header with what is wrong with them; blank lines are none."""
    for number, (fields, wrong, content) in enumerate(_records(text.path, text.source), 1):
        if number <= text.header or fields == []:
            continue
        if fields is None and "unexpected end" in wrong:
            raise InputError(f"{text.where}, record {number}: a quote is opened and never closed.")
        yield _judged(text, number, fields, wrong, content)


def _judged(text: _Text, number: int, fields: list[str] | None, wrong: str, content: str) -> Record:
    """A record with its fields, or with what is `wrong` with it and its `content`."""
    if fields is None:
        return Record(number, [], f"malformed record: {wrong}", content.rstrip("\r\n"))
    if len(fields) == text.width:
        return Record(number, fields)
    few = "few" if len(fields) < text.width else "many"
    problem = f"malformed record: too {few} fields ({len(fields)} instead of {text.width})"
    return Record(number, fields[: text.width], problem, text.source.delimiter.join(fields[text.width :]) or None)
