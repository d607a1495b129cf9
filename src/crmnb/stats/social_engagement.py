"""Social engagement: a ratio of sums over posts, of which a few make up most."""

import pandas as pd

from crmnb.stats import moments


def by_post(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A ratio of sums by Hall's transformation of t, as of `moments.by_hall`; posts are the units, as they have no customers."""
    out = moments.by_hall(s, level)
    out["low"] = out["low"].clip(lower=0)
    out["unreliable"] = s.clusters < moments.FEW_CLUSTERS
    return out
