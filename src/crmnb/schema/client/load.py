"""From a client's name to the Client: finding the parameters file, reading it, saying all that is wrong with it."""

import re
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from crmnb.core.errors import InputError, nearest
from crmnb.schema.client.models import CURRENCY, NAME, SEGMENT_COLUMN, Client
from crmnb.schema.client.safe_yaml import read_yaml
from crmnb.schema.client.validation import problems

_PATTERNS = {
    NAME: "use small letters, digits and _, beginning with a letter",
    CURRENCY: "use the three capital letters of a currency, such as GBP",
    SEGMENT_COLUMN: "write table.column, such as customers.region",
}
_FORMS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "date": "a date such as 2025-12-31",
    "string": "text (put it in quotes)",
    "tuple": "a list such as [a, b]",
    "dict": "keys and values, each on a line of its own",
    "model": "keys and values, each on a line of its own",
}


def known_clients(folder: Path) -> list[str]:
    """The names of the clients that have a parameters file in the folder."""
    return sorted(file.stem for file in Path(folder).glob("*.yml") if re.fullmatch(NAME, file.stem))


def load_client(name_or_path: str | Path, folder: Path) -> Client:
    """The client of that name, from `<folder>/<name>.yml`; or from the file that a Path names.

    Raises InputError that lists everything wrong with the file. A name is checked before any path is made of it, so
    that `../../x` reaches nothing.
    """
    if isinstance(name_or_path, Path):
        path = name_or_path
        name = path.stem
    else:
        name = name_or_path
        path = Path(folder) / f"{_checked(name)}.yml"
    _checked(name)
    if not path.is_file():
        raise InputError(f"There is no client {name!r}: {path} is missing.{nearest(name, known_clients(path.parent))}")
    data = read_yaml(path)
    found = [f"{key}: is not a key of the file; the file's name says it." for key in ("id", "folder") if key in data]
    try:
        client = Client.model_validate({**data, "id": name, "folder": path.parent})
    except ValidationError as wrong:
        found += [_words(error) for error in wrong.errors(include_url=False)]
    else:
        found += problems(client)
    if found:
        raise InputError("\n".join([f"{path}:", *(f"- {text}" for text in found)]))
    return client


def _checked(name: str) -> str:
    if not re.fullmatch(NAME, str(name)):
        raise InputError(f"client {str(name)[:80]!r} is not a name: {_PATTERNS[NAME]} (the file's name without .yml).")
    return name


def _words(error: dict[str, Any]) -> str:
    """One of pydantic's errors in words: the key's path, the value, what is allowed, the nearest match."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = [part for part in error["loc"] if part != "[key]"]
    where = ".".join(_key(part, path) for part in path)
    # What stands in the place of a source's keys may be a connection with its password.
    is_hidden = "database" in path or (path[:1] == ["sources"] and kind.endswith("_type"))
    shown = "the value (not shown)" if is_hidden else _shown(_key(value, path) if isinstance(value, str) else value)
    if kind == "missing":
        return f"{where}: is missing, and must be given."
    if kind == "extra_forbidden":
        key = _key(path[-1], path)
        return f"{where}: {key!r} is not a known key.{nearest(key, _keys_at(path[:-1]))}"
    if kind == "string_pattern_mismatch":
        return f"{where}: {shown} does not fit; {_PATTERNS[context['pattern']]}."
    if kind == "literal_error":
        allowed = re.findall("'([^']*)'", context["expected"])
        return f"{where}: {shown} is not allowed.{nearest(str(value), allowed)}"
    if kind.startswith(("greater_than", "less_than")):
        word, bound = next(iter(context.items()))
        sign = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}[word]
        is_date = isinstance(bound, date | str)
        said = bound if is_date else f"{bound:,.10g}" if abs(bound) < 1e10 else f"{bound:g}"
        return f"{where}: {shown} is out of range; it must be {sign} {said}."
    if kind == "too_long":
        return f"{where}: {context['actual_length']} values are too many; at most {context['max_length']} are allowed."
    if kind in ("string_too_long", "string_too_short"):
        return f"{where}: {shown} is not one character."
    for start, form in _FORMS.items():
        if kind.startswith(start):
            return f"{where}: {shown} is not {form}."
    text = error["msg"].removeprefix("Value error, ").replace("Input should", "it must")
    return f"{where}: {shown}: {text}."


def _key(key: Any, path: list[Any]) -> str:
    """A key or a text at a place in the file; what may be a connection with its password is not shown."""
    text = str(key)
    is_hidden = "://" in text or (path[:1] == ["sources"] and re.search("[=@]", text))
    return "(not shown)" if is_hidden else text


def _shown(value: Any) -> str:
    """A value as a message shows it; an address may hold a password, so it is not shown."""
    text = "nothing" if value is None else repr(value)
    if "://" in text:
        return "the address there"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys_at(path: list[Any]) -> list[str]:
    """The keys that the model at this place in the file knows; none where no model lies there."""
    kind: Any = Client
    for part in path:
        kind = kind.model_fields[part].annotation if _is_model(kind) else get_args(kind)[-1]
        if get_origin(kind) is not dict:  # a model, or a model that may be left out (Churn | None)
            kind = next((one for one in get_args(kind) if _is_model(one)), kind)
    fields = kind.model_fields if _is_model(kind) else ()
    return [name for name in fields if not (kind is Client and name in ("id", "folder"))]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
