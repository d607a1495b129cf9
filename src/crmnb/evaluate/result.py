"""Result: one metric of one client in one period, with its parts and segments, as data."""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from crmnb.core.errors import InputError, nearest
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.evaluate.results_frame import tuples
from crmnb.metrics.definition import Direction, Metric
from crmnb.schema.client import Client
from crmnb.stats.moments import difference
from crmnb.stats.multiple_tests import holm


@dataclass(frozen=True)
class Result:
    """A metric's result: `rows` are the metric's rows of the results frame (`crmnb.evaluate.results_frame.COLUMNS`).

    `settings` are the values used, in words; `notes` are to be shown beside the value, as data; `direction` is the
    metric's own direction unless that depends on a declaration, when whoever makes the result states it. `points` are what
    charts draw beyond the rows (`crmnb.stats.estimation.GroupedCounts.point`).
    """

    metric: Metric
    client: Client
    period: Period
    comparison: Period
    rows: pd.DataFrame
    settings: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    direction: Direction | None = None
    points: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def __post_init__(self):
        if self.direction is None:
            declared = self.metric.direction
            object.__setattr__(self, "direction", declared if isinstance(declared, str) else "-")

    @cached_property
    def whole(self) -> pd.DataFrame:
        """The rows of the whole client over the whole period: one per breakdown."""
        return self.rows[(self.rows["part"] == "") & (self.rows["segment"] == "")]

    @cached_property
    def entries(self) -> tuple:
        """The rows of `whole` as tuples with named fields, as those who write sentences want them."""
        return tuple(tuples(self.whole))

    @cached_property
    def parts(self) -> pd.DataFrame:
        """The rows of the whole client in each part of the period."""
        return self._parts[self._parts["period"] != self.comparison.label]

    @cached_property
    def parts_before(self) -> pd.DataFrame:
        """The same of the comparison period; none of metrics for which they would cost much."""
        return self._parts[self._parts["period"] == self.comparison.label]

    @cached_property
    def _parts(self) -> pd.DataFrame:
        return self.rows[(self.rows["part"] != "") & (self.rows["segment"] == "")]

    @property
    def segmentations(self) -> tuple[str, ...]:
        """The segmentations that it was broken down by."""
        return tuple(name for name in self.rows["segment"].drop_duplicates() if name)

    def differences(self, segment: str, of: str | None = None, breakdown: str = "") -> pd.DataFrame:
        """Each level of a segmentation less one of them (`of`; by default the largest), for one breakdown (by default the nameless).

        Columns: level, less, difference, low, high (in the metric's unit, each at the client's level) and p_value, Holm's for
        all of them together. The groups are taken as independent: levels of a segmentation of customers share no
        customer. Newcombe's hybrid, Welch for means. Raises InputError for a segmentation, level or breakdown that is not there.
        """
        rows = self.level_differences(segment, of, breakdown)
        return rows.assign(p_value=holm(rows["p_value"]))

    def level_differences(self, segment: str, of: str | None = None, breakdown: str = "") -> pd.DataFrame:
        """The same as `differences` with the p-value of each comparison alone."""
        names = list(self.whole["breakdown"])
        if names and breakdown not in names:
            among = f"{self.metric.breakdown or 'breakdown'} by {self.metric.breakdown or 'breakdown'}"
            raise InputError(
                f"{self.metric.id} is reported {among}: choose breakdown={names[0]!r} or another.{nearest(breakdown, names)}"
            )
        rows = self.rows[(self.rows["segment"] == segment) & (self.rows["breakdown"] == breakdown)]
        rows = rows[rows["low"].notna()].reset_index(drop=True)
        if rows.empty:
            raise InputError(f"{self.metric.id} has no figures by {segment!r}.{nearest(segment, self.segmentations)}")
        of = of or rows.loc[rows["n"].idxmax(), "level"]
        if of not in set(rows["level"]):
            raise InputError(f"{segment} has no level {of!r} with a figure.{nearest(of, rows['level'])}")
        others = rows[rows["level"] != of].reset_index(drop=True)
        base = pd.concat([rows[rows["level"] == of]] * len(others), ignore_index=True)
        plain = self.metric.estimate.symmetric
        differences = difference(others, base, pd.Series(0.0, others.index), self.client.level, plain)
        return pd.DataFrame(
            {
                "level": others["level"],
                "less": of,
                "difference": differences["change"],
                "low": differences["low"],
                "high": differences["high"],
                "p_value": differences["p_value"],
            }
        )
