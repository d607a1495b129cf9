"""Customer acquisition: CAC, the CLV : CAC ratio, and the CAC payback period.

Settings: `contractual`, `discount_rate`, `horizon_months` and `renewal_months` of the ratio (see `crmnb.stats.clv`).
"""

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.stats.backtest import backtest_note
from crmnb.stats.clv import mean_margin
from crmnb.stats.clv_contractual import fit_contracts
from crmnb.stats.clv_models import with_resolved_newness
from crmnb.stats.clv_noncontractual import fit_purchasers
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.fold_bootstrap import fold_draws
from crmnb.stats.log_limits import symmetric
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.moments import FEW_FOR_MONEY
from crmnb.stats.monthly_costs import FEWEST_MONTHS, limits, month_left_out, months_of, not_covered, ratio

SPENT, FOLLOWED = "spent", "followed"  # breakdowns of evidence
_REPLICATES, _SEED = 1000, 0

# ---- CAC ------------------------------------------------------------------------------------------------------------


def cost(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """CAC: acquisition costs over new customers, with a t interval over months."""
    rows = [_cost_row(group, context) for group in groups]
    period = context.periods["current"]
    few_months = [Note("cac_without_interval")] if months_of(period) < FEWEST_MONTHS else []
    return Estimates(rows, notes=[*few_months, *month_left_out(period)])


def _cost_row(group: GroupedCounts, context: EstimationContext) -> dict:
    period = context.periods[group.win]
    new_customers, costs = float(group.counts["won"].sum()), float(group.counts["amount"].sum())
    fields = {"n": new_customers, "clusters": new_customers, "numerator": costs, "denominator": new_customers}
    if not new_customers:
        return group.row(**fields, reason=Note("no_new_customers"))
    if reason := _costs_unavailable(group.counts, period):
        return group.row(n=new_customers, clusters=new_customers, reason=reason)
    value, error = _ratio(group.counts, months_of(period))
    if np.isnan(error):
        return group.row(value=value, **fields, method="none")
    if error <= 1e-9 * value:  # an interval of no width would mean that all future months are equal
        return group.row(value=value, **fields, method="no interval: every month is alike")
    low, high = limits(value, error, months_of(period), context.level)
    return group.row(value=value, low=low, high=high, **fields, method="t by month")


def _costs_unavailable(counts: pd.DataFrame, period: Period) -> Note | None:
    """Why the acquisition costs of a period are not known; None where they are.

    counts: its rows without a month hold the first and last month of new customers that the costs cover.
    """
    if counts["costs_from"].isna().all():
        return Note("no_acquisition_costs")
    if covered := not_covered(counts, period):
        return Note("acquisition_costs_partial", period=period.label, **covered)
    return None if counts["amount"].sum() > 0 else Note("no_acquisition_costs")


def _ratio(counts: pd.DataFrame, months: int) -> tuple[float, float]:
    """CAC and its standard error over months; NaN with too few."""
    return ratio(counts.groupby("month")[["amount", "won"]].sum(), "won", months)


# ---- CLV : CAC ------------------------------------------------------------------------------------------------------


def to_cost(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """CLV : CAC: the predicted value of a new customer over CAC; the interval contains the errors of both.

    With fewer than 300 new customers the ratio is marked unreliable, as a mean of money of as few is.
    """
    groups, newness = with_resolved_newness(groups)
    period = context.periods["current"]
    whole = next((group for group in groups if group.is_whole and not group.breakdown), None)
    costs = next((group.counts for group in groups if group.is_whole and group.breakdown == SPENT), None)
    if whole is None or costs is None or not costs["won"].sum():
        return Estimates([groups[0].row(breakdown="", n=0.0, clusters=0.0, reason=Note("no_new_customers"))])
    if reason := _costs_unavailable(costs, period):
        return Estimates([whole.row(reason=reason)])
    cac, cac_error = _ratio(costs, months_of(period))
    value_of_new = _value_by_contracts if context.settings["contractual"] else _value_by_purchases
    try:
        clv, clv_low, clv_high = value_of_new(whole.counts, context)
    except CannotFit as error:
        return Estimates([whole.row(reason=error.reason)])
    value, notes = clv / cac, [*month_left_out(period), backtest_note(groups, context), *newness]
    new_customers = float(costs["won"].sum())
    flags = "unreliable" if new_customers < FEW_FOR_MONEY else ""
    fields = {"n": new_customers, "clusters": new_customers, "method": "delta method", "flags": flags}
    if np.isnan(cac_error):
        rows = [whole.row(value=value, **fields | {"method": "none"})]
        return Estimates(rows, notes=[Note("cac_without_interval"), *notes])
    cac_low, cac_high = symmetric(cac, cac_error, context.level)
    # of two independent values, the distances of the limits add up as squares (Zou & Donner 2008, Statistics in Medicine 27:1693)
    low = value / np.exp(np.hypot(np.log(clv / clv_low), np.log(cac_high / cac)))
    high = value * np.exp(np.hypot(np.log(clv_high / clv), np.log(cac / cac_low)))
    return Estimates([whole.row(value=value, low=low, high=high, **fields)], notes=notes)


def _value_by_purchases(counts: pd.DataFrame, context: EstimationContext) -> tuple[float, float, float]:
    """The margin of a first purchase and of the purchases after it, of customers like the last year's new ones; its limits."""
    purchases = fit_purchasers(counts, context)
    new = counts[counts["new"] == 1] if "new" in counts else counts
    if not new["n"].sum():
        raise CannotFit(Note("no_new_customers_last_year"))
    first, first_error = mean_margin(new)
    value, error = purchases.value_of_new(new, context.settings["horizon_months"])
    return first + value, *symmetric(first + value, float(np.hypot(first_error, error)), context.level)


def _value_by_contracts(counts: pd.DataFrame, context: EstimationContext) -> tuple[float, float, float]:
    """The margin expected of the new customers of the last twelve months, as of their first day; its limits."""
    contracts = fit_contracts(counts, context)
    new = counts[counts["new"] == 1]
    if not new["n"].sum():
        raise CannotFit(Note("no_new_customers_last_year"))
    return contracts.value(new, context.settings["horizon_months"], context.level, new=True)


# ---- CAC payback period ---------------------------------------------------------------------------------------------


def payback(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The month by whose end the mean new customer has brought as much margin as CAC.

    The mean cumulative margin adds up each month's mean of those who were followed to its end (Nelson 2003, Recurrent Events Data
    Analysis, 1). Percentile bootstrap of customers (200 groups of them), and of the cost where months show its error. The points are
    that mean at each month's end ("margin"), with n the customers followed to it, and CAC ("cost", one point at 0), in money.
    """
    estimates = {}
    for win in dict.fromkeys(group.win for group in groups):
        parts = {group.breakdown: group for group in groups if group.win == win and group.is_whole}
        estimates[win] = _payback(parts, context, context.periods[win])
    current = estimates.get("current", Estimates([]))
    return Estimates([row for part in estimates.values() for row in part.rows], current.points, current.notes)


def _payback(parts: dict[str, GroupedCounts], context: EstimationContext, period: Period) -> Estimates:
    """The payback period of one window; parts: its groups by breakdown."""
    followed = parts.get(FOLLOWED)
    if followed is None:
        group = next(iter(parts.values()))
        return Estimates([group.row(breakdown="", n=np.nan, clusters=np.nan, reason=Note("no_new_customers"))])
    fields = {"breakdown": "", "n": followed.customers, "clusters": followed.customers}
    costs = parts[SPENT].counts if SPENT in parts else None
    reason = Note("no_acquisition_costs") if costs is None else _costs_unavailable(costs, period)
    if reason is None and not costs["won"].sum():
        reason = Note("no_new_customers_in_whole_months")
    if reason:
        return Estimates([followed.row(**fields, reason=reason)])
    margin, at_risk = _by_age(followed.counts, max(context.suppress_below, 1))
    if not margin.shape[1]:
        return Estimates([followed.row(**fields, reason=Note("no_new_customer_followed"))])
    cac, error = _ratio(costs, months_of(period))
    curve = np.cumsum(margin.sum(0) / at_risk.sum(0))
    months = _months_to_payback(curve[None, :], np.array([cac]))[0]
    curves, replicated_cac = _resampled(margin, at_risk, cac, error)
    low, high = _percentiles(_months_to_payback(curves, replicated_cac), context.level)
    fields |= {"low": low, "high": high, "method": "bootstrap of customers"}
    cac_limits = limits(cac, error, months_of(period), context.level)
    points = [followed.point(0, cac, *cac_limits, followed.customers, breakdown="cost")]
    n = _safe_numbers(at_risk.sum(0), context.suppress_below)
    ends = zip(curve, *_percentiles(curves, context.level), n, strict=True)
    points += [followed.point(month, *end, breakdown="margin") for month, end in enumerate(ends, 1)]
    notes = [Note("cac_taken_as_known")] if np.isnan(error) else []
    if np.isinf(months):
        reason = Note("payback_not_reached", months=len(curve), share=curve[-1] / cac)
        return Estimates([followed.row(**fields, flags="not_reached", reason=reason)], points, notes)
    return Estimates([followed.row(value=float(months), **fields)], points, notes)


def _safe_numbers(at_risk: np.ndarray, fewest: int) -> np.ndarray:
    """How many were followed to each month; NaN where the difference to the last shown number is of fewer than may be shown."""
    shown = np.full(len(at_risk), np.nan)
    last = np.inf
    for month, n in enumerate(at_risk):
        if last == n or last - n >= fewest:
            shown[month] = last = n
    return shown


def _by_age(counts: pd.DataFrame, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """The margin in each month of age of those followed to its end, and how many those are: (folds, months) each."""
    customers, payments = counts[counts["age"].isna()], counts[counts["age"].notna()]
    folds, place = np.unique(customers["fold"], return_inverse=True)
    longest = int(customers["followed"].max()) if len(customers) else 0
    at_risk = np.zeros((len(folds), longest + 1))
    np.add.at(at_risk, (place, customers["followed"].astype(int)), customers["n"])
    at_risk = at_risk[:, ::-1].cumsum(1)[:, ::-1][:, 1:]
    payments = payments[payments["age"] < payments["followed"]]
    margin = np.zeros_like(at_risk)
    np.add.at(margin, (np.searchsorted(folds, payments["fold"]), payments["age"].astype(int)), payments["margin"])
    enough = at_risk.sum(0) >= fewest
    return margin[:, enough], at_risk[:, enough]


def _months_to_payback(curves: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The first month by whose end each curve is at its cost; infinite where it never is."""
    reached = curves >= costs[:, None] * (1 - 1e-12)
    return np.where(reached.any(1), reached.argmax(1) + 1.0, np.inf)


def _resampled(margin: np.ndarray, at_risk: np.ndarray, cac: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    """The curves of resampled folds of customers, (replicates, months), and CAC of each replicate, (replicates,)."""
    draws = fold_draws(len(margin), _REPLICATES, _SEED)
    n = draws @ at_risk
    curves = np.cumsum(np.divide(draws @ margin, n, out=np.zeros_like(n), where=n > 0), axis=1)
    noise = 0.0 if np.isnan(error) else np.random.default_rng(_SEED + 1).standard_normal(_REPLICATES) * error / cac
    return curves, cac * np.exp(noise) * np.ones(_REPLICATES)


def _percentiles(replicates: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the percentile interval along the first axis; infinite values are ordered, too."""
    ordered, tail = np.sort(replicates, axis=0), (1 - level) / 2
    return ordered[int(tail * _REPLICATES)], ordered[int((1 - tail) * _REPLICATES) - 1]
