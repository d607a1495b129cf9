"""Tables of the sales team: leads and activities."""

from crmnb.schema.tables.columns import CUSTOMER, Column, Table, key_column, required, times_after

TABLES = (
    Table(
        "leads",
        grain="a lead or opportunity",
        key=("lead_id",),
        time="created_at",
        of_events=True,
        columns=(
            key_column("lead_id"),
            CUSTOMER,
            required("created_at", "time"),
            Column("source", "text"),
            Column("seller", "text"),
            # One before created_at is left out by itself (crmnb.engine.misdated_rows): the lead came all the same.
            *(Column(name, "time") for name in ("qualified_at", "proposed_at", "won_at", "lost_at")),
            Column("amount", "money", at_least=0),
        ),
    ),
    Table(
        "activities",
        grain="one thing a seller did",
        key=("activity_id",),
        time="happened_at",
        of_events=True,
        columns=(
            key_column("activity_id"),
            required("seller", "text"),
            CUSTOMER,
            required("kind", "text"),
            required("happened_at", "time"),
            Column("quality", "number"),
            *times_after("happened_at", "next_step_at"),
        ),
    ),
)
