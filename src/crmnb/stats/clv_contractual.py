"""CLV under contract: what customers will be worth, by how long contracts ran and what they brought.

Contracts renew every so many months as the shifted beta-geometric says (Fader & Hardie 2007, 2010). Value is a sum of margin times
retention, so customers count by what they pay: renewals are fitted weighted by each customer's monthly margin, which gives the share
of the margin that is lost at each age, not of the customers. Where expensive contracts end sooner, mean margin times mean
retention is too high by their covariance. Levels whose churn differs have fits of their own (`crmnb.stats.strata`, by the likelihood
ratio of losses per customer), and the whole is the sum over all of them: levels add up to it.

The error is linearised over 200 folds of customers: the influence of each on the fitted parameters and on the sums of margin, taken
together because both are of the same customers (Hampel 1974, JASA 69:383; Efron & Tibshirani 1993, 11.5).
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.clv_models import (
    clock_elasticity,
    fit_constant_rate,
    fit_paid_renewals,
    fit_proportional_rate,
    fit_renewals,
    influence_by_fold,
    is_constant,
    number_of_parameters,
    p_value_of_falling_churn,
    renewals,
    renewals_likelihood,
)
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit, slopes
from crmnb.stats.models.shifted_beta_geometric import discounted_residual
from crmnb.stats.strata import Strata, likelihood_ratio, stratified

_MIN_LOSSES_TESTED = 10  # of a level whose constant rate is tested against the model of all


@dataclass(frozen=True)
class _MarginLoss:
    """A cell's fit of the margin lost, and the influence of each fold on the logarithms of its parameters: (folds, 2)."""

    fit: Fit
    folds: list
    influence: np.ndarray


@dataclass(frozen=True)
class Contracts:
    """The client's contracts: strata with their fits, and what a month brings.

    renewal_months: the months between renewals. discount_rate: a year's. mean_pay: the mean monthly margin of a customer.
    scale: the margin of current customers in the last twelve months, over what it would be at their monthly margin in all that was
    observed. scale_influence: the influence of each fold on its logarithm, by fold.
    """

    renewal_months: int
    discount_rate: float
    strata: Strata
    mean_pay: float
    scale: float
    scale_influence: pd.Series

    def value(self, rows: pd.DataFrame, months: float, new: bool = False) -> tuple[float, float]:
        """The discounted margin per customer expected of these rows over so many months, and its standard error.

        new: as of the customers' first day. Raises CannotFit where the value is infinite.
        """
        n, pay = rows["n"].to_numpy(float), self.pay(rows)
        retention, derivatives = np.zeros(len(rows)), []
        age = np.zeros(len(rows)) if new else rows["age"].to_numpy(float) // self.renewal_months
        for model, inside in self.strata.by_model(rows):
            ages, place = np.unique(age[inside], return_inverse=True)
            pay_by_age = np.bincount(place, pay[inside], len(ages))

            def periods(parameters: np.ndarray, ages: np.ndarray = ages) -> np.ndarray:
                return self._periods(parameters, ages, months)

            def total_margin(parameters: np.ndarray, pay: np.ndarray = pay_by_age, ages: np.ndarray = ages) -> float:
                return pay @ self._periods(parameters, ages, months)

            retention[inside] = periods(model.fit.parameters)[place]
            [derivative] = slopes(total_margin, model.fit)
            derivatives.append((model, derivative))
        total = float(pay @ retention)
        value = self.scale * self.renewal_months * total / n.sum()
        return value, self._error(rows, value, pay, retention, derivatives)

    def _periods(self, parameters: np.ndarray, age: np.ndarray, months: float) -> np.ndarray:
        rate = (1 + self.discount_rate) ** (self.renewal_months / 12) - 1
        return expected_periods(parameters, age, months / self.renewal_months, rate)

    def _error(self, rows: pd.DataFrame, value: float, pay, retention, derivatives: list) -> float:
        """The standard error of a value: over folds of customers; from the fits' own covariance where there are too few folds."""
        total = float(pay @ retention)
        if not total > 0:
            return 0.0
        without_folds = sum(
            derivative @ model.fit.covariance @ derivative
            for model, derivative in derivatives
            if not len(model.influence)
        )
        variance = without_folds / total**2
        if not any(len(model.influence) for model, _ in derivatives):
            return value * float(np.sqrt(variance))
        n = rows["n"].to_numpy(float)
        influence = pd.Series(pay * retention / total - n / n.sum()).groupby(rows["fold"].to_numpy()).sum()
        influence = influence.add(self.scale_influence, fill_value=0.0)
        for model, derivative in derivatives:
            if len(model.influence):
                by_fold = pd.Series(model.influence @ derivative / total, model.folds)
                influence = influence.add(by_fold, fill_value=0.0)
        return value * float(np.sqrt((influence**2).sum() + variance))

    def pay(self, rows: pd.DataFrame) -> np.ndarray:
        """The monthly margin of each row's customers together; the mean of all where it is not known."""
        return _pay(rows, self.mean_pay)


