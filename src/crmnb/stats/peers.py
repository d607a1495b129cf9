"""Peers: where a figure lies among those of others, and how far it is from their median and their best quarter.

Peers are taken as they are, all of them and not a sample: the interval of a position or of a gap is that of the own figure. The difference from a
single peer that says how many units its share is of has the interval of both (Newcombe 1998, Statistics in Medicine 17:873, hybrid score).
Quantiles: Hyndman & Fan 1996, American Statistician 50:361, type 7.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.stats.estimation import NAN, Estimates

MEDIAN, BEST = "to the median", "to the best quarter"
OWN, QUARTERS = "own", ("lower quarter", "median", "upper quarter")  # levels of the points
_NO_INTERVAL = "none"
_LONGEST_SLACK = 0.05  # of a length, by which a peer's period may differ where a figure grows with its period


@dataclass(frozen=True)
class OwnFigure:
    """A figure of the client in the reporting period, as it is shown, and those of its peers.

    `name`: of the metric and its breakdown. `by_length`: it is a larger one of a longer period. `peers`: a row for each figure: `peer`, `value`, `n`
    (NaN where it is not known) and the `period` that it is of (None: of any time).
    """

    name: str
    unit: str
    direction: str
    value: float
    low: float
    high: float
    n: float
    flags: str
    by_length: bool
    peers: pd.DataFrame

    def newest(self, period: Period) -> pd.DataFrame:
        """Of each peer the newest figure that is of no time after the period; of figures that grow with their period, of a period as long."""
        peers = self.peers[[self._is_usable(of, period) for of in self.peers["period"]]]
        ends = [(of.end if of else pd.Timestamp.min) for of in peers["period"]]
        peers = peers.assign(ends=ends).sort_values(["peer", "ends"], kind="stable")
        return peers.groupby("peer", sort=True).tail(1).reset_index(drop=True)

    @property
    def unit_of_difference(self) -> str:
        """The unit of the difference of two such figures: points of two percentages or of two means on a scale."""
        return "points" if self.unit in ("%", "scale") else self.unit

    def _is_usable(self, of: Period | None, period: Period) -> bool:
        if of is None:
            return True
        unlike = max(of.days, period.days) / min(of.days, period.days) - 1
        return of.end <= period.end and not (self.by_length and unlike > _LONGEST_SLACK)

    @property
    def sign(self) -> float:
        """-1 where a lower value is better, else 1."""
        return -1.0 if self.direction == "down" else 1.0


def positions(figures: list[OwnFigure], period: Period, level: float, fewest: int) -> Estimates:
    """The percentile of each own figure among its peers: 100 is better than all of them; lowest first.

    Peers with the same value count half. Where no direction is the good one, 100 is higher than all. fewest: peers, below which there is no position. Points:
    the own value and the quartiles of the peers as `value`, by level.
    """
    rows, points, left_out = [], [], []
    for figure in figures:
        peers = figure.newest(period)
        if len(peers) < fewest:
            left_out.append(figure.name)
            continue
        values = peers["value"].to_numpy(float)
        value, *limits = (
            percentile(figure.sign * at, figure.sign * values) for at in (figure.value, figure.low, figure.high)
        )
        low, high = sorted(limits) if not np.isnan(limits).any() else (NAN, NAN)
        fields = {"numerator": value / 100 * len(values), "denominator": float(len(values))}
        rows.append(_row(figure, figure.name, value, low, high, **fields))
        quartiles = np.quantile(values, (0.25, 0.5, 0.75))
        for name, at in zip((OWN, *QUARTERS), (figure.value, *quartiles), strict=True):
            points.append(_point(figure.name, name, float(at)))
    rows.sort(key=lambda row: (row["value"], row["breakdown"]))
    notes = [Note("too_few_peers", figures=tuple(left_out), fewest=fewest)] if left_out else []
    return Estimates(rows, points, notes)


def gaps(figures: list[OwnFigure], period: Period, level: float, fewest: int) -> Estimates:
    """The own figure less the median of its peers, and less the value from which on the best quarter begins, in the metric's unit."""
    rows = []
    for figure in figures:
        values = figure.newest(period)["value"].to_numpy(float)
        if len(values) < fewest:
            continue
        best = float(np.quantile(values, 0.75 if figure.sign > 0 else 0.25))
        for name, of in ((MEDIAN, float(np.median(values))), (BEST, best)):
            if name == BEST and figure.direction == "-":
                continue  # nobody knows which quarter is the best
            unit = {"unit": figure.unit_of_difference}
            rows.append(
                _row(figure, f"{figure.name}, {name}", figure.value - of, figure.low - of, figure.high - of, **unit)
            )
    return Estimates(rows)


def differences(figures: list[OwnFigure], period: Period, level: float, fewest: int) -> Estimates:
    """The own share less that of each peer who says how many units it is of, with the interval of both."""
    rows = []
    for figure in figures:
        peers = figure.newest(period)
        is_share = (figure.unit == "%") & peers["value"].between(0, 100)
        for peer in peers[is_share & peers["n"].notna()].itertuples():
            low, high = figure.value - figure.low, figure.high - figure.value
            peer_low, peer_high = _wilson(float(peer.value), float(peer.n), level)
            difference = figure.value - float(peer.value)
            below, above = np.hypot(low, peer_high - peer.value), np.hypot(high, peer.value - peer_low)
            limits = difference - below, difference + above
            unit = {"unit": figure.unit_of_difference}
            rows.append(_row(figure, f"{figure.name}, less {peer.peer}", difference, *limits, **unit))
    return Estimates(rows)


def percentile(value: float, values: np.ndarray) -> float:
    """The share of the values that lie below a value, and half of those equal to it, in percent; NaN of NaN."""
    if np.isnan(value):
        return NAN
    equal = np.isclose(values, value, rtol=1e-12, atol=0)
    return float(100 * ((values < value) & ~equal).mean() + 50 * equal.mean())


def _wilson(value: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's limits of a share of n, in percent."""
    share, z = value / 100, float(ndtri((1 + level) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return 100 * max(centre - half, 0.0), 100 * min(centre + half, 1.0)


def _row(figure: OwnFigure, name: str, value: float, low: float, high: float, **fields: Any) -> dict[str, Any]:
    """A row of the whole client; n is how many units the own figure is of."""
    sizes = {"n": figure.n, "clusters": NAN, "numerator": NAN, "denominator": NAN}
    method = "of the own figure" if not np.isnan(low) else _NO_INTERVAL
    return (
        sizes
        | {"breakdown": name, "value": value, "low": low, "high": high, "method": method, "flags": figure.flags}
        | fields
    )


def _point(name: str, level: str, value: float) -> dict[str, Any]:
    return {
        "breakdown": f"{name}: {level}",
        "segment": "",
        "level": "",
        "x": 0.0,
        "value": value,
        "low": NAN,
        "high": NAN,
        "n": NAN,
    }
