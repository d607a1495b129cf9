"""The words of notes: templates filled in a client's locale.

A template's field may carry a format: `n` a number of things (of a small count: "fewer than 10"), `%` and `%1` a share in per cent
with no or one decimal, `day` and `period` a date and a period by their labels, `g` three significant digits, `2` two decimals,
`p` a p-value, `name` a name of the parameters file as words. Several values are listed ("a, b and c"). A note inside a note is
rendered in its place.
"""

from collections.abc import Callable
from datetime import date
from string import Formatter
from typing import Any

from crmnb.core.notes import Count, Note
from crmnb.report.text.numbers import day, number, period_name, quantity, whole_number
from crmnb.schema.client import Client

Values = dict[str, Any]
Renderer = Callable[["Words", Values], str]


class Words(Formatter):
    """Fills templates in a client's locale."""

    def __init__(self, client: Client, render: Callable[[Note, Client], str]):
        self.client, self._render = client, render

    def fill(self, template: str, **values: Any) -> str:
        """The template with its fields filled."""
        return self.vformat(template, (), values)

    def sentence(self, note: Note) -> str:
        """Another note in words."""
        return self._render(note, self.client)

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value in words."""
        if isinstance(value, tuple):
            return listed([self.format_field(part, format_spec) for part in value])
        if isinstance(value, Note):
            return self.sentence(value)
        if isinstance(value, Count):
            words = whole_number(value.number, self.client)
            return f"fewer than {words}" if value.is_bound else words
        return _FORMATS[format_spec](value, self.client)


def _percent(share: float, decimals: int, client: Client) -> str:
    return quantity(100 * share, "%", decimals, client)


def _three_digits(value: float, client: Client) -> str:
    """A number with three significant digits at most."""
    decimals = next((places for places in range(6) if float(f"{value:.3g}") == round(value, places)), 6)
    return number(float(f"{value:.3g}"), decimals, client)


def _p_value(value: float, client: Client) -> str:
    """A p-value with two significant digits: `p = 0.04`, `p < 0.001`."""
    if value < _SMALLEST_P:
        return f"p < {number(_SMALLEST_P, 3, client)}"
    return f"p = {number(value, len(f'{value:.2g}'.partition('.')[2]), client)}"


_SMALLEST_P = 0.001
_FORMATS: dict[str, Callable[[Any, Client], str]] = {
    "": lambda value, client: str(value),
    "n": whole_number,
    "%": lambda value, client: _percent(value, 0, client),
    "%1": lambda value, client: _percent(value, 1, client),
    "%g": lambda value, client: quantity(100 * value, "%", 0 if round(100 * value, 6).is_integer() else 1, client),
    "2": lambda value, client: number(value, 2, client),
    "g": _three_digits,
    "day": lambda value, client: day(date.fromisoformat(value), client),
    "period": period_name,
    "p": lambda value, client: _p_value(value, client),
    "name": lambda value, client: value.replace("_", " "),
}


def listed(words: list[str]) -> str:
    """The words in a row: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
