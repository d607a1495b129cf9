"""CLV without contracts: what customers will be worth, by how they bought and what it brought.

Future purchases are forecast by BG/NBD (Fader, Hardie & Lee 2005) and the margin of each by Gamma-Gamma (Fader & Hardie 2013), from
counts as in `crmnb.metrics.features.purchase_history.bought`. Levels that differ have models of their own (`crmnb.stats.strata`, by the
likelihood ratio, of purchases and of margins separately). Values are discounted continuously over weeks of 7 days. The interval is
the delta method's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crmnb.core.notes import Count, Note
from crmnb.stats.clv_models import (
    DAYS_PER_YEAR,
    WEEKS_PER_MONTH,
    fit_margins,
    fit_purchases,
    margins_likelihood,
    number_of_parameters,
    purchases_ahead,
    weekly_likelihood,
    with_margin,
)
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import discounted_further
from crmnb.stats.models.gamma_gamma import expected_spend, independence
from crmnb.stats.models.maximum_likelihood import CannotFit, Fit, delta
from crmnb.stats.moments import LARGE_SHARE
from crmnb.stats.shared_fits import shared
from crmnb.stats.strata import Strata, likelihood_ratio, or_none, stratified, with_columns

_SMALL_CORRELATION = 0.05  # a rank correlation below which frequency and spend count as independent
_NO_CHURN = 1e-5  # ratio of a to b below which nobody is seen to leave


class _Forecasts:
    """The expected purchases of each history, computed once: levels hold the same customers as the whole and share its models."""

    def __init__(self):
        self._histories = pd.MultiIndex.from_arrays([[]])
        self._expected: dict[tuple, np.ndarray] = {}

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """The place of each row's history among those that forecasts are computed for: (rows,)."""
        columns = [name for name in ("x", "t_x", "T", "before", "wait") if name in rows]
        histories = pd.MultiIndex.from_frame(rows[columns])
        places = self._histories.get_indexer(histories) if list(self._histories.names) == columns else np.array([-1])
        if places.min(initial=0) < 0:
            self._histories = histories.unique()
            self._expected.clear()
            places = self._histories.get_indexer(histories)
        return places

    def __call__(self, parameters: np.ndarray, weeks: float, rate: float) -> np.ndarray:
        """The purchases expected of each history in so many weeks, discounted at a rate a week."""
        key = (parameters.tobytes(), weeks, rate)
        if key not in self._expected:
            self._expected[key] = purchases_ahead(parameters, self._histories.to_frame(index=False), weeks, rate)
        return self._expected[key]


@dataclass(frozen=True)
class Purchases:
    """The client's customers: strata of how they buy and leave, and strata of what a purchase brings, with their fits.

    discount_rate: a year's.
    """

    discount_rate: float
    buying: Strata
    spending: Strata
    forecasts: _Forecasts = field(default_factory=_Forecasts)

    def unavailable(self, group: GroupedCounts) -> Note | None:
        """Why a level has no value of its own; None where it has."""
        return self.buying.unavailable(group) or self.spending.unavailable(group)

    def require_churn(self) -> None:
        """Raise CannotFit where the data show nobody leave, so that a whole future has no end."""
        if any(fit.parameters[2] < _NO_CHURN * fit.parameters[3] for fit in self.buying.models):
            raise CannotFit(Note("no_churn_observed"))

    def value(self, rows: pd.DataFrame, months: float) -> tuple[float, float]:
        """The discounted margin per customer expected of these rows over so many months, and its standard error."""
        rate = weekly_rate(self.discount_rate)
        mean_spend = rows["spend"].clip(lower=0) / rows["x"].clip(lower=1)
        places = self.forecasts.places(rows)

        def purchases(parameters: np.ndarray, inside: np.ndarray) -> np.ndarray:
            return self.forecasts(parameters, months * WEEKS_PER_MONTH, rate)[places[inside]]

        def spend(parameters: np.ndarray, inside: np.ndarray) -> np.ndarray:
            return expected_spend(parameters, rows["x"].to_numpy(float)[inside], mean_spend.to_numpy(float)[inside])

        return self._value(rows, purchases, spend)

    def value_of_new(self, rows: pd.DataFrame, months: float) -> tuple[float, float]:
        """The margin expected after the first purchase of new customers, of whom only that purchase is known, and its standard error."""
        rate, zero = weekly_rate(self.discount_rate), np.zeros(1)

        def purchases(parameters: np.ndarray, inside: np.ndarray) -> np.ndarray:
            expected = discounted_further(parameters, zero, zero, zero, months * WEEKS_PER_MONTH, rate)
            return np.repeat(expected, inside.sum())

        def spend(parameters: np.ndarray, inside: np.ndarray) -> np.ndarray:
            return np.repeat(expected_spend(parameters, zero, zero), inside.sum())

        return self._value(rows, purchases, spend)

    def _value(self, rows: pd.DataFrame, purchases: Callable, spend: Callable) -> tuple[float, float]:
        """The mean of purchases times margin over the rows' customers, and its standard error."""
        n = rows["n"].to_numpy(float)
        share = n / n.sum()
        frequency, margin = np.zeros(len(rows)), np.zeros(len(rows))
        buying, spending = self.buying.by_model(rows), self.spending.by_model(rows)
        for fit, inside in buying:
            frequency[inside] = purchases(fit.parameters, inside)
        for fit, inside in spending:
            margin[inside] = spend(fit.parameters, inside)
        variance = 0.0
        for function, models, other in ((purchases, buying, margin), (spend, spending, frequency)):
            for fit, inside in models:
                variance += delta(_total(function, inside, share[inside] * other[inside]), fit)[1] ** 2
        return float(share @ (frequency * margin)), float(np.sqrt(variance))


