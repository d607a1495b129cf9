"""Losses: how many of today's customers are to be expected lost a while from now, and how likely each of them is to be.

Where customers give notice, by the hazard at their tenure: Nelson & Aalen's, whose variance is the sum of d / n^2 (Klein &
Moeschberger 2003, Survival Analysis, 2nd ed., 4.2.3-4.2.4), from counts by `entry`, `duration`, `event` and `age` (days so far of who is a
customer, else missing). By inactivity, by BG/NBD (Fader, Hardie & Lee 2005), from counts by `x`, `t_x`, `T` and `there`. The interval
is for the number that will be seen: it holds what is not known of the model and the chance in who leaves.
"""

import numpy as np
import pandas as pd
from scipy import special, stats

from crmnb.inference import Group, Inferred, Told
from crmnb.inference.fits import once
from crmnb.models import buying, survival
from crmnb.models.likelihood import CannotFit, delta

_AT_RISK = 30  # fewer at risk at an age tell too little of it


def expected(groups: list[Group], told: Told) -> Inferred:
    """The expected number of losses within `horizon_days`, among those who are customers at the end of the period."""
    whole = next(group for group in groups if group.is_whole)
    there = [_there(group.counts) for group in groups]
    base = [{"n": n, "clusters": n, "denominator": n} for n in (float(of["n"].sum()) for of in there)]
    try:
        _must_reach_back(told)
        found = _by_hazard(whole, there, told) if _by_contract(told) else _by_buying(whole, there, told)
    except CannotFit as no:
        return Inferred([group.row(reason=str(no), **of) for group, of in zip(groups, base, strict=True)])
    z = stats.norm.ppf((1 + told.level) / 2)
    rows = []
    for group, of, (value, error) in zip(groups, base, found, strict=True):
        low, high = max(value - z * error, 0.0), min(value + z * error, of["n"])
        figures = {"value": value, "low": low, "high": high, "numerator": value, "method": "model"}
        rows.append(group.row(**of, **(figures if of["n"] else {"reason": "no customers at the end"})))
    return Inferred(rows, notes=[_said(whole, told)])


def _must_reach_back(told: Told) -> None:
    """Raise CannotFit where the forecast would reach further ahead than the data reach back."""
    period, ahead = told.windows["now"], told.given["horizon_days"]
    if period.data_from and (days := (period.seen_end - period.data_from).days) < ahead:
        raise CannotFit(f"the data reach back {days} days, which tell too little of {ahead} days ahead")


def _said(whole: Group, told: Told) -> str:
    """Which model it is, and what it takes for granted."""
    if _by_contract(told):
        return "By the share of customers lost at each tenure so far (Nelson & Aalen's hazard)."
    alike = _fit(whole.counts).alike
    taken = f" Customers are taken {alike}, as these data show no difference between them." if alike else ""
    return f"By BG/NBD, from how often and how recently each customer bought.{taken}"


def probabilities(rows: pd.DataFrame, told: Told) -> pd.Series:
    """Of each row of evidence that is a customer at the end: how likely it is to be lost. Raises CannotFit.

    rows: one per customer, the columns that the counts are by.
    """
    there, whole = _there(rows), rows.assign(n=1.0)
    if _by_contract(told):
        found = _Hazard.of(whole, told).lost(there["age"].to_numpy(float))
    else:
        found = _lost_by_inactivity(_fit(whole).parameters, *_history(there), told)
    return pd.Series(found, there.index)


def _by_contract(told: Told) -> bool:
    return told.given["churn"].kind == "contractual"


