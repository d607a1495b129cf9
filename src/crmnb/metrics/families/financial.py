"""Financial: what customers are worth, what winning them costs, and whether it pays."""

from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.views import View, once_in_periods
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    acquisition,
    acquisition_return,
    concentration,
    cost_covered,
    forecast_ahead,
    forecast_tested,
    lifetime_ahead,
    reconciliation,
    returns,
    textbook_value,
)
from crmnb.metrics.features.customer_base import customers_at, first_joined, kept, require_a_year
from crmnb.metrics.features.margin import with_margin
from crmnb.metrics.features.purchase_history import bought, contracts, stacked
from crmnb.metrics.features.purchase_history import joined as side_by_side
from crmnb.metrics.features.revenue import with_net_revenue
from crmnb.metrics.measures import money_mean, of_counts, share
from crmnb.schema.client import Churn, Dates, Segments, Worth

_DAYS_A_YEAR = 365
_MONTH_OF_AGE = 1440 * 30.4375  # minutes: a twelfth of 365.25 days
_FORECASTS = {"actual": "count", "expected": "count", "naive baseline": "count", "holdout begins": "count"}

# ---- What they bring ------------------------------------------------------------------------------------------------


@metric(
    title="Revenue reconciliation",
    unit="%",
    kind="process",
    direction="-",
    hand_count="(2029.5 - 2050) / 2050",
)
def revenue_reconciliation(payments, *, worth: Worth):
    """Net revenue of the period in these data less what the client's books say, in percent of the books.

    Net revenue is the amounts of orders that count, less what was refunded of them; of a client without orders, the monthly
    amounts of contracts as they fall due. The books' figure is declared (`worth: books`).

    Why: other figures are reliable only if the data contain every sale exactly once.
    Caution: books and orders differ for good reasons too: taxes, shipping, the day on which a sale counts. Know them before
        looking for others.
    Source: the usual control total of an audit; the International Standards on Auditing call it an analytical procedure (ISA 520).
    """
    payments.periods.without_parts()
    payments.periods.require(lambda period: _require_books(period, worth))
    paid = payments.derive(with_net_revenue).during("ordered_at").select("period_id", "net")
    return of_counts(
        paid,
        reconciliation,
        numerator="net revenue in the data minus net revenue in the books",
        denominator="orders in the period",
    )


def _require_books(period: Period, worth: Worth) -> None:
    if period.label not in worth.books:
        raise Unavailable(Note("needs_books"))


@metric(
    title="Revenue per customer",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="2013.5 / 14",
    per_customer=True,
)
def revenue_per_customer(payments):
    """Net revenue of the period per customer who bought in it.

    Why: it shows whether growth comes from more customers or from more revenue per customer.
    Caution: a few large customers can dominate the mean: see revenue concentration. Compare periods of equal length only.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Hall 1992, JRSS-B 54:221 (interval).
    """
    revenue = _revenue(payments)
    return money_mean(
        revenue,
        nw.col("revenue"),
        numerator="net revenue",
        denominator="customers who bought in the period",
        bounds=(0, float("inf")),
        depends_on_length=True,
    )


def _revenue(payments: View) -> nw.LazyFrame:
    """What each customer brought in each period (`revenue`)."""
    paid = payments.derive(with_net_revenue).during("ordered_at")
    return paid.group_by("period_id", "customer_id").agg(revenue=nw.col("net").sum())


