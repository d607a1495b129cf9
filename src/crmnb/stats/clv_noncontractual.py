"""Purchases: what customers will be worth who never say that they leave, by how they bought and what it brought.

Purchases to come are foretold by BG/NBD (Fader, Hardie & Lee 2005) and the margin of each by Gamma-Gamma (Fader & Hardie 2013), from
counts as `crmnb.metrics.features.purchase_history.bought` tells. Levels that differ have models of their own (`crmnb.stats.strata`, by the likelihood ratio,
of purchases and of margins apart). Values are discounted continuously over weeks of 7 days. The interval is the delta
method's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crmnb.stats.clv_models import (
    DAYS_A_YEAR,
    WEEKS_A_MONTH,
    margins_likelihood,
    of_margins,
    of_purchases,
    parameters_of,
    purchases_ahead,
    weekly_likelihood,
    with_margin,
)
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import discounted_further
from crmnb.stats.models.gamma_gamma import expected_spend, independence
from crmnb.stats.models.maximum_likelihood import CannotFit, Fit, delta
from crmnb.stats.moments import LARGE_SHARE
from crmnb.stats.strata import Strata, likelihood_ratio, parted

_UNLIKE = 0.05  # a rank correlation beyond which buying more often and spending more go together enough to be said
_NEVER = 1e-5  # chance of leaving with a purchase below which nobody is seen to leave


class _Ahead:
    """The purchases to come of each history, worked out once: levels are of the same customers as the whole, and have the same models."""

    def __init__(self):
        self._known: dict[tuple, pd.Series] = {}

    def __call__(self, parameters: np.ndarray, there: pd.DataFrame, weeks: float, rate: float) -> np.ndarray:
        """The purchases expected of each row's customers in so many weeks, discounted at a rate a week."""
        columns = [name for name in ("x", "t_x", "T", "before", "wait") if name in there]
        place, distinct = pd.factorize(pd.MultiIndex.from_frame(there[columns]))
        asked = (parameters.tobytes(), weeks, rate)
        known = self._known.get(asked)
        at = known.index.get_indexer(distinct) if known is not None else np.full(len(distinct), -1)
        if (at < 0).any():
            values = purchases_ahead(parameters, distinct.to_frame(index=False, name=columns), weeks, rate)
            if known is None:
                self._known[asked] = pd.Series(values, distinct)
        else:
            values = known.to_numpy()[at]
        return values[place]


@dataclass(frozen=True)
class Purchases:
    """The client's customers: strata of how they buy and leave, and strata of what a purchase brings, with their fits."""

    context: EstimationContext
    buying: Strata
    spending: Strata
    ahead: "_Ahead" = field(default_factory=lambda: _Ahead())

    def lacks(self, group: GroupedCounts) -> str:
        """Why nothing can be told of a level; "" where it can."""
        return self.buying.lacks(group) or self.spending.lacks(group)

    def must_end(self) -> None:
        """Raise CannotFit where the data show nobody leave, so that a whole future has no end."""
        if any(fit.parameters[2] < _NEVER * fit.parameters[3] for fit in self.buying.models):
            raise CannotFit(
                "these data show nobody leave, so that a whole future would have no end: it takes a longer history"
            )

    def value(self, there: pd.DataFrame, months: float) -> tuple[float, float]:
        """The margin expected of these rows' customers over so many months, per customer, discounted; and the standard error."""
        rate = a_week(self.context.settings["discount_rate"])
        own = there["spend"].clip(lower=0) / there["x"].clip(lower=1)

        def further(parameters: np.ndarray, some: np.ndarray) -> np.ndarray:
            return self.ahead(parameters, there[some], months * WEEKS_A_MONTH, rate)

        def spend(parameters: np.ndarray, some: np.ndarray) -> np.ndarray:
            return expected_spend(parameters, there["x"].to_numpy(float)[some], own.to_numpy(float)[some])

        return self._valued(there, further, spend)

    def value_of_new(self, won: pd.DataFrame, months: float) -> tuple[float, float]:
        """The margin expected after the first purchase of customers like those won, of whom nothing is known but that."""
        rate, none = a_week(self.context.settings["discount_rate"]), np.zeros(1)

        def further(parameters: np.ndarray, some: np.ndarray) -> np.ndarray:
            each = discounted_further(parameters, none, none, none, months * WEEKS_A_MONTH, rate)
            return np.repeat(each, some.sum())

        def spend(parameters: np.ndarray, some: np.ndarray) -> np.ndarray:
            return np.repeat(expected_spend(parameters, none, none), some.sum())

        return self._valued(won, further, spend)

    def _valued(self, rows: pd.DataFrame, further: Callable, spend: Callable) -> tuple[float, float]:
        """The mean of purchases times margin over the rows' customers, and its standard error."""
        n = rows["n"].to_numpy(float)
        share = n / n.sum()
        often, much = np.zeros(len(rows)), np.zeros(len(rows))
        by_buying, by_spending = self.buying.by_model(rows), self.spending.by_model(rows)
        for fit, some in by_buying:
            often[some] = further(fit.parameters, some)
        for fit, some in by_spending:
            much[some] = spend(fit.parameters, some)
        variance = 0.0
        for of, by, other in ((further, by_buying, much), (spend, by_spending, often)):
            for fit, some in by:
                variance += delta(_total(of, some, share[some] * other[some]), fit)[1] ** 2
        return float(share @ (often * much)), float(np.sqrt(variance))


