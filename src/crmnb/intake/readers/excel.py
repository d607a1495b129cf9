"""The reader of workbooks (xlsx, xls, ods): each cell becomes text in the format that the source declares.

So all rules for text apply. What calamine does not show (an error such as #N/A is an empty cell for it) comes from
crmnb.intake.readers.excel_marks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from crmnb.core.errors import InputError, escape_unprintable, nearest
from crmnb.intake.readers.excel_marks import PROTECTED, UNREADABLE, Marks, Range, read_marks
from crmnb.intake.readers.records import Part, Record, find_header, make_unique_names, spool_records
from crmnb.intake.sources.files import SourceFile
from crmnb.schema.client import Source

_EPOCH = datetime(1899, 12, 30)  # day 0 of day numbers, which count a 29 February 1900 that did not exist
_SHOWN = 3


def read_excel(
    file: SourceFile, source: Source, space: Path, location: str, required_headers: frozenset[str]
) -> list[Part]:
    """The declared sheets of a workbook as parts. `space` is the beginning of the paths of copies.

    Raises InputError for unreadable and for ambiguous workbooks.
    """
    location = f"{location} ({file.name})"
    marks = read_marks(file.path, location)
    if marks.counts_from_1904 and "excel" in source.date_format:
        raise InputError(
            f"{location} uses the 1904 date system, so its day numbers mean other days. Save it with the 1900 date system."
        )
    with file.path.open("rb") as content, _open_workbook(content, location) as book:
        names = _select_sheets(book, source, location)
        parts = []
        for number, name in enumerate(names):
            sheet = _Sheet(
                _open_sheet(book, name, location), marks, source, f"{location}, sheet {escape_unprintable(name)}"
            )
            if not sheet.is_empty or source.sheets != ("*",):
                label = f"{file.name}, sheet {escape_unprintable(name)}" if len(names) > 1 else file.name
                parts.append(_build_part(sheet, label, space.with_suffix(f".{number}.records"), required_headers))
    if not parts:
        raise InputError(f"{location} is empty: all its sheets are empty.")
    return parts


def _open_workbook(content: BinaryIO, location: str) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(
            content
        )  # recognises the format by content; with a path it would trust the file's ending
    except PasswordError:
        fault = PROTECTED
    except (CalamineError, OSError, ValueError):
        fault = UNREADABLE
    raise InputError(f"{location} {fault}.")


def _open_sheet(book: CalamineWorkbook, name: str, location: str) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        fault = f"{location}, sheet {escape_unprintable(name)} {UNREADABLE}."
    raise InputError(fault)


def _select_sheets(book: CalamineWorkbook, source: Source, location: str) -> list[str]:
    """The names of the sheets to read, in the declared order."""
    names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    listed = ", ".join(map(repr, names))
    if source.sheets == ("*",):
        return names
    if not source.sheets:
        if len(names) == 1:
            return names
        raise InputError(
            f"{location} has {len(names)} sheets ({listed}), some of which may be hidden. Declare the sheets to read, for example "
            f'`sheets: [{escape_unprintable(names[0]) if names else ""}]`, or `sheets: ["*"]` to read all of them.'
        )
    for name in source.sheets:
        if name not in names:
            raise InputError(f"{location} has no sheet {name!r}.{nearest(name, map(escape_unprintable, names))}")
    return list(source.sheets)


# ---- A sheet ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sheet:
    """A sheet, and the source that declares the format of its cells."""

    content: CalamineSheet
    marks: Marks
    source: Source
    location: str

    @property
    def is_empty(self) -> bool:
        return self.content.start is None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not empty: the number that a spreadsheet shows, and the texts of the cells."""
        if self.is_empty:
            return
        before = [""] * self.content.start[
            1
        ]  # iter_rows skips empty columns on the left, but not empty rows at the top
        errors = self.marks.errors.get(self.content.name, {})
        for row, cells in enumerate(self.content.iter_rows()):
            texts = before + [_to_text(cell, self.source) for cell in cells]
            for column, text in errors.get(row, {}).items():
                texts += [""] * (column + 1 - len(texts))
                texts[column] = text
            if any(texts):
                yield row + 1, texts


