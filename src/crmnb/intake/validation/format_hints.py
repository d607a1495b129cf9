"""Format hints for unreadable values: the line to add, found by trying formats on the values.

Hints are only shown, never applied: 03/04/2025 fits two formats, and only the client knows which is right.
"""

import json
from itertools import product

from crmnb.intake.staging_table import Cell
from crmnb.intake.validation.casts import cast_cell, restrict_range
from crmnb.intake.validation.contract import TIME_TYPES, violates
from crmnb.intake.validation.time_formats import EPOCHS
from crmnb.intake.validation.validated_rows import ValidatedRows
from crmnb.schema.client import Source
from crmnb.schema.client.sources import DATE_FORMATS
from crmnb.schema.tables import Column

_SAMPLE = 10_000
_MINUS = "\u2212-"  # in a class of characters
_FIRST_EPOCH = "TIMESTAMP '1990-01-01'"  # a number of seconds, taken for milliseconds, is a time of January 1970
_DAY_FORMATS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *(
        "%d/%m/%y",
        "%m/%d/%y",
        "%d-%m-%y",
        "%d.%m.%y",
        "%d %b %Y",
        "%d-%b-%Y",
        "%d-%b-%y",
        "%b %d, %Y",
        "%d %B %Y",
        "%Y-%m-%d",
    ),
)
_TIME_FORMATS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %I:%M:%S %p")
_ZONES = ("", " %z")
_NUMBER_FORMATS = (
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (",", " "),
    (".", " "),
    (".", "'"),
)  # decimal, thousands


def suggest_hints(validated: ValidatedRows, number: int) -> str:
    """The advice on values that violate the type rule of that number: the lines with which all values are readable."""
    column, staging = _find_column(validated, number), validated.staging
    lines, readable, total = _try_formats(validated, number, column)
    place = f"sources.{staging.name}" if staging.is_file else "sources (typed `time` under its columns)"
    if lines:
        which = "this line" if len(lines) == 1 else "the correct line"
        return f"Formats are not guessed. Add {which} to {place}: {' or '.join(f'`{line}`' for line in lines)}."
    best = sorted((line for line, count in readable.items() if count), key=lambda line: -readable[line])[:2]
    if best:
        counts = " and ".join(f"`{line}` reads {readable[line]:,}" for line in best)
        return (
            f"The file mixes several formats: of {total:,} of these values, {counts}. Ask for a file with one format."
        )
    if column.type in TIME_TYPES:
        return f'Formats are not guessed. Declare the format in {place}: `date_format: "..."`.'
    if column.type in ("money", "number") and _has_credit_marks(validated, number, column):
        return (
            "They end with CR or DR (credit, debit), and which of the two is less than nothing depends on whose books these are. Ask for "
            "amounts with a minus, or for credit and debit in columns of their own."
        )
    return "Map another column, or recode the words under `values`."


def _has_credit_marks(validated: ValidatedRows, number: int, column: Column) -> bool:
    """Whether some unreadable amount ends with CR or DR."""
    text = f"upper({validated.cleaned_text(column.name)})"
    rows = validated.select_rows(violates(number))
    return bool(validated.query(f"SELECT 1 FROM {rows} AND regexp_full_match({text}, '.*[0-9] ?[CD]R') LIMIT 1"))


def find_hints(validated: ValidatedRows, number: int) -> list[str]:
    """The lines with which all values of a column are readable; empty if no format reads them all."""
    return _try_formats(validated, number, _find_column(validated, number))[0]


def _find_column(validated: ValidatedRows, number: int) -> Column:
    return next(column for column in validated.contract.columns if column.name == validated.rules[number].column)


def _try_formats(validated: ValidatedRows, number: int, column: Column) -> tuple[list[str], dict[str, int], int]:
    """The lines that read everything; how many texts of a sample of the unreadable each line reads; the sample's size."""
    text = validated.cleaned_text(column.name)
    unreadable = f"SELECT {text} AS text FROM {validated.select_rows(violates(number))} LIMIT {_SAMPLE}"
    others = validated.select_rows(f"NOT {violates(number)}")
    readable = f"SELECT {text} AS text FROM {others} AND {text} IS NOT NULL LIMIT {_SAMPLE}"
    source, candidates = validated.staging.source, {}
    if column.type in TIME_TYPES:
        formats = [
            f"{day}{time}{zone}" for day, time, zone in product(_DAY_FORMATS, _TIME_FORMATS, _ZONES) if time or not zone
        ]
        formats += ["%Y-%m", "%b-%y", "%b %Y", "%m/%Y"] if column.type == "month" else DATE_FORMATS
        candidates = {f'date_format: "{form}"': source.model_copy(update={"date_format": (form,)}) for form in formats}
    elif column.type in ("money", "number", "integer") and source.database is None:  # a database's numbers are typed
        candidates = _list_number_formats(validated, unreadable)
    if not candidates:
        return [], {}, 0
    total, counts = _count_readable(validated, unreadable, column, candidates)
    others_total, others_counts = _count_readable(validated, readable, column, candidates)
    complete = (total, others_total)
    return [line for line in candidates if total and (counts[line], others_counts[line]) == complete], counts, total


def _list_number_formats(validated: ValidatedRows, sample: str) -> dict[str, Source]:
    """Number formats to try: each pair of marks, without and with the signs that occur beside the digits."""
    sides = validated.query(
        f"SELECT DISTINCT trim(side) FROM (SELECT unnest([regexp_extract(text, '^[ (+{_MINUS}]*([^0-9.,()+{_MINUS}]+)', 1), "
        f"regexp_extract(text, '([^0-9.,()+{_MINUS}]+)[) {_MINUS}]*$', 1)]) AS side FROM ({sample})) "
        "WHERE trim(side) <> '' AND upper(trim(side)) NOT IN ('CR', 'DR') LIMIT 5"  # credit and debit: they are the sign itself
    )
    signs, candidates = sorted(sign for (sign,) in sides), {}
    sign_options = ((), tuple(signs)) if 0 < len(signs) < 5 else ((),)
    for (decimal, thousands), option in product(_NUMBER_FORMATS, sign_options):
        line = f'decimal: "{decimal}"' + (f', thousands: "{thousands}"' if thousands else "")
        line += f", signs: {json.dumps(option, ensure_ascii=False)}" if option else ""
        update = {"decimal": decimal, "thousands": thousands, "signs": option}
        candidates[line] = validated.staging.source.model_copy(update=update)
    return candidates


def _count_readable(
    validated: ValidatedRows, sample: str, column: Column, candidates: dict[str, Source]
) -> tuple[int, dict[str, int]]:
    """The number of texts in a sample, and how many of them each format reads."""
    zone = validated.contract.zone
    values = [cast_cell(column.type, Cell("text", "text"), source, zone) for source in candidates.values()]
    if column.type in TIME_TYPES:
        values = [
            f"CASE WHEN {value} >= {_FIRST_EPOCH} THEN {value} END" if set(source.date_format) & set(EPOCHS) else value
            for value, source in zip(map(restrict_range, values), candidates.values(), strict=True)
        ]
    counts = ", ".join(f"count({value})" for value in values)
    ((total, *readable),) = validated.query(f"SELECT count(*), {counts} FROM ({sample})")
    return total, dict(zip(candidates, readable, strict=True))
