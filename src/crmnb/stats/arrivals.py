"""Arrivals: at which weekday and hour cases come.

Counts have `slot`, the hour of the week from Monday 0:00 (0 to 167), and `n`.
"""

import numpy as np

from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS = 24


def pattern(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of all cases by weekday, and by hour of the week as points, without an interval: all of them are counted."""
    rows, points = [], []
    for group in (group for group in groups if group.is_whole):
        counts = np.bincount(group.counts["slot"].to_numpy(int), group.counts["n"], len(WEEKDAYS) * _HOURS)
        by_day = counts.reshape(len(WEEKDAYS), _HOURS)
        for name, n in zip(WEEKDAYS, by_day.sum(axis=1), strict=True):
            sizes = {
                "n": float(n),
                "clusters": float(min(n, group.customers)),
                "numerator": float(n),
                "denominator": group.n,
            }
            rows.append(group.row(breakdown=name, value=float(n) / group.n, method="none", **sizes))
        if group.win == "current":
            shown = np.concatenate([_shown(hours, max(context.suppress_below, 1)) for hours in by_day])
            points = [
                group.point(
                    float(slot),
                    float(counts[slot]) / group.n,
                    n=max(float(counts[slot]), float(context.suppress_below)),
                )
                for slot in np.flatnonzero(shown)
            ]
    return Estimates(rows, points)


def _shown(hours: np.ndarray, fewest: int) -> np.ndarray:
    """Which hours of a day may be shown: none of a few cases, nor one from which these would follow, as the day's sum is known."""
    hidden = (hours > 0) & (hours < fewest)
    if not hidden.any():
        return np.ones(len(hours), bool)
    for place in np.argsort(hours, kind="stable"):
        if hidden.sum() >= 2 and hours[hidden].sum() >= fewest:
            break
        hidden[place] |= hours[place] > 0
    return ~hidden
