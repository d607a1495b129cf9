"""Spreadsheet: the results frame as xlsx in which no cell can act as a formula."""

from datetime import datetime
from math import inf
from pathlib import Path

import pandas as pd
import xlsxwriter

from crmnb.core.bidi import strip_controls

_ACTS = ("=", "+", "-", "@", "\t", "\r")


def write_xlsx(frame: pd.DataFrame, path: Path, made_at: datetime) -> None:
    """Write a results frame: a header that stays in sight, texts as texts, unknown figures as empty cells.

    A text that a spreadsheet would take for a formula when it is edited or pasted carries the mark that forbids it; controls of the
    writing direction, which nobody sees, are left out.
    """
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, plain) as book:
        book.set_properties({"created": made_at})
        sheet = book.add_worksheet("results")
        head, inert = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
        for column, name in enumerate(frame.columns):
            sheet.write_string(0, column, name, head)
            for row, value in enumerate(frame[name], start=1):
                if isinstance(value, str):
                    text = strip_controls(value)
                    sheet.write_string(row, column, text, inert if text.startswith(_ACTS) else None)
                elif value == inf:
                    sheet.write_string(row, column, "no upper end")  # a cell cannot hold an infinite number
                elif pd.notna(value):
                    sheet.write_number(row, column, float(value))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)
