"""Contracted: what customers under contract will be worth, by how long contracts ran and what they brought.

Contracts renew every so many months as the shifted beta-geometric says (Fader & Hardie 2007, 2010). Worth is a sum of margin
times stay, so who pays more counts for more: renewals are fitted weighted by each customer's margin a month, which gives how much of the
margin is lost at each age, and not how many of the customers. Where dear contracts end sooner, mean margin times mean stay is too
high by the two's covariance. Levels whose losses differ have fits of their own (`crmnb.stats.strata`, by the likelihood
ratio of losses per customer), and the whole is the sum over all of them: levels add up to it.

The error is linearised over 200 groups of customers: what each adds to the fitted parameters and to the sums of margin, together,
as both are of the same customers (Hampel 1974, JASA 69:383, the influence function; Efron & Tibshirani 1993, 11.5).
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from crmnb.stats.clv_models import (
    added_by_fold,
    by_clock,
    falling,
    is_constant,
    likelihood_of_renewals,
    of_one_rate,
    of_own_rate,
    of_paid_renewals,
    of_renewals,
    parameters_of,
    renewals,
)
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit, slopes
from crmnb.stats.models.shifted_beta_geometric import discounted_residual
from crmnb.stats.strata import Strata, likelihood_ratio, parted

_FEWEST_TESTED = 10  # losses of a level whose one rate is held against the model of all


@dataclass(frozen=True)
class _Losses:
    """A cell's fit, by margin lost, and what each fold adds to the logarithms of its parameters: (folds, 2)."""

    fit: Fit
    folds: list
    added: np.ndarray


@dataclass(frozen=True)
class Contracts:
    """The client's contracts: strata with their fits, and what a month brings.

    scale: the margin of those there in the last twelve months, over what it would be at what they paid a month in all that was seen.
    scale_added: what each fold adds to its logarithm, by fold.
    """

    context: EstimationContext
    strata: Strata
    mean_pay: float
    scale: float
    scale_added: pd.Series

    def value(self, those: pd.DataFrame, months: float, new: bool = False) -> tuple[float, float]:
        """The margin expected of these rows' customers over so many months ahead, per customer, discounted; and the standard error.

        new: as if all of them had just come. Raises CannotFit where that is infinite.
        """
        n, pay = those["n"].to_numpy(float), self.pay(those)
        length = self.context.settings["renewal_months"]
        stay, of_fits = np.zeros(len(those)), []
        age = np.zeros(len(those)) if new else those["age"].to_numpy(float) // length
        for model, inside in self.strata.by_model(those):
            at, place = np.unique(age[inside], return_inverse=True)
            paid = np.bincount(place, pay[inside], len(at))

            def ahead(parameters: np.ndarray, at: np.ndarray = at) -> np.ndarray:
                return self._periods(parameters, at, months)

            stay[inside] = ahead(model.fit.parameters)[place]
            [by] = slopes(lambda parameters, paid=paid, at=at: paid @ self._periods(parameters, at, months), model.fit)
            of_fits.append((model, by))
        total = float(pay @ stay)
        value = self.scale * length * total / n.sum()
        return value, self._error(those, value, pay, stay, of_fits)

    def _periods(self, parameters: np.ndarray, age: np.ndarray, months: float) -> np.ndarray:
        length, rate = self.context.settings["renewal_months"], self.context.settings["discount_rate"]
        return periods_ahead(parameters, age, months / length, (1 + rate) ** (length / 12) - 1)

    def _error(self, those: pd.DataFrame, value: float, pay, stay, of_fits: list) -> float:
        """The standard error of a value: over folds of customers; from the fits' own covariance where there are too few folds."""
        total = float(pay @ stay)
        if not total > 0:
            return 0.0
        apart = sum(by @ model.fit.covariance @ by for model, by in of_fits if not len(model.added)) / total**2
        if not any(len(model.added) for model, _ in of_fits):
            return value * float(np.sqrt(apart))
        n = those["n"].to_numpy(float)
        added = pd.Series(pay * stay / total - n / n.sum()).groupby(those["fold"].to_numpy()).sum()
        added = added.add(self.scale_added, fill_value=0.0)
        for model, by in of_fits:
            if len(model.added):
                added = added.add(pd.Series(model.added @ by / total, model.folds), fill_value=0.0)
        return value * float(np.sqrt((added**2).sum() + apart))

    def pay(self, rows: pd.DataFrame) -> np.ndarray:
        """What the customers of each row pay a month together; the mean of all where it is not known."""
        return _pay(rows, self.mean_pay)


