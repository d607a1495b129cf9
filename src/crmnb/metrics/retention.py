"""Retention: who stays a customer, who leaves, who comes, and who buys again."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.client import Churn
from crmnb.errors import Unavailable
from crmnb.estimate import census, count, mean
from crmnb.metric import metric
from crmnb.period import Period
from crmnb.windows import once


@once
def _customers_at(tenures: nw.LazyFrame, t: datetime, days: int) -> nw.LazyFrame:
    """Who is a customer at t, one row each: in a span with since < t <= until.

    days: the length of every span where they are all equally long (churn by inactivity), else 0; told so, the engine
    reads that many days instead of everything before t.
    """
    begun, not_over = nw.col("since") < t, nw.col("until").is_null() | (nw.col("until") >= t)
    recent = [nw.col("since") >= t - timedelta(days=days)] if days else []
    return _each(tenures.filter(begun, not_over, *recent), "customer_id")


def _each(rows: nw.LazyFrame, *columns: str) -> nw.LazyFrame:
    """Each combination of values once; grouping, since `unique` numbers the rows, which is slow."""
    return rows.group_by(*columns).agg(rows=nw.len()).select(*columns)


def _kept(tenures: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """The customers at the start, and whether (`kept`, 0 or 1) each is one at the end."""
    period.require_history(churn.history_days)
    at_end = _customers_at(tenures, period.seen_end, churn.history_days).with_columns(kept=nw.lit(1))
    at_start = _customers_at(tenures, period.start, churn.history_days).join(at_end, on="customer_id", how="left")
    return at_start.with_columns(kept=nw.col("kept").fill_null(0), den=nw.lit(1))


@once
def _firsts(tenures: nw.LazyFrame) -> nw.LazyFrame:
    """Every customer and when the first ever span began."""
    return tenures.group_by("customer_id").agg(first=nw.col("since").min())


@metric(
    title="Retention rate",
    unit="%",
    kind="outcome",
    better="up",
    counts="of them still customers at the end",
    out_of="customers at the start",
    by_hand="5 / 8",
    per_customer=True,
)
def retention_rate(tenures, *, period, churn: Churn):
    """Share of the customers at the start of the period who are still customers at its end.

    Why: keeping a customer is cheaper than winning one, and small changes add up over years.
    Beware: customers won in the period count neither above nor below the line, and those who left and came back are not
        retained but won back. A longer period retains fewer, so compare periods of equal length only.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    return _kept(tenures, period, churn).with_columns(num=nw.col("kept"))


@metric(
    title="Churn rate",
    unit="%",
    kind="outcome",
    better="down",
    counts="of them no longer customers at the end",
    out_of="customers at the start",
    by_hand="3 / 8",
    per_customer=True,
)
def churn_rate(tenures, *, period, churn: Churn):
    """Share of the customers at the start of the period who are no longer customers at its end.

    Why: the other side of retention, and the one that planning of replacement works with.
    Beware: without a contract nobody says goodbye: the figure depends on the declared days of inactivity.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5.
    """
    return _kept(tenures, period, churn).with_columns(num=1 - nw.col("kept"))


def _per_year(share: float, period: Period) -> float:
    days = (period.seen_end - period.start).days
    return 1 - (1 - share) ** (365.25 / days)


@metric(
    title="Churn rate, annualised",
    unit="%",
    kind="outcome",
    better="down",
    counts="of them no longer customers at the end, as if for a year",
    out_of="customers at the start",
    by_hand="1 - (1 - 3 / 8) ** (365.25 / 365)",
    per_customer=True,
    transform=_per_year,
)
def churn_rate_annualised(tenures, *, period, churn: Churn):
    """The share that would be lost in a year if the period's loss went on: 1 - (1 - c)^(365.25 / days).

    Why: it makes a month and a quarter comparable.
    Beware: it assumes that everyone leaves at the same constant rate; new customers leave faster than old ones, so a year
        measured is usually better than a month made into a year.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (compounding of survival).
    """
    return _kept(tenures, period, churn).with_columns(num=1 - nw.col("kept"))


@metric(
    title="Customers at the end per customer at the start",
    unit="%",
    kind="outcome",
    better="up",
    counts="customers at the end",
    out_of="customers at the start",
    by_hand="10 / 8",
    per_customer=True,
    estimate=census,
)
def end_to_start_ratio(tenures, *, period, churn: Churn):
    """Customers at the end of the period per hundred at its start, whoever they are.

    Why: it says whether the base grew or shrank.
    Beware: some texts call this retention. It is not: new customers are counted, so it can pass 100 while old ones run away.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (why customers won must be left out).
    """
    period.require_history(churn.history_days)
    at_start = _customers_at(tenures, period.start, churn.history_days).with_columns(num=nw.lit(0), den=nw.lit(1))
    at_end = _customers_at(tenures, period.seen_end, churn.history_days).with_columns(num=nw.lit(1), den=nw.lit(0))
    both = nw.concat([at_start, at_end])
    return both.group_by("customer_id").agg(num=nw.col("num").sum(), den=nw.col("den").sum())


