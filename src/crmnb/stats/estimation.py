"""Estimation: the data that estimators of this package take and return.

`moments` works on sufficient statistics, one row per group. The other modules work on counts of equal rows (`GroupedCounts`),
because what they estimate (a curve, a median, a fitted model) is not a function of a few sums.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pandas as pd

from crmnb.core.notes import Note
from crmnb.core.period import Period

NAN = float("nan")
ANSWER_TO = "answer to "  # prefix of the columns that hold the answers to a survey item, on 0-100
RELATIONSHIP_INDEX = "Relationship index"  # among the constructs of the relationship survey
LEVEL_OF = "of "  # prefix of the columns that hold the customers' level in a segmentation


@dataclass(frozen=True)
class GroupedCounts:
    """The evidence of one window, breakdown and level of a segmentation ("" for the whole client), equal rows counted.

    `counts`: the evidence's own columns, `n` (rows), the sums that the estimator asks for, and `fold` where it has folds.
    `customers`: the number of customers behind the rows (the number of rows where customers are not known).
    """

    win: str
    breakdown: str
    segment: str
    level: str
    counts: pd.DataFrame
    customers: float

    @property
    def is_whole(self) -> bool:
        """Whether the group is the whole client."""
        return not self.segment

    @cached_property
    def n(self) -> float:
        """The number of rows."""
        return float(self.counts["n"].sum())

    def row(self, **fields: Any) -> dict[str, Any]:
        """A row of results of this group: `value`, and `low`, `high`, `method`, `flags`, `reason` where they apply.

        `reason` is the note why there is no value, or "". `breakdown`, `n` and `clusters` may differ from the group's own.
        """
        if isinstance(fields.get("reason"), Note):
            fields["reason"] = fields["reason"].to_json()  # as frames hold texts
        empty = {"value": NAN, "low": NAN, "high": NAN, "method": "", "flags": "", "reason": ""}
        key = {name: getattr(self, name) for name in ("win", "breakdown", "segment", "level")}
        sizes = {"n": self.n, "clusters": self.customers, "numerator": NAN, "denominator": NAN}
        return empty | key | sizes | fields

    def point(self, x: float, value: float, low: float = NAN, high: float = NAN, n: float = NAN, **fields: str) -> dict:
        """A point of a chart; n: the number of units behind it, by which small groups are suppressed."""
        key = {name: getattr(self, name) for name in ("breakdown", "segment", "level")}
        return key | {"x": x, "value": value, "low": low, "high": high, "n": n} | fields


@dataclass(frozen=True)
class EstimationContext:
    """What an estimator needs to know beside the counts.

    level: the confidence level, between 0 and 1. settings: numbers and texts by name, such as `grace_days` or `horizon_months`.
    periods: the period of each window. suppress_below: groups of fewer customers must not be shown. min_base: groups of fewer
    customers are marked. time_segmentations: the segmentations whose levels change with time, such as bands of tenure.
    """

    level: float
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    periods: Mapping[str, Period] = field(default_factory=lambda: MappingProxyType({}))
    suppress_below: int = 1
    min_base: int = 1
    time_segmentations: frozenset[str] = frozenset()

    def with_settings(self, *names: str) -> "EstimationContext":
        """The same with these settings only, and without periods: all that a fit depends on."""
        settings = {name: self.settings[name] for name in names}
        return replace(self, settings=settings, periods=MappingProxyType({}))


@dataclass(frozen=True)
class Estimates:
    """Rows of results (`GroupedCounts.row`), points of charts (`GroupedCounts.point`), and notes on the whole."""

    rows: list[dict[str, Any]]
    points: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def comparable(groups: list[GroupedCounts], time_segmentations: frozenset[str]) -> list[GroupedCounts]:
    """The groups without levels that change with time: such a level holds other people at another time.

    Nobody in the level "4 years and more" was lost after three years, and customers of under a year did not order a year ago.
    """
    return [group for group in groups if group.segment not in time_segmentations]


def by_group(
    estimate: Callable[[GroupedCounts, EstimationContext], list[dict[str, Any]]],
) -> Callable[[list[GroupedCounts], EstimationContext], Estimates]:
    """An estimator of several groups from an estimator of one group that returns rows."""

    def estimates(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
        return Estimates([row for group in groups for row in estimate(group, context)])

    return estimates
