"""Financial: what customers are worth, what winning them costs, and whether it pays."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    acquisition,
    acquisition_return,
    concentration,
    cost_covered,
    forecast_ahead,
    forecast_tested,
    lifetime_ahead,
    money_mean,
    reconciliation,
    returns,
    textbook_value,
)
from crmnb.metrics.features.customer_base import customers_at, first_joined, kept, require_a_year
from crmnb.metrics.features.margin import with_margin
from crmnb.metrics.features.purchase_history import bought, contracts, stacked
from crmnb.metrics.features.purchase_history import joined as side_by_side
from crmnb.metrics.features.revenue import with_net_revenue
from crmnb.schema.client import Churn, Dates, Segments, Worth

_YEAR = timedelta(days=365)
_MONTH_OF_AGE = 1440 * 30.4375  # minutes: a twelfth of 365.25 days
_FORECASTS = {"actual": "count", "expected": "count", "naive baseline": "count", "holdout begins": "count"}

# ---- What they bring ------------------------------------------------------------------------------------------------


@metric(
    title="Revenue reconciliation",
    unit="%",
    kind="process",
    direction="-",
    numerator="net revenue in the data, less that in the books",
    denominator="orders in the period",
    hand_count="(2029.5 - 2050) / 2050",
    estimate=reconciliation,
    over_time=False,
)
def revenue_reconciliation(payments, *, period, worth: Worth):
    """Net revenue of the period in these data less what the client's books say, in percent of the books.

    Net revenue is the amounts of orders that count, less what was refunded of them; of a client without orders, the monthly
    amounts of contracts as they fall due. The books' figure is declared (`worth: books`).

    Why: before anything is concluded from the data, it is to be seen whether they hold all that was sold, and nothing twice.
    Caution: books and orders differ for good reasons too: taxes, shipping, the day on which a sale counts. Know them before
        looking for others.
    Source: the usual control total of an audit; the International Standards on Auditing call it an analytical procedure (ISA 520).
    """
    if period.label not in worth.books:
        raise Unavailable("needs the period's net revenue as in the books (worth: books in the parameters file)")
    return with_net_revenue(payments).filter(period.holds("ordered_at")).select("net")


@metric(
    title="Revenue per customer",
    unit="money",
    kind="outcome",
    direction="up",
    numerator="net revenue",
    denominator="customers who bought in the period",
    hand_count="2013.5 / 14",
    per_customer=True,
    estimate=money_mean,
    bounds=(0, float("inf")),
    depends_on_length=True,
)
def revenue_per_customer(payments, *, period):
    """Net revenue of the period per customer who bought in it.

    Why: with the number of customers it makes up revenue; it tells whether growth comes from more customers or from more of each.
    Caution: a mean that a few large customers make: see the concentration. A longer period brings more, so compare equal ones.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Hall 1992, JRSS-B 54:221 (interval).
    """
    paid = with_net_revenue(payments).filter(period.holds("ordered_at"))
    return paid.group_by("customer_id").agg(num=nw.col("net").sum()).with_columns(den=nw.lit(1))


@metric(
    title="Revenue concentration",
    unit="share",
    kind="outcome",
    direction="-",
    numerator="revenue of the largest customers",
    denominator="customers who bought in the period",
    hand_count={
        "Gini coefficient": "14 / 13 * (2 * (1*17 + 2*21 + 3*23.5 + 4*28 + 5*29 + 6*29 + 7*37 + 8*47 + 9*49 + 10*62 + 11*108 + 12*109"
        " + 13*140 + 14*1314) / (14 * 2013.5) - 15 / 14)",
        "revenue share of the top 10%": "(1314 + 0.4 * 140) / 2013.5 * 100",
    },
    per_customer=True,
    estimate=concentration,
    breakdown="figure",
    units={"revenue share of the top 10%": "%", "curve": "%"},
    depends_on_length=True,
)
def revenue_concentration(payments, *, period):
    """How unevenly the period's revenue is spread over its buyers: Gini's coefficient, and the share of the top tenth.

    Gini is 0 where all bring the same and 1 where one brings all: half the mean difference of two customers (never one and the
    same, so with n / (n - 1)) over the mean. Where a tenth is no whole number of customers, of the one on its edge the part inside counts.

    Why: it tells how much hangs on a few, who then deserve to be known by name, and whose loss would hurt.
    Caution: a longer period evens out who happened to buy in it, so compare equal ones. Who did not buy at all is not in it.
    Source: Gini 1914; Lorenz 1905; Deltas 2003, Review of Economics and Statistics 85:226 (n / (n - 1)); Langel & Tille 2013, JRSS-A
        176:521 (interval).
    """
    paid = with_net_revenue(payments).filter(period.holds("ordered_at"))
    return paid.group_by("customer_id").agg(revenue=nw.col("net").sum().cast(nw.Float64))


# ---- What they are worth --------------------------------------------------------------------------------------------


@metric(
    title="Historical CLV",
    unit="money",
    kind="outcome",
    direction="up",
    numerator="margin so far, discounted to the first purchase",
    denominator="customers who ever bought",
    hand_count="0.4 * 2619.2 / 15",
    per_customer=True,
    estimate=money_mean,
    cumulative=True,
)
def historical_clv(payments, *, period, worth: Worth):
    """Margin that a customer has brought up to the period's end, each amount discounted to the customer's first purchase.

    Per customer ever seen, those who left among them.

    Why: it needs no model: it is what winning those customers has turned out to be worth so far.
    Caution: young customers have had little time, so it says too little of what a new one will be worth, and it falls when many
        are won. Who bought before the data begin is seen in part. Where a few brought most of it, the lower limit can fall below 0:
        the mean is then not known from so few.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2 (discounted margins); Hall 1992, JRSS-B 54:221
        (interval).
    """
    paid = with_margin(payments, worth).filter(nw.col("ordered_at") < period.observed_end)
    firsts = paid.group_by("customer_id").agg(first=nw.col("ordered_at").min())
    years = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() / (1440 * 365.25)
    worth_then = nw.col("margin") * nw.col("growth") ** (-years)
    each = paid.join(firsts, on="customer_id", how="inner").with_columns(growth=nw.lit(1 + worth.discount_rate))
    each = each.with_columns(then=worth_then)
    return each.group_by("customer_id").agg(num=nw.col("then").sum()).with_columns(den=nw.lit(1))


def _histories(
    payments: nw.LazyFrame,
    tenures: nw.LazyFrame,
    joined: nw.LazyFrame,
    period: Period,
    churn: Churn,
    worth: Worth,
    dates: Dates,
) -> nw.LazyFrame:
    """What the model that goes with the client's churn is fitted to and tested on."""
    if churn.kind == "contractual":
        return contracts(tenures, payments, period, worth, dates)
    there = customers_at(tenures, period.observed_end, churn.history_days)
    return bought(payments, there, joined, period, worth, churn.history_days)


