"""Measure: metrics, a client's tables and a period give the metrics' rows of the results frame."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Count, Note
from crmnb.core.period import Period
from crmnb.engine import session
from crmnb.engine.evidence import COMPARED, PERIOD, Evidence, Segmentation
from crmnb.engine.misdated_rows import misdated
from crmnb.engine.paired_periods import Correlations, correlations
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.reduce import Sample, reduce_moments
from crmnb.engine.reduce_counts import reduce_counts
from crmnb.engine.reduce_time_bins import reduce_bins
from crmnb.engine.segments import common_levels, known_levels, segmentations_of
from crmnb.evaluate.assemble import Asked, points_of, rows_of
from crmnb.evaluate.disclosure_control.notes import protected_notes
from crmnb.evaluate.disclosure_control.overlaps import seams_of
from crmnb.evaluate.estimation_context import estimation_context
from crmnb.evaluate.new_customers import in_doubt, require_newness
from crmnb.evaluate.settings import compared_with, lengths, of_other_length, resolve, seen_by
from crmnb.intake.personal_data import personal_columns
from crmnb.metrics.definition import Metric, catalogue
from crmnb.metrics.estimators import Estimator
from crmnb.schema.client import Client
from crmnb.stats.estimation import Estimates, GroupedCounts

_WEEKS_AS_BINS = 84  # a count's scatter is seen over weeks in periods of at least so many days, else over days


@dataclass(frozen=True)
class Measured:
    """A metric's rows of the results frame, the settings used (in words), and what is to be said beside it.

    `points` are those of its picture (`crmnb.stats.estimation.GroupedCounts.point`), without any of a small group. `metric` knows what it
    measures of this client.
    """

    metric: Metric
    rows: pd.DataFrame
    settings: dict[str, str]
    direction: str
    notes: tuple[Note, ...]
    points: pd.DataFrame = field(default_factory=pd.DataFrame)


def measure(metric: Metric, tables: session.Tables, period: Period) -> Measured:
    """The metric for the whole client, each segment level, each part of the period, and against the comparison.

    `period` must know what was observed (`Period.observe`). What cannot be had is a row with the flag `unavailable` and
    the reason. Raises InputError for settings that the metric does not have.
    """
    return measure_all([metric], tables, period)[0]


def measure_all(metrics: Iterable[Metric], tables: session.Tables, period: Period) -> list[Measured]:
    """The same of several metrics at once, in their order: what is small is worked on together."""
    asked = [request_of(metric, tables, period) for metric in metrics]
    reported = len(asked)
    asked += [request_of(metric, tables, period) for metric in _inputs_of(asked)]
    inferred = _inferred([one for one in asked if one.evidence and _by_counts(one.metric)], tables)
    seams = [seam for names, pairs in common_levels(tables, period).items() for seam in seams_of(*names, pairs)]
    rows, said = rows_of(asked, _reduced(asked, tables), inferred, tables.client, seams)
    found = []
    for one in asked[:reported]:
        told = inferred.get(one.metric.id, Estimates([]))
        notes = protected_notes((*notes_on_rows(one, tables), *said[one.metric.id], *told.notes), tables.client.privacy)
        points = points_of(told.points, rows[one.metric.id], one.metric, tables.client.privacy)
        found.append(Measured(one.metric, rows[one.metric.id], one.words, one.direction, notes, points))
    return found


def _inputs_of(asked: list[Asked]) -> list[Metric]:
    """The metrics that derived ones are made of, and that were not asked for."""
    there = {one.metric.id for one in asked}
    names = dict.fromkeys(name for one in asked for name in _all_inputs(one.metric))
    return [catalogue()[name] for name in names if name not in there]


def _all_inputs(metric: Metric) -> list[str]:
    """The metrics that a derived one is made of, and those that these are made of."""
    inputs = metric.measure.inputs if metric.measure.is_derived else ()
    return [name for input_ in inputs for name in (*_all_inputs(catalogue()[input_]), input_)]


def _by_counts(metric: Metric) -> bool:
    return metric.estimate.reduces == "counts"


def request_of(metric: Metric, tables: session.Tables, period: Period) -> Asked:
    """A metric whose function takes all periods at once: the reporting period, its comparison, and its parts."""
    client = tables.client
    try:
        for name in metric.reads:
            tables.frame(name, per_customer=_of_customers_only(metric, tables, period))
        _must_be_as_exact(period, client)
        given, words = resolve(metric, client)
    except Unavailable as no:
        return Asked(metric, period, {"now": no.reason})
    seen = seen_by(metric, tables, period, "churn" in metric.declarations)
    parts = {part.label: part for part in _parts(seen, client)}
    possible = {"now": seen, "before": compared_with(client, seen)[0]} | (
        parts if metric.trend and len(parts) > 1 else {}
    )
    called = _called(metric, tables, possible, given)
    metric, measure = called.metric, called.metric.measure
    seen = seen_by(metric, tables, period)
    not_compared = _not_compared(metric, tables, seen, possible["before"])
    windows = {"now": seen} | ({} if not_compared or measure.compares else {"before": possible["before"]})
    immature = _immature(metric, windows | parts)
    if not not_compared and "now" in immature:
        not_compared = Note("no_comparison_too_early", period=seen.label, days=measure.maturity_days)
        windows.pop("before", None)
    if metric.over_time:
        windows |= {name: part for name, part in possible.items() if name not in COMPARED}
    if measure.is_derived:  # whose reasons are those of its inputs
        return Asked(metric, seen, {}, windows, None, words, given, metric.direction_of(given), None, not_compared)
    reasons = {win: reason for win, each in windows.items() if (reason := called.reason(win, each, seen, tables))}
    evidence = called.evidence([win for win in windows if win not in reasons])
    if not not_compared and "before" in reasons:
        not_compared = Note("no_comparison_unavailable", period=possible["before"].label, reason=reasons["before"])
    direction = metric.direction_of(given)
    facts = (words, given, direction, measure.bounds, not_compared, immature)
    return Asked(metric, seen, reasons, windows, evidence, *facts)


def _not_compared(metric: Metric, tables: session.Tables, period: Period, comparison: Period) -> Note | None:
    """Why a metric is not compared, None where it is."""
    if metric.cumulative:
        return Note("no_comparison_full_history")
    _, reason = compared_with(tables.client, period)
    reason = reason or of_other_length(metric, period, comparison)
    return reason or _of_other_refunds(metric, tables, period, comparison)


@dataclass(frozen=True)
class _Called:
    """A metric that was called once for several periods, by their names: with the facts that it gave, or why it gave none."""

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


def _called(metric: Metric, tables: session.Tables, windows: dict[str, Period], given: dict[str, Any]) -> _Called:
    """The metric as its function is called once for all windows."""
    others = (name for name in windows if name not in COMPARED)
    places = {name: at for at, name in enumerate((*COMPARED, *others)) if name in windows}
    by_place = {places[name]: windows[name] for name in places}
    from_when = seen_by(metric, tables, windows["now"], True).data_from
    looking_back = {place: each.observe(from_when, each.cutoff) for place, each in by_place.items()}
    periods = Periods(by_place, relation_in(tables.derived), looking_back)
    now, before = windows["now"], windows.get("before")
    whose = _of_customers_only(metric, tables, now)
    try:
        known = _known(metric, tables, now, before) if before else None
        views = tables.views(metric.tables, periods, per_customer=whose, earlier=known)
        measure = metric(periods, views, given)
        rows = measure.rows if measure.rows is None else _held(measure.rows, metric, tables)
    except (Unavailable, *session.NoColumn) as no:
        names = map(tables.source_of, metric.reads)
        failure = no.reason if isinstance(no, Unavailable) else session.column_of(no, names)
        return _Called(replace(metric, known=metric.measure), places, periods, None, failure)
    return _Called(replace(metric, known=measure.facts), places, periods, rows, None)


def _held(rows: nw.LazyFrame, metric: Metric, tables: session.Tables) -> nw.LazyFrame:
    """A metric's evidence; that of small tables is worked out once, in a temporary table. Raises `NoColumn` for one that is not there."""
    small = {tables.source_of(name) for name in metric.reads} <= tables.small
    if not small:
        _ = rows.to_native().relation
    return tables.derived.frame(rows) if small else rows


