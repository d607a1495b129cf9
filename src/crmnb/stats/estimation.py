"""Inference: from what the engine reduced evidence to, to values with their intervals.

`moments` works on sufficient statistics, a row per group. The other modules work on counts of alike rows (`Group`), since
what they estimate (a curve, a median, a fitted model) is no function of a few sums.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from crmnb.core.period import Period
from crmnb.schema.client import Privacy

NAN = float("nan")
LEVEL_OF = "of "  # how the columns of counts begin that hold the customers' level in a segmentation


@dataclass(frozen=True)
class Group:
    """The evidence of one window, breakdown and level of a segmentation (the whole client's are ""), alike rows counted.

    `counts`: the evidence's own columns, `n` (rows), the sums that the estimator asks for, and `fold` where it has folds.
    `customers`: how many stand behind it (rows, where none is known).
    """

    win: str
    breakdown: str
    segment: str
    level: str
    counts: pd.DataFrame
    customers: float

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole client."""
        return not self.segment

    @property
    def n(self) -> float:
        """The number of rows."""
        return float(self.counts["n"].sum())

    def row(self, **facts: Any) -> dict[str, Any]:
        """A row of results of this group: `value`, and `low`, `high`, `method`, `flags`, `reason`, where there are such.

        Without a value, `reason` says why. `breakdown`, `n`, `clusters` may be told otherwise than the group's own.
        """
        empty = {"value": NAN, "low": NAN, "high": NAN, "method": "", "flags": "", "reason": ""}
        own = {key: getattr(self, key) for key in ("win", "breakdown", "segment", "level")}
        return empty | own | {"n": self.n, "clusters": self.customers, "numerator": NAN, "denominator": NAN} | facts

    def point(self, x: float, value: float, low: float = NAN, high: float = NAN, n: float = NAN, **facts: str) -> dict:
        """A point of a picture; n: the units behind it, too few of which are not shown."""
        own = {key: getattr(self, key) for key in ("breakdown", "segment", "level")}
        return own | {"x": x, "value": value, "low": low, "high": high, "n": n} | facts


@dataclass(frozen=True)
class Told:
    """What is asked of an estimate: the confidence level, the metric's settings and declarations, the periods by window."""

    level: float
    given: dict[str, Any]
    windows: dict[str, Period]
    privacy: Privacy

    def many(self, customers: float) -> str:
        """A number of customers in words: of few it is not told how few."""
        least = self.privacy.suppress_below
        return f"fewer than {least}" if 0 < customers < least else f"{customers:,.0f}"


@dataclass(frozen=True)
class Inferred:
    """Rows of results (`Group.row`), points of pictures (`Group.point`), and sentences to stand beside them."""

    rows: list[dict[str, Any]]
    points: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def comparable(groups: list[Group], told: Told) -> list[Group]:
    """The groups without those by tenure, which are other people at another time: nobody has been there for four years and was
    lost in three, and those who have been there for under a year bought nothing a year before."""
    by_time = {name for name, segment in told.given["segments"].items() if segment.years}
    return [group for group in groups if group.segment not in by_time]


def of_each(infer: Callable[[Group, Told], list[dict[str, Any]]]) -> Callable[[list[Group], Told], Inferred]:
    """An inference that takes one group at a time, and gives its rows."""

    def inferred(groups: list[Group], told: Told) -> Inferred:
        return Inferred([row for group in groups for row in infer(group, told)])

    return inferred
