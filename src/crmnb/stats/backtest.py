"""Backtest of CLV models: fitted to the time before a holdout, their forecast of the holdout against what was observed.

The naive baseline forecasts that the holdout repeats the equally long time before it. Of purchases, each customer's repeat purchases in
the holdout are forecast; of contracts, who is still a customer at its end. The total error is (forecast - observed) / observed; the
error per customer is the mean absolute difference of forecast and observed over the mean observed. Their intervals are linearised
over customers (Kish 1965, Survey Sampling, 6.5) with the parameters held fixed: they show by how much the errors would differ for
other customers of the same kind. Fader, Hardie & Lee 2005, Marketing Science 24:275, 4 (holdout, tracking).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Count, Note
from crmnb.stats.clv_models import (
    WEEKS_PER_MONTH,
    fit_purchases,
    fit_renewals,
    purchases_ahead,
    silence_ahead,
    with_resolved_newness,
)
from crmnb.stats.curve_steps import safe_places
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import expected_purchases
from crmnb.stats.models.shifted_beta_geometric import survival
from crmnb.stats.shared_fits import shared

HOLDOUT, TRACKED = "holdout", "tracked"  # breakdowns of the evidence
_MODEL, _NAIVE = "model", "naive baseline"


@dataclass(frozen=True)
class Holdout:
    """The outcome of a holdout: per row of equal customers the observed and the forecasts, and the points of a chart by week.

    `is_lost` and `loss_probability`: whether they were lost in the holdout (a contract ended, or nothing was bought), and how likely
    the model held it.

    code: of the note that describes it. length: of the holdout, in weeks (purchases) or months (contracts).
    """

    n: np.ndarray
    observed: np.ndarray
    forecasts: dict[str, np.ndarray]
    code: str
    length: float
    points: list[tuple[str, float, float]]
    is_lost: np.ndarray
    loss_probability: np.ndarray

    @property
    def note(self) -> Note:
        """What was forecast, and how far off."""
        return _note(self)


def effectiveness(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The errors of the model's and the naive forecast, in total and per customer, and the points of both.

    Settings: `contractual`, and `renewal_months` of contracts.
    """
    whole = next(group for group in groups if group.is_whole)
    try:
        backtest = holdout_of(groups, context)
    except Unavailable as error:
        return Estimates([whole.row(breakdown="", reason=error.reason)])
    customers = float(backtest.n.sum())
    fields = {"n": customers, "clusters": customers, "method": "linearised, by customer"}
    rows = [whole.row(**error, **fields) for error in _errors(backtest, context.level)]
    points = [whole.point(x, value, n=customers, breakdown=name) for name, x, value in backtest.points]
    return Estimates(rows, points, [_note(backtest)])


def backtest_note(groups: list[GroupedCounts], context: EstimationContext) -> Note:
    """How the forecast did on the holdout, or why that is not known; for use beside a forecast with an interval."""
    try:
        return _note(holdout_of(groups, context), beside_interval=True)
    except Unavailable as error:
        return Note("holdout_not_tested", reason=error.reason)


def _note(backtest: Holdout, *, beside_interval: bool = False) -> Note:
    errors = {name: _total_error(backtest, forecast) for name, forecast in backtest.forecasts.items()}
    return Note(
        backtest.code,
        length=backtest.length,
        observed=Count(float(backtest.n @ backtest.observed)),
        customers=Count(float(backtest.n.sum())),
        error=errors[_MODEL],
        naive_error=errors.get(_NAIVE),
        beside_interval=beside_interval,
    )


def _total_error(backtest: Holdout, forecast: np.ndarray) -> float:
    return float(backtest.n @ forecast / (backtest.n @ backtest.observed) - 1)


def total_errors(holdout: Holdout, level: float) -> list[tuple[str, float, float, float]]:
    """Of each forecast: its name, the total error, and its limits."""
    prefix = "total error, "
    return [
        (error["breakdown"].removeprefix(prefix), error["value"], error["low"], error["high"])
        for error in _errors(holdout, level)
        if error["breakdown"].startswith(prefix)
    ]


