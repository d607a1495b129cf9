"""Casts from the values of a source to the types of the contract, as SQL: a value, or NULL if it is unreadable.

DuckDB's own casts guess: '5.5' becomes 6, '0x1F' 31, '2025-01-31 12:00Z' loses its zone and 'epoch' is a date. So a
text must first match the pattern of its type, in the format that the source declares.
"""

import re

from crmnb.intake.staging_table import Cell, quote_literal
from crmnb.intake.validation.time_formats import TimeZones, localised, names_a_day, parse_time
from crmnb.schema.client import Source
from crmnb.schema.tables import ENGINE_TYPES, Type

# What is stripped around a text: blank, tab, ends of line, no-break blanks, byte-order mark, zero-width blank.
_BLANKS = quote_literal(" \t\n\r\v\f\u00a0\u2007\u202f\ufeff\u200b")
_EARLIEST, _LATEST = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2200-01-01'"
_OTHER_MINUS = (("suffix", ")"), ("suffix", "-"), ("suffix", "\u2212"), ("prefix", "\u2212"))  # than one in front
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
    native = _native(type_, cell, TimeZones(source.time_zone or zone, zone))
    if native:
        return native
    text, decimal = cast_to_text(cell), source.decimal if cell.kind == "text" else "."
    zones = TimeZones(source.time_zone or zone, zone)
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
            formats = tuple(form for form in source.date_format if names_a_day(form))
            return parse_time(text, formats, decimal, zones) if formats or not source.date_format else "NULL::TIMESTAMP"
        case "month":
            bare = f"CASE WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}') THEN TRY_CAST({text} || '-01' AS TIMESTAMP) END"
            return f"coalesce({bare}, date_trunc('month', {parse_time(text, source.date_format, decimal, zones)}))"
        case "flag":
            branches = " ".join(f"WHEN lower({text}) IN {codes} THEN {value}" for value, codes in _FLAGS.items())
            return f"CASE {branches} END"
        case "integer":
            return _number(text, "BIGINT", decimal, thousands, f"([{decimal}]0+)?", source.signs)
        case "money" | "number":
            rest = f"([{decimal}][0-9]*)?([eE][+-]?[0-9]+)?"
            return _number(text, ENGINE_TYPES[type_], decimal, thousands, rest, source.signs)


def _native(type_: Type, cell: Cell, zones: TimeZones) -> str | None:
    """The direct cast of a typed value; None if the value has to be read from its text."""
    match type_, cell.kind:
        case "time", "time":
            return localised(f"TRY_CAST({cell.sql} AS TIMESTAMP)", zones)
        case "time", "date":
            return f"TRY_CAST({cell.sql} AS TIMESTAMP)"
        case "time", "instant":
            return f"timezone({quote_literal(zones.client)}, {cell.sql})"
        case "month", "time" | "date" | "instant":
            return f"date_trunc('month', {_native('time', cell, zones)})"
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
    bare = bare_number(text, signs)
    plain = f"regexp_replace({bare}, {quote_literal(mark)}, '', 'g')" if thousands else bare
    if engine_type == "BIGINT":
        plain = f"split_part({plain}, {quote_literal(decimal)}, 1)"
    elif decimal != ".":
        plain = f"replace({plain}, {quote_literal(decimal)}, '.')"
    value = f"TRY_CAST({plain} AS {engine_type})"
    if engine_type == "DOUBLE":
        value = f"CASE WHEN isfinite({value}) THEN {value} END"
    return f"CASE WHEN regexp_full_match({bare}, {quote_literal(shape)}) THEN {value} END"


def bare_number(text: str, signs: tuple[str, ...]) -> str:
    """A number's text without declared signs and with its minus in front, where accounting writes (200.00) or 200.00-, and typography another sign."""
    text = _strip_signs(text, signs)
    plain = f"regexp_replace({text}, '^\u2212|\u2212$', '-')"  # the minus sign of typography
    in_front = f"regexp_replace(regexp_replace({plain}, '^\\(([^()+-]+)\\)$', '-\\1'), '^([^()+-]+)-$', '-\\1')"
    is_other = " OR ".join(f"{side}({text}, '{mark}')" for side, mark in _OTHER_MINUS)
    return f"CASE WHEN {is_other} THEN {_strip_signs(in_front, signs)} ELSE {text} END"


def _strip_signs(text: str, signs: tuple[str, ...]) -> str:
    """A number's text without a declared sign before it (after + or -) and one after it."""
    if not signs:
        return text
    any_sign, blank = "|".join(re.escape(sign.strip()) for sign in signs), "[ \u00a0\u202f]?"
    front = f"regexp_replace({text}, {quote_literal(f'^([+-]?){blank}(?:{any_sign}){blank}')}, '\\1')"
    return f"regexp_replace({front}, {quote_literal(f'{blank}(?:{any_sign})$')}, '')"


def restrict_range(value: str) -> str:
    """A time, or NULL if it lies outside the years that are supported."""
    return f"CASE WHEN {value} >= {_EARLIEST} AND {value} < {_LATEST} THEN {value} END"
