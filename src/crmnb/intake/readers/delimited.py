"""The reader of delimited text; all values are read as text.

DuckDB reads a file in which nothing is ambiguous. All other files go through Python's csv, record by record: DuckDB aborts on
mixed newlines, does not number blank lines, strips blanks around quotes and cannot tell the number of a malformed record.
Both readers give the same rows (a test compares them).
"""

import codecs
import csv
import json
import zlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from glob import escape
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.readers.records import Part, Record, find_header, make_unique_names, spool_records
from crmnb.intake.sources.files import SourceFile, open_unpacked
from crmnb.intake.staging_table import quote_literal
from crmnb.schema.client import Source

_LONGEST_FIELD = 1 << 28  # characters
_MOST_LINES = 1_000_000  # of a record; more follow a quote that is never closed
_NO_NULL = "\ue000"  # no text means NULL: DuckDB would drop such fields at the end of a record with too many fields
_DELIMITERS = ",;\t|"
_UTF8 = ("utf-8", "utf-8-sig", "ascii")
_UNPACKED = 1 << 30  # bytes to which any file may unpack
_RATIO = 200  # larger files may unpack to this multiple of their size; text is packed to a tenth, rarely to a hundredth
_HEAD = 4096  # bytes from which an encoding is recognised
_ZIP = b"PK\x03\x04"  # the first bytes of a workbook


def read_delimited(
    file: SourceFile, source: Source, space: Path, location: str, required_headers: Set[str]
) -> list[Part]:
    """A delimited text as a part. `space` is the beginning of the paths of copies. Raises InputError for unreadable files."""
    location = f"{location} ({file.name})"
    path = convert_to_utf8(file, source.encoding, space.with_suffix(".txt"), location)
    try:
        numbered = ((number, fields) for number, (fields, *_) in enumerate(_parse_records(path, source), 1))
        number, header = find_header(numbered, source.header, required_headers, location)
    except UnicodeDecodeError:
        raise invalid_utf8_error(path, location) from None
    names, duplicates = make_unique_names(header, location)
    others = [mark for mark in _DELIMITERS if mark in names[0] and mark != source.delimiter]
    if len(names) == 1 and others:
        raise InputError(
            f"{location}: with the delimiter {source.delimiter!r} there is only one column, {names[0][:80]!r}. "
            f"Is the delimiter {' or '.join(map(repr, others))}? Then add `delimiter: {json.dumps(others[0])}`."
        )
    text = _DelimitedText(path, source, number, len(names), space.with_suffix(".records"), location)
    return [Part(file.name, names, duplicates, text.load)]


# ---- Encodings --------------------------------------------------------------------------------------------


def convert_to_utf8(file: SourceFile, encoding: str, copy: Path, location: str) -> Path:
    """The file itself if it is plain UTF-8, otherwise a converted copy. Raises InputError for another encoding."""
    is_utf8 = codecs.lookup(encoding).name in _UTF8
    with file.path.open("rb") as content:
        is_packed = content.read(2) == b"\x1f\x8b"
    try:
        with open_unpacked(file.path) as content:
            _check_encoding(content.read(_HEAD), encoding, location)
        if is_utf8 and not is_packed:
            return file.path
        with open_unpacked(file.path) as content, copy.open("wb") as target:
            blocks = _unpack(content, file.path.stat().st_size, location) if is_packed else _read_blocks(content)
            for block in blocks if is_utf8 else _transcode(blocks, encoding, location):
                target.write(block)
    except UnicodeError as error:
        raise InputError(f"{location} is not {encoding}, which `encoding` declares: {error}.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{location} cannot be unpacked: {error}.") from None
    return copy


def _read_blocks(content: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: content.read(1 << 20), b"")


def _unpack(content: BinaryIO, size: int, location: str) -> Iterator[bytes]:
    """The unpacked blocks of a file of that size. Raises InputError if it unpacks to far more than data would."""
    total = 0
    for block in _read_blocks(content):
        total += len(block)
        if total > max(_UNPACKED, _RATIO * size):
            raise InputError(
                f"{location} unpacks to more than {_UNPACKED >> 20:,} MB and {_RATIO} times its size, which is unusual for "
                "data. If the file is correct, unpack it."
            )
        yield block


def _transcode(blocks: Iterator[bytes], encoding: str, location: str) -> Iterator[bytes]:
    """The blocks of a text in UTF-8. Raises UnicodeError for another encoding, and InputError for a text in UTF-8."""
    decoder, utf8_decoder = codecs.getincrementaldecoder(encoding)(), codecs.getincrementaldecoder("utf-8")()
    is_ascii, is_utf8 = True, not codecs.lookup(encoding).name.startswith("utf")  # UTF-16 bytes may be valid UTF-8
    for block in chain(blocks, [b""]):
        yield decoder.decode(block, final=not block).encode()
        is_ascii = is_ascii and block.isascii()
        if is_utf8:
            try:
                utf8_decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8 and not is_ascii:
        raise InputError(f"{location} is UTF-8, not {encoding}. Remove `encoding`.")


def _check_encoding(head: bytes, encoding: str, location: str) -> None:
    """Raise InputError for a workbook, and for UTF-16 that is not declared, or declared for another encoding.

    Bytes of UTF-16 may be valid UTF-8, and the reverse; then every character would be wrong.
    """
    if head.startswith(_ZIP):
        raise InputError(f"{location} is a zip file, not text. If it is a workbook, add `format: excel`.")
    utf16 = _detect_utf16(head)
    is_declared = codecs.lookup(encoding).name.startswith("utf-16")
    if utf16 and not is_declared:
        raise InputError(f"{location} is not {encoding.upper()} but looks like UTF-16. Add `encoding: {utf16}`.")
    if is_declared and not utf16 and b"\0" not in head and head:
        raise InputError(
            f"{location} is not {encoding}, which `encoding` declares: it begins with "
            f"{head[:20].decode('ascii', 'backslashreplace')!r}. If it is UTF-8, remove `encoding`."
        )


