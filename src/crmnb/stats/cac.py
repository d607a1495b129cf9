"""Acquisition: what winning a customer costs, whether it is worth it, and when it comes back."""

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.core.period import Period
from crmnb.stats.backtest import in_words
from crmnb.stats.clv import margin_each_time
from crmnb.stats.clv_contractual import of_contracts
from crmnb.stats.clv_models import newness_settled
from crmnb.stats.clv_noncontractual import of_purchasers
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit

SPENT, FOLLOWED = "spent", "followed"  # breakdowns of evidence
FEWEST_MONTHS = 12  # months as units: of fewer there is no interval
_REPLICATES = 1000
_NO_SPEND = "no spend on acquisition is in the costs"
_TOO_FEW = "There is no interval of what winning a customer cost: it takes twelve months, and here are fewer."

# ---- What winning a customer costs ----------------------------------------------------------------------------------


def cost(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Spend over customers won; months are the units of its interval."""
    rows = [_acquisition_row(group, context) for group in groups]
    few = [_TOO_FEW] if _months(context.periods["now"]) < FEWEST_MONTHS else []
    return Estimates(rows, notes=[*few, *_partly_seen(context.periods["now"])])


def _acquisition_row(group: GroupedCounts, context: EstimationContext) -> dict:
    won, spent = float(group.counts["won"].sum()), float(group.counts["amount"].sum())
    facts = {"n": won, "clusters": won, "numerator": spent, "denominator": won}
    if reason := "" if won else "no customers won":
        return group.row(**facts, reason=reason)
    if reason := _without_spend(group.counts, context.periods[group.win]):
        return group.row(n=won, clusters=won, reason=reason)
    value, error = _ratio(group.counts, _months(context.periods[group.win]))
    if np.isnan(error):
        return group.row(value=value, **facts, method="none")
    if error <= 1e-9 * value:  # an interval of no width would say that all months to come are the same
        return group.row(value=value, **facts, method="no interval: every month is alike")
    low, high = _limits(value, error, _months(context.periods[group.win]), context.level)
    return group.row(value=value, low=low, high=high, **facts, method="t by month")


def _limits(value: float, error: float, months: int, level: float) -> tuple[float, float]:
    """The t interval of what a customer won cost; NaN where its error is."""
    if np.isnan(error):
        return np.nan, np.nan
    reach = stats.t.ppf((1 + level) / 2, months - 1) * error
    return max(value - reach, 0.0), value + reach


def _without_spend(counts: pd.DataFrame, period: Period) -> str:
    """Why nothing can be said of what was spent on winning customers in a period; "" where it can.

    counts: its rows without a month tell from when to when there are costs, as months of winning.
    """
    begins, ends = counts["costs_from"].max(), counts["costs_to"].max()
    first = period.start.year * 12 + period.start.month - 1
    if np.isnan(begins):
        return _NO_SPEND
    if first < begins or first + _months(period) - 1 > ends:
        return f"the costs tell of customers won in {_month(begins)} to {_month(ends)} only, which is not all of {period.label}"
    return "" if counts["amount"].sum() > 0 else _NO_SPEND


def _month(number: float) -> str:
    return f"{int(number) // 12}-{int(number) % 12 + 1:02}"


def _partly_seen(period: Period) -> list[str]:
    """What is to be said of a month in which the data end."""
    if period.observed_end.day == 1:
        return []
    return [
        f"Costs are known by the month: {period.observed_end:%Y-%m}, in which the data end, is left out on both sides."
    ]


def _ratio(counts: pd.DataFrame, months: int) -> tuple[float, float]:
    """What a customer won cost, and its standard error over months; NaN of too few."""
    sums = counts.groupby("month")[["amount", "won"]].sum()
    value = float(sums["amount"].sum() / sums["won"].sum())
    if months < FEWEST_MONTHS:
        return value, np.nan
    left_over = sums["amount"] - value * sums["won"]  # 0 in a month without either
    return value, float(np.sqrt(months / (months - 1) * (left_over**2).sum()) / sums["won"].sum())


def _months(period: Period) -> int:
    start, end = period.start, period.observed_end
    return (end.year - start.year) * 12 + end.month - start.month


def to_cost(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """What a customer who has just been won will be worth, over what winning one cost; the errors of both in the interval."""
    groups, newness = newness_settled(groups)
    whole = next((group for group in groups if group.is_whole and not group.breakdown), None)
    spent = next((group.counts for group in groups if group.is_whole and group.breakdown == SPENT), None)
    if whole is None or spent is None or not spent["won"].sum():
        return Estimates([groups[0].row(breakdown="", n=0.0, clusters=0.0, reason="no customers won")])
    if reason := _without_spend(spent, context.periods["now"]):
        return Estimates([whole.row(reason=reason)])
    won_for, cost_error = _ratio(spent, _months(context.periods["now"]))
    of_new = _new_buyer if not context.settings["contractual"] else _new_contract
    try:
        worth, worth_error = of_new(whole.counts, context)
    except CannotFit as no:
        return Estimates([whole.row(reason=str(no))])
    value, notes = worth / won_for, [*_partly_seen(context.periods["now"]), in_words(groups, context)]
    notes += [newness] if newness else []
    facts = {"n": float(spent["won"].sum()), "clusters": float(spent["won"].sum()), "method": "delta method"}
    if np.isnan(cost_error):
        return Estimates([whole.row(value=value, **facts | {"method": "none"})], notes=[_TOO_FEW, *notes])
    reach = np.exp(stats.norm.ppf((1 + context.level) / 2) * np.hypot(worth_error / worth, cost_error / won_for))
    return Estimates([whole.row(value=value, low=value / reach, high=value * reach, **facts)], notes=notes)


def _new_buyer(counts: pd.DataFrame, context: EstimationContext) -> tuple[float, float]:
    """The first purchase's margin, and the further ones of customers like those won in the last year; and the standard error."""
    purchases = of_purchasers(counts, context)
    won = counts[counts["new"] == 1] if "new" in counts else counts
    if not won["n"].sum():
        raise CannotFit("no customers won in the last year")
    first, first_error = margin_each_time(won)
    value, error = purchases.value_of_new(won, context.settings["horizon_months"])
    return first + value, float(np.hypot(first_error, error))


def _new_contract(counts: pd.DataFrame, context: EstimationContext) -> tuple[float, float]:
    """The margin expected of those won in the last twelve months, as they came, and its standard error."""
    contracts = of_contracts(counts, context)
    won = counts[counts["new"] == 1]
    if not won["n"].sum():
        raise CannotFit("no customers won in the last twelve months")
    return contracts.value(won, context.settings["horizon_months"], new=True)


# ---- When it comes back ---------------------------------------------------------------------------------------------


def payback(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The month by whose end the mean customer won has brought what winning one cost.

    The mean cumulative margin adds up each month's mean of those who were followed to its end (Nelson 2003, Recurrent Events Data
    Analysis, 1). Percentile bootstrap of customers (200 groups of them), and of the cost where months tell its error. The points are
    that mean at each month's end ("margin"), whose n are those followed to it, and the cost ("cost", one point at 0), in money.
    """
    found = {}
    for win in dict.fromkeys(group.win for group in groups):
        held = {group.breakdown: group for group in groups if group.win == win and group.is_whole}
        found[win] = _payback(held, context, win)
    now = found.get("now", Estimates([]))
    return Estimates([row for each in found.values() for row in each.rows], now.points, now.notes)


def _payback(held: dict[str, GroupedCounts], context: EstimationContext, win: str) -> Estimates:
    any_group = next(iter(held.values()))
    followed = held.get(FOLLOWED)
    if followed is None:
        return Estimates([any_group.row(breakdown="", n=np.nan, clusters=np.nan, reason="no customers won")])
    facts = {"breakdown": "", "n": followed.customers, "clusters": followed.customers}
    spent = held[SPENT].counts if SPENT in held else None
    reason = _NO_SPEND if spent is None else _without_spend(spent, context.periods[win])
    reason = reason or ("" if spent["won"].sum() else "no customers won in a month that is seen whole")
    if reason:
        return Estimates([followed.row(**facts, reason=reason)])
    margin, at_risk = _by_age(followed.counts, max(context.suppress_below, 1))
    if not margin.shape[1]:
        return Estimates([followed.row(**facts, reason="nobody won was followed for a whole month yet")])
    cost, error = _ratio(spent, _months(context.periods[win]))
    curve = np.cumsum(margin.sum(0) / at_risk.sum(0))
    months = _reached(curve[None, :], np.array([cost]))[0]
    curves, costs = _resampled(margin, at_risk, cost, error)
    low, high = _percentiles(_reached(curves, costs), context.level)
    facts |= {"low": low, "high": high, "method": "bootstrap of customers"}
    around = _limits(cost, error, _months(context.periods[win]), context.level)
    points = [followed.point(0, cost, *around, followed.customers, breakdown="cost")]
    followed_to = _apart(at_risk.sum(0), context.suppress_below)
    ends = zip(curve, *_percentiles(curves, context.level), followed_to, strict=True)
    points += [followed.point(month, *each, breakdown="margin") for month, each in enumerate(ends, 1)]
    known = "The interval takes what winning a customer cost as known: of fewer than twelve months."
    notes = [known] if np.isnan(error) else []
    if np.isinf(months):
        share = (
            f"after {len(curve)} months a customer has brought {100 * curve[-1] / cost:.0f} % of what winning one cost"
        )
        return Estimates([followed.row(**facts, flags="not_reached", reason=share)], points, notes)
    return Estimates([followed.row(value=float(months), **facts)], points, notes)


def _apart(at_risk: np.ndarray, fewest: int) -> np.ndarray:
    """How many were followed to each month; not a number where the fall since the last that is told is of fewer than may be shown."""
    found = np.full(len(at_risk), np.nan)
    last = np.inf
    for month, many in enumerate(at_risk):
        if last == many or last - many >= fewest:
            found[month] = last = many
    return found


def _by_age(counts: pd.DataFrame, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """The margin that was brought in each month of age by those followed to its end, and how many those were: (folds, months)."""
    people, paid = counts[counts["age"].isna()], counts[counts["age"].notna()]
    folds, place = np.unique(people["fold"], return_inverse=True)
    longest = int(people["followed"].max()) if len(people) else 0
    at_risk = np.zeros((len(folds), longest + 1))
    np.add.at(at_risk, (place, people["followed"].astype(int)), people["n"])
    at_risk = at_risk[:, ::-1].cumsum(1)[:, ::-1][:, 1:]
    paid = paid[paid["age"] < paid["followed"]]
    margin = np.zeros_like(at_risk)
    np.add.at(margin, (np.searchsorted(folds, paid["fold"]), paid["age"].astype(int)), paid["margin"])
    enough = at_risk.sum(0) >= fewest
    return margin[:, enough], at_risk[:, enough]


def _reached(curves: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The number of the first month by whose end each curve is at its cost; infinite where it never is."""
    there = curves >= costs[:, None] * (1 - 1e-12)
    return np.where(there.any(1), there.argmax(1) + 1.0, np.inf)


def _resampled(margin: np.ndarray, at_risk: np.ndarray, cost: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    """The curves of drawn groups of customers, (replicates, months), and a cost beside each, (replicates,)."""
    rng, folds = np.random.default_rng(0), len(margin)
    drawn = rng.multinomial(folds, np.full(folds, 1 / folds), _REPLICATES)
    those = drawn @ at_risk
    curves = np.cumsum(np.divide(drawn @ margin, those, out=np.zeros_like(those), where=those > 0), axis=1)
    noise = 0.0 if np.isnan(error) else rng.standard_normal(_REPLICATES) * error / cost
    return curves, cost * np.exp(noise) * np.ones(_REPLICATES)


def _percentiles(replicates: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the percentile interval, down the first axis; infinite values are in order, too."""
    ends, tail = np.sort(replicates, axis=0), (1 - level) / 2
    return ends[int(tail * _REPLICATES)], ends[int((1 - tail) * _REPLICATES) - 1]