@metric(
    title="Revenue concentration",
    unit="share",
    kind="outcome",
    direction="-",
    hand_count={
        "Gini coefficient": "14 / 13 * (2 * (1*17 + 2*21 + 3*23.5 + 4*28 + 5*29 + 6*29 + 7*37 + 8*47 + 9*49 + 10*62 + 11*108 + 12*109"
        " + 13*140 + 14*1314) / (14 * 2013.5) - 15 / 14)",
        "revenue share of the top 10%": "(1314 + 0.4 * 140) / 2013.5 * 100",
    },
    per_customer=True,
)
def revenue_concentration(payments):
    """How unevenly the period's revenue is spread over its buyers: Gini's coefficient, and the share of the top tenth.

    Gini is 0 where all bring the same and 1 where one brings all: half the mean difference of two customers (never one and the
    same, so with n / (n - 1)) over the mean. Where a tenth is no whole number of customers, of the one on its edge the part inside counts.

    Why: it tells how much hangs on a few, who then deserve to be known by name, and whose loss would hurt.
    Caution: a longer period evens out who happened to buy in it, so compare equal ones. Who did not buy at all is not in it.
    Source: Gini 1914; Lorenz 1905; Deltas 2003, Review of Economics and Statistics 85:226 (n / (n - 1)); Langel & Tille 2013, JRSS-A
        176:521 (interval).
    """
    revenue = _revenue(payments).with_columns(revenue=nw.col("revenue").cast(nw.Float64))
    return of_counts(
        revenue,
        concentration,
        numerator="revenue of the largest customers",
        denominator="customers who bought in the period",
        breakdown="figure",
        units={"revenue share of the top 10%": "%", "curve": "%"},
        depends_on_length=True,
    )


# ---- What they are worth --------------------------------------------------------------------------------------------


@metric(
    title="Historical CLV",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="0.4 * 2619.2 / 15",
    per_customer=True,
)
def historical_clv(payments, *, worth: Worth):
    """Margin that a customer has brought up to the period's end, each amount discounted to the customer's first purchase.

    Per customer ever seen, those who left among them.

    Why: it needs no model: it is what winning those customers has turned out to be worth so far.
    Caution: young customers have had little time, so it says too little of what a new one will be worth, and it falls when many
        are won. Who bought before the data begin is seen in part. Where a few brought most of it, the lower limit can fall below 0:
        the mean is then not known from so few.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2 (discounted margins); Hall 1992, JRSS-B 54:221
        (interval).
    """
    paid = with_margin(payments.until_end("ordered_at"), worth)
    firsts = paid.group_by("customer_id").agg(first=nw.col("ordered_at").min())
    years = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() / (1440 * 365.25)
    worth_then = nw.col("margin") * nw.col("growth") ** (-years)
    each = paid.join(firsts, on="customer_id", how="inner").with_columns(growth=nw.lit(1 + worth.discount_rate))
    each = each.with_columns(then=worth_then)
    customers = each.group_by("customer_id").agg(margin=nw.col("then").sum())
    return money_mean(
        customers,
        nw.col("margin"),
        numerator="margin so far, discounted to the first purchase",
        denominator="customers who ever bought",
    )


