"""Tables of costs."""

from crmnb.schema.tables.columns import CURRENCY, Column, Table, required

TABLES = (
    Table(
        "costs",
        grain="an amount spent in a month",
        key=(),
        time="month",
        columns=(
            required("month", "month"),
            required("category", "text"),
            Column("acquisition_channel", "text"),
            Column("programme", "text"),
            required("amount", "money"),
            CURRENCY,
        ),
    ),
)
