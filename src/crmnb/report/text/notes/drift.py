"""The sentences of drift: how a client's data differ from those of the previous import."""

from datetime import datetime

from crmnb.core.bidi import strip_controls
from crmnb.report.html import printable
from crmnb.report.text.notes.words import Renderer, Values, Words
from crmnb.report.text.numbers import day, number

_MOST_LEVELS = 5
_LONGEST_LEVEL = 40
_KINDS = {"VARCHAR": "text", "TIMESTAMP": "times", "BOOLEAN": "yes or no", "BIGINT": "whole numbers"}


def _row_count(words: Words, values: Values) -> str:
    if "days" not in values:
        return words.fill("{name} has {rows:n} rows, before {before:n}.", **values)
    text = "{name} has {rows:n} rows for {days:n} days, before {before:n} for {days_before:n}."
    return words.fill(text, **values)


def _range(words: Words, values: Values) -> str:
    names = ("minimum", "maximum", "minimum_before", "maximum_before")
    low, high, low_before, high_before = (_bound(words, values[name], values["type"]) for name in names)
    return f"{values['name']} goes from {low} to {high}, before from {low_before} to {high_before}."


def _bound(words: Words, text: str, type_: str) -> str:
    if _kind(type_) == "times":
        return _day(words, text)
    return number(float(text), 0 if float(text).is_integer() else 2, words.client)


def _day(words: Words, text: str) -> str:
    return day(datetime.fromisoformat(text), words.client)


def _type_change(words: Words, values: Values) -> str:
    return f"{values['name']} contains {_kind(values['type'])}, before {_kind(values['before'])}."


def _kind(type_: str) -> str:
    return _KINDS.get(type_, "amounts" if type_.startswith("DECIMAL") else "numbers")


def _earlier_end(words: Words, values: Values) -> str:
    ends, before = _day(words, values["ends"]), _day(words, values["before"])
    return f"{values['name']} ends on {ends}, before on {before}: is this an older export?"


def _later_start(words: Words, values: Values) -> str:
    begins, before = _day(words, values["begins"]), _day(words, values["before"])
    return f"{values['name']} begins on {begins}, before on {before}: the days between are missing."


def _levels(template: str) -> Renderer:
    """A sentence about the first few categories."""

    def render(words: Words, values: Values) -> str:
        levels = [repr(strip_controls(printable(level, _LONGEST_LEVEL))) for level in values["levels"][:_MOST_LEVELS]]
        more = len(values["levels"]) - _MOST_LEVELS
        names = ", ".join(levels) + (f" and {more} more" if more > 0 else "")
        return words.fill(template, name=values["name"], names=names)

    return render


SENTENCES: dict[str, str | Renderer] = {
    "source_column_added": "The source {source} has a new column '{column}'.",
    "source_column_removed": "The source {source} no longer has the column '{column}'.",
    "table_added": "The table {name} is new.",
    "table_removed": "The table {name} is no longer there.",
    "row_count": _row_count,
    "column_added": "{name} is new.",
    "column_removed": "{name} is no longer there.",
    "column_type": _type_change,
    "missing_values": "{name} is missing in {share:%g} of the rows, before in {before:%g}.",
    "range": _range,
    "ends_earlier": _earlier_end,
    "begins_later": _later_start,
    "many_levels": "{name} contains more than {more_than:n} different values, before {before:n}.",
    "levels_added": _levels("{name} contains new categories: {names}."),
    "levels_removed": _levels("{name} no longer contains these categories: {names}."),
}