def _pay(rows: pd.DataFrame, mean: float) -> np.ndarray:
    return rows["pay"].to_numpy(float) + (rows["n"] - rows["known"]).to_numpy(float) * mean


def of_contracts(counts: pd.DataFrame, context: EstimationContext) -> Contracts:
    """The contracts of a client's histories (`crmnb.metrics.features.purchase_history.contracts`). Raises CannotFit."""
    length, there = context.settings["renewal_months"], counts[counts["there"] == 1]
    if not there["times"].sum():
        raise CannotFit("no customers at the end who were seen for a month")
    if not (there["margin"].sum() > 0 and there["due"].sum() > 0):
        raise CannotFit("customers brought no margin in the last twelve months")
    mean = float(counts["pay"].sum() / counts["known"].sum())
    pay = _pay(counts, mean)
    weights = pd.Series(pay, counts.index)
    of_renewals(counts, length)  # refused where all of them are too few

    def fit(some: pd.DataFrame) -> Fit | None:
        for way in (partial(of_renewals, some, length), partial(of_one_rate, some, length, _FEWEST_TESTED)):
            with suppress(CannotFit):
                return way()
        return None

    def losses(some: pd.DataFrame, parent: _Losses | None) -> _Losses | None:
        paid = weights[some.index].to_numpy()
        with suppress(CannotFit):
            found, added = of_paid_renewals(some, length, paid)
            return _Losses(found, sorted(some["fold"].unique()), added)
        if parent:  # enough may have left, and the likelihood has its maximum on an edge, as if some left for certain
            with suppress(CannotFit):
                return _borrowed(some, length, parent, paid, FEWEST)
        return None

    def test(counts: pd.DataFrame, cells: np.ndarray, finer: np.ndarray) -> float:
        def likelihood(some: pd.DataFrame, whole: Fit) -> float:
            return likelihood_of_renewals(some, length, whole)

        return likelihood_ratio(counts, cells, finer, fit, likelihood, parameters_of, near)

    def near(some: pd.DataFrame, whole: Fit) -> Fit | None:
        with suppress(CannotFit):
            return of_own_rate(some, length, whole, _FEWEST_TESTED)
        return None

    def rough(some: pd.DataFrame, parent: _Losses | None) -> _Losses | None:
        rates = []
        with suppress(CannotFit):
            rates.append(_of_one_rate(some, length, parent))
        with suppress(CannotFit):
            rates += [_borrowed(some, length, parent, some["n"].to_numpy(float))] if parent else []
        likeliest = max(rates, key=lambda rate: rate.fit.log_likelihood, default=None)
        # A rate of a few losses is worth its parameter (Akaike 1974, IEEE Transactions on Automatic Control 19:716), or is left alone.
        if likeliest is None or parent is None or likeliest.fit.n >= _FEWEST_TESTED:
            return likeliest
        gain = likeliest.fit.log_likelihood - likelihood_of_renewals(some, length, parent.fit)
        return likeliest if gain > 1 else None

    strata = parted(counts, context, losses, test, rough)
    if any(model is None for model in strata.models):
        raise CannotFit("those who pay left too seldom to tell how much of the margin is lost")
    scale = float(there["margin"].sum() / there["due"].sum())
    return Contracts(context, strata, mean, scale, _scale_added(there))


def _of_one_rate(some: pd.DataFrame, length: int, parent: _Losses | None) -> _Losses:
    """One constant rate of few customers. Raises CannotFit."""
    fit = of_one_rate(some, length)
    if parent is None or not len(parent.added):
        return _Losses(fit, [], np.zeros((0, 2)))
    added = added_by_fold(fit, some, length, some["n"].to_numpy(float), parent.folds)
    return _Losses(fit, parent.folds, added)


