"""Checks of a source in a parameters file that concern several of its keys."""

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from crmnb.core.errors import did_you_mean, nearest
from crmnb.schema.client.models.mapping import ColumnTimes, Source
from crmnb.schema.client.models.values import REFERENCE
from crmnb.schema.tables import ENGINE_TYPES

DATE_FORMATS = ("excel", "epoch_s", "epoch_ms", "epoch_us")  # that are no formats of strptime
ENDINGS = {  # file endings and their formats
    **dict.fromkeys((".csv", ".txt", ".tsv"), "csv"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    ".parquet": "parquet",
}
_DIRECTIVES = "aAbBdfHIjmMpSyYzZ%"
_OFFSET = re.compile(r"(?<!\w)((UTC|GMT) ?[+-]\d{1,2}(:?\d{2})?|[+-]\d{2}:?\d{2}$)")  # in the fixed text of a format
_UTC = re.compile(r"(?<![A-Za-z])(UTC|GMT|Z)(?![A-Za-z])")
_LETTERS = re.compile(r"(?<![A-Za-z])[A-Z]{3,5}(?![A-Za-z])")  # as in EST, CET, AEST
_UNUSED_OPTIONS = {  # options that do not apply to a format: declaring them is a mistake
    "database": (
        "format",
        "sheets",
        "header",
        "delimiter",
        "encoding",
        "decimal",
        "thousands",
        "signs",
        "rows_after_header",
    ),
    "parquet": ("sheets", "header", "rows_after_header", "delimiter", "encoding", "table", "select"),
    "excel": ("delimiter", "encoding", "table", "select"),
    "json": ("sheets", "header", "rows_after_header", "delimiter", "table", "select"),
    "csv": ("sheets", "table", "select"),
}
_FORMAT_NAMES = {
    "database": "a database",
    "parquet": "Parquet",
    "excel": "a workbook",
    "json": "JSON lines",
    "csv": "delimited text",
}


def find_source_problems(key: str, source: Source) -> Iterator[str]:
    """All faults of a source. Each message begins with the key; none holds a secret."""
    if (source.file is None) == (source.database is None):
        yield f"{key}: declare either `file` or `database`."
    elif source.database is not None:
        yield from _find_database_problems(key, source)
    else:
        yield from _find_file_problems(key, source)
    for column, type_ in source.columns.items():
        if type_ not in ENGINE_TYPES:
            yield f"{key}.columns.{column}: {type_!r} is not a type.{nearest(type_, ENGINE_TYPES)}"
    yield from _find_time_problems(key, source, source.time_zone)
    for header, own in source.times.items():
        yield from _find_time_problems(f"{key}.times.{header}", own, own.time_zone or source.time_zone)


def _find_time_problems(key: str, times: Source | ColumnTimes, zone: str | None) -> Iterator[str]:
    for form in times.date_format:
        yield from _find_zone_problems(key, form, zone)
        if form not in DATE_FORMATS and (fault := _check_date_format(form)):
            yield f"{key}.date_format: {form!r} {fault}, such as '%d/%m/%Y %H:%M'; or write {', '.join(DATE_FORMATS)}."
    if times.time_zone is not None and not is_time_zone(times.time_zone):
        hint = did_you_mean(times.time_zone, available_timezones())
        yield f"{key}.time_zone: {times.time_zone!r} is not a time zone.{hint} Use a name such as Europe/London, or UTC."


def _find_zone_problems(key: str, form: str, zone: str | None) -> Iterator[str]:
    """Zones in the fixed text of a format that would be passed over: offsets, and abbreviations without a declared zone."""
    fixed = _fixed_text(form)
    if offset := _OFFSET.search(fixed):
        yield f"{key}.date_format: {form!r} holds the offset {offset[0]!r} as fixed text. Write %z in its place."
    elif not zone and (name := next((name for name in _LETTERS.findall(fixed) if not _UTC.fullmatch(name)), "")):
        yield (
            f"{key}.date_format: {form!r} holds {name!r}, which may be a time zone; such short names have several meanings. Declare the zone "
            "beside it, such as `time_zone: America/New_York`."
        )


def names_utc(form: str) -> bool:
    """Whether the fixed text of a format says that its times are in UTC: UTC, GMT or Z."""
    return bool(_UTC.search(_fixed_text(form)))


def _fixed_text(form: str) -> str:
    """The text of a format without its directives, for each of which a blank stands."""
    return re.sub("%.", " ", form) if "%" in form else ""


def is_time_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a ZoneInfoNotFoundError is a KeyError
        return False
    return True


def _find_unused_options(key: str, source: Source, format_: str) -> Iterator[str]:
    for option in _UNUSED_OPTIONS.get(format_, ("table", "select")):
        if option in source.model_fields_set:
            yield f"{key}.{option}: does not apply to {_FORMAT_NAMES.get(format_, 'a file')}; remove it."


def _find_file_problems(key: str, source: Source) -> Iterator[str]:
    if "://" in source.file:  # it may hold a password, so it is not shown
        yield f"{key}.file: is an address, not a file. Declare a database under `database`."
        return
    yield from _find_unused_options(key, source, source_format(source))
    if source.decimal == source.thousands:
        yield f"{key}.thousands: {source.thousands!r} is already the decimal mark."
    if source.delimiter in '"\r\n':
        yield f"{key}.delimiter: {source.delimiter!r} cannot separate columns."
    for sign in source.signs:
        if set(sign) <= set("0123456789+-., ") or set(sign) & set("()-\u2212"):
            yield (
                f"{key}.signs: {sign!r} may be part of a number or its minus. Only signs beside the digits are allowed, such as EUR or %; "
                "(200.00) and 200.00- are read as negative without a sign."
            )
    if repeated := [sheet for sheet in source.sheets if source.sheets.count(sheet) > 1]:
        yield f"{key}.sheets: {repeated[0]!r} occurs twice."
    if "*" in source.sheets and len(source.sheets) > 1:
        yield f'{key}.sheets: "*" means all sheets; remove the others.'
    try:
        if not codecs.lookup(source.encoding)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError):
        yield f"{key}.encoding: {source.encoding!r} is not an encoding; use utf-8, cp1252, latin-1, utf-16 ..."


