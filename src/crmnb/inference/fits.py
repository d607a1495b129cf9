"""Fits: models of customers' worth, fitted to a group's counts of alike histories (`crmnb.histories`)."""

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
import pandas as pd

from crmnb.models.buying import fit_buying
from crmnb.models.contract import fit_contract, retention
from crmnb.models.likelihood import FEWEST, CannotFit, Fit
from crmnb.models.spending import fit_spending

_FITTED: dict[bytes, Fit] = {}
_REMEMBERED = 16  # fits; a report's metrics ask for far fewer

DAYS_A_YEAR = 365.25
WEEKS_A_MONTH = DAYS_A_YEAR / 12 / 7
_LOSSES = 0.05  # of those who bought again, the share without a margin that may be left out of a model of margins
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


def of_purchases(counts: pd.DataFrame) -> Fit:
    """BG/NBD, whose time is weeks. Raises CannotFit."""
    return once(fit_buying, *histories(counts), counts["n"].to_numpy(float))


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


def of_renewals(counts: pd.DataFrame, months: int) -> Fit:
    """The shifted beta-geometric, of contracts that renew every so many months. Raises CannotFit.

    counts: `entry`, `last` and `lost` in months. A renewal counts where it was seen from beginning to end, or until the loss.
    Where losses do not fall with age, the likelihood has its maximum in the limit of customers who are all alike: that is given.
    """
    age, at_risk, lost = _renewals(counts, months)
    if not len(age):
        raise CannotFit("no renewal was seen from beginning to end")
    return fit_contract(age, at_risk, lost) if _falls(age, at_risk, lost) else _constant(at_risk, lost)


def likelihood_of_renewals(counts: pd.DataFrame, months: int, fit: Fit) -> float:
    """The log-likelihood of such contracts by a fit to others; of parts of customers it adds up to that of all."""
    age, at_risk, lost = _renewals(counts, months)
    leave = 1 - retention(fit.parameters, age)
    return float(lost @ np.log(leave) + (at_risk - lost) @ np.log1p(-leave))


def _renewals(counts: pd.DataFrame, months: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The renewals that were seen: their age (1 the first), how many customers came to them, and how many left."""
    first, last_month, n = (counts[name].to_numpy(float) for name in ("entry", "last", "n"))
    entry = np.ceil((first - 1) / months) + 1
    gone = np.ceil(last_month / months)
    lost = (counts["lost"].to_numpy() == 1) & (gone >= entry)
    last = np.where(lost, gone, last_month // months)
    known = last >= entry
    if not known.any():
        return np.zeros(0), np.zeros(0), np.zeros(0)
    entry, last, lost, n = (each[known] for each in (entry.astype(int), last.astype(int), lost, n))
    size = last.max() + 2
    at_risk = np.cumsum(np.bincount(entry, n, size) - np.bincount(last + 1, n, size))
    age = np.flatnonzero(at_risk > 0.5)
    return age, at_risk[age], np.bincount(last[lost], n[lost], size)[age]


def is_constant(fit: Fit) -> bool:
    """Whether it is the limit of the shifted beta-geometric in which all leave at one rate."""
    return bool(fit.parameters.sum() > _ALIKE / 2)


def _falls(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> bool:
    """Whether the model has a maximum inside: by the derivative of its likelihood at the limit where all are alike.

    There the rate of leaving falls with age as rate / (1 + (age - 1) / K), K infinite. Too few losses are for the model to refuse.
    """
    slope = ((age - 1) * (lost.sum() / at_risk.sum() * at_risk - lost)).sum()
    return bool(slope > 0 or lost.sum() < FEWEST or len(age) < 2)


def _constant(at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    """That limit, as a very large alpha and beta: what is known of their ratio is what is known of a share of renewals."""
    rate = lost.sum() / at_risk.sum()
    error = 1 / lost.sum() + 1 / (at_risk.sum() - lost.sum())  # of the logit, squared
    parameters = _ALIKE * np.array([rate, 1 - rate])
    log_likelihood = lost.sum() * np.log(rate) + (at_risk.sum() - lost.sum()) * np.log1p(-rate)
    return Fit(parameters, np.diag([error / 2, error / 2]), float(log_likelihood), float(lost.sum()))
