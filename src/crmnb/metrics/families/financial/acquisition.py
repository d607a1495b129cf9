"""What new customers cost, and whether that pays."""

from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.views import View, once_in_periods
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.customer_base import first_joined
from crmnb.metrics.features.margin import payments_with_margin
from crmnb.metrics.features.purchase_history import MARGINS, stacked, value_histories
from crmnb.metrics.features.purchase_history import joined as side_by_side
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Churn, Dates, Segments, Worth

_ACQUISITION = Estimator("ratio of sums", "counts", "cac.cost", "t, by month", sums=("won", "amount"))
_ACQUISITION_RETURN = Estimator(
    "fitted model",
    "counts",
    "cac.to_cost",
    "delta method, on the logarithm",
    sums=(*MARGINS, "won", "amount"),
    folds=200,
    joint=True,
)
_COST_COVERED = Estimator(
    "mean cumulative margin",
    "counts",
    "cac.payback",
    "percentile bootstrap of customers",
    sums=("margin", "won", "amount"),
    folds=200,
    chart="payback",
)
_RETURNS = Estimator("return", "counts", "simple_clv.returned", "that of the gain, as declared", sums=("amount",))

_MONTH_OF_AGE = 1440 * 30.4375  # minutes: a twelfth of 365.25 days


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
        acquisition_, nw.col("month") >= nw.col("costs_begin"), nw.col("month") < nw.col("costs_end"), windows=months
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
    """Acquisition spend divided by the new customers of the period.

    New customers began their first span in the period and did not join before the data begin. Spend is the costs of
    the category acquisition; with a declared lag, those of as many months earlier. The costs must cover all of these
    months.

    Why: the cost of a new customer limits the return on acquisition.
    Caution: it is only as complete as the costs: salaries and discounts are often missing. Customers who would have come anyway are
        among those won, so the next one costs more than this mean.
    Formula: C / N, where C = the costs of acquisition; N = the number of new customers in the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (average acquisition cost). Interval:
        the ratio of sums over months (Kish 1965, Survey Sampling, 6.5), which is that of a bootstrap of months to the first order.
    """
    tenures.periods.require_history(churn.history_days)
    winning = _winning(costs, tenures, joined, worth).drop("customer_id")
    return of_counts(winning, _ACQUISITION, numerator="spend on acquisition", denominator="new customers in the period")


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
    """Expected margin of a new customer over the declared horizon, divided by the customer acquisition cost.

    The model is that of predicted CLV, for a customer of whom nothing but the acquisition is known. Where customers
    are lost by inactivity, the margin of the first purchase is included.

    Why: above 1, acquisition pays within the horizon.
    Caution: it is a mean of all channels, of which some may not pay. It contains the errors of CLV and of CAC.
    Formula: V / C, where V = the margin expected of a new customer over the horizon, discounted; C = the customer acquisition cost (CAC).
    Source: Gupta & Lehmann 2005, Managing Customers as Investments, chapter 3; delta method (interval).
    """
    tenures.periods.require_history(churn.history_days)
    histories = value_histories(payments, tenures, joined, churn, worth, dates)
    won = _winning(costs, tenures, joined, worth).filter(nw.col("period_id") == 0).drop("period_id")
    both = side_by_side(histories, stacked({"spent": won}))
    return of_counts(
        both,
        _ACQUISITION_RETURN,
        numerator="expected margin of a new customer / CAC",
        denominator="new customers in the period",
        inputs=("predicted_clv", "customer_acquisition_cost"),
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
    """Months until the mean new customer of the period has brought a margin equal to the customer acquisition cost.

    Months count from each customer's first purchase. A month of age includes the customers who were followed to its
    end, also those who left.

    Why: until then, each new customer costs more than the margin so far.
    Caution: margins are not discounted. Where it is not reached, that is the answer as far as has been seen. Late months rest
        on the few who were won early.
    Formula: smallest(t, M(t) >= C), where t = months since the first purchase; M = the mean margin of a new customer up to that month; C =
    the customer acquisition cost (CAC).
    Source: Nelson 2003, Recurrent Events Data Analysis, chapter 1 (mean cumulative cost); percentile bootstrap of customers.
    """
    periods = payments.periods
    periods.without_parts()
    periods.require_history(churn.history_days)
    until = nw.col("period_end") if periods.cutoff is None else nw.lit(periods.cutoff)
    won = first_joined(tenures, joined).during("first").with_columns(until=until)
    age = (nw.col("ordered_at") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE
    followed = won.with_columns(followed=(nw.col("until") - nw.col("first")).dt.total_minutes() // _MONTH_OF_AGE)
    paid = payments_with_margin(payments, worth).join_onto(followed, "customer_id")
    paid = paid.filter(nw.col("ordered_at") < nw.col("until"), nw.col("ordered_at") >= nw.col("first"))
    who = ("period_id", "customer_id")
    people = followed.select(*who, "followed", margin=nw.lit(0.0))
    brought = paid.select(*who, "followed", "margin", age=age)
    parts = {"followed": side_by_side(people, brought), "spent": _winning(costs, tenures, joined, worth)}
    return of_counts(
        stacked(parts), _COST_COVERED, numerator="margin since acquisition", denominator="new customers in the period"
    )


@metric(
    title="Return on investment (ROI) by programme",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"loyalty card": "(150 - 120) / 120"},
)
def return_on_investment(costs, *, worth: Worth):
    """(gain - cost) / cost of each programme, for all costs up to the period's end.

    The gain is the margin that would not exist without the programme, as measured in a test: it is declared with its
    interval. The spend of a programme's customers is not its gain, because most of it would have come anyway.

    Why: it compares programmes with each other and with no programme.
    Caution: a gain measured once is set against costs that go on: measure again, and declare what it came to in all.
    Formula: (G - C) / C, where G = the gain: the margin that would not exist without the programme; C = the cost of the programme so far.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 10 (return on marketing investment).
    """
    spent = costs.until_end("month").filter(~nw.col("programme").is_null())
    spent = spent.select(breakdown=nw.col("programme"), amount=nw.col("amount").cast(nw.Float64))
    return of_counts(
        spent, _RETURNS, numerator="gain less cost", denominator="cost of the programme so far", breakdown="programme"
    )
