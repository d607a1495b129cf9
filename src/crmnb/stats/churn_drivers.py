"""Drivers: which attributes of customers go with leaving sooner, from counts by `entry`, `duration`, `event` and the attributes.

Cox 1972, JRSS-B 34:187, ties by Efron; Wald intervals on the logarithm; the check that ratios stay the same over time by Grambsch &
Therneau 1994, Biometrika 81:515 (`crmnb.stats.models.cox`). Fewer than ten events per coefficient: Peduzzi, Concato, Feinstein & Holford
1995, Journal of Clinical Epidemiology 48:1503.
"""

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.cox import Fit, cox, proportionality
from crmnb.stats.models.maximum_likelihood import CannotFit

OF = "of "  # what the column of an attribute begins with in the evidence, so that it is called like nothing else there
_EVENTS_EACH = 10
_VAGUE = 5.0  # a standard error of a logarithm with which a ratio of 1 is not told from one of 20,000


def hazard_ratios(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The hazard of each level of each attribute beside that of its largest level, the other attributes held."""
    rows, notes = [], []
    for group in (group for group in groups if group.is_whole):
        try:
            found, said = _fitted(group, context)
        except CannotFit as no:
            found, said = [group.row(reason=str(no))], []
        rows += found
        notes += said
    return Estimates(rows, [], notes)


def _fitted(group: GroupedCounts, context: EstimationContext) -> tuple[list[dict], list[str]]:
    attributes = [name for name in group.counts if name.startswith(OF)]
    counts, never = _without_the_safe(group.counts, attributes, context.suppress_below)
    told_of, X = _indicators(counts, attributes, group.counts)
    if X.empty:
        raise CannotFit("needs an attribute of which two levels have lost customers")
    entry, duration, event, n = (counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n"))
    fit = cox(entry, duration, event, X, n)
    if np.diag(fit.covariance).max() > _VAGUE**2:
        raise CannotFit("too few customers were lost to tell the groups apart")
    rows = _rows(group, fit, told_of, context.level)
    if not _enough(fit):  # then the check could tell nothing either
        return rows, [*never, *_reliable(fit, context)]
    held = proportionality(fit, entry, duration, event, X, n)
    return rows, [*never, *_reliable(fit, context), *_in_words(held, context.level)]


def _without_the_safe(counts: pd.DataFrame, attributes: list[str], shown: int) -> tuple[pd.DataFrame, list[str]]:
    """The counts without levels of which nobody was lost, whose ratio would be 0, and a sentence on each of `shown` or more.

    As a coefficient goes to minus infinity its customers' share of the risk goes to nothing, so leaving them out is that limit.
    """
    said = []
    for name in attributes:
        lost = (counts["event"] * counts["n"]).groupby(counts[name]).sum()
        sizes = counts.groupby(name)["n"].sum()
        for level in lost.index[(lost == 0) & (sizes >= shown)]:
            said.append(f"{_attribute(name)}: nobody of {level} was lost, so no ratio can be told.")
        counts = counts[counts[name].isin(lost.index[lost > 0])]
    return counts, said


def _indicators(
    counts: pd.DataFrame, attributes: list[str], everybody: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A column (0 or 1) per level of each attribute but the largest; and of each, the level, what it is beside, and how many it has.

    How many are counted among `everybody`: beside other figures of the level, that of a part of them would tell of the rest.
    """
    columns, told = {}, []
    for name in attributes:
        sizes = counts.groupby(name)["n"].sum().sort_values(ascending=False, kind="stable")
        everyone = everybody.groupby(name)["n"].sum()
        for level in sorted(sizes.index[1:]):
            breakdown = f"{_attribute(name)}: {level} vs {sizes.index[0]}"
            columns[breakdown] = (counts[name] == level).to_numpy(float)
            told.append((breakdown, name.removeprefix(OF), level, everyone[level]))
    return pd.DataFrame(told, columns=["breakdown", "segment", "level", "n"]), pd.DataFrame(columns, index=counts.index)


def _attribute(name: str) -> str:
    return name.removeprefix(OF).replace("_", " ")


def _rows(group: GroupedCounts, fit: Fit, told_of: pd.DataFrame, level: float) -> list[dict]:
    flags = "" if _enough(fit) else "unreliable"
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt(np.diag(fit.covariance))
    limits = (np.exp(fit.coefficients.to_numpy() + end * half) for end in (0, -1, 1))
    facts = zip(*(told_of[name] for name in told_of), *limits, strict=True)
    shared = {"method": "Cox", "flags": flags}
    return [
        group.row(value=value, low=low, high=high, n=n, clusters=n, breakdown=breakdown, **shared)
        | {"at_segment": segment, "at_level": level}
        for breakdown, segment, level, n, value, low, high in facts
    ]


def _enough(fit: Fit) -> bool:
    return fit.events >= _EVENTS_EACH * len(fit.coefficients)


def _reliable(fit: Fit, context: EstimationContext) -> list[str]:
    words = f"Told by {context.many(fit.events)} losses"
    return [f"{words}." if _enough(fit) else f"{words}: fewer than {_EVENTS_EACH} for each ratio, so not reliable."]


def _in_words(held: pd.DataFrame, level: float) -> list[str]:
    """Of which ratios it can be seen that they change with time; one that does is an average over the time seen."""
    changing = [name for name in held.index.drop("all") if held.at[name, "p_value"] < 1 - level]
    everything = held.at["all", "p_value"]
    p = "p < 0.001" if everything < 0.001 else f"p = {everything:.2g}"
    one = len(held) == 2  # beside "all"
    if not everything < 1 - level:
        return [
            f"Nothing shows that the {'ratio changes' if one else 'ratios change'} the longer customers stay (score test, {p})."
        ]
    if one:
        return [f"The ratio changes the longer customers stay (score test, {p}): take it as an average."]
    which = "; ".join(changing) if changing else "no single one"
    return [
        f"The ratios do not stay the same the longer customers stay (score test, {p}; {which}): take each as an average."
    ]