def _immature(metric: Metric, windows: dict[str, Period]) -> frozenset[str]:
    """The windows of which too little time has passed at the data's cut-off."""
    if not metric.measure.maturity_days:
        return frozenset()
    after = timedelta(days=metric.measure.maturity_days)
    return frozenset(win for win, each in windows.items() if each.cutoff and each.end + after > each.cutoff)


def _must_be_as_exact(period: Period, client: Client) -> None:
    """Raise Unavailable for a period of days where the client's dates are exact to the month only."""
    if client.dates_exact_to == "month" and (period.start.day, period.end.day) != (1, 1):
        raise Unavailable(Note("dates_exact_to_month"))


def _parts(period: Period, client: Client) -> list[Period]:
    """The parts that make a trend: none shorter than the client's dates are exact to."""
    return [part for part in period.parts if part.months or client.dates_exact_to == "day"]


def _known(metric: Metric, tables: session.Tables, period: Period, comparison: Period) -> session.Tables:
    """The tables as the comparison is to be seen: with the refunds that were known as long after its end as the period's are.

    Of the newest orders refunds are yet to come. To count all of the older ones' would make the newest look better.
    """
    at = comparison.as_long_after(period)
    return tables.as_known(at, comparison.end) if _with_refunds(metric, tables) else tables


