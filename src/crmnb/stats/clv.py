"""Predicted CLV: what current customers will be worth, by a model of how they buy or how long they stay.

`crmnb.metrics.features.purchase_history` documents the counts. Models are fitted to the histories of the whole client, and separately to
levels that differ (`crmnb.stats.strata`); a group's mean comes from the histories of its own customers. Without contracts,
purchases are forecast by BG/NBD and their margin by Gamma-Gamma; with contracts, renewals by the shifted beta-geometric. Values are
discounted continuously over weeks of 7 days, or from renewal to renewal.

Intervals are of the expected mean of these customers, by the delta method on its logarithm (with contracts, by the least favourable
line): from the parameters' covariance and, of mean margins, that of 200 groups of customers. To the first order they equal those of a parametric bootstrap; they are reproducible,
and a value cannot fall below 0. (Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, 21.)

Settings: `contractual`, `discount_rate` (a year's), `horizon_months`, and `renewal_months` of contracts.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.backtest import backtest_note
from crmnb.stats.clv_contractual import Contracts, contract_notes, fit_contracts
from crmnb.stats.clv_models import with_resolved_newness
from crmnb.stats.clv_noncontractual import fit_purchasers, purchase_notes
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.log_limits import symmetric
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.moments import FEW_FOR_MONEY

_METHOD = "delta method"


def predicted(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The discounted margin expected of current customers over `horizon_months`, per customer."""
    return _estimates(groups, context, context.settings["horizon_months"])


def residual(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The same without a horizon; unavailable where it is infinite."""
    return _estimates(groups, context, np.inf)


def _estimates(groups: list[GroupedCounts], context: EstimationContext, months: float) -> Estimates:
    groups, newness = with_resolved_newness(groups)
    current = [group for group in groups if not group.breakdown]
    whole = next(group for group in current if group.is_whole)
    estimate = _by_contracts if context.settings["contractual"] else _by_purchases
    try:
        rows, notes = estimate(whole, current, context, months)
    except CannotFit as error:
        return Estimates([whole.row(reason=error.reason)])
    rate = context.settings["discount_rate"]
    horizon = (
        Note("value_without_horizon", rate=rate)
        if np.isinf(months)
        else Note("value_horizon", months=months, rate=rate)
    )
    return Estimates(rows, notes=[horizon, backtest_note(groups, context), *newness, *notes])


# ---- Without contracts ----------------------------------------------------------------------------------------------


def _by_purchases(
    whole: GroupedCounts, groups: list[GroupedCounts], context: EstimationContext, months: float
) -> tuple[list[dict], list[Note]]:
    purchases = fit_purchasers(whole.counts, context)
    if np.isinf(months):
        purchases.require_churn()
    rows = []
    for group in groups:
        current = group.counts[group.counts["there"] == 1]
        n = float(current["n"].sum())
        if reason := purchases.unavailable(group) if n else Note("no_customers_at_end"):
            rows.append(_unavailable(group, reason))
            continue
        value, error = purchases.value(current, months)
        rows.append(_row(group, value, symmetric(value, error, context.level), n))
    current = whole.counts[whole.counts["there"] == 1]
    notes = purchase_notes(purchases, whole.counts, current)
    return rows, notes[:1] if np.isinf(months) else notes  # the others stand beside the predicted value


def _row(group: GroupedCounts, value: float, limits: Sequence[float], n: float) -> dict:
    if not n:
        return _unavailable(group, Note("no_customers_at_end"))
    flags = "unreliable" if n < FEW_FOR_MONEY else ""
    fields = {"n": n, "clusters": n, "numerator": value * n, "denominator": n, "method": _METHOD, "flags": flags}
    return group.row(value=value, low=limits[0], high=limits[1], **fields)


# ---- With contracts -------------------------------------------------------------------------------------------------


def _by_contracts(
    whole: GroupedCounts, groups: list[GroupedCounts], context: EstimationContext, months: float
) -> tuple[list[dict], list[Note]]:
    contracts = fit_contracts(whole.counts, context)
    rows = [_contract_row(group, contracts, context, months) for group in groups]
    notes = contract_notes(contracts, whole.counts, groups, context)
    return rows, [notes[0], contracts.beyond_data(whole.counts, max(context.suppress_below, 1))] if np.isinf(
        months
    ) else notes


def _contract_row(group: GroupedCounts, contracts: Contracts, context: EstimationContext, months: float) -> dict:
    current = group.counts[group.counts["there"] == 1]
    n = float(current["n"].sum())
    if not n or not current["times"].sum():
        return _unavailable(group, Note("no_customers_seen_a_month"))
    if reason := contracts.strata.unavailable(group):
        return _unavailable(group, reason)
    try:
        value, *limits = contracts.value(current, months, context.level, group)
    except CannotFit as refusal:
        return _unavailable(group, refusal.reason)
    return _row(group, value, limits, n) if value > 0 else _unavailable(group, Note("level_without_margin"))


def _unavailable(group: GroupedCounts, reason: Note) -> dict:
    n = float(group.counts.loc[group.counts["there"] == 1, "n"].sum())
    return group.row(n=n, clusters=n, reason=reason)


def mean_margin(counts: pd.DataFrame) -> tuple[float, float]:
    """The mean margin of a first purchase, or of a month of a contract, and its standard error over folds of customers."""
    sums = counts.groupby("fold")[["margin", "times"]].sum()
    value, folds = float(sums["margin"].sum() / sums["times"].sum()), len(sums)
    if folds < 2:
        return value, np.nan
    residuals = sums["margin"] - value * sums["times"]
    return value, float(np.sqrt(folds / (folds - 1) * (residuals**2).sum()) / sums["times"].sum())
