"""The reader of JSON: an object per line, or one list of objects; all values are read as text, and all keys are columns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from crmnb.core.errors import InputError
from crmnb.intake.readers.delimited import convert_to_utf8, invalid_utf8_error
from crmnb.intake.readers.records import MOST_COLUMNS, Part, Record, make_unique_names, spool_records
from crmnb.intake.sources.files import SourceFile
from crmnb.schema.client import Source


class _Number(str):
    """The text of a number, unchanged."""

    __slots__ = ()


def read_json_lines(
    file: SourceFile, source: Source, space: Path, location: str, required_headers: frozenset[str]
) -> list[Part]:
    """A file of JSON lines as a part. `space` is the beginning of the paths of copies.

    Raises InputError for unreadable files. `required_headers` is not used: a key that a line lacks is an empty value.
    """
    location = f"{location} ({file.name})"
    path = convert_to_utf8(file, source.encoding, space.with_suffix(".txt"), location)
    keys: dict[str, int] = {}
    try:
        load = spool_records(_records(path, source.decimal, keys, location), space.with_suffix(".records"), location)
    except UnicodeDecodeError:
        raise invalid_utf8_error(path, location) from None
    if not keys:
        raise InputError(f"{location} {_describe_no_objects(path)}")
    names, duplicates = make_unique_names(list(keys), location)
    return [Part(file.name, names, duplicates, load)]


def _describe_no_objects(path: Path) -> str:
    """What a file is in which no line is an object with keys."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        is_object = text.lstrip().startswith("{") and bool(_parse(text))
    except (ValueError, RecursionError):
        is_object = False
    if is_object:
        return (
            "is a single object over several lines. Give a list of objects, [{...}, {...}], or an object on each line."
        )
    return 'is empty: no line is an object with keys, such as {"id": 1}.'


def _records(path: Path, decimal: str, keys: dict[str, int], location: str) -> Iterator[Record]:
    """The lines as records, without blank lines. `keys` collects all keys with their places."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(_lines(file, location), 1):
            if not line.strip():
                continue
            try:
                values = _parse_object(line)
            except (ValueError, RecursionError) as error:
                yield Record(number, [], f"malformed record: {_describe_fault(error)}", line.rstrip("\r\n"))
                continue
            fields: list[str | None] = [None] * len(keys)
            for key, value in values.items():
                place = keys.setdefault(key, len(keys))
                fields += [None] * (place + 1 - len(fields))
                fields[place] = _to_text(value, decimal)
            if len(keys) > MOST_COLUMNS:
                raise InputError(
                    f"{location}: the objects have more than {MOST_COLUMNS:,} different keys; keys must be column names."
                )
            yield Record(number, fields)


def _lines(file: TextIO, location: str) -> Iterator[str]:
    """The lines of a file, or, where it is one list, its objects, each as a line: a list is read as a whole."""
    first = next((line for line in file if line.strip()), "")
    if not first.lstrip().startswith("["):
        file.seek(0)
        yield from file
        return
    file.seek(0)
    try:
        objects = _parse(file.read())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location} is a JSON list that cannot be read: {_describe_fault(error)}.") from None
    yield from map(_to_json, objects)


def _parse_object(line: str) -> dict[str, Any]:
    """The object of a line. Raises ValueError for anything else."""
    values = _parse(line)
    if not isinstance(values, dict):
        raise ValueError("the line is not an object in braces")
    return values


def _parse(text: str) -> Any:
    """The value of a JSON text, with numbers as they are written. Raises ValueError."""
    if "\\ud" in text or "\\uD" in text:
        json.dumps(json.loads(text), ensure_ascii=False).encode()  # fails for half of a character
    return json.loads(
        text,
        parse_float=_Number,
        parse_int=_Number,
        parse_constant=_reject_constant,
        object_pairs_hook=_check_unique_keys,
    )


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _check_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key occurs twice")
    return values


def _describe_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (character {error.colno})"
    if isinstance(error, UnicodeError):
        return "it holds half of a character (a lone surrogate)"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _to_text(value: Any, decimal: str) -> str | None:
    """The text of a value: of a number its digits with the declared decimal mark; of a list or an object its JSON."""
    match value:
        case _Number():
            return value.replace(".", decimal)
        case str() | None:
            return value
        case _:
            return _to_json(value)


def _to_json(value: Any) -> str:
    match value:
        case _Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{_to_json(key)}: {_to_json(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_to_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
