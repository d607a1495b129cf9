"""Tables of customers: who they are, what they have subscribed to, their loyalty points and what they use."""

from crmnb.schema.tables.columns import CURRENCY, Check, Column, Derivation, Table, key_column, required, times_after

# The months of an interval; a day and a week are those of a year of 365.25 days.
_MONTHS = {"day": "12 / 365.25", "week": "7 * 12 / 365.25", "month": "1", "quarter": "3", "year": "12"}
_BY_MONTH = (
    "coalesce(monthly_amount, amount * coalesce(quantity, 1) / (coalesce(interval_count, 1) * case interval "
    + " ".join(f"when '{name}' then {months}" for name, months in _MONTHS.items())
    + " end))"
)
_ENDED = ("ended", "canceled")
_COUNTED = ("active", "past_due", "unpaid", *_ENDED)
_UNCOUNTED = ("trialing", "incomplete", "incomplete_expired", "paused")  # nothing is paid for these

TABLES = (
    Table(
        "customers",
        grain="a customer",
        key=("customer_id",),
        time="joined_at",
        columns=(
            key_column("customer_id"),
            Column("joined_at", "time"),
            Column("left_at", "time", at_least="joined_at"),
            Column("acquisition_channel", "text"),
            Column("preferred_channel", "text"),
            Column("used_channel", "text"),
            Column("verified_at", "time"),
            Column("referred_by", "key", refers_to="customers"),
        ),
    ),
    Table(
        "subscriptions",
        grain="a customer's plan over a span",
        key=("subscription_id",),
        time="started_at",
        columns=(
            key_column("subscription_id"),
            key_column("customer_id", refers_to="customers"),
            required("started_at", "time"),
            Column("ended_at", "time", at_least="started_at", planned=True),
            required(
                "monthly_amount", "money", at_least=0, derived=Derivation(_BY_MONTH, (("amount",), ("interval",)))
            ),
            CURRENCY,
            Column("amount", "money", at_least=0),  # of a unit in an interval
            Column("interval", "text", one_of=tuple(_MONTHS)),
            Column("interval_count", "integer", at_least=1),
            Column("quantity", "number", at_least=0),
            Column("status", "text", one_of=(*_COUNTED, *_UNCOUNTED)),
        ),
        counts=f"coalesce(status, 'active') not in ({', '.join(map(repr, _UNCOUNTED))})",
        uncounted=_UNCOUNTED,
        checks=(
            Check(
                "ended_at is empty, but status says that it ended",
                "ended_at",
                f"status in ({', '.join(map(repr, _ENDED))}) and ended_at is null",
                "Ask when these subscriptions ended. Without a date they would count as running.",
            ),
        ),
    ),
    Table(
        "loyalty",
        grain="a membership",
        key=("customer_id", "enrolled_at"),
        time="enrolled_at",
        columns=(
            key_column("customer_id", refers_to="customers"),
            required("enrolled_at", "time"),
            *times_after("enrolled_at", "last_active_at", "ended_at"),
        ),
    ),
    Table(
        "usage",
        grain="a customer on an active day",
        key=("customer_id", "day"),
        time="day",
        of_events=True,
        columns=(key_column("customer_id", refers_to="customers"), required("day", "time")),
    ),
)
