"""Forecasts of what customers will be worth, by a model of how they buy or how long they stay; and the test of such forecasts.

What each group's counts hold is told in `crmnb.histories`: a model is fitted to the whole client's histories, and gives a
group's mean from the histories of its own customers. Who is a customer is what the client declares: by inactivity, purchases are
foretold by BG/NBD and their margin by Gamma-Gamma; under contract, renewals by the shifted beta-geometric. Values are discounted
continuously over weeks of 7 days, or from renewal to renewal.

Intervals are of the mean that is expected of these customers, by the delta method on its logarithm: the parameters' covariance,
and, of means of margin, that of 200 groups of customers. To the first order they are those of a parametric bootstrap; they are the
same each time, and a value cannot fall below 0. (Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, 21.)
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.inference import Group, Inferred, Told
from crmnb.inference.fits import (
    DAYS_A_YEAR,
    WEEKS_A_MONTH,
    histories,
    is_constant,
    likelihood_of_renewals,
    of_margins,
    of_purchases,
    of_renewals,
    with_margin,
)
from crmnb.inference.holdout import in_words
from crmnb.inference.moments import LARGE_SHARE
from crmnb.models.buying import discounted_further
from crmnb.models.contract import discounted_residual
from crmnb.models.likelihood import CannotFit, Fit, delta
from crmnb.models.spending import expected_spend, independence

_UNLIKE = 0.1  # a rank correlation beyond which buying more often and spending more go together enough to be said
_METHOD = "delta method"
_NEVER = 1e-5  # chance of leaving with a purchase below which nobody is seen to leave
_GONE = 30.0  # a discount of e^-30 leaves nothing that could be seen


def predicted(groups: list[Group], told: Told) -> Inferred:
    """The discounted margin expected of those who are customers at the end, over the declared horizon, per customer."""
    return _valued(groups, told, told.given["worth"].horizon_months)


def residual(groups: list[Group], told: Told) -> Inferred:
    """The same without a horizon. Refused in words where that is infinite."""
    return _valued(groups, told, np.inf)


def _valued(groups: list[Group], told: Told, months: float) -> Inferred:
    held = [group for group in groups if not group.component]
    whole = next(group for group in held if group.is_whole)
    value = _by_purchases if told.given["churn"].kind == "inactivity" else _by_contract
    try:
        rows, notes = value(whole, held, told, months)
    except CannotFit as no:
        return Inferred([whole.row(reason=str(no))])
    own = notes[:1] if np.isinf(months) else notes  # the others are said beside the predicted value
    return Inferred(rows, notes=[_ahead(told, months), in_words(groups, told), *own])


def _ahead(told: Told, months: float) -> str:
    over = "All the margin to come" if np.isinf(months) else f"The margin of {months:.0f} months"
    return f"{over}, discounted at {100 * told.given['worth'].discount_rate:.3g} % a year."


# ---- By what they bought --------------------------------------------------------------------------------------------


def _by_purchases(whole: Group, held: list[Group], told: Told, months: float) -> tuple[list[dict], list[str]]:
    buying, spending = of_purchases(whole.counts), of_margins(whole.counts)
    if np.isinf(months) and buying.parameters[2] < _NEVER * buying.parameters[3]:
        raise CannotFit(
            "these data show nobody leave, so that a whole future would have no end: it takes a longer history"
        )
    worth = told.given["worth"]
    there = [group.counts[group.counts["there"] == 1] for group in held]
    rows = pd.concat(there, ignore_index=True)
    x, t_x, T = histories(rows)
    own = np.where(x > 0, rows["spend"].clip(lower=0).to_numpy(float) / np.maximum(x, 1), 0.0)

    def further(parameters: np.ndarray) -> np.ndarray:
        return discounted_further(parameters, x, t_x, T, months * WEEKS_A_MONTH, a_week(worth.discount_rate))

    def spend(parameters: np.ndarray) -> np.ndarray:
        return expected_spend(parameters, x, own)

    mean = _means(np.repeat(np.arange(len(held)), [len(each) for each in there]), rows["n"].to_numpy(), len(held))
    often, much = further(buying.parameters), spend(spending.parameters)
    value, error = delta(lambda parameters: mean(further(parameters) * much), buying)
    _, other = delta(lambda parameters: mean(often * spend(parameters)), spending)
    sizes = [float(each["n"].sum()) for each in there]
    found = [_row(g, v, e, n, told) for g, v, e, n in zip(held, value, np.hypot(error, other), sizes, strict=True)]
    return found, _said_of_purchases(whole, there[held.index(whole)], buying, spending, told)


def a_week(rate: float) -> float:
    """The continuous discount rate of a week, of a year's."""
    return float(np.log1p(rate) * 7 / DAYS_A_YEAR)


