"""Conversion: how many leads are won by which age, from counts of leads alike in `days` and `outcome`.

`days`: from the lead's creation to its end, or to where the data end; `outcome`: 1 won, 2 lost, 0 still open.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from crmnb.inference import Group, Inferred, Told
from crmnb.models.survival import Curve, at, at_risk, cumulative_incidence

AGES = {"won after 30 days": 30, "won after 90 days": 90, "won after 180 days": 180, "won after 365 days": 365}
OUTCOMES = {"won": 1, "lost": 2}


def curve(groups: list[Group], told: Told) -> Inferred:
    """The share won by each age that has been seen, and as points the curves of won and lost of the period's own leads.

    Aalen & Johansen 1978 with log-log limits (`crmnb.models.survival.cumulative_incidence`).
    """
    fewest = max(told.privacy.suppress_below, 1)
    rows, points = [], []
    for group in groups:
        leads = _leads(group)
        curves = {name: cumulative_incidence(*leads, of=of, level=told.level) for name, of in OUTCOMES.items()}
        rows += _rows(group, curves["won"], leads, fewest)
        if group.win == "now":
            points += _points(group, curves, leads, fewest)
    return Inferred(rows, points)


def _leads(group: Group) -> tuple[np.ndarray, ...]:
    """Entry (at once), days, outcome and count of the leads."""
    counts = group.counts
    return np.zeros(len(counts)), counts["days"].to_numpy(float), counts["outcome"].to_numpy(), counts["n"].to_numpy()


def _rows(group: Group, won: Curve, leads: tuple[np.ndarray, ...], fewest: int) -> Iterator[dict]:
    """The ages that somebody was followed to (all of them, once nobody is open), with enough leads known so far."""
    _, days, outcome, n = leads
    last = np.inf if (outcome[days == days.max()] > 0).all() else days.max()
    for component, age in AGES.items():
        known = n[(days >= age) | (outcome > 0)].sum()
        if age <= last and known >= fewest:
            found = at(won, [min(age, won.last)]).iloc[0]
            low, high = (found["low"], found["high"]) if found["value"] else (0.0, _most_of_none(known, won.level))
            method = "Aalen-Johansen, log-log" if found["value"] else "Wilson"
            yield group.row(component=component, value=found["value"], low=low, high=high, method=method)


def _most_of_none(known: float, level: float) -> float:
    """Where none was won the log-log scale ends: Wilson's upper limit of none of those known."""
    z = stats.norm.ppf((1 + level) / 2)
    return float(z**2 / (known + z**2))


def _points(group: Group, curves: dict[str, Curve], leads: tuple[np.ndarray, ...], fewest: int) -> Iterator[dict]:
    """A point of each curve wherever one of them steps, and where they begin and end, while enough are still followed."""
    entry, days, _, n = leads
    ages = np.unique(np.append(days, 0.0))
    followed = at_risk(ages, entry, days, n)
    ages, followed = ages[followed >= fewest], followed[followed >= fewest]
    for component, each in curves.items():
        for row, many in zip(at(each, ages).itertuples(), followed, strict=True):
            yield group.point(row.time, row.value, row.low, row.high, many, component=component)
