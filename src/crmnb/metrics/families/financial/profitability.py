"""Profitable customers who stay and who are new."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.features.customer_base import first_joined, retained_customers
from crmnb.metrics.features.margin import payments_with_margin
from crmnb.metrics.measures import share
from crmnb.schema.client import Churn, Worth

_DAYS_A_YEAR = 365


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

    A customer is profitable with at least the declared margin in the 365 days before the start.

    Why: the loss of these customers costs more than the retention rate shows.
    Caution: who has just joined has had no year to become profitable in. A longer period retains fewer: compare equal ones.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    profitable = _profitable(payments_with_margin(payments, worth).history("ordered_at", _DAYS_A_YEAR), worth)
    customers = retained_customers(tenures, churn).join(profitable, on=["period_id", "customer_id"], how="inner")
    return share(
        customers,
        nw.col("retained") == 1,
        numerator="customers still active at the end",
        denominator="profitable customers at the start",
        depends_on_length=True,
        aspect_of="retention_rate",
    )


def _profitable(paid: nw.LazyFrame, worth: Worth) -> nw.LazyFrame:
    """The customers whose margin in each period's payments is at least the declared one (to the fourth decimal, as money is stored)."""
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
    """Share of the period's new customers who brought at least the declared margin within it.

    Why: it shows whether acquisition reaches the right customers.
    Caution: who was won late had little time: compare periods of equal length only, and rather years. What winning them cost is not
        taken off.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5; Wilson 1927 (interval).
    """
    payments.periods.without_parts()
    payments.periods.require_history(churn.history_days)
    won = first_joined(tenures, joined).during("first")
    profitable = _profitable(payments_with_margin(payments, worth).during("ordered_at"), worth).with_columns(
        profitable=nw.lit(1)
    )
    customers = won.join(profitable, on=["period_id", "customer_id"], how="left")
    is_profitable = nw.col("profitable").fill_null(0) == 1
    return share(
        customers,
        is_profitable,
        numerator="new customers with the declared margin in the period",
        denominator="new customers in the period",
        depends_on_length=True,
    )
