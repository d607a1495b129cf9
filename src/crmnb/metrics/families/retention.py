"""Retention: customers who stay, leave, join and buy again."""

from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.engine.views import View, once_in_periods
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    census,
    expected_losses,
    hazard_ratio,
    median_gap,
    median_survival,
    money_retained,
    money_share,
    survival,
)
from crmnb.metrics.estimators import count as counted
from crmnb.metrics.features.customer_base import (
    customers_at_end,
    customers_at_start,
    distinct,
    first_joined,
    kept,
    require_a_year,
    with_earlier,
)
from crmnb.metrics.features.tenure import (
    attributes,
    buying,
    first_spells,
    gaps,
    purchases,
    spells_in_periods,
    under_contract,
)
from crmnb.metrics.measures import Measure, mean, of_counts, share
from crmnb.schema.client import Churn, Segments


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
    customers = kept(tenures, churn)
    return share(
        customers,
        nw.col("kept") == 1,
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
    """Of the customers that the retention rate counts as retained, the share that was no customer for a while within the period.

    By inactivity: more than the declared days passed between two orders. Under contract: one ended before the next began.

    Why: retention asks at the two ends of the period only; this tells how much of it is customers who were lost and came back.
    Caution: the longer the period and the shorter the declared days of inactivity, the more such gaps there are.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (who is retained); the share is ours.
    """
    tenures.periods.without_parts()
    who = ["period_id", "customer_id"]
    stayed = kept(tenures, churn).filter(nw.col("kept") == 1)
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
def churn_rate(tenures, *, churn: Churn):
    """Share of the customers at the start of the period who are no longer customers at its end.

    Why: the complement of retention, and the basis for planning replacement.
    Caution: without a contract, the figure depends on the declared days of inactivity.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5.
    """
    customers = kept(tenures, churn)
    return share(
        customers,
        nw.col("kept") == 0,
        numerator="customers lost by the end",
        denominator="customers at the start",
        depends_on_length=True,
    )


def _per_year(share: float, period: Period) -> float:
    days = (period.observed_end - period.start).days
    return 1 - (1 - share) ** (365.25 / days)


@metric(
    title="Churn rate, annualised",
    unit="%",
    kind="outcome",
    direction="down",
    hand_count="1 - (1 - 3 / 8) ** (365.25 / 365)",
    per_customer=True,
)
def churn_rate_annualised(tenures, *, churn: Churn):
    """Share of customers lost in a year at the churn rate of the period: 1 - (1 - c)^(365.25 / days).

    Why: it makes periods of different length comparable.
    Caution: it assumes that everyone leaves at the same constant rate; new customers leave faster than old ones, so a year
        measured is usually better than a month made into a year. By inactivity it is given of a year or more only: in a
        shorter period those count as lost who have merely paused, who are back before the year is over.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (compounding of survival).
    """
    customers = kept(tenures, churn)
    tenures.periods.require(lambda period: require_a_year(period, churn))
    return share(
        customers,
        nw.col("kept") == 0,
        numerator="customers lost by the end, annualised",
        denominator="customers at the start",
        transform=_per_year,
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
    """Customers whose first ever span began in the period; also per 100 customers at the start. Reactivated customers are separate.

    Who joined before the data begin, as the client's list of customers says, is not new, however late the first order in the data.
    A reactivated customer was a customer before, was none at the start, and is one at the end.

    Why: new customers drive growth; together with the churn rate they show whether the base renews itself.
    Caution: who was a customer before the data begin, and of whom no list says so, looks new: without customers.joined_at the data
        must reach back by three times the mean days between purchases, and how many would look new with half of that history is
        told beside it.
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


def _recurring(subscriptions: View) -> nw.LazyFrame:
    """The customers who pay at each period's start: what they pay a month then (`due`), and at the end (`amount`).

    A plan is paid for from its start until its end; those of a customer are added up.
    """
    subscriptions.periods.require_history(0)
    return _paid_monthly(subscriptions)


@once_in_periods
def _paid_monthly(subscriptions: View) -> nw.LazyFrame:
    who, amount = ["period_id", "customer_id"], nw.col("monthly_amount").sum()
    at_start = subscriptions.open_at_start("started_at", "ended_at").group_by(*who).agg(due=amount)
    at_end = subscriptions.open_at_end("started_at", "ended_at").group_by(*who).agg(amount=amount)
    both = at_start.filter(nw.col("due") > 0).join(at_end, on=who, how="left")
    return both.with_columns(amount=nw.col("amount").fill_null(0))


@metric(
    title="Gross revenue retention",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="85 / 180",
    per_customer=True,
)
def gross_revenue_retention(subscriptions):
    """Share of the recurring monthly revenue at the start that its customers still pay at the end; nobody counts for more than before.

    Each customer's plans are added up at either time, so moving from one plan to another is neither loss nor gain.

    Why: it shows losses that growth of other customers would hide.
    Caution: one large customer can move it by itself. What was paused in between and is back at the end counts as kept.
    Source: Mehta, Steinman & Murphy 2016, Customer Success (gross and net retention of recurring revenue); Wilson 1927, with the
        effective n of Kish 1965, Survey Sampling, 8.2 (interval: customers weigh as much as they pay).
    """
    amount, due = nw.col("amount"), nw.col("due")
    left = (nw.when(amount < due).then(amount).otherwise(due) / due).cast(nw.Float64)
    columns = {"num": left, "den": nw.lit(1), "weight": due.cast(nw.Float64)}
    customers = _recurring(subscriptions).select("period_id", "customer_id", **columns)
    return Measure(
        customers,
        money_share,
        numerator="monthly revenue of the same customers at the end, without increases",
        denominator="customers' monthly revenue at the start",
        bounds=(0, 100),
        depends_on_length=True,
    )


@metric(
    title="Net revenue retention",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="95 / 180",
    per_customer=True,
)
def net_revenue_retention(subscriptions):
    """What the customers of the start pay a month at the end, as a share of what they paid at the start; it can pass 100.

    Why: above 100% the customer base grows without new customers.
    Caution: growth of a few customers can hide the loss of many; compare it with gross revenue retention. New customers do not count.
    Source: Mehta, Steinman & Murphy 2016, Customer Success (gross and net retention of recurring revenue); Hall 1992,
        JRSS-B 54:221 (interval; a ratio of sums by customer, linearised, which to first order is the bootstrap of customers).
    """
    customers = _recurring(subscriptions).rename({"amount": "num", "due": "den"})
    return Measure(
        customers,
        money_retained,
        numerator="monthly revenue of the same customers at the end",
        denominator="customers' monthly revenue at the start",
        bounds=(0, float("inf")),
        depends_on_length=True,
    )


@metric(
    title="Repeat purchase rate",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="7 / 14",
    per_customer=True,
)
def repeat_purchase_rate(orders, *, at_least=2):
    """Share of the period's buyers who bought more than once in it. A customer's orders of one day are one purchase.

    Why: a second purchase is the earliest sign of a lasting relationship.
    Caution: a longer period leaves more room to repeat, and who bought on its last day had no time to: compare only periods
        of equal length, and see the second purchase rate for equal follow-up.
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed., chapter 1 (purchase occasions; buyers of a period by how often they buy);
        Fader, Hardie & Lee 2005, Marketing Science 24:275 (a day's transactions are one). Some texts call the share of one
        period's buyers who buy in the next one by this name; that is another figure.
    """
    bought = purchases(orders.during("ordered_at"), "period_id")
    buyers = bought.group_by("period_id", "customer_id").agg(bought=nw.len())
    return share(
        buyers,
        nw.col("bought") >= at_least,
        numerator="buyers with two or more purchases",
        denominator="buyers in the period",
        depends_on_length=True,
    )


@once
def _first_orders(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Every buyer and the time of the first ever order."""
    return orders.group_by("customer_id").agg(first=nw.col("ordered_at").min())


@metric(
    title="Second purchase rate",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="2 / 3",
    per_customer=True,
)
def second_purchase_rate(orders, joined, *, churn: Churn, follow_up_days=90):
    """The repeat purchase rate at equal follow-up: share of new buyers who buy again, on a later day, within so many days of the first.

    Only buyers whose first ever order lies in the period and at least `follow_up_days` before the last day seen; not who joined before
    the data begin, as the client's list of customers says.

    Why: every buyer in it has the same time to come back, early or late in the period.
    Caution: the follow-up must end inside the period, so a year loses its last buyers and a quarter nearly all: use it for
        years. Who bought before the data begin looks new where no list says since when somebody is a customer (see new customers).
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed. (repeat buying in equal periods); the follow-up per buyer is ours.
    """
    orders.periods.without_parts()
    orders.periods.require_history(churn.history_days)
    time = timedelta(days=follow_up_days)
    firsts = orders.derive(_first_orders).derive(with_earlier, joined.rows, orders.periods.data_from).during("first")
    firsts = firsts.filter(nw.col("first") <= nw.col("observed_end") - time).select("period_id", "customer_id", "first")
    followed = (
        orders.during("ordered_at")
        .join(firsts, on=["period_id", "customer_id"], how="inner")
        .filter(nw.col("ordered_at") <= nw.col("first") + time)
    )
    buyers = purchases(followed, "period_id").group_by("period_id", "customer_id").agg(bought=nw.len())
    return share(
        buyers,
        nw.col("bought") >= 2,
        numerator="new buyers with a second purchase within the follow-up",
        denominator="new buyers who can be followed that long",
    )


@metric(
    title="Purchase frequency",
    unit="purchases",
    kind="outcome",
    direction="up",
    hand_count="23 / 14",
    per_customer=True,
)
def purchase_frequency(orders):
    """Purchases per customer who bought at all in the period. A customer's orders of one day are one purchase.

    Why: how often customers come; it moves before churn does.
    Caution: a few heavy buyers pull it up; it never falls below 1. Compare only periods of equal length. The average order value
        counts orders, so where baskets are split the two do not multiply to revenue.
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed. (average purchase frequency, w, of purchase occasions).
    """
    bought = purchases(orders.during("ordered_at"), "period_id")
    buyers = bought.group_by("period_id", "customer_id").agg(bought=nw.len())
    return mean(
        buyers,
        nw.col("bought"),
        numerator="purchases",
        denominator="buyers in the period",
        bounds=(1, float("inf")),
        depends_on_length=True,
    )


@metric(
    title="Cross-sell rate",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="2 / 10",
    per_customer=True,
)
def cross_sell_rate(orders, *, look_back_days=365):
    """Of those who bought both in the period and in the `look_back_days` before it, the share that bought from a category not among the latter's.

    Orders without a category are left out.

    Why: a customer of several categories has several reasons to come back.
    Caution: what was bought longer ago counts as new again; to look back as far as the data reach would make the rate fall by itself, as
        they reach further each year. A longer period leaves more room, so compare periods of equal length only.
    Source: Kamakura 2008, Cross-Selling: Offering the Right Product to the Right Customer at the Right Time, Journal of
        Relationship Marketing 6(3-4):41 (the idea); the count is ours; Wilson 1927 (interval).
    """
    orders.periods.without_parts()
    who = ("period_id", "customer_id")
    known = orders.filter(~nw.col("category").is_null())
    had = distinct(known.history("ordered_at", look_back_days), *who, "category").with_columns(new=nw.lit(0))
    bought = distinct(known.during("ordered_at"), *who, "category")
    again = bought.join(distinct(had, *who), on=[*who], how="semi")
    told = again.join(had, on=[*who, "category"], how="left").with_columns(nw.col("new").fill_null(1))
    customers = told.group_by(*who).agg(new=nw.col("new").max())
    return share(
        customers,
        nw.col("new") == 1,
        numerator="customers with a purchase in a new category",
        denominator="previous customers who bought in the period",
        depends_on_length=True,
    )


@metric(
    title="Refund rate",
    unit="%",
    kind="outcome",
    direction="down",
    hand_count="1 / 23",
)
def refund_rate(all_orders, *, refund_window_days=30):
    """Share of orders, cancelled ones and those of nothing left out, that were refunded in full or in part within `refund_window_days` of the order.

    Only orders that many days before the data end, so that each had the same time to come back. A refund without a date counts.

    Why: a rise can indicate overselling earlier than churn does.
    Caution: it counts orders, not money, and a refund later than the window is not seen. The period's last orders are missing until
        their window has closed.
    Source: Petersen & Kumar 2009, Are Product Returns a Necessary Evil?, Journal of Marketing 73(3):35 (returns as a measure of
        the relationship); the window is ours; Wilson 1927 (interval, by customer).
    """
    window = timedelta(days=refund_window_days)
    sold = all_orders.during("ordered_at", follow_up_days=refund_window_days).filter(nw.col("status") != "cancelled")
    back = (nw.col("refunded_amount") > 0) | ((nw.col("status") == "refunded") & nw.col("refunded_amount").is_null())
    in_time = nw.col("refunded_at").is_null() | (nw.col("refunded_at") <= nw.col("ordered_at") + window)
    return share(
        sold,
        (back & in_time).fill_null(False),
        numerator="orders refunded within the window",
        denominator="orders whose refund window has closed",
    )


@metric(
    title="Median time between orders",
    unit="days",
    kind="outcome",
    direction="down",
    hand_count="250",
    per_customer=True,
)
def time_between_orders(orders):
    """Median days from one purchase to the same customer's next, over all orders until the period's end; every customer weighs alike.

    A customer's orders of one day are one purchase, as a basket that is split says nothing of when somebody comes back. A customer
    counts through all complete gaps, with an equal share each, or, after a single purchase, through the days since then, a gap
    that is not over.

    Why: it shows when the next order is due, and from when a missing order is a warning.
    Caution: the median of all gaps together is far shorter, as frequent buyers fill it. It takes a customer's gaps as alike; who slows down
        before leaving looks faster than today's truth.
    Source: Wang & Chang 1999, Nonparametric estimation of a recurrent survival function, JASA 94:146, equations (2) and (3); Fader,
        Hardie & Lee 2005, Marketing Science 24:275 (a day's transactions are one).
    """
    period = orders.periods.reporting
    return of_counts(
        gaps(orders.rows, period.observed_end),
        median_gap,
        numerator="days from a purchase to the same customer's next",
        denominator="gaps between purchases",
    )


def _month(column: str) -> nw.Expr:
    """Calendar months since year 0."""
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _cohort_months(period: Period, churn: Churn) -> dict[str, Any]:
    """The time from which on history allows to call customers new, and the first calendar month that is not seen whole."""
    earliest = period.data_from + timedelta(days=churn.history_days) if period.data_from else period.start
    first_month = max(earliest.replace(day=1) if earliest.day == 1 else _next_month(earliest), period.start)
    if first_month >= period.observed_end:
        begins = f"{period.data_from:%Y-%m-%d}"
        raise Unavailable(Note("needs_history_before_cohort", days=churn.history_days, begins=begins))
    seen = _month_of(period.observed_end)
    if seen == _month_of(period.start):
        raise Unavailable(Note("needs_whole_month"))
    return {"first_month": first_month, "seen_months": seen}


def _month_of(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _month_starts(period: Period) -> list[dict[str, Any]]:
    """The calendar months that begin in a period, from that of its start on, by their numbers."""
    months = range(_month_of(period.start), _month_of(period.observed_end))
    return [{"active_in": month, "begins": datetime(month // 12, month % 12 + 1, 1)} for month in months]


def _aged(rows: nw.LazyFrame, ages: int) -> nw.LazyFrame:
    """Each row at every age below `ages`; made by doubling, since each step costs the engine a look at the whole."""
    aged, made = rows.with_columns(age=nw.lit(0)), 1
    while made < ages:
        aged, made = nw.concat([aged, aged.with_columns(age=nw.col("age") + made)]), 2 * made
    return aged.filter(nw.col("age") < ages)


def _next_month(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@metric(
    title="Cohort retention",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"2025-01 +2": "1 / 1", "2025-07 +1": "1 / 2", "2025-07 +2": "0 / 2", "2025-12 +0": "1 / 1"},
    per_customer=True,
)
def cohort_retention(tenures, joined, *, churn: Churn):
    """Share of each month's new customers who are active k calendar months later (breakdown `2025-01 +k`).

    Active is: ordered in that month (churn by inactivity), or still under contract when it begins (contractual). A cohort is
    the month of the first ever order or contract, not of the first in the period. Months not wholly seen are left blank.

    Why: it shows whether newer customers stay longer than earlier ones, which a single rate hides.
    Caution: compare cohorts within a column. Small cohorts vary strongly.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (cohorts); Wilson 1927 (interval).
    """
    periods, who = tenures.periods, ["period_id", "customer_id"]
    periods.without_parts()
    months = periods.table(lambda period: _cohort_months(period, churn))
    new = first_joined(tenures, joined).during("first").join(months, on="period_id", how="inner")
    new = new.filter(nw.col("first") >= nw.col("first_month")).with_columns(cohort=_month("first"))
    ages = max(len(_month_starts(period)) for period in periods.by_place.values())
    cells = _aged(new, ages).with_columns(active_in=nw.col("cohort") + nw.col("age"))
    of = cells.filter(nw.col("active_in") < nw.col("seen_months"))
    since, until = nw.col("since"), nw.col("until")
    if churn.kind == "inactivity":
        active = tenures.during("since").with_columns(active_in=_month("since"))
    else:
        begins = nw.col("begins")
        under_contract = (since < begins, until.is_null() | (until >= begins))
        active = tenures.where(*under_contract, beside=periods.table(_month_starts))
    active = distinct(active, *who, "active_in").with_columns(num=nw.lit(1))
    found = of.join(active, on=[*who, "active_in"], how="left")
    if churn.kind == "contractual":
        found = found.with_columns(num=nw.when(nw.col("age") == 0).then(nw.lit(1)).otherwise(nw.col("num")))
    cell = nw.concat_str([nw.col("first").dt.to_string("%Y-%m"), nw.lit(" +"), nw.col("age").cast(nw.String)])
    customers = found.select(*who, breakdown=cell, active=nw.col("num").fill_null(0))
    return share(
        customers,
        nw.col("active") == 1,
        numerator="customers active in the later month",
        denominator="customers who joined in that month",
        breakdown="cohort",
    )


@metric(
    title="Survival curve (Kaplan-Meier)",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"after 90 days": "3 / 8"},
    per_customer=True,
)
def survival_curve(tenures, joined, *, churn: Churn, segments: Segments):
    """Share of customers who are still there 30 days, 90 days ... 3 years after their first day, over all data until the period's end.

    Who is still a customer at the end counts for as long as was seen. Who joined before the data begin counts from then on, beside those
    who have been there as long. A customer's first spell counts, from the first day until it ends (by inactivity: until the declared
    days after the last order have passed); spells without a gap between them are one.

    Why: an annual rate mixes new and long-standing customers; the curve shows when customers leave.
    Caution: who left and came back is lost here at the first leaving; reactivated customers stand beside customers won. By inactivity nobody can be lost
        within the declared days, and who bought within those days after the data begin, or joined before, is left out, as nobody
        knows since when they have.
        It mixes customers of all years: if those of today differ, it says what was. Where few are seen from the first day on it
        begins at the age from which on enough are, and is of those who had reached it.
    Source: Kaplan & Meier 1958, JASA 53:457; Kalbfleisch & Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd ed.,
        1.4 (log-log band); Klein & Moeschberger 2003, Survival Analysis, 2nd ed., 4.6 (late entry), 7.3 (log-rank); Holm 1979.
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        lifetimes,
        survival,
        numerator="customers still active at that time",
        denominator="customers, from their first day",
        breakdown="time since the start",
    )


@metric(
    title="Median lifetime",
    unit="days",
    kind="outcome",
    direction="up",
    published="test_published_survival.py::test_freireich_medians_with_brookmeyer_crowley_limits",
    per_customer=True,
)
def median_lifetime(tenures, joined, *, churn: Churn, segments: Segments):
    """Days until half of the customers have left, from the survival curve.

    Why: one figure for how long a relationship lasts, which a mean of those who have left already would understate.
    Caution: where more than half are still there after the longest time seen, it is not reached, and that is the answer. It says
        nothing about the longest relationships, which bring the most. By inactivity the declared days after the last order are in it: where
        half never order again it would be these days, and is not given. Where few are seen from the first day on, it is among
        those who had reached the age that is said beside it.
    Source: Brookmeyer & Crowley 1982, Biometrics 38:29 (limits); Kaplan & Meier 1958, JASA 53:457.
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        lifetimes,
        median_survival,
        numerator="days until half of the customers have left",
        denominator="customers, from their first day",
    )


@metric(
    title="Churn drivers (hazard ratios)",
    unit="hazard ratio",
    kind="outcome",
    direction="-",
    per_customer=True,
    published="test_published_survival.py::test_rossi_cox_efron",
)
def churn_drivers(tenures, customers, joined, *, churn: Churn, segments: Segments):
    """How much faster one group of customers is lost than another, the client's other segmentations held: hazard ratios.

    All segmentations by an attribute of customers count, except those by tenure, which is the time itself. Each group stands beside its
    segmentation's largest: at 2, of those still there twice as many are lost on any day.

    Why: groups overlap; the model shows which differences remain when the others are held constant.
    Caution: an association with churn need not be a cause. One ratio for all time is an average where the groups' curves cross.
    Source: Cox 1972, JRSS-B 34:187; Efron 1977, JASA 72:557 (ties); Grambsch & Therneau 1994, Biometrika 81:515 (whether the ratio
        stays the same over time); Peduzzi et al. 1995, Journal of Clinical Epidemiology 48:1503 (ten losses for each ratio).
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    described = attributes(customers.rows, segments).join(lifetimes, on="customer_id", how="inner")
    return of_counts(
        described,
        hazard_ratio,
        numerator="churn hazard relative to the largest group",
        denominator="customers in the group",
        breakdown="group",
    )


@metric(
    title="Expected churn",
    unit="count",
    kind="output",
    direction="down",
    per_customer=True,
    published="test_published_clv.py::test_fader_hardie_lee_2005_table_2_bg_nbd_of_cdnow",
)
def expected_churn(tenures, joined, *, churn: Churn, segments: Segments, horizon_days=365):
    """How many of the customers at the end will no longer be customers `horizon_days` later, if they go on as customers did so far.

    With a contract, by the share that was lost at the same tenure; levels of a segmentation have hazards of their own where a log-rank
    test finds that they differ, and models of their own by inactivity where a likelihood ratio test does. By inactivity, by the BG/NBD model, from how often and how recently
    each bought: lost is who will not have ordered within the declared days before that time. Analysts can list the customers, each with
    the chance to be lost and what is at stake.

    Why: it estimates future losses early enough to act.
    Caution: it assumes unchanged conditions: it contains no price changes and no seasons. It shows which customers are likely to leave, not which of them a campaign would retain.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275 (BG/NBD); Klein & Moeschberger 2003, Survival Analysis, 2nd ed., 4.2
        (Nelson-Aalen).
    """
    of = buying if churn.kind == "inactivity" else under_contract
    customers = of(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        customers, expected_losses, numerator="customers expected to leave", denominator="customers at the end"
    )