@metric(
    title="Predicted CLV",
    unit="money",
    kind="outcome",
    direction="up",
    numerator="margin expected over the horizon, discounted to the period's end",
    denominator="customers at the end of the period",
    published="test_published_clv.py::test_fader_hardie_lee_2005_table_2_bg_nbd_of_cdnow",
    per_customer=True,
    estimate=forecast_ahead,
    cumulative=True,
)
def predicted_clv(
    payments, tenures, joined, *, period, churn: Churn, worth: Worth, segments: Segments, dates: Dates, renewal_months=1
):
    """Margin that a customer at the end of the period is expected to bring over the declared horizon (`worth: horizon_months`).

    Who is lost by inactivity buys as BG/NBD says (purchases at a rate of each customer's own, until leaving unseen), at a margin
    that Gamma-Gamma expects from the customer's own; it is fitted to those who came after the data begin. Who leaves by contract renews
    every `renewal_months` as the shifted beta-geometric says, each customer counting for the margin of a month, so that dear contracts
    that end sooner are seen to. Levels of a segmentation have fits of their own where a likelihood ratio test finds that they differ,
    and add up to the whole. Discounted at `worth: discount_rate` a year.

    Why: what keeping the customers of today is worth, and what may be spent on it.
    Caution: the models know of nothing but the past: no campaign, season or price to come. The holdout's error says how far to
        believe them. The interval is of the mean that is expected, not of what single customers will bring.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275 (BG/NBD); Fader & Hardie 2013, note 025 (Gamma-Gamma); Fader &
        Hardie 2007, Journal of Interactive Marketing 21:76 (shifted beta-geometric). The interval is the delta method's, which to
        the first order is that of a parametric bootstrap.
    """
    return _histories(payments, tenures, joined, period, churn, worth, dates)


