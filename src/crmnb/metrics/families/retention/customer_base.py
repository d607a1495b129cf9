"""Customers who stay, leave and join."""

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.period import Period
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    census,
)
from crmnb.metrics.estimators import count as counted
from crmnb.metrics.features.customer_base import (
    customers_at_end,
    customers_at_start,
    first_joined,
    require_a_year,
    retained_customers,
)
from crmnb.metrics.features.tenure import (
    spells_in_periods,
)
from crmnb.metrics.measures import Measure, complement, derived, share
from crmnb.schema.client import Churn


@metric(
    title="Retention rate",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="5 / 8",
    per_customer=True,
)
def retention_rate(tenures, *, churn: Churn):
    """Share of the customers at the start of the period who are still customers at its end.

    Why: retention usually costs less than acquisition, and small changes add up over years.
    Caution: new customers count in neither numerator nor denominator. A customer who left and came back within the period
        counts as retained; "retained after a gap" is the share of these. A longer period retains fewer customers, so compare
        periods of equal length only.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    customers = retained_customers(tenures, churn)
    return share(
        customers,
        nw.col("retained") == 1,
        numerator="customers still active at the end",
        denominator="customers at the start",
        depends_on_length=True,
    )


@metric(
    title="Retained after a gap",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count="5 / 5",
    per_customer=True,
)
def retained_after_gap(tenures, *, churn: Churn):
    """Share of the retained customers who were not customers for some time within the period.

    By inactivity, more than the declared days passed between two orders. Under contract, one contract ended before
    the next began.

    Why: retention asks at the two ends of the period only; this tells how much of it is customers who were lost and came back.
    Caution: the longer the period and the shorter the declared days of inactivity, the more such gaps there are.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (who is retained); the share is ours.
    """
    tenures.periods.without_parts()
    who = ["period_id", "customer_id"]
    stayed = retained_customers(tenures, churn).filter(nw.col("retained") == 1)
    through = spells_in_periods(tenures).filter(nw.col("since") < nw.col("period_start"), nw.col("event") == 0)
    without_gap = through.select(*who, gap=nw.lit(0))
    customers = stayed.join(without_gap, on=who, how="left")
    gap = nw.col("gap").fill_null(1) == 1
    return share(
        customers,
        gap,
        numerator="retained customers with a gap in between",
        denominator="customers at the start who are customers at the end",
        depends_on_length=True,
    )


@metric(
    title="Churn rate",
    unit="%",
    kind="outcome",
    direction="down",
    hand_count="3 / 8",
    per_customer=True,
)
def churn_rate(*, churn: Churn):
    """Share of the customers at the start of the period who are no longer customers at its end.

    Why: the complement of retention, and the basis for planning replacement.
    Caution: without a contract, the figure depends on the declared days of inactivity.
    Formula: 1 - R, where R = the retention rate.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5.
    """
    return complement(
        "retention_rate",
        numerator="customers lost by the end",
        denominator="customers at the start",
        depends_on_length=True,
    )


@metric(
    title="Churn rate, annualised",
    unit="%",
    kind="outcome",
    direction="down",
    hand_count="1 - (1 - 3 / 8) ** (365.25 / 365)",
    per_customer=True,
)
def churn_rate_annualised(*, churn: Churn):
    """Share of customers lost in a year at the churn rate of the period: 1 - (1 - c)^(365.25 / days).

    Why: it makes periods of different length comparable.
    Caution: it assumes that everyone leaves at the same constant rate; new customers leave faster than old ones, so a year
        measured is usually better than a month made into a year. By inactivity it is available for periods of a year or more only: in a
        shorter period, customers count as lost who merely pause and are back before the year is over.
    Formula: 1 - (1 - c) ** (365.25 / d), where c = the churn rate of the period; d = the days of the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (compounding of survival).
    """

    def in_a_year(rates: pd.Series, period: Period) -> pd.Series:
        require_a_year(period, churn)
        days = (period.observed_end - period.start).days
        return 100 * (1 - (1 - rates / 100) ** (365.25 / days))

    return derived(
        "churn_rate",
        transform=in_a_year,
        numerator="customers lost by the end, annualised",
        denominator="customers at the start",
    )


@metric(
    title="Customer base growth (end : start)",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="10 / 8",
    per_customer=True,
)
def customer_base_growth(tenures, *, churn: Churn):
    """Customers at the end of the period as a percentage of those at its start, including new customers.

    Why: it shows whether the customer base grew.
    Caution: some texts call this retention. It is not: it contains new customers, so it can exceed 100% while old customers leave.
    Formula: E / S, where E = the number of customers at the end; S = the number of customers at the start.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (why customers won must be left out).
    """
    tenures.periods.require_history(churn.history_days)
    at_start = customers_at_start(tenures, churn.history_days).with_columns(num=nw.lit(0), den=nw.lit(1))
    at_end = customers_at_end(tenures, churn.history_days).with_columns(num=nw.lit(1), den=nw.lit(0))
    both = nw.concat([at_start, at_end]).group_by("period_id", "customer_id")
    customers = both.agg(num=nw.col("num").sum(), den=nw.col("den").sum())
    return Measure(
        customers,
        census,
        numerator="customers at the end",
        denominator="customers at the start",
        depends_on_length=True,
    )


@metric(
    title="New customers",
    unit="count",
    kind="outcome",
    direction="up",
    hand_count={"": "4", "per 100 at start": "4 / 8 * 100", "reactivated": "2"},
    per_customer=True,
)
def new_customers(tenures, joined, *, churn: Churn):
    """Customers who joined in the period; also per 100 customers at the start.

    Reactivated customers are separate: they were customers before, but not at the start, and are customers at the
    end. A customer who joined before the data begin, according to the client's customer list, is not new, even if the
    first order in the data is late.

    Why: new customers drive growth; together with the churn rate they show whether the base renews itself.
    Caution: who was a customer before the data begin, and of whom no list says so, looks new: without customers.joined_at the data
        must reach back by three times the mean days between purchases, and how many would look new with half of that history is
        stated beside it.
    Formula: all: k | per 100 at the start: 100 * k / S, where S = the number of customers at the start.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    tenures.periods.require_history(churn.history_days)
    days, who = churn.history_days, ["period_id", "customer_id"]
    no_exposure, no_time = nw.lit(None, nw.Float64), nw.lit(None, nw.Datetime("us"))
    firsts, at_first = first_joined(tenures, joined), nw.col("first")
    won, at_start = firsts.during("first"), customers_at_start(tenures, days)
    begun = tenures.during("since").group_by(*who, "period_start").agg(at=nw.col("since").min())
    back = (
        firsts.join_onto(begun, "customer_id")
        .filter(at_first < nw.col("period_start"))
        .join(customers_at_end(tenures, days), on=who, how="semi")
        .join(at_start, on=who, how="anti")
    )

    def rows(of: nw.LazyFrame, breakdown: str, num: int, den: nw.Expr, at: nw.Expr) -> nw.LazyFrame:
        return of.select(*who, breakdown=nw.lit(breakdown), num=nw.lit(num), den=den, at=at)

    customers = nw.concat(
        [
            rows(won, "", 1, no_exposure, at_first),
            rows(won, "per 100 at start", 1, nw.lit(0.0), at_first),
            rows(at_start, "per 100 at start", 0, nw.lit(0.01), no_time),
            rows(back, "reactivated", 1, no_exposure, nw.col("at")),
        ]
    )
    return Measure(
        customers,
        counted,
        numerator="new customers",
        denominator="",
        breakdown="basis",
        always=("", "reactivated"),
        units={"per 100 at start": "per 100 customers"},
        depends_on_length=True,
    )
