"""The profile of a file: its format, where its header is, which of its rows are no data, and the form of each column's values.

The file is read as it lies; nothing is converted. What is proposed from a profile is checked by the import afterwards.
"""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from glob import escape
from itertools import islice
from pathlib import Path
from typing import TypeVar

from crmnb.core.errors import InputError, escape_unprintable
from crmnb.intake.sources.files import open_unpacked
from crmnb.schema.client.sources import ENDINGS
from crmnb.setup.values import MISSING_CODES, MOST_VALUES, Numbers, Times, numbers_of, personal_kind, times_of

Form = TypeVar("Form", Times | None, Numbers | None)
MOST_RECORDS = 100_000  # that are read of a file
_UNREADABLE = 0.1  # the share of values that may have another form than the rest, from so many distinct values on:
_SEVERAL = 10
_HEAD = 40  # records among which the header is looked for
_BYTES = 1 << 27
_ENCODINGS = ("utf-8", "cp1252")
_DELIMITERS = ",;\t|"
_TOTAL = re.compile(
    r"(grand |sub)?(total|summe|gesamt|zwischensumme|totale|totaal|subtotal|suma|somme)\b|printed on|page \d+ of", re.I
)
_ZONE = re.compile(r'"timeZone"\s*:\s*"([A-Za-z]+(?:/[A-Za-z_]+)+|UTC)"')


