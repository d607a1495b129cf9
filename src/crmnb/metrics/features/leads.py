"""Leads as they stood at a time."""

from datetime import datetime

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics.measures import calendar_days
from crmnb.schema.client import Segments


def as_seen(leads: nw.LazyFrame, at: datetime | nw.Expr | None, *times: str) -> nw.LazyFrame:
    """The leads as they stood at a time: what lies after it had not happened yet, or is a plan.

    What is dated before the day of the lead's creation cannot be and is left out; the lead itself counts.
    """
    created = nw.col("created_at").dt.truncate("1d")
    for name in times:
        happened = nw.col(name).dt.truncate("1d") >= created
        happened = happened if at is None else happened & (nw.col(name) < at)
        leads = leads.with_columns(**{name: nw.when(happened).then(nw.col(name))})
    return leads.drop("customer_id", strict=False)


def is_there(time: str) -> nw.Expr:
    """1 where a time is there, else 0."""
    return (~nw.col(time).is_null()).cast(nw.Int64)


def days_to(time: str) -> nw.Expr:
    """Calendar days from a lead's creation to another of its times."""
    return calendar_days("created_at", time)


def within_days(days: int, *times: str) -> nw.Expr:
    """1 where one of the times lies within so many calendar days of a lead's creation, else 0."""
    return nw.max_horizontal(*((days_to(time) <= days).fill_null(False).cast(nw.Int64) for time in times))


def decided_at() -> nw.Expr:
    """When a lead was decided: won, even if it had been abandoned before or fell through later; else lost."""
    return nw.coalesce(nw.col("won_at"), nw.col("lost_at"))


def own_columns(rows: View, table: str, segments: Segments, *counted: str) -> list[str]:
    """The table's own columns that the client breaks figures down by.

    Raises Unavailable where one has a name that the evidence needs for what is `counted` in it.
    """
    columns = [
        column for name, _, column in (segment.column.partition(".") for segment in segments.values()) if name == table
    ]
    own = [name for name in dict.fromkeys(columns) if name in rows.columns]
    if reserved := [name for name in own if name in (*counted, "breakdown", "cluster", "customer_id", "fold", "n")]:
        raise Unavailable(Note("reserved_column", column=f"{table}.{reserved[0]}"))
    return own
