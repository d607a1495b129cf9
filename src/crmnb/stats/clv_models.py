"""Fits of CLV models to counts of equal histories (`crmnb.metrics.features.purchase_history`)."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import optimize, special

from crmnb.core.notes import Note
from crmnb.stats.estimation import GroupedCounts
from crmnb.stats.models.bg_nbd import alive, discounted_further, fit_buying, log_likelihood
from crmnb.stats.models.bg_nbd_left_truncated import Older, silent
from crmnb.stats.models.bg_nbd_left_truncated import discounted_further as discounted_of_older
from crmnb.stats.models.churn_heterogeneity import HOMOGENEOUS_CLOCK, MAX_RATE, is_constant
from crmnb.stats.models.gamma_gamma import fit_spending
from crmnb.stats.models.gamma_gamma import log_likelihood as spending_likelihood
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit
from crmnb.stats.models.shifted_beta_geometric import fit_contract, retention
from crmnb.stats.shared_fits import shared

DAYS_PER_YEAR = 365.25
WEEKS_PER_MONTH = DAYS_PER_YEAR / 12 / 7

_fit_buying, _fit_spending, _fit_contract = shared(fit_buying), shared(fit_spending), shared(fit_contract)
_MIN_KNOWN_NEW = 0.05  # new customers for certain, out of those that may be older, to learn from
_MAX_WITHOUT_MARGIN = 0.05  # the share of repeat buyers without a margin that a model of margins may leave out
_MIN_FOLDS = 30  # of customers, for a standard error
_CLOCKS = (1e2, 3e2, 1e3, 1e4)  # values of alpha + beta for customers who hardly differ
_NO_GAIN = 0.5  # of log-likelihood
_ROUNDING = 1e-9  # of those at risk, at most: rounding of a running sum
_LOG_STEP = 1e-3  # of a logarithm, for a numerical derivative


def histories(counts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, and t_x and T in weeks, of counts that have them in days."""
    return counts["x"].to_numpy(float), counts["t_x"].to_numpy(float) / 7, counts["T"].to_numpy(float) / 7


def with_resolved_newness(groups: list[GroupedCounts]) -> tuple[list[GroupedCounts], list[Note]]:
    """The groups with guesses of which customers are older than the data accepted or rejected, and a note where that needs one.

    A guess (`before` below 0, see `crmnb.metrics.features.tenure.with_unseen`) is accepted where enough others bought again to fit a
    model to. Otherwise nobody came after the look-back, as in data of one cohort from its first purchase on: then all are taken as new.
    """
    whole = next((group.counts for group in groups if group.is_whole and "before" in group.counts), None)
    if whole is None or not (whole["before"] < 0).any():
        return groups, []
    is_repeat = whole["x"] > 0
    known_new = whole.loc[is_repeat & (whole["before"] == 0), "n"].sum()
    guesses = whole.loc[is_repeat & (whole["before"] < 0), "n"].sum()
    accepted = known_new >= max(FEWEST, _MIN_KNOWN_NEW * guesses)

    def resolved(counts: pd.DataFrame) -> pd.DataFrame:
        before = counts["before"].abs() if accepted else counts["before"].clip(lower=0)
        return counts.assign(before=before, wait=counts["wait"].where(before > 0, 0))

    groups = [replace(group, counts=resolved(group.counts)) if "before" in group.counts else group for group in groups]
    return groups, [] if accepted else [Note("all_taken_as_new")]


def new_customers(counts: pd.DataFrame) -> pd.DataFrame:
    """The customers whose first purchase is in the data. Of older ones only those who stayed are seen, which would bias churn."""
    return counts[counts["before"] <= 0] if "before" in counts else counts


def older_customers(counts: pd.DataFrame, unit: float) -> tuple[np.ndarray, Older]:
    """Which rows are of customers who are older than the data, and their histories; unit: days per unit of time."""
    is_older = counts["before"].to_numpy(float) > 0 if "before" in counts else np.zeros(len(counts), bool)
    rows = counts[is_older]
    times = (
        rows[name].to_numpy(float) / unit if is_older.any() else np.zeros(0) for name in ("t_x", "T", "before", "wait")
    )
    return is_older, Older(rows["x"].to_numpy(float), *times)


