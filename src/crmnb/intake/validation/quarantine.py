"""The quarantine: files of rejected rows with their place and their reasons, to be corrected and imported again.

Corrected rows name, in the added columns, the rows that they replace.

The CSV file is the complete record, with each cell unchanged. A spreadsheet program changes cells when it opens a CSV file
(007 to 7, 3/4 to a date, =1+1 to 2), so there is also a workbook with the same rows, in which every cell is text.
"""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from shutil import copyfileobj

from crmnb.intake.staging_table import FILE, REASONS, RECORD, UNPARSED, quote_literal
from crmnb.intake.validation.casts import cast_to_text
from crmnb.intake.validation.contract import violates
from crmnb.intake.validation.validated_rows import ValidatedRows
from crmnb.schema.client import Source

_SPREADSHEET_ROWS = 10_000  # more are not corrected by hand


@dataclass(frozen=True)
class Quarantine:
    """The file for rejected rows (CSV, with an .xlsx beside it), and its place after a refused import."""

    file: Path
    if_refused: Path


def write_quarantine(validated: ValidatedRows, path: Path) -> int:
    """Write the rejected rows, and count them; without rejected rows, no file is written."""
    if validated.query(f"SELECT count(*) FROM {validated.table} WHERE {validated.is_rejected}") == [(0,)]:
        return 0
    header, shown = _columns(validated)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = path.with_suffix(".rows")
    select = ", ".join(f"{sql} AS q{number}" for number, sql in enumerate(shown))
    ((written,),) = validated.query(
        f"COPY (SELECT {select} FROM {validated.select_rows(validated.is_rejected)} ORDER BY _id) "
        f"TO {quote_literal(rows)} (FORMAT csv, HEADER false, FORCE_QUOTE *)"
    )
    with path.open("w", encoding="utf-8", newline="") as target, rows.open(encoding="utf-8", newline="") as source:
        csv.writer(target, lineterminator="\n").writerow(header)
        copyfileobj(source, target, 1 << 20)
    rows.unlink()
    if written <= _SPREADSHEET_ROWS and _fits_spreadsheet(validated.staging.source, header, path):
        _write_spreadsheet(path, validated.staging.source)
    return written


def build_reasons(validated: ValidatedRows) -> str:
    """The SQL of a row's reasons for rejection, as text."""
    reasons = ", ".join(
        f"CASE WHEN {violates(number)} THEN {'_problem' if number == 0 else quote_literal(rule.reason)} END"
        for number, rule in enumerate(validated.rules)
    )
    return f"concat_ws('; ', {reasons})"


def _columns(validated: ValidatedRows) -> tuple[list[str], list[str]]:
    """The names of the columns, those of the source first, and their SQL."""
    staging, contract, record = validated.staging, validated.contract, "_record"
    if not staging.is_file and contract.row_key:  # a query's row has no place, only a key
        record = f"concat_ws(' ', {', '.join(cast_to_text(contract.cells[name]) for name in contract.row_key)})"
    extra = {UNPARSED: "_unparsed", FILE: "_file", RECORD: record, REASONS: build_reasons(validated)}
    if validated.query(f"SELECT count(_unparsed) FROM {staging.rows}") == [(0,)]:
        del extra[UNPARSED]
    shown = [*(f"CAST({cell.sql} AS VARCHAR)" for cell in staging.columns.values()), *extra.values()]
    return [*staging.columns, *extra], shown


def _fits_spreadsheet(source: Source, header: list[str], path: Path) -> bool:
    """Whether a workbook can hold all rows: by the number of columns, the names of the sheets, and the longest cell."""
    are_valid = all(
        len(name) <= 31 and not re.search(r"[][:*?/\\]|^'|'$", name) for name in source.sheets if name != "*"
    )
    if not are_valid or len(header) > 16_384:
        return False
    csv.field_size_limit(1 << 28)
    with path.open(encoding="utf-8", newline="") as file:
        return all(len(cell) <= 32_767 for row in csv.reader(file) for cell in row)


def _write_spreadsheet(path: Path, source: Source) -> None:
    """The rows of the CSV file as a workbook in which every cell is text, so that nothing is computed or changed.

    It has the sheets and the header row that the source declares, so that it can be read together with the other files.
    """
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    names = source.sheets if source.sheets and source.sheets != ("*",) else ("rejected rows",)
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
                sheet.write_string(0, 0, f"Rejected rows; the column names are in row {source.header}.")
            for number, row in enumerate(chain([header], rows if name == names[0] else ()), source.header - 1):
                for place, cell in enumerate(row):
                    if cell:
                        sheet.write_string(number, place, cell, text)
