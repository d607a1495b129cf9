"""Lifetimes: how long customers stay, from counts by `entry`, `duration` (days) and `event` (1 lost, 0 still there).

Kaplan & Meier, with the log-log band of Kalbfleisch & Prentice, the limits of Brookmeyer & Crowley for the median, and the log-rank
test between the levels of a segmentation, Holm over segmentations (`crmnb.stats.models.kaplan_meier` names the papers).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from crmnb.stats.curve_steps import told_at
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, comparable
from crmnb.stats.models import kaplan_meier

# When survival is told, in days; a period that is shorter than the days of inactivity is no news, as nobody can be lost so soon.
TOLD_AFTER = {
    "after 30 days": 30,
    "after 90 days": 90,
    "after 180 days": 180,
    "after 1 year": 365,
    "after 2 years": 730,
    "after 3 years": 1095,
}
_STEPS_DRAWN = 200  # of a curve; more than a picture can show
_MOST = 0.5
_ENOUGH = (
    10  # customers at risk: from fewer on no curve begins where some enter late, and what hangs on fewer is unreliable
)
_BRIDGED = 31  # days in which nobody is at risk, as if nobody left meanwhile: dates exact to the month leave such


def curve(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share that stays longer than certain times; the whole curves as points; and whether segments differ, in words."""
    rows, fitted = [], []
    for group in comparable(groups, context.time_segmentations):
        one = _curve(group, context)
        fitted.append((group, one))
        rows += _shares(group, one, context)
    points = _points(fitted, context)
    notes = [note for group, one in fitted if group.is_whole for note in _beginning(group, one, context)]
    return Estimates(rows, points, notes + _between_levels([group for group, _ in fitted], context))


