"""The campaign's tables once more as a workbook, JSON lines and Parquet: as texts, or as true numbers, times and flags."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter
from campaign_oracle import BAD, Expected, Row, headers_of, judge
from campaign_tables import KIND, Drawn

from crmnb.schema.tables import ENGINE_TYPES

FORMATS = ("xlsx", "jsonl", "parquet")
_FIRST = {"xlsx": 2, "jsonl": 1, "parquet": 1}
_NOT_XML = re.compile(
    "[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # what a workbook cannot hold, or not as it is
_CELL = 32_767  # characters that a workbook's cell holds


@dataclass(frozen=True)
class Variant:
    """A table in another format: what must come of it, its source's declaration, the number of its first record."""

    expected: Expected
    source: dict
    first_record: int


def variant(name: str, told: dict, drawn: Drawn, expected: Expected, place: Path, *, typed: bool) -> Variant:
    """Write the well-formed records of a table into the folder `client` of a place, and judge them anew."""
    mapping, client = told["tables"][drawn.table.name], place
    by_name = headers_of(mapping)
    headers = list(by_name.values())
    parent = [header for header in [mapping.get("refunds", {}).get("parent")] if header]
    parent += [KIND] if drawn.where[0] else []  # columns that stand there as text
    rows = [row for row in expected.rows if not row.malformed and _is_data(row, headers)]
    if name == "xlsx":
        rows = [
            row
            for row in rows
            if not any(_NOT_XML.search(row.cells[one]) or len(row.cells[one]) > _CELL for one in headers)
        ]
    again = [
        Row("", number, {one: (row.raw or row.cells)[one] for one in (*headers, *parent)})
        for number, row in enumerate(rows)
    ]
    judged = judge(told, drawn.table.name, again)
    types = {theirs: _type(drawn, ours) for ours, theirs in by_name.items()} | dict.fromkeys(parent, "key")
    cells = [
        [_written(row, theirs, row.typed[ours]) for ours, theirs in by_name.items()]
        + [(row.cells[one], BAD) for one in parent]
        for row in judged.rows
    ]
    if not drawn.dialect.keeps_walls:  # a typed time would be of another clock
        moved = [type_ in ("time", "month") for type_ in types.values()]
        cells = [
            [(text, BAD if is_time else one) for (text, one), is_time in zip(row, moved, strict=True)] for row in cells
        ]
    path = client / f"{drawn.table.name}.{name}"
    _WRITERS[name](path, types, [[(text, value if typed else BAD) for text, value in row] for row in cells])
    only = {"delimiter", "encoding", "header", "file", "rows_after_header"}
    source = {key: value for key, value in drawn.source.items() if key not in only}
    return Variant(judged, {"file": f"../{path.name}", **source}, _FIRST[name])


def _is_data(row: Row, headers: list[str]) -> bool:
    """Whether a record is data in another format too: neither blank nor one of the header's."""
    is_question = row.no_data and any(cell.startswith("Question ") for cell in row.cells.values())
    is_header = row.no_data and all(row.cells[one].strip() == one for one in headers)
    return any(row.cells[one] for one in headers) and not is_question and not is_header


def _written(row: Row, header: str, value: Any) -> tuple[str, Any]:
    """The text of a cell before it is filled down, and its value, if that is its own."""
    text = row.raw.get(header, row.cells[header])
    return text, value if text == row.cells[header] else BAD


def _type(drawn: Drawn, ours: str) -> str:
    return next(column.type for column in drawn.columns if column.name == ours)


def _workbook(path: Path, types: dict[str, str], rows: list[list[tuple[str, Any]]]) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for place, name in enumerate(types):
            sheet.write_string(0, place, name)
        for number, row in enumerate(rows, 1):
            for place, ((text, value), type_) in enumerate(zip(row, types.values(), strict=True)):
                if (
                    type_ in ("time", "month")
                    and isinstance(value, datetime)
                    and value.year > 1900
                    and not value.microsecond
                ):
                    sheet.write_datetime(number, place, value, day)
                elif isinstance(value, bool):
                    sheet.write_boolean(number, place, value)
                elif isinstance(value, int | float | Decimal) and Decimal(repr(float(value))) == value:
                    sheet.write_number(number, place, float(value))
                else:
                    sheet.write_string(number, place, text)


def _json_lines(path: Path, types: dict[str, str], rows: list[list[tuple[str, Any]]]) -> None:
    lines = []
    for row in rows:
        parts = []
        for (text, value), name in zip(row, types, strict=True):
            if isinstance(value, Decimal) or (isinstance(value, float) and "e" not in repr(value)):
                shown = format(value, "f") if isinstance(value, Decimal) else repr(value)
            elif isinstance(value, int) or value is None:  # also a flag
                shown = json.dumps(value)
            else:
                shown = json.dumps(text, ensure_ascii=len(text) % 2 == 0)
            parts.append(f"{json.dumps(name)}: {shown}")
        lines.append("{" + ", ".join(parts) + "}\n")
    path.write_text("".join(lines), encoding="utf-8")


def _parquet(path: Path, types: dict[str, str], rows: list[list[tuple[str, Any]]]) -> None:
    columns, filled = [], []
    for place, (name, type_) in enumerate(types.items()):
        cells = [row[place] for row in rows]
        if (
            type_ == "key"
            and cells
            and all(isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,9}", value) for _, value in cells)
        ):
            engine, values = "DOUBLE", [float(value) for _, value in cells]  # keys that arrive as floats
        elif type_ in ("key", "text") or any(value is BAD for _, value in cells):
            engine, values = "VARCHAR", [text for text, _ in cells]
        else:
            engine, values = ENGINE_TYPES[type_], [value for _, value in cells]
        columns.append(f'"{name.replace(chr(34), chr(34) * 2)}" {engine}')
        filled.append(values)
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t ({', '.join(columns)})")
        if rows:
            con.executemany(
                f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", list(map(list, zip(*filled, strict=True)))
            )
        con.execute(f"COPY t TO '{path}' (FORMAT parquet)")


_WRITERS = {"xlsx": _workbook, "jsonl": _json_lines, "parquet": _parquet}