def _histories(payments: View, tenures: View, joined: View, churn: Churn, worth: Worth, dates: Dates) -> nw.LazyFrame:
    """What the model that goes with the client's churn is fitted to and tested on."""
    period = payments.periods.reporting
    if churn.kind == "contractual":
        return contracts(tenures.rows, payments.rows, period, worth, dates)
    there = customers_at(tenures.rows, period.observed_end, churn.history_days)
    return bought(payments.rows, there, joined.rows, period, worth, churn.history_days)


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
    """Margin that a customer at the end of the period is expected to bring over the declared horizon (`worth: horizon_months`).

    Who is lost by inactivity buys as BG/NBD says (purchases at a rate of each customer's own, until leaving unseen), at a margin
    that Gamma-Gamma expects from the customer's own; it is fitted to customers who joined after the data start. A customer under contract renews
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
    histories = _histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        forecast_ahead,
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
    """The same as the predicted value, without a horizon: the whole expected future of today's customers.

    Why: beside the predicted value it tells how much of the worth lies beyond the horizon.
    Caution: the further ahead, the more it is the model that speaks. Without a discount it can be infinite; then it is refused.
    Source: Fader, Hardie & Lee 2005, Journal of Marketing Research 42:415 (discounted expected residual transactions); Fader &
        Hardie 2010, Marketing Science 29:85 (contracts).
    """
    histories = _histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        lifetime_ahead,
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
    """Mean margin of an order, times orders a year per buyer, times a lifespan of 1 / yearly churn.

    Why: it is the usual spreadsheet formula, shown for comparison with the models.
    Caution: it multiplies means of different people (those who bought, those who could be lost), takes everybody to leave at the
        same constant rate, gives the newly won the spending of loyal ones, and discounts nothing: with churn by inactivity it is
        often far off, in either direction. Decide by the predicted value. By inactivity it is given of a year or more only, as no
        shorter period tells a year's churn.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 2; Fader & Hardie 2012, Journal of Interactive Marketing
        26:232 (why a lifespan of 1 / churn misleads).
    """
    payments.periods.without_parts()
    payments.periods.require(lambda period: require_a_year(period, churn))
    paid, none = _margins(payments, worth).during("ordered_at"), nw.lit(0)
    who = ("period_id", "customer_id")
    buyers = paid.group_by(*who).agg(orders=nw.len(), margin=nw.col("margin").sum())
    buyers = buyers.select(*who, "orders", "margin", buyers=nw.lit(1), start=none, lost=none)
    start = kept(tenures, churn).select(
        *who, orders=none, margin=nw.lit(0.0), buyers=none, start=nw.lit(1), lost=1 - nw.col("kept")
    )
    return of_counts(
        side_by_side(buyers, start),
        textbook_value,
        numerator="margin of an order x orders a year x years of lifespan",
        denominator="customers who bought in the period",
        depends_on_length=True,
    )


def _margins(payments: View, worth: Worth) -> View:
    return payments.derive(with_margin, worth)


@metric(
    title="CLV model validation (backtest)",
    unit="%",
    kind="process",
    direction="-",
    published="test_published_clv.py::test_hardie_spreadsheet_conditional_expectation_of_the_customer_with_2_at_30_43",
    per_customer=True,
)
def model_effectiveness(payments, tenures, joined, *, churn: Churn, worth: Worth, dates: Dates, renewal_months=1):
    """How far the predicted value's model would have been off: fitted to the time before a holdout, compared with it.

    Of purchases, the repeat purchases in the holdout of customers known before; under contract, how many of those there are
    still there at its end. Beside it the naive forecast: all as in the equal time before. The forecast error is (forecast -
    actual) / actual of the total; the error per customer the mean distance of the two, out of the mean actual. The holdout is
    the period where as much history lies before it, else the last third of the history.

    Why: a forecast is useful only with its error.
    Caution: one holdout is one draw of the future. A good total can hide errors that cancel out; the error per customer shows them,
        and stays large, as what a single customer does is chance.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275, section 4 (holdout, tracking).
    """
    histories = _histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        forecast_tested,
        numerator="forecast minus actual purchases",
        denominator="customers known before the holdout",
        breakdown="forecast",
        units=_FORECASTS,
    )


# ---- What winning them costs ----------------------------------------------------------------------------------------


def _month(column: str) -> nw.Expr:
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _begin(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1)


def _winning(costs: View, tenures: View, joined: View, worth: Worth) -> nw.LazyFrame:
    """New customers (`won`) and what was spent to win them (`amount`), by the `month` of winning.

    Costs are known by the month, so a period is to consist of months; one that is seen in part is left out on both sides. A
    row without a month tells the first and the last month of any costs (`costs_from`, `costs_to`), as months of winning.
    """
    lag = worth.acquisition_lag_months
    months = costs.periods.table(lambda period: _months_of_winning(period, lag))
    return _won_and_spent(costs, tenures, joined, months, lag)


@once_in_periods
def _won_and_spent(costs: View, tenures: View, joined: View, months: nw.LazyFrame, lag: int) -> nw.LazyFrame:
    acquisition_ = nw.col("category") == "acquisition"
    spent = costs.where(
        acquisition_, nw.col("month") >= nw.col("costs_begin"), nw.col("month") < nw.col("costs_end"), beside=months
    )
    spent = spent.select(
        "period_id",
        month=_month("month") + lag,
        won=nw.lit(0),
        amount=nw.col("amount").cast(nw.Float64),
    )
    known = costs.rows.select(month=_month("month") + lag)
    covered = known.select(costs_from=nw.col("month").min(), costs_to=nw.col("month").max())
    covered = covered.filter(~nw.col("costs_from").is_null()).join(months.select("period_id"), how="cross")
    covered = covered.with_columns(won=nw.lit(0), amount=nw.lit(0.0))
    won = first_joined(tenures, joined).during("first").join(months, on="period_id", how="inner")
    won = won.filter(nw.col("first") < nw.col("months_end")).select(
        "period_id", month=_month("first"), won=nw.lit(1), amount=nw.lit(0.0), customer_id=nw.col("customer_id")
    )
    return side_by_side(won, spent, covered)


def _months_of_winning(period: Period, lag: int) -> dict[str, Any]:
    """The time after the last whole month of a period, and the times between which its costs were spent."""
    if period.start.day != 1 or period.end.day != 1:
        raise Unavailable(Note("costs_by_month"))
    first = period.start.year * 12 + period.start.month - 1
    end = period.observed_end.year * 12 + period.observed_end.month - 1
    if end == first:
        raise Unavailable(Note("no_whole_month_of_costs", period=period.label))
    return {"months_end": _begin(end), "costs_begin": _begin(first - lag), "costs_end": _begin(end - lag)}


@metric(
    title="Customer acquisition cost (CAC)",
    unit="money",
    kind="input",
    direction="down",
    hand_count="80 / 4",
)
def customer_acquisition_cost(costs, tenures, joined, *, churn: Churn, worth: Worth):
    """Spend on acquisition over customers won in the period (those whose first ever span began in it, and who did not join before the data begin).

    Spend is the costs of the category `acquisition`; where the client declares a lag (`worth: acquisition_lag_months`), that of
    so many months earlier. Costs (of any category) are to cover all of those months.

    Why: the cost of a new customer limits the return on acquisition.
    Caution: it is only as complete as the costs: salaries and discounts are often missing. Customers who would have come anyway are
        among those won, so the next one costs more than this mean.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (average acquisition cost). Interval:
        the ratio of sums over months (Kish 1965, Survey Sampling, 6.5), which is that of a bootstrap of months to the first order.
    """
    tenures.periods.require_history(churn.history_days)
    winning = _winning(costs, tenures, joined, worth).drop("customer_id")
    return of_counts(winning, acquisition, numerator="spend on acquisition", denominator="new customers in the period")


@metric(
    title="CLV : CAC ratio",
    unit="ratio",
    kind="outcome",
    direction="up",
    published="test_published_clv.py::test_hardie_spreadsheet_expected_repeat_purchases_of_a_new_customer",
    per_customer=True,
)
def clv_to_cac(
    payments,
    tenures,
    costs,
    joined,
    *,
    churn: Churn,
    worth: Worth,
    segments: Segments,
    dates: Dates,
    renewal_months=1,
):
    """What a customer who has just been won is expected to be worth over the horizon, over what winning one cost in the period.

    The worth is what the predicted value's model expects of a customer of whom nothing is known but that; and, of who may come
    back or not, the margin of the first purchase.

    Why: above 1, acquisition pays within the horizon.
    Caution: it is a mean of all channels, of which some may not pay. It contains the errors of CLV and of CAC.
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 3; delta method (interval).
    """
    tenures.periods.require_history(churn.history_days)
    histories = _histories(payments, tenures, joined, churn, worth, dates)
    won = _winning(costs, tenures, joined, worth).filter(nw.col("period_id") == 0).drop("period_id")
    both = side_by_side(histories, stacked({"spent": won}))
    return of_counts(
        both,
        acquisition_return,
        numerator="expected margin of a new customer / CAC",
        denominator="new customers in the period",
    )


@metric(
    title="CAC payback period",
    unit="months",
    kind="outcome",
    direction="down",
    hand_count="3",
    per_customer=True,
)
def cac_payback_period(payments, tenures, costs, joined, *, churn: Churn, worth: Worth):
    """Months until the mean customer won in the period has brought the margin that winning one cost.

    Each customer's months count from the first purchase; a month of age counts for those who were followed to its end, up to the
    end of the data, those who left among them.

    Why: until then, each new customer costs more than the margin so far.
    Caution: margins are not discounted. Where it is not reached, that is the answer as far as has been seen. Late months rest
        on the few who were won early.
    Source: Nelson 2003, Recurrent Events Data Analysis, chapter 1 (mean cumulative cost); percentile bootstrap of customers.
    """
    periods = payments.periods
    periods.without_parts()
    periods.require_history(churn.history_days)
    until = nw.col("period_end") if periods.cutoff is None else nw.lit(periods.cutoff)
    won = first_joined(tenures, joined).during("first").with_columns(until=until)
    age = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE
    followed = won.with_columns(followed=(nw.col("until") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE)
    paid = _margins(payments, worth).join_onto(followed, "customer_id")
    paid = paid.filter(nw.col("ordered_at") < nw.col("until"), nw.col("ordered_at") >= nw.col("first"))
    who = ("period_id", "customer_id")
    people = followed.select(*who, "followed", margin=nw.lit(0.0))
    brought = paid.select(*who, "followed", "margin", age=age)
    parts = {"followed": side_by_side(people, brought), "spent": _winning(costs, tenures, joined, worth)}
    return of_counts(
        stacked(parts), cost_covered, numerator="margin since acquisition", denominator="new customers in the period"
    )


@metric(
    title="Return on investment (ROI) by programme",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"loyalty card": "(150 - 120) / 120"},
)
def return_on_investment(costs, *, worth: Worth):
    """(gain - cost) / cost of each programme, of all that was spent on it up to the period's end.

    The gain is the margin that would not have come without the programme, as a test measured it: it is declared (`worth: gains`)
    with its interval. What customers of a programme spend is not its gain: most of it would have come anyway.

    Why: it compares programmes with each other and with no programme.
    Caution: a gain measured once is set against costs that go on: measure again, and declare what it came to in all.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 10 (return on marketing investment).
    """
    spent = costs.until_end("month").filter(~nw.col("programme").is_null())
    spent = spent.select(breakdown=nw.col("programme"), amount=nw.col("amount").cast(nw.Float64))
    return of_counts(
        spent, returns, numerator="gain less cost", denominator="cost of the programme so far", breakdown="programme"
    )


# ---- Who pays -------------------------------------------------------------------------------------------------------


@metric(
    title="Retention of profitable customers",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="3 / 5",
    per_customer=True,
)
def profitable_customer_retention(tenures, payments, *, churn: Churn, worth: Worth):
    """Share of the profitable customers at the start of the period who are still customers at its end.

    Profitable is who brought the declared margin (`worth: profitable_margin`) in the 365 days before the start.

    Why: the loss of these customers costs more than the retention rate shows.
    Caution: who has just joined has had no year to become profitable in. A longer period retains fewer: compare equal ones.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    profitable = _profitable(_margins(payments, worth).history("ordered_at", _DAYS_A_YEAR), worth)
    customers = kept(tenures, churn).join(profitable, on=["period_id", "customer_id"], how="inner")
    return share(
        customers,
        nw.col("kept") == 1,
        numerator="customers still active at the end",
        denominator="profitable customers at the start",
        depends_on_length=True,
    )


