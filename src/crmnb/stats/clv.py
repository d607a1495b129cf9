"""Forecasts of what customers will be worth, by a model of how they buy or how long they stay; and the test of such forecasts.

What each group's counts hold is told in `crmnb.metrics.features.purchase_history`: models are fitted to the whole client's histories, of levels that
differ to their own (`crmnb.stats.strata`), and give a group's mean from the histories of its own customers. Who is a customer is what the client declares: by inactivity, purchases are
foretold by BG/NBD and their margin by Gamma-Gamma; under contract, renewals by the shifted beta-geometric. Values are discounted
continuously over weeks of 7 days, or from renewal to renewal.

Intervals are of the mean that is expected of these customers, by the delta method on its logarithm: the parameters' covariance,
and, of means of margin, that of 200 groups of customers. To the first order they are those of a parametric bootstrap; they are the
same each time, and a value cannot fall below 0. (Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, 21.)
"""

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.stats.backtest import in_words
from crmnb.stats.clv_contractual import Contracts, of_contracts, said_of_contracts
from crmnb.stats.clv_models import newness_settled
from crmnb.stats.clv_noncontractual import of_purchasers, said_of_purchases
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit

_METHOD = "delta method"


def predicted(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The discounted margin expected of those who are customers at the end, over the declared horizon, per customer."""
    return _valued(groups, context, context.settings["horizon_months"])


def residual(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The same without a horizon. Refused in words where that is infinite."""
    return _valued(groups, context, np.inf)


def _valued(groups: list[GroupedCounts], context: EstimationContext, months: float) -> Estimates:
    groups, newness = newness_settled(groups)
    held = [group for group in groups if not group.breakdown]
    whole = next(group for group in held if group.is_whole)
    value = _by_purchases if not context.settings["contractual"] else _by_contract
    try:
        rows, notes = value(whole, held, context, months)
    except CannotFit as no:
        return Estimates([whole.row(reason=str(no))])
    own = notes[:1] if np.isinf(months) else notes  # the others are said beside the predicted value
    said = [newness] if newness else []
    return Estimates(rows, notes=[_ahead(context, months), in_words(groups, context), *said, *own])


def _ahead(context: EstimationContext, months: float) -> str:
    over = "All the margin to come" if np.isinf(months) else f"The margin of {months:.0f} months"
    return f"{over}, discounted at {100 * context.settings['discount_rate']:.3g} % a year."


# ---- By what they bought --------------------------------------------------------------------------------------------


def _by_purchases(
    whole: GroupedCounts, held: list[GroupedCounts], context: EstimationContext, months: float
) -> tuple[list[dict], list[str]]:
    purchases = of_purchasers(whole.counts, context)
    if np.isinf(months):
        purchases.must_end()
    found = []
    for group in held:
        there = group.counts[group.counts["there"] == 1]
        n = float(there["n"].sum())
        if reason := purchases.lacks(group) if n else "no customers at the end":
            found.append(_none(group, reason))
            continue
        found.append(_row(group, *purchases.value(there, months), n, context))
    there = whole.counts[whole.counts["there"] == 1]
    return found, said_of_purchases(purchases, whole.counts, there, context)


def _row(group: GroupedCounts, value: float, error: float, n: float, context: EstimationContext) -> dict:
    if not n:
        return _none(group, "no customers at the end")
    facts = {"n": n, "clusters": n, "numerator": value * n, "denominator": n, "method": _METHOD}
    return group.row(value=value, **_limits(value, error, context.level), **facts)


def _limits(value: float, error: float, level: float) -> dict[str, float]:
    """The interval that is even on the logarithm."""
    if not value > 0:
        return {"low": value, "high": value}
    reach = np.exp(stats.norm.ppf((1 + level) / 2) * error / value)
    return {"low": float(value / reach), "high": float(value * reach)}


# ---- By how long their contracts ran --------------------------------------------------------------------------------


def _by_contract(
    whole: GroupedCounts, held: list[GroupedCounts], context: EstimationContext, months: float
) -> tuple[list[dict], list[str]]:
    contracts = of_contracts(whole.counts, context)
    found = [_of_contracts(group, contracts, context, months) for group in held]
    return found, said_of_contracts(contracts, whole.counts, held, context)


def _of_contracts(group: GroupedCounts, contracts: Contracts, context: EstimationContext, months: float) -> dict:
    there = group.counts[group.counts["there"] == 1]
    n = float(there["n"].sum())
    if not n or not there["times"].sum():
        return _none(group, "no customers at the end who were seen for a month")
    if contracts.pay(there).sum() <= 0:
        return _none(group, "these customers brought no margin in the last twelve months")
    if reason := contracts.strata.lacks(group):
        return _none(group, reason)
    try:
        value, error = contracts.value(there, months)
    except CannotFit as no:
        return _none(group, str(no))
    return _row(group, value, error, n, context)


def _none(group: GroupedCounts, reason: str) -> dict:
    n = float(group.counts.loc[group.counts["there"] == 1, "n"].sum())
    return group.row(n=n, clusters=n, reason=reason)


def margin_each_time(counts: pd.DataFrame) -> tuple[float, float]:
    """The margin of a first purchase, or of a month of a contract, and its standard error over folds of customers."""
    sums = counts.groupby("fold")[["margin", "times"]].sum()
    value, folds = float(sums["margin"].sum() / sums["times"].sum()), len(sums)
    if folds < 2:
        return value, np.nan
    left_over = sums["margin"] - value * sums["times"]
    return value, float(np.sqrt(folds / (folds - 1) * (left_over**2).sum()) / sums["times"].sum())
