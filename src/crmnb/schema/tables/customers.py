"""Tables of customers: who they are, what they have subscribed to, their loyalty points and what they use."""

from crmnb.schema.tables.columns import Column, Table, key_column, required, times_after

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
            Column("ended_at", "time", at_least="started_at"),
            required("monthly_amount", "money", at_least=0),
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