def _profitable(paid: nw.LazyFrame, worth: Worth) -> nw.LazyFrame:
    """The customers whose margin in each period's payments is at least the declared one (to the fourth decimal, as money is kept)."""
    who = ("period_id", "customer_id")
    brought = paid.group_by(*who).agg(brought=nw.col("margin").sum())
    return brought.filter(nw.col("brought").round(4) >= worth.profitable_margin).select(*who)


@metric(
    title="New customers already profitable",
    unit="%",
    kind="input",
    direction="up",
    hand_count="3 / 4",
    per_customer=True,
)
def profitable_new_customers(tenures, payments, joined, *, churn: Churn, worth: Worth):
    """Share of the customers won in the period who brought the declared margin (`worth: profitable_margin`) within it.

    Why: it shows whether acquisition reaches the right customers.
    Caution: who was won late had little time: compare periods of equal length only, and rather years. What winning them cost is not
        taken off.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    payments.periods.without_parts()
    payments.periods.require_history(churn.history_days)
    won = first_joined(tenures, joined).during("first")
    profitable = _profitable(_margins(payments, worth).during("ordered_at"), worth).with_columns(profitable=nw.lit(1))
    customers = won.join(profitable, on=["period_id", "customer_id"], how="left")
    is_profitable = nw.col("profitable").fill_null(0) == 1
    return share(
        customers,
        is_profitable,
        numerator="new customers with the declared margin in the period",
        denominator="new customers in the period",
        depends_on_length=True,
    )
