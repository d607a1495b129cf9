"""Estimators: how metrics name the way to a value with its interval; `crmnb.inference` goes it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class Estimator:
    """How evidence becomes an estimate: which statistics the engine reduces it to, and the inference from them."""

    name: str
    reduces: Literal["moments", "bins", "counts"]
    inference: str  # "module.function" of `crmnb.inference`: by name, as to know a metric takes no statistics
    interval: str
    total: bool = False  # the value is a sum: of twice the data it is twice as much
    symmetric: bool = False  # a t interval: two of them are compared by Welch
    on_scale: bool = False  # `infer` also takes `bounds`, the ends of the scale
    needs: frozenset[str] = frozenset()  # of the statistics that cost a sum of their own: magnitude, s3
    sums: tuple[
        str, ...
    ] = ()  # of counts: the columns of the evidence that are summed; alike rows are alike in the others
    folds: int = 0  # of counts: into how many groups customers are dealt at random, to be resampled
    joint: bool = False  # of counts: they carry the customers' level in every segmentation of customers
    moves: str = ""  # "module.function" of what a row of counts moves the figures by, where two periods share customers
    each: str = ""  # "module.function" that tells of each customer in the evidence, where that can be told

    @property
    def infer(self) -> Callable[..., Any]:
        """From a frame of statistics and a confidence level (and `bounds`) to a frame of estimates.

        Of counts: from the groups (`crmnb.inference.Group`) and what is asked (`Told`) to `Inferred`.
        """
        return _function(self.inference)

    @property
    def infer_moves(self) -> Callable[..., Any]:
        """From a group to (component, column, values of the column, what a row of each moves the component's figure by)."""
        return _function(self.moves)

    @property
    def infer_each(self) -> Callable[..., Any]:
        """From rows of evidence and what is asked (`Told`) to a series by their index, of those of whom something can be told."""
        return _function(self.each)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    return getattr(import_module(f"crmnb.inference.{module}"), function)


proportion = Estimator("proportion", "moments", "moments.share", "Wilson (score)")
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
    "quasi-Poisson over weeks or days; exact Poisson where they scatter no more",
    total=True,
)
census = Estimator("census", "moments", "moments.census", "none: a count of all, not of a sample")

# Sales.
conversion_over_time = Estimator("cumulative incidence, lost leads at risk", "counts", "conversion.curve", "log-log")
growth = Estimator(
    "growth",
    "counts",
    "growth.growth",
    "t, the wider of weeks (which may be like their neighbours) and customers as units",
    sums=("net", *(f"{pair}_{at}" for at in range(3) for pair in ("now_now", "now_before", "before_before"))),
)
growth_parts = Estimator(
    "parts of growth", "counts", "growth.parts", "none: money that was taken", total=True, sums=("orders", "net")
)
median_by_customer = Estimator(
    "median",
    "counts",
    "quantiles.median",
    "Woodruff's, by customer",
    sums=("squares", "orders"),
    moves="quantiles.moves",
)
pipeline = Estimator(
    "velocity",
    "counts",
    "pipeline.velocity",
    "bootstrap of leads",
    total=True,
    sums=("brought", "priced"),
    folds=200,
)

# Retention.
survival = Estimator("Kaplan-Meier", "counts", "lifetimes.curve", "log-log")
median_survival = Estimator(
    "Kaplan-Meier median", "counts", "lifetimes.median", "Brookmeyer & Crowley's, from the log-log band"
)
median_gap = Estimator(
    "median gap, each customer weighing alike",
    "counts",
    "gaps.median",
    "percentile bootstrap of customers",
    folds=200,
)
hazard_ratio = Estimator("Cox's proportional hazards", "counts", "drivers.hazard_ratios", "Wald, on the logarithm")
expected_losses = Estimator(
    "expected losses",
    "counts",
    "losses.expected",
    "of the model's error and of chance together",
    total=True,
    joint=True,
    each="losses.probabilities",
)

# Financial.
_MARGINS = ("margin", "times", "pay", "known", "due")  # of histories (`crmnb.histories`)
reconciliation = Estimator("difference", "counts", "worth.reconciled", "none: all of both", sums=("net",))
concentration = Estimator(
    "concentration", "counts", "concentration.lorenz", "linearised, on the logit", moves="concentration.moves"
)
forecast_ahead = Estimator(
    "fitted model",
    "counts",
    "forecast.predicted",
    "delta method, on the logarithm",
    sums=_MARGINS,
    folds=200,
    joint=True,
)
lifetime_ahead = Estimator(
    "fitted model",
    "counts",
    "forecast.residual",
    "delta method, on the logarithm",
    sums=_MARGINS,
    folds=200,
    joint=True,
)
textbook_value = Estimator(
    "product of means", "counts", "worth.simple", "none", sums=("orders", "margin", "buyers", "start", "lost")
)
forecast_tested = Estimator(  # its folds tell nothing: so it is of the same counts as the forecasts that it tests
    "errors of forecasts",
    "counts",
    "holdout.effectiveness",
    "linearised, by customer",
    sums=_MARGINS,
    folds=200,
    joint=True,
)
acquisition = Estimator("ratio of sums", "counts", "acquisition.cost", "t, by month", sums=("won", "amount"))
acquisition_return = Estimator(
    "fitted model",
    "counts",
    "acquisition.to_cost",
    "delta method, on the logarithm",
    sums=(*_MARGINS, "won", "amount"),
    folds=200,
    joint=True,
)
cost_covered = Estimator(
    "mean cumulative margin",
    "counts",
    "acquisition.payback",
    "percentile bootstrap of customers",
    sums=("margin", "won", "amount"),
    folds=200,
)
returns = Estimator("return", "counts", "worth.returned", "that of the gain, as declared", sums=("amount",))
