"""Reading JSON lines: an object a line, all of it as text; its columns are the keys of all objects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crmnb.core.errors import InputError
from crmnb.intake.readers.delimited import not_utf8, plain
from crmnb.intake.readers.records import MOST_COLUMNS, Part, Record, spooled, unique_names
from crmnb.intake.sources.files import File
from crmnb.schema.client import Source


class _Number(str):
    """The raw text of a number, so that it stays what was written."""

    __slots__ = ()


def read_json_lines(file: File, source: Source, space: Path, where: str, wanted: frozenset[str]) -> list[Part]:
    """A file of JSON lines as a part; `space` is the path that copies of it may begin with.

    Raises InputError for what cannot be read. A key that a line lacks is empty there, so `wanted` says nothing.
    """
    where = f"{where} ({file.name})"
    path = plain(file, source.encoding, space.with_suffix(".txt"), where)
    keys: dict[str, int] = {}
    try:
        load = spooled(_records(path, source.decimal, keys, where), space.with_suffix(".records"), where)
    except UnicodeDecodeError:
        raise not_utf8(path, where) from None
    if not keys:
        raise InputError(f'{where} is empty: no line of it is an object with keys, such as {{"id": 1}}.')
    names, repeated = unique_names(list(keys), where)
    return [Part(file.name, names, repeated, load)]


def _records(path: Path, decimal: str, keys: dict[str, int], where: str) -> Iterator[Record]:
    """The lines as records, blank ones left out; a key gets its place among `keys` when it first occurs."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            if not keys and line.lstrip().startswith("["):
                raise InputError(
                    f"{where} is a list in JSON; save it as JSON lines: one object a line, without the list."
                )
            try:
                found = _object(line)
            except (ValueError, RecursionError) as wrong:
                yield Record(number, [], f"malformed record: {_words(wrong)}", line.rstrip("\r\n"))
                continue
            fields: list[str | None] = [None] * len(keys)
            for key, value in found.items():
                place = keys.setdefault(key, len(keys))
                fields += [None] * (place + 1 - len(fields))
                fields[place] = _text(value, decimal)
            if len(keys) > MOST_COLUMNS:
                raise InputError(
                    f"{where}: the objects have more than {MOST_COLUMNS:,} keys; a key must be a column's name."
                )
            yield Record(number, fields)


def _object(line: str) -> dict[str, Any]:
    """The object that a line holds. Raises ValueError for anything else."""
    if "\\ud" in line or "\\uD" in line:
        json.dumps(json.loads(line), ensure_ascii=False).encode()  # fails for half of a character, which is no text
    found = json.loads(
        line, parse_float=_Number, parse_int=_Number, parse_constant=_refuse, object_pairs_hook=_without_repetition
    )
    if not isinstance(found, dict):
        raise ValueError("the line is no object in braces")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _words(wrong: Exception) -> str:
    if isinstance(wrong, json.JSONDecodeError):
        return f"not JSON: {wrong.msg} (character {wrong.colno})"
    if isinstance(wrong, UnicodeError):
        return "half of a character (a lone surrogate) stands in it"
    return "nested too deeply" if isinstance(wrong, RecursionError) else str(wrong)


def _text(value: Any, decimal: str) -> str | None:
    """A value's text: of a number what was written, with the declared decimal mark; of a list or an object its JSON."""
    match value:
        case _Number():
            return value.replace(".", decimal)
        case str() | None:
            return value
        case _:
            return _json(value)


def _json(value: Any) -> str:
    match value:
        case _Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_json(key)}: {_json(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
