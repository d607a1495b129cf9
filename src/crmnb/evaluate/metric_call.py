"""Metric call: a metric's function is called once for all periods, and gives evidence or the reason why there is none."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine import session
from crmnb.engine.evidence import COMPARED, PERIOD, Evidence
from crmnb.engine.periods import Periods, relation_in
from crmnb.evaluate.comparability import tables_as_known
from crmnb.evaluate.named_inputs import with_named_inputs
from crmnb.evaluate.new_customers import require_newness
from crmnb.evaluate.settings import resolve, seen_by
from crmnb.intake.personal_data import personal_columns
from crmnb.metrics.definition import Metric, catalogue


@dataclass(frozen=True)
class MetricCall:
    """A metric that was called once for several periods, by their names: with its facts, or the reason why there are none."""

    metric: Metric
    places: dict[str, int]
    periods: Periods
    rows: nw.LazyFrame | None
    failure: Note | None

    def reason(self, name: str, period: Period, reporting: Period, tables: session.Tables) -> Note | None:
        """Why the metric has no figure in a period, None where it has one."""
        try:
            period.require_data()
            require_newness(self.metric, tables, period if name in COMPARED else reporting)
        except Unavailable as no:
            return no.reason
        return self.failure or self.periods.reasons.get(self.places[name])

    def evidence(self, names: Iterable[str]) -> Evidence | None:
        """The evidence of these periods."""
        places = {self.places[name]: name for name in names}
        return Evidence.of(self.rows, places) if self.rows is not None and places else None


def call_of(
    metric: Metric, tables: session.Tables, windows: dict[str, Period], arguments: dict[str, Any]
) -> MetricCall:
    """The metric as its function is called once for all windows."""
    others = (name for name in windows if name not in COMPARED)
    places = {name: at for at, name in enumerate((*COMPARED, *others)) if name in windows}
    by_place = {places[name]: windows[name] for name in places}
    from_when = seen_by(metric, tables, windows["current"], True).data_from
    looking_back = {place: period.observe(from_when, period.cutoff) for place, period in by_place.items()}
    periods = Periods(by_place, relation_in(tables.derived), looking_back)
    current, comparison = windows["current"], windows.get("comparison")
    whose = of_customers_only(metric, tables, current)
    try:
        known = tables_as_known(metric, tables, current, comparison) if comparison else None
        views = tables.views(metric.tables, periods, per_customer=whose, earlier=known)
        measure = metric(periods, views, arguments)
        rows = measure.rows if measure.rows is None else _held(measure.rows, metric, tables)
        facts = with_named_inputs(measure.facts, rows, tables) if measure.names_inputs else measure.facts
    except (Unavailable, *session.NoColumn) as no:
        names = map(tables.source_of, metric.reads)
        failure = no.reason if isinstance(no, Unavailable) else session.column_of(no, names)
        return MetricCall(replace(metric, known=metric.measure), places, periods, None, failure)
    return MetricCall(replace(metric, known=facts), places, periods, rows, None)


def all_inputs(metric: Metric) -> list[str]:
    """The metrics that a derived one is made of, and those that these are made of."""
    inputs = metric.measure.inputs if metric.measure.is_derived else ()
    return [name for input_ in inputs for name in (*all_inputs(catalogue()[input_]), input_)]


def _held(rows: nw.LazyFrame, metric: Metric, tables: session.Tables) -> nw.LazyFrame:
    """A metric's evidence; that of small tables is worked out once, in a temporary table. Raises `NoColumn` for one that is not there."""
    is_small = {tables.source_of(name) for name in metric.reads} <= tables.small_tables
    if not is_small:
        _ = rows.to_native().relation
    return tables.derived.frame(rows) if is_small else rows


def of_customers_only(metric: Metric, tables: session.Tables, period: Period) -> bool:
    """Whether rows without a customer are left out: of metrics of customers, and, of others, where they are too few to be shown.

    What one metric counts beyond another would else be what those few brought.
    """
    fewest = tables.client.privacy.suppress_below
    of_both = {*map(tables.source_of, metric.reads)} & {*map(tables.source_of, _read_by_customer())}
    without = (tables.without_customer(name, period)[0] for name in of_both)
    return metric.per_customer or any(0 < rows < fewest for rows in without)


@cache
def _read_by_customer() -> frozenset[str]:
    """The tables that metrics of customers read."""
    return frozenset(name for metric in catalogue().values() if metric.per_customer for name in metric.reads)


def _evidence(
    metric: Metric, tables: session.Tables, period: Period, arguments: dict[str, Any]
) -> tuple[Evidence | None, Note | None]:
    """A metric's evidence in a single period, or the reason why there is none; of a derived metric that of its first input."""
    if not metric.has_rows:
        metric = catalogue()[all_inputs(metric)[0]]
        arguments, _ = resolve(metric, tables.client)
    called = call_of(metric, tables, {COMPARED[0]: period}, arguments)
    reason = called.reason(COMPARED[0], period, period, tables)
    return (None, reason) if reason else (called.evidence(COMPARED[:1]), None)


def nothing_counted(metric: Metric, tables: session.Tables, period: Period) -> Note | None:
    """Why a run would count nothing of a metric in the period, as the run notes it; None where it counts something.

    Raises Unavailable where a declaration that it needs is missing.
    """
    arguments, _ = resolve(metric, tables.client)
    evidence, reason = _evidence(metric, tables, period, arguments)
    if evidence is None:
        return reason
    types = evidence.types
    conditions = ["den <> 0"] * ("den" in types and metric.estimate.reduces == "moments")
    conditions += ["weight > 0"] * ("weight" in types)
    inside = f"where {' and '.join(conditions)}" if conditions else ""
    # All are counted: with a limit the engine (DuckDB 2.0) waits for ever where windows and a union read the same rows.
    ((counted,),) = tables.con.execute(f"select count(*) from ({evidence.sql}) {inside}").fetchall()
    return None if counted else Note("nothing_counted", units=metric.denominator or metric.numerator)


def evidence_of(metric: Metric, tables: session.Tables, period: Period, limit: int) -> pd.DataFrame:
    """The rows behind a metric's number in the period, in order, the first `limit`, without the columns declared personal.

    Raises Unavailable where there are none.
    """
    if metric.measure.suppress_below > 1:
        raise Unavailable(Note("rows_never_shown"))
    tables = tables.with_names()
    arguments, _ = resolve(metric, tables.client)
    evidence, reason = _evidence(metric, tables, period, arguments)
    if evidence is None:
        raise Unavailable(reason or Note("rows_of_other_metrics"))
    rows = tables.con.sql(f"select * exclude ({PERIOD}) from ({evidence.sql}) order by all limit {int(limit)}").df()
    there = [name for name in tables.client.tables if name in tables.names]
    personal = {name for table in there for name in personal_columns(tables.client, table, list(rows.columns))}
    return rows.drop(columns=list(personal))
