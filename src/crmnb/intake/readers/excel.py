"""Reading workbooks (xlsx, xls, ods): every cell becomes text in the notation that the source declares.

So all rules for text hold for them too. What calamine does not tell (it gives an error such as #N/A as an empty cell)
comes from crmnb.intake.readers.excel_marks.
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
from crmnb.intake.readers.records import Part, Record, find_header, spooled, unique_names
from crmnb.intake.sources.files import File
from crmnb.schema.client import Source

_EPOCH = datetime(1899, 12, 30)  # the day 0 of day numbers, which count a 29 February 1900 that never was
_SHOWN = 3


def read_excel(file: File, source: Source, space: Path, where: str, wanted: frozenset[str]) -> list[Part]:
    """The declared sheets of a workbook as parts; `space` is the path that copies of them may begin with.

    Raises InputError for what cannot be read, or cannot be read for certain.
    """
    where = f"{where} ({file.name})"
    marks = read_marks(file.path, where)
    if marks.counts_from_1904 and source.date_format == "excel":
        raise InputError(
            f"{where} counts its days from 1904, so its day numbers mean other days; save it with the 1900 date system."
        )
    with file.path.open("rb") as content, _opened(content, where) as book:
        names = _sheets(book, source, where)
        parts = []
        for number, name in enumerate(names):
            sheet = _Sheet(_content(book, name, where), marks, source, f"{where}, sheet {escape_unprintable(name)}")
            if not sheet.is_empty or source.sheets != ("*",):
                label = f"{file.name}, sheet {escape_unprintable(name)}" if len(names) > 1 else file.name
                parts.append(_part(sheet, label, space.with_suffix(f".{number}.records"), wanted))
    if not parts:
        raise InputError(f"{where} is empty: none of its sheets holds anything.")
    return parts


def _opened(content: BinaryIO, where: str) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(content)  # which looks at the content; by a path it trusts the ending
    except PasswordError:
        words = PROTECTED
    except (CalamineError, OSError, ValueError):
        words = UNREADABLE
    raise InputError(f"{where} {words}.")


def _content(book: CalamineWorkbook, name: str, where: str) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError):
        words = f"{where}, sheet {escape_unprintable(name)} {UNREADABLE}."
    raise InputError(words)


def _sheets(book: CalamineWorkbook, source: Source, where: str) -> list[str]:
    """The names of the sheets that are to be read, in the order in which they are declared."""
    every = [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    listed = ", ".join(map(repr, every))
    if source.sheets == ("*",):
        return every
    if not source.sheets:
        if len(every) == 1:
            return every
        raise InputError(
            f"{where} has {len(every)} sheets ({listed}), some of which may be hidden; say which, such as "
            f'`sheets: [{escape_unprintable(every[0]) if every else ""}]`, or `sheets: ["*"]` to read all of them, one under another.'
        )
    for name in source.sheets:
        if name not in every:
            raise InputError(f"{where} has no sheet {name!r}.{nearest(name, map(escape_unprintable, every))}")
    return list(source.sheets)


# ---- A sheet ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sheet:
    """A sheet with the notation in which its cells are to be written."""

    content: CalamineSheet
    marks: Marks
    source: Source
    where: str

    @property
    def is_empty(self) -> bool:
        return self.content.start is None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not wholly empty: the number that a spreadsheet shows, and the cells' texts."""
        if self.is_empty:
            return
        before = [""] * self.content.start[1]  # iter_rows leaves empty columns at the left out, but not rows at the top
        errors = self.marks.errors.get(self.content.name, {})
        for row, cells in enumerate(self.content.iter_rows()):
            texts = before + [_text(cell, self.source) for cell in cells]
            for column, text in errors.get(row, {}).items():
                texts += [""] * (column + 1 - len(texts))
                texts[column] = text
            if any(texts):
                yield row + 1, texts


def _part(sheet: _Sheet, label: str, space: Path, wanted: frozenset[str]) -> Part:
    number, header = find_header(sheet.rows(), sheet.source.header, wanted, sheet.where)
    while not header[-1].strip():
        header.pop()
    _refuse_merged(sheet, number)
    _refuse_uncalculated(sheet, number)
    names, repeated = unique_names(header, sheet.where)
    return Part(label, names, repeated, spooled(_records(sheet, number, len(names)), space, sheet.where))


def _records(sheet: _Sheet, header: int, width: int) -> Iterator[Record]:
    for number, texts in sheet.rows():
        if number > header:
            unread = " ".join(filter(None, texts[width:])) or None
            problem = "malformed record: something stands beyond the last column that has a header" if unread else None
            yield Record(number, texts[:width], problem, unread)


def _refuse_merged(sheet: _Sheet, header: int) -> None:
    """Raise InputError for merged cells from the header on: only the first of them holds the value.

    Those above, in a title, are harmless.
    """
    ranges = sheet.content.merged_cell_ranges or sheet.marks.merged.get(sheet.content.name, [])
    if wrong := [_named(one) for one in ranges if one[1][0] >= header - 1]:
        raise InputError(
            f"{sheet.where}: cells are merged ({_some(wrong)}), and only the first of them holds the value. Unmerge them, "
            "write the value into each cell that it is meant for, and save the file."
        )


def _refuse_uncalculated(sheet: _Sheet, header: int) -> None:
    if wrong := [cell for row, cell in sheet.marks.uncalculated.get(sheet.content.name, []) if row >= header - 1]:
        raise InputError(
            f"{sheet.where}: the formulas of some cells ({_some(wrong)}) have never been calculated, so they hold no value. "
            "Open the file in a spreadsheet program, save it, and run again."
        )


def _some(wrong: list[str]) -> str:
    return ", ".join(wrong[:_SHOWN]) + (f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else "")


def _named(cells: Range) -> str:
    """A range as a spreadsheet names it, such as A6:B7."""
    return ":".join(f"{_letters(column)}{row + 1}" for row, column in cells)


def _letters(column: int) -> str:
    first, last = divmod(column, 26)
    return (_letters(first - 1) if first else "") + chr(ord("A") + last)


# ---- Cells as text ----------------------------------------------------------------------------------------


def _text(cell: Any, source: Source) -> str:
    """A cell's text: numbers exactly, times in the declared format, everything else as it stands."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _number(cell, source.decimal)
    if isinstance(cell, date):  # also a datetime
        return _time(cell, source.date_format, source.decimal)
    if isinstance(cell, time):
        return cell.isoformat()
    return _duration(cell)


def _number(value: float, decimal: str) -> str:
    """A number with as many digits as tell it from every other, without exponent or idle zeros."""
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f").replace(".", decimal)


@lru_cache(maxsize=100_000)
def _time(value: date, form: str | None, decimal: str) -> str:
    """A date or time in the declared format; in ISO's where there is none, or where that format would lose a part of it.

    Then it fails its type, instead of being another time.
    """
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    iso = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if form is None:
        return iso
    if form == "excel":
        days = moment - _EPOCH
        micros = Decimal(days.seconds * 1_000_000 + days.microseconds) / Decimal(86_400_000_000)
        return format((days.days + round(micros, 12)).normalize(), "f").replace(".", decimal)
    try:
        text = moment.strftime(form)
        return text if datetime.strptime(text, form) == moment else iso
    except ValueError:
        return iso


def _duration(value: timedelta) -> str:
    """A duration as a spreadsheet shows it: hours, minutes and seconds."""
    seconds, sign = abs(value).total_seconds(), "-" if value < timedelta() else ""
    whole = int(seconds)
    rest = f"{seconds - whole:.6f}".rstrip("0").removeprefix("0").rstrip(".")
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{rest}"
