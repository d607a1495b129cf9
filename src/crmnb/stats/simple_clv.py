"""Worth: sums of money that are set against each other: the data and the books, the textbook's lifetime value, gain and cost."""

import numpy as np

from crmnb.stats.clv_models import DAYS_A_YEAR
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, by_group


def _reconciled(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    if not group.n:
        return [group.row(reason="no orders in the period")]
    books, net = context.settings["books"][context.periods[group.win].label], float(group.counts["net"].sum())
    return [group.row(value=(net - books) / books, numerator=net - books, denominator=books, method="none")]


def _simple(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    orders, margin, buyers, start, lost = (
        float(group.counts[name].sum()) for name in ("orders", "margin", "buyers", "start", "lost")
    )
    few = start < context.suppress_below  # whose losses are in it
    facts = {"n": buyers, "clusters": start if few else buyers, "method": "none"}
    if not (buyers and start and lost):
        missing = (
            "nobody bought" if not buyers else "nobody was a customer at the start" if not start else "nobody was lost"
        )
        return [group.row(**facts, reason=f"{missing}, so there is no such lifespan")]
    seen = context.periods[group.win]
    years = (seen.observed_end - seen.start).days / DAYS_A_YEAR
    churn = 1 - (1 - lost / start) ** (1 / years)
    return [group.row(value=margin / orders * (orders / buyers / years) / churn, **facts)]


reconciled = by_group(_reconciled)
simple = by_group(_simple)


def returned(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """(gain - cost) / cost of each programme whose gain is declared; its interval is the gain's."""
    gains, rows = context.settings["gains"], []
    for group in groups:
        cost = float(group.counts["amount"].sum())
        if group.breakdown in gains and cost > 0:
            gain = gains[group.breakdown]
            value, low, high = ((amount - cost) / cost for amount in gain)
            facts = {"numerator": gain[0] - cost, "denominator": cost, "n": np.nan, "clusters": np.nan}
            rows.append(group.row(value=value, low=low, high=high, method="declared", **facts))
    without = [group.breakdown for group in groups if group.breakdown not in gains]
    if not rows:
        reason = "needs a programme's gain, measured by a test (worth: gains in the parameters file)"
        return Estimates([groups[0].row(breakdown="", n=np.nan, clusters=np.nan, reason=reason)])
    told_of = f"Nothing is said of {', '.join(without)}: what they gained is not declared." if without else ""
    return Estimates(rows, notes=[told_of] if without else [])
