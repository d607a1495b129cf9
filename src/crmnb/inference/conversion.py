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
    rows, points = [], []
    for group in groups:
        leads = _leads(group)
        last = _last_seen(*leads, max(told.privacy.suppress_below, 1))
        curves = {name: cumulative_incidence(*leads, of=of, level=told.level) for name, of in OUTCOMES.items()}
        rows += _rows(group, curves["won"], leads, last)
        if group.win == "now":
            points += _points(group, curves, leads, last)
    return Inferred(rows, points)


def _leads(group: Group) -> tuple[np.ndarray, ...]:
    """Entry (at once), days, outcome and count of the leads."""
    counts = group.counts
    return np.zeros(len(counts)), counts["days"].to_numpy(float), counts["outcome"].to_numpy(), counts["n"].to_numpy()


def _last_seen(entry, days, outcome, n, fewest: int) -> float:
    """The last age at which so many leads were still followed; without end where none is open: then all is known."""
    if not n[outcome == 0].sum():
        return np.inf
    ages = np.unique(days)
    followed = ages[at_risk(ages, entry, days, n) >= fewest]
    return float(followed.max()) if len(followed) else -1.0


def _rows(group: Group, won: Curve, leads: tuple[np.ndarray, ...], last: float) -> Iterator[dict]:
    for component, age in AGES.items():
        if age <= last:
            found = at(won, [min(age, won.last)]).iloc[0]
            low, high = (found["low"], found["high"]) if found["value"] else _of_none(age, *leads[1:], won.level)
            method = "Aalen-Johansen, log-log" if found["value"] else "Wilson"
            yield group.row(component=component, value=found["value"], low=low, high=high, method=method)


def _of_none(age: float, days, outcome, n, level: float) -> tuple[float, float]:
    """Where none was won the log-log scale ends: Wilson's limits of 0, of those who are known to that age."""
    known, z = n[(days >= age) | (outcome > 0)].sum(), stats.norm.ppf((1 + level) / 2)
    return 0.0, float(z**2 / (known + z**2))


def _points(group: Group, curves: dict[str, Curve], leads: tuple[np.ndarray, ...], last: float) -> Iterator[dict]:
    """A point of each curve wherever one of them steps, and where they begin and end."""
    entry, days, _, n = leads
    ages = np.unique(np.concatenate([[0.0, min(last, days.max())], *(each.table["time"] for each in curves.values())]))
    ages = ages[ages <= last]
    followed = at_risk(ages, entry, days, n)
    for component, each in curves.items():
        for row, many in zip(at(each, ages).itertuples(), followed, strict=True):
            yield group.point(row.time, row.value, row.low, row.high, many, component=component)
