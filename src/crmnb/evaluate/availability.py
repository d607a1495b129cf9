"""Availability: which metrics a client's data can give in a period, for the same reasons that a report gives, and the columns that they need."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.evidence import BEFORE, COMPARED
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.segments import segmentations_of
from crmnb.engine.session import NoColumn, Tables, missing_column
from crmnb.evaluate.evidence_notes import notes_on_rows
from crmnb.evaluate.metric_call import nothing_counted
from crmnb.evaluate.request import Request, request_of
from crmnb.evaluate.settings import compared_with, resolve
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.client import Client
from crmnb.schema.tables import ENGINE_TYPES, TABLES

_QUARTER = Period.parse("2025Q1")  # any will do, as the tables are empty
_OF_ROWS = ("rows_without_customer", "misdated_rows")
_BY_DEFINITION = ("no_comparison_full_history", "no_comparison_shares")
_NO_COLUMN = '"no column yet" integer'

Status = Literal["yes", "partly", "no"]


@dataclass(frozen=True)
class Availability:
    """Whether a metric is available: "yes", "partly" (then `reasons` are what is lacking) or "no" (then they are why).

    `needs` are the columns (table.column) that it cannot do without, `missing` those of them that the client does not have.
    """

    metric: Metric
    status: Status
    reasons: tuple[Note, ...]
    needs: tuple[str, ...]
    missing: tuple[str, ...]


def availability(metrics: Iterable[Metric], tables: Tables, period: Period) -> tuple[Availability, ...]:
    """Whether each of the metrics is available in the period, which knows what was observed (`Period.observe`)."""
    with duckdb.connect(config={"threads": 1}) as con:  # one for all, as each takes time to open
        return tuple(_availability(metric, tables, period, con) for metric in metrics)


def _availability(metric: Metric, tables: Tables, period: Period, con: duckdb.DuckDBPyConnection) -> Availability:
    needs = required_columns(metric, tables.client, con)
    missing = tuple(column for column in needs if not _is_there(column, tables))
    request = _request_with_evidence(metric, tables, period)
    reason = _reason(metric, request, tables, period)
    nothing = reason is None and nothing_counted(metric, tables, request.period)
    if nothing:
        nothing = _empty_tables(request.metric, tables, request.period) or nothing
    if reason or (nothing and metric.denominator):
        return Availability(metric, "no", (reason or nothing,), needs, missing)
    limits = (*([nothing] if nothing else []), *_limits(request, tables, period))
    return Availability(metric, "partly" if limits else "yes", limits, needs, missing)


def _is_there(column: str, tables: Tables) -> bool:
    table, _, name = column.partition(".")
    return table in tables.names and name in tables.con.table(table).columns


# ---- Reasons, as a report gives them ----------------------------------------------------------------------------------


def _request_with_evidence(metric: Metric, tables: Tables, period: Period) -> Request:
    """The request of a metric; of a derived one, that of its first input that has a reason, or else of its first one."""
    if metric.has_rows:
        return request_of(metric, tables, period)
    requests = [_request_with_evidence(catalogue()[name], tables, period) for name in metric.measure.inputs]
    return next((request for request in requests if COMPARED[0] in request.reasons), requests[0])


def _reason(metric: Metric, request: Request, tables: Tables, period: Period) -> Note | None:
    """Why there is no figure in the period; None where there may be one."""
    if COMPARED[0] in request.reasons:
        return request.reasons[COMPARED[0]]
    if metric.has_rows:
        return None
    own = request_of(metric, tables, period)
    if COMPARED[0] in own.reasons:
        return own.reasons[COMPARED[0]]
    try:
        if own.metric.transform:
            own.metric.transform(pd.Series([np.nan]), own.period)
    except Unavailable as unavailable:
        return unavailable.reason
    return None


def _empty_tables(metric: Metric, tables: Tables, period: Period) -> Note | None:
    """Of a metric that counts the rows of the period, the tables that hold none of it.

    The rows of others may have begun long before the period and last through it.
    """
    names = [
        name
        for name in metric.reads
        if name in tables.names and metric.measure.of_events and _is_empty(name, tables, period)
    ]
    return Note("tables_without_rows", tables=names, period=period.label) if names else None


def _is_empty(name: str, tables: Tables, period: Period) -> bool:
    """Whether no row of a canonical table lies in the period."""
    time = TABLES[name].time
    if not time or time not in tables.con.table(name).columns:
        return False
    inside = f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"
    return not tables.con.table(name).filter(inside).limit(1).fetchall()


# ---- What an available metric lacks -----------------------------------------------------------------------------------


def _limits(request: Request, tables: Tables, period: Period) -> list[Note]:
    """Rows that do not count, comparisons and parts without a figure, and segmentations that do not apply."""
    metric, seen = request.metric, request.period
    limits = [note for note in notes_on_rows(request, tables) if note.code in _OF_ROWS]
    _, of_all = compared_with(tables.client, period)  # what no metric has is listed once
    if request.not_compared and not of_all and request.not_compared.code not in _BY_DEFINITION:
        limits.append(request.not_compared)
    limits += _parts_without_figure(request)
    if not request.evidence:  # made of other metrics, which have their own limits
        return []
    by = segmentations_of(tables, {*metric.reads}, request.evidence, seen, metric.family)
    applied = {segmentation.name for segmentation in by}
    others = [name for name in _applicable_segments(metric, tables) if name not in applied]
    return [*limits, *([Note("segments_not_applicable", segments=others)] if others else [])]


def _parts_without_figure(request: Request) -> list[Note]:
    """The first parts of the period, for which the data begin too late."""
    parts = [window for window in request.windows if window not in COMPARED and not window.startswith(BEFORE)]
    without = []
    for part in parts:  # what is too early for one part is not for a later one
        if part not in request.reasons:
            break
        without.append(part)
    if not without or request.metric.measure.of_events:
        return []
    return [Note("parts_without_figure", first=without[0], last=without[-1], reason=request.reasons[without[-1]])]


def _applicable_segments(metric: Metric, tables: Tables) -> list[str]:
    """The segmentations of customers, and those of the tables that the metric reads."""
    read = {"customers", *map(tables.source_of, metric.reads)}
    declared = tables.client.segments_of(metric.family)
    return [name for name, segment in declared.items() if segment.column.partition(".")[0] in read]


# ---- The columns that a metric needs ----------------------------------------------------------------------------------


def required_columns(metric: Metric, client: Client, con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The columns (table.column) that a metric cannot do without, in the order of their tables; of a derived one those of its inputs.

    The metric is called on tables without any row or column. The engine names the first column that it lacks, which is added, until it
    lacks none. What a metric uses only if it is there is not among them; nor is anything of a metric that lacks a declaration.

    con: to an empty database in memory, in which the tables are made.
    """
    if not metric.has_rows:
        inputs = [required_columns(catalogue()[name], client, con) for name in metric.measure.inputs]
        return tuple(dict.fromkeys(column for columns in inputs for column in columns))
    try:
        settings, _ = resolve(metric, client)
    except Unavailable:
        return ()
    needed = _EmptyTables(metric, client, con, settings).columns_until_bound()
    return tuple(
        f"{table}.{name}" for table, names in _every_column(client).items() for name in names if (table, name) in needed
    )


