"""Margin lost under contract: a model for each cell of customers (`crmnb.stats.strata`), fitted to counts of equal contracts.

Renewals are fitted weighted by each customer's monthly margin, which gives the share of the margin that is lost at each age. A cell
with too few losses borrows from the larger group that it is part of: its mean margin, or how its churn falls with age. Levels of
segmentations that are not selected have the models of the cells, with the churn rates scaled to what their own customers lost.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from crmnb.stats.clv_models import (
    clock_elasticity,
    fit_constant_rate,
    fit_paid_renewals,
    fit_proportional_rate,
    fit_renewals,
    influence_by_fold,
    losses_by_fold,
    number_of_parameters,
    renewals,
    renewals_likelihood,
)
from crmnb.stats.estimation import EstimationContext
from crmnb.stats.models.churn_heterogeneity import MAX_RATE, is_constant
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit
from crmnb.stats.shared_fits import shared
from crmnb.stats.strata import Strata, likelihood_ratio, stratified

_MIN_KNOWN = 30  # customers with a known monthly margin, for a mean of their own
_MIN_LOSSES_TESTED = 10  # of a level whose constant rate is tested against the model of all


@dataclass(frozen=True)
class _MeanPay:
    """The monthly margin of a customer of whom none is known: the mean of similar ones, and the influence of each fold on it."""

    mean: float
    influence: pd.Series


@dataclass(frozen=True)
class MarginLoss:
    """A cell's fit of the margin lost, the influence of each fold on the logarithms of its parameters (folds, 2), and its mean pay."""

    fit: Fit
    folds: list
    influence: np.ndarray
    pay: _MeanPay

    def pay_of(self, rows: pd.DataFrame) -> np.ndarray:
        """The monthly margin of each row's customers together."""
        return rows["pay"].to_numpy(float) + unknown_margins(rows) * self.pay.mean


