"""Customer lifetime value: historical, predicted, residual, by formula, and tested."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.customer_base import require_a_year, retained_customers
from crmnb.metrics.features.margin import payments_with_margin, with_margin
from crmnb.metrics.features.purchase_history import MARGINS, value_histories
from crmnb.metrics.features.purchase_history import joined as side_by_side
from crmnb.metrics.features.revenue import is_order, orders_among
from crmnb.metrics.measures import money_mean, of_counts
from crmnb.schema.client import Churn, Dates, Segments, Worth

_FORECAST_AHEAD = Estimator(
    "fitted model",
    "counts",
    "clv.predicted",
    "delta method, on the logarithm",
    sums=MARGINS,
    folds=200,
    joint=True,
)
_LIFETIME_AHEAD = Estimator(
    "fitted model",
    "counts",
    "clv.residual",
    "delta method, on the logarithm",
    sums=MARGINS,
    folds=200,
    joint=True,
)
_TEXTBOOK_VALUE = Estimator(
    "product of means", "counts", "simple_clv.simple", "none", sums=("orders", "margin", "buyers", "start", "lost")
)
_FORECAST_TESTED = Estimator(  # the folds are unused: with them, it shares the counts of the forecasts
    "errors of forecasts",
    "counts",
    "backtest.effectiveness",
    "linearised, by customer",
    sums=MARGINS,
    folds=200,
    joint=True,
    chart="backtest",
)

_FORECASTS = {"actual": "count", "expected": "count", "naive baseline": "count", "holdout begins": "count"}


@metric(
    title="Historical CLV",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="0.4 * 2619.2 / 15",
    per_customer=True,
)
def historical_clv(payments, *, worth: Worth):
    """Margin of a customer up to the period's end, each amount discounted to the customer's first purchase.

    The mean of all customers ever seen, including those who left.

    Why: it needs no model: it is what winning those customers has turned out to be worth so far.
    Caution: young customers have had little time, so it says too little of what a new one will be worth, and it falls when many
        are won. Who bought before the data begin is seen in part. Where a few brought most of it, the lower limit can fall below 0:
        the mean is then not known from so few.
    Formula: sum_i(sum_t(m_it / (1 + d) ** t)) / n, where m_it = the margin of customer i at time t; t = years since the first purchase; d
    = the discount rate per year.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2 (discounted margins); Hall 1992, JRSS-B 54:221
        (interval).
    """
    paid = with_margin(payments.until_end("ordered_at"), worth)
    firsts = paid.filter(is_order()).group_by("customer_id").agg(first=nw.col("ordered_at").min())
    years = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() / (1440 * 365.25)
    worth_then = nw.col("margin") * nw.col("growth") ** (-years)
    discounted = paid.join(firsts, on="customer_id", how="inner").with_columns(growth=nw.lit(1 + worth.discount_rate))
    discounted = discounted.with_columns(then=worth_then)
    customers = discounted.group_by("customer_id").agg(margin=nw.col("then").sum())
    return money_mean(
        customers,
        nw.col("margin"),
        numerator="margin so far, discounted to the first purchase",
        denominator="customers who ever bought",
    )


@metric(
    title="Predicted CLV",
    unit="money",
    kind="outcome",
    direction="up",
    published="test_published_clv.py::test_fader_hardie_lee_2005_table_2_bg_nbd_of_cdnow",
    per_customer=True,
)
def predicted_clv(
    payments, tenures, joined, *, churn: Churn, worth: Worth, segments: Segments, dates: Dates, renewal_months=1
):
    """Expected margin of a current customer over the declared horizon, discounted to the period's end.

    Where customers are lost by inactivity, purchases follow BG/NBD and margins Gamma-Gamma, fitted to customers who
    joined after the data start. Contracts renew by the shifted beta-geometric model, each customer weighted by
    monthly margin, so that expensive contracts that end sooner count accordingly. Segment levels have models of their
    own where a likelihood ratio test finds differences, and these add up to the whole. Under contract, the other levels
    have the common model with churn rates scaled to their own losses.

    Why: what keeping the customers of today is worth, and what may be spent on it.
    Caution: the models know of nothing but the past: no campaign, season or price to come. The holdout's error says how far to
        believe them. The interval is of the mean that is expected, not of what single customers will bring.
    Formula: sum_i(sum_t(E_it / (1 + d) ** t)) / n, where E_it = the margin of customer i that the model expects at time t; t = years since the end of the period, up to the horizon; d = the discount rate per year.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275 (BG/NBD); Fader & Hardie 2013, note 025 (Gamma-Gamma); Fader &
        Hardie 2007, Journal of Interactive Marketing 21:76 (shifted beta-geometric). The interval is the delta method's, which to
        the first order is that of a parametric bootstrap.
    """
    histories = value_histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        _FORECAST_AHEAD,
        numerator="margin expected over the horizon, discounted to the period's end",
        denominator="customers at the end of the period",
    )


@metric(
    title="Residual CLV",
    unit="money",
    kind="outcome",
    direction="up",
    published="test_published_clv.py::test_shifted_beta_geometric_py_projects_the_high_end_five_years_further",
    per_customer=True,
)
def residual_clv(
    payments, tenures, joined, *, churn: Churn, worth: Worth, segments: Segments, dates: Dates, renewal_months=1
):
    """Expected margin of a current customer without a horizon, discounted to the period's end.

    The model is the same as for predicted CLV.

    Why: beside the predicted value it tells how much of the worth lies beyond the horizon.
    Caution: the further ahead, the more it is the model that speaks. Without a discount it can be infinite; then it is refused.
    Formula: sum_i(sum_t(E_it / (1 + d) ** t)) / n, where E_it = the margin of customer i that the model expects at time t; t = years since the end of the period, without a horizon; d = the discount rate per year.
    Source: Fader, Hardie & Lee 2005, Journal of Marketing Research 42:415 (discounted expected residual transactions); Fader &
        Hardie 2010, Marketing Science 29:85 (contracts).
    """
    histories = value_histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        _LIFETIME_AHEAD,
        numerator="margin expected in all the future, discounted to the period's end",
        denominator="customers at the end of the period",
    )


@metric(
    title="Simple CLV (formula)",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="(0.4 * 2013.5 / 24) * (24 / 14 * 365.25 / 365) / (1 - (1 - 3 / 8) ** (365.25 / 365))",
    per_customer=True,
)
def simple_clv(payments, tenures, *, churn: Churn, worth: Worth):
    """Mean margin of an order x orders per buyer and year x lifespan (1 / annual churn).

    Why: it is the usual spreadsheet formula, shown for comparison with the models.
    Caution: it multiplies means of different people (those who bought, those who could be lost), takes everybody to leave at the
        same constant rate, gives the newly won the spending of loyal ones, and discounts nothing: with churn by inactivity it is
        often far off, in either direction. Decide by the predicted value. By inactivity it is available for periods of a year or
        more only, as no shorter period shows a year's churn.
    Formula: m * f / c, where m = the mean margin of an order; f = orders per buyer and year; c = the churn rate per year, so that 1 / c
    is the lifespan in years.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2; Fader & Hardie 2012, Journal of Interactive Marketing
        26:232 (why a lifespan of 1 / churn misleads).
    """
    payments.periods.without_parts()
    payments.periods.require(lambda period: require_a_year(period, churn))
    paid, none = payments_with_margin(payments, worth).during("ordered_at"), nw.lit(0)
    who = ("period_id", "customer_id")
    buyers = paid.group_by(*who).agg(orders=orders_among(), margin=nw.col("margin").sum())
    bought = (nw.col("orders") > 0).cast(nw.Int64)
    buyers = buyers.select(*who, "orders", "margin", buyers=bought, start=none, lost=none)
    start = retained_customers(tenures, churn).select(
        *who, orders=none, margin=nw.lit(0.0), buyers=none, start=nw.lit(1), lost=1 - nw.col("retained")
    )
    return of_counts(
        side_by_side(buyers, start),
        _TEXTBOOK_VALUE,
        numerator="margin of an order x orders a year x years of lifespan",
        denominator="customers who bought in the period",
        depends_on_length=True,
    )


@metric(
    title="CLV model validation (backtest)",
    unit="%",
    kind="process",
    direction="-",
    published="test_published_clv.py::test_hardie_spreadsheet_conditional_expectation_of_the_customer_with_2_at_30_43",
    per_customer=True,
)
def clv_backtest(payments, tenures, joined, *, churn: Churn, worth: Worth, dates: Dates, renewal_months=1):
    """Forecast error of the CLV model on a holdout: it is fitted to the data before the holdout and compared with the actual figures.

    The forecast covers repeat purchases of customers known before the holdout; under contract, the customers who
    remain at its end. The naive baseline repeats the period of equal length before. Total error: (forecast - actual)
    / actual. Error per customer: mean absolute difference, divided by the mean actual. The holdout is the reporting
    period if as much history lies before it, else the last third of the history.

    Why: a forecast is useful only with its error.
    Caution: one holdout is one draw of the future. A good total can hide errors that cancel out; the error per customer shows them,
        and stays large, as what a single customer does is chance.
    Formula: total error: (F - A) / A | error per customer: sum_i(abs(f_i - a_i)) / sum_i(a_i), where F = the forecast purchases of all
    customers in the holdout; A = their actual purchases; f_i = the forecast for customer i; a_i = the actual purchases of customer i.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275, section 4 (holdout, tracking).
    """
    histories = value_histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        _FORECAST_TESTED,
        numerator="forecast minus actual purchases",
        denominator="customers known before the holdout",
        breakdown="forecast",
        units=_FORECASTS,
    )
