"""Revenue: what it is, who brings it, its growth, what made it change, and the value of orders."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator, all_counted, median_by_customer
from crmnb.metrics.features.leads import own_columns
from crmnb.metrics.features.revenue import is_order, orders_among, sold, with_net_revenue
from crmnb.metrics.measures import Measure, money_mean, of_counts, placed_by_customer
from crmnb.schema.client import Segments
from crmnb.stats.growth import spans, who_of

_GROWTH = Estimator(
    "growth",
    "counts",
    "growth.growth",
    "t, the wider of weeks (which may be like their neighbours) and customers as units",
    sums=("net", "product"),
)
_GROWTH_PARTS = Estimator(
    "parts of growth",
    "counts",
    "growth.parts",
    "none: money that was taken",
    total=True,
    sums=("orders", "net"),
    chart="waterfall",
)

_NEVER = datetime(9999, 1, 1)  # later than any refund


@metric(
    title="Net revenue",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="2029.5",
    opens_report=True,
)
def net_revenue(payments):
    """Net revenue of the period: the amounts of orders that count, less refunds and credit notes.

    For a client without orders it is the monthly amounts of contracts when they are due.

    Why: it is the result that all work on customers is measured by, and the size against which other amounts are judged.
    Caution: it has the seasons and prices in it; sales growth compares like with like and has an interval. Refunds of the newest
        orders are yet to come.
    Formula: sum_i(a_i - r_i), where a_i = the amount of order or credit note i; r_i = what was refunded of it.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 2; IFRS 15, 47 (net of refunds).
    """
    paid = payments.derive(with_net_revenue).during("ordered_at")
    return Measure(
        paid.with_columns(num=nw.col("net"), den=nw.lit(1)),
        all_counted,
        numerator="net revenue",
        denominator="orders in the period",
        aspect_of="sales_growth",
        depends_on_length=True,
    )


@metric(
    title="Active customers",
    unit="count",
    kind="outcome",
    direction="up",
    hand_count="14",
    per_customer=True,
    opens_report=True,
)
def active_customers(payments):
    """Customers who bought at least once in the period.

    For a client without orders they are the customers whose contract was due in it. Who only got money back is not active.

    Why: with revenue per customer it makes up revenue, so it shows whether growth has a broad base.
    Caution: a longer period has more active customers; compare periods of equal length only. The months of a year do not add up
        to it, as most customers buy in several.
    Formula: n, where n = the number of customers with an order in the period.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (customers and recency).
    """
    bought = payments.during("ordered_at").filter(is_order())
    buyers = bought.group_by("period_id", "customer_id").agg(orders=nw.len())
    return Measure(
        buyers.with_columns(num=nw.lit(1), den=nw.lit(1)),
        all_counted,
        numerator="customers who bought in the period",
        denominator="customers who bought in the period",
        depends_on_length=True,
    )


@metric(
    title="Sales growth",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"": "2029.5 / (432 - 22) - 1"},
)
def sales_growth(all_orders, *, segments: Segments):
    """Net revenue compared with a year before, like for like, in percent.

    A month (or up to two) is compared with the same weekdays 52 weeks earlier, a longer period with the same calendar
    days, without 29 February; of more than a year, the last year counts. Net revenue is orders less refunds and
    credit notes, without cancelled orders. Also shown: the change from the previous period per day, if that is not the year before, and,
    with two or more years of history, the compound annual growth rate (CAGR). For the earlier period, only refunds
    count that were known equally long after its end.

    Why: a month with five Saturdays is not better business than one with four; day against like day takes that out. A year
        has what is billed by the month twelve times, which the same weekdays would not.
    Caution: Easter and other feasts that move are not taken out, nor are prices. Growth on the previous period has the seasons in it,
        and what is billed by the month looks more in a shorter one. Growth is a comparison already: it is compared with no other.
    Formula: growth: R_1 / R_0 - 1 | CAGR: (R_1 / R_b) ** (1 / y) - 1, where R_1 = net revenue of the period; R_0 = net revenue of the
    comparable days a year before; R_b = net revenue of the comparable days at the beginning of the history; y = the years between the two.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 4 (growth, like for like, compounded);
        Lazarus, Lewis, Stock & Watson 2018, Journal of Business & Economic Statistics 36:541, and Kish 1965, Survey Sampling, 6.5
        (interval, the wider of weeks and customers as units, see crmnb.stats.growth).
    """
    compared = all_orders.periods.table(_spans)
    own = own_columns(all_orders, "orders", segments, "day", "net", "span", "other", "product", "period_id")
    known = ["customer_id"] if "customer_id" in all_orders.columns else []
    at, day = nw.col("ordered_at"), nw.col("ordered_at").dt
    in_span = all_orders.where(
        at >= nw.col("span_start"),
        at < nw.col("span_end"),
        (nw.col("leap_days") == 1) | ~((day.month() == 2) & (day.day() == 29)),
        windows=compared,
    )
    revenue = sold(in_span, nw.col("known_at")).with_columns(day=day.date())
    bought = revenue.select("period_id", *known, *own, "day", "net", "span")
    net = nw.col("net").cast(nw.Float64)
    daily = bought.with_columns(other=nw.col("span"), product=net * net)
    facts = {
        "numerator": "net revenue of the period / net revenue of comparable days a year earlier - 1",
        "denominator": "orders in both periods",
        "breakdown": "against what",
        "compares": True,
    }
    if not known:
        return of_counts(daily, _GROWTH, **facts)
    daily = daily.with_columns(breakdown=nw.lit(""))
    by_buyer = (buyers.select(daily.columns) for by in ("", *own) for buyers in _buyers(daily, by))
    return of_counts(nw.concat([daily, *by_buyer]), _GROWTH, **facts)


def _spans(period: Period) -> list[dict[str, Any]]:
    """The spans of days that a period's revenue is compared over."""
    return [
        {
            "span": at,
            "span_start": span.start,
            "span_end": span.end,
            "leap_days": int(span.leap_days),
            "known_at": span.known_at or _NEVER,
        }
        for at, span in enumerate(spans(period))
    ]


