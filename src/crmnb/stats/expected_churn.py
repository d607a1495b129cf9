"""Expected churn: how many of today's customers will be lost within a horizon, and how likely each of them is to be.

With contracts, by the hazard at their tenure (`crmnb.stats.models.nelson_aalen`), from counts by `entry`, `duration`, `event` and `age` (days so far of current customers, else
missing). Without contracts, by BG/NBD (Fader, Hardie & Lee 2005), from counts by `x`, `t_x`, `T` and `there`. Levels whose churn
differs have hazards or a model of their own (`crmnb.stats.strata`), by the log-rank and the likelihood ratio test. The interval is a
prediction interval: it contains the error of the model and the chance in who leaves.

Settings: `contractual`, `horizon_days`, and `inactivity_days` without contracts.
"""

from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
from scipy import special

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.stats.clv_models import (
    fit_purchases_in_days,
    number_of_parameters,
    older_customers,
    purchases_likelihood,
    with_resolved_newness,
)
from crmnb.stats.distributions import chi2_log_tail
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models import bg_nbd, kaplan_meier
from crmnb.stats.models.bg_nbd_left_truncated import silent
from crmnb.stats.models.maximum_likelihood import CannotFit, Fit, delta
from crmnb.stats.models.nelson_aalen import (
    Hazards,
    between,
    fit_hazards,
    fit_proportional_hazards,
    losses,
    scaled,
)
from crmnb.stats.strata import Strata, likelihood_ratio, or_none, stratified

_MIN_LOSSES_ROUGH = 3  # of a level whose hazards are only used as a part of others
_MIN_LOSSES = 10  # of a level with hazards of its own


