"""Losses: how many of today's customers are to be expected lost a while from now, and how likely each of them is to be.

Where customers give notice, by the hazard at their tenure: Nelson & Aalen's, whose variance is the sum of d / n^2 (Klein &
Moeschberger 2003, Survival Analysis, 2nd ed., 4.2.3-4.2.4), from counts by `entry`, `duration`, `event` and `age` (days so far of who is a
customer, else missing). By inactivity, by BG/NBD (Fader, Hardie & Lee 2005), from counts by `x`, `t_x`, `T` and `there`. Levels whose
losses differ have hazards or a model of their own (`crmnb.stats.strata`), by the log-rank and the likelihood ratio test. The interval
is for the number that will be seen: it holds what is not known of the model and the chance in who leaves.
"""

from functools import partial

import numpy as np
import pandas as pd
from scipy import special, stats

from crmnb.stats.clv_models import newness_settled, of_days, older_of, parameters_of, purchases_likelihood
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models import bg_nbd, kaplan_meier
from crmnb.stats.models.bg_nbd_left_truncated import silent
from crmnb.stats.models.maximum_likelihood import CannotFit, Fit, delta
from crmnb.stats.strata import Strata, likelihood_ratio, parted

_AT_RISK = 30  # fewer at risk at an age tell too little of it
_FEWEST_ROUGHLY = 3  # of a group that is told of as a part of others
_FEWEST_LOSSES = 10  # of a group: fewer tell too little of its hazards


