"""Survival: how long customers, tickets or leads last, from counts by `entry`, `duration` (days) and `event` (1 ended, 0 censored).

Kaplan & Meier, with the log-log band of Kalbfleisch & Prentice, the limits of Brookmeyer & Crowley for the median, and the log-rank
test between the levels of a segmentation, Holm over segmentations (`crmnb.stats.models.kaplan_meier` names the papers). The one
setting, `grace_days` (0 by default), is the number of days within which nobody can be lost by definition, as with churn by inactivity.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.curve_steps import safe_places
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, comparable
from crmnb.stats.models import kaplan_meier
from crmnb.stats.models.kaplan_meier import Curve
from crmnb.stats.multiple_tests import holm

# The times, in days, at which survival is reported.
TIMES = {
    "after 30 days": 30,
    "after 90 days": 90,
    "after 180 days": 180,
    "after 1 year": 365,
    "after 2 years": 730,
    "after 3 years": 1095,
}
_MAX_STEPS = 200  # of a curve in a chart
_LEFT_TRUNCATED = 0.5  # the share of late entries from which on the curve carries a note
_MIN_AT_RISK = (
    10  # a curve with late entries begins where so many are at risk; a figure that depends on fewer is unreliable
)
_LONGEST_GAP = 31  # days with nobody at risk that do not end a curve: dates exact to the month leave such gaps


def curve(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Survival at `TIMES`, the whole curves as points, and whether the levels of segmentations differ."""
    curves = _curves(groups, context)
    grace_days = context.settings.get("grace_days", 0)
    rows = [row for group, survival in curves for row in _shares(group, survival, grace_days)]
    notes = _notes(curves, grace_days) + _differences([group for group, _ in curves], context)
    return Estimates(rows, _points(curves, context.suppress_below), notes)


