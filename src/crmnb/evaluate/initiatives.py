"""Initiatives: what a client declares of each, with the panel of its metric, becomes the effects that `crmnb.stats.initiatives` finds."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.evaluate.estimation_context import estimation_context
from crmnb.evaluate.request import Request
from crmnb.evaluate.unit_panels import Panel, panel_of
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.client import Initiative, Initiatives, Segment
from crmnb.stats.estimation import Estimates
from crmnb.stats.initiative_results import Initiative as WithPanel
from crmnb.stats.initiatives import UnitPanel

_FEWEST = 0.5  # the share of units that have a value in the first and in the last month of a panel


def initiative_estimates(requests: list[Request], tables: Tables) -> dict[str, Estimates]:
    """The effects of the client's initiatives, by the id of the metric that shows them."""
    panels: dict[tuple, Panel | Note] = {}
    estimates = {}
    for request in requests:
        if request.metric.estimate.reduces != "panels" or not request.windows:
            continue
        figures = request.metric.measure.known["figures"]
        declared: Initiatives = request.arguments["initiatives"]
        initiatives = [
            _with_panel(
                name,
                of,
                catalogue()[figures or of.metric],
                "" if figures else of.breakdown,
                tables,
                request.period,
                panels,
            )
            for name, of in declared.items()
        ]
        context = estimation_context(tables.client, {}, request.windows)
        estimates[request.metric.id] = request.metric.estimate.infer(initiatives, context)
    return estimates


def _with_panel(
    name: str,
    initiative: Initiative,
    metric: Metric,
    breakdown: str,
    tables: Tables,
    period: Period,
    panels: dict[tuple, Panel | Note],
) -> WithPanel:
    title = name.replace("_", " ")
    place = f"parameters file {tables.client.id}.yml, initiatives.{name}"
    segment = tables.client.segments.get(initiative.by) or Segment(column=initiative.by)
    key = (metric.id, breakdown, initiative.by)
    if key not in panels:
        try:
            panels[key] = panel_of(metric, breakdown, segment, tables, period)
        except Unavailable as unavailable:
            panels[key] = unavailable.reason
    panel = panels[key]
    if isinstance(panel, Note):
        return WithPanel(title, metric.title, metric.unit, reason=panel)
    unit = "points" if panel.unit in ("%", "scale") else panel.unit
    for name_of_unit in initiative.starts:
        if name_of_unit not in panel.units:
            raise InputError(
                f"{place}.starts: {name_of_unit!r} is no unit of {segment.column} that {metric.title} counts.{nearest(name_of_unit, panel.units)}"
            )
    values = _without_gaps(_matrix(panel))
    starts = np.array([_start(initiative, of, values.columns) for of in values.index])
    reason = None
    if np.isnan(starts).all():
        reason = Note("initiative_not_started", period=period.label)
    elif np.nanmin(starts) < 1:
        reason = Note("initiative_too_early", months=0, needed=3)
    if reason:
        return WithPanel(title, metric.title, unit, reason=reason)
    return WithPanel(
        title,
        metric.title,
        unit,
        UnitPanel(values.to_numpy(), starts, panel.is_total),
        months=tuple(values.columns),
        units=tuple(values.index),
        champions=dict(initiative.champions),
        n=float(panel.cells["n"].sum()),
        customers=float(panel.cells.groupby("unit")["clusters"].max().sum()),
        notes=tuple(_notes(title, initiative, panel, values)),
    )


def _matrix(panel: Panel) -> pd.DataFrame:
    """The values, a row for each unit and a column for each month; of sums and counts a month without a row is 0."""
    labels = [month.label for month in panel.months]
    values = panel.cells.pivot_table(index="unit", columns="month", values="value", aggfunc="first")
    values = values.reindex(index=list(panel.units), columns=labels)
    if panel.is_total:
        hidden = panel.cells[panel.cells["value"].isna()]
        values = values.fillna(0.0)
        for of, month in zip(hidden["unit"], hidden["month"], strict=True):
            values.loc[of, month] = np.nan
    return values


def _without_gaps(values: pd.DataFrame) -> pd.DataFrame:
    """The months from the first to the last in which most units have a value, and the units that have one in all of them; without any that never counts.

    The last months have none where their follow-up is not complete.
    """
    shares = values.notna().mean()
    most = shares.index[shares >= _FEWEST]
    values = values.loc[:, most[0] : most[-1]] if len(most) else values
    values = values.dropna()
    return values[(values != 0).any(axis=1)]


def _start(initiative: Initiative, unit: str, months: pd.Index) -> float:
    """The place of the month in which a unit starts; NaN for one that has not."""
    if unit not in initiative.starts:
        return np.nan
    label = f"{initiative.starts[unit]:%Y-%m}"
    return np.nan if label > months[-1] else float(np.searchsorted(months.to_numpy(), label))


def _notes(title: str, initiative: Initiative, panel: Panel, values: pd.DataFrame) -> Iterator[Note]:
    if left_out := len(panel.units) - len(values):
        yield Note("initiative_units_left_out", initiative=title, units=left_out, total=len(panel.units))
    if any(day.day > 1 for day in initiative.starts.values()):
        yield Note("initiative_within_month", initiative=title)