_ALIKE = 0.015  # of a length: of a quarter with 29 February and one without, as large a part is as new


def _of_other_refunds(metric: Metric, tables: session.Tables, period: Period, comparison: Period) -> Note | None:
    """The reason why what depends on refunds that are yet to come is not compared with a time of another length, None where it is.

    Of a longer month a smaller part is so new that its refunds are yet to come.
    """
    if max(period.days, comparison.days) <= (1 + _ALIKE) * min(period.days, comparison.days):
        return None
    if metric.compares or metric.cumulative or _known(metric, tables, period, comparison) is tables:
        return None
    return Note("no_comparison_refunds", **lengths(period, comparison))


def _with_refunds(metric: Metric, tables: session.Tables) -> bool:
    """Whether what a metric counts depends on the refunds of orders known so far; who reads all orders sees to that itself."""
    return any(name != "all_orders" and tables.source_of(name) == "orders" for name in metric.reads)


def _of_customers_only(metric: Metric, tables: session.Tables, period: Period) -> bool:
    """Whether rows without a customer are left out: of metrics of customers, and, of others, where they are too few to be told apart.

    What one metric counts beyond another would else be what those few brought.
    """
    fewest = tables.client.privacy.suppress_below
    of_both = {*map(tables.source_of, metric.reads)} & {*map(tables.source_of, _read_by_customer())}
    without = (tables.without_customer(name, period)[0] for name in of_both)
    return metric.per_customer or any(0 < each < fewest for each in without)


@cache
def _read_by_customer() -> frozenset[str]:
    """The tables that metrics of customers read."""
    return frozenset(name for metric in catalogue().values() if metric.per_customer for name in metric.reads)


def _reduced(asked: list[Asked], tables: session.Tables) -> dict[str, pd.DataFrame]:
    """The statistics of each metric's evidence, by the metric's id."""
    found, together = {}, {}
    for one in (one for one in asked if one.evidence and not _by_counts(one.metric)):
        metric, by = one.metric, _segmentations(one, tables)
        if metric.estimate.reduces == "bins":
            found[metric.id] = _counts(one, tables, by)
            continue
        small = {tables.source_of(name) for name in metric.reads} <= tables.small
        together.setdefault((by, "" if small else metric.id), []).append(one)
    for (by, _), held in together.items():
        found |= _moments(held, tables, by)
    return found