def _every_column(client: Client) -> dict[str, dict[str, str]]:
    """Each column of each canonical table with its engine type, and a column for each survey item that the client declares."""
    items = dict.fromkeys(client.items, ENGINE_TYPES["integer"])
    own = {name: {c.name: ENGINE_TYPES[c.type] for c in table.columns} for name, table in TABLES.items()}
    return {name: columns | (items if TABLES[name].has_items else {}) for name, columns in own.items()}


@dataclass(frozen=True)
class _EmptyTables:
    """The tables that a metric reads, without rows, on which it can be called with some columns only."""

    metric: Metric
    client: Client
    con: duckdb.DuckDBPyConnection
    settings: dict[str, Any]

    def columns_until_bound(self) -> set[tuple[str, str]]:
        """The (table, column) without which the metric cannot be called."""
        every = _every_column(self.client)
        nothing = Tables(self.client, self.con, frozenset())
        names = dict.fromkeys(nothing.source_of(name) for name in self.metric.reads)
        needed: list[tuple[str, str]] = []
        doubtful = set()
        while lacking := self._lacking(names, needed):
            holders = [(table, lacking) for table in names if lacking in every.get(table, {})]
            added = [holder for holder in holders if holder not in needed]
            if not added:
                break
            doubtful |= {holder for holder in holders if len(holders) > 1}
            needed.append(added[0])
        for holder in [holder for holder in needed if holder in doubtful]:
            others = [other for other in needed if other != holder]
            if self._lacking(names, others) is None:
                needed = others
        return set(needed)

    def _lacking(self, names: Iterable[str], columns: list[tuple[str, str]]) -> str | None:
        """The name of the first column that the engine lacks with these; None where it lacks none, "" where it lacks something else."""
        every = _every_column(self.client)
        for table in names:
            if table in TABLES:
                own = [f'"{name}" {every[table][name]}' for of, name in columns if of == table]
                self.con.execute(f'create or replace table "{table}" ({", ".join(own or [_NO_COLUMN])})')
        tables = Tables(self.client, self.con, frozenset(names), cutoff=self.client.cutoff or _QUARTER.end)
        make = relation_in(tables.derived)
        periods = Periods({0: _QUARTER}, lambda columns, rows: make(columns, rows[:1]))  # one is as good as many
        try:
            views = tables.views(self.metric.tables, periods, per_customer=self.metric.per_customer)
            rows = self.metric(periods, views, self.settings).rows
            _ = rows is None or rows.to_native().relation  # bound, so that a column is missed
        except NoColumn as error:
            return missing_column(error)
        except Unavailable as unavailable:
            reason = unavailable.reason
            return reason.values["column"].rpartition(".")[2] if reason.code == "needs_column" else ""
        return None
