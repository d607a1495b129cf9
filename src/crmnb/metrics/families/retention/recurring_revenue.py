"""Recurring revenue that the customers of the start still pay."""

import narwhals.stable.v2 as nw

from crmnb.engine.views import View, once_in_periods
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    money_retained,
    money_share,
)
from crmnb.metrics.measures import Measure


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
    """Share of the recurring monthly revenue at the start that the same customers still pay at the end; increases do not count.

    Each customer's plans are added up at both times, so a change of plan is neither loss nor gain.

    Why: it shows losses that growth of other customers would hide.
    Caution: one large customer can move it by itself. What was paused in between and is back at the end counts as kept.
    Formula: sum_i(min(e_i, s_i)) / sum_i(s_i), where s_i = the monthly revenue of customer i at the start; e_i = the monthly revenue of the
    same customer at the end.
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
        aspect_of="retention_rate",
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
    """Monthly revenue at the end from the customers of the start, as a share of their revenue at the start; it can exceed 100%.

    Why: above 100% the customer base grows without new customers.
    Caution: growth of a few customers can hide the loss of many; compare it with gross revenue retention. New customers do not count.
    Formula: sum_i(e_i) / sum_i(s_i), where s_i = the monthly revenue of customer i at the start; e_i = the monthly revenue of the same
    customer at the end.
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
        aspect_of="gross_revenue_retention",
    )
