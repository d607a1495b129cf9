"""The quarantine: wrong rows as they came, with where they stood and what is wrong with them, to be mended and sent again.

Rows that were mended and sent again say in our columns which ones they replace.

The CSV file is the full record, each cell as it came. A spreadsheet program would change cells of a CSV file as it opens it
(007 to 7, 3/4 to a date, =1+1 to 2), so the same rows are there as a spreadsheet too, every cell a text.
"""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from shutil import copyfileobj

from crmnb.intake.staging_table import FILE, REASONS, RECORD, UNREAD, quote_literal
from crmnb.intake.validation.casts import as_text
from crmnb.intake.validation.contract import breaks
from crmnb.intake.validation.validated_rows import Judged
from crmnb.schema.client import Source

_SPREADSHEET_ROWS = 10_000  # more are not mended by hand


@dataclass(frozen=True)
class Quarantine:
    """Where wrong rows are written (`file`, CSV; beside it .xlsx), and where that will lie if the intake is refused for them."""

    file: Path
    if_refused: Path


def write_quarantine(judged: Judged, path: Path) -> int:
    """Write the wrong rows, and say how many they are; where there are none, nothing is written."""
    if judged.ask(f"SELECT count(*) FROM {judged.table} WHERE {judged.is_bad}") == [(0,)]:
        return 0
    header, shown = _columns(judged)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = path.with_suffix(".rows")
    select = ", ".join(f"{sql} AS q{number}" for number, sql in enumerate(shown))
    ((written,),) = judged.ask(
        f"COPY (SELECT {select} FROM {judged.wrong(judged.is_bad)} ORDER BY _id) "
        f"TO {quote_literal(rows)} (FORMAT csv, HEADER false, FORCE_QUOTE *)"
    )
    with path.open("w", encoding="utf-8", newline="") as target, rows.open(encoding="utf-8", newline="") as source:
        csv.writer(target, lineterminator="\n").writerow(header)
        copyfileobj(source, target, 1 << 20)
    rows.unlink()
    if written <= _SPREADSHEET_ROWS and _fits_spreadsheet(judged.raw.source, header, path):
        _write_spreadsheet(path, judged.raw.source)
    return written


def reasons_of(judged: Judged) -> str:
    """The SQL of what is wrong with a row, in words."""
    words = ", ".join(
        f"CASE WHEN {breaks(number)} THEN {'_problem' if number == 0 else quote_literal(rule.words)} END"
        for number, rule in enumerate(judged.rules)
    )
    return f"concat_ws('; ', {words})"


def _columns(judged: Judged) -> tuple[list[str], list[str]]:
    """The columns' names, theirs and then ours, and their SQL."""
    raw, contract, record = judged.raw, judged.contract, "_record"
    if not raw.is_file and contract.row_key:  # a query's row has no place but its key
        record = f"concat_ws(' ', {', '.join(as_text(contract.cells[name]) for name in contract.row_key)})"
    extra = {UNREAD: "_unread", FILE: "_file", RECORD: record, REASONS: reasons_of(judged)}
    if judged.ask(f"SELECT count(_unread) FROM {raw.rows}") == [(0,)]:
        del extra[UNREAD]
    shown = [*(f"CAST({cell.sql} AS VARCHAR)" for cell in raw.columns.values()), *extra.values()]
    return [*raw.columns, *extra], shown


def _fits_spreadsheet(source: Source, header: list[str], path: Path) -> bool:
    """Whether a spreadsheet can hold all of it: the number of columns, the sheets' names, and the longest cell."""
    names = all(len(name) <= 31 and not re.search(r"[][:*?/\\]|^'|'$", name) for name in source.sheets if name != "*")
    if not names or len(header) > 16_384:
        return False
    csv.field_size_limit(1 << 28)
    with path.open(encoding="utf-8", newline="") as file:
        return all(len(cell) <= 32_767 for row in csv.reader(file) for cell in row)


def _write_spreadsheet(path: Path, source: Source) -> None:
    """The CSV file's rows as a spreadsheet in which every cell is a text, so that nothing is computed or rewritten.

    It has the sheets that the source declares, and the columns' names where it says, so that it can be read beside the others.
    """
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    names = source.sheets if source.sheets and source.sheets != ("*",) else ("to mend",)
    with (
        xlsxwriter.Workbook(path.with_suffix(".xlsx"), options) as book,
        path.open(encoding="utf-8", newline="") as file,
    ):
        book.set_properties({"created": datetime(1980, 1, 1)})
        text, rows = book.add_format({"num_format": "@"}), csv.reader(file)
        header = next(rows)
        for name in names:
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(source.header, 0)
            if source.header > 1:
                sheet.write_string(0, 0, f"Rows to mend; the columns' names stand in row {source.header}.")
            for number, row in enumerate(chain([header], rows if name == names[0] else ()), source.header - 1):
                for place, cell in enumerate(row):
                    if cell:
                        sheet.write_string(number, place, cell, text)
