"""Loyalty: who takes part in the loyalty programme, and how regularly customers use the product."""

from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.metrics.definition import metric
from crmnb.metrics.features.customer_base import customers_at_end, distinct
from crmnb.metrics.measures import ratio, share
from crmnb.schema.client import Churn

_MEMBERS, _ACTIVE = "members", "active members"


@metric(
    title="Loyalty participation",
    unit="%",
    kind="output",
    direction="up",
    hand_count={_ACTIVE: "4 / 10", _MEMBERS: "5 / 10"},
    per_customer=True,
)
def loyalty_participation(loyalty, tenures, *, active_days: int = 365, churn: Churn):
    """Share of the customers at the period's end who are members of the loyalty programme, and who are active members.

    A member is active with an activity, or the enrolment, in the days before the period's end. The data hold only the last activity of
    each member, so that active members are known at the end of the data and at no earlier time.

    Why: members who use the programme buy more often and can be reached; cards in drawers do neither.
    Caution: members are loyal customers to begin with; that they buy more is not the programme's effect.
    Source: Dorotic, Bijmolt & Verhoef 2012, International Journal of Management Reviews 14:217 (participation in loyalty programmes);
        Wilson 1927, JASA 22:209 (interval).
    """
    tenures.periods.require_history(churn.history_days)
    customers = customers_at_end(tenures, churn.history_days)
    ended = nw.col("ended_at") if "ended_at" in loyalty.columns else nw.lit(None, nw.Datetime("us"))
    held = loyalty.derive(lambda rows: rows.with_columns(ends=ended)).open_at_end("enrolled_at", "ends")
    members = distinct(held, "period_id", "customer_id")
    rows = [_taking_part(customers, members, _MEMBERS)]
    if "last_active_at" in loyalty.columns:
        used = nw.max_horizontal("enrolled_at", "last_active_at") >= nw.col("observed_end") - timedelta(
            days=active_days
        )
        cutoff = loyalty.periods.cutoff or loyalty.periods.last
        now = held.filter(nw.col("observed_end") >= cutoff)
        at_cutoff = distinct(now, "period_id")
        active = distinct(now.filter(used), "period_id", "customer_id")
        rows.append(_taking_part(customers.join(at_cutoff, on="period_id", how="semi"), active, _ACTIVE))
    words = {"numerator": "members", "denominator": "customers at the end", "breakdown": "kind"}
    return share(nw.concat(rows), nw.col("takes_part") == 1, **words)


def _taking_part(customers: nw.LazyFrame, members: nw.LazyFrame, kind: str) -> nw.LazyFrame:
    keys = ["period_id", "customer_id"]
    joined = customers.join(members.with_columns(takes_part=nw.lit(1)), on=keys, how="left")
    return joined.with_columns(takes_part=nw.col("takes_part").fill_null(0), breakdown=nw.lit(kind))


@metric(
    title="Active share (stickiness)", unit="%", kind="process", direction="up", hand_count="(3 + 1) / (2 * 31 + 28)"
)
def active_share(usage):
    """Share of a month's days on which a customer who is active in the month is active, over the whole months of the period.

    It is the sum over days of active customers, over the days of each month times the customers who are active in it (DAU / MAU).

    Why: a product that is used daily is hard to give up.
    Caution: of a product that is needed once a month, a low share is no fault. Customers who stop altogether are not in it: see churn.
    Formula: sum_m(a_m) / sum_m(d_m * c_m), where a_m = the active days of all customers in month m; d_m = the days of month m; c_m = the
    customers who were active in month m.
    Source: Croll & Yoskovitz 2013, Lean Analytics, chapter 9 (stickiness); Kish 1965, Survey Sampling, 6.5 (interval of a ratio, by customer).
    """
    months = usage.periods.table(_whole_months)
    active = usage.derive(_active_days)
    rows = active.rows.join(months, on="month", how="inner")
    usage.periods.of_events = True
    words = {"numerator": "active days of customers", "denominator": "days of months in which the customer was active"}
    return ratio(rows, nw.col("days"), nw.col("month_days"), bounds=(0, 100), **words)


@once
def _active_days(usage: nw.LazyFrame) -> nw.LazyFrame:
    """On how many `days` of each month (its first instant) a customer was active."""
    days = distinct(usage.with_columns(date=nw.col("day").dt.truncate("1d")), "customer_id", "date")
    by_month = days.with_columns(month=nw.col("date").dt.truncate("1mo")).group_by("customer_id", "month")
    return by_month.agg(days=nw.len())


def _whole_months(period: Period) -> list[dict[str, Any]]:
    """The months that lie in the period, as far as it was observed, and their days."""
    months, month = [], _next(period.start - timedelta(microseconds=1))
    while _next(month) <= period.observed_end:
        months.append({"month": month, "month_days": (_next(month) - month).days})
        month = _next(month)
    if not months:
        raise Unavailable(Note("needs_whole_month"))
    return months


def _next(time: datetime) -> datetime:
    """The beginning of the next month."""
    return datetime(time.year + time.month // 12, time.month % 12 + 1, 1)
