"""Social engagement: a ratio of sums over posts, of which a few make up most."""

import numpy as np
import pandas as pd

from crmnb.stats import moments
from crmnb.stats.estimation import EstimationContext, GroupedCounts, by_group


@by_group
def by_post(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """Responses over the base, with Hall's limits (`moments.by_hall`); posts are the units, and as they are no people, they are not protected.

    counts: `responses` and `base` of posts, equal ones counted.
    """
    responses, base, n = (group.counts[name].to_numpy(float) for name in ("responses", "base", "n"))
    total = float((n * base).sum())
    if total <= 0:
        return []
    posts = float(n.sum())
    moved = responses - (n * responses).sum() / total * base
    sums = {"num": (n * responses).sum(), "den": total, "n": posts, "clusters": posts}
    sums |= {"ss": (n * moved**2).sum(), "s3": (n * moved**3).sum()}
    limits = moments.by_hall(pd.DataFrame([sums]), context.level).iloc[0]
    flags = "unreliable" if posts < moments.FEW_CLUSTERS else ""
    fields = {"n": np.nan, "clusters": np.nan, "numerator": sums["num"], "denominator": total, "flags": flags}
    fields |= {"value": limits["value"], "low": max(limits["low"], 0.0), "high": limits["high"]}
    return [group.row(method=limits["method"], **fields)]
