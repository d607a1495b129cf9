"""Columns and tables: the declarations of the canonical tables."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Type = Literal["key", "text", "time", "month", "money", "number", "integer", "flag"]

ENGINE_TYPES: dict[Type, str] = {
    "key": "VARCHAR",
    "text": "VARCHAR",
    "time": "TIMESTAMP",
    "month": "TIMESTAMP",
    "money": "DECIMAL(18, 4)",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "flag": "BOOLEAN",
}


@dataclass(frozen=True)
class Derivation:
    """How a column follows from other columns of its table: an SQL expression over these (NULL where one is not mapped).

    `needs`: of each of these groups, one column must be mapped; else the column is as it is mapped itself.
    """

    sql: str
    needs: tuple[tuple[str, ...], ...]

    def applies(self, mapped: Collection[str]) -> bool:
        """Whether the column follows from the columns that are mapped."""
        return all(any(name in mapped for name in group) for group in self.needs)


@dataclass(frozen=True)
class Column:
    """A column of a canonical table and its rules.

    `at_least`, `at_most`: inclusive bounds, a number or the name of another column of the row (an empty bound has no
    effect; `at_least="started_at"` means "not before the start"). `one_of`: the allowed values. `refers_to`: the table
    whose key the column holds; rows with unknown references are accepted. `prose`: free text. `derived`: how it follows
    from others. `planned`: a time that may lie after the end of the data. `not_before`: another time, before whose day it cannot
    be: the row counts all the same, but what is dated so is left out (crmnb.engine.misdated_rows).
    """

    name: str
    type: Type
    required: bool = False
    at_least: float | str | None = None
    at_most: float | str | None = None
    one_of: tuple[str, ...] = ()
    refers_to: str | None = None
    prose: bool = False
    derived: Derivation | None = None
    planned: bool = False
    not_before: str = ""


@dataclass(frozen=True)
class Check:
    """A rule on several columns of a row: `condition` (SQL) is true of a faulty row. `column`: the one that it is about."""

    reason: str
    column: str
    condition: str
    request: str


@dataclass(frozen=True)
class Table:
    """A canonical table: its grain as text, its key (empty: rows may repeat), its columns, and the rows that count by default.

    `time` is the column by which rows belong to a period (the table is stored sorted by it); `counts` is a condition in
    SQL over its columns; `has_items` allows survey items as further columns; `of_events`: its times define the days that
    the data cover; `device`: the column that links rows without a customer to those of the same device with one;
    `by_import`: the import writes it, so no client maps it; `checks`: rules on several columns; `uncounted`: the values of
    `status` whose rows do not count; `credits`: the SQL
    condition of rows that are no event of their own but take money back, which a client must declare (`refunds`).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None = None
    counts: str = "true"
    has_items: bool = False
    of_events: bool = False
    device: str = ""
    by_import: bool = False
    checks: tuple[Check, ...] = ()
    uncounted: tuple[str, ...] = ()
    credits: str = ""
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


def required(name: str, type_: Type, **rules) -> Column:
    """A column that must be mapped and never empty."""
    return Column(name, type_, required=True, **rules)


def key_column(name: str, **rules) -> Column:
    """A key that must be mapped and never empty."""
    return required(name, "key", **rules)


def in_sql(text: str, columns: Mapping[str, str]) -> str:
    """An SQL text with the names of columns replaced; text in quotes stays."""
    return re.sub(r"'[^']*'|\w+", lambda word: columns.get(word[0], word[0]), text)


def times_after(start: str, *names: str) -> tuple[Column, ...]:
    """Optional times, none of which may be before the row's `start`."""
    return tuple(Column(name, "time", at_least=start) for name in names)


def counted(*names: str) -> tuple[Column, ...]:
    """Optional counts."""
    return tuple(Column(name, "integer", at_least=0) for name in names)


CUSTOMER = Column("customer_id", "key", refers_to="customers")

# The currency of a row's amounts: the client's, or one with an exchange rate (crmnb.intake.validation.currency).
CURRENCY = Column("currency", "text")


# The level of rows without a value of the segmentation.
UNKNOWN = "(not known)"
# The level that combines all but the largest levels (crmnb.engine.segments). A client's level with one of these two names is
# shown in quotes.
OTHER = "(other)"

# Column names of the evidence: not allowed for a client's attributes.
RESERVED = frozenset({"num", "den", "value", "breakdown", "at", "x", "cluster", "fold", "n"})
