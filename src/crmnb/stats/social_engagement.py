"""Social engagement: a ratio of sums over posts, of which a few make up most."""

import numpy as np
import pandas as pd

from crmnb.stats import moments
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts


def by_post(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Responses over the base, with Hall's limits (`moments.by_hall`); posts are the units, and as they are no people, they are not protected.

    counts: `responses` and `base` of posts, equal ones counted.
    """
    sums = pd.DataFrame([_sums(group.counts) for group in groups], dtype=float)
    has_base = (sums["den"] > 0).to_numpy()
    based = [group for group, known in zip(groups, has_base, strict=True) if known]
    if not based:
        return Estimates([])
    sums = sums[has_base].reset_index(drop=True)
    limits = moments.by_hall(sums, context.level)
    rows = []
    for group, own, limit in zip(based, sums.itertuples(), limits.itertuples(), strict=True):
        flags = "unreliable" if own.n < moments.FEW_CLUSTERS else ""
        fields = {"n": np.nan, "clusters": np.nan, "numerator": own.num, "denominator": own.den, "flags": flags}
        fields |= {"value": limit.value, "low": max(limit.low, 0.0), "high": limit.high}
        rows.append(group.row(method=limit.method, **fields))
    return Estimates(rows)


def _sums(counts: pd.DataFrame) -> dict[str, float]:
    """The sufficient statistics of a ratio of sums over posts."""
    responses, base, n = (counts[name].to_numpy(float) for name in ("responses", "base", "n"))
    num, den, posts = (n * responses).sum(), (n * base).sum(), n.sum()
    moved = responses - num / den * base if den > 0 else 0 * base
    return {
        "num": num,
        "den": den,
        "n": posts,
        "clusters": posts,
        "ss": (n * moved**2).sum(),
        "s3": (n * moved**3).sum(),
    }
