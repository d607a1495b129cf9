"""Loading a client: the parameters file is located, read and validated, and all its faults are reported together."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from crmnb.core.errors import InputError, nearest
from crmnb.core.paths import HANDBOOK, NAME, is_client_name
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.mapping import UNION_TAGS
from crmnb.schema.client.models.values import CLOCK_TIME, CURRENCY, HOLIDAYS, LANGUAGE, SEGMENT_COLUMN
from crmnb.schema.client.safe_yaml import Place, read_yaml
from crmnb.schema.client.validation import find_problems

_PATTERNS = {
    NAME: "use small letters, digits and _, starting with a letter",
    CURRENCY: "use the three capital letters of a currency, such as GBP",
    LANGUAGE: "use the two small letters of a language, such as en",
    CLOCK_TIME: "write a time of the day, such as 09:00",
    HOLIDAYS: "write a country or a part of one, such as GB or GB-ENG",
    SEGMENT_COLUMN: "write table.column, such as customers.region",
}
_FORMS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a date such as 2025-12-31",
    "string": "text (put it in quotes)",
    "tuple": "a list such as [a, b]",
    "dict": "keys and values, one per line",
    "model": "keys and values, one per line",
}
_NO_KEYS = ("[key]", *UNION_TAGS)  # parts of the place of an error that the file does not have
_MOST_ROUNDS = 10  # of leaving out what has a fault: each finds faults that the ones before it hid
_PLACEHOLDERS = {"name": "-", "currency": "XXX"}  # with which the rest can be checked
# How deep the sections lie to which others refer: without one of their entries, every reference to it would be a fault.
_SECTION_DEPTH = {"sources": 2, "tables": 2, "items": 2}


def known_clients(folder: Path) -> list[str]:
    """The names of the clients that have a parameters file in the folder."""
    return sorted(file.stem for file in Path(folder).glob("*.yml") if is_client_name(file.stem))


def load_client(name_or_path: str | Path, folder: Path) -> Client:
    """The client with that name, from `<folder>/<name>.yml`, or from the file of a Path.

    Raises InputError with all faults of the file. A name is checked before it becomes a path, so `../../x` is refused.
    """
    if isinstance(name_or_path, Path):
        path = name_or_path
        name = path.stem
    else:
        name = name_or_path
        path = Path(folder) / f"{_check_name(name)}.yml"
    _check_name(name)
    if not path.is_file():
        raise InputError(
            f"The client {name!r} does not exist: the file {path} is missing.{nearest(name, known_clients(path.parent))}"
        )
    data, lines = read_yaml(path)
    messages = [
        f"{key}: is not allowed in the file; it follows from the file's name."
        for key in ("id", "folder")
        if key in data
    ]
    client, faults = _validate({**data, "id": name, "folder": path.parent})
    if messages or faults:
        raise InputError("\n".join([f"{path}:", *_number_lines([*messages, *faults], lines)]))
    return client


def _validate(data: dict[str, Any]) -> tuple[Client | None, list[str]]:
    """The client, and all faults. What has a fault of its own is left out, so that the faults of the rest are known at once."""
    messages: list[str] = []
    places: list[Place] = []
    for _ in range(_MOST_ROUNDS):
        try:
            client = Client.model_validate(data)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            messages += [text for error in errors if not _follows(text := _describe_error(error), places)]
            faulty = [tuple(part for part in error["loc"] if part not in _NO_KEYS) for error in errors]
            if any(len(place) <= _SECTION_DEPTH.get(place[0], 0) or not _leave_out(data, place) for place in faulty):
                return None, messages
            places += [tuple(map(str, place)) for place in faulty]
        else:
            return client, messages + [text for text in find_problems(client) if not _follows(text, places)]
    return None, messages


def _leave_out(data: Any, place: tuple) -> bool:
    """Remove the value at a place, or what lacks it, in the containers themselves; whether that was possible."""
    if len(place) == 1 and place[0] not in data:
        return data.setdefault(place[0], _PLACEHOLDERS.get(place[0])) is not None
    for part in place[:-1]:
        if not isinstance(data, dict | list) or (isinstance(data, dict) and part not in data):
            return False
        data, above = data[part], data
    if isinstance(data, dict) and place[-1] in data:
        del data[place[-1]]
    elif len(place) > 1 and isinstance(above, dict):
        above.pop(place[-2], None)
    return len(place) == 1 or isinstance(data, dict) or isinstance(above, dict)


def _follows(message: str, places: list[Place]) -> bool:
    """Whether a message is about something that contains a removed value, and so may follow from its absence."""
    return any(_is_key(".".join(place[:depth]), message) for place in places for depth in range(1, len(place) + 1))


def _is_key(key: str, message: str) -> bool:
    return message.startswith((f"{key}:", f"{key} "))


def _number_lines(messages: list[str], lines: dict[Place, int]) -> list[str]:
    """The messages in the order of the file, each with the line of the key with which it begins, if the file has it."""
    keys = sorted(((".".join(place), line) for place, line in lines.items()), key=lambda key: -len(key[0]))
    numbered = []
    for message in messages:
        line = next((line for key, line in keys if _is_key(key, message) or message.startswith(f"{key}.")), 0)
        numbered.append((line, f"- line {line}, {message}" if line else f"- {message}"))
    return [text for _, text in sorted(numbered, key=lambda item: item[0])]


def _check_name(name: str) -> str:
    if name == HANDBOOK:
        raise InputError("a client cannot be named handbook, as outputs/handbook/ is the handbook. Rename its file.")
    if not is_client_name(str(name)):
        raise InputError(
            f"client {str(name)[:80]!r} is not a valid name: {_PATTERNS[NAME]} (the file's name without .yml)."
        )
    return name


def _describe_error(error: dict[str, Any]) -> str:
    """The message for an error of pydantic: the key, the value, what is allowed, and the nearest match."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = [part for part in error["loc"] if part not in _NO_KEYS]
    path_text = ".".join(_show_key(part, path) for part in path)
    # A value in the place of a source's keys may be an address with a password.
    is_hidden = "database" in path or (path[:1] == ["sources"] and kind.endswith("_type"))
    shown = (
        "the value (not shown)"
        if is_hidden
        else _show_value(_show_key(value, path) if isinstance(value, str) else value)
    )
    if kind == "missing":
        return f"{path_text}: is required."
    if kind == "extra_forbidden":
        key = _show_key(path[-1], path)
        return f"{path_text}: {key!r} is not a known key.{nearest(key, _list_keys(path[:-1]))}"
    if kind == "string_pattern_mismatch":
        return f"{path_text}: {shown} is not valid; {_PATTERNS[context['pattern']]}."
    if kind == "literal_error":
        allowed = re.findall("'([^']*)'", context["expected"])
        return f"{path_text}: {shown} is not allowed.{nearest(str(value), allowed)}"
    if kind.startswith(("greater_than", "less_than")):
        word, bound = next(iter(context.items()))
        sign = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}[word]
        is_date = isinstance(bound, date | str)
        limit = bound if is_date else f"{bound:,.10g}" if abs(bound) < 1e10 else f"{bound:g}"
        return f"{path_text}: {shown} is out of range; it must be {sign} {limit}."
    if kind == "too_long":
        return f"{path_text}: {context['actual_length']} values; at most {context['max_length']} are allowed."
    if kind in ("string_too_long", "string_too_short"):
        return f"{path_text}: {shown} must be a single character."
    if value is None and kind.startswith("string"):
        return f"{path_text}: is empty. A # after a blank begins a comment: put a text with a # in quotes."
    for start, form in _FORMS.items():
        if kind.startswith(start):
            return f"{path_text}: {shown} is not {form}."
    text = error["msg"].removeprefix("Value error, ").replace("Input should", "it must")
    return f"{path_text}: {shown}: {text}."