def _there(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of those who are customers at the end."""
    return counts[counts["age"].notna() if "age" in counts else counts["there"] == 1]


# ---- by inactivity ----


def _fit(counts: pd.DataFrame):
    return once(buying.fit_buying, *_history(counts), counts["n"].to_numpy(float))


def _history(counts: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(counts[name].to_numpy(float) for name in ("x", "t_x", "T"))


def _by_buying(whole: Group, there: list[pd.DataFrame], told: Told) -> list[tuple[float, float]]:
    """The expected losses of each group and their standard error; each history is worked out once."""
    fit = _fit(whole.counts)
    histories = there[0].groupby(["x", "t_x", "T"])["n"].sum().index
    one_each = tuple(histories.get_level_values(name).to_numpy(float) for name in ("x", "t_x", "T"))
    place = [histories.get_indexer(pd.MultiIndex.from_frame(of[["x", "t_x", "T"]])) for of in there]
    n = [of["n"].to_numpy(float) for of in there]

    def losses(parameters: np.ndarray) -> np.ndarray:
        lost = _lost_by_inactivity(parameters, *one_each, told)
        return np.array([of @ lost[at] for of, at in zip(n, place, strict=True)])

    value, error = delta(losses, fit)
    lost = _lost_by_inactivity(fit.parameters, *one_each, told)
    chance = [of @ (lost * (1 - lost))[at] for of, at in zip(n, place, strict=True)]
    return [(v, np.sqrt(e**2 + c)) for v, e, c in zip(value, error, chance, strict=True)]


def _lost_by_inactivity(parameters: np.ndarray, x, t_x, T, told: Told) -> np.ndarray:
    """The probability that no order comes in the days of inactivity before the horizon ends.

    With s days until those begin and w of them, it is 1 - P(alive) E[e^(-l p s) (1 - e^(-l w))], l gamma (r + x, alpha + T) and p beta
    (a, b + x): two Gaussian hypergeometric functions, told by Pfaff's transformation, whose parameters stay small.
    """
    r, alpha, a, b = parameters
    horizon, wait = told.given["horizon_days"], told.given["churn"].inactivity_days
    w = min(horizon, wait)
    s = horizon - w
    (repeats, seen), place = np.unique(np.stack([x, T]), axis=1, return_inverse=True)  # fewer by far than histories
    shape, rate = r + repeats, alpha + seen

    def stays(of: np.ndarray) -> np.ndarray:
        z = s / of
        return (1 + z) ** -a * special.hyp2f1(a, a + b - r, a + b + repeats, z / (1 + z))

    orders = (stays(rate) - (rate / (rate + w)) ** shape * stays(rate + w))[place.ravel()]
    lost = 1 - buying.alive(parameters, x, t_x, T) * orders
    return np.where(T - t_x <= wait - horizon, 0.0, lost)  # the last order is recent enough


# ---- by contract ----


class _Hazard:
    """The hazard at each tenure, and what it does within the horizon to customers of given ages."""

    def __init__(self, steps: pd.DataFrame, start: float, last: float, horizon: float):
        self.time, self.step = steps["time"].to_numpy(), (steps["events"] / steps["at_risk"]).to_numpy()
        self.variance = (steps["events"] / steps["at_risk"] ** 2).to_numpy()
        self.horizon, self.seen, self.last = horizon, min(horizon, last - start), last

    @classmethod
    def of(cls, counts: pd.DataFrame, told: Told) -> "_Hazard":
        known = counts.dropna(subset=["duration"])
        entry, duration, _, n = data = [known[c].to_numpy(float) for c in ("entry", "duration", "event", "n")]
        ends = np.unique(duration)
        enough = ends[survival.at_risk(ends, entry, duration, n) >= _AT_RISK]
        if not len(enough):
            raise CannotFit(f"needs {_AT_RISK} customers who were followed")
        steps = survival.steps(*data)
        return cls(steps[steps["time"] <= enough.max()], entry.min(), float(enough.max()), told.given["horizon_days"])

    def _windows(self, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which event times lie ahead of each age: the last seen for who is older than that."""
        begin = np.minimum(age, self.last - self.seen)
        return (np.searchsorted(self.time, at, side="right") for at in (begin, begin + self.seen))

    def lost(self, age: np.ndarray) -> np.ndarray:
        """The probability to be lost within the horizon, by age in days."""
        total = np.concatenate([[0.0], np.cumsum(self.step)])
        first, end = self._windows(age)
        return 1 - np.exp(-(total[end] - total[first]) * self.horizon / self.seen)

    def losses(self, age: np.ndarray, n: np.ndarray) -> tuple[float, float]:
        """How many of n customers each of those ages to expect lost, and the standard error."""
        lost = self.lost(age)
        first, end = self._windows(age)
        slope = np.zeros(len(self.time) + 1)
        weight = n * (1 - lost) * self.horizon / self.seen
        np.add.at(slope, first, weight)
        np.subtract.at(slope, end, weight)
        model = np.cumsum(slope)[:-1] ** 2 @ self.variance
        return float(n @ lost), float(np.sqrt(model + n @ (lost * (1 - lost))))


def _by_hazard(whole: Group, there: list[pd.DataFrame], told: Told) -> list[tuple[float, float]]:
    hazard = _Hazard.of(whole.counts, told)
    return [hazard.losses(of["age"].to_numpy(float), of["n"].to_numpy(float)) for of in there]
