"""What to say of values that cannot be read: the line to add, found by trying notations on the offending values.

Only said, never used: dates such as 03/04/2025 fit two notations, and only the client knows which.
"""

import json
from itertools import product

import duckdb

from crmnb.client import Source
from crmnb.intake.cast import cast, in_range
from crmnb.intake.raw import Cell, Raw
from crmnb.intake.rules import TIMES
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
    tried: dict[str, Source] = {}
    if column.type in TIMES:
        forms = [f"{day}{clock}" for day, clock in product(_DAYS, _CLOCKS)]
        forms += ["%Y-%m"] if column.type == "month" else ["excel"]
        tried = {f'date_format: "{form}"': raw.source.model_copy(update={"date_format": form}) for form in forms}
    elif column.type in ("money", "number", "integer"):
        tried = _numbers(con, sample, raw.source)
    if not tried:
        return "Map another column, or recode the words under `values`."
    every, read = _read_by(con, sample, column, tried, zone)
    lines = [line for line, count in read.items() if every and count == every]
    where = f"sources.{raw.name}" if raw.is_file else "sources (typed `time` under its columns)"
    if lines:
        which = "the line" if len(lines) == 1 else "the one that is right of the lines"
        return f"Nothing is guessed: add to {where} {which} {' or '.join(f'`{line}`' for line in lines)}."
    best = sorted((line for line, count in read.items() if count), key=lambda line: -read[line])[:2]
    if best:
        told = " and ".join(f"`{line}` would read {read[line]:,}" for line in best)
        return f"No one notation reads all of these (of {every:,}, {told}): the file mixes several. Ask for it written in one."
    if column.type in TIMES:
        return f'Nothing is guessed: say under {where} how they are written, `date_format: "..."`.'
    return "Map another column, or recode the words under `values`."


def _numbers(con: duckdb.DuckDBPyConnection, sample: str, source: Source) -> dict[str, Source]:
    """Notations of numbers to try: each pair of marks, without and with the signs that stand beside the digits."""
    beside = con.execute(
        "SELECT DISTINCT trim(side) FROM (SELECT unnest([regexp_extract(given, '^[+-]?([^0-9.,+-]+)', 1), "
        f"regexp_extract(given, '([^0-9.,]+)$', 1)]) AS side FROM ({sample} LIMIT {_SAMPLE})) WHERE trim(side) <> '' LIMIT 5"
    ).fetchall()
    signs = sorted(sign for (sign,) in beside)
    tried = {}
    for marks, signed in product(_MARKS, ((), tuple(signs)) if 0 < len(signs) < 5 else ((),)):
        decimal, thousands = marks
        line = f'decimal: "{decimal}"' + (f', thousands: "{thousands}"' if thousands else "")
        line += f", signs: {json.dumps(signed, ensure_ascii=False)}" if signed else ""
        update = {"decimal": decimal, "thousands": thousands, "signs": signed}
        tried[line] = source.model_copy(update=update)
    return tried


def _read_by(
    con: duckdb.DuckDBPyConnection, sample: str, column: Column, tried: dict[str, Source], zone: str
) -> tuple[int, dict[str, int]]:
    """How many texts the sample has, and how many each notation reads."""
    values = [cast(column.type, Cell("given", "text"), source, zone) for source in tried.values()]
    reads = ", ".join(f"count({in_range(value) if column.type in TIMES else value})" for value in values)
    every, *read = con.execute(f"SELECT count(*), {reads} FROM ({sample} LIMIT {_SAMPLE})").fetchone()
    return every, dict(zip(tried, read, strict=True))
