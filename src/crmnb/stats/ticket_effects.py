"""Effects on satisfaction: by how many points it differs with the time to resolution and with resolution at the first contact.

Counts have `fold` (customers, or groups of them), `n`, and the sums of `TERMS` (the evidence's columns): with x the binary logarithm of the hours less
`CENTRE`, f 1 where the first contact resolved and else 0, and y the points less 50.
"""

import numpy as np
from scipy.special import stdtrit

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.clustered_regression import regression

TERMS = ("x", "f", "xx", "xf", "y", "xy", "fy")
CENTRE = 4.0  # about a day, in doublings of an hour
SPEED, FIRST = "per doubling of the resolution time", "resolved at the first contact"
FEWEST = 30  # customers who answered


def effects(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The two coefficients of each period, of the whole client."""
    rows = [row for group in groups if group.is_whole for row in _rows(group, context.level)]
    return Estimates(rows, notes=[Note("association_only")] if any(np.isfinite(row["value"]) for row in rows) else [])


def _rows(group: GroupedCounts, level: float) -> list[dict]:
    if group.customers < FEWEST:
        return [group.row(reason=Note("too_few_rated_tickets", fewest=FEWEST))]
    sums = group.counts.groupby("fold")[["n", *TERMS]].sum()
    n, x, f, xx, xf, y, xy, fy = (sums[name].to_numpy(float) for name in ("n", *TERMS))
    products = np.array([[n, x, f], [x, xx, xf], [f, xf, f]]).transpose(2, 0, 1)
    fit = regression(products, np.array([y, xy, fy]).T, float(n.sum()))
    if fit is None:
        return [group.row(reason=Note("rated_tickets_all_alike"))]
    reach = stdtrit(fit.df, (1 + level) / 2) * np.sqrt(np.diag(fit.covariance))
    return [
        group.row(
            breakdown=name,
            value=float(fit.coefficients[at]),
            low=float(fit.coefficients[at] - reach[at]),
            high=float(fit.coefficients[at] + reach[at]),
            method="regression, by customer",
        )
        for at, name in enumerate((SPEED, FIRST), 1)
    ]