def _borrowed(some: pd.DataFrame, length: int, parent: _Losses, weights: np.ndarray, fewest: int = 3) -> _Losses:
    """A rate of their own that falls with age as that of those they were parted from, whose error is theirs, too. Raises CannotFit."""
    fit = of_own_rate(some, length, parent.fit, fewest, weights)
    clock = parent.fit.parameters / parent.fit.parameters.sum()  # how its logarithm goes with those of alpha and beta
    by = np.zeros(2) if is_constant(parent.fit) else by_clock(some, length, parent.fit, weights)
    if not len(parent.added):
        variance = clock @ parent.fit.covariance @ clock
        return _Losses(replace(fit, covariance=fit.covariance + variance * np.outer(by, by)), [], np.zeros((0, 2)))
    scaled = weights * (fit.n / renewals(some, length, weights)[2].sum())
    added = added_by_fold(fit, some, length, scaled, parent.folds) + np.outer(parent.added @ clock, by)
    return _Losses(replace(fit, covariance=added.T @ added), parent.folds, added)


def _scale_added(there: pd.DataFrame) -> pd.Series:
    """What each fold adds to the logarithm of the scale, to the first order."""
    sums = there.groupby("fold")[["margin", "due"]].sum()
    return sums["margin"] / sums["margin"].sum() - sums["due"] / sums["due"].sum()


def periods_ahead(parameters: np.ndarray, age: np.ndarray, horizon: float, rate: float) -> np.ndarray:
    """The periods of margin expected of customers of that age, discounted; margin comes in evenly over a period.

    So those who leave in a period are taken to be there for half of it, and it is discounted from its middle. Of a period
    that the horizon cuts, the part before it counts in proportion.
    """
    if cut := 0.0 if np.isinf(horizon) else horizon % 1:
        fewer, more = (periods_ahead(parameters, age, whole, rate) for whole in (horizon // 1, horizon // 1 + 1))
        return (1 - cut) * fewer + cut * more
    if horizon == 0:
        return np.zeros(age.shape)
    ends = discounted_residual(parameters, age, horizon, rate)
    begins = 1 + discounted_residual(parameters, age, horizon - 1, rate) / (1 + rate)
    return (begins + ends) / 2 / np.sqrt(1 + rate)


def said_of_contracts(
    contracts: Contracts, counts: pd.DataFrame, held: list[GroupedCounts], context: EstimationContext
) -> list[str]:
    """How it was counted; how the margin of those lost compares with that of those who stay; which levels have fits of their own."""
    length = context.settings["renewal_months"]
    every = f"{length} months" if length > 1 else "month"
    notes = [f"Renewals every {every} by the shifted beta-geometric, each customer counting for the margin of a month."]
    notes += _lost_and_there(counts, context)
    by_time = context.time_segmentations
    if len(held) > 1:
        notes += contracts.strata.in_words("losses")
    if any(group.segment in by_time for group in held):
        notes.append("Levels by tenure have no fits of their own: the time since joining is the model's own clock.")
    if any(is_constant(model.fit) for model in contracts.strata.models):
        notes.append(
            "Where losses do not fall with age, customers are taken to leave at one constant rate, the model's limit."
        )
    if falling(counts, length) >= 1 - context.level:
        notes.append("Losses do not fall with age by more than chance.")
    return notes


def _lost_and_there(counts: pd.DataFrame, context: EstimationContext) -> list[str]:
    """How the margin a month of those lost compares with that of those there, where both are known of enough."""
    sums = counts.groupby("there")[["pay", "known"]].sum()
    if len(sums) < 2 or (sums["known"] < max(context.suppress_below, 1)).any() or not (sums["pay"] > 0).all():
        return []
    mean = sums["pay"] / sums["known"]
    more = mean[0] / mean[1] - 1
    compared = f"{100 * abs(more):.0f} % {'more' if more > 0 else 'less'} than" if abs(more) >= 0.005 else "as much as"
    return [f"Customers lost so far brought {compared} those who are still there, by the month."]