@dataclass(frozen=True)
class ColumnProfile:
    """A column: its header as it is mapped, and its values (not empty, stripped) in the order of the rows.

    `label` is what the rows below the header say about it.
    """

    header: str
    values: tuple[str, ...]
    rows: int
    label: str = ""

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs."""
        return Counter(self.values)

    @property
    def sample(self) -> tuple[str, ...]:
        """Distinct values, at most MOST_VALUES."""
        return tuple(list(self.counts)[:MOST_VALUES])

    @property
    def filled(self) -> float:
        """The share of rows with a value."""
        return len(self.values) / self.rows if self.rows else 0.0

    @property
    def distinct(self) -> float:
        """The share of rows with a value of their own: 1 if each row has another value."""
        return len(self.counts) / self.rows if self.rows else 0.0

    @cached_property
    def times(self) -> Times | None:
        """The form of times, if the values are times, but for a few that the import will reject."""
        return self._form(times_of)

    @cached_property
    def numbers(self) -> Numbers | None:
        """The form of numbers, if the values are numbers, but for a few that the import will reject."""
        return self._form(numbers_of)

    def _form(self, recognise: Callable[..., Form]) -> Form:
        form = recognise([value for value in self.sample if value.lower() not in MISSING_CODES])
        if form is not None or len(self.counts) < _SEVERAL:
            return form
        values = [value for value in self.values[:MOST_VALUES] if value.lower() not in MISSING_CODES]
        return recognise(values, _UNREADABLE)

    @cached_property
    def personal(self) -> str:
        """What personal datum the values are; "" if they are none."""
        return personal_kind(self.sample)


@dataclass(frozen=True)
class FileProfile:
    """A file: its options as a source, its columns, and the texts in its rows that are no data.

    `totals`: the texts with which totals and footers begin, by the header of their column. `zone`: a time zone that the rows
    below the header name. `filled_in_totals`: the headers under which a total or footer has a text. `cells`: the rows of data as texts. `pattern`: of the names of several
    files with the same columns, of which `path` is the first.
    """

    path: Path
    format: str
    options: dict
    columns: tuple[ColumnProfile, ...]
    rows: int
    totals: dict[str, tuple[str, ...]]
    filled_in_totals: frozenset[str] = frozenset()
    zone: str = ""
    cells: tuple[tuple[str, ...], ...] = ()
    pattern: str = ""

    def pairs(self, first: str, second: str) -> list[tuple[str, str]]:
        """The cells of two columns, row by row."""
        places = [column.header for column in self.columns]
        left, right = places.index(first), places.index(second)
        padded = (row + ("",) * (len(places) - len(row)) for row in self.cells)
        return [(row[left], row[right]) for row in padded]

    @cached_property
    def by_header(self) -> dict[str, ColumnProfile]:
        """The columns by their headers."""
        return {column.header: column for column in self.columns}


def profile_file(path: Path) -> FileProfile:
    """The profile of a file. Raises InputError for a file that cannot be read, or that has no header."""
    shown = escape_unprintable(path.name)
    if not path.is_file():
        raise InputError(f"{shown}: there is no such file.")
    if not path.stat().st_size:
        raise InputError(f"{shown} is empty.")
    format_ = _format_of(path)
    if format_ == "json":
        records = _json_records(path, shown)
        headers = list(dict.fromkeys(key for record in records for key in record))
        rows = [[record.get(header, "") for header in headers] for record in records]
        return _profile(path, "json", _declared_format(path, "json"), headers, rows)
    if format_ == "parquet":
        headers, rows = _parquet_rows(path, shown)
        return _profile(path, "parquet", _declared_format(path, "parquet"), headers, rows)
    options, numbered = _excel_rows(path, shown) if format_ == "excel" else _text_rows(path)
    place = _header_place([cells for _, cells in numbered])
    if place is None:
        raise InputError(
            f"{shown}: no row with column names was found among the first {_HEAD}. Add one to the file; columns must be separated "
            "by a comma, a semicolon, a tab or |."
        )
    number, header = numbered[place]
    if number > 1:
        options["header"] = number
    return _profile(path, format_, options, _unique(header), [cells for _, cells in numbered[place + 1 :]])


def _format_of(path: Path) -> str:
    """The format by content, then by the file's ending."""
    head = _content(path, 4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{") or (text.startswith(b"[") and path.suffix.lower() == ".json"):
        return "json"
    return "csv"


# ---- Rows as texts ----------------------------------------------------------------------------------------


def _content(path: Path, most: int) -> bytes:
    """The first bytes of a file, unpacked if it is gzipped."""
    try:
        with open_unpacked(path) as file:
            return file.read(most)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise InputError(f"{escape_unprintable(path.name)} cannot be read: {reason}.") from None


def _declared_format(path: Path, format_: str) -> dict:
    """The declaration of the format, where the file's ending says another or none."""
    suffixes = [suffix for suffix in path.suffixes if suffix.lower() != ".gz"]
    return {} if suffixes and ENDINGS.get(suffixes[-1].lower()) == format_ else {"format": format_}


def _text_rows(path: Path) -> tuple[dict, list[tuple[int, list[str]]]]:
    content = _content(path, _BYTES)
    options: dict = _declared_format(path, "csv")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        options["encoding"], text = "utf-16", content.decode("utf-16", "replace")
    else:
        try:
            # A file that is cut off may end within a character.
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=len(content) < _BYTES)
        except UnicodeDecodeError:
            options["encoding"], text = "cp1252", content.decode("cp1252", "replace")
    delimiter = _delimiter(text)
    if delimiter != ",":
        options["delimiter"] = delimiter
    csv.field_size_limit(1 << 28)
    rows = []
    for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1):
        if any(cell.strip() for cell in cells):
            rows.append((number, [cell.strip() for cell in cells]))
        if len(rows) >= MOST_RECORDS:
            break
    return options, rows


def _delimiter(text: str) -> str:
    """The delimiter with which the first records have most fields, as many in each: a comma may also stand within texts."""
    head = text[: 1 << 16]
    best, delimiter = 0, ","
    for mark in _DELIMITERS:
        widths = Counter(len(cells) for cells in csv.reader(io.StringIO(head, newline=""), delimiter=mark) if cells)
        width, count = max(widths.items(), key=lambda item: (item[0] - 1) * item[1], default=(1, 0))
        if (width - 1) * count > best:
            best, delimiter = (width - 1) * count, mark
    return delimiter


def _excel_rows(path: Path, shown: str) -> tuple[dict, list[tuple[int, list[str]]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except (CalamineError, OSError, ValueError):
        raise InputError(f"{shown} cannot be read as a workbook. Save it again as xlsx or CSV.") from None
    sheets = {name: rows for name, rows in sheets.items() if rows}
    if not sheets:
        raise InputError(f"{shown} is empty: all its sheets are empty.")
    options: dict = _declared_format(path, "excel")
    texts = {name: [[_cell_text(cell) for cell in row] for row in rows] for name, rows in sheets.items()}
    largest = max(texts, key=lambda name: len(texts[name]))
    rows = list(enumerate(texts[largest], 1))
    if len(book.sheet_names) > 1:
        names = _sheets_alike(texts, largest)
        options["sheets"] = ["*"] if len(names) == len(texts) > 1 else names
        place = _header_place([row for row in texts[largest] if any(row)])
        header = [row for row in texts[largest] if any(row)][place] if place is not None else None
        for name in names:
            if name != largest:
                rows += list(enumerate(texts[name][texts[name].index(header) + 1 :], len(rows) + 1))
    return options, [(number, cells) for number, cells in rows if any(cells)][:MOST_RECORDS]


def _sheets_alike(texts: dict[str, list[list[str]]], largest: str) -> list[str]:
    """The sheets that have the header of the largest one in the same row."""
    filled = [row for row in texts[largest] if any(row)]
    place = _header_place(filled)
    if place is None:
        return [largest]
    number = texts[largest].index(filled[place])
    return [name for name, rows in texts.items() if len(rows) > number and rows[number] == filled[place]]


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()


def _json_records(path: Path, shown: str) -> list[dict[str, str]]:
    objects = _json_objects(_content(path, _BYTES).decode("utf-8-sig", "replace"))
    records = [dict(_flat(value)) for value in islice(objects, MOST_RECORDS)]
    if not records:
        raise InputError(f'{shown} holds no JSON objects: one per line, or a list of them, such as {{"id": 1}}.')
    return records


def _json_objects(text: str) -> Iterator[dict]:
    """The objects of lines or of a list; what is no JSON is left out, as the import rejects and counts it."""
    decoder, place = json.JSONDecoder(), 0
    while (start := text.find("{", place)) >= 0:
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = text.find("\n", start) + 1 or len(text)
        else:
            yield value


def _flat(value: dict, prefix: str = "", depth: int = 0):
    """The values of an object by dotted keys; a list of {key, value} is reached by its keys."""
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict) and depth < 4:
            yield from _flat(inner, f"{name}.", depth + 1)
        elif isinstance(inner, list) and inner and all(isinstance(i, dict) and {"key", "value"} <= {*i} for i in inner):
            for entry in inner:
                kinds = entry["value"]
                contents = [v for v in kinds.values() if v is not None] if isinstance(kinds, dict) else [kinds]
                yield f"{name}.{entry['key']}", _json_text(contents[0] if contents else None)
        else:
            yield name, _json_text(inner)


def _json_text(value: object) -> str:
    if value is None or value == [] or value == {}:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parquet_rows(path: Path, shown: str) -> tuple[list[str], list[list[str]]]:
    import duckdb

    try:
        with duckdb.connect() as con:
            relation = con.from_parquet(escape(str(path))).limit(MOST_RECORDS)
            rows = [["" if cell is None else _cell_text(cell) for cell in row] for row in relation.fetchall()]
            return relation.columns, rows
    except duckdb.Error:
        raise InputError(f"{shown} cannot be read as Parquet. Save it again.") from None


# ---- Which rows are data ----------------------------------------------------------------------------------


def _header_place(rows: Sequence[Sequence[str]]) -> int | None:
    """The place of the header: the first row that is as wide as the data and holds only names."""
    head = rows[: _HEAD * 5]
    widest = Counter(sum(map(bool, cells)) for cells in head)
    width = max((w for w in widest if w > 1), key=lambda w: (widest[w] * w, w), default=0)
    for place, cells in enumerate(rows[:_HEAD]):
        names = [cell for cell in cells if cell]
        if len(names) >= max(0.6 * width, 2) and not any(map(_is_value, names)):
            return place
    return None


def _is_value(text: str) -> bool:
    return bool(numbers_of([text]) or (len(text) > 5 and times_of([text])) or re.match(r"\d+$", text))


def _unique(header: Sequence[str]) -> list[str]:
    """Headers as the import names them: an empty one by its place, a repeated one by its number."""
    from crmnb.intake.readers.records import make_unique_names

    cells = list(header)
    while cells and not cells[-1]:
        cells.pop()
    return make_unique_names(cells, "the file")[0]


def _profile(
    path: Path, format_: str, options: dict, headers: Sequence[str], rows: Sequence[Sequence[str]]
) -> FileProfile:
    below = _rows_below_header(rows)
    if below:
        options["rows_after_header"] = below
    data = [row for row in rows[below:] if list(row[: len(headers)]) != list(headers)]
    totals: dict[str, list[str]] = {}
    regular, filled_in_totals = [], set()
    for row in data:
        place = next((place for place, cell in enumerate(row[: len(headers)]) if cell), None)
        filled = sum(map(bool, row))
        if place is not None and _TOTAL.match(row[place]) and filled < 0.7 * len(headers):
            totals.setdefault(headers[place], []).append(row[place])
            filled_in_totals |= {header for header, cell in zip(headers, row, strict=False) if cell}
        else:
            regular.append(row)
    columns = []
    for place, header in enumerate(headers):
        cells = [row[place] if place < len(row) else "" for row in regular]
        label = " ".join(rows[0][place].split()) if below and place < len(rows[0]) else ""
        columns.append(ColumnProfile(header, tuple(filter(None, cells)), len(regular), label))
    zones = _ZONE.findall(" ".join(cell for row in rows[:below] for cell in row))
    zone = zones[0] if len(set(zones)) == 1 else ""
    texts = {header: tuple(dict.fromkeys(contents)) for header, contents in totals.items()}
    cells = tuple(tuple(row) for row in regular)
    return FileProfile(
        path, format_, options, tuple(columns), len(regular), texts, frozenset(filled_in_totals), zone, cells
    )


def _rows_below_header(rows: Sequence[Sequence[str]]) -> int:
    """How many rows below the header are no data: texts in columns in which all further rows hold numbers or times."""
    below = 0
    while below < 3 and len(rows) > below + 2:
        row, others = rows[below], rows[below + 1 : below + 400]
        if (
            any('"ImportId"' in cell for cell in row)
            or _is_label_row(row, others)
            or (below == 0 and any('"ImportId"' in cell for cell in rows[1]))
        ):
            below += 1
        else:
            break
    return below


def _is_label_row(row: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a row has no value where the further rows have numbers or times, but texts or nothing, in at least two columns."""
    columns = labels = 0
    for place, cell in enumerate(row):
        values = [other[place] for other in others if place < len(other) and other[place]]
        if len(values) < 3 or not _has_form(values):
            continue
        if cell and _has_form([cell]):
            return False
        columns += 1
        labels += bool(cell)
    return columns >= 2 and labels >= 1


def _has_form(values: Sequence[str]) -> bool:
    sample = list(dict.fromkeys(values))[:50]
    return numbers_of(sample) is not None or times_of(sample) is not None