def _build_part(sheet: _Sheet, label: str, space: Path, required_headers: frozenset[str]) -> Part:
    number, header = find_header(sheet.rows(), sheet.source.header, required_headers, sheet.location)
    while not header[-1].strip():
        header.pop()
    _check_merged(sheet, number)
    _check_calculated(sheet, number)
    names, duplicates = make_unique_names(header, sheet.location)
    return Part(
        label, names, duplicates, spool_records(_list_records(sheet, number, len(names)), space, sheet.location)
    )


def _list_records(sheet: _Sheet, header: int, width: int) -> Iterator[Record]:
    for number, texts in sheet.rows():
        if number > header:
            unparsed = " ".join(filter(None, texts[width:])) or None
            problem = "malformed record: a cell beyond the last column with a header is not empty" if unparsed else None
            yield Record(number, texts[:width], problem, unparsed)


def _check_merged(sheet: _Sheet, header: int) -> None:
    """Raise InputError for merged cells from the header on: only the first cell holds the value. Titles may be merged."""
    ranges = sheet.content.merged_cell_ranges or sheet.marks.merged.get(sheet.content.name, [])
    if merged := [_format_range(cells) for cells in ranges if cells[1][0] >= header - 1]:
        raise InputError(
            f"{sheet.location}: cells are merged ({_format_some(merged)}). Only the first of them holds the value. Unmerge them, "
            "enter the value in each cell where it applies, and save the file."
        )


def _check_calculated(sheet: _Sheet, header: int) -> None:
    if cells := [cell for row, cell in sheet.marks.uncalculated.get(sheet.content.name, []) if row >= header - 1]:
        raise InputError(
            f"{sheet.location}: the formulas of some cells ({_format_some(cells)}) were never calculated, so the cells have no value. "
            "Open the file in a spreadsheet program, save it, and run again."
        )


def _format_some(cells: list[str]) -> str:
    return ", ".join(cells[:_SHOWN]) + (f" and {len(cells) - _SHOWN:,} more" if len(cells) > _SHOWN else "")


def _format_range(cells: Range) -> str:
    """A range in the notation of spreadsheets, such as A6:B7."""
    return ":".join(f"{_column_letters(column)}{row + 1}" for row, column in cells)


def _column_letters(column: int) -> str:
    first, last = divmod(column, 26)
    return (_column_letters(first - 1) if first else "") + chr(ord("A") + last)


# ---- Cells as text ----------------------------------------------------------------------------------------


def _to_text(cell: Any, source: Source) -> str:
    """The text of a cell: numbers exactly, times in the declared format, all else unchanged."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _number_text(cell, source.decimal)
    if isinstance(cell, date):  # also a datetime
        return _time_text(cell, source.date_format[0] if source.date_format else None, source.decimal)
    if isinstance(cell, time):
        return cell.isoformat()
    return _duration_text(cell)


def _number_text(value: float, decimal: str) -> str:
    """A number with all its digits, without exponent or trailing zeros."""
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f").replace(".", decimal)


@lru_cache(maxsize=100_000)
def _time_text(value: date, date_format: str | None, decimal: str) -> str:
    """A date or time in the declared format; in ISO format if none is declared or the declared one would lose a part.

    In the latter case the cell is rejected by its type instead of becoming another time.
    """
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    iso = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if date_format is None:
        return iso
    if date_format == "excel":
        days = moment - _EPOCH
        micros = Decimal(days.seconds * 1_000_000 + days.microseconds) / Decimal(86_400_000_000)
        return format((days.days + round(micros, 12)).normalize(), "f").replace(".", decimal)
    try:
        text = moment.strftime(date_format)
        return text if datetime.strptime(text, date_format) == moment else iso
    except ValueError:
        return iso


def _duration_text(value: timedelta) -> str:
    """A duration as a spreadsheet shows it: hours, minutes and seconds."""
    seconds, sign = abs(value).total_seconds(), "-" if value < timedelta() else ""
    whole = int(seconds)
    rest = f"{seconds - whole:.6f}".rstrip("0").removeprefix("0").rstrip(".")
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{rest}"
