"""The canonical tables: what each holds, and which of its rows count.

This is the contract between a client's files and every metric. Adding a table is adding a declaration here;
intake, engine and catalogue read it. Keys are text (leading zeros survive), times are the client's wall clock,
money is in the client's currency. `required` columns must be mapped and never empty; the others may be missing.
Every other column that a client maps is kept as text, as an attribute that can serve as a segment.
"""

from dataclasses import dataclass, field
from typing import Literal

Type = Literal["key", "text", "time", "money", "number", "integer", "flag"]

ENGINE_TYPES: dict[Type, str] = {
    "key": "VARCHAR",
    "text": "VARCHAR",
    "time": "TIMESTAMP",
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
    `refers_to`: the table whose key it holds. A row that refers to nothing known is accepted all the same.
    """

    name: str
    type: Type
    required: bool = False
    at_least: float | str | None = None
    at_most: float | str | None = None
    one_of: tuple[str, ...] = ()
    refers_to: str | None = None


@dataclass(frozen=True)
class Table:
    """A canonical table: its grain in words, key, columns, and which rows count unless a metric asks for more.

    `time` is the column by which rows belong to a period (the table is stored sorted by it); `counts` is a condition in
    SQL over its columns; `has_items` allows survey items as further columns; `of_events`: its times say which days the data cover.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None = None
    counts: str = "true"
    has_items: bool = False
    of_events: bool = False
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})


def _key(name: str, **rules) -> Column:
    return Column(name, "key", required=True, **rules)


_CUSTOMER = Column("customer_id", "key", refers_to="customers")

_DECLARED = (
    Table(
        "customers",
        grain="a customer",
        key=("customer_id",),
        time="joined_at",
        columns=(
            _key("customer_id"),
            Column("joined_at", "time"),
            Column("left_at", "time", at_least="joined_at"),
            Column("acquisition_channel", "text"),
            Column("preferred_channel", "text"),
            Column("used_channel", "text"),
            Column("verified_at", "time"),
            Column("referred_by", "key"),
        ),
    ),
    Table(
        "orders",
        grain="an order (not a line of it)",
        key=("order_id",),
        time="ordered_at",
        of_events=True,
        counts="status = 'paid' or (status = 'refunded' and refunded_amount < amount)",
        columns=(
            _key("order_id"),
            _CUSTOMER,
            Column("ordered_at", "time", required=True),
            Column("amount", "money", required=True, at_least=0),
            Column("margin", "money"),
            Column("channel", "text"),
            Column("category", "text"),
            Column("seller", "text"),
            Column("status", "text", required=True, one_of=("paid", "cancelled", "refunded")),
            Column("refunded_amount", "money", at_least=0, at_most="amount"),
            Column("refunded_at", "time", at_least="ordered_at"),
        ),
    ),
    Table(
        "subscriptions",
        grain="a customer's plan over a span",
        key=("subscription_id",),
        time="started_at",
        columns=(
            _key("subscription_id"),
            _key("customer_id", refers_to="customers"),
            Column("started_at", "time", required=True),
            Column("ended_at", "time", at_least="started_at"),
            Column("monthly_amount", "money", required=True, at_least=0),
        ),
    ),
    Table(
        "survey_invitations",
        grain="an invitation to a survey",
        key=("invitation_id",),
        time="sent_at",
        of_events=True,
        columns=(
            _key("invitation_id"),
            Column("survey", "text", required=True),
            _CUSTOMER,
            Column("sent_at", "time", required=True),
            Column("reached_at", "time", at_least="sent_at"),
            Column("started_at", "time", at_least="reached_at"),
            Column("completed_at", "time", at_least="started_at"),
            Column("channel", "text"),
        ),
    ),
    Table(
        "survey_responses",
        grain="an answer sheet",
        key=("response_id",),
        time="responded_at",
        of_events=True,
        has_items=True,
        columns=(
            _key("response_id"),
            Column("survey", "text", required=True),
            _CUSTOMER,
            Column("responded_at", "time", required=True),
            Column("channel", "text"),
            Column("invitation_id", "key", refers_to="survey_invitations"),
            Column("ticket_id", "key"),
            Column("order_id", "key", refers_to="orders"),
            Column("agent", "text"),
            Column("followed_up_at", "time", at_least="responded_at"),
            Column("weight", "number", at_least=0),
            Column("comment", "text"),
            Column("quote_consent", "flag"),
        ),
    ),
    Table(
        "reviews",
        grain="a public review",
        key=("review_id",),
        time="posted_at",
        of_events=True,
        columns=(
            _key("review_id"),
            Column("platform", "text", required=True),
            Column("posted_at", "time", required=True),
            Column("rating", "number", required=True, at_least=1, at_most="scale"),
            Column("scale", "number", required=True, at_least=2),
            Column("text", "text"),
            _CUSTOMER,
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _DECLARED}

# The level of those of whom a segmentation knows nothing.
UNKNOWN = "(not known)"

# Names that evidence gives a meaning to: no column of a client may be called so.
RESERVED = frozenset({"num", "den", "value", "component", "at", "x"})
