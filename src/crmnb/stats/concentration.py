"""Concentration: how unlike customers' revenue is: Gini, the top tenth's share, the Lorenz curve."""

import numpy as np
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.moments import FEW_FOR_MONEY

GINI, TOP, CURVE = "Gini coefficient", "revenue share of the top 10%", "curve"
_TENTH = 0.1
_POINTS = 200


# Of lognormal revenue (rows: standard deviation of the logarithm, `SIGMAS`; columns: customers, `SIZES`), the quantiles 2.5 % and
# 97.5 % of the error of a figure's logit in its own standard errors. Made by `python -m benchmarks.accuracy.concentration --table`.
SIGMAS = (0.25, 0.5, 0.8, 1.2, 1.6, 2.0)
SIZES = (30, 100, 300, 1000, 3000, 10_000)
_QUANTILES: dict[str, tuple] = {
    GINI: (
        ((-2.37, 1.99), (-2.15, 1.94), (-2.06, 1.92), (-1.9, 2.0), (-1.91, 1.97), (-1.89, 1.93)),
        ((-2.56, 1.99), (-2.29, 1.88), (-2.18, 1.87), (-1.95, 1.86), (-1.98, 1.92), (-2.01, 1.87)),
        ((-2.87, 1.98), (-2.65, 1.84), (-2.41, 1.8), (-2.17, 1.88), (-2.08, 1.91), (-2.11, 1.86)),
        ((-3.57, 2.19), (-3.22, 1.83), (-2.86, 1.67), (-2.45, 1.74), (-2.45, 1.71), (-2.19, 1.77)),
        ((-4.33, 2.68), (-4.25, 1.91), (-3.74, 1.68), (-3.13, 1.64), (-2.78, 1.59), (-2.46, 1.69)),
        ((-5.32, 2.84), (-5.32, 2.17), (-4.71, 1.75), (-3.87, 1.6), (-3.38, 1.44), (-2.87, 1.52)),
    ),
    TOP: (
        ((-4.12, 1.85), (-3.11, 1.7), (-2.51, 1.74), (-2.16, 1.81), (-2.06, 1.78), (-2.05, 1.87)),
        ((-4.24, 1.72), (-3.23, 1.7), (-2.62, 1.69), (-2.17, 1.76), (-2.16, 1.81), (-2.11, 1.96)),
        ((-4.38, 1.62), (-3.44, 1.64), (-2.81, 1.69), (-2.38, 1.79), (-2.14, 1.84), (-2.22, 1.88)),
        ((-4.75, 1.56), (-3.82, 1.64), (-3.16, 1.6), (-2.61, 1.7), (-2.4, 1.69), (-2.19, 1.76)),
        ((-5.05, 1.6), (-4.36, 1.68), (-3.69, 1.63), (-3.04, 1.63), (-2.68, 1.6), (-2.44, 1.68)),
        ((-5.53, 1.58), (-4.86, 1.7), (-4.2, 1.65), (-3.53, 1.6), (-3.13, 1.45), (-2.73, 1.57)),
    ),
}
_NORMAL_FROM = 1_000_000  # customers


