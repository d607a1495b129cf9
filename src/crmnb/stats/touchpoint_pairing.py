"""Touchpoint pairing: the relationship index of those who used a touchpoint against that of others, and of its satisfied against its dissatisfied users.

Counts are those of `crmnb.stats.relationship`, with `used` (0 or 1) and `content` (the share of a user's own answers about the touchpoint that are
in the top box; empty where there are none). Settings as there. Source: Welch 1947, Biometrika 34:28.
"""

from dataclasses import replace

import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.dissatisfied_segments import FEWEST, construct_gap
from crmnb.stats.estimation import RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.relationship import current_whole
from crmnb.stats.relationship_model import fitted, wholes_without

USERS, SATISFIED = "users less others", "satisfied less dissatisfied users"
_CONTENT = 0.5  # from which share of own answers in the top box on a user is satisfied


def gaps(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Both gaps, with Welch's interval."""
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    relationship = fitted(wholes_without(groups, ["used", "content"]), context)
    counts = whole.counts
    users = counts[counts["content"].notna()]
    pairs = {USERS: (counts, counts["used"] > 0), SATISFIED: (users, users["content"] >= _CONTENT)}
    rows, fewest = [], max(FEWEST, context.suppress_below)
    for name, (among, chosen) in pairs.items():
        sides = [_group(whole, among[of.to_numpy(bool)]) for of in (chosen, ~chosen)]
        if min(side.customers for side in sides) < fewest:
            rows.append(whole.row(breakdown=name, n=0.0, clusters=0.0, reason=Note("too_few_on_a_side", fewest=fewest)))
            continue
        gap = construct_gap(sides[0], _group(whole, among), RELATIONSHIP_INDEX, relationship)
        if gap is None:
            rows.append(whole.row(breakdown=name, n=0.0, clusters=0.0, reason=Note("no_complete_answers")))
            continue
        low, high = gap.limits(context.level)
        sizes = {"n": gap.n, "clusters": gap.clusters, "method": "Welch"}
        rows.append(whole.row(breakdown=name, value=gap.value, low=low, high=high, **sizes))
    return Estimates(rows)


def _group(whole: GroupedCounts, counts: pd.DataFrame) -> GroupedCounts:
    """Some of the rows, as a group of as many customers as it has folds."""
    return replace(whole, counts=counts, customers=float(counts["fold"].nunique()))
