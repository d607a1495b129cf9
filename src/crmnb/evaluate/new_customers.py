"""Newness: whether the data reach back far enough to tell a new customer from one who bought before they begin.

Who has no earlier order in the data may have one before them. `customers.joined_at` settles it (`crmnb.metrics.features.customer_base.first_joined`).
Where most of those who look new have none, the data must reach back by several mean gaps between purchases (of customers with exponential
gaps e^-3, a twentieth, stay away for longer than three of them), and half of that history must give nearly the same number: as
fewer and fewer are still to come back, what the second half took away is more than what more history would.
"""

from datetime import datetime, timedelta

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.metrics.definition import Metric

GAPS = 3  # mean gaps between purchases that the data are to reach back by
_MOST = 0.5  # of those who look new, without a date of joining
_SOME = 0.1
_MUCH, _MANY = 0.1, 10  # more that would look new with half of the history: a share of the new, and customers
_LITTLE = 0.01  # a share too small to speak of


def require_newness(metric: Metric, tables: Tables, period: Period) -> None:
    """Raise Unavailable where a metric that counts new buyers would count old ones too.

    That is where for more than half of those who look new no list has the date since when they are customers, and either the data reach
    back by less than three mean gaps between purchases before the period, or many more would look new with half of the history.
    """
    if not _by_orders(metric, tables) or period.data_from is None or period.data_from >= period.start:
        return
    new, unknown = _look_new(tables, period)
    if unknown <= _MOST * new:
        return
    gap = _mean_gap(tables)
    if gap and period.start - period.data_from < timedelta(days=GAPS * gap):
        needed = period.start - timedelta(days=GAPS * gap)
        days = {"needed": f"{needed:%Y-%m-%d}", "start": f"{period.start:%Y-%m-%d}"}
        raise Unavailable(
            Note("new_customers_need_history", **days, gaps=GAPS, gap=gap, begins=f"{period.data_from:%Y-%m-%d}")
        )
    more = _more(tables, period, unknown)
    if more > max(_MUCH * new, _MANY):
        days = {"begins": f"{period.data_from:%Y-%m-%d}", "start": f"{period.start:%Y-%m-%d}"}
        raise Unavailable(Note("new_customers_need_more_history", **days, share=more / new))


def in_doubt(metric: Metric, tables: Tables, period: Period) -> list[Note]:
    """The notes where some of the new customers may be old ones: how the figure falls as the data reach further back."""
    if not _by_orders(metric, tables) or period.data_from is None or period.data_from >= period.start:
        return []
    new, unknown = _look_new(tables, period)
    if unknown <= _SOME * new or (more := _more(tables, period, unknown)) <= _LITTLE * new:
        return []
    return [Note("new_customers_in_doubt", start=f"{period.start:%Y-%m-%d}", share=more / new)]


def _by_orders(metric: Metric, tables: Tables) -> bool:
    """Whether who is new is seen by orders: a contract has a date of its own beginning."""
    if "joined" not in metric.reads or metric.cumulative or "orders" not in tables.names:
        return False
    churn = tables.client.churn
    return "orders" in metric.reads or (churn is not None and churn.kind == "inactivity")


def _buyers(tables: Tables) -> str:
    """The table of buyers: first order, mean days between their purchases, and since when they are customers by the list."""
    return tables.derived.table(f"""
        with days as (
            select customer_id, ordered_at::date as day, min(ordered_at) as bought_at
            from ({tables.counting("orders").sql_query()}) where customer_id is not null group by all)
        select customer_id, min(bought_at) as first, datediff('day', min(day), max(day)) / nullif(count(*) - 1, 0) as gap,
            any_value(joined_at) as joined_at
        from days left join ({tables.frame("joined").to_native().sql_query()}) using (customer_id) group by customer_id""")


def _look_new(tables: Tables, period: Period) -> tuple[int, int]:
    """How many buyers of the period have no earlier order and did not join before the data; of how many no joining is known."""
    return tables.fact(
        f"""select count(*), count(*) filter (joined_at is null) from {_buyers(tables)}
        where first >= timestamp '{period.start}' and first < timestamp '{period.observed_end}'
            and coalesce(joined_at >= timestamp '{period.data_from}', true)"""
    )


def _mean_gap(tables: Tables) -> float | None:
    """The mean over customers of their mean days between purchases; None where nobody bought twice."""
    return tables.fact(f"select avg(gap) from {_buyers(tables)}")[0]


def _more(tables: Tables, period: Period, unknown: int) -> int:
    """How many more would look new if the data reached back half as far before the period."""
    return _absent_since(tables, period, period.start - (period.start - period.data_from) / 2) - unknown


def _absent_since(tables: Tables, period: Period, since: datetime) -> int:
    """How many buyers of the period, without a date of joining, have no order from a time until its start."""
    return tables.fact(
        f"""select count(*) from (
            select customer_id from ({tables.counting("orders").sql_query()}) where customer_id is not null
            group by 1
            having count(*) filter (ordered_at >= timestamp '{period.start}' and ordered_at < timestamp '{period.observed_end}') > 0
                and count(*) filter (ordered_at >= timestamp '{since}' and ordered_at < timestamp '{period.start}') = 0)
        join {_buyers(tables)} using (customer_id) where joined_at is null"""
    )[0]
