"""Points of pictures: none of a group that is hidden, nor how many stand behind one where that would follow or reveal others."""

from collections.abc import Iterator

import numpy as np
import pandas as pd


def protected_points(points: pd.DataFrame, rows: pd.DataFrame, at_least: int) -> pd.DataFrame:
    """The points that may be drawn, `n` not a number where it is not to be shown.

    points: breakdown, segment, level, x, value, n; those without a value are there to be counted only, and are drawn nowhere. Where the level of a
    point of the whole client is a breakdown of the metric (an agent, a practice), the point is hidden with it. rows: the metric's, of which those
    hidden have the flag `suppressed`.
    """
    hidden = rows.loc[
        rows["flags"].str.contains("suppressed") & (rows["part"] == ""), ["breakdown", "segment", "level"]
    ]
    of_group = pd.MultiIndex.from_frame(hidden[["segment", "level"]])
    is_hidden = pd.MultiIndex.from_frame(points[["segment", "level"]]).isin(of_group)
    hidden_breakdowns = hidden.loc[(hidden["segment"] == "") & (hidden["breakdown"] != ""), "breakdown"]
    is_hidden |= ((points["segment"] == "") & points["level"].isin(hidden_breakdowns)).to_numpy()
    n = points["n"].astype(float).to_numpy()
    few = n < at_least
    silent = few | is_hidden
    for levels in _sums(points):
        silent[levels] = _beyond_subtraction(n[levels], silent[levels], at_least)
    drawn = points.assign(n=np.where(silent, np.nan, n))
    return drawn[~few & ~is_hidden & points["value"].notna()].reset_index(drop=True)


def _sums(points: pd.DataFrame) -> Iterator[np.ndarray]:
    """The places of the levels of a segmentation at one x, who are all of those there."""
    places = np.flatnonzero(points["segment"] != "")
    yield from (places[at] for at in points.iloc[places].groupby(["breakdown", "segment", "x"]).indices.values())


def _beyond_subtraction(n: np.ndarray, silent: np.ndarray, at_least: int) -> np.ndarray:
    """Which numbers of one sum are not shown: the smallest beside those that must not be, until these are enough together."""
    silent = silent.copy()
    if not (silent & (n > 0)).any():
        return silent
    for place in np.argsort(n, kind="stable"):
        held = silent & (n > 0)
        if held.sum() >= 2 and n[held].sum() >= at_least:
            break
        silent[place] = True
    return silent
