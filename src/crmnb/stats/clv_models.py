"""Fits: models of customers' worth, fitted to a group's counts of alike histories (`crmnb.metrics.features.purchase_history`)."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pandas as pd
from scipy import optimize, stats

from crmnb.stats.estimation import GroupedCounts
from crmnb.stats.models.bg_nbd import discounted_further, fit_buying, log_likelihood
from crmnb.stats.models.bg_nbd_left_truncated import Older
from crmnb.stats.models.bg_nbd_left_truncated import discounted_further as discounted_of_older
from crmnb.stats.models.gamma_gamma import fit_spending
from crmnb.stats.models.gamma_gamma import log_likelihood as spending_likelihood
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit
from crmnb.stats.models.shifted_beta_geometric import fit_contract, retention

_FITTED: dict[bytes, Fit] = {}
_OF_GUESSES = 0.05  # so many of who may be older must have come later, to learn from them
_REMEMBERED = 256  # fits; a report's metrics ask for fewer, of its levels, too

DAYS_A_YEAR = 365.25
WEEKS_A_MONTH = DAYS_A_YEAR / 12 / 7
_LOSSES = 0.05  # of those who bought again, the share without a margin that may be left out of a model of margins
_FEWEST_FOLDS = 30  # of customers, that tell an error
_ALIKENESS = (1e2, 3e2, 1e3, 1e4)  # values of alpha + beta, of customers who hardly differ
_NO_GAIN = 0.5  # of log-likelihood
_NOBODY = 1e-9  # of those at risk at most: rounding of a running sum
_A_LITTLE = 1e-3  # of a logarithm, for a difference
_NEARLY_ALL = 0.9999  # leave at the first renewal: a rate that is fitted does not come nearer to 1
_ALIKE = 1e9  # alpha + beta, from which on customers differ by less than can matter


def histories(counts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, and t_x and T in weeks, of counts that have them in days."""
    return counts["x"].to_numpy(float), counts["t_x"].to_numpy(float) / 7, counts["T"].to_numpy(float) / 7


def once(fit: Callable[..., Fit], *arrays: np.ndarray) -> Fit:
    """The fit to these arrays; what several metrics ask of the same histories is worked out once. Raises CannotFit."""
    told = blake2b(fit.__name__.encode())
    for each in arrays:
        told.update(each.tobytes())
    if told.digest() not in _FITTED:
        found = fit(*arrays)
        while len(_FITTED) >= _REMEMBERED:
            del _FITTED[next(iter(_FITTED))]
        _FITTED[told.digest()] = found
    return _FITTED[told.digest()]


def newness_settled(groups: list[GroupedCounts]) -> tuple[list[GroupedCounts], str]:
    """The groups, guesses of who is older than the data taken or left; and what is to be said of it.

    A guess (`before` below 0, see `crmnb.metrics.features.tenure.with_unseen`) is taken where enough others bought again to fit a model to. Else nobody came
    after the look-back, as where the data hold one cohort from its first purchase on: then all are taken to be new, and that is said.
    """
    whole = next((group.counts for group in groups if group.is_whole and "before" in group.counts), None)
    if whole is None or not (whole["before"] < 0).any():
        return groups, ""
    again = whole["x"] > 0
    others = whole.loc[again & (whole["before"] == 0), "n"].sum()
    taken = others >= max(FEWEST, _OF_GUESSES * whole.loc[again & (whole["before"] < 0), "n"].sum())

    def settled(counts: pd.DataFrame) -> pd.DataFrame:
        before = counts["before"].abs() if taken else counts["before"].clip(lower=0)
        return counts.assign(before=before, wait=counts["wait"].where(before > 0, 0))

    said = (
        ""
        if taken
        else (
            "Nearly all customers were first seen soon after the data begin. They are taken to be new then; where they are older, the value is too high "
            "and losses too low (joined_at in the table customers tells it)."
        )
    )
    return [
        replace(group, counts=settled(group.counts)) if "before" in group.counts else group for group in groups
    ], said


def are_new(counts: pd.DataFrame) -> pd.DataFrame:
    """Those whose first purchase is in the data. Of older ones only those are seen who stayed: they would make others too loyal."""
    return counts[counts["before"] <= 0] if "before" in counts else counts


def _of_new(counts: pd.DataFrame, unit: float) -> Fit:
    new = are_new(counts)
    history = (new[name].to_numpy(float) / scale for name, scale in (("x", 1.0), ("t_x", unit), ("T", unit)))
    try:
        return once(fit_buying, *history, new["n"].to_numpy(float))
    except CannotFit as no:
        if len(new) == len(counts):
            raise
        raise CannotFit(f"{no}; customers who are older than the data do not tell it") from no