# ---- Purchases ------------------------------------------------------------------------------------------------------


def fit_purchases(counts: pd.DataFrame) -> Fit:
    """BG/NBD in weeks, of customers who came after the data begin. Raises CannotFit."""
    return _fit_new(counts, 7.0)


def fit_purchases_in_days(counts: pd.DataFrame) -> Fit:
    """BG/NBD in days, of customers who came after the data begin. Raises CannotFit."""
    return _fit_new(counts, 1.0)


def _fit_new(counts: pd.DataFrame, unit: float) -> Fit:
    new = new_customers(counts)
    history = (new[name].to_numpy(float) / scale for name, scale in (("x", 1.0), ("t_x", unit), ("T", unit)))
    try:
        return _fit_buying(*history, new["n"].to_numpy(float))
    except CannotFit as error:
        if len(new) == len(counts):
            raise
        raise CannotFit(Note("older_customers_unfit", reason=error.reason)) from error


def purchases_ahead(parameters: np.ndarray, counts: pd.DataFrame, weeks: float, rate: float = 0.0) -> np.ndarray:
    """The purchases expected of each row's customers in so many weeks, discounted at a rate a week."""
    is_older, older = older_customers(counts, 7.0)
    expected = np.zeros(len(counts))
    expected[~is_older] = discounted_further(parameters, *histories(counts[~is_older]), weeks, rate)
    if is_older.any():
        expected[is_older] = discounted_of_older(parameters, older, weeks, rate)
    return expected


def silence_ahead(parameters: np.ndarray, counts: pd.DataFrame, weeks: float) -> np.ndarray:
    """The probability of each row's customers that they buy nothing in so many weeks: they are gone, or no purchase comes."""
    is_older, older = older_customers(counts, 7.0)
    silence = np.zeros(len(counts))
    x, t_x, T = histories(counts[~is_older])
    none_while_alive = ((parameters[1] + T) / (parameters[1] + T + weeks)) ** (parameters[0] + x)
    silence[~is_older] = 1 - alive(parameters, x, t_x, T) * (1 - none_while_alive)
    if is_older.any():
        silence[is_older] = silent(parameters, older, 0.0, weeks)
    return silence


def purchases_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of purchases by a fit in days to others."""
    new = new_customers(counts)
    history = (new[name].to_numpy(float) for name in ("x", "t_x", "T"))
    return log_likelihood(fit.parameters, *history, new["n"].to_numpy(float))


def weekly_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of purchases by a fit in weeks to others."""
    new = new_customers(counts)
    return log_likelihood(fit.parameters, *histories(new), new["n"].to_numpy(float))


def number_of_parameters(fit: Fit) -> int:
    """How many parameters were fitted: those with an error."""
    return 1 if len(fit.parameters) == 2 and is_constant(fit) else int(np.linalg.matrix_rank(fit.covariance))


# ---- Margins --------------------------------------------------------------------------------------------------------


def with_margin(counts: pd.DataFrame) -> pd.DataFrame:
    """The repeat buyers with a margin, to whom Gamma-Gamma applies."""
    return counts[(counts["x"] > 0) & (counts["spend"] > 0)]


def fit_margins(counts: pd.DataFrame) -> Fit:
    """Gamma-Gamma, of the mean margin of repeat purchases. Raises CannotFit, also where many brought no margin or a loss."""
    rows = with_margin(counts)
    repeat_buyers = counts.loc[counts["x"] > 0, "n"].sum()
    if repeat_buyers - rows["n"].sum() > _MAX_WITHOUT_MARGIN * repeat_buyers:
        raise CannotFit(Note("many_without_margin", share=_MAX_WITHOUT_MARGIN))
    x = rows["x"].to_numpy(float)
    return _fit_spending(x, rows["spend"].to_numpy(float) / x, rows["n"].to_numpy(float))


