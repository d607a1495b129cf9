"""Comparability: why a metric is not compared with the time before, what is immature, and how the comparison's refunds are seen."""

from datetime import timedelta

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.evaluate.settings import compared_with, lengths, of_other_length
from crmnb.metrics.definition import Metric

_ALIKE = 0.015  # of a length: of a quarter with 29 February and one without, as large a part is as new


def reason_not_compared(metric: Metric, tables: Tables, period: Period, comparison: Period) -> Note | None:
    """Why a metric is not compared, None where it is."""
    if metric.cumulative:
        return Note("no_comparison_full_history")
    if metric.parts:  # shares of one whole move together: the metric that sums them up is compared
        return Note("no_comparison_shares")
    _, reason = compared_with(tables.client, period)
    reason = reason or of_other_length(metric, period, comparison)
    return reason or _of_other_refunds(metric, tables, period, comparison)


def immature_windows(metric: Metric, windows: dict[str, Period]) -> frozenset[str]:
    """The windows of which too little time has passed at the data's cut-off."""
    if not metric.measure.maturity_days:
        return frozenset()
    after = timedelta(days=metric.measure.maturity_days)
    return frozenset(win for win, period in windows.items() if period.cutoff and period.end + after > period.cutoff)


def tables_as_known(metric: Metric, tables: Tables, period: Period, comparison: Period) -> Tables:
    """The tables as the comparison is to be seen: with the refunds that were known as long after its end as the period's are.

    Of the newest orders refunds are yet to come. To count all of the older ones' would make the newest look better.
    """
    at = comparison.as_long_after(period)
    return tables.as_known(at, comparison.end) if _with_refunds(metric, tables) else tables


def _of_other_refunds(metric: Metric, tables: Tables, period: Period, comparison: Period) -> Note | None:
    """The reason why what depends on refunds that are yet to come is not compared with a time of another length, None where it is.

    Of a longer month a smaller part is so new that its refunds are yet to come.
    """
    if max(period.days, comparison.days) <= (1 + _ALIKE) * min(period.days, comparison.days):
        return None
    if metric.compares or metric.cumulative or tables_as_known(metric, tables, period, comparison) is tables:
        return None
    return Note("no_comparison_refunds", **lengths(period, comparison))


def _with_refunds(metric: Metric, tables: Tables) -> bool:
    """Whether what a metric counts depends on the refunds of orders known so far; who reads all orders sees to that itself."""
    return any(name != "all_orders" and tables.source_of(name) == "orders" for name in metric.reads)
