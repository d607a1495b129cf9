"""Spreadsheet: a frame as xlsx in which no cell can act as a formula."""

from datetime import datetime
from math import inf
from pathlib import Path

import pandas as pd
import xlsxwriter

from crmnb.core.bidi import strip_controls

PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_ACTS = ("=", "+", "-", "@", "\t", "\r")


def write_xlsx(frame: pd.DataFrame, path: Path, made_at: datetime) -> None:
    """Write a frame: a header that stays in sight, texts as texts, unknown figures as empty cells."""
    with xlsxwriter.Workbook(path, PLAIN) as book:
        book.set_properties({"created": made_at})
        write_frame_sheet(book, book.add_worksheet("results"), frame)


def write_frame_sheet(book: xlsxwriter.Workbook, sheet, frame: pd.DataFrame) -> None:
    """Write a frame into a sheet of a workbook that was opened with `PLAIN`."""
    head, inert = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
    for column, name in enumerate(frame.columns):
        sheet.write_string(0, column, name, head)
        for row, value in enumerate(frame[name], start=1):
            if isinstance(value, str):
                write_text(sheet, row, column, value, None, inert)
            elif value == inf:
                sheet.write_string(row, column, "no upper end")  # a cell cannot hold an infinite number
            elif pd.notna(value):
                sheet.write_number(row, column, float(value))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)


def write_text(sheet, row: int, column: int, value: str, shape=None, inert=None) -> None:
    """Write a text as a text.

    One that a spreadsheet would take for a formula when it is edited or pasted gets the format `inert`, which carries the mark that forbids it,
    in place of `shape`; controls of the writing direction, which nobody sees, are left out.
    """
    text = strip_controls(value)
    sheet.write_string(row, column, text, inert if text.startswith(_ACTS) else shape)
