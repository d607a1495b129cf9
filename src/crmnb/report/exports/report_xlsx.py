"""The report as a spreadsheet for people: a summary, a sheet per family, and the results frame as data."""

import re
from collections.abc import Iterable
from datetime import datetime
from math import isinf
from pathlib import Path

import pandas as pd
import xlsxwriter

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.exports.xlsx import PLAIN, write_frame_sheet, write_text
from crmnb.report.html import printable
from crmnb.report.tables.scorecard import headline
from crmnb.report.text.flags import flag_meanings
from crmnb.report.text.numbers import day, known, period_name
from crmnb.report.text.precision import displayed, page_decimals
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_words, breakdown_name, target_state

_COLUMNS = {  # with the width of each
    "Metric": 38,
    "Breakdown": 24,
    "Segment": 14,
    "Level": 20,
    "Value": 12,
    "Unit": 16,
    "CI low": 12,
    "CI high": 12,
    "n": 11,
    "Change": 12,
    "Change low": 12,
    "Change high": 12,
    "Verdict": 20,
    "Target": 12,
    "Target met": 16,
    "Remarks": 60,
}
_FIGURES = ("value", "low", "high", "change", "change_low", "change_high", "target")
_PLACES = {name: place for place, name in enumerate(_COLUMNS)}
_FIRST = 5  # rows above a table: title, what it is, facts, a blank one, and its head
_LONGEST_NAME = 31  # of a sheet, in Excel
_VERDICTS = {"better": "better", "worse": "worse", "changed": "changed"}
_CALM = "no detectable change"


def write_report_xlsx(
    frame: pd.DataFrame,
    families: Iterable[tuple[str, list[Result]]],
    tiles: list[Result],
    path: Path,
    made_at: datetime,
) -> None:
    """Write the spreadsheet of a report.

    frame: its results frame, as data. families: (title, results), a sheet each, of the whole client and its segments. tiles: the
    results of the key metrics, which are the summary. No cell can act as a formula (`crmnb.report.exports.xlsx`).
    """
    with xlsxwriter.Workbook(path, PLAIN) as book:
        book.set_properties({"created": made_at})
        formats = _Formats(book)
        if tiles:
            rows = [(result, row) for result in tiles if (row := headline(result))]
            _sheet(book.add_worksheet("Summary"), "Key metrics", rows, formats, made_at)
        for title, results in families:
            name = re.sub(r"[\[\]:*?/\\']", " ", title)[:_LONGEST_NAME]
            rows = [(result, row) for result in results for row in _rows_of(result)]
            if rows:
                _sheet(book.add_worksheet(name), title, rows, formats, made_at)
        write_frame_sheet(book, book.add_worksheet("Data"), frame)


class _Formats:
    """The formats of cells, each made once."""

    def __init__(self, book: xlsxwriter.Workbook):
        self.book = book
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.quiet = book.add_format({"font_color": "#5D6166"})
        self.inert = book.add_format({"quote_prefix": True})
        self.verdicts = {
            "better": book.add_format({"font_color": "#00694B", "bold": True}),
            "worse": book.add_format({"font_color": "#A84300", "bold": True}),
        }
        self._numbers: dict[str, object] = {}

    def number(self, unit: str, decimals: int):
        """The format of numbers of a unit: percent signs, thousands, decimals."""
        pattern = ("0" if unit == "%" else "#,##0") + ("." + "0" * decimals if decimals else "")
        pattern += "%" if unit == "%" else ""
        if pattern not in self._numbers:
            self._numbers[pattern] = self.book.add_format({"num_format": pattern})
        return self._numbers[pattern]


def _rows_of(result: Result) -> list[Row]:
    """The rows of the whole client, then of its segments."""
    return [*result.entries, *tuples(result.rows[(result.rows["segment"] != "") & (result.rows["part"] == "")])]


def _sheet(sheet, title: str, rows: list[tuple[Result, Row]], formats: _Formats, made_at: datetime) -> None:
    result = rows[0][0]
    client = result.client
    write_text(sheet, 0, 0, f"{printable(title)}: {client.name}", formats.title)
    compared = (
        f" vs {period_name(result.comparison.label, client)}" if any(known(row.change) for _, row in rows) else ""
    )
    write_text(sheet, 1, 0, f"{period_name(result.period.label, client)}{compared}", formats.quiet)
    write_text(
        sheet, 2, 0, f"Made on {day(made_at, client)}. CI: confidence interval of {client.level:.0%}.", formats.quiet
    )
    for column, (name, width) in enumerate(_COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(_FIRST - 1, column, name, formats.head)
    for place, (result, row) in enumerate(rows, _FIRST):
        _line(sheet, place, result, row, formats)
    sheet.freeze_panes(_FIRST, 1)
    sheet.autofilter(_FIRST - 1, 0, _FIRST - 1 + len(rows), len(_COLUMNS) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_FIRST - 1)


def _line(sheet, place: int, result: Result, row: Row, formats: _Formats) -> None:
    for name, text in _texts(result, row).items():
        if text:
            shape = formats.verdicts.get(text) if name == "Verdict" else None
            write_text(sheet, place, _PLACES[name], text, shape, formats.inert)
    if not available(row):
        return
    unit, values = displayed(result, row.unit, *(getattr(row, name) for name in _FIGURES))
    shape = formats.number(unit, page_decimals(result, row))
    precise = formats.number(unit, page_decimals(result, row) + 1)  # of a change, which is smaller than its value
    names = ("Value", "CI low", "CI high", "Change", "Change low", "Change high", "Target")
    for name, value in zip(names, values, strict=True):
        if known(value) and not isinf(value):
            changes = name.startswith("Change")
            scaled = value / 100 if unit == "%" else value
            sheet.write_number(place, _PLACES[name], scaled, precise if changes else shape)
    if known(row.n):
        sheet.write_number(place, _PLACES["n"], row.n, formats.number("", 0))


def _texts(result: Result, row: Row) -> dict[str, str]:
    """The cells of words."""
    shown = available(row)
    unit, _ = displayed(result, row.unit)
    verdict = (
        (_VERDICTS.get(row.signal) or (_CALM if known(row.change_low) else "")) if shown and known(row.change) else ""
    )
    return {
        "Metric": result.metric.title,
        "Breakdown": breakdown_name(row.breakdown, result.client) if row.breakdown else "",
        "Segment": row.segment.replace("_", " "),
        "Level": printable(row.level),
        "Unit": {"money": result.client.currency}.get(unit, unit),
        "Verdict": verdict,
        "Target met": target_state(result, row),
        "Remarks": "; ".join(flag_meanings(result, row)) if shown else absence_words(result, row),
    }
