"""Reduction: the evidence of several metrics becomes statistics and estimates; what is small is worked on together."""

from collections import Counter
from itertools import product

import pandas as pd

from crmnb.core.period import Period
from crmnb.engine.evidence import COMPARED, Evidence, Segmentation
from crmnb.engine.paired_periods import Correlations, correlations
from crmnb.engine.reduce import Sample, reduce_moments
from crmnb.engine.reduce_counts import reduce_counts
from crmnb.engine.reduce_time_bins import reduce_bins
from crmnb.engine.segments import known_levels, segmentations_of
from crmnb.engine.session import Tables
from crmnb.evaluate.estimation_context import estimation_context
from crmnb.evaluate.request import Request
from crmnb.metrics.definition import Metric
from crmnb.metrics.estimators import Estimator, states
from crmnb.stats.estimation import Estimates, GroupedCounts
from crmnb.stats.shared_fits import shared_fits

_WEEKS_AS_BINS = 84  # a count's scatter is seen over weeks in periods of at least so many days, else over days


def statistics_of(requests: list[Request], tables: Tables) -> dict[str, pd.DataFrame]:
    """The statistics of each metric's evidence, by the metric's id."""
    statistics, together = {}, {}
    for request in (request for request in requests if request.evidence and not _by_counts(request.metric)):
        metric, by = request.metric, _segmentations(request, tables)
        if metric.estimate.reduces == "bins":
            statistics[metric.id] = _counts(request, tables, by)
            continue
        are_small = {tables.source_of(name) for name in metric.reads} <= tables.small_tables
        together.setdefault((by, "" if are_small else _base_of(request)), []).append(request)
    for (by, _), held in together.items():
        statistics |= _moments(held, tables, by)
    return statistics


@shared_fits()
def estimates_of(requests: list[Request], tables: Tables) -> dict[str, Estimates]:
    """What metrics' estimators make of the counts of alike rows, by the metric's id; the same evidence is counted once."""
    requests = [request for request in requests if request.evidence and _by_counts(request.metric)]
    estimates = [request.metric.estimate for request in requests]
    by = [_segmentations(request, tables) for request in requests]
    keys = [
        (_same(request.evidence), of, e.sums, e.folds, e.joint, e.columns, e.together)
        for request, of, e in zip(requests, by, estimates, strict=True)
    ]
    still, counted, estimates_by_metric, listed = Counter(keys), {}, {}, None
    for request, of, estimate, key in zip(requests, by, estimates, keys, strict=True):
        pairs = bool(estimate.moves) and {*COMPARED} <= {*request.evidence.names}
        if key not in counted:
            counted[key] = reduce_counts(tables.con, request.evidence, list(of), *key[2:], keeps_rows=pairs)
            listed = key if pairs else None
        still[key] -= 1
        groups = counted[key] if still[key] else counted.pop(key)
        settings = request.arguments | dict(request.metric.measure.known)
        privacy = request.metric.privacy(tables.client)
        context = estimation_context(tables.client, settings, request.windows, privacy)
        inferred = estimate.infer(groups, context) if groups else Estimates([])
        if pairs:
            moves, are_listed = _moves(groups, estimate), listed == key
            _pair(inferred, correlations(tables.con, request.evidence, list(of), moves, are_listed=are_listed))
            tables.con.execute("drop table if exists listed")
            listed = None
        estimates_by_metric[request.metric.id] = inferred
        del groups  # which may be large, before the next are counted
    return estimates_by_metric


def _base_of(request: Request) -> tuple:
    """What is equal of metrics that count the same rows in the same periods, and so are worked on together even if these are many."""
    branches = _sample(request).branches
    return (branches[0].base.sql_query(), *request.evidence.periods.items()) if branches else (request.metric.id,)


def _sample(request: Request) -> Sample:
    return Sample(request.evidence, request.metric.per_customer, request.metric.estimate.needs)


def _by_counts(metric: Metric) -> bool:
    return metric.estimate.reduces == "counts"


