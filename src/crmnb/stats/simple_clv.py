"""Ratios of sums of money: revenue against the books, simple CLV by the formula, return on a programme's cost."""

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.clv_models import DAYS_PER_YEAR
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, by_group


@by_group
def reconciled(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """Net revenue against that in the books: (net - books) / books. Setting `books`: the books' revenue by the period's label."""
    if not group.n:
        return [group.row(reason=Note("no_orders"))]
    books, net = context.settings["books"][context.periods[group.win].label], float(group.counts["net"].sum())
    return [group.row(value=(net - books) / books, numerator=net - books, denominator=books, method="none")]


@by_group
def simple(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """Simple CLV: margin per order x orders per customer and year / churn per year.

    From the sums `orders`, `margin`, `buyers`, `start` (customers at the start) and `lost` (of these).
    """
    orders, margin, buyers, start, lost = (
        float(group.counts[name].sum()) for name in ("orders", "margin", "buyers", "start", "lost")
    )
    few = start < context.suppress_below  # the figure depends on their churn
    fields = {"n": buyers, "clusters": start if few else buyers, "method": "none"}
    if not (buyers and start and lost):
        return [group.row(**fields, reason=_missing_lifespan(buyers, start))]
    period = context.periods[group.win]
    years = (period.observed_end - period.start).days / DAYS_PER_YEAR
    churn = 1 - (1 - lost / start) ** (1 / years)
    return [group.row(value=margin / orders * (orders / buyers / years) / churn, **fields)]


def _missing_lifespan(buyers: float, start: float) -> Note:
    if not buyers:
        return Note("lifespan_without_buyers")
    return Note("lifespan_without_losses") if start else Note("lifespan_without_customers")


def returned(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """(gain - cost) / cost of each programme (breakdown) with a declared gain; the interval is the gain's.

    Setting `gains`: the gain and its interval's ends by programme.
    """
    gains, rows = context.settings["gains"], []
    for group in groups:
        cost = float(group.counts["amount"].sum())
        if group.breakdown in gains and cost > 0:
            gain = gains[group.breakdown]
            value, low, high = ((amount - cost) / cost for amount in gain)
            fields = {"numerator": gain[0] - cost, "denominator": cost, "n": np.nan, "clusters": np.nan}
            rows.append(group.row(value=value, low=low, high=high, method="declared", **fields))
    undeclared = [group.breakdown for group in groups if group.breakdown not in gains]
    if not rows:
        return Estimates([groups[0].row(breakdown="", n=np.nan, clusters=np.nan, reason=Note("needs_gain"))])
    return Estimates(rows, notes=[Note("gains_not_declared", programmes=undeclared)] if undeclared else [])
