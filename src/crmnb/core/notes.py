"""Notes: what a figure needs beside it (a caveat, a reason, a method), as data: a code and values.

Nothing below `crmnb.report.text` writes a sentence or looks into one. A note is rendered by `crmnb.report.text.notes`.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

DIGITS = 12  # of figures: the last ones differ with the number of threads


@dataclass(frozen=True)
class Count:
    """A number of customers, or of rows that are theirs, in a note.

    Disclosure control replaces a small one by a bound: then `number` is the bound, and the true number is lower.
    """

    number: float
    is_bound: bool = False


@dataclass(frozen=True, init=False, repr=False)
class Note:
    """A code, and the values that its sentence holds: texts, numbers, `Count`s, other notes, and tuples of these.

    Numbers are in plain units (a share is 0 to 1), days are ISO texts, periods are labels. Hashable; JSON by `to_json`.
    """

    code: str
    items: tuple[tuple[str, Any], ...]

    def __init__(self, code: str, /, **values: Any):
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "items", tuple((name, _plain(value)) for name, value in values.items()))

    @property
    def values(self) -> dict[str, Any]:
        """The values by name."""
        return dict(self.items)

    def to_json(self) -> str:
        """The note as JSON text, which frames and files hold; `from_json` restores it."""
        return json.dumps(_encoded(self), ensure_ascii=False)

    def __repr__(self) -> str:
        return f"{self.code}({', '.join(f'{name}={value!r}' for name, value in self.items)})"

    __str__ = __repr__  # of an error that carries a note; pages render notes


@lru_cache(maxsize=4096)
def from_json(text: str) -> Note:
    """The note of a JSON text. Raises ValueError where it holds none."""
    note = _decoded(json.loads(text))
    if not isinstance(note, Note):
        raise ValueError(f"not a note: {text}")
    return note


def significant(figure: float) -> float:
    """A figure to so many significant digits (`DIGITS`): sums of floats differ in the last ones with the number of threads."""
    return float(f"{figure:.{DIGITS}g}")


def _plain(value: Any) -> Any:
    """The value as one of the types that a note may hold. Raises TypeError for any other."""
    if value is None or isinstance(value, str | bool | Note):
        return value
    if isinstance(value, Count):
        return Count(significant(value.number), value.is_bound)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return significant(value)
    if isinstance(value, tuple | list):
        return tuple(_plain(part) for part in value)
    raise TypeError(f"a note cannot hold {value!r}")


def _encoded(value: Any) -> Any:
    if isinstance(value, Note):
        return {"note": value.code} | {name: _encoded(part) for name, part in value.items}
    if isinstance(value, Count):
        return {"below" if value.is_bound else "count": value.number}
    return [_encoded(part) for part in value] if isinstance(value, tuple) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(part) for part in value)
    if not isinstance(value, dict):
        return value
    if "note" in value:
        return Note(value["note"], **{name: _decoded(part) for name, part in value.items() if name != "note"})
    return Count(value["below"], is_bound=True) if "below" in value else Count(value["count"])
