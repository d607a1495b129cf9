"""Estimators: from evidence to a value with its interval: the definition, and those that any family can use.

An estimator of one family only stands in the module of its metrics, as does a new one: that touches no other file.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class Estimator:
    """How evidence becomes an estimate: which statistics the engine reduces it to, and the inference from them.

    Of `figures`, the evidence is the figures of other metrics, as they may be shown; of `panels`, those by unit and month.

    Two estimators with equal fields are the same. `inference` names a function of `crmnb.stats` ("module.function"), because a metric
    is defined without importing statistics; a function of a family's own stands there itself.
    """

    name: str
    reduces: Literal["moments", "bins", "counts", "figures", "panels"]
    inference: str | Callable[..., Any]
    interval: str
    total: bool = False  # the value is a sum: of twice the data it is twice as much
    symmetric: bool = False  # a t interval: two of them are compared by Welch
    on_scale: bool = False  # `infer` also takes `bounds`, the ends of the scale
    chart: str = "trend"  # the default chart, by its name in `crmnb.report.charts`
    quantile: int = 0  # of times: the percentage of cases that end within the value
    of_both: bool = False  # customers are counted on the smaller side: those in the numerator are a group of their own
    # Of moments: the statistics that need a sum of their own ("magnitude", "s3").
    needs: frozenset[str] = frozenset()
    # Of counts: the columns that are summed, and those in which equal rows agree (all that are not summed, if empty).
    sums: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    folds: int = 0  # into how many random groups customers are divided for resampling
    together: bool = False  # a customer is in the same fold in all periods
    whole_only: bool = False  # it estimates the whole client alone, no level of a segmentation
    joint: bool = False  # the counts carry the customers' level in every segmentation of customers
    # Further functions of `crmnb.stats`, where there are any.
    moves: str = ""  # by how much a row of counts moves the figures, for periods that share customers
    by_customer: str = ""  # the figure of each customer in the evidence

    @property
    def infer(self) -> Callable[..., Any]:
        """From a frame of statistics and a confidence level (and `bounds`) to a frame of estimates.

        Of counts: from the groups (`crmnb.stats.estimation.GroupedCounts`) and the `EstimationContext` to `Estimates`.
        """
        return self.inference if callable(self.inference) else _function(self.inference)

    @property
    def infer_moves(self) -> Callable[..., Any]:
        """From a group to (breakdown, column, values of the column, what a row of each moves the breakdown's figure by)."""
        return _function(self.moves)

    @property
    def infer_by_customer(self) -> Callable[..., Any]:
        """From rows of evidence and the `EstimationContext` to a series by their index, without customers that have no figure."""
        return _function(self.by_customer)

    def stored(self) -> dict[str, Any] | None:
        """The fields as plain data; None where the inference is a family's own function."""
        return None if callable(self.inference) else vars(self) | {"needs": sorted(self.needs)}

    @classmethod
    def restored(cls, fields: dict[str, Any]) -> "Estimator":
        """The estimator whose fields were stored."""
        sequences = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        return cls(**fields | sequences | {"needs": frozenset(fields["needs"])})


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    return getattr(import_module(f"crmnb.stats.{module}"), function)


OF_ALL = "none: a count of all, not of a sample"

# Of moments: sums by period, breakdown and level.
proportion = Estimator("proportion", "moments", "moments.share", "Wilson (score)")
composition = Estimator(
    "composition", "moments", "moments.share", "Wilson (score), each part by itself", chart="composition"
)
ratio = Estimator("ratio of sums", "moments", "moments.by_t", "t, by the delta method", symmetric=True)
mean = Estimator("mean", "moments", "moments.by_t", "t", symmetric=True)
mean_on_scale = Estimator(
    "mean on a scale",
    "moments",
    "moments.mean_on_scale",
    "score (Wilson's, of as many yes-or-no answers)",
    on_scale=True,
)
money_mean = Estimator(
    "mean of money",
    "moments",
    "moments.by_hall",
    "Hall's transformation of t, for skewed money",
    needs=frozenset({"s3"}),
)
money_share = Estimator("share of money", "moments", "moments.share_of_money", "Wilson (score), at the effective n")
money_retained = Estimator(
    "ratio of money",
    "moments",
    "moments.retained",
    "Hall's transformation of t, for skewed money",
    needs=frozenset({"s3"}),
)
net_promoters = Estimator(
    "nps", "moments", "moments.promoters_less_detractors", "adjusted Wald", needs=frozenset({"magnitude"})
)
count = Estimator(
    "count",
    "bins",
    "moments.over_time",
    "quasi-Poisson over weeks or days, or compound Poisson by customer if that is wider; exact Poisson where neither scatters more",
    total=True,
)
count_per = replace(count, name="count per unit", total=False)
states = Estimator("count of states", "bins", "moments.states", OF_ALL, total=True)
all_counted = Estimator("total", "moments", "moments.all_counted", OF_ALL, total=True)
census = Estimator("census", "moments", "moments.census", OF_ALL, of_both=True)
derived = Estimator("derived", "figures", "", "of its inputs' intervals, their arms squared and added")

# Of counts of equal rows.
share_of_units = Estimator("share of all", "counts", "clustered_share.of_units", OF_ALL, sums=("met", "size"))
_CASES = ("entry", "duration", "event")
survival = Estimator("Kaplan-Meier", "counts", "survival.curve", "log-log", columns=_CASES, chart="survival")
median_survival = Estimator(
    "Kaplan-Meier median",
    "counts",
    "survival.median",
    "Brookmeyer & Crowley's, from the log-log band",
    columns=_CASES,
)
conversion_over_time = Estimator(
    "cumulative incidence, lost leads at risk",
    "counts",
    "cumulative_conversion.curve",
    "log-log",
    columns=("days", "followed", "outcome"),
    chart="survival",
)
median_by_customer = Estimator(
    "median",
    "counts",
    "quantiles.median",
    "Woodruff's, by customer",
    sums=("squares", "units"),
    moves="quantiles.moves",
)
net_sentiment = Estimator(
    "net score",
    "counts",
    "feedback.net_sentiment",
    "percentile bootstrap by customer, the errors of the classification in it where they are known",
    columns=("sentiment_class", "sheet"),
    folds=1000,
    together=True,
)
share_by_unit = Estimator(
    "proportion", "counts", "clustered_share.share", "Wilson, by seller or process", columns=("unit", "met")
)
