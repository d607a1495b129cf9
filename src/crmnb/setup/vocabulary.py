"""The names and words of `words.yml`, and how near a header is to the name of a column."""

from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from crmnb.schema.tables import TABLES
from crmnb.setup.values import normalised


@cache
def _words() -> dict[str, Any]:
    return yaml.safe_load((files("crmnb.setup") / "words.yml").read_text(encoding="utf-8"))


@cache
def names_of(table: str, column: str) -> tuple[str, ...]:
    """The names by which a column of a table is recognised, its own first."""
    known = _words()["columns"].get(table, {}).get(column, [])
    flat = [name for entry in known for name in (entry if isinstance(entry, list) else [entry])]
    return tuple(dict.fromkeys([normalised(column), *flat, *_usual_names(column)]))


def _usual_names(column: str) -> list[str]:
    """How a time, or a key, is usually called beside its own name."""
    base = normalised(column.removesuffix("_at").removesuffix("_id"))
    if column.endswith("_at"):
        return [base, f"{base} date", f"date {base}", f"{base} on", f"{base} time"]
    if column.endswith("_id"):
        return [base, f"{base} no", f"{base} number", f"{base} nr", f"{base} key"]
    return []


@cache
def codes_of(table: str, column: str) -> dict[str, str]:
    """The words of a column's values, each with the value that it means; empty for a column without such words."""
    known = _words()["values"].get(f"{table}.{column}", {})
    return {word: value for value, words in known.items() for word in words}


def file_names(table: str) -> tuple[str, ...]:
    """The words in the name of a file by which a table is recognised."""
    return tuple(_words()["tables"].get(table, ()))


def parent_names() -> tuple[str, ...]:
    """The names of a column with the order that a refund belongs to."""
    return tuple(_words()["parents"])


def item_words() -> dict[str, tuple[str, ...]]:
    """The words of a question by which a survey item is recognised."""
    return {item: tuple(words) for item, words in _words()["items"].items()}


def answer_scales() -> tuple[tuple[str, ...], ...]:
    """Worded answers, each scale from the best to the worst."""
    return tuple(tuple(map(normalised, scale)) for scale in _words()["answers"])


@cache
def is_personal_name(header: str) -> bool:
    """Whether a header names personal data, such as a name or an address."""
    return normalised(header) in _words()["personal"]


@cache
def likeness(header: str, names: tuple[str, ...]) -> tuple[float, str]:
    """How near a header is to one of the names, from 0 to 1, and to which: equal, containing it, or spelled nearly the same."""
    text = normalised(header)
    tokens = set(text.split())
    best = (0.0, "")
    for place, name in enumerate(names):
        words = set(name.split())
        if text == name:
            score = 1.0 - 0.005 * min(place, 10)  # of two equal names the more usual one
        elif words == tokens:
            score = 0.95
        elif len(words) > 1 and words < tokens:
            score = 0.6 + 0.25 * len(words) / len(tokens)
        elif len(words) == 1 and words < tokens and len(name) > 3:
            score = 0.35 + 0.2 * len(words) / len(tokens)
        elif len(text) > 4 and SequenceMatcher(None, text, name).ratio() >= 0.88:
            score = 0.75
        else:
            continue
        best = max(best, (score, name))
    return best


def tables_to_map() -> tuple[str, ...]:
    """The tables that a client may map."""
    return tuple(name for name, table in TABLES.items() if not table.by_import)