def lorenz(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Gini, the top tenth's share and the Lorenz curve, from counts of customers by `revenue` (0 or more).

    Gini with n / (n - 1), without which few customers look too equal. Limits on the logit, so that they stay between 0 and 1, in
    standard errors by linearisation: each figure's influence function, whose mean square is its variance (Deville 1999, Survey
    Methodology 25:193; Langel & Tille 2013, JRSS-A 176:521). How many of these is read off lognormal revenue as unequal and
    of as many customers (`_QUANTILES`): the largest customers are seldom in a sample, and where they are not, neither the value
    nor its error knows of them, so that limits of the normal, of a bootstrap and of bootstrap-t fall short alike, above all
    the upper one (benchmarks/concentration.py).
    """
    rows, points = [], []
    for group in groups:
        counts = group.counts.sort_values("revenue")
        revenue, n = counts["revenue"].to_numpy(float), counts["n"].to_numpy(float)
        top_size = {
            "clusters": max(_TENTH * group.customers, 1.0)
        }  # the customers behind it, who may be too few to show
        if not revenue @ n > 0:
            rows.append(group.row(breakdown=GINI, reason=Note("no_revenue")))
            continue
        if n.sum() < 2:
            rows += [group.row(breakdown=name, reason=Note("one_customer_only")) for name in (GINI, TOP)]
            continue
        for name, (value, error) in figures_of(revenue, n).items():
            low, high = limits(name, value, error, n.sum(), context.level)
            flags = "unreliable" if n.sum() < FEW_FOR_MONEY else ""
            fields = {"value": value, "low": low, "high": high, "method": "linearised", "flags": flags}
            rows.append(group.row(breakdown=name, **fields) | (top_size if name == TOP else {}))
        if group.win == "current":
            points += _curve(group, revenue, n, context)
    return Estimates(rows, points)


def figures_of(revenue: np.ndarray, n: np.ndarray) -> dict[str, tuple[float, float]]:
    """Gini and the top tenth's share with their standard errors, of so many customers (`n`) at each revenue, in order."""
    size = n.sum()
    figures = {}
    for name, figure in ((GINI, _gini), (TOP, _top)):
        value, influence = figure(revenue, n)
        correction = size / (size - 1) if name == GINI else 1.0
        figures[name] = (
            min(value * correction, 1.0),
            correction * float(np.sqrt(n @ influence**2 / (size * (size - 1)))),
        )
    return figures


def limits(name: str, value: float, error: float, size: float, level: float) -> tuple[float, float]:
    """The limits of a figure of so many customers."""
    if not 1e-12 < value < 1 - 1e-12:
        return np.nan, np.nan
    wider = ndtri((1 + level) / 2) / ndtri(0.975)
    # As unequal as by half an error more: whose sample lacks the largest customers looks like less unequal revenue.
    unequal = min(value + error / 2, 1 - 1e-12)
    least, most = (wider * quantile for quantile in _quantiles(name, unequal, size))
    scale, middle = error / (value * (1 - value)), np.log(value / (1 - value))
    return tuple(float(1 / (1 + np.exp(errors * scale - middle))) for errors in (most, least))


def _quantiles(name: str, value: float, size: float) -> tuple[float, float]:
    """The quantiles of the error of the logit, of lognormal revenue of which the figure has this value."""
    sigma = np.sqrt(2) * ndtri((1 + value) / 2) if name == GINI else ndtri(value) - ndtri(_TENTH)
    sizes = np.log([*SIZES, _NORMAL_FROM])
    quantiles = []
    for side, normal in enumerate(ndtri([0.025, 0.975])):
        by_sigma = [np.interp(np.log(size), sizes, [*(pair[side] for pair in row), normal]) for row in _QUANTILES[name]]
        quantiles.append(float(np.interp(sigma, SIGMAS, by_sigma)))
    return quantiles[0], quantiles[1]


def moves(group: GroupedCounts) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """What a customer of each revenue moves Gini and the top tenth's share by (their influence)."""
    counts = group.counts.groupby("revenue")["n"].sum()
    revenue, n = counts.index.to_numpy(float), counts.to_numpy(float)
    if not revenue @ n > 0:
        return []
    return [(name, "revenue", revenue, figure(revenue, n)[1]) for name, figure in ((GINI, _gini), (TOP, _top))]


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


def _curve(group: GroupedCounts, revenue: np.ndarray, n: np.ndarray, context: EstimationContext) -> list[dict]:
    """The share of revenue of so many per cent of customers, from the smallest; no step is of fewer than may be shown."""
    at = np.concatenate([[0], np.cumsum(n) / n.sum() * 100])
    brought = np.concatenate([[0], np.cumsum(n * revenue) / (n @ revenue)])
    places = np.linspace(0, 100, 1 + int(np.clip(n.sum() // context.suppress_below, 1, _POINTS)))
    shares = np.interp(places, at, brought)
    return [group.point(x, share, n=n.sum(), breakdown=CURVE) for x, share in zip(places, shares, strict=True)]