@metric(
    title="Customers won",
    unit="count",
    kind="outcome",
    better="up",
    counts="new customers",
    out_of="",
    by_hand={"": "4", "per 100 at start": "4 / 8 * 100", "win-backs": "2"},
    per_customer=True,
    estimate=count,
    component="how counted",
    always=("", "win-backs"),
    units={"per 100 at start": "per 100 customers"},
)
def customers_won(tenures, *, period, churn: Churn):
    """Customers whose first ever span began in the period; also per 100 customers at the start. Win-backs stand apart.

    A win-back was a customer before, was none at the start, and is one at the end.

    Why: growth comes from here; beside the churn rate it tells whether the base renews itself.
    Beware: who was a customer before the data begin looks new; the data must reach back further than the days of inactivity.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    period.require_history(churn.history_days)
    no_exposure, no_time = nw.lit(None, nw.Float64), nw.lit(None, nw.Datetime("us"))
    firsts = _firsts(tenures)
    won, at_first = firsts.filter(period.holds("first")), nw.col("first")
    at_start = _customers_at(tenures, period.start, churn.history_days)
    back = (
        tenures.filter(period.holds("since"))
        .group_by("customer_id")
        .agg(at=nw.col("since").min())
        .join(_customers_at(tenures, period.seen_end, churn.history_days), on="customer_id", how="semi")
        .join(at_start, on="customer_id", how="anti")
        .join(firsts.filter(nw.col("first") < period.start), on="customer_id", how="semi")
    )

    def rows(of: nw.LazyFrame, component: str, num: int, den: nw.Expr, at: nw.Expr) -> nw.LazyFrame:
        return of.select("customer_id", component=nw.lit(component), num=nw.lit(num), den=den, at=at)

    return nw.concat(
        [
            rows(won, "", 1, no_exposure, at_first),
            rows(won, "per 100 at start", 1, nw.lit(0.0), at_first),
            rows(at_start, "per 100 at start", 0, nw.lit(0.01), no_time),
            rows(back, "win-backs", 1, no_exposure, nw.col("at")),
        ]
    )


@metric(
    title="Repeat purchase rate",
    unit="%",
    kind="outcome",
    better="up",
    counts="buyers with two or more orders",
    out_of="buyers in the period",
    by_hand="8 / 14",
    per_customer=True,
)
def repeat_purchase_rate(orders, *, period, at_least=2):
    """Share of the period's buyers who ordered more than once in it.

    Why: the earliest sign that a first sale becomes a habit.
    Beware: a longer period leaves more room to repeat, and who bought on its last day had no time to: compare only periods
        of equal length, and see the second purchase rate for equal follow-up.
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed. (buyers of a period by how often they buy). Some texts call the share of one
        period's buyers who buy in the next one by this name; that is another figure.
    """
    buyers = orders.filter(period.holds("ordered_at")).group_by("customer_id").agg(orders=nw.len())
    return buyers.with_columns(num=(nw.col("orders") >= at_least).cast(nw.Int64), den=nw.lit(1))


@once
def _first_orders(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Every buyer and the time of the first ever order."""
    return orders.group_by("customer_id").agg(first=nw.col("ordered_at").min())


@metric(
    title="Second purchase rate",
    unit="%",
    kind="outcome",
    better="up",
    counts="of them with a second order within the days of follow-up",
    out_of="new buyers who can be followed that long",
    by_hand="2 / 3",
    per_customer=True,
    over_time=False,
)
def second_purchase_rate(orders, *, period, churn: Churn, follow_up_days=90):
    """The repeat purchase rate at equal follow-up: share of new buyers who order again within so many days of the first.

    Only buyers whose first ever order lies in the period and at least `follow_up_days` before the last day seen.

    Why: every buyer in it has the same time to come back, early or late in the period.
    Beware: the follow-up must end inside the period, so a year loses its last buyers and a quarter nearly all: use it for
        years. Who bought before the data begin looks new.
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed. (repeat buying in equal periods); the follow-up per buyer is ours.
    """
    period.require_history(churn.history_days)
    last_first = period.seen_end - timedelta(days=follow_up_days)
    firsts = _first_orders(orders).filter(period.holds("first"), nw.col("first") <= last_first)
    followed = (
        orders.filter(period.holds("ordered_at"))
        .join(firsts, on="customer_id", how="inner")
        .filter(nw.col("ordered_at") <= nw.col("first") + timedelta(days=follow_up_days))
    )
    buyers = followed.group_by("customer_id").agg(orders=nw.len())
    return buyers.with_columns(num=(nw.col("orders") >= 2).cast(nw.Int64), den=nw.lit(1))


