"""Revenue: complete, per customer, and how it is distributed."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.revenue import is_order, with_net_revenue
from crmnb.metrics.measures import money_mean, of_counts
from crmnb.schema.client import Worth

_RECONCILIATION = Estimator("difference", "counts", "simple_clv.reconciled", "none: all of both", sums=("net",))
_CONCENTRATION = Estimator(
    "concentration",
    "counts",
    "concentration.lorenz",
    "linearised, on the logit",
    moves="concentration.moves",
    chart="lorenz",
)


@metric(
    title="Revenue reconciliation",
    unit="%",
    kind="process",
    direction="-",
    hand_count="(2029.5 - 2050) / 2050",
)
def revenue_reconciliation(payments, *, worth: Worth):
    """Difference between the net revenue in these data and in the client's books, in percent of the books.

    Net revenue is the amounts of orders that count, less refunds and credit notes; for a client without orders, the monthly amounts of
    contracts when they are due. The figure of the books is declared.

    Why: other figures are reliable only if the data contain every sale exactly once.
    Caution: books and orders differ for good reasons too: taxes, shipping, the day on which a sale counts. Know them before
        looking for others.
    Formula: (R - B) / B, where R = net revenue in the data; B = net revenue in the client's books.
    Source: the usual control total of an audit; the International Standards on Auditing call it an analytical procedure (ISA 520).
    """
    payments.periods.without_parts()
    payments.periods.require(lambda period: _require_books(period, worth))
    paid = payments.derive(with_net_revenue).during("ordered_at").select("period_id", "net")
    return of_counts(
        paid,
        _RECONCILIATION,
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

    Net revenue is orders less refunds, and less credit notes of the period, which are no orders.

    Why: it shows whether growth comes from more customers or from more revenue per customer.
    Caution: a few large customers can dominate the mean: see revenue concentration. Compare periods of equal length only.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Hall 1992, JRSS-B 54:221 (interval).
    """
    return money_mean(
        _revenue(payments),
        nw.col("revenue"),
        of=nw.col("buyers"),
        numerator="net revenue",
        denominator="customers who bought in the period",
        bounds=(0, float("inf")),
        depends_on_length=True,
    )


def _revenue(payments: View) -> nw.LazyFrame:
    """What each customer brought in each period (`revenue`), and whether they bought (`buyers`) or only got money back."""
    paid = payments.derive(with_net_revenue).during("ordered_at")
    bought = is_order().cast(nw.Int64).max()
    return paid.group_by("period_id", "customer_id").agg(revenue=nw.col("net").sum(), buyers=bought)


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
    """Inequality of revenue between the period's buyers: the Gini coefficient, and the revenue share of the top 10%.

    Gini is 0 if all buyers bring the same revenue and 1 if one buyer brings all of it: half the mean difference
    between two different customers, divided by the mean. If 10% is not a whole number of customers, the customer on
    the edge counts in part.

    Why: it tells how much hangs on a few, who then deserve to be known by name, and whose loss would hurt.
    Caution: a longer period evens out who happened to buy in it, so compare equal ones. Who did not buy at all is not in it.
    Formula: Gini coefficient: n / (n - 1) * (2 * sum_i(i * y_i) / (n * sum_i(y_i)) - (n + 1) / n) | share of the top 10%: sum_top(y_i) /
    sum_i(y_i), where i = the rank of a buyer by revenue, 1 for the lowest; y_i = the revenue of buyer i; top = the tenth of the buyers with
    the highest revenue; n = the number of buyers.
    Source: Gini 1914; Lorenz 1905; Deltas 2003, Review of Economics and Statistics 85:226 (n / (n - 1)); Langel & Tille 2013, JRSS-A
        176:521 (interval).
    """
    buyers = _revenue(payments).filter(nw.col("buyers") == 1).drop("buyers")
    not_negative = nw.max_horizontal(nw.col("revenue").cast(nw.Float64), nw.lit(0.0))
    revenue = buyers.with_columns(revenue=not_negative)
    return of_counts(
        revenue,
        _CONCENTRATION,
        numerator="revenue of the largest customers",
        denominator="customers who bought in the period",
        breakdown="figure",
        units={"revenue share of the top 10%": "%", "curve": "%"},
        depends_on_length=True,
    )
