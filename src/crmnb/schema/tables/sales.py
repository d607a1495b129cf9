"""Tables of the sales team: leads and activities."""

from crmnb.schema.tables.columns import (
    CURRENCY,
    CUSTOMER,
    Check,
    Column,
    Derivation,
    Table,
    key_column,
    required,
    times_after,
)


def _closed(name: str, stage: str) -> Column:
    """The time at which a lead was won or lost: the stage says which of them a date of closing is."""
    sql = f"case when stage = '{stage}' then coalesce({name}, closed_at) end"
    return Column(name, "time", not_before="created_at", derived=Derivation(sql, (("stage",), (name, "closed_at"))))


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
            *(Column(name, "time", not_before="created_at") for name in ("qualified_at", "proposed_at")),
            *(_closed(name, stage) for name, stage in (("won_at", "won"), ("lost_at", "lost"))),
            Column("amount", "money", at_least=0),
            CURRENCY,
            Column("stage", "text", one_of=("won", "lost", "open")),
            Column("closed_at", "time", planned=True),  # of an open lead, when it is expected to close
        ),
        checks=tuple(
            Check(
                f"{name} is empty, but stage is {stage}",
                name,
                f"stage = '{stage}' and {name} is null",
                f"Map the date on which leads were closed as `closed_at`, or ask for it: these leads are {stage}.",
            )
            for name, stage in (("won_at", "won"), ("lost_at", "lost"))
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
