"""Times from texts, as SQL: in the declared formats, or else in ISO format, with every common mark of a time zone.

A text without a mark is the wall clock of the source's time zone; one with a mark is an instant. Both become the wall clock of the
client's time zone. A text that names a day, without a time of day, stays that day: it is no instant that a zone could move.
"""

import re
from dataclasses import dataclass

from crmnb.intake.staging_table import quote_literal
from crmnb.schema.client.sources import names_utc

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}  # formats, and the microseconds in a unit of each
_DAY, _TIME_OF_DAY = r"\d{4}-\d{2}-\d{2}", r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_OFFSET = r" ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?|(UTC|GMT)[+-]\d{1,2}(:?\d{2})?)"
_DIGITS = {  # the smallest and the largest number of digits of each directive of strptime
    "%Y": (4, 4),
    "%y": (2, 2),
    "%j": (1, 3),
    "%f": (1, 9),
    **dict.fromkeys(("%d", "%m", "%H", "%I", "%M", "%S"), (1, 2)),
}


@dataclass(frozen=True)
class TimeZones:
    """The zone of texts without a mark, and the client's, in which all times are stored."""

    source: str
    client: str


def parse_time(text: str, formats: tuple[str, ...], decimal: str, zones: TimeZones) -> str:
    """The SQL of the time in a text; NULL if it has none of the formats, or if two of them read it differently."""
    values = [_in_format(text, form, decimal, zones) for form in formats] or [_iso(text, zones)]
    if len(values) == 1:
        return values[0]
    return f"CASE WHEN len(list_distinct([{', '.join(values)}])) = 1 THEN coalesce({', '.join(values)}) END"


def names_a_day(form: str) -> bool:
    """Whether a format has the day: one of months has not."""
    return "%" not in form or bool(re.search("%[dj]", form))


def needs_zone(text: str, formats: tuple[str, ...], decimal: str) -> str:
    """The SQL condition that a text is a time of day without a mark of a zone, so that the declared zone decides which instant it is."""
    local = [_shape(form, decimal) for form in formats if _is_local(form)] or [f"{_DAY}[ T]{_TIME_OF_DAY}"]
    if formats and not any(map(_is_local, formats)):
        return "false"
    return f"coalesce({' OR '.join(f'regexp_full_match({text}, {quote_literal(shape)})' for shape in local)}, false)"


def _is_local(form: str) -> bool:
    """Whether the texts of a format are times of day of the declared zone."""
    return form == "excel" or (bool(re.search("%[HI]", form)) and not re.search("%[zZ]", form) and not names_utc(form))


def _in_format(text: str, form: str, decimal: str, zones: TimeZones) -> str:
    if form == "excel":
        return localised(_excel_day(text, decimal), zones)
    if form in EPOCHS:
        return _epoch(text, EPOCHS[form], decimal, zones)
    form = form.replace("%Z", "%z")  # UTC, GMT+2: the engine reads neither by %Z
    if "%z" in form:
        value = _of_instant(f"try_strptime({_plain_offset(text)}, {quote_literal(re.sub(' ?%z', '%z', form))})", zones)
    else:
        value = f"try_strptime({text}, {quote_literal(form)})"
        if re.search("%[HI]", form):
            value = localised(value, TimeZones("UTC", zones.client) if names_utc(form) else zones)
    return f"CASE WHEN regexp_full_match({text}, {quote_literal(_shape(form, decimal))}) THEN {value} END"


def _iso(text: str, zones: TimeZones) -> str:
    local, zoned = f"{_DAY}[ T]{_TIME_OF_DAY}", f"{_DAY}[ T]{_TIME_OF_DAY}{_OFFSET}"
    if zones.source == zones.client:
        local = f"{_DAY}([ T]{_TIME_OF_DAY})?"
        day = ""
    else:
        day = f"WHEN regexp_full_match({text}, {quote_literal(_DAY)}) THEN TRY_CAST({text} AS TIMESTAMP) "
    return (
        f"CASE WHEN regexp_full_match({text}, {quote_literal(local)}) THEN {localised(f'TRY_CAST({text} AS TIMESTAMP)', zones)} {day}"
        f"WHEN regexp_full_match({text}, {quote_literal(zoned)}) "
        f"THEN {_of_instant(f'TRY_CAST({_plain_offset(text)} AS TIMESTAMPTZ)', zones)} END"
    )