def median(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The time by which half of the customers are lost; where that is not reached, how many are left at the end."""
    fitted = [(group, _curve(group, context)) for group in comparable(groups, context.time_segmentations)]
    notes = [note for group, one in fitted if group.is_whole for note in _beginning(group, one, context)]
    return Estimates([_median(group, one, context) for group, one in fitted], notes=notes)


def _curve(group: GroupedCounts, context: EstimationContext) -> kaplan_meier.Curve:
    """Survival in a group, from the age on at which enough are at risk, until too few are for privacy.

    Where observation begins late everybody at risk may be gone before others enter: see `survival.observed_ages`.
    """
    data = _arrays(group)
    fewest = max(context.suppress_below, 1)
    start, last = kaplan_meier.observed_ages(*data, max(fewest, _ENOUGH), fewest, _BRIDGED)
    found = kaplan_meier.kaplan_meier(*data, context.level, start)
    return replace(found, table=found.table[found.table["time"] <= last].reset_index(drop=True), last=last)


def _arrays(group: GroupedCounts) -> tuple[np.ndarray, ...]:
    return tuple(group.counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n"))


def _shares(group: GroupedCounts, one: kaplan_meier.Curve, context: EstimationContext) -> list[dict]:
    earliest = max(context.settings.get("grace_days", 0), one.start)
    times = {name: days for name, days in TOLD_AFTER.items() if earliest <= days <= one.last}
    if not times:
        return [group.row(reason=f"needs customers followed for {_needed(one, context):,.0f} days or more")]
    values = kaplan_meier.at(one, list(times.values()))
    facts = {"method": "Kaplan-Meier", "reason": _condition(one)}
    return [
        group.row(breakdown=name, value=value, low=low, high=high, flags=_doubt(one, time), **facts)
        for name, (time, value, low, high) in zip(times, values.itertuples(index=False), strict=True)
    ]


def _condition(one: kaplan_meier.Curve) -> str:
    """Of whom a curve is that does not begin with the first day; "" where it does."""
    return f"among those who had stayed for {one.start:,.0f} days" if one.start > 0 else ""


def _doubt(one: kaplan_meier.Curve, until: float) -> str:
    """The flag of a figure on the way to which too few customers were at risk: then its interval holds too seldom."""
    on_the_way = one.table.loc[one.table["time"] <= until, "at_risk"]
    return "unreliable" if len(on_the_way) and on_the_way.min() < _ENOUGH else ""


def _needed(one: kaplan_meier.Curve, context: EstimationContext) -> float:
    """For how many days customers must have been followed for anything to be told; by inactivity nobody can be lost sooner."""
    return max(context.settings.get("grace_days", 0), one.start, min(TOLD_AFTER.values()))


def _points(fitted: list[tuple[GroupedCounts, kaplan_meier.Curve]], context: EstimationContext) -> list[dict]:
    """The curves as drawn. Where single customers are not to be shown, all are told at the same few times, and how many are left of all."""
    fewest = context.suppress_below
    if fewest <= 1:
        return [point for group, one in fitted for point in _every_step(group, one)]
    found, common = [], None
    for group, one in sorted(fitted, key=lambda pair: not pair[0].is_whole):
        times = _enough_between(group, one, fewest, common)
        if group.is_whole:
            common = times
        elif common is not None:
            unseen = np.setdiff1d(common, times)
            found += [group.point(x, np.nan, n=n) for x, n in zip(unseen, _at_risk(group, one, unseen), strict=True)]
        found += _at(group, one, times)
    return found


def _enough_between(
    group: GroupedCounts, one: kaplan_meier.Curve, fewest: int, common: np.ndarray | None
) -> np.ndarray:
    """The times between which enough customers were lost or came in or went out of sight; of levels, among the whole's (`common`)."""
    entry, duration, event, n = _arrays(group)
    inside = np.unique(np.concatenate([entry, duration])) if common is None else common
    times = np.union1d(inside[(inside > one.start) & (inside < one.last)], [one.start, one.last])

    def by_time(at: np.ndarray, n: np.ndarray) -> np.ndarray:
        kept = (at > one.start) & (at <= one.last)
        return np.bincount(np.searchsorted(times, at[kept]), n[kept], len(times))

    ways = [by_time(duration, n * (event == 1)), by_time(duration, n * (event == 0)), by_time(entry, n)]
    found = times[told_at(times, ways, fewest)]
    even = np.linspace(0, len(found) - 1, _STEPS_DRAWN).round().astype(int)
    return found if len(found) <= _STEPS_DRAWN else found[np.unique(even)]


def _every_step(group: GroupedCounts, one: kaplan_meier.Curve) -> list[dict]:
    """The curve at its steps (or as many even times), and at even times, which tell how many are at risk between them."""
    steps, even = one.table["time"].to_numpy(), np.linspace(one.start, one.last, _STEPS_DRAWN // 2)
    if len(steps) > len(even):
        steps = np.unique(steps[np.searchsorted(steps, even[even >= steps[0]], side="right") - 1])
    return _at(group, one, np.union1d(even, steps))


def _at(group: GroupedCounts, one: kaplan_meier.Curve, times: np.ndarray) -> list[dict]:
    """The curve's points at some times."""
    told = zip(kaplan_meier.at(one, times).itertuples(index=False), _at_risk(group, one, times), strict=True)
    return [group.point(x, value, low, high, n) for (x, value, low, high), n in told]


def _at_risk(group: GroupedCounts, one: kaplan_meier.Curve, times: np.ndarray) -> np.ndarray:
    """How many were at risk at some times; at the beginning, just after it."""
    entry, duration, _, n = _arrays(group)
    return kaplan_meier.at_risk(np.maximum(times, np.nextafter(one.start, np.inf)), entry, duration, n)


def _median(group: GroupedCounts, one: kaplan_meier.Curve, context: EstimationContext) -> dict:
    method, needed = "Kaplan-Meier", _needed(one, context)
    if one.last < needed:
        return group.row(reason=f"needs customers followed for {needed:,.0f} days or more")
    value, low, high = kaplan_meier.quantile(one)
    if value <= context.settings.get("grace_days", 0):
        return group.row(reason=_never_again(context))
    if np.isfinite(value):
        facts = {"flags": _doubt(one, value), "reason": _condition(one)}
        return group.row(value=value, low=low, high=high, method=method, **facts)
    left = kaplan_meier.at(one, [one.last])["value"].iloc[0]
    if np.isnan(left):
        return group.row(reason="too few customers are followed for long enough")
    low = low if np.isfinite(low) else np.nan
    of_whom = f" of those who had stayed for {one.start:,.0f} days" if one.start > 0 else ""
    reason = f"not reached: after {one.last:,.0f} days {100 * left:.0f} %{of_whom} are still customers"
    return group.row(low=low, high=np.inf, method=method, flags="not_reached", reason=reason)


def _never_again(context: EstimationContext) -> str:
    """Why a median within the days of inactivity is none: it would be these days, whatever the customers did."""
    days = context.settings.get("grace_days", 0)
    return (
        f"half or more never ordered again, so the figure would be the {days:,.0f} days of inactivity that are declared"
    )


def _beginning(group: GroupedCounts, one: kaplan_meier.Curve, context: EstimationContext) -> list[str]:
    """What is to be said where nobody can be lost, or customers were not seen, from their first day on."""
    days, said = context.settings.get("grace_days", 0), []
    if days:
        said.append(
            f"Nobody is lost sooner than {days:,.0f} days after the first order: then it is those who never ordered again."
        )
    if one.start > 0:
        said.append(
            f"Too few were seen from the first day on: the curve begins with those who had stayed for {one.start:,.0f} days, "
            "and every figure is among these."
        )
    late = (group.counts["n"] * (group.counts["entry"] > 0)).sum() / group.n
    if late > _MOST:
        said.append(
            f"{100 * late:.0f} % of the customers joined before the data begin. This puts together how many were lost at each age in the "
            "time seen: it is what comes of customers if that goes on, not what came of these."
        )
    return said


def _between_levels(groups: list[GroupedCounts], context: EstimationContext) -> list[str]:
    """In words, by which segmentations the curves differ, by the log-rank test."""
    found = {}
    for name in dict.fromkeys(group.segment for group in groups if not group.is_whole):
        levels = [g for g in groups if g.segment == name and g.n >= max(context.suppress_below, 1)]
        if len(levels) > 1:
            found[name] = kaplan_meier.logrank([_arrays(level) for level in levels])[2]
    p_values = pd.Series(found, dtype=float).dropna()
    if p_values.empty:
        return []
    adjusted = multipletests(p_values, method="holm")[1]
    test = "log-rank test, Holm" if len(p_values) > 1 else "log-rank test"
    alike: dict[str, list[str]] = {}
    for name, p in zip(p_values.index, adjusted, strict=True):
        alike.setdefault(f"the curves {_differ(p, context.level)} ({test}, {_p(p)})", []).append(name.replace("_", " "))
    return [f"By {_listed(names)} {words}." for words, names in alike.items()]


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _differ(p: float, level: float) -> str:
    return "differ more than chance explains" if p < 1 - level else "do not differ beyond chance"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
