"""Quantiles: the value in the middle, from counts of units alike in value, with an interval that counts customers."""

import numpy as np
from scipy.special import ndtri, stdtrit

from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group
from crmnb.stats.moments import FEW_CLUSTERS

_ROUNDING = 1e-9


@by_group
def median(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The median of the units' `quantity`, with Woodruff's limits: the values up to which the limits of the share one half lie.

    Woodruff 1952, JASA 47:635; the share's limits are Wilson's at the effective n of clusters (Korn & Graubard 1998, Survey
    Methodology 24:193). `units`: the sum over units of how many their customer has; `squares`: of 2 k - 1, where a unit is
    the k-th smallest of its customer's, so that up to any value they add up to the squares of the customers' units up to there.
    """
    rows = group.counts.sort_values("quantity", kind="stable")
    value, share = rows["quantity"].to_numpy(float), (rows["n"].cumsum() / group.n).to_numpy()
    place, after = (_place(share, at) for at in (0.5 - _ROUNDING, 0.5 + _ROUNDING))
    z, n = _effective(rows, place, group.n, group.customers, context.level)
    half = z / (2 * np.sqrt(n + z**2))  # of Wilson's interval, at one half
    clustered = group.customers < group.n
    return [
        group.row(
            value=(value[place] + value[after]) / 2,
            low=value[_place(share, 0.5 - half)] if np.isfinite(half) else np.nan,
            high=value[_place(share, 0.5 + half)] if np.isfinite(half) else np.nan,
            method="Woodruff by customer" if clustered else "Woodruff",
            flags="unreliable" if clustered and group.customers < FEW_CLUSTERS else "",
        )
    ]


def moves(group: GroupedCounts) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """What a unit of each value moves the median by, but for the sign and a factor: whether it lies up to the median, less the share that do."""
    value = np.unique(group.counts["quantity"].to_numpy(float))
    rows = group.counts.assign(quantity=group.counts["quantity"].astype(float)).groupby("quantity")["n"].sum()
    share = (rows.cumsum() / rows.sum()).to_numpy()
    place = _place(share, 0.5 - _ROUNDING)
    return [("", "quantity", value, (np.arange(len(value)) <= place) - share[place])]


def _place(share: np.ndarray, at: float) -> int:
    """The first place up to which so great a share lies."""
    return min(int(np.searchsorted(share, at)), len(share) - 1)


def _effective(rows, place: int, n: float, customers: float, level: float) -> tuple[float, float]:
    """The quantile of the interval, and the n of independent orders that would tell as much of the share up to a place.

    A customer with b of m orders up to there differs from the whole by u = b - p m; the variance of p is that of the sum of u.
    """
    if customers >= n:
        return ndtri((1 + level) / 2), n if n > 1 else np.nan
    up_to = rows.iloc[: place + 1]
    p = up_to["n"].sum() / n
    ss = up_to["squares"].sum() - 2 * p * up_to["units"].sum() + p**2 * rows["units"].sum()
    if customers < 2:
        return np.nan, np.nan
    variance = customers / (customers - 1) * ss / n**2
    independent_n = p * (1 - p) / variance if p < 1 and variance > 0 else customers
    return stdtrit(customers - 1, (1 + level) / 2), min(independent_n, n)