def _detect_utf16(head: bytes) -> str:
    """The variant of UTF-16 of the first bytes: by the byte-order mark, or if every other byte is zero; otherwise ""."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.4 * len(head) / 2 or min(even, odd) > 0.1 * len(head) / 2 or len(head) < 4:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def invalid_utf8_error(path: Path, location: str) -> InputError:
    """The error for a text that is not UTF-8: up to three places, and the line to add."""
    places = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                invalid = line[error.start : error.end].decode("ascii", "backslashreplace")
                places.append(f"line {number}, byte {error.start + 1}: {invalid}")
            if len(places) == 3:
                break
    return InputError(
        f"{location} is not UTF-8 ({'; '.join(places)}). Save it as UTF-8, or declare its encoding, for example "
        "`encoding: cp1252` (Windows, Western Europe)."
    )


# ---- Records ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _DelimitedText:
    """A delimited text in UTF-8. `header` is the number of the header's record, `width` its number of columns."""

    path: Path
    source: Source
    header: int
    width: int
    spool: Path
    location: str

    def load(self, con: duckdb.DuckDBPyConnection, table: str, number: int, columns: list[str]) -> None:
        """Load the records after the header. Raises InputError for a broken text."""
        if _is_simple(self, self.source.delimiter) and _load_with_engine(con, table, number, self, columns):
            return
        try:
            load = spool_records(_check_records(self), self.spool, self.location)
        except UnicodeDecodeError:
            raise invalid_utf8_error(self.path, self.location) from None
        load(con, table, number, columns)


def _parse_records(path: Path, source: Source) -> Iterator[tuple[list[str] | None, str, str]]:
    """Every record of a text: its fields or, if it cannot be parsed, None, the fault and the text."""
    csv.field_size_limit(_LONGEST_FIELD)
    lines: list[str] = []

    def record_lines(file) -> Iterator[str]:
        for line in file:
            lines.append(line)
            if len(lines) > _MOST_LINES:
                raise csv.Error("unexpected end")
            yield line

    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(record_lines(file), delimiter=source.delimiter, strict=True)
        while True:
            lines.clear()
            try:
                yield next(reader), "", ""
            except StopIteration:
                return
            except csv.Error as error:
                yield None, str(error), "".join(lines)


def _is_simple(text: _DelimitedText, delimiter: str) -> bool:
    """Whether the engine reads the text without ambiguity.

    It has one kind of newline, no blank line, no blank beside a quote, no delimiter as its last character, and no quote
    above the header, so that a line there is a record.
    """
    import numpy as np  # five times as fast as the search for pairs in bytes

    if text.header != text.source.header:
        return False
    lf = cr = crlf = 0
    tail = b"\n"
    with text.path.open("rb") as file:
        if text.header > 1 and any(b'"' in file.readline() for _ in range(text.header - 1)):
            return False
        file.seek(0)
        while block := file.read(1 << 20):
            chunk = tail + block
            codes = np.frombuffer(chunk, np.uint8)
            ends, quotes = np.flatnonzero(codes == ord("\n")), np.flatnonzero(codes == ord('"'))
            if (np.diff(ends) == 1).any() or b"\0" in block:
                return False
            neighbours = (codes[quotes[quotes > 0] - 1], codes[quotes[quotes < len(codes) - 1] + 1])
            if any(np.isin(side, (ord(" "), ord("\t"))).any() for side in neighbours):
                return False
            if b"\r" in chunk:
                cr, crlf = cr + block.count(b"\r"), crlf + chunk.count(b"\r\n") - tail.count(b"\r\n")
                if b"\r\r" in chunk or b"\n\r" in chunk:
                    return False
            lf += len(ends) - tail.count(b"\n")
            tail = block[-2:]
    return not tail.endswith(delimiter.encode()) and (crlf == lf == cr or (crlf == 0 and (lf == 0 or cr == 0)))


def _load_with_engine(
    con: duckdb.DuckDBPyConnection, table: str, number: int, text: _DelimitedText, columns: list[str]
) -> bool:
    """Load a text with DuckDB; False, and no row, if a record is malformed."""
    types = ", ".join(f"{quote_literal(column)}: 'VARCHAR'" for column in columns)
    try:
        con.execute(
            f"INSERT INTO {table} (file, {', '.join(columns)}) SELECT {number}, * "
            f"FROM read_csv({quote_literal(escape(str(text.path)))}, "
            f"auto_detect=false, header=false, skip={text.header}, delim={quote_literal(text.source.delimiter)}, "
            f"quote='\"', escape='\"', strict_mode=true, null_padding=false, nullstr={quote_literal(_NO_NULL)}, "
            f"columns={{{types}}})"
        )
    except duckdb.Error:
        return False
    return True


def _check_records(text: _DelimitedText) -> Iterator[Record]:
    """The records after the header, with their faults; blank lines are skipped."""
    for number, (fields, fault, content) in enumerate(_parse_records(text.path, text.source), 1):
        if number <= text.header or fields == []:
            continue
        if fields is None:
            if "unexpected end" in fault:
                raise InputError(f"{text.location}, record {number}: a quote is opened and never closed.")
            yield Record(number, [], f"malformed record: {fault}", content.rstrip("\r\n"))
        elif len(fields) == text.width:
            yield Record(number, fields)
        else:
            amount = "few" if len(fields) < text.width else "many"
            problem = f"malformed record: too {amount} fields ({len(fields)} instead of {text.width})"
            surplus = text.source.delimiter.join(fields[text.width :]) or None
            yield Record(number, fields[: text.width], problem, surplus)
