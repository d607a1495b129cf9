"""What a source in a parameters file must hold beyond each key's own form."""

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import unquote

from crmnb.core.errors import nearest
from crmnb.schema.client.models import REFERENCE, Source
from crmnb.schema.tables import ENGINE_TYPES

ENDINGS = {  # of files, and the format that they mean
    **dict.fromkeys((".csv", ".txt", ".tsv"), "csv"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), "excel"),
    **dict.fromkeys((".jsonl", ".ndjson"), "json"),
    ".parquet": "parquet",
}
_DIRECTIVES = "aAbBdfHIjmMpSyYz%"
_NOT_FOR = {  # options that a format has no use for: then they say something else than is meant
    "database": ("format", "sheets", "header", "delimiter", "encoding", "decimal", "thousands", "signs"),
    "parquet": ("sheets", "header", "delimiter", "encoding", "table", "select"),
    "excel": ("delimiter", "encoding", "table", "select"),
    "json": ("sheets", "header", "delimiter", "table", "select"),
    "csv": ("sheets", "table", "select"),
}
_KINDS = {
    "database": "a database",
    "parquet": "Parquet",
    "excel": "a workbook",
    "json": "JSON lines",
    "csv": "delimited text",
}


def source_problems(where: str, source: Source) -> Iterator[str]:
    """All that does not fit together in a source, in words that begin with the key; a secret is never part of them."""
    if (source.file is None) == (source.database is None):
        yield f"{where}: give either a `file` or a `database`."
    elif source.database is not None:
        yield from _database(where, source)
    else:
        yield from _file(where, source)
    for column, type_ in source.columns.items():
        if type_ not in ENGINE_TYPES:
            yield f"{where}.columns.{column}: {type_!r} is not a type.{nearest(type_, ENGINE_TYPES)}"
    if source.date_format not in (None, "excel") and (wrong := _date_format(source.date_format)):
        yield f"{where}.date_format: {source.date_format!r} {wrong}, such as '%d/%m/%Y %H:%M'."


def _unusable(where: str, source: Source, format_: str) -> Iterator[str]:
    for option in _NOT_FOR.get(format_, ("table", "select")):
        if option in source.model_fields_set:
            yield f"{where}.{option}: does not apply to {_KINDS.get(format_, 'a file')}; leave it out."


def _file(where: str, source: Source) -> Iterator[str]:
    if "://" in source.file:  # may hold a password: not shown
        yield f"{where}.file: is an address, not a file; a database goes under `database`."
        return
    yield from _unusable(where, source, _format(source))
    if source.decimal == source.thousands:
        yield f"{where}.thousands: {source.thousands!r} is the decimal mark already."
    if source.delimiter in '"\r\n':
        yield f"{where}.delimiter: {source.delimiter!r} cannot separate columns."
    for sign in source.signs:
        if set(sign) <= set("0123456789+-., "):
            yield f"{where}.signs: {sign!r} can be a part of a number; give what stands beside it, such as EUR or %."
    if repeated := [sheet for sheet in source.sheets if source.sheets.count(sheet) > 1]:
        yield f"{where}.sheets: {repeated[0]!r} is given twice."
    if "*" in source.sheets and len(source.sheets) > 1:
        yield f'{where}.sheets: "*" means all sheets; leave out the others.'
    try:
        if not codecs.lookup(source.encoding)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError):
        yield f"{where}.encoding: {source.encoding!r} is not an encoding; use utf-8, cp1252, latin-1, utf-16 ..."


def _format(source: Source) -> str:
    """The format of a source's files as far as its name says it; of several by a pattern without an ending, none."""
    return source.format or ENDINGS.get(PurePath(source.file.lower().removesuffix(".gz")).suffix, "")


def _database(where: str, source: Source) -> Iterator[str]:
    """What is wrong with a database's keys. Nothing of the address is shown: it may hold a password."""
    yield from _unusable(where, source, "database")
    if (source.table is None) == (source.select is None):
        yield f"{where}: a database needs either `table`, the name of one, or `select`, a query."
    if (source.table is not None and not all(source.table.split(".")[:3])) or (source.table or "").count(".") > 1:
        yield f"{where}.table: {source.table!r} is not the name of a table, or schema.table."
    if source.select is not None and not source.select.strip("; \n"):
        yield f"{where}.select: is empty."
    address = source.database
    if not re.fullmatch(rf"{REFERENCE}|(postgresql|postgres|sqlite)://.+", address, re.DOTALL):
        yield (
            f"{where}.database: is not an address such as postgresql://user:${{PASSWORD}}@host/name, sqlite:///file, or "
            "${NAME}, where NAME is a variable of the environment."
        )
    elif _holds_secret(address):
        yield (
            f"{where}.database: holds a password in plain text, which this file must not; write postgresql://"
            "user:${PASSWORD}@host/name, and set the variable PASSWORD in the environment."
        )


def _holds_secret(address: str) -> bool:
    """Whether an address has anything but a reference where a password stands, also where signs are written as %3A.

    Taken apart by hand: a password with a # or a / would mislead a parser of addresses, which is what is to be found.
    """
    return not address.startswith("sqlite:") and any(map(_shows_secret, (address, unquote(address))))


def _shows_secret(address: str) -> bool:
    _, _, rest = address.partition("://")
    before, _, server = rest.rpartition("@")
    _, colon, password = before.partition(":")
    if colon and not re.fullmatch(REFERENCE, password):
        return True
    if re.search(r":(?!\d+([,/?]|$)|\$\{)", re.sub(r"\[.*?\]", "", re.split("[/?]", server)[0])):
        return True  # what stands there is no port
    values = re.findall(r"(?i)(?:password|secret)\s*=([^&]*)", address)
    return any(not re.fullmatch(REFERENCE, value) for value in values)


def _date_format(form: str) -> str:
    parts = re.findall(r"%(.?)", form)
    if unknown := [part for part in parts if not part or part not in _DIRECTIVES]:
        return f"holds %{unknown[0]}, which is not known; allowed are {' '.join('%' + d for d in _DIRECTIVES)}"
    year, month, day = set(parts) & set("yY"), set(parts) & set("mbB"), "d" in parts
    if not (year and ((month and day) or "j" in parts)):
        return "must say where the year, the month and the day are"
    return ""
