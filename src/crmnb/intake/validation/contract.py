"""The rules of the contract, declared with the columns, as conditions on a row; and which of them a row breaks.

A row's broken rules are bits of integers, so that all rules run in one pass. A condition that is NULL breaks nothing:
each is written so that it is true of a wrong row, and an unset bit can only mean "not wrong".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from crmnb.intake.staging_table import quote_identifier, quote_literal
from crmnb.intake.validation.daylight_saving import skipped
from crmnb.schema.client import Client
from crmnb.schema.tables import Column, Table

_BITS = 62  # of a BIGINT, one mask's worth
_TYPES = {
    "number": "a number",
    "money": "an amount",
    "integer": "a whole number",
    "flag": "yes or no (true, false, 1, 0)",
    "month": "a month (2025-12) or a date",
}
TIMES = ("time", "month")


@dataclass(frozen=True)
class Rule:
    """A way to be wrong: in words, the column it speaks of, its SQL over `text` and `value` columns of a row, and what to ask for."""

    words: str
    column: str
    condition: str
    ask: str
    is_type: bool = False
    is_empty: bool = False


MALFORMED = Rule(
    "malformed record",
    "",
    "_problem IS NOT NULL",
    "Ask for a new export: these lines are cut short or run over, often by a delimiter, a quote or an end of line inside "
    "a text that is not in quotes.",
)


def columns_of(table: Table, mapped: list[str], client: Client) -> list[Column]:
    """The contract of the mapped columns: the table's own, the survey's items on their scales, attributes as the client types them."""
    items = client.items if table.has_items else {}
    types = client.tables[table.name].types
    return [
        table.by_name.get(name)
        or (
            Column(name, "integer", at_least=items[name].scale[0], at_most=items[name].scale[1])
            if name in items
            else Column(name, types.get(name, "text"))
        )
        for name in mapped
    ]


def rules_of(
    columns: list[Column], table: Table | None, last: datetime | None, end_words: str, form: str | None, zone: str
) -> list[Rule]:
    """Every rule on the columns, the malformed record first and the repeated key last (if the rows have a key).

    `last`, half-open, is the end of the table's time; `end_words` says what that end is; `form` is the source's
    date format, `zone` the client's time zone.
    """
    found, mapped = [MALFORMED], {column.name: column for column in columns}
    for column in columns:
        found += _rules(column, mapped, form, zone)
    if table and table.time in mapped and last:
        found.append(
            Rule(
                f"{table.time} is after {end_words}",
                table.time,
                f"{value(table.time)} >= TIMESTAMP '{last}'",
                "Ask whether these are slips, plans for the future, or an export that was made later than was said.",
            )
        )
    if table and (key := [name for name in table.key if name in mapped]):
        words = f"{' and '.join(key)} repeats that of an earlier row"
        ask = "Ask whether these were exported twice, or whether the column is not what tells one row from another."
        found.append(Rule(words, key[0], "false", ask))
    return found


def _rules(column: Column, mapped: dict[str, Column], form: str | None, zone: str) -> Iterator[Rule]:
    name, given, got = column.name, text(column.name), value(column.name)
    if column.required:
        yield Rule(f"{name} is empty", name, f"{given} IS NULL", f"Ask for the {name} of these rows.", is_empty=True)
    if column.type == "key":
        ask = "Ask for an export that no spreadsheet has been through: it cut these keys short."
        shape = "[0-9]([.,][0-9]+)?[eE][+][0-9]+"
        condition = f"(contains({got}, 'E+') OR contains({got}, 'e+')) AND regexp_full_match({got}, '{shape}')"
        yield Rule(f"{name} was made a rounded number by a spreadsheet", name, condition, ask)
    elif column.type != "text":
        yield _type_rule(column, form)
    if column.type == "time" and (hours := skipped(zone, got)):
        ask = "Ask in which time zone these times were written; by the client's own clock they never were."
        yield Rule(f"{name} is a time that the clock change skipped in {zone}", name, hours, ask)
    if column.one_of:
        allowed = ", ".join(map(quote_literal, column.one_of))
        ask = "Ask what these words mean, and say so under `values`."
        yield Rule(f"{name} is none of {', '.join(column.one_of)}", name, f"{got} NOT IN ({allowed})", ask)
    for bound, sign, words in ((column.at_least, "<", "below"), (column.at_most, ">", "above")):
        if isinstance(bound, str) and bound in mapped:
            words = {"below": "before", "above": "after"}[words] if column.type == "time" else words
            ask = f"Ask which of the two is right, {name} or {bound}."
            yield Rule(f"{name} is {words} {bound}", name, f"{got} {sign} {value(bound)}", ask)
        elif isinstance(bound, int | float):
            ask = f"Ask whether these are slips, or whether {name} is measured otherwise than was said."
            yield Rule(f"{name} is {words} {bound:g}", name, f"{got} {sign} {bound}", ask)


def _type_rule(column: Column, form: str | None) -> Rule:
    name, given, got = column.name, text(column.name), value(column.name)
    if column.type in TIMES:
        form_words = f"a time written {form}" if form else "a date or time"
        words = f"{name} is not {_TYPES.get(column.type, form_words)}"
        ask = "Ask for these dates written as the others are, and that they be days that exist."
    else:
        words = f"{name} is not {_TYPES[column.type]}"
        ask = "Ask what stands there and why; if it means that nothing is known, name it under `missing`."
    return Rule(words, name, f"{given} IS NOT NULL AND {got} IS NULL", ask, is_type=True)


def text(name: str) -> str:
    """The SQL name of a column's cleaned text."""
    return quote_identifier(f"text {name}")


def value(name: str) -> str:
    """The SQL name of a column's typed value."""
    return quote_identifier(f"value {name}")


def masks(rules: list[Rule]) -> list[str]:
    """The SQL of each mask: which rules a row breaks. A malformed record breaks that rule and is judged no further.

    Bits are put together only of a row that breaks some rule, which few do: it saves a tenth of the time.
    """
    found = []
    for first in range(0, len(rules), _BITS):
        judged = [(1 << number, rule.condition) for number, rule in enumerate(rules[first : first + _BITS])]
        malformed, judged = (judged[0][0], judged[1:]) if first == 0 else (0, judged)
        bits = " | ".join(f"CASE WHEN {condition} THEN {bit}::BIGINT ELSE 0 END" for bit, condition in judged) or "0"
        wrong = " OR ".join(f"({condition})" for _, condition in judged) or "false"
        found.append(f"CASE WHEN _problem IS NOT NULL THEN {malformed}::BIGINT WHEN {wrong} THEN {bits} ELSE 0 END")
    return found


def mask_names(rules: list[Rule]) -> list[str]:
    """The names of the columns that hold the masks."""
    return [f"_mask{number}" for number in range(-(-len(rules) // _BITS))]


def mark(number: int) -> tuple[str, int]:
    """The mask's column and the bit that mark the rule of that number."""
    return f"_mask{number // _BITS}", 1 << number % _BITS


def breaks(number: int) -> str:
    """The SQL that is true of a row that breaks the rule of that number."""
    mask, bit = mark(number)
    return f"({mask} & {bit}) <> 0"


def broken(rules: list[Rule], mask_values: tuple[int, ...]) -> list[int]:
    """The numbers of the rules that a row with these masks breaks."""
    return [number for number in range(len(rules)) if mask_values[number // _BITS] >> number % _BITS & 1]