def of_purchases(counts: pd.DataFrame) -> Fit:
    """BG/NBD, whose time is weeks, of those who came after the data begin. Raises CannotFit."""
    return _of_new(counts, 7.0)


def of_days(counts: pd.DataFrame) -> Fit:
    """The same, whose time is days. Raises CannotFit."""
    return _of_new(counts, 1.0)


def older_of(counts: pd.DataFrame, unit: float) -> tuple[np.ndarray, Older]:
    """Which rows are of customers who are older than the data, and their histories; unit: days of the time's unit."""
    older = counts["before"].to_numpy(float) > 0 if "before" in counts else np.zeros(len(counts), bool)
    some = counts[older]
    times = (
        some[name].to_numpy(float) / unit if older.any() else np.zeros(0) for name in ("t_x", "T", "before", "wait")
    )
    return older, Older(some["x"].to_numpy(float), *times)


def purchases_ahead(parameters: np.ndarray, counts: pd.DataFrame, weeks: float, rate: float = 0.0) -> np.ndarray:
    """The purchases expected of each row's customers in so many weeks, discounted at a rate a week."""
    older, histories_of_older = older_of(counts, 7.0)
    found = np.zeros(len(counts))
    found[~older] = discounted_further(parameters, *histories(counts[~older]), weeks, rate)
    if older.any():
        found[older] = discounted_of_older(parameters, histories_of_older, weeks, rate)
    return found


def purchases_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of purchases, whose time is days, by a fit to others in days."""
    new = are_new(counts)
    history = (new[name].to_numpy(float) for name in ("x", "t_x", "T"))
    return log_likelihood(fit.parameters, *history, new["n"].to_numpy(float))


def weekly_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of purchases by a fit to others whose time is weeks."""
    new = are_new(counts)
    return log_likelihood(fit.parameters, *histories(new), new["n"].to_numpy(float))


def parameters_of(fit: Fit) -> int:
    """How many parameters were fitted: those of which something is unsure."""
    return 1 if len(fit.parameters) == 2 and is_constant(fit) else int(np.linalg.matrix_rank(fit.covariance))


def with_margin(counts: pd.DataFrame) -> pd.DataFrame:
    """Those who bought again, and with any margin, which is what Gamma-Gamma speaks of."""
    return counts[(counts["x"] > 0) & (counts["spend"] > 0)]


def of_margins(counts: pd.DataFrame) -> Fit:
    """Gamma-Gamma, of the mean margin of repeat purchases. Raises CannotFit, also where many brought no margin or a loss."""
    told = with_margin(counts)
    again = counts.loc[counts["x"] > 0, "n"].sum()
    if again - told["n"].sum() > _LOSSES * again:
        raise CannotFit(
            f"more than {100 * _LOSSES:.0f} % of those who bought again brought no margin with it, or a loss, for which the model of "
            "spending has no room"
        )
    x = told["x"].to_numpy(float)
    return once(fit_spending, x, told["spend"].to_numpy(float) / x, told["n"].to_numpy(float))


def margins_likelihood(counts: pd.DataFrame, fit: Fit) -> float:
    """The log-likelihood of the mean margin of repeat purchases by a fit to others."""
    told = with_margin(counts)
    x, spend = told["x"].to_numpy(float), told["spend"].to_numpy(float)
    return spending_likelihood(fit.parameters, x, spend / x, told["n"].to_numpy(float))


def of_renewals(counts: pd.DataFrame, months: int) -> Fit:
    """The shifted beta-geometric, of contracts that renew every so many months. Raises CannotFit.

    counts: `entry`, `last` and `lost` in months. A renewal counts where it was seen from beginning to end, or until the loss.
    Where losses do not fall with age, the likelihood has its maximum in the limit of customers who are all alike: that is given.
    """
    return _of_renewals(*renewals(counts, months))