@metric(
    title="Residual CLV",
    unit="money",
    kind="outcome",
    direction="up",
    numerator="margin expected in all the future, discounted to the period's end",
    denominator="customers at the end of the period",
    published="test_published_clv.py::test_shifted_beta_geometric_py_projects_the_high_end_five_years_further",
    per_customer=True,
    estimate=lifetime_ahead,
    cumulative=True,
)
def residual_clv(
    payments, tenures, joined, *, period, churn: Churn, worth: Worth, segments: Segments, dates: Dates, renewal_months=1
):
    """The same as the predicted value, without a horizon: the whole expected future of today's customers.

    Why: beside the predicted value it tells how much of the worth lies beyond the horizon.
    Caution: the further ahead, the more it is the model that speaks. Without a discount it can be infinite; then it is refused.
    Source: Fader, Hardie & Lee 2005, Journal of Marketing Research 42:415 (discounted expected residual transactions); Fader &
        Hardie 2010, Marketing Science 29:85 (contracts).
    """
    return _histories(payments, tenures, joined, period, churn, worth, dates)


@metric(
    title="Simple CLV (formula)",
    unit="money",
    kind="outcome",
    direction="up",
    numerator="margin of an order x orders a year x years of lifespan",
    denominator="customers who bought in the period",
    hand_count="(0.4 * 2013.5 / 24) * (24 / 14 * 365.25 / 365) / (1 - (1 - 3 / 8) ** (365.25 / 365))",
    per_customer=True,
    estimate=textbook_value,
    over_time=False,
    depends_on_length=True,
)
def simple_clv(payments, tenures, *, period, churn: Churn, worth: Worth):
    """Mean margin of an order, times orders a year per buyer, times a lifespan of 1 / yearly churn.

    Why: it is the form that most spreadsheets hold, so it is given beside the models to be compared with them.
    Caution: it multiplies means of different people (those who bought, those who could be lost), takes everybody to leave at the
        same constant rate, gives the newly won the spending of loyal ones, and discounts nothing: with churn by inactivity it is
        often far off, in either direction. Decide by the predicted value. By inactivity it is given of a year or more only, as no
        shorter period tells a year's churn.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2; Fader & Hardie 2012, Journal of Interactive Marketing
        26:232 (why a lifespan of 1 / churn misleads).
    """
    require_a_year(period, churn)
    paid = with_margin(payments, worth).filter(period.holds("ordered_at"))
    buyers = paid.group_by("customer_id").agg(orders=nw.len(), margin=nw.col("margin").sum())
    none = nw.lit(0)
    start = kept(tenures, period, churn).select(
        "customer_id", orders=none, margin=nw.lit(0.0), buyers=none, start=nw.lit(1), lost=1 - nw.col("kept")
    )
    return side_by_side(
        buyers.select("customer_id", "orders", "margin", buyers=nw.lit(1), start=none, lost=none), start
    )


@metric(
    title="CLV model validation (backtest)",
    unit="%",
    kind="process",
    direction="-",
    numerator="what was forecast, less what came",
    denominator="customers known before the holdout",
    published="test_published_clv.py::test_hardie_spreadsheet_conditional_expectation_of_the_customer_with_2_at_30_43",
    per_customer=True,
    estimate=forecast_tested,
    breakdown="forecast",
    cumulative=True,
    units=_FORECASTS,
)
def model_effectiveness(
    payments, tenures, joined, *, period, churn: Churn, worth: Worth, dates: Dates, renewal_months=1
):
    """How far the predicted value's model would have been off: fitted to the time before a holdout, compared with it.

    Of purchases, the repeat purchases in the holdout of customers known before; under contract, how many of those there are
    still there at its end. Beside it the naive forecast: all as in the equal time before. The forecast error is (forecast -
    actual) / actual of the total; the error per customer the mean distance of the two, out of the mean actual. The holdout is
    the period where as much history lies before it, else the last third of the history.

    Why: no forecast without the error that it would have had.
    Caution: one holdout is one draw of the future. A good total can hide errors that cancel out; the error per customer shows them,
        and stays large, as what a single customer does is chance.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275, section 4 (holdout, tracking).
    """
    return _histories(payments, tenures, joined, period, churn, worth, dates)


# ---- What winning them costs ----------------------------------------------------------------------------------------


def _month(column: str) -> nw.Expr:
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _begin(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1)