def _means(group: np.ndarray, n: np.ndarray, groups: int) -> Callable[[np.ndarray], np.ndarray]:
    """The mean of values of rows in each group; 0 in an empty one."""
    sizes = np.maximum(np.bincount(group, weights=n, minlength=groups), 1)
    return lambda values: np.bincount(group, weights=n * values, minlength=groups) / sizes


def _row(group: Group, value: float, error: float, n: float, told: Told) -> dict:
    if not n:
        return _none(group, "no customers at the end")
    facts = {"n": n, "clusters": n, "numerator": value * n, "denominator": n, "method": _METHOD}
    return group.row(value=value, **_limits(value, error, told.level), **facts)


def _limits(value: float, error: float, level: float) -> dict[str, float]:
    """The interval that is even on the logarithm."""
    if not value > 0:
        return {"low": value, "high": value}
    reach = np.exp(stats.norm.ppf((1 + level) / 2) * error / value)
    return {"low": float(value / reach), "high": float(value * reach)}


def _said_of_purchases(whole: Group, there: pd.DataFrame, buying: Fit, spending: Fit, told: Told) -> list[str]:
    """What may mislead, if anything, in one note; then how it was counted."""
    often, told_of = _independent(with_margin(whole.counts))
    warnings = [*_without_margin(whole.counts, told), *_one_of_all(whole.counts), often]
    notes = [" ".join(filter(None, warnings))] if any(warnings) else []
    notes.append("Purchases by BG/NBD in weeks (a day's orders are one), their margin by Gamma-Gamma.")
    once = there.loc[there["x"] == 0, "n"].sum()
    if once:
        common = expected_spend(spending.parameters, np.zeros(1), np.zeros(1))[0]
        notes.append(
            f"{told.many(once)} of {told.many(there['n'].sum())} customers have bought once: they are taken to spend what all "
            f"do on average (a margin of {common:,.2f} at a purchase)."
        )
    if alike := " and ".join(filter(None, (buying.alike, spending.alike))):
        notes.append(f"Customers are taken {alike}, as these data show no difference between them.")
    return [*notes, told_of]


def _without_margin(counts: pd.DataFrame, told: Told) -> list[str]:
    lost = counts.loc[(counts["x"] > 0) & (counts["spend"] <= 0), "n"].sum()
    if not lost:
        return []
    return [
        f"The value is a little too high: {told.many(lost)} who bought again brought no margin with it, or a loss, for which "
        "Gamma-Gamma has no room."
    ]


def _one_of_all(counts: pd.DataFrame) -> list[str]:
    """A sentence where the margin of all repeat purchases hangs on a customer, without saying how much."""
    spend = counts["spend"].clip(lower=0)
    if not spend.max() > LARGE_SHARE * (counts["n"] @ spend):
        return []
    return [
        f"Very few customers brought more than {100 * LARGE_SHARE:.0f} % of the margin of all repeat purchases: the value hangs on them."
    ]


def _independent(counts: pd.DataFrame) -> tuple[str, str]:
    """The check of what Gamma-Gamma takes for granted: a warning ("" where it holds), and its figures in words."""
    value, low, high = independence(
        counts["x"].to_numpy(float), (counts["spend"] / counts["x"]).to_numpy(float), counts["n"].to_numpy()
    )
    if np.isnan(value):
        return "", "Whether those who buy more often also spend more cannot be seen: all repeat buyers are alike."
    told = (
        f"How often and how much {counts['n'].sum():,.0f} repeat buyers spend at a purchase: rank correlation {value:.2f} "
        f"(95 % interval {low:.2f} to {high:.2f}); the model takes it to be 0."
    )
    if abs(value) < _UNLIKE:
        return (
            "",
            f"Those who buy more often spend about as much at a purchase as others, as the model takes it. {told}",
        )
    more, wrong = ("more", "low") if value > 0 else ("less", "high")
    return (
        f"The value may be too {wrong}: those who buy more often also spend {more} at a purchase, unlike in the model.",
        told,
    )


# ---- By how long their contracts ran --------------------------------------------------------------------------------


