"""Customers: who is one at a time, who stays one, and since when."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.engine.views import View, once_in_periods
from crmnb.schema.client import Churn

_YEAR = timedelta(days=365)


@once
def customers_at(tenures: nw.LazyFrame, t: datetime, days: int) -> nw.LazyFrame:
    """Who is a customer at t, one row each: in a span with since < t <= until.

    days: the length of every span where they are all equally long (churn by inactivity), else 0; with it, the engine
    reads that many days instead of everything before t.
    """
    begun, not_over = nw.col("since") < t, nw.col("until").is_null() | (nw.col("until") >= t)
    recent = [nw.col("since") >= t - timedelta(days=days)] if days else []
    return distinct(tenures.filter(begun, not_over, *recent), "customer_id")


def distinct(rows: nw.LazyFrame, *columns: str) -> nw.LazyFrame:
    """Each combination of values once; grouping, since `unique` numbers the rows, which is slow."""
    return rows.group_by(*columns).agg(rows=nw.len()).select(*columns)


@once_in_periods
def customers_at_start(tenures: View, days: int) -> nw.LazyFrame:
    """Who is a customer at each period's start (`period_id`, `customer_id`); days as of `customers_at`."""
    return distinct(tenures.open_at_start("since", "until", days), "period_id", "customer_id")


@once_in_periods
def customers_at_end(tenures: View, days: int) -> nw.LazyFrame:
    """Who is a customer at each period's end, as far as it was observed."""
    return distinct(tenures.open_at_end("since", "until", days), "period_id", "customer_id")


def retained_customers(tenures: View, churn: Churn) -> nw.LazyFrame:
    """The customers at each period's start, and whether (`retained`, 0 or 1) each is one at its end."""
    tenures.periods.require_history(churn.history_days)
    return _retained_customers(tenures, churn.history_days)


@once_in_periods
def _retained_customers(tenures: View, days: int) -> nw.LazyFrame:
    at_end = customers_at_end(tenures, days).with_columns(retained=nw.lit(1))
    at_start = customers_at_start(tenures, days).join(at_end, on=["period_id", "customer_id"], how="left")
    return at_start.with_columns(retained=nw.col("retained").fill_null(0))


def require_a_year(period: Period, churn: Churn) -> None:
    """Raise Unavailable where a year's churn would be made of less than a year by inactivity.

    There, who does not order within the declared days before the period's end counts as lost, though many only pause: the
    share is nearly the same after a month as after a year, and compounding it makes 96 % of a true 61 %. Who ends a contract is
    gone, so that losses of a month add up to those of a year as far as the hazard stays the same.
    """
    if churn.kind == "inactivity" and period.observed_end - period.start < _YEAR:
        raise Unavailable(Note("needs_year_by_inactivity"))


@once
def _first_spans(tenures: nw.LazyFrame) -> nw.LazyFrame:
    return tenures.group_by("customer_id").agg(first=nw.col("since").min())


def first_joined(tenures: View, joined: View) -> View:
    """Every customer and when the first ever span began (`first`).

    joined: customer_id and joined_at, as the client's list of customers says (`crmnb.engine.session.Tables.frame`). Who joined before
    the data begin had a first span that the data do not hold: it began at joined_at. Of who joined later all spans are
    seen, and the first of them is the first.
    """
    return tenures.derive(_first_spans).derive(with_earlier, joined.rows, tenures.periods.data_from)


@once
def with_earlier(firsts: nw.LazyFrame, joined: nw.LazyFrame, data_from: datetime | None) -> nw.LazyFrame:
    """customer_id and `first`, put back to joined_at for those who joined before the data begin."""
    if data_from is None:
        return firsts
    known = firsts.join(_joined_before(joined, data_from), on="customer_id", how="left")
    return known.select("customer_id", first=nw.min_horizontal("first", "joined_at"))


def without_earlier(rows: nw.LazyFrame, joined: nw.LazyFrame, data_from: datetime | None) -> nw.LazyFrame:
    """The rows of those who, as far as is known, did not join before the data begin."""
    return rows if data_from is None else rows.join(_joined_before(joined, data_from), on="customer_id", how="anti")


def _joined_before(joined: nw.LazyFrame, data_from: datetime) -> nw.LazyFrame:
    return joined.filter(nw.col("joined_at") < data_from).select("customer_id", "joined_at")