def _total(of: Callable, some: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda parameters: weight @ of(parameters, some)


def of_purchasers(counts: pd.DataFrame, context: EstimationContext) -> Purchases:
    """The purchases of a client's histories (`crmnb.metrics.features.purchase_history.bought`). Raises CannotFit."""
    of_purchases(counts), of_margins(counts)  # refused where all of them are too few
    buying = parted(counts, context, _or_none(of_purchases), _test(of_purchases, weekly_likelihood))
    spending = parted(counts, context, _or_none(of_margins), _test(of_margins, margins_likelihood))
    return Purchases(context, buying, spending)


def _or_none(fit: Callable[[pd.DataFrame], Fit]) -> Callable[..., Fit | None]:
    def fitted(counts: pd.DataFrame, parent: Fit | None = None) -> Fit | None:
        try:
            return fit(counts)
        except CannotFit:
            return None

    return fitted


def _test(fit: Callable[[pd.DataFrame], Fit], likelihood: Callable[[pd.DataFrame, Fit], float]):
    """The likelihood ratio test of a model."""
    return lambda counts, cells, finer: likelihood_ratio(counts, cells, finer, _or_none(fit), likelihood, parameters_of)


def a_week(rate: float) -> float:
    """The continuous discount rate of a week, of a year's."""
    return float(np.log1p(rate) * 7 / DAYS_A_YEAR)


def said_of_purchases(
    purchases: Purchases, counts: pd.DataFrame, there: pd.DataFrame, context: EstimationContext
) -> list[str]:
    """What may mislead, if anything, in one note; then how it was counted."""
    often, told_of = _independent(with_margin(counts))
    warnings = [*_without_margin(counts, context), *_one_of_all(counts), often]
    notes = [" ".join(filter(None, warnings))] if any(warnings) else []
    notes.append("Purchases by BG/NBD in weeks (a day's orders are one), their margin by Gamma-Gamma.")
    older = there.loc[there["before"] > 0, "n"].sum() if "before" in there else 0.0
    if older:
        notes.append(
            f"{context.many(older)} of {context.many(there['n'].sum())} customers are older than the data: the model is fitted to those who "
            "came later, and allows for it that only those of the older are seen who stayed."
        )
    once = there.loc[there["x"] == 0, "n"].sum()
    if once:
        notes.append(
            f"{context.many(once)} of {context.many(there['n'].sum())} customers have bought once: they are taken to spend what all "
            f"do on average{_common(purchases.spending)}."
        )
    fits = [*purchases.buying.models, *purchases.spending.models]
    if alike := " and ".join(dict.fromkeys(fit.alike for fit in fits if fit.alike)):
        notes.append(f"Customers are taken {alike}, as these data show no difference between them.")
    notes += purchases.buying.in_words("buying and leaving") + purchases.spending.in_words("margins at a purchase")
    return [*notes, told_of]


def _common(spending: Strata) -> str:
    """The mean margin of all, in words; none where levels have means of their own."""
    if spending.by:
        return " of their level"
    return f" (a margin of {expected_spend(spending.models[0].parameters, np.zeros(1), np.zeros(1))[0]:,.2f} at a purchase)"


def _without_margin(counts: pd.DataFrame, context: EstimationContext) -> list[str]:
    lost = counts.loc[(counts["x"] > 0) & (counts["spend"] <= 0), "n"].sum()
    if not lost:
        return []
    return [
        f"The value is a little too high: {context.many(lost)} who bought again brought no margin with it, or a loss, for which "
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
    """The check of what Gamma-Gamma takes for granted: a warning ("" where it holds), and its figures in words.

    Of each customer one purchase is held against how often they buy: a mean of more purchases scatters less, which alone makes
    ranks of means go along with numbers of purchases.
    """
    value, low, high = independence(*(counts[name].to_numpy(float) for name in ("x", "again", "n")))
    if np.isnan(value):
        return "", "Whether those who buy more often also spend more cannot be seen: all repeat buyers are alike."
    told = (
        f"How often {counts['n'].sum():,.0f} repeat buyers buy, and what their first repeat purchase brought: rank correlation {value:.2f} "
        f"(95 % interval {low:.2f} to {high:.2f}); the model takes it to be 0."
    )
    if abs(value) < _UNLIKE or low <= 0 <= high:
        return (
            "",
            f"Those who buy more often spend about as much at a purchase as others, as the model takes it. {told}",
        )
    more, wrong = ("more", "low") if value > 0 else ("less", "high")
    return (
        f"The value may be too {wrong}: those who buy more often also spend {more} at a purchase, unlike in the model.",
        told,
    )