def _segmentations(asked: Asked, tables: session.Tables) -> tuple[Segmentation, ...]:
    """The client's segmentations that apply to a metric's evidence."""
    return tuple(segmentations_of(tables, {*asked.metric.reads}, asked.evidence, asked.period))


def _inferred(asked: list[Asked], tables: session.Tables) -> dict[str, Estimates]:
    """What metrics' estimators make of the counts of alike rows, by the metric's id; the same evidence is counted once."""
    estimates = [one.metric.estimate for one in asked]
    by = [_segmentations(one, tables) for one in asked]
    keys = [
        (_same(one.evidence), of, e.sums, e.folds, e.joint) for one, of, e in zip(asked, by, estimates, strict=True)
    ]
    still, counted, found = Counter(keys), {}, {}
    for one, of, estimate, key in zip(asked, by, estimates, keys, strict=True):
        if key not in counted:
            counted[key] = reduce_counts(tables.con, one.evidence, list(of), *key[2:])
        still[key] -= 1
        groups = counted[key] if still[key] else counted.pop(key)
        context = estimation_context(tables.client, one.given, one.windows)
        inferred = estimate.infer(groups, context) if groups else Estimates([])
        if estimate.moves and {*COMPARED} <= {*one.evidence.names}:
            _pair(inferred, correlations(tables.con, one.evidence, list(of), _moves(groups, estimate)))
        found[one.metric.id] = inferred
    return found


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


def _pair(inferred: Estimates, found: Correlations) -> None:
    """Put to each row of now how far it moves with that of before."""
    for row in inferred.rows:
        if row["win"] == "now":
            row["correlation"] = found.get((row["breakdown"], row["segment"], row["level"]), 0.0)


def _same(evidence: Evidence) -> tuple:
    """What is equal of two metrics' evidence where it is the same rows."""
    return evidence.sql, *evidence.periods.items()


def _moments(asked: list[Asked], tables: session.Tables, by: tuple[Segmentation, ...]) -> dict[str, pd.DataFrame]:
    """The moments of metrics' evidence; those of the same evidence (churn, and churn made into a year) are taken once."""
    keys, samples = {}, {}
    for one in asked:
        metric, evidence = one.metric, one.evidence
        keys[metric.id] = (
            _same(evidence),
            metric.per_customer,
            metric.estimate.needs,
        )
        if keys[metric.id] not in tables.reduced:
            samples[keys[metric.id]] = Sample(evidence, metric.per_customer, metric.estimate.needs)
    if samples:
        tables.reduced.update(zip(samples, reduce_moments(tables.con, list(samples.values()), by), strict=True))
    return {id_: tables.reduced[key] for id_, key in keys.items()}


def _counts(asked: Asked, tables: session.Tables, by: tuple[Segmentation, ...]) -> pd.DataFrame:
    """The counts of a metric's evidence, those of nothing among them."""
    spans = {win: _span(asked.windows[win]) for win in asked.evidence.names}
    counts = reduce_bins(tables.con, asked.evidence, by, spans)
    every = {s.name: known_levels(tables.con, s.levels) for s in by} | {"": [""]}
    bins = {win: float(count) for win, (_, _, count) in spans.items()}
    return _with_zeros(counts, bins, every, asked.metric.always if len(counts) else ())


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
    return pd.concat([counts, zero.assign(n=0.0, exposed=0.0, binned=0.0, ss=0.0)], ignore_index=True)