def expected(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The expected number of losses within `horizon_days` among the customers at the end of the period."""
    groups, newness = with_resolved_newness(groups)
    whole = next(group for group in groups if group.is_whole)
    current = [_current(group.counts) for group in groups]
    sizes = [{"n": n, "clusters": n, "denominator": n} for n in (float(counts["n"].sum()) for counts in current)]
    try:
        _require_history(context.periods["current"], context.settings["horizon_days"])
        strata = _strata(whole.counts, context)
    except CannotFit as error:
        return Estimates([group.row(reason=error.reason, **size) for group, size in zip(groups, sizes, strict=True)])
    z = special.ndtri((1 + context.level) / 2)
    rows = []
    for group, size, counts in zip(groups, sizes, current, strict=True):
        if reason := strata.unavailable(group) if size["n"] else Note("no_customers_at_end"):
            rows.append(group.row(**size, reason=reason))
            continue
        value, error = _losses(strata.of_group(group), counts, context)
        low, high = max(value - z * error, 0.0), min(value + z * error, size["n"])
        rows.append(group.row(**size, value=value, low=low, high=high, numerator=value, method="model"))
    return Estimates(rows, notes=[*_model_notes(strata, context.settings["contractual"]), *newness])


def _require_history(period: Period, horizon_days: int) -> None:
    """Raise CannotFit where the forecast would reach further ahead than the data reach back."""
    if period.data_from and (days := (period.observed_end - period.data_from).days) < horizon_days:
        raise CannotFit(Note("history_shorter_than_horizon", days=days, horizon=horizon_days))


def _model_notes(strata: Strata, contractual: bool) -> list[Note]:
    """Which model it is, its assumptions, and which levels have one of their own."""
    if contractual:
        return [Note("hazard_model"), *strata.notes("churn")]
    assumptions = list(dict.fromkeys(model.homogeneity for model in strata.models if model.homogeneity))
    homogeneous = [Note("homogeneous", assumptions=assumptions)] if assumptions else []
    return [Note("bg_nbd_model"), *homogeneous, *strata.notes("purchases")]


def probabilities(rows: pd.DataFrame, context: EstimationContext) -> pd.Series:
    """The probability of each current customer to be lost within the horizon, by the index of `rows`. Raises CannotFit.

    rows: one per customer, the columns that the counts are by, with the customer's levels (`of <segmentation>`).
    """
    whole = GroupedCounts("current", "", "", "", rows.assign(n=1.0), float(len(rows)))
    counts = with_resolved_newness([whole])[0][0].counts
    current, strata = _current(counts), _strata(counts, context)
    lost = np.zeros(len(current))
    for model, inside in strata.by_model(current):
        lost[inside] = _probability(model, current[inside], context)
    return pd.Series(lost, current.index)


def _current(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of the customers at the end."""
    return counts[counts["age"].notna() if "age" in counts else counts["there"] == 1]


def _strata(counts: pd.DataFrame, context: EstimationContext) -> Strata:
    """The strata of customers with their hazards or their purchase models. Raises CannotFit."""
    if context.settings["contractual"]:
        horizon_days = context.settings["horizon_days"]
        if _hazards(counts, horizon_days).losses_observed < _MIN_LOSSES:
            raise CannotFit(Note("few_losses", fewest=_MIN_LOSSES))
        fit = partial(_hazards_or_none, horizon_days=horizon_days)
        return stratified(counts, context, fit, _logrank, _proportional_or_none, _scaled_to)
    fit_purchases_in_days(counts)
    return stratified(counts, context, or_none(fit_purchases_in_days), _purchases_test)


def _probability(model, current: pd.DataFrame, context: EstimationContext) -> np.ndarray:
    """The probability of each row's customers to be lost."""
    if isinstance(model, Hazards):
        return model.churn(current["age"].to_numpy(float))
    return _lost(model.parameters, current, context.settings["horizon_days"], context.settings["inactivity_days"])


def _losses(strata: Strata, current: pd.DataFrame, context: EstimationContext) -> tuple[float, float]:
    """The expected losses and the standard error; strata with models of their own have independent errors."""
    value, variance = 0.0, 0.0
    for model, inside in strata.by_model(current):
        rows = current[inside]
        n = rows["n"].to_numpy(float)
        if isinstance(model, Hazards):
            lost, error = model.expected_losses(rows["age"].to_numpy(float), n)
        else:
            days = context.settings["horizon_days"], context.settings["inactivity_days"]
            lost, error = _losses_by_purchases(model, rows, n, *days)
        value, variance = value + lost, variance + error**2
    return value, float(np.sqrt(variance))


# ---- Without contracts ----------------------------------------------------------------------------------------------


def _history(counts: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(counts[name].to_numpy(float) for name in ("x", "t_x", "T"))


def _purchases_test(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
    fit = or_none(fit_purchases_in_days)
    return likelihood_ratio(counts, cells, finer, fit, purchases_likelihood, number_of_parameters)


def _losses_by_purchases(
    fit: Fit, current: pd.DataFrame, n: np.ndarray, horizon_days: float, inactivity_days: float
) -> tuple[float, float]:
    """The expected losses and their standard error; equal histories are computed once."""
    columns = [name for name in ("x", "t_x", "T", "comparison", "wait") if name in current]
    distinct = current.assign(n=n).groupby(columns, as_index=False)["n"].sum()
    sizes = distinct["n"].to_numpy(float)

    def lost(parameters: np.ndarray) -> np.ndarray:
        return _lost(parameters, distinct, horizon_days, inactivity_days)

    value, error = delta(lambda parameters: sizes @ lost(parameters), fit)
    probability = lost(fit.parameters)
    return float(value), float(np.sqrt(error**2 + sizes @ (probability * (1 - probability))))


def _lost(parameters: np.ndarray, current: pd.DataFrame, horizon_days: float, inactivity_days: float) -> np.ndarray:
    """The probability of each row's customers to be lost, by a model in days."""
    is_older, histories = older_customers(current, 1.0)
    lost = np.zeros(len(current))
    lost[~is_older] = _lost_by_inactivity(parameters, *_history(current[~is_older]), horizon_days, inactivity_days)
    if is_older.any():
        last = min(horizon_days, inactivity_days)
        silence = silent(parameters, histories, horizon_days - last, last)
        is_recent = histories.T - histories.t_x <= inactivity_days - horizon_days
        lost[is_older] = np.where(is_recent, 0.0, silence)
    return lost


def _lost_by_inactivity(
    parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, horizon_days: float, inactivity_days: float
) -> np.ndarray:
    """The probability that no order comes in the last `inactivity_days` before the horizon ends.

    With s days until those begin and w of them, it is 1 - P(alive) E[e^(-l p s) (1 - e^(-l w))], l gamma (r + x, alpha + T) and p beta
    (a, b + x): two Gaussian hypergeometric functions, by Pfaff's transformation, whose parameters stay small.
    """
    r, alpha, a, b = parameters
    w = min(horizon_days, inactivity_days)
    s = horizon_days - w
    (repeats, observed), place = np.unique(np.stack([x, T]), axis=1, return_inverse=True)  # far fewer than histories
    shape, rate = r + repeats, alpha + observed

    def stays(rate: np.ndarray) -> np.ndarray:
        z = s / rate
        return (1 + z) ** -a * special.hyp2f1(a, a + b - r, a + b + repeats, z / (1 + z))

    orders = (stays(rate) - (rate / (rate + w)) ** shape * stays(rate + w))[place.ravel()]
    lost = 1 - bg_nbd.alive(parameters, x, t_x, T) * orders
    return np.where(T - t_x <= inactivity_days - horizon_days, 0.0, lost)  # the last order is recent enough


# ---- With contracts -------------------------------------------------------------------------------------------------


def _arrays(counts: pd.DataFrame) -> list[np.ndarray]:
    return [counts[name].to_numpy(float) for name in ("entry", "duration", "event", "n")]


def _hazards(counts: pd.DataFrame, horizon_days: float) -> Hazards:
    """Raises CannotFit where too few were at risk at every age."""
    return fit_hazards(*_arrays(counts.dropna(subset=["duration"])), horizon_days)


def _proportional_or_none(
    counts: pd.DataFrame, parent: Hazards | None, fewest: int = _MIN_LOSSES_ROUGH
) -> Hazards | None:
    """The hazards of few customers, in the shape of the larger group that they are part of."""
    with suppress(CannotFit):
        return parent and fit_proportional_hazards(*_arrays(counts.dropna(subset=["duration"])), parent, fewest)
    return None


def _hazards_or_none(counts: pd.DataFrame, parent: Hazards | None = None, *, horizon_days: float) -> Hazards | None:
    """The hazards of some customers; None where too few were lost."""
    with suppress(CannotFit):
        hazards = _hazards(counts, horizon_days)
        return hazards if hazards.losses_observed >= _MIN_LOSSES else None
    return _proportional_or_none(counts, parent, _MIN_LOSSES)


def _scaled_to(strata: Strata, rows: pd.DataFrame) -> dict[int, Hazards] | None:
    """The hazards of the cells, by their id, times a common factor, with which the losses of a level's rows are as expected; None with too few."""
    rows = rows.dropna(subset=["duration"])
    parts = [(model, *losses(*_arrays(rows[inside]), model)) for model, inside in strata.by_model(rows)]
    observed, expected = (sum(part[place] for part in parts) for place in (1, 2))
    if observed < _MIN_LOSSES or not expected > 0:
        return None
    factor = observed / expected
    # A cell's part of the factor's error: as if its own losses determined it. Together they are the error of all.
    return {id(model): scaled(model, factor, factor * expected) for model, _, expected in parts if expected > 0}


def _logrank(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
    """The logarithm of the p-value of the log-rank test between the finer cells within the cells; NaN where there is no test.

    A part counts where ten losses would be expected of it if all had the same hazard; smaller ones are taken together.
    """
    known = counts["duration"].notna().to_numpy()
    counts, cells, finer = counts[known], cells[known], finer[known]
    chi2, degrees = 0.0, 0
    for cell in np.unique(cells):
        inside = cells == cell
        groups = _large_parts(_arrays(counts[inside]), finer[inside])
        statistic, df, _ = kaplan_meier.logrank(groups) if len(groups) > 1 else (np.nan, 0, np.nan)
        if df:
            chi2, degrees = chi2 + statistic, degrees + df
    return chi2_log_tail(chi2, degrees) if degrees else np.nan


def _large_parts(arrays: list[np.ndarray], finer: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """The parts of a cell that a test can compare."""
    steps = kaplan_meier.steps(*arrays)
    total = np.concatenate([[0.0], np.cumsum(steps["events"] / steps["at_risk"])])
    entry, duration, _, n = arrays
    first, end = between(steps["time"], entry, duration)
    expected_losses = n * (total[end] - total[first])
    parts = [finer == part for part in np.unique(finer)]
    large = [part for part in parts if expected_losses[part].sum() >= _MIN_LOSSES]
    rest = ~np.any(large, axis=0) if large else np.ones(len(finer), bool)
    if rest.any() and expected_losses[rest].sum() >= _MIN_LOSSES:
        large.append(rest)
    return [tuple(column[part] for column in arrays) for part in large]
