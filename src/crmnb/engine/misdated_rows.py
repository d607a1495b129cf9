"""Misdated: rows that count although one of their later dates cannot be, and how many these are.

A lead that is won before it was created was created all the same: only its win is wrong. So such a row is accepted, the date that
cannot be is left out by the metrics that read it, and a note beside them has their number.
"""

from collections.abc import Iterable

from crmnb.core.notes import Count, Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.schema.tables import TABLES

# By the frame in which a metric reads them, the dates that cannot lie before the day of the row's own time.
LATER = {
    frame: tuple(column.name for column in TABLES[table].columns if column.not_before)
    for frame, table in (("leads", "leads"), ("all_orders", "orders"))
}


def misdated(tables: Tables, frames: Iterable[str], period: Period) -> list[Note]:
    """A note on each frame of which rows in the period have a later date before their own."""
    names = [name for name in frames if name in LATER and tables.source_of(name) in tables.names]
    return [note for name in names for note in _misdated(tables, name, period)]


def _misdated(tables: Tables, frame: str, period: Period) -> list[Note]:
    table = tables.source_of(frame)
    rows = tables.every(table)
    own, later = TABLES[table].time, [name for name in LATER[frame] if name in rows.columns]
    if not later or own not in rows.columns:
        return []
    before = " or ".join(f"{name}::date < {own}::date" for name in later)
    inside = f"{own} >= timestamp '{period.start}' and {own} < timestamp '{period.observed_end}'"
    misdated_count, among = tables.fact(
        f"select count(*) filter ({before}), count(*) from ({rows.sql_query()}) where {inside}"
    )
    rows = {"rows": Count(misdated_count), "total": Count(among)}
    return [Note("misdated_rows", **rows, table=table, period=period.label, columns=later)] if misdated_count else []
