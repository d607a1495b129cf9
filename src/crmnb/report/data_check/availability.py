"""Which metrics a client's data can give. They are bound to the shapes of its tables, so nothing is computed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

import duckdb
import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.evidence import PERIOD, TIMES, Evidence
from crmnb.engine.misdated_rows import misdated
from crmnb.engine.periods import Periods
from crmnb.engine.segments import segmentations_of
from crmnb.engine.session import NoColumn, Tables, column_of, open_tables, source_of
from crmnb.engine.views import views
from crmnb.evaluate.disclosure_control.notes import protected_notes
from crmnb.evaluate.measure import nothing_counted
from crmnb.evaluate.new_customers import require_newness
from crmnb.evaluate.settings import compared_with, resolve, seen_by
from crmnb.intake import Intake
from crmnb.intake.sources.query import find_query_sources
from crmnb.metrics.definition import Metric, catalogue
from crmnb.metrics.measures import Measure
from crmnb.report.data_check.table_shape import Shape
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import percent, whole_number
from crmnb.schema.client import Client
from crmnb.schema.tables import ENGINE_TYPES, TABLES

Shapes = dict[str, dict[str, str]]  # table: {column: engine type}
_QUARTER = Period.parse("2025Q1")  # any will do, as the tables are empty
_NOT_BOUND = (Unavailable, *NoColumn)


@dataclass(frozen=True)
class Availability:
    """Whether a metric can be had: "yes", "partly" (then `reasons` say what is lacking) or "no" (then they say why).

    `needs` are the columns (table.column) that it cannot do without, `missing` those of them that the client does not have.
    """

    metric: Metric
    can: Literal["yes", "partly", "no"]
    reasons: tuple[str, ...]
    needs: tuple[str, ...]
    missing: tuple[str, ...]


def availability(client: Client, taken: Intake, period: Period, metrics: Iterable[Metric]) -> tuple[Availability, ...]:
    """Of each of the metrics, whether it can be had in the period, which knows what was observed."""
    known = {name: {c.name: ENGINE_TYPES[c.type] for c in table.columns} for name, table in TABLES.items()}
    items = dict.fromkeys(client.items, ENGINE_TYPES["integer"])
    every = {name: columns | (items if TABLES[name].has_items else {}) for name, columns in known.items()}
    all_columns = {name: columns | taken.columns.get(name, {}) for name, columns in every.items()}
    whole = _empty(client, all_columns, taken.cutoff or period.end)
    mapped = _empty(client, taken.columns, taken.cutoff)
    real = open_tables(client, taken.tables, cutoff=taken.cutoff).with_names()
    metrics = tuple(metrics)
    known = _Known(_derived(whole, {name for metric in metrics for name in metric.reads}), set())
    return tuple(_availability(metric, whole, known, mapped, real, period) for metric in metrics)


def readers(client: Client) -> dict[str, tuple[str, ...]]:
    """What reads a table, by the table's name: the titles of metrics, and breakdowns; by "source x" those of the tables made of it."""
    found: dict[str, list[str]] = {name: [] for name in TABLES}
    for metric in catalogue().values():
        for name in dict.fromkeys(source_of(client, read) for read in metric.reads):
            if name in found:
                found[name].append(metric.title)
    for name, segment in client.segments.items():
        found[segment.column.partition(".")[0]].append(f"every breakdown by {name}")
    for table, mapping in client.tables.items():
        key = f"{client.id}.yml, tables.{table}.query"
        names = find_query_sources(mapping.query, list(client.sources), key) if mapping.query else [mapping.source]
        for name in names:
            among = found.setdefault(f"source {name}", [])
            among += [title for title in found[table] if title not in among]
    return {name: tuple(titles) for name, titles in found.items()}


def _empty(client: Client, shapes: Shapes, cutoff: datetime | None) -> Tables:
    """Tables of these shapes without a row, of data that end then."""
    con = duckdb.connect()
    for name, columns in shapes.items():
        _create(con, name, columns)
    return Tables(client, con, frozenset(shapes), cutoff=client.cutoff or cutoff)


def _create(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str]) -> None:
    listed = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
    con.execute(f'create or replace table "{name}" ({listed})')


def _columns(tables: Tables, name: str, per_customer: bool = False) -> list[str]:
    """The columns of a frame that a metric gets."""
    return tables.frame(name, per_customer=per_customer).to_native().columns


def _bound(metric: Metric, columns: Iterable[list[str]], period: Period, given: dict[str, Any]) -> Shape:
    """What a metric would count of frames with these columns; Unavailable or NoColumn where it cannot."""
    return _measured(metric, columns, period, given)[1]


def _measured(
    metric: Metric, columns: Iterable[list[str]], period: Period, given: dict[str, Any]
) -> tuple[Measure, Shape]:
    """What a metric measures of frames with these columns, and the columns of what it counts."""
    asked: set[str] = set()
    frames = [nw.from_native(Shape(each, asked)) for each in columns]
    periods = Periods({0: period}, lambda names, _: nw.from_native(Shape(names, set())))
    measure = metric(periods, views(periods, frames), given)
    if periods.reasons:
        raise Unavailable(periods.reasons[0])
    rows = measure.rows.to_native()
    return measure.facts, Shape([name for name in rows.columns if name not in (PERIOD, *TIMES)], asked)