def _total(function: Callable, inside: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda parameters: weight @ function(parameters, inside)


def fit_purchasers(counts: pd.DataFrame, context: EstimationContext) -> Purchases:
    """The purchases of a client's histories (`crmnb.metrics.features.purchase_history.bought`). Raises CannotFit."""
    return _fitted(
        with_columns(counts, "x", "t_x", "T", "before", "spend", "n"), context.with_settings("discount_rate")
    )


@shared
def _fitted(counts: pd.DataFrame, context: EstimationContext) -> Purchases:
    fit_purchases(counts), fit_margins(counts)  # raise where all of them are too few
    buying = stratified(counts, context, or_none(fit_purchases), _test(fit_purchases, weekly_likelihood))
    spending = stratified(counts, context, or_none(fit_margins), _test(fit_margins, margins_likelihood))
    return Purchases(context.settings["discount_rate"], buying, spending)


def _test(fit: Callable[[pd.DataFrame], Fit], likelihood: Callable[[pd.DataFrame, Fit], float]):
    """The likelihood ratio test of a model."""
    return lambda counts, cells, finer: likelihood_ratio(
        counts, cells, finer, or_none(fit), likelihood, number_of_parameters
    )


def weekly_rate(rate: float) -> float:
    """The continuous discount rate of a week, of a year's rate."""
    return float(np.log1p(rate) * 7 / DAYS_PER_YEAR)


def purchase_notes(purchases: Purchases, counts: pd.DataFrame, current: pd.DataFrame) -> list[Note]:
    """First the caveats, if any, then the method and its assumptions. counts: all histories; current: those of current customers."""
    warnings, independence_note = _independence(with_margin(counts))
    caveats = [*_without_margin(counts), *_top_heavy(counts), *warnings]
    notes = [Note("caveats", notes=caveats)] if caveats else []
    notes.append(Note("purchase_models"))
    total = Count(current["n"].sum())
    older = current.loc[current["before"] > 0, "n"].sum() if "before" in current else 0.0
    if older:
        notes.append(Note("older_customers", customers=Count(older), total=total))
    one_purchase = current.loc[current["x"] == 0, "n"].sum()
    if one_purchase:
        notes.append(_one_purchase(purchases.spending, Count(one_purchase), total))
    fits = [*purchases.buying.models, *purchases.spending.models]
    if assumptions := list(dict.fromkeys(fit.homogeneity for fit in fits if fit.homogeneity)):
        notes.append(Note("homogeneous", assumptions=assumptions))
    return [*notes, *purchases.buying.notes("purchases"), *purchases.spending.notes("margins"), independence_note]


def _one_purchase(spending: Strata, customers: Count, total: Count) -> Note:
    """Of how many customers the margin of future purchases is the mean of all, or of their level."""
    if spending.by:
        return Note("one_purchase_by_level", customers=customers, total=total)
    margin = expected_spend(spending.models[0].parameters, np.zeros(1), np.zeros(1))[0]
    return Note("one_purchase", customers=customers, total=total, margin=margin)


def _without_margin(counts: pd.DataFrame) -> list[Note]:
    """A note where some repeat buyers have no margin or a loss."""
    customers = counts.loc[(counts["x"] > 0) & (counts["spend"] <= 0), "n"].sum()
    return [Note("some_without_margin", customers=Count(customers))] if customers else []


def _top_heavy(counts: pd.DataFrame) -> list[Note]:
    """A note where the margin of all repeat purchases depends on one customer, without the amount."""
    spend = counts["spend"].clip(lower=0)
    if not spend.max() > LARGE_SHARE * (counts["n"] @ spend):
        return []
    return [Note("top_heavy_margin", share=LARGE_SHARE)]


def _independence(counts: pd.DataFrame) -> tuple[list[Note], Note]:
    """The test of Gamma-Gamma's assumption that frequency and spend are independent: warnings, and its figures.

    One purchase of each customer is correlated with the number of purchases: a mean of more purchases has less variance, which alone
    would make the ranks of means correlate with numbers of purchases.
    """
    value, low, high = independence(*(counts[name].to_numpy(float) for name in ("x", "again", "n")))
    if np.isnan(value):
        return [], Note("independence_unknown")
    figures = Note("rank_correlation", customers=Count(counts["n"].sum()), value=value, low=low, high=high)
    if abs(value) < _SMALL_CORRELATION or low <= 0 <= high:
        return [], Note("caveats", notes=[Note("independent"), figures])
    return [Note("frequent_buyers_spend_more" if value > 0 else "frequent_buyers_spend_less")], figures