def margins_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of the mean margin of repeat purchases by a fit to others."""
    rows = with_margin(counts)
    x, spend = rows["x"].to_numpy(float), rows["spend"].to_numpy(float)
    return spending_likelihood(fit.parameters, x, spend / x, rows["n"].to_numpy(float))


# ---- Renewals -------------------------------------------------------------------------------------------------------


def fit_renewals(counts: pd.DataFrame, months: int) -> Fit:
    """The shifted beta-geometric, of contracts that renew every so many months. Raises CannotFit.

    counts: `entry`, `last` and `lost` in months. A renewal counts where it was observed from beginning to end, or until the loss.
    Where churn does not fall with age, the likelihood has its maximum in the limit of equal customers: that is the fit.
    """
    return _fit_renewals(*renewals(counts, months))


def _fit_renewals(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    if not len(age):
        raise CannotFit(Note("no_whole_renewal"))
    if _falls(age, at_risk, lost):
        try:
            return _fit_contract(age, at_risk, lost)
        except CannotFit:  # the maximum is too far out to be found
            if lost.sum() < FEWEST or len(age) < 2 or not _is_flat(age, at_risk, lost):
                raise
    if not 0 < lost.sum() < at_risk.sum():
        raise CannotFit(Note("no_renewal_rate"))
    return _constant(at_risk, lost)


def fit_constant_rate(counts: pd.DataFrame, months: int, fewest: int = 3) -> Fit:
    """One constant churn rate, the limit of that model, which few losses determine. Raises CannotFit."""
    _, at_risk, lost = renewals(counts, months)
    if not fewest <= lost.sum() < at_risk.sum():
        raise CannotFit(Note("few_losses", fewest=fewest))
    return _constant(at_risk, lost)


def fit_proportional_rate(
    counts: pd.DataFrame, months: int, like: Fit, fewest: int = 3, weights: np.ndarray | None = None
) -> Fit:
    """Churn rates proportional to those of the larger group that the customers are part of. Raises CannotFit.

    Of the shifted beta-geometric's rates, alpha / (alpha + beta + age - 1), alpha is fitted and alpha + beta is that of `like`.
    weights: as of `renewals`. The covariance takes alpha + beta as known. A constant rate would be too high at every age that few of
    those lost had reached.
    """
    weights = None if weights is None else _normalised(counts, months, weights)
    return _fit_proportional(*renewals(counts, months, weights), like, fewest)


def _fit_proportional(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray, like: Fit, fewest: int) -> Fit:
    if not fewest <= lost.sum() < at_risk.sum():
        raise CannotFit(Note("few_losses", fewest=fewest))
    if is_constant(like):
        return _constant(at_risk, lost)
    clock = like.parameters.sum()
    shape, renewed = clock / (clock + age - 1), at_risk - lost

    def slope(rate: float) -> float:
        return lost.sum() - renewed @ (rate * shape / (1 - rate * shape))

    rate = MAX_RATE if slope(MAX_RATE) > 0 else optimize.brentq(slope, _ROUNDING, MAX_RATE, xtol=1e-14)
    churn = rate * shape
    variance = 1 / (renewed @ (churn / (1 - churn) ** 2))  # of the rate's logarithm
    derivative = np.array([1.0, -rate / (1 - rate)])  # of the logarithms of alpha and beta by it
    log_likelihood = lost @ np.log(churn) + renewed @ np.log1p(-churn)
    parameters = clock * np.array([rate, 1 - rate])
    return Fit(parameters, variance * np.outer(derivative, derivative), float(log_likelihood), float(lost.sum()))


def fit_paid_renewals(counts: pd.DataFrame, months: int, weights: np.ndarray) -> tuple[Fit, np.ndarray]:
    """The fit of renewals weighted by what customers pay (all n of a row together): the share of the margin lost at each age.

    Returns the fit, and the influence of each fold of customers (a row each) on the logarithms of its parameters: the covariance is the
    sum of their squares, as a weighted likelihood's own curvature does not show its error (Godambe 1960; White 1982, Econometrica
    50:1). Raises CannotFit.
    """
    unweighted = fit_renewals(counts, months)  # raises where there are too few
    weights = _normalised(counts, months, weights)
    fit = _fit_renewals(*renewals(counts, months, weights))
    folds = sorted(counts["fold"].unique())
    if len(folds) < _MIN_FOLDS:
        return replace(fit, covariance=unweighted.covariance), np.zeros((0, 2))
    influence = influence_by_fold(fit, counts, months, weights, folds)
    return replace(fit, covariance=influence.T @ influence), influence


def _normalised(counts: pd.DataFrame, months: int, weights: np.ndarray) -> np.ndarray:
    """The weights scaled so that losses are as many as without them: the fit is the same at any scale. Raises CannotFit."""
    weighted = renewals(counts, months, weights)[2].sum()
    if not weighted > 0:
        raise CannotFit(Note("no_paying_losses"))
    return weights * (renewals(counts, months)[2].sum() / weighted)


def influence_by_fold(fit: Fit, counts: pd.DataFrame, months: int, weights: np.ndarray, folds: list) -> np.ndarray:
    """The influence of each of these folds on the logarithms of a fit's parameters, to the first order: (folds, 2)."""
    age = renewals(counts, months, weights)[0]
    place = np.searchsorted(folds, counts["fold"].to_numpy())
    at_risk, lost = _tally(counts, months, weights, place, len(folds))
    return _influence(fit, age, at_risk[:, age], lost[:, age]) * np.sqrt(len(folds) / (len(folds) - 1))


