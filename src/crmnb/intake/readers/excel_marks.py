"""What calamine does not show of a workbook: cells with errors, formulas never calculated, merged cells of an ods.

It is read from the file itself: by patterns in the XML of an xlsx, from the XML tree of an ods, and with xlrd from an xls.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree  # expat expands no entity without end

from crmnb.core.errors import InputError, escape_unprintable

PROTECTED = "is protected by a password. Save it without one"
UNREADABLE = (
    "cannot be read as a workbook. Open it and save it as .xlsx or CSV (if it is delimited text with a wrong ending, add "
    "`format: csv`)"
)
Range = tuple[tuple[int, int], tuple[int, int]]  # first and last cell: row and column from 0

_BLOCK = 1 << 23  # bytes of XML per block
_MOST_CELLS = 100_000_000  # in the rectangle from the first to the last cell: calamine allocates memory for all of it
_MOST_BYTES = 4 << 30  # of one unpacked file of the zip
_UNPACKED = 1 << 27  # bytes that any file of the zip may unpack to
_RATIO = 200  # its size to which more may unpack; a sheet packs to a tenth, and hardly ever to a hundredth
_LONGEST_ROW = 1 << 26  # bytes of XML
_CELL = rb"<(?:\w+:)?c\s([^>]*)>\s*"
_VALUE = rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)<"
_ERROR = re.compile(rb"<(?:\w+:)?c\s([^>]*\bt=[\"']e[\"'][^>]*)>(?:(?!</(?:\w+:)?c>).)*?" + _VALUE, re.DOTALL)
_FORMULA = re.compile(_CELL + rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*(?:" + _VALUE + rb")?")
_FILLED = re.compile(rb"<(?:\w+:)?c\s(?:[^>]*?\s)?r=[\"']([A-Z]+)\d+[\"'][^>]*(?<!/)>")
_ROW = re.compile(rb"<(?:\w+:)?row\s(?:[^>]*?\s)?r=[\"'](\d+)[\"']")
_PLACE = re.compile(rb"\br=[\"']([A-Z]+)(\d+)[\"']")
_TYPE = re.compile(rb"\bt=[\"'](\w+)[\"']")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATION_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


@dataclass(frozen=True)
class Marks:
    """By sheet: errors (row -> column -> text), formulas never calculated (row, name of the cell), merged ranges."""

    errors: dict[str, dict[int, dict[int, str]]] = field(default_factory=dict)
    uncalculated: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    merged: dict[str, list[Range]] = field(default_factory=dict)
    counts_from_1904: bool = False


class _TooLarge(Exception):
    """A workbook is too large; the text names the part."""


def read_marks(path: Path, location: str) -> Marks:
    """Read what calamine does not show. Call it first: calamine does not limit the memory of a sheet.

    Raises InputError for a workbook that is unreadable, protected by a password, or too large.
    """
    try:
        if not zipfile.is_zipfile(path):
            return _read_xls(path)
        with zipfile.ZipFile(path) as book:
            _check_unpacked_size(book)
            return _read_ods(book) if "content.xml" in book.namelist() else _read_xlsx(book)
    except _TooLarge as error:
        fault = (
            f": {error} is too large for a workbook. If a single cell is far from the others, delete its row or "
            "column; otherwise save the data as CSV."
        )
    except Exception as error:  # xlrd raises errors of many kinds
        is_protected = any(sign in str(error) for sign in ("encrypted", "Can't find workbook"))
        fault = f" {PROTECTED if is_protected else UNREADABLE}."
    raise InputError(location + fault)


def _check_unpacked_size(book: zipfile.ZipFile) -> None:
    for part in book.infolist():
        times = part.file_size // max(part.compress_size, 1)
        if part.file_size > _MOST_BYTES or (part.file_size > _UNPACKED and times > _RATIO):
            raise _TooLarge(f"what it unpacks to ({part.file_size >> 20:,} MB, {times} times its size)")


# ---- xlsx -------------------------------------------------------------------------------------------------


def _read_xlsx(book: zipfile.ZipFile) -> Marks:
    with book.open("xl/workbook.xml") as file:
        workbook = ElementTree.parse(file).getroot()  # noqa: S314
    properties = next(_children(workbook, "workbookPr"), None)
    is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    calculation = next(_children(workbook, "calcPr"), None)
    is_stale = calculation is not None and calculation.get("fullCalcOnLoad") in ("1", "true")
    marks = Marks(counts_from_1904=is_1904)
    for name, path in _sheet_paths(book, workbook).items():
        rows, columns = 0, 0
        for block in _blocks(book, path, name):
            _mark_xlsx(marks, name, block, is_stale)
            rows = max([rows, *map(int, _ROW.findall(block))])
            columns = max([columns, *map(_column, set(_FILLED.findall(block)))])
        _check_sheet_size(name, rows, columns)
    return marks


def _check_sheet_size(sheet: str, rows: int, columns: int) -> None:
    if rows * columns > _MOST_CELLS:
        raise _TooLarge(f"sheet {escape_unprintable(sheet)}, of {rows:,} rows and {columns:,} columns,")


def _children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in element.iter() if child.tag.rsplit("}", 1)[-1] == name)


def _sheet_paths(book: zipfile.ZipFile, workbook: ElementTree.Element) -> dict[str, str]:
    """The path of each sheet in the zip file."""
    with book.open("xl/_rels/workbook.xml.rels") as file:
        relations = ElementTree.parse(file).getroot()  # noqa: S314
    targets = {
        relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target"))) for relation in relations
    }
    return {
        sheet.get("name"): targets[sheet.get(_RELATION) or sheet.get(_RELATION_STRICT)].lstrip("/")
        for sheet in _children(workbook, "sheet")
    }


def _blocks(book: zipfile.ZipFile, path: str, sheet: str) -> Iterator[bytes]:
    """The XML of a sheet in blocks that end at the end of a row."""
    rest = b""
    with book.open(path) as file:
        while block := file.read(_BLOCK):
            rest += block
            end = rest.rfind(b"row>")
            yield rest[:end] if end > 0 else b""
            rest = rest[max(end, 0) :]
            if len(rest) > _LONGEST_ROW:
                raise _TooLarge(f"sheet {escape_unprintable(sheet)}, with a row of more than {_LONGEST_ROW >> 20} MB,")
    yield rest


def _mark_xlsx(marks: Marks, sheet: str, block: bytes, is_stale: bool) -> None:
    if b't="e"' in block or b"t='e'" in block:
        for attributes, value in _ERROR.findall(block):
            row, column, _ = _place(attributes)
            marks.errors.setdefault(sheet, {}).setdefault(row, {})[column] = value.decode()
    if b"f>" not in block and b"<f" not in block:
        return
    for attributes, value in _FORMULA.findall(block):
        type_ = _TYPE.search(attributes)
        is_text = type_ is not None and type_[1] == b"str"  # an empty text is a value
        # A program that writes formulas without calculating them writes 0 and asks to calculate all when it is opened.
        if (not value and not is_text) or (is_stale and value == b"0"):
            row, _, cell = _place(attributes)
            marks.uncalculated.setdefault(sheet, []).append((row, cell))


def _place(attributes: bytes) -> tuple[int, int, str]:
    """A cell's row and column from 0, and its name."""
    letters, number = _PLACE.search(attributes).groups()
    return int(number) - 1, _column(letters) - 1, (letters + number).decode()


