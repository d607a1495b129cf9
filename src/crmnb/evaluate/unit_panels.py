"""Unit panels: a metric's figures by unit and month, as they may be shown.

The metric is called once for all months. Its evidence is broken down by unit, as if these were breakdowns of its own, and goes the way of all
figures, disclosure control included: a cell of few customers is hidden, and nothing is computed from it.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period, shift
from crmnb.engine.evidence import Evidence
from crmnb.engine.segments import unit_levels
from crmnb.engine.session import Tables
from crmnb.evaluate.assemble import rows_of
from crmnb.evaluate.comparability import immature_windows
from crmnb.evaluate.metric_call import call_of
from crmnb.evaluate.reduction import estimates_of, statistics_of
from crmnb.evaluate.request import Request
from crmnb.evaluate.settings import resolve, seen_by
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.client import Segment

_MOST_MONTHS = 120


@dataclass(frozen=True)
class Panel:
    """`cells`: a row for each unit and month with `unit`, `month`, `value`, `n`, `clusters`; of hidden cells the value is missing.

    `months`: all that the data cover, in order. `units`: all levels. `is_total`: the values are sums or counts. `unit`: that of the values.
    """

    cells: pd.DataFrame
    months: tuple[Period, ...]
    units: tuple[str, ...]
    is_total: bool
    unit: str


def months_until(period: Period, first_day) -> list[Period]:
    """The whole months that the data cover, up to the end of a period, the last 120 of them."""
    day = first_day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = day if day == first_day else shift(day, 1)
    end, months = period.observed_end, []
    while (after := shift(start, 1)) <= end:
        months.append(Period(f"{start:%Y-%m}", start, after, 1, 1, period.data_from, period.cutoff))
        start = after
    return months[-_MOST_MONTHS:]


def panel_of(metric: Metric, breakdown: str, segment: Segment, tables: Tables, period: Period) -> Panel:
    """The panel of a metric, or of one of its breakdowns. Raises Unavailable where it has none."""
    source = catalogue()[metric.measure.inputs[0]] if metric.measure.transform else metric
    first_day = period.data_from or tables.first_day(tables.source_of(name) for name in source.reads)
    months = months_until(period, first_day) if first_day else []
    if not months:
        raise Unavailable(Note("initiative_without_months"))
    windows = {month.label: month for month in months}
    request = _request(source, breakdown, segment, tables, period, windows)
    requests = [request]
    if source is not metric:
        requests.append(Request(metric, period, {}, windows, direction=request.direction))
    frames, _ = rows_of(requests, statistics_of(requests, tables), estimates_of(requests, tables), tables.client)
    rows = frames[metric.id]
    cells = rows[(rows["part"] != "") & (rows["segment"] == "") & (rows["breakdown"] != "")]
    cells = cells.rename(columns={"breakdown": "unit", "part": "month", "unit": "of"})
    cells = cells[~cells["month"].isin(request.immature)]
    units = tuple(sorted(cells["unit"].unique()))
    if not units:
        raise Unavailable(Note("initiative_without_values"))
    there = tuple(month for month in months if month.label not in request.immature)
    unit = metric.units.get(breakdown, metric.unit) if breakdown else metric.unit
    return Panel(cells[["unit", "month", "value", "n", "clusters", "flags"]], there, units, source.estimate.total, unit)


def _request(
    metric: Metric, breakdown: str, segment: Segment, tables: Tables, period: Period, windows: dict[str, Period]
) -> Request:
    """The metric as asked of all months, by unit. Raises Unavailable where it cannot be."""
    if metric.measure.is_derived or metric.estimate.reduces == "panels" or metric.estimate.whole_only:
        raise Unavailable(Note("initiative_metric_without_units", metric=metric.title))
    for name in metric.reads:
        tables.frame(name)
    arguments, words = resolve(metric, tables.client)
    whole = replace(seen_by(metric, tables, period), start=min(month.start for month in windows.values()))
    called = call_of(metric, tables, {"current": whole} | windows, arguments)
    if len(called.periods.by_place) <= len(windows):  # the metric has left the parts out: it has no trend
        raise Unavailable(Note("initiative_metric_without_units", metric=metric.title))
    reasons = {name: called.reason(name, month, month, tables) for name, month in windows.items()}
    followed = _followed(called.metric, windows)
    names = [name for name, reason in reasons.items() if reason is None and name in followed]
    evidence = called.evidence(names)
    if evidence is None:
        raise Unavailable(next(filter(None, reasons.values()), Note("initiative_without_values")))
    measure = called.metric.measure
    evidence = _by_unit(evidence, breakdown, segment, metric, tables)
    units = [level for (level,) in tables.con.sql(f"select distinct breakdown from ({evidence.sql})").fetchall()]
    unit = measure.units.get(breakdown, metric.unit) if breakdown else metric.unit
    facts = {"breakdown": "unit", "units": {}, "parts": (), "notes": (), "always": tuple(sorted(filter(None, units)))}
    known = replace(measure, estimate=replace(measure.estimate, whole_only=True), **facts)
    by_unit = replace(called.metric, known=known, unit=unit)
    immature = immature_windows(by_unit, windows) | (windows.keys() - followed)
    direction = metric.direction_of(arguments)
    return Request(by_unit, period, {}, windows, evidence, words, arguments, direction, measure.bounds, None, immature)


def _followed(metric: Metric, windows: dict[str, Period]) -> set[str]:
    """The months all of whose rows the data follow for as long as the metric asks: of others a part would be compared with whole months."""
    after = timedelta(days=metric.measure.follow_up_days or 0)
    return {name for name, month in windows.items() if not month.cutoff or month.end + after <= month.cutoff}


def _by_unit(evidence: Evidence, breakdown: str, segment: Segment, metric: Metric, tables: Tables) -> Evidence:
    """The evidence with the unit of each row as its breakdown; rows without a unit are left out."""
    rows, columns = f"({evidence.sql})", [f'e."{name}"' for name in evidence.types if name != "breakdown"]
    if "breakdown" in evidence.types:
        rows = f"(from {rows} where breakdown::varchar = '{breakdown.replace(chr(39), chr(39) * 2)}')"
    table, _, column = segment.column.partition(".")
    levels = unit_levels(segment, tables)
    if table == "customers" and "customer_id" in evidence.types:
        join, level = f"join {levels} l on l.cluster = e.customer_id", "l.level"
    elif table in metric.reads and column in evidence.types:
        join, level = "", f'e."{column}"::varchar'
    else:
        raise Unavailable(Note("initiative_column_not_counted", column=segment.column, metric=metric.title))
    sql = f"select {', '.join(columns)}, {level} as breakdown from {rows} e {join} where {level} is not null"
    return Evidence(sql, evidence.types | {"breakdown": "VARCHAR"}, evidence.periods)
