"""Casts from the values of a source to the types of the contract, as SQL: a value, or NULL if it is unreadable.

DuckDB's own casts guess: '5.5' becomes 6, '0x1F' 31, '2025-01-31 12:00Z' loses its zone and 'epoch' is a date. So a
text must first match the pattern of its type, in the format that the source declares.
"""

import re

from crmnb.intake.staging_table import Cell, quote_literal
from crmnb.schema.client import Source
from crmnb.schema.tables import ENGINE_TYPES, Type

# What is stripped around a text: blank, tab, ends of line, no-break blanks, byte-order mark, zero-width blank.
_BLANKS = quote_literal(" \t\n\r\v\f\u00a0\u2007\u202f\ufeff\u200b")
_DAY, _TIME_OF_DAY, _OFFSET = (
    r"\d{4}-\d{2}-\d{2}",
    r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?",
    r"(Z|[+-]\d{2}(:?\d{2})?)",
)
# The smallest and the largest number of digits of each directive of strptime.
_DIGITS = {
    "%Y": (4, 4),
    "%y": (2, 2),
    "%j": (1, 3),
    "%f": (1, 9),
    **dict.fromkeys(("%d", "%m", "%H", "%I", "%M", "%S"), (1, 2)),
}
_EARLIEST, _LATEST = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2200-01-01'"
_FLAGS = {"true": ("true", "1", "yes", "y"), "false": ("false", "0", "no", "n")}
_GROUPS = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}  # a declared thousands separator, and the characters used for it


def clean_cell(cell: Cell, source: Source) -> Cell:
    """A cell without surrounding blanks; NULL if it is empty or holds a code for a missing value."""
    missing = sorted({code.strip() for code in source.missing} - {""})
    if cell.kind == "text":
        text = cell.sql  # most texts are empty or without blanks, which their first and last byte show quickly
        is_bare = f"{text} >= '!' AND {text} < '\x7f' AND {text}[-1] BETWEEN '!' AND '~'"
        trimmed = f"nullif(trim({text}, {_BLANKS}), '')"
        sql = f"CASE WHEN {text} = '' THEN NULL WHEN {is_bare} THEN {text} ELSE {trimmed} END"
        for code in missing:
            sql = f"nullif({sql}, {quote_literal(code)})"
        return Cell(sql, "text")
    sql = f"CASE WHEN NOT isnan({cell.sql}) THEN {cell.sql} END" if cell.kind == "float" else cell.sql
    if missing:
        codes = ", ".join(map(quote_literal, missing))
        sql = f"CASE WHEN {cast_to_text(cell)} NOT IN ({codes}) THEN {sql} END"
    return Cell(sql, cell.kind)


def recode_cell(cell: Cell, codes: dict[str, str]) -> Cell:
    """The cell with the client's codes replaced; other values stay, and an empty replacement means a missing value."""
    text = cast_to_text(cell)
    branches = " ".join(f"WHEN {quote_literal(code)} THEN {quote_literal(value)}" for code, value in codes.items())
    return Cell(f"nullif(CASE {text} {branches} ELSE {text} END, '')", "text")


def cast_to_text(cell: Cell) -> str:
    """The text of a value; a whole number in a float or decimal column is written without decimals."""
    if cell.kind == "text":
        return cell.sql
    text = f"CAST({cell.sql} AS VARCHAR)"
    if cell.kind == "float":
        whole = f"{cell.sql} = trunc({cell.sql}) AND abs({cell.sql}) < 1e15"
        return f"CASE WHEN {whole} THEN CAST(CAST({cell.sql} AS BIGINT) AS VARCHAR) ELSE {text} END"
    if cell.kind == "decimal":
        return f"regexp_replace({text}, '\\.0+$', '')"
    return text


def cast_cell(type_: Type, cell: Cell, source: Source, zone: str) -> str:
    """The typed value of a cleaned cell. Never fails; NULL if the cell is unreadable.

    Times also need `restrict_range`.
    """
    native = _native(type_, cell, zone)
    if native:
        return native
    text, decimal = cast_to_text(cell), source.decimal if cell.kind == "text" else "."
    thousands = source.thousands if cell.kind == "text" else ""
    match type_:
        case "key":
            if cell.kind == "float":  # beyond 2^53 a float does not hold every whole number, so a key may be changed
                text = (
                    f"CASE WHEN abs({cell.sql}) > 9007199254740992 THEN format('{{:.16e}}', {cell.sql}) ELSE {text} END"
                )
            whole = f"regexp_replace({text}, '^([0-9]+)[{decimal}]0+$', '\\1')"
            return f"CASE WHEN suffix({text}, '0') AND contains({text}, '{decimal}') THEN {whole} ELSE {text} END"
        case "text":
            return text
        case "time":
            return _time(text, source.date_format, decimal, zone)
        case "month":
            bare = f"CASE WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}') THEN TRY_CAST({text} || '-01' AS TIMESTAMP) END"
            return f"coalesce({bare}, date_trunc('month', {_time(text, source.date_format, decimal, zone)}))"
        case "flag":
            branches = " ".join(f"WHEN lower({text}) IN {codes} THEN {value}" for value, codes in _FLAGS.items())
            return f"CASE {branches} END"
        case "integer":
            return _number(text, "BIGINT", decimal, thousands, f"([{decimal}]0+)?", source.signs)
        case "money" | "number":
            rest = f"([{decimal}][0-9]*)?([eE][+-]?[0-9]+)?"
            return _number(text, ENGINE_TYPES[type_], decimal, thousands, rest, source.signs)