def _of_renewals(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    if not len(age):
        raise CannotFit("no renewal was seen from beginning to end")
    if _falls(age, at_risk, lost):
        try:
            return once(fit_contract, age, at_risk, lost)
        except CannotFit:  # the maximum is so far out that it is not found
            if lost.sum() < FEWEST or len(age) < 2 or not _flat(age, at_risk, lost):
                raise
    if not 0 < lost.sum() < at_risk.sum():
        raise CannotFit("all who came to a renewal left, or none did, which tells no rate")
    return _constant(at_risk, lost)


def of_one_rate(counts: pd.DataFrame, months: int, fewest: int = 3) -> Fit:
    """One constant rate of leaving, the limit of that model, which takes few losses to know. Raises CannotFit."""
    _, at_risk, lost = renewals(counts, months)
    if not fewest <= lost.sum() < at_risk.sum():
        raise CannotFit(f"fewer than {fewest} customers left")
    return _constant(at_risk, lost)


def of_own_rate(
    counts: pd.DataFrame, months: int, like: Fit, fewest: int = 3, weights: np.ndarray | None = None
) -> Fit:
    """A rate of leaving of their own that falls with age as that of the customers they are parted from. Raises CannotFit.

    Of the shifted beta-geometric's rates, alpha / (alpha + beta + age - 1), alpha is fitted and alpha + beta is that of `like`: rates are
    proportional to its own. weights: as of `renewals`. The covariance takes the clock as known. A constant rate would be too high at every age
    that few of those lost had reached.
    """
    weights = None if weights is None else _as_many(counts, months, weights)
    return _of_own_rate(*renewals(counts, months, weights), like, fewest)


def _of_own_rate(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray, like: Fit, fewest: int) -> Fit:
    if not fewest <= lost.sum() < at_risk.sum():
        raise CannotFit(f"fewer than {fewest} customers left")
    if is_constant(like):
        return _constant(at_risk, lost)
    clock = like.parameters.sum()
    falls, renewed = clock / (clock + age - 1), at_risk - lost

    def slope(rate: float) -> float:
        return lost.sum() - renewed @ (rate * falls / (1 - rate * falls))

    rate = _NEARLY_ALL if slope(_NEARLY_ALL) > 0 else optimize.brentq(slope, _NOBODY, _NEARLY_ALL, xtol=1e-14)
    leaving = rate * falls
    variance = 1 / (renewed @ (leaving / (1 - leaving) ** 2))  # of the rate's logarithm
    by = np.array([1.0, -rate / (1 - rate)])  # of the logarithms of alpha and beta, by it
    log_likelihood = lost @ np.log(leaving) + renewed @ np.log1p(-leaving)
    parameters = clock * np.array([rate, 1 - rate])
    return Fit(parameters, variance * np.outer(by, by), float(log_likelihood), float(lost.sum()))


def of_paid_renewals(counts: pd.DataFrame, months: int, weights: np.ndarray) -> tuple[Fit, np.ndarray]:
    """The same of renewals by what customers pay (weights: of all n of a row together): how much of the margin is lost at each age.

    Gives the fit, and what each fold of customers (a row each) adds to the logarithms of its parameters: the covariance is the sum of
    their squares, as a weighted likelihood's own curvature does not tell its error (Godambe 1960; White 1982, Econometrica 50:1).
    Raises CannotFit.
    """
    head = of_renewals(counts, months)  # which refuses what is too little
    weights = _as_many(counts, months, weights)
    fit = _of_renewals(*renewals(counts, months, weights))
    folds = sorted(counts["fold"].unique())
    if len(folds) < _FEWEST_FOLDS:
        return replace(fit, covariance=head.covariance), np.zeros((0, 2))
    added = added_by_fold(fit, counts, months, weights, folds)
    return replace(fit, covariance=added.T @ added), added


def _as_many(counts: pd.DataFrame, months: int, weights: np.ndarray) -> np.ndarray:
    """The weights so that losses are as many as without them: the fit is the same at any scale. Raises CannotFit."""
    paid = renewals(counts, months, weights)[2].sum()
    if not paid > 0:
        raise CannotFit("none of those who pay left")
    return weights * (renewals(counts, months)[2].sum() / paid)


def added_by_fold(fit: Fit, counts: pd.DataFrame, months: int, weights: np.ndarray, folds: list) -> np.ndarray:
    """What each of these folds adds to the logarithms of a fit's parameters, to the first order: (folds, 2)."""
    age = renewals(counts, months, weights)[0]
    place = np.searchsorted(folds, counts["fold"].to_numpy())
    by_fold = _tallied(counts, months, weights, place, len(folds))
    return _added(fit, age, *(each[:, age] for each in by_fold)) * np.sqrt(len(folds) / (len(folds) - 1))


def by_clock(counts: pd.DataFrame, months: int, like: Fit, weights: np.ndarray | None = None) -> np.ndarray:
    """How the logarithms of the parameters of `of_own_rate` go with that of the clock (alpha + beta) they borrow, (2,)."""
    ends = [
        np.log(
            of_own_rate(counts, months, replace(like, parameters=like.parameters * np.exp(by)), 1, weights).parameters
        )
        for by in (_A_LITTLE, -_A_LITTLE)
    ]
    return (ends[0] - ends[1]) / (2 * _A_LITTLE)


def _added(fit: Fit, age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """What each fold (a row of at_risk and lost, by age) adds to the logarithms of the fitted parameters, to the first order."""
    if is_constant(fit):
        rate = fit.parameters[0] / fit.parameters.sum()
        of_logit = (lost - rate * at_risk).sum(1) / (rate * (1 - rate) * at_risk.sum())
        return np.column_stack([of_logit, -of_logit]) / 2
    alpha, beta = fit.parameters
    stay, both = beta + age - 1, alpha + beta + age - 1
    of_both = at_risk @ (1 / both)
    scores = np.column_stack([lost.sum(1) - alpha * of_both, beta * ((at_risk - lost) @ (1 / stay) - of_both)])
    return scores @ fit.covariance


def likelihood_of_renewals(counts: pd.DataFrame, months: int, fit: Fit) -> float:
    """The log-likelihood of such contracts by a fit to others; of parts of customers it adds up to that of all."""
    age, at_risk, lost = renewals(counts, months)
    leave = 1 - retention(fit.parameters, age)
    return float(lost @ np.log(leave) + (at_risk - lost) @ np.log1p(-leave))


def renewals(
    counts: pd.DataFrame, months: int, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The renewals that were seen: their age (1 the first), how many customers came to them, and how many left.

    weights: of each row, what to count instead of its customers.
    """
    n = counts["n"].to_numpy(float) if weights is None else weights
    at_risk, lost = (each[0] for each in _tallied(counts, months, n, np.zeros(len(counts), int), 1))
    age = np.flatnonzero(at_risk > _NOBODY * at_risk.max(initial=0.0))
    return (
        age,
        np.maximum(at_risk[age], lost[age]),
        lost[age],
    )  # of weights, a running sum may end a rounding error below


def _tallied(
    counts: pd.DataFrame, months: int, n: np.ndarray, part: np.ndarray, parts: int
) -> tuple[np.ndarray, np.ndarray]:
    """How many came to each renewal and how many left at it, (parts, renewals); part: that of each row."""
    first, last_month = (counts[name].to_numpy(float) for name in ("entry", "last"))
    entry = np.ceil((first - 1) / months) + 1
    gone = np.ceil(last_month / months)
    lost = (counts["lost"].to_numpy() == 1) & (gone >= entry)
    last = np.where(lost, gone, last_month // months)
    known = last >= entry
    entry, last, lost, n, part = (each[known] for each in (entry.astype(int), last.astype(int), lost, n, part))
    change, left = np.zeros((parts, last.max(initial=0) + 2)), np.zeros((parts, last.max(initial=0) + 2))
    np.add.at(change, (part, entry), n)
    np.subtract.at(change, (part, last + 1), n)
    np.add.at(left, (part[lost], last[lost]), n[lost])
    return np.cumsum(change, axis=1), left


def falling(counts: pd.DataFrame, months: int) -> float:
    """The p-value that losses fall with age by chance alone: the likelihood ratio test of one constant rate. Raises CannotFit.

    It lies on the edge of the model, where half of all samples have their maximum (Self & Liang 1987, JASA 82:605). Forecasts do not
    hang on it: taking one rate wherever the test does not reject would forget how little is known of it.
    """
    age, at_risk, lost = renewals(counts, months)
    gain = _of_renewals(age, at_risk, lost).log_likelihood - _constant(at_risk, lost).log_likelihood
    return float(stats.chi2.sf(2 * gain, 1) / 2) if gain > _NOBODY else 1.0


def is_constant(fit: Fit) -> bool:
    """Whether it is the limit of the shifted beta-geometric in which all leave at one rate."""
    return bool(fit.parameters.sum() > _ALIKE / 2)


def _falls(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> bool:
    """Whether the model has a maximum inside: by the derivative of its likelihood at the limit where all are alike.

    There the rate of leaving falls with age as rate / (1 + (age - 1) / K), K infinite. Too few losses are for the model to refuse.
    """
    slope = ((age - 1) * (lost.sum() / at_risk.sum() * at_risk - lost)).sum()
    return bool(slope > 0 or lost.sum() < FEWEST or len(age) < 2)


def _flat(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> bool:
    """Whether losses fall so little with age that the likelihood of ever less falling is as good: the limit is then all that is known."""
    rate, constant = lost.sum() / at_risk.sum(), _constant(at_risk, lost).log_likelihood
    leaving = (rate * k / (k + age - 1) for k in _ALIKENESS)
    gain = max(float(lost @ np.log(h) + (at_risk - lost) @ np.log1p(-h)) for h in leaving) - constant
    return gain < _NO_GAIN


def _constant(at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    """That limit, as a very large alpha and beta: what is known of their ratio is what is known of a share of renewals."""
    rate = lost.sum() / at_risk.sum()
    error = 1 / lost.sum() + 1 / (at_risk.sum() - lost.sum())  # of the logit, squared
    parameters = _ALIKE * np.array([rate, 1 - rate])
    log_likelihood = lost.sum() * np.log(rate) + (at_risk.sum() - lost.sum()) * np.log1p(-rate)
    return Fit(parameters, np.diag([error / 2, error / 2]), float(log_likelihood), float(lost.sum()))
