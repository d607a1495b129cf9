"""Tables of initiatives and experiments."""

from crmnb.schema.tables.columns import CURRENCY, CUSTOMER, Column, Table, key_column, required, times_after

TABLES = (
    Table(
        "initiatives",
        grain="something that was started",
        key=("initiative",),
        time="started_at",
        columns=(
            key_column("initiative"),
            required("started_at", "time"),
            *times_after("started_at", "ended_at"),
            Column("champion", "text"),
            Column("cost", "money", at_least=0),
            CURRENCY,
        ),
    ),
    Table(
        "initiative_units",
        grain="a unit under an initiative (a customer, team or region)",
        key=("initiative", "unit"),
        columns=(
            key_column("initiative", refers_to="initiatives"),
            key_column("unit"),
            Column("treated_from", "time"),
        ),
    ),
    Table(
        "experiment_units",
        grain="a unit in a test (its outcomes and covariate are further columns, with the types that the client gives them)",
        key=("experiment", "unit_id"),
        time="assigned_at",
        columns=(
            key_column("experiment"),
            key_column("unit_id"),
            CUSTOMER,
            required("arm", "text"),
            required("assigned_at", "time"),
        ),
    ),
)