def localised(value: str, zones: TimeZones) -> str:
    """A wall clock of the source's zone as that of the client's."""
    if zones.source == zones.client:
        return value
    return _of_instant(f"timezone({quote_literal(zones.source)}, {value})", zones)


def _of_instant(value: str, zones: TimeZones) -> str:
    return f"timezone({quote_literal(zones.client)}, {value})"


def _plain_offset(text: str) -> str:
    """A text whose mark of a zone is an offset that the engine reads: +HH or +HHMM, without a blank before it."""
    named = f"regexp_replace({text}, ' ?(Z|UTC|GMT)$', '+00')"
    one_digit = f"regexp_replace({named}, ' ?(?:UTC|GMT)([+-])([0-9])((:?[0-9]{{2}})?)$', '\\10\\2\\3')"
    return f"regexp_replace({one_digit}, ' ?(?:UTC|GMT)?([+-][0-9]{{2}}(:?[0-9]{{2}})?)$', '\\1')"


def _epoch(text: str, unit: int, decimal: str, zones: TimeZones) -> str:
    """A number of seconds, milliseconds or microseconds since 1970 in UTC; later ones than the years that are supported are no time."""
    shape = quote_literal(_epoch_shape(unit, decimal))
    number = f"TRY_CAST(replace({text}, {quote_literal(decimal)}, '.') AS DECIMAL(24, 6))"
    value = f"make_timestamp(CAST(round({number} * {unit}) AS BIGINT))"
    return f"CASE WHEN regexp_full_match({text}, {shape}) THEN {localised(value, TimeZones('UTC', zones.client))} END"


def _excel_day(text: str, decimal: str) -> str:
    """A day number of a spreadsheet (1 = 1900-01-01), to the second; before March 1900 these are off by a day."""
    days = f"TRY_CAST(replace({text}, {quote_literal(decimal)}, '.') AS DOUBLE)"
    value = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({days} * 86400) AS BIGINT))"
    shape = quote_literal(_excel_shape(decimal))
    return f"CASE WHEN regexp_full_match({text}, {shape}) AND {days} >= 61 THEN {value} END"


def _epoch_shape(unit: int, decimal: str) -> str:
    digits = 11 + {1_000_000: 0, 1_000: 3, 1: 6}[unit]
    return f"[0-9]{{1,{digits}}}([{decimal}][0-9]{{1,6}})?"


def _excel_shape(decimal: str) -> str:
    return f"[0-9]{{1,6}}([{decimal}][0-9]*)?"


def _shape(form: str, decimal: str) -> str:
    """The pattern of the texts of a format."""
    if form == "excel":
        return _excel_shape(decimal)
    return _epoch_shape(EPOCHS[form], decimal) if form in EPOCHS else _build_pattern(form)


def _build_pattern(form: str) -> str:
    """The pattern of a time in a format of strptime.

    Without it the engine accepts a year of one digit and "infinity", and guesses where adjacent numbers end.
    """
    parts, shape = re.split(r"( ?%z|%.)", form), ""
    for place, part in enumerate(parts):
        if part in _DIGITS:
            touches_digits = (parts[place - 2 : place - 1] or [""])[0] in _DIGITS and not parts[place - 1]
            touches_digits |= (parts[place + 2 : place + 3] or [""])[0] in _DIGITS and not parts[place + 1]
            least, most = _DIGITS[part]
            shape += f"[0-9]{{{most if touches_digits else least},{most}}}"
        elif part.endswith("%z"):
            shape += _OFFSET
        elif part == "%%" or not part.startswith("%"):
            shape += re.escape(part[-1:] if part == "%%" else part)
        else:
            shape += "[^0-9]+"  # the name of a day or month, or AM and PM
    return shape
