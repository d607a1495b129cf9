"""Measure: metrics, a client's tables and a period give the metrics' rows of the results frame."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.segments import common_levels
from crmnb.engine.session import Tables
from crmnb.evaluate.assemble import points_of, rows_of
from crmnb.evaluate.disclosure_control.levels_used import rests_on_hidden, withheld
from crmnb.evaluate.disclosure_control.notes import protected_notes
from crmnb.evaluate.disclosure_control.overlaps import seams_of
from crmnb.evaluate.evidence_notes import notes_on_rows
from crmnb.evaluate.initiatives import initiative_estimates
from crmnb.evaluate.metric_call import all_inputs
from crmnb.evaluate.reduction import estimates_of, statistics_of
from crmnb.evaluate.request import Request, request_of
from crmnb.metrics.definition import Metric, catalogue
from crmnb.stats.estimation import Estimates


@dataclass(frozen=True)
class Measured:
    """A metric's rows of the results frame, the settings used (in words), and the notes beside it.

    `points` are those of its picture (`crmnb.stats.estimation.GroupedCounts.point`), without any of a small group. `metric` knows what it
    measures of this client.
    """

    metric: Metric
    rows: pd.DataFrame
    settings: dict[str, str]
    direction: str
    notes: tuple[Note, ...]
    points: pd.DataFrame = field(default_factory=pd.DataFrame)


def measure(metric: Metric, tables: Tables, period: Period) -> Measured:
    """The metric for the whole client, each segment level, each part of the period, and against the comparison.

    `period` must know what was observed (`Period.observe`). What cannot be had is a row with the flag `unavailable` and
    the reason. Raises InputError for settings that the metric does not have.
    """
    return measure_all([metric], tables, period)[0]


def measure_all(metrics: Iterable[Metric], tables: Tables, period: Period) -> list[Measured]:
    """The same of several metrics at once, in their order: what is small is worked on together."""
    requests = [request_of(metric, tables, period) for metric in metrics]
    reported = len(requests)
    requests += [request_of(metric, tables, period) for metric in _inputs_of(requests)]
    inferred = estimates_of(requests, tables) | initiative_estimates(requests, tables)
    seams = [seam for names, pairs in common_levels(tables, period).items() for seam in seams_of(*names, pairs)]
    rows, notes_of = rows_of(requests, statistics_of(requests, tables), inferred, tables.client, seams)
    measured = []
    for request in requests[:reported]:
        estimates = inferred.get(request.metric.id, Estimates([]))
        privacy = request.metric.privacy(tables.client) if request.windows else tables.client.privacy
        if rests_on_hidden(estimates.points, [rows[name] for name in request.metric.measure.inputs if name in rows]):
            rows[request.metric.id] = withheld(rows[request.metric.id], privacy)
            estimates = Estimates([])
        notes = protected_notes(
            (
                *notes_on_rows(request, tables),
                *request.metric.measure.notes,
                *notes_of[request.metric.id],
                *estimates.notes,
            ),
            privacy,
            rows[request.metric.id],
        )
        points = points_of(estimates.points, rows[request.metric.id], request.metric, privacy)
        measured.append(
            Measured(request.metric, rows[request.metric.id], request.words, request.direction, notes, points)
        )
    return measured


def _inputs_of(requests: list[Request]) -> list[Metric]:
    """The metrics that others are made of, and that were not asked for: of derived ones, and of those that rest on levels which may be hidden."""
    there = {request.metric.id for request in requests}
    names = dict.fromkeys(name for request in requests if request.windows for name in _inputs(request.metric))
    return [catalogue()[name] for name in names if name not in there]


def _inputs(metric: Metric) -> tuple[str, ...]:
    measure = metric.measure
    return (*all_inputs(metric), *(measure.inputs if measure.suppress_below > 1 and not measure.is_derived else ()))
