"""Tables of the web site."""

from crmnb.schema.tables.columns import CUSTOMER, Column, Table, counted, key_column, required

TABLES = (
    Table(
        "visits",
        grain="a web session",
        key=("visit_id",),
        time="started_at",
        of_events=True,
        device="visitor_id",
        columns=(
            key_column("visit_id"),
            key_column("visitor_id"),
            CUSTOMER,
            required("started_at", "time"),
            Column("seconds", "number", at_least=0),
            *counted("pages"),
            Column("goal", "text"),
            Column("converted", "flag"),
            Column("source", "text"),
        ),
    ),
)