def _column(letters: bytes) -> int:
    """A column's number, from 1."""
    column = 0
    for letter in letters:
        column = 26 * column + letter - ord("A") + 1
    return column


# ---- xls --------------------------------------------------------------------------------------------------


def _read_xls(path: Path) -> Marks:
    import xlrd

    marks: dict[str, dict[int, dict[int, str]]] = {}
    with xlrd.open_workbook(str(path), logfile=StringIO(), on_demand=True) as book:
        for name in book.sheet_names():
            sheet = book.sheet_by_name(name)
            for row in range(sheet.nrows):
                types = sheet.row_types(row)
                if xlrd.XL_CELL_ERROR in types:
                    marks.setdefault(name, {})[row] = {
                        column: xlrd.error_text_from_code.get(sheet.cell_value(row, column), "#ERROR!")
                        for column, type_ in enumerate(types)
                        if type_ == xlrd.XL_CELL_ERROR
                    }
            book.unload_sheet(name)
        return Marks(errors=marks, counts_from_1904=book.datemode == 1)


# ---- ods --------------------------------------------------------------------------------------------------


def _read_ods(book: zipfile.ZipFile) -> Marks:
    marks = Marks()
    sheet, row, column, rows, columns = "", 0, 0, 0, 0  # the current place, and the last row and column with a value
    with book.open("content.xml") as file:
        for event, element in ElementTree.iterparse(file, events=("start", "end")):  # noqa: S314
            match event, _local(element.tag):
                case "start", "table":
                    sheet, row, rows, columns = _attributes(element)["name"], 0, 0, 0
                case "start", "table-row":
                    column = 0
                case "end", "table-cell" | "covered-table-cell":
                    attributes = _attributes(element)
                    _mark_ods(marks, sheet, (row, column), attributes, element)
                    column += int(attributes.get("number-columns-repeated", 1))
                    if "value-type" in attributes:
                        rows, columns = row + 1, max(columns, column)
                case "end", "table-row":
                    times = int(_attributes(element).get("number-rows-repeated", 1))
                    rows += times - 1 if rows == row + 1 else 0
                    row += times
                    element.clear()
                    _check_sheet_size(sheet, rows, columns)
    return marks


def _mark_ods(
    marks: Marks, sheet: str, place: tuple[int, int], attributes: dict[str, str], cell: ElementTree.Element
) -> None:
    row, column = place
    if attributes.get("value-type") == "error":
        marks.errors.setdefault(sheet, {}).setdefault(row, {})[column] = "".join(cell.itertext()) or "#ERROR!"
    high, wide = int(attributes.get("number-rows-spanned", 1)), int(attributes.get("number-columns-spanned", 1))
    if high * wide > 1:
        marks.merged.setdefault(sheet, []).append((place, (row + high - 1, column + wide - 1)))


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    """Attributes by their local names; of value-type, the one that knows errors."""
    attributes = {_local(name): value for name, value in element.attrib.items()}
    kinds = [value for name, value in element.attrib.items() if _local(name) == "value-type"]
    return attributes | ({"value-type": "error"} if "error" in kinds else {})
