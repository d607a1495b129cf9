"""Survival of cases of which several belong to one customer: Kaplan-Meier with a variance by cluster, and the restricted mean.

Data are four arrays of one length: `duration`, `event` (1 ended, 0 censored), `n` (how many cases the row stands for) and `cluster` (0, 1
...; a customer, or a group of customers). Every cluster's share in the estimate is the sum of its cases' influence, so cases of one
customer that are alike do not pass for as many customers.

Sources. Kaplan & Meier 1958, JASA 53:457. Ying & Wei 1994, Journal of Multivariate Analysis 50:17 (Kaplan-Meier under dependence, its variance
by cluster). Kalbfleisch & Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd ed., 1.4 (log-log limits). Royston & Parmar 2013,
BMC Medical Research Methodology 13:152 (restricted mean; its variance is that of Klein & Moeschberger 2003, 4.5).
"""

from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from crmnb.stats.models.kaplan_meier import Curve, at_risk, kaplan_meier


def clustered_curve(duration, event, n, cluster, level: float = 0.95) -> Curve:
    """Survival with a log-log band at t with clusters - 1 degrees of freedom.

    Standard errors are the greater of those by cluster and Greenwood's: where few are left, the former are too small.

    Raises ValueError as `kaplan_meier.checked` does.
    """
    curve = kaplan_meier(np.zeros(len(duration)), duration, event, n, level)
    table = curve.table
    moves = _moves(curve, duration, event, n, cluster)
    np.cumsum(moves, axis=1, out=moves)
    error = np.fmax(table["value"].to_numpy() * np.sqrt(_sum_of_squares(moves)), table["standard_error"].to_numpy())
    value = table["value"].to_numpy()
    inside = np.where((value > 0) & (value < 1), value, np.nan)
    half = stdtrit(max(len(moves) - 1, 1), (1 + level) / 2) * error / np.abs(inside * np.log(inside))
    with np.errstate(over="ignore"):
        low, high = inside ** np.exp(half), inside ** np.exp(-half)
    ended = value == 0
    low[ended], high[ended] = 0.0, table["high"].to_numpy()[ended]
    return replace(curve, table=table.assign(standard_error=error, low=low, high=high))


def restricted_mean(curve: Curve, horizon: float) -> float:
    """The mean duration up to the horizon: the area under the curve. NaN where the curve ends before."""
    if curve.last < horizon and not (len(curve.table) and curve.table["value"].iloc[-1] == 0):
        return float("nan")
    return float(_area(curve, 0.0, horizon))


def restricted_mean_error(curve: Curve, horizon: float) -> float:
    """The standard error of the restricted mean of independent cases (Greenwood's terms)."""
    table = curve.table[curve.table["time"] <= horizon]
    left = _areas_from(curve, table["time"].to_numpy(), horizon)
    events, risk = table["events"].to_numpy(), table["at_risk"].to_numpy()
    terms = np.divide(events, risk * (risk - events), out=np.zeros(len(events)), where=risk > events)
    return float(np.sqrt((left**2 * terms).sum()))


def clustered_mean_error(curve: Curve, horizon: float, duration, event, n, cluster) -> float:
    """The standard error of the restricted mean by cluster; that of independent cases where it is greater."""
    inside = curve.table["time"].to_numpy() <= horizon
    left = _areas_from(curve, curve.table["time"].to_numpy()[inside], horizon)
    moves = _moves(curve, duration, event, n, cluster)[:, inside] @ left
    return float(np.fmax(np.sqrt(_sum_of_squares(moves[:, None])[0]), restricted_mean_error(curve, horizon)))


def _moves(curve: Curve, duration, event, n, cluster) -> np.ndarray:
    """By cluster and event time, what the cluster had beyond its share of the events, over all at risk."""
    times, risk, events = (curve.table[name].to_numpy() for name in ("time", "at_risk", "events"))
    duration, n = np.asarray(duration, float), np.asarray(n, float)
    own = np.unique(np.asarray(cluster), return_inverse=True)[1]
    clusters = own.max() + 1 if len(own) else 0
    ended = np.asarray(event) > 0
    had = _sums(own[ended], np.searchsorted(times, duration[ended]), n[ended], (clusters, len(times)))
    until = np.searchsorted(times, duration, side="right")  # at risk at the times up to its duration
    still = _sums(own, until, n, (clusters, len(times) + 1))[:, ::-1]
    np.cumsum(still, axis=1, out=still)
    moves = still[:, :-1][:, ::-1]
    moves *= -events / risk
    moves += had
    moves /= risk
    return moves


def _sums(rows: np.ndarray, columns: np.ndarray, n: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A table of the sums of counts by row and column."""
    return np.bincount(rows * shape[1] + columns, n, shape[0] * shape[1]).reshape(shape)


def _sum_of_squares(moves: np.ndarray) -> np.ndarray:
    """Over clusters, with the correction for few."""
    clusters = len(moves)
    return clusters / (clusters - 1) * (moves**2).sum(axis=0) if clusters > 1 else np.full(moves.shape[1], np.nan)


def _area(curve: Curve, start: float, end: float) -> float:
    times = curve.table["time"].to_numpy()
    edges = np.concatenate([[start], times[(times > start) & (times < end)], [end]])
    values = np.concatenate([[curve.begin], curve.table["value"].to_numpy()])
    return float((np.diff(edges) * values[np.searchsorted(times, edges[:-1], side="right")]).sum())


def _areas_from(curve: Curve, times: np.ndarray, end: float) -> np.ndarray:
    """The area from each of the curve's times to the end."""
    values = curve.table["value"].to_numpy()[: len(times)]
    widths = np.diff(np.append(times, end))
    return (values * widths)[::-1].cumsum()[::-1]


def number_at_risk(times, duration, n) -> np.ndarray:
    """How many cases were followed for so long without having ended."""
    duration = np.asarray(duration, float)
    return at_risk(np.asarray(times, float), np.zeros(len(duration)), duration, np.asarray(n, float))
