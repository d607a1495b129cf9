"""Concentration: how unlike customers' revenue is: Gini, the top tenth's share, the Lorenz curve."""

import numpy as np
from scipy import stats

from crmnb.inference import Group, Inferred, Told
from crmnb.inference.moments import FEW_FOR_MONEY

GINI, TOP, CURVE = "gini", "top decile", "curve"
_TENTH = 0.1
_POINTS = 200


def lorenz(groups: list[Group], told: Told) -> Inferred:
    """Gini, the top tenth's share and the Lorenz curve, from counts of customers by `revenue` (0 or more).

    Intervals by linearisation: each figure's influence function, whose mean square is its variance (Deville 1999, Survey
    Methodology 25:193; Langel & Tille 2013, JRSS-A 176:521), on the logit, so that they stay between 0 and 1. To the first
    order that is the bootstrap of customers, and the same each time.
    """
    rows, points = [], []
    for group in groups:
        counts = group.counts.sort_values("revenue")
        revenue, n = counts["revenue"].to_numpy(float), counts["n"].to_numpy(float)
        if not revenue @ n > 0:
            rows.append(group.row(component=GINI, reason="no revenue"))
            continue
        rows.append(_row(group, GINI, *_gini(revenue, n), n, told.level))
        few = {"clusters": max(_TENTH * group.customers, 1.0)}  # who stands behind it, and may be too few to be shown
        rows.append(_row(group, TOP, *_top(revenue, n), n, told.level) | few)
        if group.win == "now":
            points += _curve(group, revenue, n, told)
    return Inferred(rows, points)


def moves(group: Group) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """What a customer of each revenue moves Gini and the top tenth's share by (their influence)."""
    counts = group.counts.groupby("revenue")["n"].sum()
    revenue, n = counts.index.to_numpy(float), counts.to_numpy(float)
    if not revenue @ n > 0:
        return []
    return [(name, "revenue", revenue, of(revenue, n)[1]) for name, of in ((GINI, _gini), (TOP, _top))]


def _row(group: Group, component: str, value: float, influence: np.ndarray, n: np.ndarray, level: float) -> dict:
    low, high = _limits(value, np.sqrt(n @ influence**2) / n.sum(), level)
    doubtful = "unreliable" if n.sum() < FEW_FOR_MONEY else ""
    return group.row(component=component, value=value, low=low, high=high, method="linearised", flags=doubtful)


def _limits(value: float, error: float, level: float) -> tuple[float, float]:
    if not 1e-12 < value < 1 - 1e-12:
        return np.nan, np.nan
    reach = stats.norm.ppf((1 + level) / 2) * error / (value * (1 - value))
    middle = np.log(value / (1 - value))
    return float(1 / (1 + np.exp(reach - middle))), float(1 / (1 + np.exp(-reach - middle)))


def _gini(revenue: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray]:
    """Half the mean difference of two customers over the mean, and the influence of a customer at each revenue."""
    size, total = n.sum(), n @ revenue
    below, spent_below = np.cumsum(n) - n, np.cumsum(n * revenue) - n * revenue
    mid, spent_mid = below + n / 2, spent_below + n * revenue / 2
    mean = total / size
    value = float(2 * (n @ (mid * revenue)) / (size * total) - 1)
    # E|X - r| of a customer at revenue r, by those below and above
    distance = (revenue * (2 * mid - size) + total - 2 * spent_mid) / size
    return value, distance / mean - value - value * revenue / mean


def _top(revenue: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of the tenth of the customers who bring most (of whoever stands on its edge, the part inside), and its influence."""
    size, total = n.sum(), n @ revenue
    below = np.cumsum(n) - n
    inside = np.clip(below + n - (1 - _TENTH) * size, 0, n)
    value = float(inside @ revenue / total)
    edge = revenue[np.argmax(inside > 1e-9 * size)]
    mean = total / size
    return value, (np.maximum(revenue - edge, 0) + _TENTH * edge - value * revenue) / mean


def _curve(group: Group, revenue: np.ndarray, n: np.ndarray, told: Told) -> list[dict]:
    """The share of revenue of so many per cent of customers, from the smallest; no step is of fewer than may be shown."""
    at = np.concatenate([[0], np.cumsum(n) / n.sum() * 100])
    brought = np.concatenate([[0], np.cumsum(n * revenue) / (n @ revenue)])
    places = np.linspace(0, 100, 1 + int(np.clip(n.sum() // told.privacy.suppress_below, 1, _POINTS)))
    shares = np.interp(places, at, brought)
    return [group.point(x, share, n=n.sum(), component=CURVE) for x, share in zip(places, shares, strict=True)]
