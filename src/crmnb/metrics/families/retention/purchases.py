"""Customers who buy again: how often, what else, and when."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.engine.derived_tables import once
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.customer_base import (
    distinct,
    with_earlier,
)
from crmnb.metrics.features.revenue import is_order
from crmnb.metrics.features.tenure import (
    gaps,
    purchases,
)
from crmnb.metrics.measures import mean, of_counts, share
from crmnb.schema.client import Churn

_MEDIAN_GAP = Estimator(
    "median gap, each customer weighing alike",
    "counts",
    "time_between_orders.median",
    "percentile bootstrap of customers",
    folds=200,
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
    """Share of the period's buyers who bought more than once in it.

    A customer's orders of one day are one purchase.

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
    """Share of new buyers who buy again, on a later day, within the follow-up after their first purchase.

    Every buyer has the same follow-up: only first ever orders in the period count that lie at least the follow-up
    before the end of the data. Customers who joined before the data begin, according to the client's customer list,
    do not count.

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
    """Purchases in the period per customer with at least one.

    A customer's orders of one day are one purchase.

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
    """Share of the repeat buyers who bought from a category that is new to them.

    A repeat buyer bought in the period and in the look-back before it; a new category is one without a purchase in
    the look-back. Orders without a category are left out.

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
    purchased = again.join(had, on=[*who, "category"], how="left").with_columns(nw.col("new").fill_null(1))
    customers = purchased.group_by(*who).agg(new=nw.col("new").max())
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
    """Share of orders that were refunded in full or in part within the refund window.

    Cancelled orders and orders without value are left out. Only orders count that lie at least the window before the
    end of the data, so that all have the same time. A refund without a date counts.

    Why: a rise can indicate overselling earlier than churn does.
    Caution: it counts orders, not money, and a refund later than the window is not seen. The period's last orders are missing until
        their window has closed.
    Source: Petersen & Kumar 2009, Are Product Returns a Necessary Evil?, Journal of Marketing 73(3):35 (returns as a measure of
        the relationship); the window is ours; Wilson 1927 (interval, by customer).
    """
    window = timedelta(days=refund_window_days)
    sold = all_orders.during("ordered_at", follow_up_days=refund_window_days).filter(
        nw.col("status") != "cancelled", is_order()
    )
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
    """Median days from one purchase to the same customer's next, over all orders until the period's end; every customer has the same weight.

    The orders of one day are one purchase, because a split basket says nothing about the next visit. A customer
    counts with all complete gaps, in equal shares; after a single purchase, with the days since then as an incomplete
    gap.

    Why: it shows when the next order is due, and from when a missing order is a warning.
    Caution: the median of all gaps together is far shorter, as frequent buyers fill it. It takes a customer's gaps as alike; who slows down
        before leaving looks faster than today's truth.
    Formula: smallest(t, S(t) <= 1 / 2), where t = days since a purchase; S = the share of gaps that last longer than t days, in which every
    customer has the same weight.
    Source: Wang & Chang 1999, Nonparametric estimation of a recurrent survival function, JASA 94:146, equations (2) and (3); Fader,
        Hardie & Lee 2005, Marketing Science 24:275 (a day's transactions are one).
    """
    period = orders.periods.reporting
    return of_counts(
        gaps(orders.rows, period.observed_end),
        _MEDIAN_GAP,
        numerator="days from a purchase to the same customer's next",
        denominator="gaps between purchases",
    )
