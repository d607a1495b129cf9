"""Holdout: a model fitted to the time before a holdout, and what it forecast of it beside what came.

Beside it stands the naive forecast that all goes on as in the equal time before. Of purchases, each customer's repeat purchases in the
holdout are forecast; of contracts, who is still there at its end. The error of the total is (forecast - actual) / actual;
that per customer is the mean distance of forecast and actual, out of the mean actual. Their intervals are linearised over
customers (Kish 1965, Survey Sampling, 6.5), given the fitted parameters: by how much other customers of the same kind would
have come out otherwise. Fader, Hardie & Lee 2005, Marketing Science 24:275, 4 (holdout, tracking).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.core.errors import Unavailable
from crmnb.stats.clv_models import WEEKS_A_MONTH, newness_settled, of_purchases, of_renewals, purchases_ahead
from crmnb.stats.curve_steps import told_at
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import expected_purchases
from crmnb.stats.models.shifted_beta_geometric import survival

HOLDOUT, TRACKED = "holdout", "tracked"  # breakdowns of the evidence
_MODEL, _NAIVE = "model", "naive baseline"


@dataclass(frozen=True)
class _Test:
    """What a holdout showed: per row of alike customers the forecasts and what came, and points of a picture by week."""

    n: np.ndarray
    actual: np.ndarray
    forecasts: dict[str, np.ndarray]
    what: str
    length: str
    points: list[tuple[str, float, float]]


def effectiveness(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The errors of the model's and of the naive forecast, in all and per customer, and the picture of both."""
    whole = next(group for group in groups if group.is_whole)
    try:
        test = _test(groups, context)
    except Unavailable as no:
        return Estimates([whole.row(breakdown="", reason=str(no))])
    customers = float(test.n.sum())
    facts = {"n": customers, "clusters": customers, "method": "linearised, by customer"}
    rows = [whole.row(**error, **facts) for error in _errors(test, context.level)]
    points = [whole.point(x, value, n=customers, breakdown=name) for name, x, value in test.points]
    return Estimates(rows, points, [_said(test)])


def in_words(groups: list[GroupedCounts], context: EstimationContext) -> str:
    """How the forecast would have done before, or why that is not known."""
    try:
        return f"{_said(_test(groups, context))} The interval leaves such errors out."
    except Unavailable as no:
        return f"The forecast could not be tested on a holdout: {no}."


def _said(test: _Test) -> str:
    errors = {name: _total_error(test, forecast) for name, forecast in test.forecasts.items()}
    naive = f", the simplest one (all as before) {_off(errors[_NAIVE])}" if _NAIVE in errors else ""
    worse = " Here the model did worse." if abs(errors[_MODEL]) > abs(errors.get(_NAIVE, np.inf)) else ""
    return f"Tested on a holdout of {test.length} ({test.what}): the forecast was {_off(errors[_MODEL])}{naive}.{worse}"


def _off(error: float) -> str:
    return f"{100 * abs(error):.1f} % too {'high' if error > 0 else 'low'}"


def _total_error(test: _Test, forecast: np.ndarray) -> float:
    return float(test.n @ forecast / (test.n @ test.actual) - 1)


def _errors(test: _Test, level: float) -> list[dict]:
    """Breakdown, value, low and high of the errors of the totals, and of those per customer."""
    total, n = test.n @ test.actual, test.n
    reach = stats.norm.ppf((1 + level) / 2)
    off = {name: forecast - test.actual for name, forecast in test.forecasts.items()}
    found = {f"total error, {name}": each for name, each in off.items()}
    found |= {f"mean absolute error per customer, {name}": abs(each) for name, each in off.items()}
    rows = []
    for breakdown, num in found.items():
        value = n @ num / total
        half = reach * np.sqrt(n @ (num - value * test.actual) ** 2) / total
        rows.append({"breakdown": breakdown, "value": value, "low": value - half, "high": value + half})
    return rows


def _test(groups: list[GroupedCounts], context: EstimationContext) -> _Test:
    """Raises Unavailable where there is nothing to test on or too little to be told, or the model cannot be fitted."""
    held = next((group for group in groups if group.breakdown == HOLDOUT and group.is_whole), None)
    if held is None:
        raise Unavailable("there is too little history to be parted in two")
    held = newness_settled([held])[0][0].counts
    by_inactivity = not context.settings["contractual"]
    if by_inactivity:
        tracked = [group.counts for group in groups if group.breakdown == TRACKED and group.is_whole]
        test = _of_purchases(held, pd.concat(tracked) if tracked else None, context)
    else:
        test = _of_contracts(held, context)
    if not test.n @ test.actual:
        raise Unavailable("nobody bought again in it" if by_inactivity else "nobody was still there at its end")
    return test


def _few(context: EstimationContext, *customers: float) -> bool:
    """Whether some of these numbers of customers are too small to be told, or to be had by subtraction."""
    return any(0 < each < context.suppress_below for each in customers)


def _must_be_enough(context: EstimationContext, *customers: float) -> None:
    """Raise Unavailable where they are."""
    if _few(context, *customers):
        raise Unavailable(f"it would tell of fewer than {context.suppress_below} customers")