def _show_key(key: Any, path: list[Any]) -> str:
    """A key or a text of the file; a possible address with a password is not shown."""
    text = str(key)
    is_hidden = "://" in text or (path[:1] == ["sources"] and re.search("[=@]", text))
    return "(not shown)" if is_hidden else text


def _show_value(value: Any) -> str:
    """A value for a message; an address is not shown, because it may hold a password."""
    text = "nothing" if value is None else repr(value)
    if "://" in text:
        return "the address (not shown)"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _list_keys(path: list[Any]) -> list[str]:
    """The keys that are allowed at this place in the file; none if it has no fixed keys."""
    kind: Any = Client
    for part in path:
        kind = kind.model_fields[part].annotation if _is_model(kind) else get_args(kind)[-1]
        if get_origin(kind) is not dict:  # a model, an optional one (Churn | None), or one of several forms
            kind = next(filter(_is_model, _types_in(kind)), kind)
    fields = kind.model_fields if _is_model(kind) else {}
    names = [field.alias or name for name, field in fields.items()]
    return [name for name in names if not (kind is Client and name in ("id", "folder"))]


def _types_in(kind: Any) -> Iterator[Any]:
    """A type and those that it is made of."""
    yield kind
    for part in get_args(kind):
        yield from _types_in(part)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
