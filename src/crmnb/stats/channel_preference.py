"""Channel preference: the channel that customers prefer against the channel that they use, from counts by `preferred` and `used`.

Sources. Goodman 1965, Technometrics 7:247 (simultaneous intervals of shares: the score interval at the level 1 - alpha / channels). Bonett & Price
2012, Journal of Educational and Behavioral Statistics 37:479 (difference of two shares of the same customers), here at the same
simultaneous level.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.estimation import NAN, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.relationship import current_whole

PREFERRED, USED, BOTH = "preferred", "used", "both"  # kinds of points
FEWEST = 10  # customers with both channels known, below which nothing is estimated
_METHOD = "Bonett and Price"


def preference(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By channel: the share that prefers it less the share that uses it, the most wanted first.

    Points, with the kind in `level`: shares with Goodman's intervals (in percent), and of kind `BOTH` the cross-table: `breakdown` is the channel
    preferred, `x` the place of the one used among the rows, `value` the share of all customers.
    """
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    if whole.n < FEWEST:
        return Estimates([whole.row(reason=Note("too_few_with_channels", fewest=FEWEST))])
    table = _table(whole.counts, context)
    n, k = float(table.to_numpy().sum()), len(table)
    z = float(ndtri(1 - (1 - context.level) / k / 2))
    preferred, used, both = table.sum(axis=1), table.sum(axis=0), np.diag(table.to_numpy())
    order = sorted(table.index, key=lambda channel: (used[channel] - preferred[channel], channel))
    rows, points = [], []
    for channel in order:
        agreed = both[table.index.get_loc(channel)]
        gap, low, high = paired_difference(preferred[channel] - agreed, used[channel] - agreed, n, z)
        figures = {"value": 100 * gap, "low": 100 * low, "high": 100 * high, "method": _METHOD}
        rows.append(whole.row(breakdown=channel, n=n, clusters=n, **figures))
        for kind, of in ((PREFERRED, preferred), (USED, used)):
            ends = (100 * end for end in score_interval(of[channel], n, z))
            points.append(whole.point(NAN, 100 * of[channel] / n, *ends, n=n, breakdown=channel, level=kind))
    is_small = (table > 0) & (table < context.suppress_below)
    if not is_small.any(axis=None):  # as the margins are known, a cell that is left out would follow
        points += [
            whole.point(float(at), 100 * table.loc[channel, other] / n, n=n, breakdown=channel, level=BOTH)
            for channel in order
            for at, other in enumerate(order)
        ]
    return Estimates(rows, points)


def _table(counts: pd.DataFrame, context: EstimationContext) -> pd.DataFrame:
    """(preferred, used): the customers; channels that too few prefer or use are put together."""
    table = counts.pivot_table(index="preferred", columns="used", values="n", aggfunc="sum", fill_value=0.0)
    channels = sorted({*table.index, *table.columns})
    table = table.reindex(index=channels, columns=channels, fill_value=0.0)
    margins = pd.DataFrame({PREFERRED: table.sum(axis=1), USED: table.sum(axis=0)})
    few = margins.where(margins > 0) < context.suppress_below
    pooled = list(margins.index[few.any(axis=1)])
    together = margins.loc[pooled].sum()
    if pooled and ((together > 0) & (together < context.suppress_below)).any():
        pooled = list(margins.min(axis=1).sort_values(kind="stable").index[: len(pooled) + 1])
    names = {channel: context.settings["other_level"] if channel in pooled else channel for channel in channels}
    return table.groupby(names).sum().T.groupby(names).sum().T


def score_interval(count: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share; with z of the level 1 - alpha / k it is Goodman's of k shares."""
    share = count / n
    centre, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def paired_difference(only_first: float, only_second: float, n: float, z: float) -> tuple[float, float, float]:
    """The difference of two shares of the same n customers, and its interval: of those in one of them only, with one customer added to each."""
    first, second = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    half = z * np.sqrt((first + second - (first - second) ** 2) / (n + 2))
    difference = (only_first - only_second) / n
    low, high = first - second - half, first - second + half
    return float(difference), float(min(low, difference)), float(max(high, difference))