def _of_purchases(held: pd.DataFrame, tracked: pd.DataFrame | None, context: EstimationContext) -> _Test:
    _must_be_enough(context, held["n"].sum(), held.loc[held["later"] > 0, "n"].sum())
    fit = of_purchases(held)
    ahead, behind = int(held["ahead"].iloc[0]), int(held["behind"].iloc[0])
    n, actual = held["n"].to_numpy(float), held["later"].to_numpy(float)
    forecasts = {_MODEL: purchases_ahead(fit.parameters, held, ahead / 7)}
    if behind >= ahead:
        forecasts[_NAIVE] = held["recent"].to_numpy(float)
    fewest = context.suppress_below
    points = [] if tracked is None else _tracked(tracked, held, fit.parameters, behind, ahead, fewest)
    what = f"{n @ actual:,.0f} repeat purchases of {n.sum():,.0f} customers known before"
    return _Test(n, actual, forecasts, what, f"{ahead / 7:.0f} weeks", points)


def _tracked(
    tracked: pd.DataFrame, held: pd.DataFrame, parameters: np.ndarray, behind: int, ahead: int, fewest: int
) -> list[tuple[str, float, float]]:
    """Cumulative repeat purchases at the end of each whole week: actual, expected, and going on as before.

    Weeks count from where the data begin as declared, or from the week of the first purchase where that was before. What came is
    told of weeks between which at least `fewest` customers bought again.
    """
    earlier = max(int(np.ceil((held["T"].max() + 1 - behind) / 7)), 0)
    behind += 7 * earlier
    weeks = np.arange(1, (behind + ahead) // 7 + 1)
    week = tracked["T"].astype(int) + earlier
    made = np.bincount(week, tracked["later"] * tracked["n"], (behind + ahead) // 7 + 1)
    actual = np.cumsum(made)[: len(weeks)]
    acquired = held.assign(day=behind - 1 - held["T"]).groupby("day")["n"].sum()
    since = np.maximum(weeks[:, None] * 7 - 1 - acquired.index.to_numpy(int)[None, :], 0)
    expected = expected_purchases(parameters, np.arange(since.max() + 1) / 7)[since] @ acquired.to_numpy(float)
    begins, rate = behind / 7, float(held["n"] @ held["recent"]) / ahead * 7
    told = _weeks_told(tracked.assign(week=week), weeks, fewest)
    at_begin = float(np.interp(begins, np.append(0, weeks[told]), np.append(0, actual[told])))
    later = weeks[weeks > begins]
    return [
        ("holdout begins", begins, 0.0),
        *zip(["actual"] * len(told), weeks[told].astype(float), actual[told], strict=True),
        *zip(["expected"] * len(weeks), weeks.astype(float), expected, strict=True),
        ("naive baseline", begins, at_begin),
        *(("naive baseline", float(week), at_begin + rate * (week - begins)) for week in later),
    ]


def _weeks_told(tracked: pd.DataFrame, weeks: np.ndarray, fewest: int) -> np.ndarray:
    """The places of the weeks at whose ends it is told what came: between two of them nobody bought again, or `fewest` people did."""
    before = tracked["week"] - tracked["t_x"].fillna(np.inf)  # the week in which the same customer bought again last
    found, begun = [], 0
    for place, end in enumerate(weeks):
        inside = (tracked["week"] >= begun) & (tracked["week"] < end)
        people = tracked.loc[inside & (before < begun), "n"].sum()
        if people == 0 or people >= fewest:
            found.append(place)
            begun = end
    return np.array(found, dtype=int)


def _of_contracts(held: pd.DataFrame, context: EstimationContext) -> _Test:
    length = context.settings["renewal_months"]
    ahead, behind = int(held["ahead"].iloc[0]), int(held["behind"].iloc[0])
    there = held[held["there"] == 1]
    n, later, age = (there[name].to_numpy(float) for name in ("n", "later", "age"))
    stayed = float(n @ (later >= ahead))
    _must_be_enough(context, n.sum(), stayed, n.sum() - stayed)
    fit = of_renewals(held, length)
    stay = np.stack([_stays(fit.parameters, age, months, length) for months in range(ahead + 1)])
    forecasts = {_MODEL: stay[-1]}
    before = held[held["before"] == 1]
    before_n, before_stayed = float(before["n"].sum()), float(before["n"] @ before["there"])
    known = bool(before_n) and not _few(context, before_n, before_stayed, before_n - before_stayed)
    if known:
        kept = before_stayed / before_n
        forecasts[_NAIVE] = np.full(len(n), kept)
    points = [("holdout begins", behind * WEEKS_A_MONTH, 0.0)]
    left = np.array([float(n @ (later >= months)) for months in range(ahead + 1)])
    shown = told_at(np.arange(ahead + 1), [np.append(0.0, -np.diff(left))], context.suppress_below)
    for months in range(ahead + 1):
        week = (behind + months) * WEEKS_A_MONTH
        points += [("actual", week, left[months])] if months in shown else []
        points.append(("expected", week, float(n @ stay[months])))
        if known:
            points.append(("naive baseline", week, float(n.sum() * kept ** (months / ahead))))
    actual = (later >= ahead).astype(float)
    what = f"{stayed:,.0f} of {n.sum():,.0f} customers were still there at its end"
    return _Test(n, actual, forecasts, what, f"{ahead} month{'s' * (ahead > 1)}", points)


def _stays(parameters: np.ndarray, age: np.ndarray, months: int, length: int) -> np.ndarray:
    """The chance that who has been there for `age` months stays `months` more."""
    return survival(parameters, (age + months) // length) / survival(parameters, age // length)