def notes_on_rows(asked: Asked, tables: session.Tables) -> list[Note]:
    """What is to be said of rows without a customer, and of payments that are not among those counted."""
    if not asked.windows:
        return []
    metric, notes = asked.metric, _too_new(asked)
    now = COMPARED[0] in asked.evidence.names if asked.evidence else False
    if now:
        notes += in_doubt(metric, tables, asked.period)
    notes += misdated(tables, metric.reads, asked.period)
    if "payments" in metric.reads and {"orders", "subscriptions"} <= tables.names:
        notes.append(Note("orders_only"))
    if _of_customers_only(metric, tables, asked.period):
        for name in dict.fromkeys(map(tables.source_of, metric.reads)):
            without, among = tables.without_customer(name, asked.period)
            if without:
                rows = {"rows": Count(without), "total": Count(among)}
                notes.append(Note("rows_without_customer", **rows, table=name, period=asked.period.label))
    elif now and metric.estimate.reduces == "moments" and "customer_id" in asked.evidence.types:
        counted = "and weight > 0" if "weight" in asked.evidence.types else ""
        told = (
            f"select count(*) - count(customer_id), count(*) from ({asked.evidence.sql}) where {PERIOD} = 0 {counted}"
        )
        without, among = tables.con.execute(told).fetchall()[0]
        if without:
            notes.append(Note("own_customers", rows=Count(without), total=Count(among)))
    return notes


def _too_new(asked: Asked) -> list[Note]:
    """What is to be said of rows of the period that the data do not follow for long enough."""
    metric, period = asked.metric, asked.period
    days = metric.measure.follow_up_days
    if not days or not period.cutoff:
        return []
    last = period.cutoff - timedelta(days=days)
    if period.end <= last:
        return []
    return [Note("too_new_left_out", last=f"{last:%Y-%m-%d}", days=days)]


def _evidence(
    metric: Metric, tables: session.Tables, period: Period, given: dict[str, Any]
) -> tuple[Evidence | None, Note | None]:
    """A metric's evidence in a single period, or the reason why there is none; of a derived metric that of its first input."""
    if metric.measure.is_derived:
        metric = catalogue()[_all_inputs(metric)[0]]
        given, _ = resolve(metric, tables.client)
    called = _called(metric, tables, {COMPARED[0]: period}, given)
    reason = called.reason(COMPARED[0], period, period, tables)
    return (None, reason) if reason else (called.evidence(COMPARED[:1]), None)


def nothing_counted(metric: Metric, tables: session.Tables, period: Period) -> Note | None:
    """Why a run would count nothing of a metric in the period, as the run says it; None where it counts something.

    Raises Unavailable where a declaration that it needs is missing.
    """
    given, _ = resolve(metric, tables.client)
    evidence, reason = _evidence(metric, tables, period, given)
    if evidence is None:
        return reason
    types = evidence.types
    conditions = ["den <> 0"] * ("den" in types and metric.estimate.reduces == "moments")
    conditions += ["weight > 0"] * ("weight" in types)
    inside = f"where {' and '.join(conditions)}" if conditions else ""
    counted = tables.con.execute(f"select 1 from ({evidence.sql}) {inside} limit 1").fetchall()
    return None if counted else Note("nothing_counted", units=metric.denominator or metric.numerator)


def evidence_of(metric: Metric, tables: session.Tables, period: Period, limit: int) -> pd.DataFrame:
    """The rows behind a metric's number in the period, in order, the first `limit`, without the columns declared personal.

    Raises Unavailable where there are none.
    """
    tables = tables.with_names()
    given, _ = resolve(metric, tables.client)
    evidence, reason = _evidence(metric, tables, period, given)
    if evidence is None:
        raise Unavailable(reason)
    rows = tables.con.sql(f"select * exclude ({PERIOD}) from ({evidence.sql}) order by all limit {int(limit)}").df()
    there = [name for name in tables.client.tables if name in tables.names]
    personal = {name for table in there for name in personal_columns(tables.client, table, list(rows.columns))}
    return rows.drop(columns=list(personal))