def median(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The days by which half of the cases (tickets, leads) have ended; where that is not reached, the share that is still open."""
    return _medians(groups, context, Note("too_few_cases_followed"), _open_cases)


def median_lifetime(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The days by which half of the customers are lost; where that is not reached, the share that is left at the end."""
    return _medians(groups, context, Note("too_few_followed"), _remaining_customers)


def _medians(
    groups: list[GroupedCounts],
    context: EstimationContext,
    too_few: Note,
    not_reached: Callable[[Curve, float], Note],
) -> Estimates:
    """too_few: the reason where nobody is followed to the end. not_reached: from a curve and its last share to the reason."""
    curves = _curves(groups, context)
    grace_days = context.settings.get("grace_days", 0)
    rows = [_median(group, survival, grace_days, too_few, not_reached) for group, survival in curves]
    return Estimates(rows, notes=_notes(curves, grace_days))


def _curves(groups: list[GroupedCounts], context: EstimationContext) -> list[tuple[GroupedCounts, Curve]]:
    """The comparable groups with their survival curves."""
    return [(group, _curve(group, context)) for group in comparable(groups, context.time_segmentations)]


def _curve(group: GroupedCounts, context: EstimationContext) -> Curve:
    """Survival in a group, from the age at which enough are at risk to the age at which too few are for privacy.

    With late entry everybody at risk may be gone before others enter: see `kaplan_meier.observed_ages`.
    """
    data = _arrays(group)
    fewest = max(context.suppress_below, 1)
    start, last = kaplan_meier.observed_ages(*data, max(fewest, _MIN_AT_RISK), fewest, _LONGEST_GAP)
    survival = kaplan_meier.kaplan_meier(*data, context.level, start)
    return replace(survival, table=survival.table[survival.table["time"] <= last].reset_index(drop=True), last=last)


def _arrays(group: GroupedCounts) -> tuple[np.ndarray, ...]:
    return tuple(group.counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n"))


def _shares(group: GroupedCounts, survival: Curve, grace_days: float) -> list[dict]:
    """The rows of survival at the times that are observed."""
    earliest = max(grace_days, survival.start)
    times = {name: days for name, days in TIMES.items() if earliest <= days <= survival.last}
    if not times:
        return [group.row(reason=Note("follow_up_too_short", days=_required_follow_up(survival, grace_days)))]
    values = kaplan_meier.at(survival, list(times.values()))
    fields = {"method": "Kaplan-Meier", "reason": _condition(survival)}
    return [
        group.row(breakdown=name, value=value, low=low, high=high, flags=_reliability(survival, time), **fields)
        for name, (time, value, low, high) in zip(times, values.itertuples(index=False), strict=True)
    ]


def _condition(survival: Curve) -> Note | str:
    """The condition of a curve that does not begin at time 0; "" where it does."""
    return Note("conditional_on_tenure", days=survival.start) if survival.start > 0 else ""


def _reliability(survival: Curve, until: float) -> str:
    """The flag "unreliable" where too few were at risk at some time until then: such intervals cover too seldom."""
    at_risk = survival.table.loc[survival.table["time"] <= until, "at_risk"]
    return "unreliable" if len(at_risk) and at_risk.min() < _MIN_AT_RISK else ""


def _required_follow_up(survival: Curve, grace_days: float) -> float:
    """The days of follow-up that any figure needs."""
    return max(grace_days, survival.start, min(TIMES.values()))


def _points(curves: list[tuple[GroupedCounts, Curve]], fewest: int) -> list[dict]:
    """The points of the curves. Where small groups are suppressed, all levels have points at times of the whole only, with n at each."""
    if fewest <= 1:
        return [point for group, survival in curves for point in _every_step(group, survival)]
    points, common = [], None
    for group, survival in sorted(curves, key=lambda pair: not pair[0].is_whole):
        times = _safe_times(group, survival, fewest, common)
        if group.is_whole:
            common = times
        elif common is not None:
            hidden = np.setdiff1d(common, times)
            at_risk = _at_risk(group, survival, hidden)
            points += [group.point(x, np.nan, n=n) for x, n in zip(hidden, at_risk, strict=True)]
        points += _points_at(group, survival, times)
    return points


def _safe_times(group: GroupedCounts, survival: Curve, fewest: int, common: np.ndarray | None) -> np.ndarray:
    """The times between which at least `fewest` were lost, entered or were censored; of levels, among the whole's (`common`)."""
    entry, duration, event, n = _arrays(group)
    candidates = np.unique(np.concatenate([entry, duration])) if common is None else common
    inside = candidates[(candidates > survival.start) & (candidates < survival.last)]
    times = np.union1d(inside, [survival.start, survival.last])

    def moves(side: Literal["left", "right"]) -> list[np.ndarray]:
        """By time, who was lost, was censored and entered; of side "right", whoever did so at a time counts at the next."""
        last = survival.last if side == "left" else np.nextafter(survival.last, -np.inf)

        def by_time(at: np.ndarray, n: np.ndarray) -> np.ndarray:
            covered = (at > survival.start) & (at <= last)
            return np.bincount(np.searchsorted(times, at[covered], side), n[covered], len(times))

        return [by_time(duration, n * (event == 1)), by_time(duration, n * (event == 0)), by_time(entry, n)]

    safe = times[safe_places(times, moves("left"), fewest, moves("right"))]
    even = np.linspace(0, len(safe) - 1, _MAX_STEPS).round().astype(int)
    return safe if len(safe) <= _MAX_STEPS else safe[np.unique(even)]


def _every_step(group: GroupedCounts, survival: Curve) -> list[dict]:
    """The points at the curve's steps (at most as many as even times), and at even times, which show how many are at risk."""
    steps, even = survival.table["time"].to_numpy(), np.linspace(survival.start, survival.last, _MAX_STEPS // 2)
    if len(steps) > len(even):
        steps = np.unique(steps[np.searchsorted(steps, even[even >= steps[0]], side="right") - 1])
    return _points_at(group, survival, np.union1d(even, steps))


def _points_at(group: GroupedCounts, survival: Curve, times: np.ndarray) -> list[dict]:
    """The curve's points at some times."""
    rows = zip(kaplan_meier.at(survival, times).itertuples(index=False), _at_risk(group, survival, times), strict=True)
    return [group.point(x, value, low, high, n) for (x, value, low, high), n in rows]


def _at_risk(group: GroupedCounts, survival: Curve, times: np.ndarray) -> np.ndarray:
    """How many are at risk at some times; at the start, just after it."""
    entry, duration, _, n = _arrays(group)
    return kaplan_meier.at_risk(np.maximum(times, np.nextafter(survival.start, np.inf)), entry, duration, n)


def _median(
    group: GroupedCounts, survival: Curve, grace_days: float, too_few: Note, not_reached: Callable[[Curve, float], Note]
) -> dict:
    """The row of the median of a group."""
    method, required = "Kaplan-Meier", max(grace_days, survival.start)
    if survival.last < required:
        return group.row(reason=Note("follow_up_too_short", days=required))
    value, low, high = kaplan_meier.quantile(survival)
    if grace_days and value <= grace_days:  # it would be these days, whatever the customers did
        return group.row(reason=Note("median_is_grace_period", days=grace_days))
    if np.isfinite(value):
        fields = {"flags": _reliability(survival, value), "reason": _condition(survival)}
        return group.row(value=value, low=low, high=high, method=method, **fields)
    share = kaplan_meier.at(survival, [survival.last])["value"].iloc[0]
    if np.isnan(share):
        return group.row(reason=too_few)
    low = low if np.isfinite(low) else np.nan
    return group.row(low=low, high=np.inf, method=method, flags="not_reached", reason=not_reached(survival, share))


def _open_cases(survival: Curve, share: float) -> Note:
    return Note("median_of_cases_not_reached", days=survival.last, share=share)


def _remaining_customers(survival: Curve, share: float) -> Note:
    if survival.start > 0:
        return Note("median_not_reached_from_tenure", days=survival.last, share=share, start=survival.start)
    return Note("median_not_reached", days=survival.last, share=share)


def _notes(curves: list[tuple[GroupedCounts, Curve]], grace_days: float) -> list[Note]:
    """What the whole client's curve assumes about the first days."""
    return [note for group, survival in curves if group.is_whole for note in _assumptions(group, survival, grace_days)]


def _assumptions(group: GroupedCounts, survival: Curve, grace_days: float) -> list[Note]:
    notes = [Note("grace_period", days=grace_days)] if grace_days else []
    if survival.start > 0:
        notes.append(Note("curve_begins_late", days=survival.start))
    share = (group.counts["n"] * (group.counts["entry"] > 0)).sum() / group.n
    if share > _LEFT_TRUNCATED:
        notes.append(Note("left_truncated", share=share))
    return notes


def _differences(groups: list[GroupedCounts], context: EstimationContext) -> list[Note]:
    """By which segmentations the curves differ, by the log-rank test; segmentations with the same outcome share a note."""
    statistics = {}
    for name in dict.fromkeys(group.segment for group in groups if not group.is_whole):
        levels = [group for group in groups if group.segment == name and group.n >= max(context.suppress_below, 1)]
        if len(levels) > 1:
            statistics[name] = kaplan_meier.logrank([_arrays(level) for level in levels])[2]
    p_values = pd.Series(statistics, dtype=float).dropna()
    if p_values.empty:
        return []
    outcomes: dict[tuple[bool, float], list[str]] = {}
    for name, p_value in zip(p_values.index, holm(p_values), strict=True):
        shown = float(f"{p_value:.2g}") if p_value >= 0.001 else 0.0
        outcomes.setdefault((bool(p_value < 1 - context.level), shown), []).append(name)
    return [
        Note("curves_compared", segmentations=names, differ=differ, p_value=p_value, adjusted=len(p_values) > 1)
        for (differ, p_value), names in outcomes.items()
    ]
