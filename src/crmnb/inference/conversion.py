"""Conversion: how many leads are won by which age, from counts of leads alike in `days`, `followed` and `outcome`.

`days`: from the lead's creation to its end, or to where the data end; `followed`: to where the data end; `outcome`: 1 won, 2 lost,
0 still open. A lead that has come to another end stays at risk to where the data end, which is known of every lead: it was
seen not to be won. With follow-up that ends for that reason alone this is the product limit of the time to the win, infinite
for who never is won (Fine & Gray 1999, JASA 94:496, 3.1), exact also where lost leads are won back and without a lead's loss dated.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from crmnb.inference import Group, Inferred, Told
from crmnb.models.survival import Curve, at, at_risk, cumulative_incidence

AGES = {"won after 30 days": 30, "won after 90 days": 90, "won after 180 days": 180, "won after 365 days": 365}
OUTCOMES = {"won": 1, "lost": 2}
_METHOD = "Kaplan-Meier, log-log"


def curve(groups: list[Group], told: Told) -> Inferred:
    """The share won by each age that has been seen, and as points the curves of won and lost of the period's own leads.

    With log-log limits (`crmnb.models.survival.cumulative_incidence`).
    """
    fewest = max(told.privacy.suppress_below, 1)
    rows, points = [], []
    for group in groups:
        curves = {name: _curve(group, outcome, told.level) for name, outcome in OUTCOMES.items()}
        rows += _rows(group, curves["won"], fewest)
        if group.win == "now":
            points += _points(group, curves, fewest)
    return Inferred(rows, points)


def _curve(group: Group, outcome: int, level: float) -> Curve:
    """The share that has come to one outcome by each age; of the others it is known until the data end that they have not."""
    counts = group.counts
    came = (counts["outcome"] == outcome).to_numpy()
    ages = np.where(came, counts["days"], counts["followed"]).astype(float)
    return cumulative_incidence(np.zeros(len(counts)), ages, came.astype(int), counts["n"].to_numpy(), level=level)


def _rows(group: Group, won: Curve, fewest: int) -> Iterator[dict]:
    """The ages to which enough leads were followed, decided early or not: of a later one nobody knows anything."""
    followed, n = group.counts["followed"].to_numpy(float), group.counts["n"].to_numpy(float)
    for component, age in AGES.items():
        known = n[followed >= age].sum()
        if known >= fewest:
            found = at(won, [min(age, won.last)]).iloc[0]
            low, high = (found["low"], found["high"]) if found["value"] else (0.0, _most_of_none(known, won.level))
            method = _METHOD if found["value"] else "Wilson"
            yield group.row(component=component, value=found["value"], low=low, high=high, method=method)


def _most_of_none(known: float, level: float) -> float:
    """Where none was won the log-log scale ends: Wilson's upper limit of none of those known."""
    z = stats.norm.ppf((1 + level) / 2)
    return float(z**2 / (known + z**2))


def _points(group: Group, curves: dict[str, Curve], fewest: int) -> Iterator[dict]:
    """A point of each curve wherever one of them steps, and where they begin and end, while enough are still followed.

    `n`: how many leads are still open and followed.
    """
    days, n = group.counts["days"].to_numpy(float), group.counts["n"].to_numpy(float)
    ages = np.unique(np.append(days, 0.0))
    still = at_risk(ages, np.zeros(len(days)), days, n)
    ages, still = ages[still >= fewest], still[still >= fewest]
    for component, each in curves.items():
        for row, many in zip(at(each, ages).itertuples(), still, strict=True):
            yield group.point(row.time, row.value, row.low, row.high, many, component=component)
