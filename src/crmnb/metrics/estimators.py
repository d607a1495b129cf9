"""Estimators: how metrics name the way to a value with its interval; `crmnb.stats.estimation` goes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class Estimator:
    """How evidence becomes an estimate: which statistics the engine reduces it to, and the inference from them."""

    name: str
    reduces: Literal["moments", "bins", "counts"]
    # "module.function" of `crmnb.stats`: by name, as to know a metric takes no statistics; or a function of a family's own.
    inference: str | Callable[..., Any]
    interval: str
    total: bool = False  # the value is a sum: of twice the data it is twice as much
    symmetric: bool = False  # a t interval: two of them are compared by Welch
    on_scale: bool = False  # `infer` also takes `bounds`, the ends of the scale
    needs: frozenset[str] = frozenset()  # of the statistics that cost a sum of their own: magnitude, s3
    sums: tuple[
        str, ...
    ] = ()  # of counts: the columns of the evidence that are summed; alike rows are alike in the others
    columns: tuple[str, ...] = ()  # of counts: those that alike rows agree in, where not in all that are not summed
    folds: int = 0  # of counts: into how many groups customers are dealt at random, to be resampled
    together: bool = False  # of folds: a customer is in the same one in all periods
    joint: bool = False  # of counts: they carry the customers' level in every segmentation of customers
    moves: str = ""  # "module.function" of what a row of counts moves the figures by, where two periods share customers
    of_both: bool = False  # customers are counted on the smaller side: those in the numerator are a group of their own
    chart: str = "trend"  # the chart that suits it best, by its name in `crmnb.report.charts`
    by_customer: str = ""  # "module.function" that tells of each customer in the evidence, where that can be told

    @property
    def infer(self) -> Callable[..., Any]:
        """From a frame of statistics and a confidence level (and `bounds`) to a frame of estimates.

        Of counts: from the groups (`crmnb.stats.estimation.GroupedCounts`) and what is asked (`EstimationContext`) to `Estimates`.
        """
        return self.inference if callable(self.inference) else _function(self.inference)

    @property
    def infer_moves(self) -> Callable[..., Any]:
        """From a group to (breakdown, column, values of the column, what a row of each moves the breakdown's figure by)."""
        return _function(self.moves)

    @property
    def infer_each(self) -> Callable[..., Any]:
        """From rows of evidence and what is asked (`EstimationContext`) to a series by their index, of those of whom something can be told."""
        return _function(self.by_customer)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    return getattr(import_module(f"crmnb.stats.{module}"), function)


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
states = Estimator("count of states", "bins", "moments.states", "none: a count of all, not of a sample", total=True)
census = Estimator("census", "moments", "moments.census", "none: a count of all, not of a sample", of_both=True)

derived = Estimator("derived", "moments", "", "of its inputs' intervals, their arms squared and added")

# Sales.
conversion_over_time = Estimator(
    "cumulative incidence, lost leads at risk",
    "counts",
    "cumulative_conversion.curve",
    "log-log",
    columns=("days", "followed", "outcome"),
    chart="survival",
)
growth = Estimator(
    "growth",
    "counts",
    "growth.growth",
    "t, the wider of weeks (which may be like their neighbours) and customers as units",
    sums=("net", "product"),
)
growth_parts = Estimator(
    "parts of growth",
    "counts",
    "growth.parts",
    "none: money that was taken",
    total=True,
    sums=("orders", "net"),
    chart="waterfall",
)
median_by_customer = Estimator(
    "median",
    "counts",
    "quantiles.median",
    "Woodruff's, by customer",
    sums=("squares", "units"),
    moves="quantiles.moves",
)
pipeline = Estimator(
    "velocity",
    "counts",
    "sales_velocity.velocity",
    "bootstrap of leads",
    total=True,
    sums=("brought", "priced"),
    folds=200,
)

# Retention.
_CASES = ("entry", "duration", "event")
survival = Estimator("Kaplan-Meier", "counts", "survival.curve", "log-log", columns=_CASES, chart="survival")
median_survival = Estimator(
    "Kaplan-Meier median",
    "counts",
    "survival.median",
    "Brookmeyer & Crowley's, from the log-log band",
    columns=_CASES,
)
median_gap = Estimator(
    "median gap, each customer weighing alike",
    "counts",
    "time_between_orders.median",
    "percentile bootstrap of customers",
    folds=200,
)
hazard_ratio = Estimator(
    "Cox's proportional hazards", "counts", "churn_drivers.hazard_ratios", "Wald, on the logarithm", chart="breakdown"
)
expected_losses = Estimator(
    "expected losses",
    "counts",
    "expected_churn.expected",
    "of the model's error and of chance together",
    total=True,
    joint=True,
    by_customer="expected_churn.probabilities",
)

# Relationship.
_OF_RESPONDENTS = "percentile bootstrap of respondents, weights estimated in each replicate"
relationship_index = Estimator(
    "weighted mean of items", "counts", "relationship.index", _OF_RESPONDENTS, folds=1000, together=True
)
driver_scores = Estimator(
    "weighted mean of items",
    "counts",
    "relationship.driver_scores",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)
driver_impacts = Estimator(
    "PLS path model",
    "counts",
    "relationship.driver_impacts",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="priority",
)
driver_shares = Estimator(
    "Lindeman, Merenda and Gold",
    "counts",
    "relationship.driver_shares",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)
gaps_to_rest = Estimator(
    "difference of weighted means of items",
    "counts",
    "dissatisfied_segments.gaps",
    "Welch, by customer, at fixed weights",
    folds=1000,
    together=True,
    chart="weakest",
)
themes_of_weakest = Estimator(
    "proportion",
    "counts",
    "segment_themes.themes",
    "Wilson, by customer",
    folds=1000,
    together=True,
    chart="voices",
)
outcome_slopes = Estimator(
    "regression on the index",
    "counts",
    "relationship_outcomes.slopes",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)
nonresponse_shift = Estimator(
    "raked mean of items",
    "counts",
    "nonresponse.shift",
    "percentile bootstrap of respondents, raked in each replicate",
    folds=1000,
    together=True,
    joint=True,
    chart="representation",
)
touchpoint_gaps = Estimator(
    "difference of weighted means of items",
    "counts",
    "touchpoint_pairing.gaps",
    "Welch, by customer, at fixed weights",
    folds=1000,
    together=True,
    chart="breakdown",
)
touchpoints_explain = Estimator(
    "squared correlation",
    "counts",
    "touchpoint_satisfaction.explained",
    "Fisher's z of the correlation, by customer",
    folds=1000,
    together=True,
    chart="explained",
)
channel_preference = Estimator(
    "difference of paired shares",
    "counts",
    "channel_preference.preference",
    "Bonett and Price, simultaneous for all channels; shares by Goodman",
    columns=("preferred", "used"),
    chart="channels",
)

# Feedback.
mentions = Estimator("proportion", "moments", "moments.share", "Wilson (score)", of_both=True, chart="breakdown")
net_sentiment = Estimator(
    "net score",
    "counts",
    "feedback.net_sentiment",
    "percentile bootstrap by customer, the errors of the classification in it where they are known",
    columns=("sentiment_class", "sheet"),
    folds=1000,
    together=True,
)
theme_effects = Estimator(
    "difference of means",
    "counts",
    "feedback.theme_effects",
    "t by customer, with Welch's degrees of freedom",
    columns=("survey", "mentioned", "points", "sheet"),
    folds=1000,
    chart="breakdown",
)
all_counted = Estimator(
    "number", "moments", "moments.all_counted", "none: a count of all, not of a sample", total=True, of_both=True
)

# Service.
_TIMES = ("duration", "event")
_BY_CUSTOMER = "log-log, by customer"
median_case_time = Estimator(
    "Kaplan-Meier median", "counts", "case_times.median", _BY_CUSTOMER, columns=_TIMES, folds=100
)
p90_case_time = Estimator(
    "Kaplan-Meier quantile", "counts", "case_times.ninetieth_percentile", _BY_CUSTOMER, columns=_TIMES, folds=100
)
mean_case_time = Estimator(
    "restricted mean",
    "counts",
    "case_times.restricted_mean",
    "t, by customer",
    symmetric=True,
    columns=_TIMES,
    folds=100,
)
cases_done = Estimator(
    "Kaplan-Meier",
    "counts",
    "case_times.share_done",
    _BY_CUSTOMER,
    columns=_TIMES,
    folds=100,
    chart="resolution",
)
arrivals = Estimator(
    "shares of a week",
    "counts",
    "arrivals.pattern",
    "none: a count of all, not of a sample",
    columns=("slot",),
    chart="arrivals",
)

resolved_by_agent = Estimator(
    "indirectly standardised share",
    "counts",
    "agents.resolved",
    "Wilson, at the size of the case mix; funnel limits with over-dispersion",
    columns=("stratum", "resolved"),
    chart="agents",
)
satisfaction_by_agent = Estimator(
    "shrunken mean", "counts", "agents.satisfaction", "empirical Bayes", columns=("points",), chart="breakdown"
)
ticket_effects = Estimator(
    "linear regression",
    "counts",
    "ticket_effects.effects",
    "t, by customer",
    symmetric=True,
    sums=("x", "f", "xx", "xf", "y", "xy", "fy"),
    columns=("ticket",),
    folds=1000,
    chart="breakdown",
)

# Operations.
share_by_unit = Estimator(
    "proportion", "counts", "clustered_share.share", "Wilson, by seller or process", columns=("unit", "met")
)
_OF_ALL = "none: a count of all, not of a sample"
share_of_people = Estimator("share of all", "counts", "clustered_share.of_people", _OF_ALL, sums=("met", "size"))
share_of_things = Estimator("share of all", "counts", "clustered_share.of_things", _OF_ALL, sums=("met", "size"))
cost_by_month = Estimator("ratio of sums", "counts", "monthly_costs.cost", "t, by month", sums=("amount", "units"))
seller_gaps = Estimator(
    "difference of means",
    "counts",
    "seller_gap.gaps",
    "Welch, by seller",
    columns=("seller", "won_before", "quantity"),
    chart="sellers",
)

# Employees.
staff_share = Estimator(
    "share of a staff", "counts", "finite_population.share", "Wilson, finite-population correction", chart="segments"
)
staff_mean = Estimator(
    "mean of a staff", "counts", "finite_population.mean", "score, finite-population correction", chart="segments"
)
staff_net_score = Estimator(
    "net score of a staff",
    "counts",
    "finite_population.net_score",
    "adjusted Wald, finite-population correction",
    chart="segments",
)
staff_index = Estimator(
    "mean of several items of a staff",
    "counts",
    "employees.index",
    "score, finite-population correction",
    chart="segments",
)
employee_link = Estimator(
    "slope corrected for attenuation", "counts", "employees.link", "jackknife of teams, t", chart="link"
)

# Financial.
_MARGINS = ("margin", "times", "pay", "known", "due")  # of histories (`crmnb.metrics.features.purchase_history`)
reconciliation = Estimator("difference", "counts", "simple_clv.reconciled", "none: all of both", sums=("net",))
concentration = Estimator(
    "concentration",
    "counts",
    "concentration.lorenz",
    "linearised, on the logit",
    moves="concentration.moves",
    chart="lorenz",
)
forecast_ahead = Estimator(
    "fitted model",
    "counts",
    "clv.predicted",
    "delta method, on the logarithm",
    sums=_MARGINS,
    folds=200,
    joint=True,
)
lifetime_ahead = Estimator(
    "fitted model",
    "counts",
    "clv.residual",
    "delta method, on the logarithm",
    sums=_MARGINS,
    folds=200,
    joint=True,
)
textbook_value = Estimator(
    "product of means", "counts", "simple_clv.simple", "none", sums=("orders", "margin", "buyers", "start", "lost")
)
forecast_tested = Estimator(  # its folds tell nothing: so it is of the same counts as the forecasts that it tests
    "errors of forecasts",
    "counts",
    "backtest.effectiveness",
    "linearised, by customer",
    sums=_MARGINS,
    folds=200,
    joint=True,
    chart="backtest",
)
acquisition = Estimator("ratio of sums", "counts", "cac.cost", "t, by month", sums=("won", "amount"))
acquisition_return = Estimator(
    "fitted model",
    "counts",
    "cac.to_cost",
    "delta method, on the logarithm",
    sums=(*_MARGINS, "won", "amount"),
    folds=200,
    joint=True,
)
cost_covered = Estimator(
    "mean cumulative margin",
    "counts",
    "cac.payback",
    "percentile bootstrap of customers",
    sums=("margin", "won", "amount"),
    folds=200,
    chart="payback",
)
returns = Estimator("return", "counts", "simple_clv.returned", "that of the gain, as declared", sums=("amount",))
