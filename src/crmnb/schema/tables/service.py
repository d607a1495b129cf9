"""Tables of service: tickets and process runs.

The times of a ticket: `resolved_at`, the last time at which it was resolved, ends it, and its times are measured until then. `closed_at`
does not, as many desks close a ticket weeks later: it only ends a ticket without `resolved_at`, which then is no longer open but has no
known time. A ticket with `reopened_at` after `resolved_at` is open again. One with `cancelled_at` does not count.
"""

from crmnb.schema.tables.columns import CUSTOMER, Column, Table, counted, key_column, required, times_after

TABLES = (
    Table(
        "tickets",
        grain="a case (not an event of it)",
        key=("ticket_id",),
        time="opened_at",
        of_events=True,
        counts="cancelled_at is null",
        columns=(
            key_column("ticket_id"),
            CUSTOMER,
            required("opened_at", "time"),
            *times_after("opened_at", "first_response_at", "resolved_at", "closed_at", "reopened_at", "cancelled_at"),
            *counted("contacts", "reassignments"),
            Column("escalated", "flag"),
            Column("channel", "text"),
            Column("topic", "text"),
            Column("agent", "text"),
            Column("team", "key", refers_to="teams"),
            Column("priority", "text"),
            *times_after("opened_at", "sla_due_at"),
            Column("sla_met", "flag"),
            Column("csat", "number"),
            Column("automated", "flag"),
        ),
    ),
    Table(
        "process_runs",
        grain="one run of a process",
        key=("run_id",),
        time="started_at",
        of_events=True,
        columns=(
            key_column("run_id"),
            required("process", "text"),
            required("started_at", "time"),
            *times_after("started_at", "ended_at"),
            required("automated", "flag"),
            Column("exception", "text"),
        ),
    ),
)
