"""Paired brands: the share of respondents for the own brand less that for a rival, of respondents who judged both.

Agresti & Min 2005, Statistics in Medicine 24:729: the adjusted Wald interval of paired shares, which adds half a respondent to each of the four
kinds of answers. With weights, at the effective n (Kish 1965, Survey Sampling). Holm 1979, Scandinavian Journal of Statistics 6:65, over all
stages and rivals.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.multiple_tests import holm

_METHOD = "adjusted Wald of paired shares (Agresti & Min)"
_ADDED = 2.0  # respondents that the interval adds: half a one of each kind


def gaps(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By stage and rival (breakdown), the difference in points, own brand less rival.

    counts: `own` and `rival`, whether a respondent came to the stage with each (0 or 1), and `weight`, 1 where there are none. Flags: `below_rival` and
    `above_rival` where the difference is beyond chance for all that the same respondents were asked. As the smaller of both groups follows from the
    difference and the other one, it is the one that is protected; both are numerator (own) and denominator (rival).
    """
    rows = []
    together: dict[tuple[str, str, str], list[GroupedCounts]] = {}
    for group in groups:
        together.setdefault((group.win, group.segment, group.level), []).append(group)
    for of_respondents in together.values():
        compared = [(group, *gap(group.counts, context.level)) for group in of_respondents]
        p_values = holm(pd.Series([p_value for *_, p_value in compared]))
        for (group, value, low, high, _), p_value in zip(compared, p_values, strict=True):
            is_shown = _groups(group)["clusters"] >= context.suppress_below
            beyond = p_value < 1 - context.level and is_shown
            flags = ("above_rival" if value > 0 else "below_rival") if beyond else ""
            fields = {"value": 100 * value, "low": 100 * low, "high": 100 * high}
            rows.append(group.row(**fields, **_groups(group), method=_METHOD, flags=flags))
    return Estimates(rows)


def _groups(group: GroupedCounts) -> dict[str, float]:
    """How many respondents came to the stage with each brand, and the smallest group among these and all."""
    counts = group.counts
    people = [float((counts[brand] * counts["n"]).sum()) for brand in ("own", "rival")]
    weighted = [float((counts[brand] * counts["weight"] * counts["n"]).sum()) for brand in ("own", "rival")]
    smallest = min([group.n, *(size for size in people if size)])
    return {"numerator": weighted[0], "denominator": weighted[1], "clusters": smallest}


def gap(counts: pd.DataFrame, level: float) -> tuple[float, float, float, float]:
    """The difference of two paired shares, its limits at the confidence level, and the p-value of none."""
    weight = (counts["weight"] * counts["n"]).to_numpy(float)
    difference = (counts["own"] - counts["rival"]).to_numpy(float)
    squares = float((counts["weight"] ** 2 * counts["n"]).sum())
    total = float(weight.sum())
    n = total**2 / squares
    value, discordant = float(weight @ difference) / total, float(weight @ difference**2) / total
    size = n + _ADDED
    centre = n * value / size
    error = float(np.sqrt(max((n * discordant + 1) / size - centre**2, 0.0) / size))
    half = float(ndtri((1 + level) / 2)) * error
    low, high = max(centre - half, -1.0), min(centre + half, 1.0)
    p_value = float(2 * ndtr(-abs(centre) / error)) if error > 0 else 1.0
    return value, min(low, value), max(high, value), p_value