def _winning(
    costs: nw.LazyFrame, tenures: nw.LazyFrame, joined_at: nw.LazyFrame, period: Period, worth: Worth
) -> nw.LazyFrame:
    """New customers (`won`) and what was spent to win them (`amount`), by the `month` of winning. Raises Unavailable.

    Costs are known by the month, so the period is to consist of months; one that is seen in part is left out on both sides. A
    row without a month tells the first and the last month of any costs (`costs_from`, `costs_to`), as months of winning.
    """
    if period.start.day != 1 or period.end.day != 1:
        raise Unavailable("costs are known by the month; choose a period of whole months")
    lag = worth.acquisition_lag_months
    first = period.start.year * 12 + period.start.month - 1
    end = period.observed_end.year * 12 + period.observed_end.month - 1
    if end == first:
        raise Unavailable(f"costs are known by the month, and no month of {period.label} is seen whole")
    spent = costs.filter(
        nw.col("category") == "acquisition", nw.col("month") >= _begin(first - lag), nw.col("month") < _begin(end - lag)
    )
    spent = spent.select(
        month=_month("month") + lag,
        won=nw.lit(0),
        amount=nw.col("amount").cast(nw.Float64),
    )
    known = costs.select(month=_month("month") + lag)
    covered = known.select(costs_from=nw.col("month").min(), costs_to=nw.col("month").max())
    covered = covered.filter(~nw.col("costs_from").is_null())
    covered = covered.with_columns(won=nw.lit(0), amount=nw.lit(0.0))
    won = first_joined(tenures, joined_at, period).filter(period.holds("first"), nw.col("first") < _begin(end))
    won = won.select(month=_month("first"), won=nw.lit(1), amount=nw.lit(0.0), customer_id=nw.col("customer_id"))
    return side_by_side(won, spent, covered)


@metric(
    title="Customer acquisition cost (CAC)",
    unit="money",
    kind="input",
    direction="down",
    numerator="spend on acquisition",
    denominator="customers won in the period",
    hand_count="80 / 4",
    estimate=acquisition,
)
def customer_acquisition_cost(costs, tenures, joined, *, period, churn: Churn, worth: Worth):
    """Spend on acquisition over customers won in the period (those whose first ever span began in it, and who did not join before the data begin).

    Spend is the costs of the category `acquisition`; where the client declares a lag (`worth: acquisition_lag_months`), that of
    so many months earlier. Costs (of any category) are to cover all of those months.

    Why: what a customer may cost is decided by what one is worth; this is what one does cost.
    Caution: it is only as complete as the costs: salaries and discounts are often missing. Customers who would have come anyway are
        among those won, so the next one costs more than this mean.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (average acquisition cost). Interval:
        the ratio of sums over months (Kish 1965, Survey Sampling, 6.5), which is that of a bootstrap of months to the first order.
    """
    period.require_history(churn.history_days)
    return _winning(costs, tenures, joined, period, worth).drop("customer_id")


@metric(
    title="CLV : CAC ratio",
    unit="ratio",
    kind="outcome",
    direction="up",
    numerator="expected margin of a customer just won, over the cost of winning one",
    denominator="customers won in the period",
    published="test_published_clv.py::test_hardie_spreadsheet_expected_repeat_purchases_of_a_new_customer",
    per_customer=True,
    estimate=acquisition_return,
    cumulative=True,
)
def clv_to_cac(
    payments,
    tenures,
    costs,
    joined,
    *,
    period,
    churn: Churn,
    worth: Worth,
    segments: Segments,
    dates: Dates,
    renewal_months=1,
):
    """What a customer who has just been won is expected to be worth over the horizon, over what winning one cost in the period.

    The worth is what the predicted value's model expects of a customer of whom nothing is known but that; and, of who may come
    back or not, the margin of the first purchase.

    Why: above 1, winning customers pays within the horizon.
    Caution: a mean of all channels: one may pay for another. It holds the errors of both of its parts.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 3; delta method (interval).
    """
    period.require_history(churn.history_days)
    histories = _histories(payments, tenures, joined, period, churn, worth, dates)
    won = _winning(costs, tenures, joined, period, worth)
    return side_by_side(histories, stacked({"spent": won}))