def expected(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The expected number of losses within `horizon_days`, among those who are customers at the end of the period."""
    groups, newness = newness_settled(groups)
    whole = next(group for group in groups if group.is_whole)
    there = [_there(group.counts) for group in groups]
    base = [{"n": n, "clusters": n, "denominator": n} for n in (float(of["n"].sum()) for of in there)]
    try:
        _must_reach_back(context)
        strata = _strata(whole.counts, context)
    except CannotFit as no:
        return Estimates([group.row(reason=str(no), **of) for group, of in zip(groups, base, strict=True)])
    z = stats.norm.ppf((1 + context.level) / 2)
    rows = []
    for group, of, those in zip(groups, base, there, strict=True):
        if reason := strata.lacks(group) if of["n"] else "no customers at the end":
            rows.append(group.row(**of, reason=reason))
            continue
        value, error = _losses(strata, those, context)
        low, high = max(value - z * error, 0.0), min(value + z * error, of["n"])
        rows.append(group.row(**of, value=value, low=low, high=high, numerator=value, method="model"))
    return Estimates(rows, notes=[*_said(strata, context), *([newness] if newness else [])])


def _must_reach_back(context: EstimationContext) -> None:
    """Raise CannotFit where the forecast would reach further ahead than the data reach back."""
    period, ahead = context.periods["now"], context.settings["horizon_days"]
    if period.data_from and (days := (period.observed_end - period.data_from).days) < ahead:
        raise CannotFit(f"the data reach back {days} days, which tell too little of {ahead} days ahead")


def _said(strata: Strata, context: EstimationContext) -> list[str]:
    """Which model it is, what it takes for granted, and which levels have one of their own."""
    if _by_contract(context):
        return [
            "By the share of customers lost at each tenure so far (Nelson & Aalen's hazard).",
            *strata.in_words("losses"),
        ]
    alike = " and ".join(dict.fromkeys(model.alike for model in strata.models if model.alike))
    taken = f" Customers are taken {alike}, as these data show no difference between them." if alike else ""
    return [
        f"By BG/NBD, from how often and how recently each customer bought.{taken}",
        *strata.in_words("buying and leaving"),
    ]


def probabilities(rows: pd.DataFrame, context: EstimationContext) -> pd.Series:
    """Of each row of evidence that is a customer at the end: how likely it is to be lost. Raises CannotFit.

    rows: one per customer, the columns that the counts are by, with the customer's levels (`of <segmentation>`).
    """
    every = GroupedCounts("now", "", "", "", rows.assign(n=1.0), float(len(rows)))
    counts = newness_settled([every])[0][0].counts
    there, strata = _there(counts), _strata(counts, context)
    found = np.zeros(len(there))
    for model, inside in strata.by_model(there):
        found[inside] = _chance(model, there[inside], context)
    return pd.Series(found, there.index)


def _by_contract(context: EstimationContext) -> bool:
    return context.settings["contractual"]


def _there(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of those who are customers at the end."""
    return counts[counts["age"].notna() if "age" in counts else counts["there"] == 1]


def _strata(counts: pd.DataFrame, context: EstimationContext) -> Strata:
    """The kinds of customers with their hazards, or their models of buying. Raises CannotFit."""
    if _by_contract(context):
        _Hazard.of(counts, context)
        rough = partial(_hazard_or_none, context=context, fewest=_FEWEST_ROUGHLY)
        return parted(counts, context, partial(_hazard_or_none, context=context), _logrank, rough)
    of_days(counts)
    return parted(counts, context, _buying_or_none, _buys_alike)


def _chance(model, there: pd.DataFrame, context: EstimationContext) -> np.ndarray:
    """How likely each row of those there is to be lost."""
    if isinstance(model, _Hazard):
        return model.lost(there["age"].to_numpy(float))
    return _lost(model.parameters, there, context)


def _losses(strata: Strata, there: pd.DataFrame, context: EstimationContext) -> tuple[float, float]:
    """How many of those there to expect lost, and the standard error; cells with a model of their own err apart from each other."""
    value, variance = 0.0, 0.0
    for model, inside in strata.by_model(there):
        some = there[inside]
        n = some["n"].to_numpy(float)
        if isinstance(model, _Hazard):
            lost, error = model.losses(some["age"].to_numpy(float), n)
        else:
            lost, error = _by_buying(model, some, n, context)
        value, variance = value + lost, variance + error**2
    return value, float(np.sqrt(variance))


# ---- by inactivity ----


def _history(counts: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(counts[name].to_numpy(float) for name in ("x", "t_x", "T"))


def _buying_or_none(counts: pd.DataFrame, parent: Fit | None = None) -> Fit | None:
    try:
        return of_days(counts)
    except CannotFit:
        return None


def _buys_alike(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
    return likelihood_ratio(counts, cells, finer, _buying_or_none, purchases_likelihood, parameters_of)


def _by_buying(fit: Fit, there: pd.DataFrame, n: np.ndarray, context: EstimationContext) -> tuple[float, float]:
    """The expected losses of those there, and their standard error; each history is worked out once."""
    columns = [name for name in ("x", "t_x", "T", "before", "wait") if name in there]
    alike = there.assign(n=n).groupby(columns, as_index=False)["n"].sum()
    many = alike["n"].to_numpy(float)
    value, error = delta(lambda parameters: many @ _lost(parameters, alike, context), fit)
    lost = _lost(fit.parameters, alike, context)
    return float(value), float(np.sqrt(error**2 + many @ (lost * (1 - lost))))


def _lost(parameters: np.ndarray, there: pd.DataFrame, context: EstimationContext) -> np.ndarray:
    """How likely each row of those there is to be lost, by a model whose time is days."""
    older, histories = older_of(there, 1.0)
    found = np.zeros(len(there))
    found[~older] = _lost_by_inactivity(parameters, *_history(there[~older]), context)
    if older.any():
        horizon, wait = context.settings["horizon_days"], context.settings["inactivity_days"]
        lasts = min(horizon, wait)
        lost = silent(parameters, histories, horizon - lasts, lasts)
        found[older] = np.where(histories.T - histories.t_x <= wait - horizon, 0.0, lost)
    return found


def _lost_by_inactivity(parameters: np.ndarray, x, t_x, T, context: EstimationContext) -> np.ndarray:
    """The probability that no order comes in the days of inactivity before the horizon ends.

    With s days until those begin and w of them, it is 1 - P(alive) E[e^(-l p s) (1 - e^(-l w))], l gamma (r + x, alpha + T) and p beta
    (a, b + x): two Gaussian hypergeometric functions, told by Pfaff's transformation, whose parameters stay small.
    """
    r, alpha, a, b = parameters
    horizon, wait = context.settings["horizon_days"], context.settings["inactivity_days"]
    w = min(horizon, wait)
    s = horizon - w
    (repeats, seen), place = np.unique(np.stack([x, T]), axis=1, return_inverse=True)  # fewer by far than histories
    shape, rate = r + repeats, alpha + seen

    def stays(of: np.ndarray) -> np.ndarray:
        z = s / of
        return (1 + z) ** -a * special.hyp2f1(a, a + b - r, a + b + repeats, z / (1 + z))

    orders = (stays(rate) - (rate / (rate + w)) ** shape * stays(rate + w))[place.ravel()]
    lost = 1 - bg_nbd.alive(parameters, x, t_x, T) * orders
    return np.where(T - t_x <= wait - horizon, 0.0, lost)  # the last order is recent enough


# ---- by contract ----


class _Hazard:
    """The hazard at each tenure, and what it does within the horizon to customers of given ages."""

    def __init__(self, steps: pd.DataFrame, start: float, last: float, horizon: float):
        self.time, self.step = steps["time"].to_numpy(), (steps["events"] / steps["at_risk"]).to_numpy()
        self.variance = (steps["events"] / steps["at_risk"] ** 2).to_numpy()
        self.lost_so_far = float(steps["events"].sum())
        self.horizon, self.seen, self.last = horizon, min(horizon, last - start), last

    @classmethod
    def of(cls, counts: pd.DataFrame, context: EstimationContext) -> "_Hazard":
        known = counts.dropna(subset=["duration"])
        entry, duration, _, n = data = _lives(known)
        ends = np.unique(duration)
        enough = ends[kaplan_meier.at_risk(ends, entry, duration, n) >= _AT_RISK]
        if not len(enough):
            raise CannotFit(f"needs {_AT_RISK} customers who were followed")
        steps = kaplan_meier.steps(*data)
        return cls(
            steps[steps["time"] <= enough.max()], entry.min(), float(enough.max()), context.settings["horizon_days"]
        )

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


def _lives(counts: pd.DataFrame) -> list[np.ndarray]:
    return [counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n")]


def _hazard_or_none(
    counts: pd.DataFrame, parent: _Hazard | None = None, *, context: EstimationContext, fewest: int = _FEWEST_LOSSES
) -> _Hazard | None:
    """The hazards of some customers; None where too few were at risk, or lost, to tell them."""
    try:
        hazard = _Hazard.of(counts, context)
    except CannotFit:
        return None
    return hazard if hazard.lost_so_far >= fewest else None


def _logrank(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
    """The logarithm of the p-value of the log-rank test between the finer cells, within the cells so far; NaN where it cannot be told.

    A part counts where ten losses were to be expected of it if all were alike; smaller ones are taken together.
    """
    known = counts["duration"].notna().to_numpy()
    counts, cells, finer = counts[known], cells[known], finer[known]
    chi2, degrees = 0.0, 0
    for cell in np.unique(cells):
        inside = cells == cell
        lives = _lives(counts[inside])
        groups = _large_enough(lives, finer[inside])
        statistic, df, _ = kaplan_meier.logrank(groups) if len(groups) > 1 else (np.nan, 0, np.nan)
        if df:
            chi2, degrees = chi2 + statistic, degrees + df
    return float(stats.chi2.logsf(chi2, degrees)) if degrees else np.nan


def _large_enough(lives: list[np.ndarray], finer: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """The parts of a cell that a test can be made of."""
    steps = kaplan_meier.steps(*lives)
    total = np.concatenate([[0.0], np.cumsum(steps["events"] / steps["at_risk"])])
    entry, duration, _, n = lives
    first, end = (np.searchsorted(steps["time"], at, side="right") for at in (np.where(entry > 0, entry, -1), duration))
    due = n * (total[end] - total[first])
    parts = [finer == part for part in np.unique(finer)]
    large = [part for part in parts if due[part].sum() >= _FEWEST_LOSSES]
    rest = ~np.any(large, axis=0) if large else np.ones(len(finer), bool)
    if rest.any() and due[rest].sum() >= _FEWEST_LOSSES:
        large.append(rest)
    return [tuple(each[part] for each in lives) for part in large]
