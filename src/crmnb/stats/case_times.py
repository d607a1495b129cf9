"""Times of cases: how long tickets and the like take, of which some are still open and of some the time is not known.

Counts have `duration` (in the unit of the result), `event` (1 came, 0 still open when the data end) and `fold` (groups of customers).
Groups of a breakdown of their own (`MISSING`) hold the cases that ended without a time: these are left out and counted.
Intervals are by customer (`crmnb.stats.models.clustered_kaplan_meier`). Settings: `horizon_hours` of the restricted mean; `has_working_week`,
whether durations are hours of a working week.
"""

from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from crmnb.core.notes import Count, Note
from crmnb.stats.curve_steps import safe_places
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, comparable
from crmnb.stats.models import clustered_kaplan_meier, kaplan_meier
from crmnb.stats.models.kaplan_meier import Curve
from crmnb.stats.shared_fits import shared

MISSING = "without a time"
_FEW = 30  # customers, below which an interval is too narrow
_MIN_AT_RISK = 10  # a figure that depends on fewer is unreliable
_MOST_POINTS = 200


def median(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The time within which half of the cases came, with Brookmeyer & Crowley's limits."""
    return _quantiles(groups, context, 0.5)


def ninetieth_percentile(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The time within which nine of ten cases came."""
    return _quantiles(groups, context, 0.9)


def restricted_mean(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The mean time up to the horizon, in which a longer time counts as the horizon."""
    horizon = float(context.settings["horizon_hours"])
    every = [(group, _whole_curve(group, context)) for group in _with_times(groups, context)]
    rows = [_mean_row(group, curve, horizon, context.level) for group, curve in every]
    return Estimates(rows, notes=_notes(groups, context))


def share_done(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the cases that came within each of some times (setting `within`: label to time), and the curve as points."""
    times = dict(context.settings["within"])
    rows, points = [], []
    for group, curve in _curves(groups, context):
        reached = {label: time for label, time in times.items() if time <= curve.last}
        values = kaplan_meier.at(curve, [*reached.values()])
        for label, (time, value, low, high) in zip(reached, values.itertuples(index=False), strict=True):
            fields = {"value": 1 - value, "low": 1 - high, "high": 1 - low, "flags": _reliability(group, curve, time)}
            rows.append(group.row(breakdown=label, method="Kaplan-Meier", **fields))
        if not reached:
            rows.append(group.row(reason=Note("cases_followed_too_short", hours=min(times.values()))))
        if group.win == "current":
            points += _points(group, curve, max(context.suppress_below, 1))
    return Estimates(rows, points, _notes(groups, context))


def _with_times(groups: list[GroupedCounts], context: EstimationContext) -> list[GroupedCounts]:
    return [group for group in comparable(groups, context.time_segmentations) if group.breakdown != MISSING]


def _curves(groups: list[GroupedCounts], context: EstimationContext) -> list[tuple[GroupedCounts, Curve]]:
    """The groups of cases with a time, and their curves, as far as enough cases are at risk to be shown."""
    return [(group, _shown_curve(group, context)) for group in _with_times(groups, context)]


def _whole_curve(group: GroupedCounts, context: EstimationContext) -> Curve:
    return _curve(*_arrays(group), group.customers < group.n, context.level)


@shared
def _curve(duration, event, n, fold, by_fold: bool, level: float) -> Curve:
    if by_fold:
        return clustered_kaplan_meier.clustered_curve(duration, event, n, fold, level)
    return kaplan_meier.kaplan_meier(np.zeros(len(duration)), duration, event, n, level)


def _shown_curve(group: GroupedCounts, context: EstimationContext) -> Curve:
    curve, (duration, _, n, _) = _whole_curve(group, context), _arrays(group)
    ends = np.unique(duration)
    shown = ends[clustered_kaplan_meier.number_at_risk(ends, duration, n) >= max(context.suppress_below, 1)]
    last = float(shown.max()) if len(shown) else 0.0
    table = curve.table[curve.table["time"] <= last].reset_index(drop=True)
    return replace(curve, table=table, last=last)


def _arrays(group: GroupedCounts) -> tuple[np.ndarray, ...]:
    return tuple(group.counts[name].to_numpy(float) for name in ("duration", "event", "n", "fold"))


def _quantiles(groups: list[GroupedCounts], context: EstimationContext, share: float) -> Estimates:
    rows = [_quantile_row(group, curve, share) for group, curve in _curves(groups, context)]
    return Estimates(rows, notes=_notes(groups, context))


def _quantile_row(group: GroupedCounts, curve: Curve, share: float) -> dict:
    value, low, high = kaplan_meier.quantile(curve, share)
    if np.isfinite(value):
        flags = _reliability(group, curve, value)
        return group.row(value=value, low=low, high=high, method="Kaplan-Meier", flags=flags)
    left = float(curve.table["value"].iloc[-1]) if len(curve.table) else 1.0
    reason = Note("quantile_of_cases_not_reached", hours=curve.last, share=left)
    low = low if np.isfinite(low) else np.nan
    if np.isnan(low):
        return group.row(reason=reason)
    return group.row(low=low, high=np.inf, method="Kaplan-Meier", flags="not_reached", reason=reason)


def _mean_row(group: GroupedCounts, curve: Curve, horizon: float, level: float) -> dict:
    value = clustered_kaplan_meier.restricted_mean(curve, horizon)
    if np.isnan(value):
        return group.row(reason=Note("cases_followed_too_short", hours=horizon))
    if group.customers < group.n:
        error = clustered_kaplan_meier.clustered_mean_error(curve, horizon, *_arrays(group))
    else:
        error = clustered_kaplan_meier.restricted_mean_error(curve, horizon)
    half = stdtrit(group.customers - 1, (1 + level) / 2) * error if group.customers > 1 and error > 0 else np.nan
    fields = {"low": max(value - half, 0.0), "high": min(value + half, horizon)} if np.isfinite(half) else {}
    flags = _reliability(group, curve, horizon)
    return group.row(value=value, method="restricted mean", flags=flags, **fields)


def _reliability(group: GroupedCounts, curve: Curve, until: float) -> str:
    """The flag "unreliable" where few customers, or few cases at some time until then, stand behind a figure."""
    risk = curve.table.loc[curve.table["time"] <= until, "at_risk"]
    return "unreliable" if group.customers < _FEW or (len(risk) and risk.min() < _MIN_AT_RISK) else ""


def _points(group: GroupedCounts, curve: Curve, fewest: int) -> list[dict]:
    """The share that came by each time; between two points at least `fewest` cases came."""
    duration, event, n, _ = _arrays(group)
    came = (duration <= curve.last) & (event == 1)
    times = np.union1d(np.unique(duration[came]), [0.0, curve.last])
    if fewest > 1:
        moves = [np.bincount(np.searchsorted(times, duration[came]), n[came], len(times))]
        times = times[safe_places(times, moves, fewest)]
    if len(times) > _MOST_POINTS:
        times = times[np.unique(np.linspace(0, len(times) - 1, _MOST_POINTS).round().astype(int))]
    values = kaplan_meier.at(curve, times).itertuples(index=False)
    return [group.point(x, 1 - value, 1 - high, 1 - low, n=group.n) for x, value, low, high in values]


def _notes(groups: list[GroupedCounts], context: EstimationContext) -> list[Note]:
    """Of the whole client's current period: which hours count, how many cases are still open, and how many are left out without a time."""
    now = {group.breakdown: group for group in groups if group.win == "current" and group.is_whole}
    notes = [Note("hours_of_working_week" if context.settings.get("has_working_week") else "hours_of_calendar")]
    if known := now.get(""):
        still = float(known.counts.loc[known.counts["event"] == 0, "n"].sum())
        notes += [Note("cases_still_open", cases=Count(still), of=Count(known.n))] if still else []
    if missing := now.get(MISSING):
        total = missing.n + (known.n if known else 0)
        notes.append(Note("cases_without_time", cases=Count(missing.n), of=Count(total)))
    return notes