def _buyers(daily: nw.LazyFrame, by: str) -> list[nw.LazyFrame]:
    """Who bought, as `crmnb.stats.growth` takes it: each customer (in each level of a column of the orders) and each order without one."""
    named = ~nw.col("customer_id").is_null()
    same_level = nw.concat_str([nw.lit("="), nw.col(by).cast(nw.String)]).fill_null("") if by else nw.lit("")
    customer, keys = ["period_id", "customer_id", "same_level"], [by] if by else []
    others = [name for name in daily.columns if name not in (*customer, *keys, "breakdown", "span", "other", "product")]
    orders = daily.filter(named).with_columns(same_level=same_level, amount=nw.col("net").cast(nw.Float64))
    sums = orders.group_by(*customer, *keys, "span").agg(
        nw.col("amount").sum(), *(nw.col(name).min() for name in others)
    )
    amount = nw.col("amount")
    alone = sums.with_columns(other=nw.when(amount > 0).then(nw.col("span")), product=amount * amount)
    elsewhere = sums.select(*customer, other="span", other_amount="amount")
    pairs = sums.join(elsewhere, on=customer).filter(nw.col("span") < nw.col("other"))
    pairs = pairs.with_columns(product=amount * nw.col("other_amount"))
    emptied = {name: _none_of(name) for name in others} | {"breakdown": nw.lit(who_of(by))}
    return [rows.with_columns(**emptied) for rows in (alone, pairs, daily.filter(~named))]


def _none_of(name: str) -> nw.Expr:
    """Null, of a column's type."""
    return nw.when(nw.lit(False)).then(nw.col(name))


def _side(orders: nw.LazyFrame, period: Period, side: str, against: str) -> nw.LazyFrame:
    """A period's buyers, one row each (and one of all orders without a customer), with orders and revenue.

    Who only got a credit note is no buyer, and stands with the orders without a customer.
    """
    inside = orders.filter(period.holds("ordered_at")).group_by("customer_id")
    buyers = inside.agg(orders=orders_among(), net=nw.col("net").sum())
    known = (~nw.col("customer_id").is_null() & (nw.col("orders") > 0)).cast(nw.Int64)
    return buyers.with_columns(side=nw.lit(side), against=nw.lit(against), known=known)


