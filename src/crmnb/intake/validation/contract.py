"""The rules of the contract, declared with the columns, as SQL conditions on a row; and which of them a row violates.

The violated rules of a row are the bits of integers (masks), so that all rules run in one pass. A condition that is NULL
violates nothing: each is written so that it is true of a faulty row, and a bit that is not set can only mean "no fault".
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from crmnb.intake.staging_table import quote_identifier, quote_literal
from crmnb.intake.validation.daylight_saving import skipped_condition
from crmnb.schema.client import Client
from crmnb.schema.tables import Column, Table
from crmnb.schema.tables.columns import in_sql

_BITS = 62  # of a BIGINT: the rules that fit into a mask
_TYPE_NAMES = {
    "number": "a number",
    "money": "an amount",
    "integer": "a whole number",
    "flag": "yes or no (true, false, 1, 0)",
    "month": "a month (2025-12) or a date",
}
EMPTY, UNREADABLE, DUPLICATE, MALFORMED_RECORD = "empty", "unreadable", "duplicate", "malformed"  # kinds of rules
TIME_TYPES = ("time", "month")


@dataclass(frozen=True)
class Rule:
    """A rule: the reason for rejection, its column, the SQL condition of a violation, what to ask the client for, and its kind.

    The condition refers to `text_column` and `value_column` of a row. The kind says what is wrong in a word or two, without
    any value: rules of different columns share it.
    """

    reason: str
    column: str
    condition: str
    request: str
    kind: str

    @property
    def is_type(self) -> bool:
        """Whether it says that a value has another type."""
        return self.kind == UNREADABLE

    @property
    def is_empty(self) -> bool:
        """Whether it says that there is no value."""
        return self.kind == EMPTY

    @property
    def is_of_value(self) -> bool:
        """Whether it says that a value which is there is wrong: not that one is missing, nor that the row was there before."""
        return self.kind not in (MALFORMED_RECORD, EMPTY, DUPLICATE)


MALFORMED = Rule(
    "malformed record",
    "",
    "_problem IS NOT NULL",
    "Ask for a new export. These records have too few or too many fields, often because a text without quotes contains a "
    "delimiter, a quote or a line break.",
    MALFORMED_RECORD,
)


def build_columns(table: Table, mapped: list[str], client: Client) -> list[Column]:
    """The columns: those of the table, the survey's items with their scales, the client's typed attributes, and what follows from them."""
    items = client.items if table.has_items else {}
    mapping = client.tables[table.name]
    types = mapping.types | dict.fromkeys(mapping.flags, "flag")
    columns = [
        table.by_name.get(name)
        or (
            Column(name, "integer", at_least=items[name].scale[0], at_most=items[name].scale[1])
            if name in items
            else Column(name, types.get(name, "text"))
        )
        for name in mapped
    ]
    return columns + [column for column in derived_columns(table, mapped) if column.name not in mapped]


def required_columns(table: Table, mapped: Collection[str]) -> list[str]:
    """The columns that must be mapped: what follows from the mapped ones need not."""
    derived = derived_columns(table, mapped)
    return [
        column.name for column in table.columns if column.required and (column.name in mapped or column not in derived)
    ]


def derived_columns(table: Table, mapped: Collection[str]) -> list[Column]:
    """The columns of a table that follow from the mapped ones."""
    return [column for column in table.columns if column.derived and column.derived.applies(mapped)]


def build_rules(
    columns: list[Column],
    table: Table | None,
    end: datetime | None,
    end_text: str,
    formats: dict[str, str],
    zone: str,
    without_text: Collection[str] = (),
    others: Iterable[Rule] = (),
) -> list[Rule]:
    """All rules on the columns: the malformed record first and the duplicate key last (if the rows have a key).

    `end` (half-open) is the latest time allowed and `end_text` describes it; `formats` are those of the times by column, `zone`
    the client's time zone; the columns `without_text` are not mapped but follow from others;
    `others` are rules of the table as a whole.
    """
    rules, mapped = [MALFORMED], {column.name: column for column in columns}
    for column in columns:
        has_text = column.name not in without_text
        rules += (
            _build_text_rules(column, formats.get(column.name, ""), zone) if has_text else _build_value_rules(column)
        )
        rules += _build_range_rules(column, mapped)
    rules += _build_checks(table, mapped) if table else []
    if table and table.time in mapped and end:
        rules.append(
            Rule(
                f"{table.time} is after {end_text}",
                table.time,
                f"{value_column(table.time)} >= TIMESTAMP '{end}'",
                "Ask whether these are typing errors, planned events, or events after the declared end of the data.",
                "too late",
            )
        )
    rules += others
    if table and (key := [name for name in table.key if name in mapped]):
        request = f"Ask whether rows were exported twice, or whether {' and '.join(key)} does not identify a row."
        rules.append(Rule(f"duplicate {' and '.join(key)}", key[0], "false", request, DUPLICATE))
    return rules


def _build_checks(table: Table, mapped: dict[str, Column]) -> Iterator[Rule]:
    """The rules on several columns, of those whose own column is there; another that is not counts as empty."""
    values = {column.name: value_column(column.name) if column.name in mapped else "NULL" for column in table.columns}
    for check in table.checks:
        if check.column in mapped:
            condition = in_sql(check.condition, values)
            yield Rule(check.reason, check.column, condition, check.request, "contradiction")


def _build_value_rules(column: Column) -> Iterator[Rule]:
    """The rule on a value that follows from others: one that is required must be there."""
    if column.required:
        request = f"Ask for the columns from which {column.name} follows."
        yield Rule(f"{column.name} is empty", column.name, f"{value_column(column.name)} IS NULL", request, EMPTY)


def _build_text_rules(column: Column, date_format: str, zone: str) -> Iterator[Rule]:
    name, text, value = column.name, text_column(column.name), value_column(column.name)
    if column.required:
        empty = f"{text} IS NULL" + (f" AND {value} IS NULL" if column.derived else "")
        yield Rule(f"{name} is empty", name, empty, f"Ask for the {name} of these rows.", EMPTY)
    if column.type == "key":
        request = "Ask for an export directly from the system: a spreadsheet program shortened these keys."
        shape = "[0-9]([.,][0-9]+)?[eE][+][0-9]+"
        condition = f"(contains({value}, 'E+') OR contains({value}, 'e+')) AND regexp_full_match({value}, '{shape}')"
        yield Rule(f"{name} was rounded by a spreadsheet", name, condition, request, "rounded")
    elif column.type != "text":
        if column.type in TIME_TYPES:
            time = f"a time in the format {date_format}" if date_format else "a date or time"
            reason = f"{name} is not {_TYPE_NAMES.get(column.type, time)}"
            request = "Ask for valid dates in the format of the other rows."
        else:
            reason = f"{name} is not {_TYPE_NAMES[column.type]}"
            request = 'Ask what these values mean. If a value means "not known", add it to `missing`.'
        typed = typed_column(name) if column.derived else value
        yield Rule(reason, name, f"{text} IS NOT NULL AND {typed} IS NULL", request, UNREADABLE)
    if column.type == "time" and (condition := skipped_condition(zone, value)):
        request = f"Ask for the time zone of these times: daylight saving time skips them in {zone}."
        yield Rule(f"{name} does not exist in {zone} (daylight saving time)", name, condition, request, "skipped hour")


def _build_range_rules(column: Column, mapped: dict[str, Column]) -> Iterator[Rule]:
    """The rules on the allowed values of a column."""
    name, value = column.name, value_column(column.name)
    if column.one_of:
        allowed = ", ".join(map(quote_literal, column.one_of))
        request = "Ask what these codes mean, and recode them under `values`."
        yield Rule(
            f"{name} is not one of {', '.join(column.one_of)}",
            name,
            f"{value} NOT IN ({allowed})",
            request,
            "unknown code",
        )
    for bound, sign, side in ((column.at_least, "<", "below"), (column.at_most, ">", "above")):
        if isinstance(bound, str) and bound in mapped:
            side = {"below": "before", "above": "after"}[side] if column.type == "time" else side
            request = f"Ask which of {name} and {bound} is correct."
            yield Rule(
                f"{name} is {side} {bound}", name, f"{value} {sign} {value_column(bound)}", request, "contradiction"
            )
        elif isinstance(bound, int | float):
            request = f"Ask whether these are typing errors, or whether {name} has another unit or scale."
            yield Rule(f"{name} is {side} {bound:g}", name, f"{value} {sign} {bound}", request, "out of range")


def text_column(name: str) -> str:
    """The SQL name of a column's cleaned text."""
    return quote_identifier(f"text {name}")


