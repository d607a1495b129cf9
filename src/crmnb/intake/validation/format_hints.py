"""What to say of values that cannot be read: the line to add, found by trying notations on the offending values.

Only said, never used: dates such as 03/04/2025 fit two notations, and only the client knows which.
"""

import json
from itertools import product

from crmnb.intake.staging_table import Cell
from crmnb.intake.validation.casts import cast, in_range
from crmnb.intake.validation.contract import TIMES, breaks
from crmnb.intake.validation.validated_rows import Judged
from crmnb.schema.client import Source
from crmnb.schema.tables import Column

_SAMPLE = 10_000
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))


def suggestion(judged: Judged, number: int) -> str:
    """What to do about the texts that break a type's rule (by its number): the lines that read them and the others too."""
    column, raw = _column(judged, number), judged.raw
    lines, read, bad = _fitting(judged, number, column)
    where = f"sources.{raw.name}" if raw.is_file else "sources (typed `time` under its columns)"
    if lines:
        which = "the line" if len(lines) == 1 else "the one that is right of the lines"
        return f"Nothing is guessed: add to {where} {which} {' or '.join(f'`{line}`' for line in lines)}."
    best = sorted((line for line, count in read.items() if count), key=lambda line: -read[line])[:2]
    if best:
        told = " and ".join(f"`{line}` would read {read[line]:,}" for line in best)
        return f"No one notation reads all: of {bad:,} of these, {told}. The file mixes several; ask for it written in one."
    if column.type in TIMES:
        return f'Nothing is guessed: say under {where} how they are written, `date_format: "..."`.'
    return "Map another column, or recode the words under `values`."


def lines_to_add(judged: Judged, number: int) -> list[str]:
    """The lines that would read what breaks a type's rule and the others too; none where no notation does."""
    return _fitting(judged, number, _column(judged, number))[0]


def _column(judged: Judged, number: int) -> Column:
    return next(column for column in judged.contract.columns if column.name == judged.rules[number].column)


def _fitting(judged: Judged, number: int, column: Column) -> tuple[list[str], dict[str, int], int]:
    """The lines that read everything; how many of a sample of the offending texts each line reads; how many these are."""
    given = judged.given(column.name)
    bad = f"SELECT {given} AS given FROM {judged.wrong(breaks(number))} LIMIT {_SAMPLE}"
    good = (
        f"SELECT {given} AS given FROM {judged.wrong(f'NOT {breaks(number)}')} AND {given} IS NOT NULL LIMIT {_SAMPLE}"
    )
    source, tried = judged.raw.source, {}
    if column.type in TIMES:
        forms = [f"{day}{clock}" for day, clock in product(_DAYS, _CLOCKS)]
        forms += ["%Y-%m"] if column.type == "month" else ["excel"]
        tried = {f'date_format: "{form}"': source.model_copy(update={"date_format": form}) for form in forms}
    elif column.type in ("money", "number", "integer") and source.database is None:  # whose numbers are typed
        tried = _numbers(judged, bad)
    if not tried:
        return [], {}, 0
    wrong, read = _read_by(judged, bad, column, tried)
    right, also = _read_by(judged, good, column, tried)
    return [line for line in tried if wrong and (read[line], also[line]) == (wrong, right)], read, wrong


def _numbers(judged: Judged, sample: str) -> dict[str, Source]:
    """Notations of numbers to try: each pair of marks, without and with the signs that stand beside the digits."""
    beside = judged.ask(
        "SELECT DISTINCT trim(side) FROM (SELECT unnest([regexp_extract(given, '^[+-]?([^0-9.,+-]+)', 1), "
        f"regexp_extract(given, '([^0-9.,]+)$', 1)]) AS side FROM ({sample})) WHERE trim(side) <> '' LIMIT 5"
    )
    signs, tried = sorted(sign for (sign,) in beside), {}
    for (decimal, thousands), signed in product(_MARKS, ((), tuple(signs)) if 0 < len(signs) < 5 else ((),)):
        line = f'decimal: "{decimal}"' + (f', thousands: "{thousands}"' if thousands else "")
        line += f", signs: {json.dumps(signed, ensure_ascii=False)}" if signed else ""
        update = {"decimal": decimal, "thousands": thousands, "signs": signed}
        tried[line] = judged.raw.source.model_copy(update=update)
    return tried


def _read_by(judged: Judged, sample: str, column: Column, tried: dict[str, Source]) -> tuple[int, dict[str, int]]:
    """How many texts the sample has, and how many each notation reads."""
    values = [cast(column.type, Cell("given", "text"), source, judged.contract.zone) for source in tried.values()]
    reads = ", ".join(f"count({in_range(value) if column.type in TIMES else value})" for value in values)
    ((every, *read),) = judged.ask(f"SELECT count(*), {reads} FROM ({sample})")
    return every, dict(zip(tried, read, strict=True))