@metric(
    title="CAC payback period",
    unit="months",
    kind="outcome",
    direction="down",
    numerator="margin since they were won",
    denominator="customers won in the period",
    hand_count="3",
    per_customer=True,
    estimate=cost_covered,
    over_time=False,
)
def cac_payback_period(payments, tenures, costs, joined, *, period, churn: Churn, worth: Worth):
    """Months until the mean customer won in the period has brought the margin that winning one cost.

    Each customer's months count from the first purchase; a month of age counts for those who were followed to its end, up to the
    end of the data, those who left among them.

    Why: until then each customer won takes money out of the business.
    Caution: margins are not discounted. Where it is not reached, that is the answer as far as has been seen. Late months rest
        on the few who were won early.
    Source: Nelson 2003, Recurrent Events Data Analysis, chapter 1 (mean cumulative cost); percentile bootstrap of customers.
    """
    period.require_history(churn.history_days)
    until = period.cutoff or period.end
    won = first_joined(tenures, joined, period).filter(period.holds("first"))
    age = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE
    followed = won.with_columns(until=nw.lit(until)).with_columns(
        followed=(nw.col("until") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE
    )
    paid = (
        with_margin(payments, worth).filter(nw.col("ordered_at") < until).join(followed, on="customer_id", how="inner")
    )
    paid = paid.filter(nw.col("ordered_at") >= nw.col("first"))
    people = followed.select("customer_id", "followed", margin=nw.lit(0.0))
    brought = paid.select("customer_id", "followed", "margin", age=age)
    return stacked(
        {"followed": side_by_side(people, brought), "spent": _winning(costs, tenures, joined, period, worth)}
    )


@metric(
    title="Return on investment (ROI) by programme",
    unit="%",
    kind="outcome",
    direction="up",
    numerator="gain less cost",
    denominator="cost of the programme so far",
    hand_count={"loyalty card": "(150 - 120) / 120"},
    estimate=returns,
    breakdown="programme",
    cumulative=True,
)
def return_on_investment(costs, *, period, worth: Worth):
    """(gain - cost) / cost of each programme, of all that was spent on it up to the period's end.

    The gain is the margin that would not have come without the programme, as a test measured it: it is declared (`worth: gains`)
    with its interval. What customers of a programme spend is not its gain: most of it would have come anyway.

    Why: it sets programmes beside each other, and beside doing nothing.
    Caution: a gain measured once is set against costs that go on: measure again, and declare what it came to in all.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 10 (return on marketing investment).
    """
    spent = costs.filter(nw.col("month") < period.observed_end, ~nw.col("programme").is_null())
    return spent.select(breakdown=nw.col("programme"), amount=nw.col("amount").cast(nw.Float64))


# ---- Who pays -------------------------------------------------------------------------------------------------------


@metric(
    title="Retention of profitable customers",
    unit="%",
    kind="outcome",
    direction="up",
    numerator="of them still customers at the end",
    denominator="profitable customers at the start",
    hand_count="3 / 5",
    per_customer=True,
    depends_on_length=True,
)
def profitable_customer_retention(tenures, payments, *, period, churn: Churn, worth: Worth):
    """Share of the profitable customers at the start of the period who are still customers at its end.

    Profitable is who brought the declared margin (`worth: profitable_margin`) in the 365 days before the start.

    Why: losing these customers costs more than the retention rate tells.
    Caution: who has just joined has had no year to become profitable in. A longer period retains fewer: compare equal ones.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    period.require_history(365)
    before = (nw.col("ordered_at") >= period.start - _YEAR) & (nw.col("ordered_at") < period.start)
    profitable = _profitable(with_margin(payments, worth).filter(before), worth)
    return kept(tenures, period, churn).join(profitable, on="customer_id", how="inner").with_columns(num=nw.col("kept"))


def _profitable(paid: nw.LazyFrame, worth: Worth) -> nw.LazyFrame:
    """The customers whose margin in these payments is at least the declared one (to the fourth decimal, as money is kept)."""
    each = paid.group_by("customer_id").agg(brought=nw.col("margin").sum())
    return each.filter(nw.col("brought").round(4) >= worth.profitable_margin).select("customer_id")


@metric(
    title="New customers already profitable",
    unit="%",
    kind="input",
    direction="up",
    numerator="of them with the declared margin in the period",
    denominator="customers won in the period",
    hand_count="3 / 4",
    per_customer=True,
    over_time=False,
    depends_on_length=True,
)
def profitable_new_customers(tenures, payments, joined, *, period, churn: Churn, worth: Worth):
    """Share of the customers won in the period who brought the declared margin (`worth: profitable_margin`) within it.

    Why: it asks of those who win customers for the right ones.
    Caution: who was won late had little time: compare periods of equal length only, and rather years. What winning them cost is not
        taken off.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    period.require_history(churn.history_days)
    won = first_joined(tenures, joined, period).filter(period.holds("first"))
    profitable = _profitable(with_margin(payments, worth).filter(period.holds("ordered_at")), worth)
    found = won.join(profitable.with_columns(num=nw.lit(1)), on="customer_id", how="left")
    return found.select("customer_id", num=nw.col("num").fill_null(0), den=nw.lit(1))