def _pay(rows: pd.DataFrame, mean: float) -> np.ndarray:
    return rows["pay"].to_numpy(float) + (rows["n"] - rows["known"]).to_numpy(float) * mean


def fit_contracts(counts: pd.DataFrame, context: EstimationContext) -> Contracts:
    """The contracts of a client's histories (`crmnb.metrics.features.purchase_history.contracts`). Raises CannotFit."""
    months, current = context.settings["renewal_months"], counts[counts["there"] == 1]
    if not current["times"].sum():
        raise CannotFit(Note("no_customers_seen_a_month"))
    if not (current["margin"].sum() > 0 and current["due"].sum() > 0):
        raise CannotFit(Note("no_margin"))
    mean = float(counts["pay"].sum() / counts["known"].sum())
    weights = pd.Series(_pay(counts, mean), counts.index)
    fit_renewals(counts, months)  # raises where all of them are too few
    strata = _strata(counts, context, months, weights)
    if any(model is None for model in strata.models):
        raise CannotFit(Note("margin_losses_unknown"))
    scale = float(current["margin"].sum() / current["due"].sum())
    rate = context.settings["discount_rate"]
    return Contracts(months, rate, strata, mean, scale, _scale_influence(current))


def _strata(counts: pd.DataFrame, context: EstimationContext, months: int, weights: pd.Series) -> Strata:
    """The strata of contracts; their models are None where even those of all cannot be fitted to the margin."""

    def fit(rows: pd.DataFrame) -> Fit | None:
        for method in (
            partial(fit_renewals, rows, months),
            partial(fit_constant_rate, rows, months, _MIN_LOSSES_TESTED),
        ):
            with suppress(CannotFit):
                return method()
        return None

    def margin_loss(rows: pd.DataFrame, parent: _MarginLoss | None) -> _MarginLoss | None:
        row_weights = weights[rows.index].to_numpy()
        with suppress(CannotFit):
            own, influence = fit_paid_renewals(rows, months, row_weights)
            return _MarginLoss(own, sorted(rows["fold"].unique()), influence)
        if parent:  # there may be enough losses, with the likelihood's maximum on an edge, as if some left for certain
            with suppress(CannotFit):
                return _borrowed(rows, months, parent, row_weights, FEWEST)
        return None

    def near(rows: pd.DataFrame, whole: Fit) -> Fit | None:
        with suppress(CannotFit):
            return fit_proportional_rate(rows, months, whole, _MIN_LOSSES_TESTED)
        return None

    def likelihood(rows: pd.DataFrame, whole: Fit) -> float:
        return renewals_likelihood(rows, months, whole)

    def test(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
        return likelihood_ratio(counts, cells, finer, fit, likelihood, number_of_parameters, near)

    def rough(rows: pd.DataFrame, parent: _MarginLoss | None) -> _MarginLoss | None:
        rates = []
        with suppress(CannotFit):
            rates.append(_constant(rows, months, parent))
        with suppress(CannotFit):
            rates += [_borrowed(rows, months, parent, rows["n"].to_numpy(float))] if parent else []
        likeliest = max(rates, key=lambda rate: rate.fit.log_likelihood, default=None)
        # A rate of few losses has to gain its parameter (Akaike 1974, IEEE Transactions on Automatic Control 19:716).
        if likeliest is None or parent is None or likeliest.fit.n >= _MIN_LOSSES_TESTED:
            return likeliest
        gain = likeliest.fit.log_likelihood - renewals_likelihood(rows, months, parent.fit)
        return likeliest if gain > 1 else None

    return stratified(counts, context, margin_loss, test, rough)


def _constant(rows: pd.DataFrame, months: int, parent: _MarginLoss | None) -> _MarginLoss:
    """One constant rate of few customers. Raises CannotFit."""
    fit = fit_constant_rate(rows, months)
    if parent is None or not len(parent.influence):
        return _MarginLoss(fit, [], np.zeros((0, 2)))
    influence = influence_by_fold(fit, rows, months, rows["n"].to_numpy(float), parent.folds)
    return _MarginLoss(fit, parent.folds, influence)


def _borrowed(
    rows: pd.DataFrame, months: int, parent: _MarginLoss, weights: np.ndarray, fewest: int = 3
) -> _MarginLoss:
    """A rate of their own that falls with age as the parent's, whose error is included. Raises CannotFit."""
    fit = fit_proportional_rate(rows, months, parent.fit, fewest, weights)
    clock = (
        parent.fit.parameters / parent.fit.parameters.sum()
    )  # derivative of its logarithm by those of alpha and beta
    elasticity = np.zeros(2) if is_constant(parent.fit) else clock_elasticity(rows, months, parent.fit, weights)
    if not len(parent.influence):
        variance = clock @ parent.fit.covariance @ clock
        covariance = fit.covariance + variance * np.outer(elasticity, elasticity)
        return _MarginLoss(replace(fit, covariance=covariance), [], np.zeros((0, 2)))
    scaled = weights * (fit.n / renewals(rows, months, weights)[2].sum())
    influence = influence_by_fold(fit, rows, months, scaled, parent.folds)
    influence = influence + np.outer(parent.influence @ clock, elasticity)
    return _MarginLoss(replace(fit, covariance=influence.T @ influence), parent.folds, influence)


def _scale_influence(current: pd.DataFrame) -> pd.Series:
    """The influence of each fold on the logarithm of the scale, to the first order."""
    sums = current.groupby("fold")[["margin", "due"]].sum()
    return sums["margin"] / sums["margin"].sum() - sums["due"] / sums["due"].sum()


def expected_periods(parameters: np.ndarray, age: np.ndarray, horizon: float, rate: float) -> np.ndarray:
    """The discounted periods of margin expected of customers of that age; margin comes in evenly over a period.

    age: renewals so far. horizon: periods, may be fractional or infinite. rate: a period's. Customers who leave in a period count for
    half of it, and it is discounted from its middle. A period that the horizon cuts counts in proportion to the part before it.
    """
    if fraction := 0.0 if np.isinf(horizon) else horizon % 1:
        fewer, more = (expected_periods(parameters, age, whole, rate) for whole in (horizon // 1, horizon // 1 + 1))
        return (1 - fraction) * fewer + fraction * more
    if horizon == 0:
        return np.zeros(age.shape)
    at_end = discounted_residual(parameters, age, horizon, rate)
    at_begin = 1 + discounted_residual(parameters, age, horizon - 1, rate) / (1 + rate)
    return (at_begin + at_end) / 2 / np.sqrt(1 + rate)


def contract_notes(
    contracts: Contracts, counts: pd.DataFrame, groups: list[GroupedCounts], context: EstimationContext
) -> list[Note]:
    """The method, how the margin of lost customers compares with that of current ones, and which levels have fits of their own."""
    notes = [Note("renewal_model", months=contracts.renewal_months)]
    notes += _margin_of_lost(counts, context.suppress_below)
    if len(groups) > 1:
        notes += contracts.strata.notes("churn")
    if any(group.segment in context.time_segmentations for group in groups):
        notes.append(Note("tenure_levels_share_model"))
    if any(is_constant(model.fit) for model in contracts.strata.models):
        notes.append(Note("constant_churn"))
    if p_value_of_falling_churn(counts, contracts.renewal_months) >= 1 - context.level:
        notes.append(Note("churn_does_not_fall"))
    return notes


def _margin_of_lost(counts: pd.DataFrame, fewest: int) -> list[Note]:
    """How the monthly margin of lost customers compares with that of current ones, where both are known of enough."""
    sums = counts.groupby("there")[["pay", "known"]].sum()
    if len(sums) < 2 or (sums["known"] < max(fewest, 1)).any() or not (sums["pay"] > 0).all():
        return []
    mean = sums["pay"] / sums["known"]
    return [Note("margin_of_lost", difference=mean[0] / mean[1] - 1)]
