"""Columns and tables: how the canonical tables are declared."""

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
class Column:
    """A column of a canonical table and its rules.

    `at_least`, `at_most`: inclusive bounds, a number or the name of another column of the row (an empty bound binds
    nothing; so `at_least="started_at"` says "not before it started"). `one_of`: the allowed values.
    `refers_to`: the table whose key it holds. A row that refers to nothing known is accepted all the same. `prose`: what people
    wrote; of many rows no metric sees it.
    """

    name: str
    type: Type
    required: bool = False
    at_least: float | str | None = None
    at_most: float | str | None = None
    one_of: tuple[str, ...] = ()
    refers_to: str | None = None
    prose: bool = False


@dataclass(frozen=True)
class Table:
    """A canonical table: its grain in words, key (empty: rows may repeat), columns, and which rows count unless a metric asks for more.

    `time` is the column by which rows belong to a period (the table is stored sorted by it); `counts` is a condition in
    SQL over its columns; `has_items` allows survey items as further columns; `of_events`: its times say which days the data cover;
    `device`: the column by which rows that name nobody are known to be of whom other rows of the same device name.
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
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


def required(name: str, type_: Type, **rules) -> Column:
    """A column that must be mapped and never empty."""
    return Column(name, type_, required=True, **rules)


def key_column(name: str, **rules) -> Column:
    """A key that must be mapped and never empty."""
    return required(name, "key", **rules)


def times_after(start: str, *names: str) -> tuple[Column, ...]:
    """Times that may be missing, and none of which lies before the row's `start`."""
    return tuple(Column(name, "time", at_least=start) for name in names)


def counted(*names: str) -> tuple[Column, ...]:
    """Whole numbers that may be missing."""
    return tuple(Column(name, "integer", at_least=0) for name in names)


CUSTOMER = Column("customer_id", "key", refers_to="customers")


# The level of those of whom a segmentation knows nothing.
UNKNOWN = "(not known)"
# The level of those whose own level is none of the largest (crmnb.engine.segments). A client's own level that is called like one of these
# two is told in quotes.
OTHER = "(other)"

# Names that evidence gives a meaning to: no attribute of a client may be called so.
RESERVED = frozenset({"num", "den", "value", "breakdown", "at", "x", "cluster", "fold", "n"})