def _errors(backtest: Holdout, level: float) -> list[dict]:
    """Breakdown, value, low and high of the total errors, and of those per customer."""
    total, n = backtest.n @ backtest.observed, backtest.n
    z = ndtri((1 + level) / 2)
    differences = {name: forecast - backtest.observed for name, forecast in backtest.forecasts.items()}
    errors = {f"total error, {name}": difference for name, difference in differences.items()}
    errors |= {f"mean absolute error per customer, {name}": abs(difference) for name, difference in differences.items()}
    rows = []
    for breakdown, numerator in errors.items():
        value = n @ numerator / total
        half = z * np.sqrt(n @ (numerator - value * backtest.observed) ** 2) / total
        rows.append({"breakdown": breakdown, "value": value, "low": value - half, "high": value + half})
    return rows


def holdout_of(groups: list[GroupedCounts], context: EstimationContext) -> Holdout:
    """Raises Unavailable where there is nothing to test on, too few customers to show, or the model cannot be fitted."""
    holdout = next((group for group in groups if group.breakdown == HOLDOUT and group.is_whole), None)
    if holdout is None:
        raise Unavailable(Note("holdout_without_history"))
    counts = with_resolved_newness([holdout])[0][0].counts
    contractual = context.settings["contractual"]
    if contractual:
        backtest = _of_contracts(counts, context.settings["renewal_months"], context.suppress_below)
    else:
        tracked = [group.counts for group in groups if group.breakdown == TRACKED and group.is_whole]
        backtest = _of_purchases(counts, pd.concat(tracked) if tracked else None, context.suppress_below)
    if not backtest.n @ backtest.observed:
        raise Unavailable(Note("holdout_without_customers" if contractual else "holdout_without_purchases"))
    return backtest


def _is_small(fewest: int, *customers: float) -> bool:
    """Whether some of these numbers of customers are too small to be shown or to be derived by subtraction."""
    return any(0 < number < fewest for number in customers)


def _require_enough(fewest: int, *customers: float) -> None:
    """Raise Unavailable where some of these numbers are too small."""
    if _is_small(fewest, *customers):
        raise Unavailable(Note("holdout_too_small", fewest=fewest))


@shared
def _of_purchases(counts: pd.DataFrame, tracked: pd.DataFrame | None, fewest: int) -> Holdout:
    """The backtest of BG/NBD."""
    _require_enough(fewest, counts["n"].sum(), counts.loc[counts["later"] > 0, "n"].sum())
    fit = fit_purchases(counts)
    ahead, behind = int(counts["ahead"].iloc[0]), int(counts["behind"].iloc[0])
    n, observed = counts["n"].to_numpy(float), counts["later"].to_numpy(float)
    forecasts = {_MODEL: purchases_ahead(fit.parameters, counts, ahead / 7)}
    if behind >= ahead:
        forecasts[_NAIVE] = counts["recent"].to_numpy(float)
    points = [] if tracked is None else _tracking(tracked, counts, fit.parameters, behind, ahead, fewest)
    lost = silence_ahead(fit.parameters, counts, ahead / 7)
    return Holdout(n, observed, forecasts, "holdout_of_purchases", round(ahead / 7), points, observed == 0, lost)


