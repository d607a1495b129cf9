"""Result: one metric of one client in one period, with its parts and segments; it renders itself through `show`."""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
from statsmodels.stats.multitest import multipletests

from crmnb.client import Client
from crmnb.display import Display
from crmnb.errors import InputError, nearest
from crmnb.inference.moments import difference
from crmnb.metric import Better, Metric
from crmnb.period import Period
from crmnb.results import tuples


@dataclass(frozen=True)
class Result(Display):
    """What was found: `rows` are the metric's rows of the results frame (`crmnb.results.COLUMNS`).

    `settings` are the values used, in words; `notes` are sentences to be shown beside the value; `better` is the
    metric's own direction unless that depends on a declaration, when the maker of the result says it. `points` are what
    charts draw beyond the rows (`crmnb.inference.Group.point`).
    Nothing but the drawing methods imports a drawing library.
    """

    metric: Metric
    client: Client
    period: Period
    comparison: Period
    rows: pd.DataFrame
    settings: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    better: Better | None = None
    points: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def __post_init__(self):
        if self.better is None:
            said = self.metric.better
            object.__setattr__(self, "better", said if isinstance(said, str) else "-")

    @cached_property
    def whole(self) -> pd.DataFrame:
        """The rows of the whole client over the whole period: one per component."""
        return self.rows[(self.rows["part"] == "") & (self.rows["segment"] == "")]

    @cached_property
    def entries(self) -> tuple:
        """The rows of `whole` as tuples with named fields, as those who write sentences want them."""
        return tuple(tuples(self.whole))

    @cached_property
    def parts(self) -> pd.DataFrame:
        """The rows of the whole client in each part of the period."""
        return self.rows[(self.rows["part"] != "") & (self.rows["segment"] == "")]

    @property
    def segmentations(self) -> tuple[str, ...]:
        """The segmentations that it was broken down by."""
        return tuple(name for name in self.rows["segment"].drop_duplicates() if name)

    def __repr__(self) -> str:
        from crmnb.show.words import said

        return said(self)

    def _repr_html_(self) -> str:
        from crmnb.show.words import result_html

        return str(result_html(self))

    def trend(self, component: str | None = None):
        """The value in each part of the period, with its interval: a Figure; of one component where one is named."""
        from crmnb.show.trend import trend

        return trend(self, component)

    def by(self, segment: str | None = None):
        """The value in each level of a segmentation, sorted: a Figure; all of the declared ones if none is named.

        Raises InputError for a segmentation that the client does not declare.
        """
        from crmnb.show.dots import by_segment

        return by_segment(self, segment)

    def components(self):
        """The value of each component, sorted: a Figure."""
        from crmnb.show.dots import by_component

        return by_component(self)

    def curve(self, segment: str | None = None):
        """The share still there (or got there) by the time since the start: a Figure; by the levels of a segmentation.

        Raises InputError for a segmentation that the client does not declare.
        """
        from crmnb.show.survival import curve

        return curve(self, segment)

    def funnel(self):
        """How many reach each stage, and the rate of each step: a Figure."""
        from crmnb.show.funnel import funnel

        return funnel(self)

    def waterfall(self):
        """From what was before to what is now, what each component adds or takes: a Figure."""
        from crmnb.show.waterfall import waterfall

        return waterfall(self)

    def lorenz(self):
        """The share of the revenue that the smallest customers bring, from none of them to all: a Figure."""
        from crmnb.show.lorenz import lorenz

        return lorenz(self)

    def tracking(self):
        """What a forecast expected and what came, week by week, with the holdout marked: a Figure."""
        from crmnb.show.tracking import tracking

        return tracking(self)

    def payback(self):
        """The margin of a customer won as it adds up with age, against what winning one cost: a Figure."""
        from crmnb.show.payback import payback

        return payback(self)

    def cohorts(self):
        """The triangle of a cohort metric, one row per cohort, one column per month since: a Figure."""
        from crmnb.show.triangle import cohorts

        return cohorts(self)

    def differences(self, segment: str, of: str | None = None, component: str = "") -> pd.DataFrame:
        """Each level of a segmentation less one of them (`of`; by default the largest), for one component (by default the nameless).

        Columns: level, less, difference, low, high (in the metric's unit, each at the client's level) and p_value, Holm's for
        all of them together. The groups are taken as independent: levels of a segmentation of customers share no
        customer. Newcombe's hybrid, Welch for means. Raises InputError for a segmentation, level or component that is not there.
        """
        names = list(self.whole["component"])
        if names and component not in names:
            among = f"{self.metric.component or 'component'} by {self.metric.component or 'component'}"
            raise InputError(
                f"{self.metric.id} is told {among}: choose component={names[0]!r} or another.{nearest(component, names)}"
            )
        rows = self.rows[(self.rows["segment"] == segment) & (self.rows["component"] == component)]
        rows = rows[rows["low"].notna()].reset_index(drop=True)
        if rows.empty:
            raise InputError(f"{self.metric.id} has no figures by {segment!r}.{nearest(segment, self.segmentations)}")
        of = of or rows.loc[rows["n"].idxmax(), "level"]
        if of not in set(rows["level"]):
            raise InputError(f"{segment} has no level {of!r} with a figure.{nearest(of, rows['level'])}")
        others = rows[rows["level"] != of].reset_index(drop=True)
        base = pd.concat([rows[rows["level"] == of]] * len(others), ignore_index=True)
        plain = self.metric.estimate.symmetric and not self.metric.transform
        told = difference(others, base, pd.Series(0.0, others.index), self.client.level, plain)
        p_value = multipletests(told["p_value"], method="holm")[1] if len(told) else []
        return pd.DataFrame(
            {
                "level": others["level"],
                "less": of,
                "difference": told["change"],
                "low": told["low"],
                "high": told["high"],
            }
        ).assign(p_value=p_value)

    def table(self) -> pd.DataFrame:
        """Every row in words and the client's own numbers, for people."""
        from crmnb.show.tables import people_frame

        return people_frame(self)

    @property
    def beware(self):
        """What the number does not say: a block of text."""
        from crmnb.show.words import beware

        return beware(self)