def value_column(name: str) -> str:
    """The SQL name of a column's typed value."""
    return quote_identifier(f"value {name}")


def typed_column(name: str) -> str:
    """The SQL name of a mapped column's typed value, of one that follows from others too."""
    return quote_identifier(f"typed {name}")


def build_masks(rules: list[Rule]) -> list[str]:
    """The SQL of each mask. A malformed record violates that rule only, and is not checked further.

    Bits are combined only for rows that violate a rule. Few do, so this saves a tenth of the time.
    """
    masks = []
    for first in range(0, len(rules), _BITS):
        conditions = [(1 << number, rule.condition) for number, rule in enumerate(rules[first : first + _BITS])]
        malformed, conditions = (conditions[0][0], conditions[1:]) if first == 0 else (0, conditions)
        bits = (
            " | ".join(f"CASE WHEN {condition} THEN {bit}::BIGINT ELSE 0 END" for bit, condition in conditions) or "0"
        )
        is_violated = " OR ".join(f"({condition})" for _, condition in conditions) or "false"
        masks.append(
            f"CASE WHEN _problem IS NOT NULL THEN {malformed}::BIGINT WHEN {is_violated} THEN {bits} ELSE 0 END"
        )
    return masks


def mask_names(rules: list[Rule]) -> list[str]:
    """The names of the columns that hold the masks."""
    return [f"_mask{number}" for number in range(-(-len(rules) // _BITS))]


def locate_bit(number: int) -> tuple[str, int]:
    """The mask column and the bit of the rule with that number."""
    return f"_mask{number // _BITS}", 1 << number % _BITS


def violates(number: int) -> str:
    """The SQL condition that a row violates the rule with that number."""
    mask, bit = locate_bit(number)
    return f"({mask} & {bit}) <> 0"


def list_violations(rules: list[Rule], mask_values: tuple[int, ...]) -> list[int]:
    """The numbers of the rules that a row with these masks violates."""
    return [number for number in range(len(rules)) if mask_values[number // _BITS] >> number % _BITS & 1]