@metric(
    title="Purchase frequency",
    unit="orders",
    kind="outcome",
    better="up",
    counts="orders",
    out_of="buyers in the period",
    by_hand="24 / 14",
    per_customer=True,
    estimate=mean,
    bounds=(1, float("inf")),
)
def purchase_frequency(orders, *, period):
    """Orders per customer who ordered at all in the period.

    Why: with order value and the number of customers it makes up revenue; it moves before churn does.
    Beware: a few heavy buyers pull it up; it never falls below 1. Compare only periods of equal length.
    Source: Ehrenberg 1988, Repeat-Buying, 2nd ed. (average purchase frequency, w).
    """
    buyers = orders.filter(period.holds("ordered_at")).group_by("customer_id").agg(num=nw.len())
    return buyers.with_columns(den=nw.lit(1))


def _month(column: str) -> nw.Expr:
    """Calendar months since year 0."""
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _cohorts(tenures: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """The customers won in the period, of months that history allows to call new, with `cohort`, a month's number."""
    earliest = period.data_from + timedelta(days=churn.history_days) if period.data_from else period.start
    first_month = max(earliest.replace(day=1) if earliest.day == 1 else _next_month(earliest), period.start)
    if first_month >= period.seen_end:
        raise Unavailable(
            f"needs data from {churn.history_days} days before the first cohort; they begin on {period.data_from:%Y-%m-%d}"
        )
    joined = _firsts(tenures).filter(period.holds("first"), nw.col("first") >= first_month)
    return joined.with_columns(cohort=_month("first"))


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
    better="up",
    counts="of them active so many months later",
    out_of="customers who joined in that month",
    by_hand={"2025-01 +2": "1 / 1", "2025-07 +1": "1 / 2", "2025-07 +2": "0 / 2", "2025-12 +0": "1 / 1"},
    per_customer=True,
    component="cohort",
    over_time=False,
)
def cohort_retention(tenures, *, period, churn: Churn):
    """Share of each month's new customers who are active k calendar months later (component `2025-01 +k`).

    Active is: ordered in that month (churn by inactivity), or still under contract when it begins (contractual). A cohort is
    the month of the first ever order or contract, not of the first in the period. Months not wholly seen are left blank.

    Why: it shows whether newer customers stay longer than older ones did, which one rate over all of them hides.
    Beware: read down a column to compare cohorts, along a row to see one age. Small cohorts jump about.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (cohorts); Wilson 1927 (interval).
    """
    joined = _cohorts(tenures, period, churn)
    seen_months = period.seen_end.year * 12 + period.seen_end.month - 1
    start_month = period.start.year * 12 + period.start.month - 1
    ages = range(seen_months - start_month)
    if not ages:
        raise Unavailable("needs at least one whole calendar month of data")
    cells = _aged(joined, len(ages)).with_columns(active_in=nw.col("cohort") + nw.col("age"))
    of = cells.filter(nw.col("active_in") < seen_months)
    if churn.kind == "inactivity":
        months = tenures.filter(period.holds("since")).with_columns(active_in=_month("since"))
        active = _each(months, "customer_id", "active_in")
        found = of.join(active.with_columns(num=nw.lit(1)), on=["customer_id", "active_in"], how="left")
    else:
        months = [start_month + k for k in ages]
        starts = {month: _customers_at(tenures, datetime(month // 12, month % 12 + 1, 1), 0) for month in months}
        under_contract = [each.with_columns(active_in=nw.lit(month), num=nw.lit(1)) for month, each in starts.items()]
        found = of.join(nw.concat(under_contract), on=["customer_id", "active_in"], how="left").with_columns(
            num=nw.when(nw.col("age") == 0).then(nw.lit(1)).otherwise(nw.col("num"))
        )
    cell = nw.concat_str([nw.col("first").dt.to_string("%Y-%m"), nw.lit(" +"), nw.col("age").cast(nw.String)])
    return found.select("customer_id", component=cell, num=nw.col("num").fill_null(0), den=nw.lit(1))
