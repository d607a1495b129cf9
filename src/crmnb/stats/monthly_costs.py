"""Costs that are known by the month, over what they are spent on: months are the units of the interval.

Kish 1965, Survey Sampling, 6.5 (ratio of sums), which is a bootstrap of months to the first order.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

FEWEST_MONTHS = 12  # with fewer there is no interval


def months_of(period: Period) -> int:
    """The whole months of a period, as far as it is observed."""
    start, end = period.start, period.observed_end
    return (end.year - start.year) * 12 + end.month - start.month


def month_label(number: float) -> str:
    """The label of a month that is counted from year 0: 2025-03."""
    return f"{int(number) // 12}-{int(number) % 12 + 1:02}"


def month_left_out(period: Period) -> list[Note]:
    """A note on the month in which the data end, where it is not complete."""
    if period.observed_end.day == 1:
        return []
    return [Note("month_left_out", month=f"{period.observed_end:%Y-%m}")]


def not_covered(counts: pd.DataFrame, period: Period) -> dict[str, str] | None:
    """The first and the last month that the costs cover, where these are not all of a period's; None where they are.

    counts: `costs_from` and `costs_to`, months that are counted from year 0.
    """
    begin, end = counts["costs_from"].max(), counts["costs_to"].max()
    first = period.start.year * 12 + period.start.month - 1
    if begin <= first and first + months_of(period) - 1 <= end:
        return None
    return {"first": month_label(begin), "last": month_label(end)}


def ratio(sums: pd.DataFrame, of: str, months: int) -> tuple[float, float]:
    """The sum of `amount` over that of another column, and its standard error over months; NaN with too few.

    sums: a row for each month in which there is either.
    """
    value = float(sums["amount"].sum() / sums[of].sum())
    if months < FEWEST_MONTHS:
        return value, np.nan
    residuals = sums["amount"] - value * sums[of]  # 0 in a month without either
    return value, float(np.sqrt(months / (months - 1) * (residuals**2).sum()) / sums[of].sum())


def limits(value: float, error: float, months: int, level: float) -> tuple[float, float]:
    """The t interval of a ratio over months; NaN where its error is."""
    if np.isnan(error):
        return np.nan, np.nan
    half = stdtrit(months - 1, (1 + level) / 2) * error
    return max(value - half, 0.0), value + half


def cost(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Costs over units, with a t interval over months.

    counts: `month` (counted from year 0), `amount`, `units`, `costs_from` and `costs_to`; units without a month are there in all months.
    """
    few = [Note("costs_without_interval")] if months_of(context.periods["current"]) < FEWEST_MONTHS else []
    return Estimates(
        [_row(group, context) for group in groups], notes=[*few, *month_left_out(context.periods["current"])]
    )


def _row(group: GroupedCounts, context: EstimationContext) -> dict:
    counts, period = group.counts, context.periods[group.win]
    months, amount, units = months_of(period), float(counts["amount"].sum()), float(counts["units"].sum())
    if not units:
        return group.row(n=0.0, clusters=0.0, reason=Note("nothing_to_serve"))
    if covered := not_covered(counts, period):
        return group.row(n=units, clusters=units, reason=Note("service_costs_partial", period=period.label, **covered))
    if amount <= 0:
        return group.row(n=units, clusters=units, reason=Note("no_service_costs"))
    of_month = counts[counts["month"].notna()].groupby("month")[["amount", "units"]].sum()
    always = float(counts.loc[counts["month"].isna(), "units"].sum())
    first = period.start.year * 12 + period.start.month - 1
    sums = of_month.reindex(range(first, first + months), fill_value=0.0)
    sums["units"] += always / months
    value, error = ratio(sums, "units", months)
    low, high = limits(value, error, months, context.level)
    fields = {"n": units, "clusters": units, "numerator": amount, "denominator": units}
    return group.row(value=value, low=low, high=high, method="none" if np.isnan(error) else "t by month", **fields)
