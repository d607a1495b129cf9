"""What to say of values that cannot be read: the line to add, found by trying notations on the offending values.

Only said, never used: dates such as 03/04/2025 fit two notations, and only the client knows which.
"""

from itertools import product

import duckdb

from crmnb.client import Source
from crmnb.intake.cast import cast, in_range
from crmnb.intake.raw import Cell, Raw
from crmnb.tables import Column

_SAMPLE = 10_000
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))


def suggestions(con: duckdb.DuckDBPyConnection, sample: str, column: Column, raw: Raw, zone: str) -> str:
    """What to do about a column's unreadable texts (`sample`, SQL that gives `given`): the lines that would read all."""
    lines = []
    if column.type == "time":
        forms = {f"{day}{clock}": f'date_format: "{day}{clock}"' for day, clock in product(_DAYS, _CLOCKS)}
        tried = {line: raw.source.model_copy(update={"date_format": form}) for form, line in forms.items()}
        lines = _fitting(con, sample, column, tried, zone)
    elif column.type in ("money", "number", "integer"):
        tried = {
            f'decimal: "{decimal}"' + (f', thousands: "{mark}"' if mark else ""): raw.source.model_copy(
                update={"decimal": decimal, "thousands": mark}
            )
            for decimal, mark in _MARKS
        }
        lines = _fitting(con, sample, column, tried, zone)
    if not lines and column.type == "time":
        lines = ['date_format: "..."']
    if not lines:
        return "Map another column, or recode the words under `values`."
    which = "the line" if len(lines) == 1 else "the one that is right of the lines"
    where = f"sources.{raw.name}" if raw.source.file else "sources (typed `time` under its columns)"
    return f"Nothing is guessed: add to {where} {which} {' or '.join(f'`{line}`' for line in lines)}."


def _fitting(
    con: duckdb.DuckDBPyConnection, sample: str, column: Column, tried: dict[str, Source], zone: str
) -> list[str]:
    """The lines whose notation reads every text of the sample."""
    values = [cast(column.type, Cell("given", "text"), source, zone) for source in tried.values()]
    reads = ", ".join(f"count({in_range(value) if column.type == 'time' else value})" for value in values)
    every, *read = con.execute(f"SELECT count(*), {reads} FROM ({sample} LIMIT {_SAMPLE})").fetchone()
    return [line for line, count in zip(tried, read, strict=True) if every and count == every]
