"""Churn drivers: which customer attributes go with earlier churn, from counts by `entry`, `duration`, `event` and the attributes.

Cox 1972, JRSS-B 34:187, ties by Efron; Wald intervals on the logarithm; test of proportional hazards by Grambsch & Therneau 1994,
Biometrika 81:515 (`crmnb.stats.models.cox`). Fewer than ten events per coefficient are unreliable: Peduzzi, Concato, Feinstein &
Holford 1995, Journal of Clinical Epidemiology 48:1503.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.cox import Fit, cox, proportionality
from crmnb.stats.models.maximum_likelihood import CannotFit

OF = "of "  # prefix of an attribute's column in the evidence, so that it has no other column's name
_EVENTS_PER_COEFFICIENT = 10
_LARGEST_ERROR = 5.0  # a standard error of a logarithm at which ratios of 1 and 20,000 are indistinguishable


def hazard_ratios(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The hazard of each level of each attribute relative to its largest level, adjusted for the other attributes."""
    rows, notes = [], []
    for group in (group for group in groups if group.is_whole):
        try:
            group_rows, group_notes = _estimates(group, context)
        except CannotFit as error:
            group_rows, group_notes = [group.row(reason=error.reason)], []
        rows += group_rows
        notes += group_notes
    return Estimates(rows, [], notes)


def _estimates(group: GroupedCounts, context: EstimationContext) -> tuple[list[dict], list[Note]]:
    """The rows and notes of a group. Raises CannotFit."""
    attributes = [name for name in group.counts if name.startswith(OF)]
    counts, notes = _without_safe_levels(group.counts, attributes, context.suppress_below)
    ratios, X = _indicators(counts, attributes, group.counts)
    if X.empty:
        raise CannotFit(Note("drivers_need_levels"))
    entry, duration, event, n = (counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n"))
    fit = cox(entry, duration, event, X, n)
    if np.diag(fit.covariance).max() > _LARGEST_ERROR**2:
        raise CannotFit(Note("drivers_not_separable"))
    rows = _rows(group, fit, ratios, context.level)
    notes.append(_basis(fit))
    if _is_reliable(fit):  # else the test has no power either
        notes.append(_proportionality(proportionality(fit, entry, duration, event, X, n), context.level))
    return rows, notes


def _without_safe_levels(counts: pd.DataFrame, attributes: list[str], fewest: int) -> tuple[pd.DataFrame, list[Note]]:
    """The counts without levels that lost nobody, whose ratio would be 0, and a note on each such level of `fewest` or more.

    As a coefficient goes to minus infinity, its customers' share of the risk goes to 0, so leaving them out is that limit.
    """
    notes = []
    for name in attributes:
        losses = (counts["event"] * counts["n"]).groupby(counts[name]).sum()
        sizes = counts.groupby(name)["n"].sum()
        for level in losses.index[(losses == 0) & (sizes >= fewest)]:
            notes.append(Note("level_without_losses", attribute=name.removeprefix(OF), level=level))
        counts = counts[counts[name].isin(losses.index[losses > 0])]
    return counts, notes


def _indicators(
    counts: pd.DataFrame, attributes: list[str], all_counts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ratios (breakdown, segment, level, n) and a column of 0 and 1 per ratio: of each level but the attribute's largest.

    n is the level's size in `all_counts`: with the size of a part, that of the rest would follow from other figures of the level.
    """
    columns, ratios = {}, []
    for name in attributes:
        sizes = counts.groupby(name)["n"].sum().sort_values(ascending=False, kind="stable")
        all_sizes = all_counts.groupby(name)["n"].sum()
        attribute = name.removeprefix(OF)
        for level in sorted(sizes.index[1:]):
            breakdown = f"{attribute.replace('_', ' ')}: {level} vs {sizes.index[0]}"
            columns[breakdown] = (counts[name] == level).to_numpy(float)
            ratios.append((breakdown, attribute, level, all_sizes[level]))
    names = ["breakdown", "segment", "level", "n"]
    return pd.DataFrame(ratios, columns=names), pd.DataFrame(columns, index=counts.index)


def _rows(group: GroupedCounts, fit: Fit, ratios: pd.DataFrame, level: float) -> list[dict]:
    """A row of results per ratio, with Wald limits on the logarithm."""
    flags = "" if _is_reliable(fit) else "unreliable"
    half = ndtri((1 + level) / 2) * np.sqrt(np.diag(fit.covariance))
    limits = (np.exp(fit.coefficients.to_numpy() + end * half) for end in (0, -1, 1))
    columns = zip(*(ratios[name] for name in ratios), *limits, strict=True)
    return [
        group.row(value=value, low=low, high=high, n=n, clusters=n, breakdown=breakdown, method="Cox", flags=flags)
        | {"at_segment": segment, "at_level": level}
        for breakdown, segment, level, n, value, low, high in columns
    ]


def _is_reliable(fit: Fit) -> bool:
    """Whether there are enough events per coefficient."""
    return fit.events >= _EVENTS_PER_COEFFICIENT * len(fit.coefficients)


def _basis(fit: Fit) -> Note:
    """How many losses the ratios are estimated from."""
    events = Count(fit.events)
    if _is_reliable(fit):
        return Note("drivers_basis", events=events)
    return Note("drivers_unreliable", events=events, fewest=_EVENTS_PER_COEFFICIENT)


def _proportionality(tests: pd.DataFrame, level: float) -> Note:
    """Whether ratios are seen to change with time; one that does is an average over the time observed."""
    ratios = tests.index.drop("all")
    p_value = tests.at["all", "p_value"]
    if not p_value < 1 - level:
        return Note("hazards_proportional", p_value=p_value, ratios=len(ratios))
    changing = [name for name in ratios if tests.at[name, "p_value"] < 1 - level]
    return Note("hazards_not_proportional", p_value=p_value, ratios=len(ratios), changing=changing)