def _by_contract(whole: Group, held: list[Group], told: Told, months: float) -> tuple[list[dict], list[str]]:
    length = told.given["renewal_months"]
    fit = of_renewals(whole.counts, length)
    own = {
        segment: fits
        for segment in dict.fromkeys(group.segment for group in held if group.segment)
        if (fits := _unlike([group for group in held if group.segment == segment], fit, told))
    }
    fits = [own.get(group.segment, {}).get(group.level, fit) for group in held]
    found = [_of_contracts(group, each, told, months) for group, each in zip(held, fits, strict=True)]
    notes = [
        f"Renewals every {f'{length} months' if length > 1 else 'month'} by the shifted beta-geometric, at each group's mean margin of "
        "the last twelve months."
    ]
    if len(held) > 1:
        by = f"by losses of their own by {', '.join(own)}, as these differ by more than chance" if own else ""
        rest = (
            "otherwise by the losses of all"
            if own
            else "by the losses of all, as theirs do not differ by more than chance"
        )
        clock = " (nor by tenure, which is the model's own clock)" if any(map(_is_tenure(told), held)) else ""
        notes.append(f"Levels are foretold {', '.join(filter(None, (by, rest)))}{clock}.")
    if any(map(is_constant, fits)):
        notes.append(
            "Where losses do not fall with age, customers are taken to leave at one constant rate, the model's limit."
        )
    return found, notes


def _is_tenure(told: Told) -> Callable[[Group], bool]:
    """Whether a group is a level of a segmentation by the time since a date."""
    by_years = {name for name, segment in told.given["segments"].items() if segment.years}
    return lambda group: group.segment in by_years


def _unlike(levels: list[Group], fit: Fit, told: Told) -> dict[str, Fit]:
    """The levels' own fits, where their losses differ from those of all by more than chance; else none.

    By the likelihood ratio test; of levels too small for a fit of their own, that of all stands on both sides. None by tenure: age
    is what the model goes by, and a level of it sees a few ages only.
    """
    if any(map(_is_tenure(told), levels)):
        return {}
    own, gain, parameters = {}, 0.0, 0
    for group in levels:
        with suppress(CannotFit):
            own[group.level] = found = of_renewals(group.counts, told.given["renewal_months"])
            gain += found.log_likelihood - likelihood_of_renewals(group.counts, told.given["renewal_months"], fit)
            parameters += _parameters(found)
    some = len(own) < len(levels)  # so that the fit of all is not replaced, but added to
    degrees = parameters if some else parameters - _parameters(fit)
    return own if degrees > 0 and stats.chi2.sf(2 * gain, degrees) < 1 - told.level else {}


def _parameters(fit: Fit) -> int:
    return 1 if is_constant(fit) else 2


def _of_contracts(group: Group, fit: Fit, told: Told, months: float) -> dict:
    there = group.counts[group.counts["there"] == 1]
    n = there["n"].to_numpy(float)
    if not n.sum() or not there["times"].sum():
        return _none(group, "no customers at the end who were seen for a month")
    margin, other = margin_each_time(there)
    if margin <= 0:
        return _none(group, "these customers brought no margin in the last twelve months")
    length, rate = told.given["renewal_months"], told.given["worth"].discount_rate
    age, place = np.unique(there["age"].to_numpy(float) // length, return_inverse=True)
    shares = np.bincount(place, weights=n) / n.sum()

    def stay(parameters: np.ndarray) -> np.ndarray:
        return shares @ periods_ahead(parameters, age, months / length, (1 + rate) ** (length / 12) - 1)

    try:
        periods, error = delta(stay, fit)
    except CannotFit as no:
        return _none(group, str(no))
    value = float(periods) * length * margin
    return _row(group, value, value * float(np.hypot(error / periods, other / margin)), float(n.sum()), told)


def periods_ahead(parameters: np.ndarray, age: np.ndarray, horizon: float, rate: float) -> np.ndarray:
    """The periods of margin expected of customers of that age, discounted; margin comes in evenly over a period.

    So those who leave in a period are taken to be there for half of it, and it is discounted from its middle. Of a period
    that the horizon cuts, the part before it counts in proportion.
    """
    if np.isinf(horizon) and rate > 0:
        horizon = np.ceil(_GONE / np.log1p(rate))
    if cut := 0.0 if np.isinf(horizon) else horizon % 1:
        fewer, more = (periods_ahead(parameters, age, whole, rate) for whole in (horizon // 1, horizon // 1 + 1))
        return (1 - cut) * fewer + cut * more
    if horizon == 0:
        return np.zeros(age.shape)
    ends = discounted_residual(parameters, age, horizon, rate)
    begins = 1 + discounted_residual(parameters, age, horizon - 1, rate) / (1 + rate)
    return (begins + ends) / 2 / np.sqrt(1 + rate)


def _none(group: Group, reason: str) -> dict:
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