def _segmentations(request: Request, tables: Tables) -> tuple[Segmentation, ...]:
    """The client's segmentations that apply to a metric's evidence."""
    metric = request.metric
    if metric.estimate.whole_only:
        return ()
    return tuple(segmentations_of(tables, {*metric.reads}, request.evidence, request.period, metric.family))


def _moves(groups: list[GroupedCounts], estimate: Estimator) -> pd.DataFrame:
    """What rows move the figures of both periods by, as `correlations` wants it."""
    parts = [
        pd.DataFrame({"at": at, "move": move}).assign(
            win=group.win, breakdown=breakdown, segment=group.segment, level=group.level, column=column
        )
        for group in groups
        if group.win in COMPARED
        for breakdown, column, at, move in estimate.infer_moves(group)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _pair(inferred: Estimates, correlation_of: Correlations) -> None:
    """Add to each row of the current period its correlation with that of the comparison period."""
    for row in inferred.rows:
        if row["win"] == "current":
            row["correlation"] = correlation_of.get((row["breakdown"], row["segment"], row["level"]), 0.0)


def _same(evidence: Evidence) -> tuple:
    """What is equal of two metrics' evidence where it is the same rows."""
    return evidence.sql, *evidence.periods.items()


def _moments(requests: list[Request], tables: Tables, by: tuple[Segmentation, ...]) -> dict[str, pd.DataFrame]:
    """The moments of metrics' evidence; those of the same evidence (churn, and churn made into a year) are taken once."""
    keys, samples = {}, {}
    for request in requests:
        metric, evidence = request.metric, request.evidence
        keys[metric.id] = (
            _same(evidence),
            metric.per_customer,
            metric.estimate.needs,
        )
        if keys[metric.id] not in tables.reduced:
            samples[keys[metric.id]] = _sample(request)
    if samples:
        tables.reduced.update(zip(samples, reduce_moments(tables.con, list(samples.values()), by), strict=True))
    return {id_: tables.reduced[key] for id_, key in keys.items()}


def _counts(request: Request, tables: Tables, by: tuple[Segmentation, ...]) -> pd.DataFrame:
    """The counts of a metric's evidence, those of nothing among them."""
    spans = {win: _span(request.windows[win]) for win in request.evidence.names}
    are_many = not {tables.source_of(name) for name in request.metric.reads} <= tables.small_tables
    are_states = request.metric.estimate.inference == states.inference
    counts = reduce_bins(tables.con, request.evidence, by, spans, are_many=are_many, are_states=are_states)
    every = {s.name: known_levels(tables.con, s.levels) for s in by} | {"": [""]}
    bins = {win: float(count) for win, (_, _, count) in spans.items()}
    return _with_zeros(counts, bins, every, request.metric.always if len(counts) else ())


def _span(period: Period) -> tuple[str, int, int]:
    days = max((period.observed_end - period.start).days, 1)
    size = 7 if days >= _WEEKS_AS_BINS else 1
    return str(period.start), size, max(days // size, 1)


def _with_zeros(
    counts: pd.DataFrame, bins: dict[str, float], levels: dict[str, list[str]], always: tuple[str, ...]
) -> pd.DataFrame:
    """The counts with a row of 0 where nothing of a plain count (no exposure) happened.

    bins: how many there are in each window. levels: by segmentation, those that it is known to have; broken down are the
    compared windows only. always: the breakdowns that are there even if nothing happened anywhere.
    """
    plain = counts[counts["plain"]]
    keys = ["win", "breakdown", "segment", "level"]
    there = set(zip(*(plain[key] for key in keys), strict=True))
    absent = [
        (win, breakdown, segment, level)
        for segment, known in levels.items()
        for win, breakdown, level in product(bins, {*plain["breakdown"], *always}, known)
        if (not segment or win in COMPARED) and (win, breakdown, segment, level) not in there
    ]
    if not absent:
        return counts
    zero = pd.DataFrame(absent, columns=keys).assign(
        bins=[bins[key[0]] for key in absent], num=0.0, den=1.0, plain=True
    )
    return pd.concat([counts, zero.assign(n=0.0, exposed=0.0, binned=0.0, ss=0.0, squares=0.0)], ignore_index=True)