def source_format(source: Source) -> str:
    """The format of a source's files by the ending of the name; "" for a pattern without an ending."""
    if source.file is None:
        return "database" if source.database else ""
    return source.format or ENDINGS.get(PurePath(source.file.lower().removesuffix(".gz")).suffix, "")


def _find_database_problems(key: str, source: Source) -> Iterator[str]:
    """All faults of a database's keys. The address is not shown, because it may hold a password."""
    yield from _find_unused_options(key, source, "database")
    if (source.table is None) == (source.select is None):
        yield f"{key}: declare either `table` or `select` (a query) for a database."
    if (source.table is not None and not all(source.table.split(".")[:3])) or (source.table or "").count(".") > 1:
        yield f"{key}.table: {source.table!r} is not valid; write table or schema.table."
    if source.select is not None and not source.select.strip("; \n"):
        yield f"{key}.select: is empty."
    address = source.database
    if not re.fullmatch(rf"{REFERENCE}|(postgresql|postgres|sqlite)://.+", address, re.DOTALL):
        yield (
            f"{key}.database: is not a valid address. Write postgresql://user:${{PASSWORD}}@host/name, sqlite:///file, or "
            "or ${NAME}, where NAME is an environment variable."
        )
    elif _holds_secret(address):
        yield (
            f"{key}.database: holds a password in plain text, which is not allowed. Write postgresql://"
            "user:${PASSWORD}@host/name, and set the environment variable PASSWORD."
        )


def _holds_secret(address: str) -> bool:
    """Whether an address has a password other than a reference, also if it is URL-encoded (%3A).

    The address is split by hand: a password with # or / would mislead a URL parser.
    """
    return not address.startswith("sqlite:") and any(map(_has_plain_secret, (address, unquote(address))))


def _has_plain_secret(address: str) -> bool:
    _, _, rest = address.partition("://")
    before, _, server = rest.rpartition("@")
    _, colon, password = before.partition(":")
    if colon and not re.fullmatch(REFERENCE, password):
        return True
    if re.search(r":(?!\d+([,/?]|$)|\$\{)", re.sub(r"\[.*?\]", "", re.split("[/?]", server)[0])):
        return True  # it is not a port
    values = re.findall(r"(?i)(?:password|secret)\s*=([^&]*)", address)
    return any(not re.fullmatch(REFERENCE, value) for value in values)


def _check_date_format(form: str) -> str:
    parts = re.findall(r"%(.?)", form)
    if unknown := [part for part in parts if not part or part not in _DIRECTIVES]:
        return f"has the unknown directive %{unknown[0]}; allowed are {' '.join('%' + d for d in _DIRECTIVES)}"
    if not set(parts) & set("yY") or not set(parts) & set("mbBj"):
        return "must contain the year, the month and, except for months, the day"
    return ""