def losses_by_fold(counts: pd.DataFrame, months: int, fit: Fit) -> pd.DataFrame:
    """How many customers each fold lost at renewals (`lost`), and how many a fit expects (`expected`)."""
    folds, place = np.unique(counts["fold"], return_inverse=True)
    at_risk, lost = _tally(counts, months, counts["n"].to_numpy(float), place, len(folds))
    churn = 1 - retention(fit.parameters, np.arange(1, at_risk.shape[1]))
    return pd.DataFrame({"lost": lost[:, 1:].sum(1), "expected": at_risk[:, 1:] @ churn}, folds)


def clock_elasticity(counts: pd.DataFrame, months: int, like: Fit, weights: np.ndarray | None = None) -> np.ndarray:
    """The derivatives of the log parameters of `fit_proportional_rate` by the log of the alpha + beta that they borrow: (2,)."""
    ends = []
    for step in (_LOG_STEP, -_LOG_STEP):
        shifted = replace(like, parameters=like.parameters * np.exp(step))
        ends.append(np.log(fit_proportional_rate(counts, months, shifted, 1, weights).parameters))
    return (ends[0] - ends[1]) / (2 * _LOG_STEP)


def _influence(fit: Fit, age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """The influence of each fold (a row of at_risk and lost, by age) on the logarithms of the parameters, to the first order."""
    if is_constant(fit):
        rate = fit.parameters[0] / fit.parameters.sum()
        of_logit = (lost - rate * at_risk).sum(1) / (rate * (1 - rate) * at_risk.sum())
        return np.column_stack([of_logit, -of_logit]) / 2
    alpha, beta = fit.parameters
    stay, total = beta + age - 1, alpha + beta + age - 1
    score_total = at_risk @ (1 / total)
    scores = np.column_stack([lost.sum(1) - alpha * score_total, beta * ((at_risk - lost) @ (1 / stay) - score_total)])
    return scores @ fit.covariance


def renewals_likelihood(counts: pd.DataFrame, months: int, fit: Fit) -> float:
    """The log-likelihood of renewals by a fit to others; of parts of customers it adds up to that of all."""
    age, at_risk, lost = renewals(counts, months)
    churn = 1 - retention(fit.parameters, age)
    return float(lost @ np.log(churn) + (at_risk - lost) @ np.log1p(-churn))


def renewals(
    counts: pd.DataFrame, months: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The observed renewals: their age (1 the first), how many customers came to them, and how many left.

    weights: of each row, in place of its number of customers.
    """
    n = counts["n"].to_numpy(float) if weights is None else weights
    at_risk, lost = (tally[0] for tally in _tally(counts, months, n, np.zeros(len(counts), int), 1))
    age = np.flatnonzero(at_risk > _ROUNDING * at_risk.max(initial=0.0))
    # Of weights, a running sum may end a rounding error below the losses.
    return age, np.maximum(at_risk[age], lost[age]), lost[age]


def _tally(
    counts: pd.DataFrame, months: int, n: np.ndarray, part: np.ndarray, parts: int
) -> tuple[np.ndarray, np.ndarray]:
    """How many came to each renewal and how many left at it, (parts, renewals); part: that of each row."""
    first, last_month = (counts[name].to_numpy(float) for name in ("entry", "last"))
    entry = np.ceil((first - 1) / months) + 1
    lost_at = np.ceil(last_month / months)
    lost = (counts["lost"].to_numpy() == 1) & (lost_at >= entry)
    last = np.where(lost, lost_at, last_month // months)
    known = last >= entry
    columns = (entry.astype(int), last.astype(int), lost, n, part)
    entry, last, lost, n, part = (column[known] for column in columns)
    change, losses = np.zeros((parts, last.max(initial=0) + 2)), np.zeros((parts, last.max(initial=0) + 2))
    np.add.at(change, (part, entry), n)
    np.subtract.at(change, (part, last + 1), n)
    np.add.at(losses, (part[lost], last[lost]), n[lost])
    return np.cumsum(change, axis=1), losses


def p_value_of_falling_churn(counts: pd.DataFrame, months: int) -> float:
    """The p-value that churn falls with age by chance alone: the likelihood ratio test of one constant rate. Raises CannotFit.

    It lies on the edge of the model, where half of all samples have their maximum (Self & Liang 1987, JASA 82:605). Forecasts do not
    depend on it: taking one rate wherever the test does not reject would ignore the uncertainty.
    """
    age, at_risk, lost = renewals(counts, months)
    gain = _fit_renewals(age, at_risk, lost).log_likelihood - _constant(at_risk, lost).log_likelihood
    return float(special.chdtrc(1, 2 * gain) / 2) if gain > _ROUNDING else 1.0


def _falls(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> bool:
    """Whether the model has a maximum inside: by the derivative of its likelihood at the limit of equal customers.

    There the churn rate falls with age as rate / (1 + (age - 1) / K), K infinite. With too few losses the model itself refuses.
    """
    slope = ((age - 1) * (lost.sum() / at_risk.sum() * at_risk - lost)).sum()
    return bool(slope > 0 or lost.sum() < FEWEST or len(age) < 2)


def _is_flat(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> bool:
    """Whether churn falls so little with age that the limit's likelihood is as good: then only the limit is known."""
    rate, constant = lost.sum() / at_risk.sum(), _constant(at_risk, lost).log_likelihood
    churn_rates = (rate * clock / (clock + age - 1) for clock in _CLOCKS)
    gain = max(float(lost @ np.log(churn) + (at_risk - lost) @ np.log1p(-churn)) for churn in churn_rates) - constant
    return gain < _NO_GAIN


def _constant(at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    """That limit, as a very large alpha and beta: the error of their ratio is that of a share of renewals."""
    rate = lost.sum() / at_risk.sum()
    variance = 1 / lost.sum() + 1 / (at_risk.sum() - lost.sum())  # of the logit
    parameters = HOMOGENEOUS_CLOCK * np.array([rate, 1 - rate])
    log_likelihood = lost.sum() * np.log(rate) + (at_risk.sum() - lost.sum()) * np.log1p(-rate)
    return Fit(parameters, np.diag([variance / 2, variance / 2]), float(log_likelihood), float(lost.sum()))
