"""Customers: who is one at a time, who stays one, and since when."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.client import Churn
from crmnb.period import Period
from crmnb.windows import once


@once
def customers_at(tenures: nw.LazyFrame, t: datetime, days: int) -> nw.LazyFrame:
    """Who is a customer at t, one row each: in a span with since < t <= until.

    days: the length of every span where they are all equally long (churn by inactivity), else 0; told so, the engine
    reads that many days instead of everything before t.
    """
    begun, not_over = nw.col("since") < t, nw.col("until").is_null() | (nw.col("until") >= t)
    recent = [nw.col("since") >= t - timedelta(days=days)] if days else []
    return distinct(tenures.filter(begun, not_over, *recent), "customer_id")


def distinct(rows: nw.LazyFrame, *columns: str) -> nw.LazyFrame:
    """Each combination of values once; grouping, since `unique` numbers the rows, which is slow."""
    return rows.group_by(*columns).agg(rows=nw.len()).select(*columns)


def kept(tenures: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """The customers at the start, and whether (`kept`, 0 or 1) each is one at the end."""
    period.require_history(churn.history_days)
    at_end = customers_at(tenures, period.seen_end, churn.history_days).with_columns(kept=nw.lit(1))
    at_start = customers_at(tenures, period.start, churn.history_days).join(at_end, on="customer_id", how="left")
    return at_start.with_columns(kept=nw.col("kept").fill_null(0), den=nw.lit(1))


@once
def first_joined(tenures: nw.LazyFrame) -> nw.LazyFrame:
    """Every customer and when the first ever span began."""
    return tenures.group_by("customer_id").agg(first=nw.col("since").min())
