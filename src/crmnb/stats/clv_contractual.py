"""CLV under contract: what customers will be worth, by how long contracts ran and what they brought.

Contracts renew every so many months as the shifted beta-geometric says (Fader & Hardie 2007, 2010). Value is a sum of margin times
retention, so customers count by what they pay: the models are of the margin that is lost at each age, not of the customers
(`crmnb.stats.margin_loss`). Where expensive contracts end sooner, mean margin times mean retention is too high by their covariance.
Levels whose churn differs have fits of their own (`crmnb.stats.strata`, by the likelihood ratio of losses per customer), and the whole
is the sum over all of them.

The error is linearised over 200 folds of customers: the influence of each on the fitted parameters and on the sums of margin, taken
together because both are of the same customers (Hampel 1974, JASA 69:383; Efron & Tibshirani 1993, 11.5). The limits follow the value
along the heterogeneity of customers, in which it is far from a straight line (`crmnb.stats.log_limits`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.clv_models import fit_renewals, p_value_of_falling_churn, renewals
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.log_limits import Source, least_favourable, linear
from crmnb.stats.margin_loss import MarginLoss, margin_loss_strata, unknown_margins
from crmnb.stats.models.churn_heterogeneity import Heterogeneity, is_constant
from crmnb.stats.models.maximum_likelihood import CannotFit, slopes
from crmnb.stats.models.shifted_beta_geometric import discounted_residual
from crmnb.stats.strata import Strata, with_columns


@dataclass(frozen=True)
class Contracts:
    """The client's contracts: strata with their fits, and what a month brings.

    renewal_months: the months between renewals. discount_rate: a year's. scale: the margin of current customers in the last twelve
    months, over what it would be at their monthly margin in all that was observed. scale_influence: the influence of each fold on its
    logarithm, by fold.
    """

    renewal_months: int
    discount_rate: float
    strata: Strata
    scale: float
    scale_influence: pd.Series

    def value(
        self, rows: pd.DataFrame, months: float, level: float, group: GroupedCounts | None = None, new: bool = False
    ) -> tuple[float, float, float]:
        """The discounted margin per customer expected of these rows over so many months, and its limits at this level.

        group: the one that the rows are of; None for the whole. new: as of the customers' first day. Raises CannotFit where the value is
        infinite.
        """
        age = np.zeros(len(rows)) if new else rows["age"].to_numpy(float) // self.renewal_months
        strata = self.strata if group is None else self.strata.of_group(group)
        parts = [self._part(model, rows[inside], age[inside], months) for model, inside in strata.by_model(rows)]
        total, n = sum(part.total for part in parts), float(rows["n"].sum())
        value = self.scale * self.renewal_months * total / n
        if not total > 0:
            return value, value, value
        sums = pd.Series(dtype=float)
        if any(len(part.model.influence) for part in parts):
            sums = pd.concat([part.of_sums / total for part in parts]).groupby(level=0).sum()
            sums = sums.sub(rows.groupby("fold")["n"].sum() / n, fill_value=0.0).add(
                self.scale_influence, fill_value=0.0
            )
        return value, *least_favourable(value, _sources(parts, total, sums), level)

    def beyond_data(self, counts: pd.DataFrame, fewest: int) -> Note:
        """How much of the value without a horizon is expected at tenures that fewer than so many customers have reached."""
        number, at_risk, _ = renewals(counts, self.renewal_months)
        last = number[at_risk >= fewest].max(initial=0)
        rows = counts[counts["there"] == 1]
        age = rows["age"].to_numpy(float) // self.renewal_months
        total = within = 0.0
        for model, inside in self.strata.by_model(rows):
            ages, place = np.unique(age[inside], return_inverse=True)
            pay = np.bincount(place, model.pay_of(rows[inside]), len(ages))
            total += pay @ self._renewals(model.fit.parameters, ages, np.inf)
            ahead = np.maximum(last - ages, 0) * self.renewal_months
            within += pay @ self._renewals(model.fit.parameters, ages, ahead)
        return Note("value_beyond_data", share=float(1 - within / total), months=int(last) * self.renewal_months)

    def _part(self, model: MarginLoss, rows: pd.DataFrame, age: np.ndarray, months: float) -> "_Part":
        pay, unknown = model.pay_of(rows), unknown_margins(rows)
        ages, place = np.unique(age, return_inverse=True)
        pay_by_age = np.bincount(place, pay, len(ages))

        def margin(parameters: np.ndarray) -> float:
            return float(pay_by_age @ self._renewals(parameters, ages, months))

        renewals = self._renewals(model.fit.parameters, ages, months)[place]
        of_sums = pd.Series(pay * renewals).groupby(rows["fold"].to_numpy()).sum()
        return _Part(model, margin, of_sums.add(model.pay.influence * float(unknown @ renewals), fill_value=0.0))

    def _renewals(self, parameters: np.ndarray, age: np.ndarray, months: float | np.ndarray) -> np.ndarray:
        rate = (1 + self.discount_rate) ** (self.renewal_months / 12) - 1
        return expected_periods(parameters, age, months / self.renewal_months, rate)


@dataclass(frozen=True)
class _Part:
    """Customers of one model. margin: their monthly margins times their discounted renewals, as a function of the model's parameters.

    of_sums: the influence of each fold on it by the sums of margin, the parameters being what they are.
    """

    model: MarginLoss
    margin: Callable[[np.ndarray], float]
    of_sums: pd.Series

    @cached_property
    def total(self) -> float:
        return self.margin(self.model.fit.parameters)

    def influence(self, gradient: np.ndarray) -> pd.Series:
        """The influence of each fold on a quantity with these derivatives by the logarithms of the parameters."""
        return pd.Series(self.model.influence @ gradient, self.model.folds, dtype=float)


def _sources(parts: list[_Part], total: float, sums: pd.Series) -> list[Source]:
    """The sources of error of a value that is the total of these parts: the heterogeneity in each, and the rest.

    sums: the influence of each fold on the logarithm of the value by the sums of margin.
    """
    rest, variance, curves = sums, 0.0, []
    for part in parts:
        fit = part.model.fit
        gradient = slopes(part.margin, fit)[0] / total
        if not is_constant(fit):
            heterogeneity = Heterogeneity(fit)
            slope = float(gradient @ heterogeneity.path)
            gradient = gradient - slope * heterogeneity.gradient
            curves.append((part, heterogeneity, slope * heterogeneity.error))
        if len(part.model.influence):
            rest = rest.add(part.influence(gradient), fill_value=0.0)
        else:
            variance += gradient @ fit.covariance @ gradient
    sources = []
    for part, heterogeneity, slope in curves:
        of_one = part.influence(heterogeneity.gradient / heterogeneity.error)
        shared = float(rest.reindex(of_one.index, fill_value=0.0) @ of_one)
        rest = rest.sub(shared * of_one, fill_value=0.0)
        change = partial(_change, part, heterogeneity, total, shared)
        sources.append(Source(slope + shared, change, -heterogeneity.value / heterogeneity.error))
    return [*sources, linear(float(np.sqrt((rest**2).sum() + variance)))]


def _change(part: _Part, heterogeneity: Heterogeneity, total: float, shared: float, step: float) -> float:
    """The change of the value's logarithm at so many standard errors of heterogeneity; shared: per one, of what goes with it by chance."""
    change = part.margin(heterogeneity.parameters_at(step)) - part.total
    return float(np.log1p(change / total)) + shared * step