def _native(type_: Type, cell: Cell, zone: str) -> str | None:
    """The direct cast of a typed value; None if the value has to be read from its text."""
    match type_, cell.kind:
        case "time", "time" | "date":
            return f"TRY_CAST({cell.sql} AS TIMESTAMP)"
        case "time", "instant":
            return f"timezone({quote_literal(zone)}, {cell.sql})"
        case "month", "time" | "date" | "instant":
            return f"date_trunc('month', {_native('time', cell, zone)})"
        case "flag", "flag":
            return cell.sql
        case ("integer", "whole") | ("money", "whole" | "decimal") | ("number", "whole" | "decimal"):
            return f"TRY_CAST({cell.sql} AS {ENGINE_TYPES[type_]})"
        case "money" | "number", "float":
            finite = f"CASE WHEN isfinite({cell.sql}) THEN {cell.sql} END"
            return f"TRY_CAST({finite} AS {ENGINE_TYPES[type_]})"
    return None


def _number(text: str, engine_type: str, decimal: str, thousands: str, rest: str, signs: tuple[str, ...]) -> str:
    """A number from its text, with groups of three digits if the source declares a separator, and without declared signs."""
    mark = _GROUPS.get(thousands, f"[{thousands}]") if thousands else ""
    digits = f"([0-9]+|[0-9]{{1,3}}({mark}[0-9]{{3}})+)" if thousands else "[0-9]+"
    shape = f"[+-]?({digits}{rest}" + ("" if engine_type == "BIGINT" else f"|[{decimal}][0-9]+([eE][+-]?[0-9]+)?") + ")"
    bare = strip_signs(text, signs)
    plain = f"regexp_replace({bare}, {quote_literal(mark)}, '', 'g')" if thousands else bare
    if engine_type == "BIGINT":
        plain = f"split_part({plain}, {quote_literal(decimal)}, 1)"
    elif decimal != ".":
        plain = f"replace({plain}, {quote_literal(decimal)}, '.')"
    value = f"TRY_CAST({plain} AS {engine_type})"
    if engine_type == "DOUBLE":
        value = f"CASE WHEN isfinite({value}) THEN {value} END"
    return f"CASE WHEN regexp_full_match({bare}, {quote_literal(shape)}) THEN {value} END"


def strip_signs(text: str, signs: tuple[str, ...]) -> str:
    """A number's text without a declared sign before it (after + or -) and one after it."""
    if not signs:
        return text
    any_sign, blank = "|".join(re.escape(sign.strip()) for sign in signs), "[ \u00a0\u202f]?"
    front = f"regexp_replace({text}, {quote_literal(f'^([+-]?){blank}(?:{any_sign}){blank}')}, '\\1')"
    return f"regexp_replace({front}, {quote_literal(f'{blank}(?:{any_sign})$')}, '')"


def _time(text: str, date_format: str | None, decimal: str, zone: str) -> str:
    """A time in the declared format, otherwise in ISO format; a time with an offset is converted to the client's time zone."""
    if date_format == "excel":
        return _excel_day(text, decimal)
    if date_format:
        value = f"try_strptime({text}, {quote_literal(date_format)})"
        if "%z" in date_format:
            instant = f"regexp_replace({text}, '([0-9] ?)Z', '\\1+00')"  # the engine knows no Z
            value = f"timezone({quote_literal(zone)}, try_strptime({instant}, {quote_literal(date_format)}))"
        return f"CASE WHEN regexp_full_match({text}, {quote_literal(_build_pattern(date_format))}) THEN {value} END"
    local, zoned = f"{_DAY}([ T]{_TIME_OF_DAY})?", f"{_DAY}[ T]{_TIME_OF_DAY}{_OFFSET}"
    return (
        f"CASE WHEN regexp_full_match({text}, {quote_literal(local)}) THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN regexp_full_match({text}, {quote_literal(zoned)}) "
        f"THEN timezone({quote_literal(zone)}, TRY_CAST({text} AS TIMESTAMPTZ)) END"
    )


def _build_pattern(date_format: str) -> str:
    """The pattern of a time in a format of strptime.

    Without it the engine accepts a year of one digit and "infinity", and guesses where adjacent numbers end.
    """
    parts, shape = re.split(r"(%.)", date_format), ""
    for place, part in enumerate(parts):
        if part in _DIGITS:
            touches_digits = (parts[place - 2 : place - 1] or [""])[0] in _DIGITS and not parts[place - 1]
            touches_digits |= (parts[place + 2 : place + 3] or [""])[0] in _DIGITS and not parts[place + 1]
            least, most = _DIGITS[part]
            shape += f"[0-9]{{{most if touches_digits else least},{most}}}"
        elif part == "%z":
            shape += _OFFSET
        elif part == "%%" or not part.startswith("%"):
            shape += re.escape(part[-1:] if part == "%%" else part)
        else:
            shape += "[^0-9]+"  # the name of a day or month, or AM and PM
    return shape


def _excel_day(text: str, decimal: str) -> str:
    """A day number of a spreadsheet (1 = 1900-01-01), to the second; before March 1900 these are off by a day."""
    days = f"TRY_CAST(replace({text}, {quote_literal(decimal)}, '.') AS DOUBLE)"
    value = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({days} * 86400) AS BIGINT))"
    shape = quote_literal(f"[0-9]{{1,6}}([{decimal}][0-9]*)?")
    return f"CASE WHEN regexp_full_match({text}, {shape}) AND {days} >= 61 THEN {value} END"


def restrict_range(value: str) -> str:
    """A time, or NULL if it lies outside the years that are supported."""
    return f"CASE WHEN {value} >= {_EARLIEST} AND {value} < {_LATEST} THEN {value} END"