@shared
def margin_loss_strata(counts: pd.DataFrame, context: EstimationContext) -> Strata:
    """The strata of contracts; their models are None where even those of all cannot be fitted to the margin."""
    months = context.settings["renewal_months"]

    def fit(rows: pd.DataFrame) -> Fit | None:
        for method in (
            partial(fit_renewals, rows, months),
            partial(fit_constant_rate, rows, months, _MIN_LOSSES_TESTED),
        ):
            with suppress(CannotFit):
                return method()
        return None

    def near(rows: pd.DataFrame, whole: Fit) -> Fit | None:
        with suppress(CannotFit):
            return fit_proportional_rate(rows, months, whole, _MIN_LOSSES_TESTED)
        return None

    def likelihood(rows: pd.DataFrame, whole: Fit) -> float:
        return renewals_likelihood(rows, months, whole)

    def test(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
        return likelihood_ratio(counts, cells, finer, fit, likelihood, number_of_parameters, near)

    margin_loss, rough = partial(_margin_loss, months=months), partial(_rough_margin_loss, months=months)
    scale = partial(_scaled_to, counts=counts, months=months)
    return stratified(counts, context, margin_loss, test, rough, scale)


def _margin_loss(rows: pd.DataFrame, parent: MarginLoss | None, *, months: int) -> MarginLoss | None:
    """The model of a cell with enough losses."""
    pay = _mean_pay(rows, parent)
    weights = rows["pay"].to_numpy(float) + unknown_margins(rows) * pay.mean
    with suppress(CannotFit):
        own, influence = fit_paid_renewals(rows, months, weights)
        return MarginLoss(own, sorted(rows["fold"].unique()), influence, pay)
    if parent:  # there may be enough losses, with the likelihood's maximum on an edge, as if some left for certain
        with suppress(CannotFit):
            return _borrowed(rows, months, parent, weights, pay, FEWEST)
    return None


def _rough_margin_loss(rows: pd.DataFrame, parent: MarginLoss | None, *, months: int) -> MarginLoss | None:
    """The model of a small cell, of two with one parameter the likelier one; None where neither is better than the parent's."""
    pay, rates = _mean_pay(rows, parent), []
    with suppress(CannotFit):
        rates.append(_constant(rows, months, parent, pay))
    with suppress(CannotFit):
        rates += [_borrowed(rows, months, parent, rows["n"].to_numpy(float), pay)] if parent else []
    likeliest = max(rates, key=lambda rate: rate.fit.log_likelihood, default=None)
    # A rate of few losses has to gain its parameter (Akaike 1974, IEEE Transactions on Automatic Control 19:716).
    if likeliest is None or parent is None or likeliest.fit.n >= _MIN_LOSSES_TESTED:
        return likeliest
    gain = likeliest.fit.log_likelihood - renewals_likelihood(rows, months, parent.fit)
    return likeliest if gain > 1 else None


def _mean_pay(rows: pd.DataFrame, parent: MarginLoss | None) -> _MeanPay:
    """The mean monthly margin of customers, of new ones where enough are known: it stands for those who joined too recently.

    A cell with few known customers has the mean of the larger group that it is part of.
    """
    new = rows[rows["entry"] <= 1]
    sample = new if new["known"].sum() >= _MIN_KNOWN else rows
    known = float(sample["known"].sum())
    if parent and known < _MIN_KNOWN:
        return parent.pay
    mean = float(sample["pay"].sum() / known)
    sums = sample.groupby("fold")[["pay", "known"]].sum()
    return _MeanPay(mean, (sums["pay"] - mean * sums["known"]) / known)


def unknown_margins(rows: pd.DataFrame) -> np.ndarray:
    """How many of each row's customers have no known monthly margin."""
    return (rows["n"] - rows["known"]).to_numpy(float)


def _constant(rows: pd.DataFrame, months: int, parent: MarginLoss | None, pay: _MeanPay) -> MarginLoss:
    """One constant rate of few customers. Raises CannotFit."""
    fit = fit_constant_rate(rows, months)
    if parent is None or not len(parent.influence):
        return MarginLoss(fit, [], np.zeros((0, 2)), pay)
    influence = influence_by_fold(fit, rows, months, rows["n"].to_numpy(float), parent.folds)
    return MarginLoss(fit, parent.folds, influence, pay)


def _borrowed(
    rows: pd.DataFrame, months: int, parent: MarginLoss, weights: np.ndarray, pay: _MeanPay, fewest: int = 3
) -> MarginLoss:
    """A rate of their own that falls with age as the parent's, whose error is included. Raises CannotFit."""
    fit = fit_proportional_rate(rows, months, parent.fit, fewest, weights)
    # derivative of the clock's logarithm by those of alpha and beta
    clock = parent.fit.parameters / parent.fit.parameters.sum()
    elasticity = np.zeros(2) if is_constant(parent.fit) else clock_elasticity(rows, months, parent.fit, weights)
    if not len(parent.influence):
        variance = clock @ parent.fit.covariance @ clock
        covariance = fit.covariance + variance * np.outer(elasticity, elasticity)
        return MarginLoss(replace(fit, covariance=covariance), [], np.zeros((0, 2)), pay)
    scaled = weights * (fit.n / renewals(rows, months, weights)[2].sum())
    influence = influence_by_fold(fit, rows, months, scaled, parent.folds)
    influence = influence + np.outer(parent.influence @ clock, elasticity)
    return MarginLoss(replace(fit, covariance=influence.T @ influence), parent.folds, influence, pay)


def _scaled_to(
    strata: Strata, rows: pd.DataFrame, *, counts: pd.DataFrame, months: int
) -> dict[int, MarginLoss] | None:
    """The models of a level's cells, by their id, with churn rates times a common factor, as the level loses faster or slower.

    The factor compares lost over expected customers of the level with that of the cells (indirect standardisation: Breslow & Day 1987,
    Statistical Methods in Cancer Research II, 2.3). It counts customers: few with a high margin would decide a factor of margins. None
    with too few losses.
    """
    parts, cells = strata.by_model(rows), {id(model): counts[inside] for model, inside in strata.by_model(counts)}
    if not all(len(model.influence) for model, _ in parts):
        return None
    lost, expected, influence = 0.0, 0.0, pd.Series(dtype=float)
    for model, inside in parts:
        own = losses_by_fold(rows[inside], months, model.fit)
        cell = losses_by_fold(cells[id(model)], months, model.fit)
        rate = cell["lost"].sum() / cell["expected"].sum()
        lost, expected = lost + own["lost"].sum(), expected + rate * own["expected"].sum()
        of_rate = cell["lost"] / cell["expected"].sum() - rate * cell["expected"] / cell["expected"].sum()
        influence = influence.add(own["lost"] - rate * own["expected"], fill_value=0.0)
        influence = influence.sub(of_rate * own["expected"].sum(), fill_value=0.0)
    if lost < _MIN_LOSSES_TESTED:
        return None
    return {id(model): _scaled(model, lost / expected, influence / lost) for model, _ in parts}


def _scaled(model: MarginLoss, factor: float, influence: pd.Series) -> MarginLoss:
    """The model with its churn rates times a factor. influence: of each fold on the factor's logarithm."""
    alpha, beta = model.fit.parameters
    clock = alpha + beta
    alpha_scaled = min(factor * alpha, MAX_RATE * clock)
    parameters = np.array([alpha_scaled, clock - alpha_scaled])
    own = pd.DataFrame(model.influence, model.folds).reindex(influence.index, fill_value=0.0).to_numpy()
    of_alpha = own[:, 0] + influence.to_numpy()
    of_beta = (own @ [alpha, beta] - alpha_scaled * of_alpha) / parameters[1]
    by_fold = np.column_stack([of_alpha, of_beta])
    fit = replace(model.fit, parameters=parameters, covariance=by_fold.T @ by_fold)
    return MarginLoss(fit, list(influence.index), by_fold, model.pay)