def _with_facts(metric: Metric, whole: Tables, given: dict[str, Any]) -> Metric:
    """The metric with what it measures of tables that have everything, where that can be said of the client's declarations."""
    frames = [_columns(whole, name, metric.per_customer) for name in metric.reads]
    try:
        return replace(metric, known=_measured(metric, frames, _QUARTER, given)[0])
    except _NOT_BOUND:
        return metric


def _availability(
    metric: Metric, whole: Tables, known: "_Known", mapped: Tables, real: Tables, period: Period
) -> Availability:
    client = real.client
    tables = tuple(dict.fromkeys(map(real.source_of, metric.reads)))
    no, needs, given = [], (), None
    try:
        given, _ = resolve(metric, client)
        metric = _with_facts(metric, whole, given)
        needs = _needs(metric, whole, known, given)
    except Unavailable as reason:
        no.append(sentence(reason.reason, client))
    missing = tuple(one for one in needs if not _is_there(one, mapped))
    for name in tables:
        if name in TABLES and name not in mapped.names:
            columns = [one.partition(".")[2] for one in missing if one.startswith(f"{name}.")]
            told = f", with {_listed(columns)}" if columns else ""
            no.append(f"needs the table {name} ({TABLES[name].grain}){told}")
    if lacking := [one for one in missing if one.partition(".")[0] in mapped.names]:
        no.append(f"needs the column{'s' if len(lacking) > 1 else ''} {_listed(lacking)}")
    if no:
        return Availability(metric, "no", tuple(no), needs, missing)
    try:
        limits = _limits(metric, mapped, real, period, given)
    except Unavailable as reason:
        return Availability(metric, "no", (sentence(reason.reason, client),), needs, missing)
    except NoColumn as absent:
        return Availability(metric, "no", (sentence(column_of(absent, tables), client),), needs, missing)
    return Availability(metric, "partly" if limits else "yes", limits, needs, missing)


def _is_there(column: str, mapped: Tables) -> bool:
    table, _, name = column.partition(".")
    return table in mapped.names and name in mapped.con.table(table).columns


# ---- What a metric needs ----------------------------------------------------------------------------------


class _Known(NamedTuple):
    """What is known of all metrics: the columns (table.column) without which a derived frame cannot be made, by its name;
    and those that a metric before asked for and did not need, so that the next ones are likely to need them no more."""

    made_of: dict[str, set[str]]
    spared: set[str]


def _needs(metric: Metric, whole: Tables, known: _Known, given: dict[str, Any]) -> tuple[str, ...]:
    """The columns without which the metric does not bind to tables that have everything."""
    frames = {name: _columns(whole, name, metric.per_customer) for name in metric.reads}
    tables = {name: whole.source_of(name) for name in metric.reads}

    def needed(columns: list[str]) -> list[str]:
        left = [
            names if frame in known.made_of else [name for name in names if f"{tables[frame]}.{name}" not in columns]
            for frame, names in frames.items()
        ]
        try:
            _bound(metric, left, _QUARTER, given)
        except _NOT_BOUND:
            half = len(columns) // 2
            return [*needed(columns[:half]), *needed(columns[half:])] if half else columns
        return []

    try:
        asked = _bound(metric, frames.values(), _QUARTER, given).asked
    except _NOT_BOUND:  # for another reason than a column
        return ()
    every = [f"{table}.{name}" for table in dict.fromkeys(tables.values()) for name in whole.con.table(table).columns]
    found = {column for frame in frames for column in known.made_of.get(frame, ())}
    left = [column for column in every if column not in found]
    likely = [column for column in left if column.partition(".")[2] in asked and column not in known.spared]
    for column in likely:  # one by one, as nearly all of these are needed; of the others hardly any is
        found.update(needed([column]))
    found.update(needed([column for column in left if column not in likely]))
    known.spared.update(column for column in likely if column not in found)
    return tuple(column for column in every if column in found)


def _derived(whole: Tables, names: Iterable[str]) -> dict[str, set[str]]:
    """The frames that have other columns than the table behind them, and the columns that they are made of."""
    found = {}
    for name in names:
        try:
            if _columns(whole, name) != whole.con.table(whole.source_of(name)).columns:
                found[name] = _made_of(whole, name)
        except Unavailable:  # then so is each metric that reads it
            continue
    return found


def _made_of(whole: Tables, name: str) -> set[str]:
    """The columns (table.column) without which a derived frame cannot be made."""
    table = whole.source_of(name)
    shape = _shape(whole.con, table)
    words = set(re.findall(r"\w+", whole.frame(name).to_native().sql_query()))
    found = set()
    for column in (column for column in shape if column in words):
        _create(whole.con, table, {each: type_ for each, type_ in shape.items() if each != column})
        try:
            Tables(whole.client, whole.con, whole.names, cutoff=whole.cutoff).frame(name)
        except _NOT_BOUND:
            found.add(f"{table}.{column}")
    _create(whole.con, table, shape)
    return found