def fit_contracts(counts: pd.DataFrame, context: EstimationContext) -> Contracts:
    """The contracts of a client's histories (`crmnb.metrics.features.purchase_history.contracts`). Raises CannotFit."""
    months, current = context.settings["renewal_months"], counts[counts["there"] == 1]
    if not current["times"].sum():
        raise CannotFit(Note("no_customers_seen_a_month"))
    if not (current["margin"].sum() > 0 and current["due"].sum() > 0):
        raise CannotFit(Note("no_margin"))
    fit_renewals(counts, months)  # raises where all of them are too few
    losses = with_columns(counts, "entry", "last", "lost", "fold", "pay", "known", "n")
    strata = margin_loss_strata(losses, context.with_settings("renewal_months"))
    if any(model is None for model in strata.models):
        raise CannotFit(Note("margin_losses_unknown"))
    scale = float(current["margin"].sum() / current["due"].sum())
    return Contracts(months, context.settings["discount_rate"], strata, scale, _scale_influence(current))


def _scale_influence(current: pd.DataFrame) -> pd.Series:
    """The influence of each fold on the logarithm of the scale, to the first order."""
    sums = current.groupby("fold")[["margin", "due"]].sum()
    return sums["margin"] / sums["margin"].sum() - sums["due"] / sums["due"].sum()


def expected_periods(parameters: np.ndarray, age: np.ndarray, horizon: float | np.ndarray, rate: float) -> np.ndarray:
    """The discounted periods of margin expected of customers of that age; margin comes in evenly over a period.

    age: renewals so far. horizon: periods, may be fractional (for all customers, or for each) or infinite. rate: a period's. Customers
    who leave in a period count for half of it, and it is discounted from its middle. A period that the horizon cuts counts in
    proportion to the part before it.
    """

    def periods(one_less: np.ndarray, at_end: np.ndarray) -> np.ndarray:
        return (1 + one_less / (1 + rate) + at_end) / 2 / np.sqrt(1 + rate)

    if np.isinf(horizon).any():
        endless = discounted_residual(parameters, age, np.inf, rate)
        return periods(endless, endless)
    whole = np.broadcast_to(np.floor(horizon), age.shape)
    horizons = np.stack([np.maximum(whole - 1, 0), whole, whole + 1])
    one_less, at_end, one_more = discounted_residual(parameters, np.broadcast_to(age, horizons.shape), horizons, rate)
    fraction = horizon - whole
    return (1 - fraction) * np.where(whole > 0, periods(one_less, at_end), 0.0) + fraction * periods(at_end, one_more)


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