@metric(
    title="Revenue bridge",
    unit="money",
    kind="outcome",
    direction="-",
    hand_count={
        "comparison": "432",
        "customers": "245.836489475",
        "frequency": "233.277197725",
        "order value": "1111.386312800",
        "without a customer": "7",
        "current": "2029.5",
    },
)
def revenue_bridge(all_orders, *, segments: Segments):
    """Change of net revenue from the same period a year before, split into customers, order frequency and order value.

    Revenue = customers x orders per customer x revenue per order: each factor has its share by the logarithmic mean,
    without a remainder. Credit notes reduce the revenue per order. If the data do not reach back a year, the previous period is used. Orders without a customer
    are separate, unless they are too few to be shown. For the earlier period, only refunds count that were known
    equally long after its end.

    Why: more customers, more orders per customer and larger orders are three sources of growth that need different measures.
    Caution: it shows how revenue grew, not why. The days are those of the calendar, so that it adds up to the books (but for
        refunds that came later): growth on like-for-like days differs by a little, and a longer month has more days. Levels of a segment have their own three parts, which do not add up to the whole's.
    Formula: (R_1 - R_0) / ln(R_1 / R_0) * ln(f_1 / f_0), where R_1 = net revenue of the period; R_0 = net revenue a year before; f_1 = the
    factor in the period: customers, orders per customer, or revenue per order; f_0 = the same factor a year before.
    Source: Ang 2004, Energy Policy 32:1131, and 2005, Energy Policy 33:867 (logarithmic mean Divisia index, additive).
    """
    period = all_orders.periods.reporting
    seen = period if not period.partial else replace(period, end=period.observed_end, months=0)
    choices = [comparison for comparison in (seen.year_before, seen.previous) if not comparison.partial]
    if not choices:
        needed, begins = str(seen.previous.start.date()), str(period.data_from.date())
        raise Unavailable(Note("needs_earlier_period", needed=needed, begins=begins))
    before = choices[0]
    known_at = before.as_long_after(seen)
    sides = [
        _side(sold(all_orders.rows), seen, "current", before.label),
        _side(sold(all_orders.rows, known_at), before, "comparison", before.label),
    ]
    return of_counts(
        nw.concat(sides),
        _GROWTH_PARTS,
        numerator="net revenue of both periods and the parts of the difference",
        denominator="buyers in both periods",
        breakdown="part",
        compares=True,
        aspect_of="sales_growth",
    )


@metric(
    title="Average order value",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="2029.5 / 26",
)
def average_order_value(orders):
    """Net revenue per order: orders less refunds, without cancelled and fully refunded orders.

    What was refunded decides, not the status: an order of which nothing is left does not count, one that was refunded in part counts
    with the rest. Credit notes without an order are in no order's value.

    Why: together with customers and frequency it makes up revenue, and it reacts first to offers and prices.
    Caution: a few large orders raise it; the median shows the typical order. The interval counts customers, not orders, as
        one customer's orders are alike.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (average order value); Hall 1992,
        JRSS-B 54:221 (interval).
    """
    inside = orders.derive(with_net_revenue).during("ordered_at")
    words = {"numerator": "net revenue", "denominator": "orders in the period"}
    return money_mean(inside, nw.col("net"), bounds=(0, float("inf")), **words)


@metric(
    title="Median order value",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="(29 + 33) / 2",
)
def median_order_value(orders):
    """Net revenue that half of the period's orders do not exceed.

    Why: a few large orders do not change it, so it shows the typical order.
    Caution: it says nothing about the sum: revenue can grow by large orders alone, and the median stays.
    Formula: median(x), where x = the net revenue of each order.
    Source: Woodruff 1952, JASA 47:635, with the score limits of Korn & Graubard 1998, Survey Methodology 24:193 (interval, by customer).
    """
    orders.periods.without_parts()
    inside = orders.derive(with_net_revenue).during("ordered_at")
    facts = {
        "numerator": "net revenue of the order in the middle",
        "denominator": "orders in the period",
        "aspect_of": "average_order_value",
    }
    return of_counts(placed_by_customer(inside, nw.col("net")), median_by_customer, **facts)