def _shape(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = con.table(table)
    return dict(zip(rows.columns, map(str, rows.types), strict=True))


# ---- What a metric that can be had lacks ------------------------------------------------------------------


def _limits(metric: Metric, mapped: Tables, real: Tables, period: Period, given: dict[str, Any]) -> tuple[str, ...]:
    """What is lacking, in words; Unavailable where the metric cannot be had at all."""
    seen = seen_by(metric, real, period)
    seen.require_data()
    counted = _in_any(metric, mapped, real, seen, given)
    evidence = Evidence("", dict.fromkeys(counted(seen).columns, ""), {})
    nothing = _without_rows(metric, real, seen)
    if nothing and metric.denominator:
        raise Unavailable(nothing)
    limits = [sentence(nothing, real.client)] if nothing else []
    limits += _left_out(metric, real, seen)
    notes = protected_notes(misdated(real, metric.reads, seen), real.client.privacy)
    limits += [sentence(note, real.client).rstrip(".") for note in notes]
    _, not_compared = compared_with(mapped.client, seen)
    if not_compared and not compared_with(mapped.client, period)[1]:  # what no metric has is told once
        limits.append(sentence(not_compared, real.client))
    limits += _too_short(metric, mapped.client, counted, seen)
    applied = {each.name for each in segmentations_of(mapped, {*metric.reads}, evidence, seen)}
    if unapplied := [name for name in _could_apply(metric, mapped) if name not in applied]:
        limits.append(f"cannot be broken down by {_listed(unapplied)}: what is counted does not carry it")
    return tuple(limits)


def _in_any(
    metric: Metric, mapped: Tables, real: Tables, of: Period, given: dict[str, Any]
) -> Callable[[Period], Shape]:
    """What the metric would count in a period, which raises what `_bound` does."""
    frames = [_columns(mapped, name, metric.per_customer) for name in metric.reads]

    def counted(period: Period) -> Shape:
        period.require_data()
        require_newness(metric, real, of if of.start <= period.start < of.end else period)
        return _bound(metric, frames, period, given)

    return counted


def _could_apply(metric: Metric, mapped: Tables) -> list[str]:
    """The segmentations of customers, and those of the tables that the metric reads."""
    tables = {"customers", *map(mapped.source_of, metric.reads)}
    return [name for name, segment in mapped.client.segments.items() if segment.column.partition(".")[0] in tables]


def _without_rows(metric: Metric, real: Tables, period: Period) -> Note | None:
    """Why a run would count nothing in the period; None where it counts something. The run's own function says so.

    Of a metric that counts the rows of the period, the tables that hold none of it; of others, whose rows may have begun long before
    it and last through it, the run's words.
    """
    if not (nothing := nothing_counted(metric, real, period)):
        return None
    empty = [
        name
        for name in metric.reads
        if name in real.names and metric.measure.of_events and _is_empty(name, real, period)
    ]
    return Note("tables_without_rows", tables=empty, period=period.label) if empty else nothing


def _is_empty(name: str, real: Tables, period: Period) -> bool:
    """Whether no row of a canonical table lies in the period."""
    time = TABLES[name].time
    if not time or time not in real.con.table(name).columns:
        return False
    inside = f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"
    return not real.con.table(name).filter(inside).limit(1).fetchall()


def _left_out(metric: Metric, real: Tables, period: Period) -> list[str]:
    """The rows without a customer, of a metric that counts customers."""
    told = []
    for name in dict.fromkeys(map(real.source_of, metric.reads)) if metric.per_customer else ():
        without, among = real.without_customer(name, period)
        if without:
            counts = f"{whole_number(without, real.client)} of {whole_number(among, real.client)}"
            share = percent(without / among, real.client)
            told.append(f"{counts} rows of {name} in {period.label} carry no customer and are left out ({share})")
    return told


def _too_short(metric: Metric, client: Client, counted: Callable[[Period], Shape], period: Period) -> list[str]:
    """The parts of the period, and the comparison, for which the data begin too late."""
    told = []
    comparison, why_not = compared_with(client, period)
    if not why_not and (reason := _reason(counted, comparison, client)):
        told.append(f"cannot be compared with {comparison.label}: {reason}")
    if metric.over_time and not metric.measure.of_events and len(period.parts) > 1:
        reasons = []
        for part in period.parts:  # what is too early for one part is not for a later one
            if not (reason := _reason(counted, part, client)):
                break
            reasons.append((part.label, reason))
        if reasons:
            until = f" to {reasons[-1][0]}" if len(reasons) > 1 else ""
            told.append(f"no trend from {reasons[0][0]}{until}: {reasons[-1][1]}")
    return told


def _reason(counted: Callable[[Period], Shape], period: Period, client: Client) -> str:
    try:
        counted(period)
    except Unavailable as no:
        return sentence(no.reason, client)
    return ""


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