def _tracking(
    tracked: pd.DataFrame, counts: pd.DataFrame, parameters: np.ndarray, behind: int, ahead: int, fewest: int
) -> list[tuple[str, float, float]]:
    """Cumulative repeat purchases at the end of each whole week: observed, expected, and by the naive forecast.

    Weeks count from where the data begin as declared, or from the week of the first purchase where that was before. The observed
    have points at weeks between which at least `fewest` customers bought again.
    """
    earlier = max(int(np.ceil((counts["T"].max() + 1 - behind) / 7)), 0)
    behind += 7 * earlier
    weeks = np.arange(1, (behind + ahead) // 7 + 1)
    week = tracked["T"].astype(int) + earlier
    by_week = np.bincount(week, tracked["later"] * tracked["n"], (behind + ahead) // 7 + 1)
    observed = np.cumsum(by_week)[: len(weeks)]
    acquired = counts.assign(day=behind - 1 - counts["T"]).groupby("day")["n"].sum()
    since = np.maximum(weeks[:, None] * 7 - 1 - acquired.index.to_numpy(int)[None, :], 0)
    expected = expected_purchases(parameters, np.arange(since.max() + 1) / 7)[since] @ acquired.to_numpy(float)
    begin, rate = behind / 7, float(counts["n"] @ counts["recent"]) / ahead * 7
    safe = _safe_weeks(tracked.assign(week=week), weeks, fewest)
    at_begin = float(np.interp(begin, np.append(0, weeks[safe]), np.append(0, observed[safe])))
    later = weeks[weeks > begin]
    return [
        ("holdout begins", begin, 0.0),
        *zip(["actual"] * len(safe), weeks[safe].astype(float), observed[safe], strict=True),
        *zip(["expected"] * len(weeks), weeks.astype(float), expected, strict=True),
        ("naive baseline", begin, at_begin),
        *(("naive baseline", float(week), at_begin + rate * (week - begin)) for week in later),
    ]


def _safe_weeks(tracked: pd.DataFrame, weeks: np.ndarray, fewest: int) -> np.ndarray:
    """The places of the weeks between which nobody bought again, or at least `fewest` customers did."""
    before = tracked["week"] - tracked["t_x"].fillna(np.inf)  # the week of the same customer's last repeat purchase
    places, begin = [], 0
    for place, end in enumerate(weeks):
        inside = (tracked["week"] >= begin) & (tracked["week"] < end)
        customers = tracked.loc[inside & (before < begin), "n"].sum()
        if customers == 0 or customers >= fewest:
            places.append(place)
            begin = end
    return np.array(places, dtype=int)


@shared
def _of_contracts(counts: pd.DataFrame, renewal_months: int, fewest: int) -> Holdout:
    """The backtest of the shifted beta-geometric."""
    ahead, behind = int(counts["ahead"].iloc[0]), int(counts["behind"].iloc[0])
    current = counts[counts["there"] == 1]
    n, later, age = (current[name].to_numpy(float) for name in ("n", "later", "age"))
    retained = float(n @ (later >= ahead))
    _require_enough(fewest, n.sum(), retained, n.sum() - retained)
    fit = fit_renewals(counts, renewal_months)
    shares = np.stack([_retention(fit.parameters, age, months, renewal_months) for months in range(ahead + 1)])
    forecasts = {_MODEL: shares[-1]}
    before = counts[counts["before"] == 1]
    before_n, before_retained = float(before["n"].sum()), float(before["n"] @ before["there"])
    has_naive = bool(before_n) and not _is_small(fewest, before_n, before_retained, before_n - before_retained)
    if has_naive:
        naive = before_retained / before_n
        forecasts[_NAIVE] = np.full(len(n), naive)
    points = [("holdout begins", behind * WEEKS_PER_MONTH, 0.0)]
    remaining = np.array([float(n @ (later >= months)) for months in range(ahead + 1)])
    safe = safe_places(np.arange(ahead + 1), [np.append(0.0, -np.diff(remaining))], fewest)
    for months in range(ahead + 1):
        week = (behind + months) * WEEKS_PER_MONTH
        points += [("actual", week, remaining[months])] if months in safe else []
        points.append(("expected", week, float(n @ shares[months])))
        if has_naive:
            points.append(("naive baseline", week, float(n.sum() * naive ** (months / ahead))))
    observed = (later >= ahead).astype(float)
    return Holdout(n, observed, forecasts, "holdout_of_contracts", ahead, points, later < ahead, 1 - forecasts[_MODEL])


def _retention(parameters: np.ndarray, age: np.ndarray, months: int, renewal_months: int) -> np.ndarray:
    """The probability that a customer of `age` months stays `months` more."""
    return survival(parameters, (age + months) // renewal_months) / survival(parameters, age // renewal_months)
