"""Request: a metric as it is asked of a client: its periods, and the evidence in each or the reason why there is none."""

from dataclasses import dataclass, field
from typing import Any

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.evidence import BEFORE, Evidence
from crmnb.engine.session import Tables
from crmnb.evaluate.comparability import immature_windows, reason_not_compared
from crmnb.evaluate.metric_call import MetricCall, call_of, of_customers_only
from crmnb.evaluate.settings import compared_with, resolve, seen_by
from crmnb.metrics.definition import Direction, Metric
from crmnb.schema.client import Client

_MOST_BEFORE = 60  # parts of the comparison: more are no line that anybody could read


@dataclass(frozen=True)
class Request:
    """A metric as it is asked of a client: its windows, and the evidence in each or the reason why there is none."""

    metric: Metric
    period: Period
    reasons: dict[str, Note]
    windows: dict[str, Period] = field(default_factory=dict)
    evidence: Evidence | None = None
    words: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    direction: Direction = "-"
    bounds: tuple[float, float] | None = None
    not_compared: Note | None = None
    immature: frozenset[str] = frozenset()


def request_of(metric: Metric, tables: Tables, period: Period) -> Request:
    """A metric whose function takes all periods at once: the reporting period, its comparison, and its parts."""
    client = tables.client
    try:
        for name in metric.reads:
            tables.frame(name, per_customer=of_customers_only(metric, tables, period))
        _must_be_as_exact(period, client)
        arguments, words = resolve(metric, client)
    except Unavailable as no:
        return Request(metric, period, {"current": no.reason})
    seen = seen_by(metric, tables, period, "churn" in metric.declarations)
    comparison = compared_with(client, seen)[0]
    parts = {part.label: part for part in _parts(seen, client)}
    before = {f"{BEFORE}{part.label}": part for part in _parts_before(metric, comparison, client)}
    possible = {"current": seen, "comparison": comparison} | (parts | before if metric.trend and len(parts) > 1 else {})
    called = call_of(metric, tables, possible, arguments)
    metric, measure = called.metric, called.metric.measure
    seen = seen_by(metric, tables, period)
    not_compared = reason_not_compared(metric, tables, seen, possible["comparison"])
    windows = {"current": seen} | ({} if not_compared or measure.compares else {"comparison": possible["comparison"]})
    immature = immature_windows(metric, windows | parts | before)
    if not not_compared and "current" in immature:
        not_compared = Note("no_comparison_too_early", period=seen.label, days=measure.maturity_days)
        windows.pop("comparison", None)
    if metric.over_time:
        windows |= {name: part for name, part in possible.items() if name in parts}
    if metric.over_time and "comparison" in windows:
        windows |= {name: part for name, part in possible.items() if name in before}
    if measure.is_derived:  # whose reasons are those of its inputs
        reasons = _reasons_of_peers(called, windows, seen, tables) if metric.tables else {}
        facts = (words, arguments, metric.direction_of(arguments), None, not_compared)
        return Request(metric, seen, reasons, windows, None, *facts)
    reasons = {win: reason for win, window in windows.items() if (reason := called.reason(win, window, seen, tables))}
    evidence = called.evidence([win for win in windows if win not in reasons])
    if not not_compared and "comparison" in reasons:
        not_compared = Note(
            "no_comparison_unavailable", period=possible["comparison"].label, reason=reasons["comparison"]
        )
    direction = metric.direction_of(arguments)
    facts = (words, arguments, direction, measure.bounds, not_compared, immature)
    return Request(metric, seen, reasons, windows, evidence, *facts)


def _reasons_of_peers(called: MetricCall, windows: dict[str, Period], seen: Period, tables: Tables) -> dict[str, Note]:
    """Why there are no figures of peers, by window; where there are none at all, nothing is counted."""
    measure = called.metric.measure
    nothing = None if measure.inputs else Note("nothing_counted", units=measure.denominator)
    reasons = {win: called.reason(win, window, seen, tables) or nothing for win, window in windows.items()}
    return {win: reason for win, reason in reasons.items() if reason}


def _must_be_as_exact(period: Period, client: Client) -> None:
    """Raise Unavailable for a period of days where the client's dates are exact to the month only."""
    if client.dates_exact_to == "month" and (period.start.day, period.end.day) != (1, 1):
        raise Unavailable(Note("dates_exact_to_month"))


def _parts_before(metric: Metric, comparison: Period, client: Client) -> list[Period]:
    """The parts of the comparison period, of metrics for which they are one more sum over rows that are read anyway.

    States would be counted once more for each part, and a curve or a model fitted once more.
    """
    cheap = metric.measure.of_events and metric.estimate.reduces in ("moments", "bins")
    parts = _parts(comparison, client) if cheap and not comparison.partial else []
    return parts if len(parts) <= _MOST_BEFORE else []


def _parts(period: Period, client: Client) -> list[Period]:
    """The parts that make a trend: none shorter than the client's dates are exact to."""
    return [part for part in period.parts if part.months or client.dates_exact_to == "day"]
