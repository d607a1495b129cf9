"""Hazards: Cox's proportional hazards model from counts, and the check that hazards are proportional.

Data are as in `crmnb.stats.models.kaplan_meier` (entry, duration, event, n), with a row of covariates each; rows that are equal in all of them
may stand once with their count, which is a frequency: the fit is that of the rows written out.

Sources. Cox 1972, JRSS-B 34:187. Efron 1977, JASA 72:557, and Klein & Moeschberger 2003, Survival Analysis, 2nd ed., (8.4.2)
(ties). Grambsch & Therneau 1994, Biometrika 81:515 (the check); Therneau & Grambsch 2000, Modeling Survival Data, 6.2.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from crmnb.core.notes import Note
from crmnb.stats.models.kaplan_meier import checked, kaplan_meier
from crmnb.stats.models.maximum_likelihood import CannotFit

# Of the standardised covariates: a fit has arrived where no coefficient moves by more, and has not where it took more steps.
ARRIVED = 1e-9
STEPS = 40
# Information of standardised covariates along a direction, of that along the best known one, that is none.
NO_INFORMATION = 1e-9
# Codes of refusals that name covariates.
UNKNOWN = "covariates_without_information"
TOO_FAR = "covariates_with_outliers"
SEPARATED = "covariates_separated"


@dataclass(frozen=True)
class Fit:
    """A fitted Cox model.

    coefficients: log hazard ratios per unit of each covariate; covariance: theirs, from the observed information.
    log_likelihood: partial; null_log_likelihood: with all coefficients 0. n: customers, events: of them with the event.
    """

    coefficients: pd.Series
    covariance: pd.DataFrame
    log_likelihood: float
    null_log_likelihood: float
    n: float
    events: float


@dataclass(frozen=True)
class _Data:
    """What every step of the fit needs: rows with standardised covariates, and which event times each is at risk at."""

    x: np.ndarray  # rows x covariates
    n: np.ndarray
    died: np.ndarray  # the rows with the event
    first: np.ndarray  # a row is at risk at the event times first <= i < end, and dies at end - 1
    end: np.ndarray
    time: np.ndarray  # the distinct event times
    tie: np.ndarray  # of each death: the place of its time,
    efron_share: np.ndarray  # and the share of those who die then that is, by Efron, not at risk any more
    scale: np.ndarray  # the covariates' standard deviations
    names: list


@dataclass(frozen=True)
class _Ties:
    """Sums over the deaths of each event time: of f^j / left^k, where `left` are the hazards still at risk."""

    p: np.ndarray  # j, k = 0, 1
    fp: np.ndarray  # 1, 1
    pp: np.ndarray  # 0, 2
    fpp: np.ndarray  # 1, 2
    ffpp: np.ndarray  # 2, 2


def cox(entry, duration, event, X, n) -> Fit:
    """Cox's model, ties by Efron, late entry and counts allowed, by Newton's method with step halving.

    X: a frame (or array) with a row per row of data and a column per covariate, numbers without gaps. event: 0 or 1. n: whole numbers.
    Raises CannotFit, naming the covariates, where there is no event, or a covariate does not vary among those at risk, follows from
    others, or tells the event without fail, so that its coefficient is infinite; ValueError where the arrays cannot be meant.
    """
    data = _prepared(entry, duration, event, X, n)
    beta = np.zeros(data.x.shape[1])
    likelihood, slope, information = _at(data, beta)
    null = likelihood
    _require_information(information, data.names, UNKNOWN)
    for _ in range(STEPS):
        step = np.linalg.solve(information, slope)
        if np.abs(step).max() < ARRIVED:
            break
        beta, likelihood, slope, information = _climbed(data, beta, step, likelihood)
        _require_information(information, data.names, SEPARATED)
    else:
        raise CannotFit(_refusal(data.names, np.abs(step) > ARRIVED, SEPARATED))
    covariance = np.linalg.inv(information) / np.outer(data.scale, data.scale)
    return Fit(
        coefficients=pd.Series(beta / data.scale, data.names),
        covariance=pd.DataFrame(covariance, data.names, data.names),
        log_likelihood=likelihood,
        null_log_likelihood=null,
        n=float(data.n.sum()),
        events=float(len(data.tie)),
    )


def _prepared(entry, duration, event, X, n) -> _Data:
    X, some = pd.DataFrame(X), np.asarray(n) != 0
    names, x = list(X.columns), X.to_numpy(float)
    if len(x) != len(some) or not np.isfinite(x).all():
        raise ValueError("each row is to have a number for each covariate")
    entry, duration, event, n = checked(entry, duration, event, n)
    x, died = x[some], event > 0
    if not np.isin(event, (0, 1)).all() or (n % 1).any():
        raise ValueError("event is to be 0 or 1, and n a whole number")
    if not died.any():
        raise CannotFit(Note("no_events"))
    time, place = np.unique(duration[died], return_inverse=True)
    first = np.searchsorted(time, np.where(entry > 0, entry, -np.inf), side="right")
    end = np.searchsorted(time, duration, side="right")
    mean = np.average(x, axis=0, weights=n)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=n))
    scale[scale == 0] = 1.0
    deaths = np.bincount(place, weights=n[died]).astype(int)
    tie = np.repeat(np.arange(len(time)), deaths)
    efron_share = (np.arange(len(tie)) - np.repeat(np.cumsum(deaths) - deaths, deaths)) / deaths[tie]
    return _Data((x - mean) / scale, n, died, first, end, time, tie, efron_share, scale, names)


def _climbed(data: _Data, beta: np.ndarray, step: np.ndarray, likelihood: float) -> tuple:
    """The coefficients after a step, halved until it leads up and can be counted with, and what holds there."""
    for _ in range(STEPS):
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            there = _at(data, beta + step)
        if np.isfinite(there[2]).all() and there[0] >= likelihood - 1e-12 * abs(likelihood):
            return beta + step, *there
        step = step / 2
    raise CannotFit(_refusal(data.names, np.ones(len(beta), bool), TOO_FAR))


def _at(data: _Data, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The log partial likelihood at coefficients, its slope, and the information."""
    ties, hazard, sums, log_likelihood = _moments(data, beta)
    return log_likelihood, *_derivatives(data, ties, hazard, sums, np.ones(len(data.time)))


def _moments(data: _Data, beta: np.ndarray) -> tuple[_Ties, np.ndarray, tuple, float]:
    """Sums at coefficients: over ties, each row's hazard, (at risk, of the dead) hazard x covariates; the log likelihood.

    Klein & Moeschberger (8.4.2): of d who die at one time, the j-th finds at risk all but j/d of the hazard of the d.
    """
    effect = data.x @ beta
    effect -= effect.max()  # a factor common to all hazards cancels; this one keeps them finite
    hazard = data.n * np.exp(effect)
    risk, dead = _at_risk(data, hazard), _dead(data, hazard)
    left = risk[data.tie] - data.efron_share * dead[data.tie]
    log_likelihood = float((data.n * effect)[data.died].sum() - np.log(left).sum())
    p, f = 1 / left, data.efron_share
    ties = _Ties(*(_by_time(data, weight) for weight in (p, f * p, p * p, f * p * p, f * f * p * p)))
    weighted = (hazard[:, None] * data.x).T
    sums = [np.column_stack([of(data, column) for column in weighted]) for of in (_at_risk, _dead)]
    return ties, hazard, tuple(sums), log_likelihood


def _by_time(data: _Data, values: np.ndarray) -> np.ndarray:
    return np.bincount(data.tie, weights=values)


def _at_risk(data: _Data, values: np.ndarray) -> np.ndarray:
    """The sum of the rows' values over those at risk at each event time."""
    size = len(data.time) + 1
    late = data.first > 0
    ends = np.bincount(data.end, weights=values, minlength=size)
    enters = np.bincount(data.first[late], weights=values[late], minlength=size)
    return (np.cumsum(ends[::-1]) - np.cumsum(enters[::-1]))[::-1][1:]


def _dead(data: _Data, values: np.ndarray) -> np.ndarray:
    """The sum of the rows' values over those who die at each event time."""
    return np.bincount(data.end[data.died] - 1, weights=values[data.died])


def _derivatives(data: _Data, ties: _Ties, hazard, sums, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and information, where what each event time gives counts g times.

    Multiplied out, so that second moments are sums over rows alone and not over rows at each time.
    """
    expected = np.concatenate([[0.0], np.cumsum(g * ties.p)])
    exposure = hazard * (expected[data.end] - expected[data.first])
    died, at = data.died, data.end[data.died] - 1
    exposure[died] -= hazard[died] * (g * ties.fp)[at]
    surplus = -exposure
    surplus[died] += data.n[died] * g[at]
    risk, dead = sums
    cross = (risk * (g * ties.fpp)[:, None]).T @ dead
    squares = (risk * (g * ties.pp)[:, None]).T @ risk - cross - cross.T + (dead * (g * ties.ffpp)[:, None]).T @ dead
    return data.x.T @ surplus, (data.x * exposure[:, None]).T @ data.x - squares


def _require_information(information: np.ndarray, names: list, code: str) -> None:
    """Raise CannotFit, naming the covariates, where the data say nothing along a direction."""
    values, vectors = np.linalg.eigh(information)
    blind = values < NO_INFORMATION * max(values.max(), NO_INFORMATION)
    if blind.any():
        raise CannotFit(_refusal(names, (vectors[:, blind] ** 2).sum(axis=1) > 1e-4, code))


def _refusal(names: list, of: np.ndarray, code: str) -> Note:
    """The note that names the covariates of a refusal; of: (covariates,), which of them."""
    return Note(code, covariates=[str(name) for name, is_named in zip(names, of, strict=True) if is_named])


def proportionality(fit: Fit, entry, duration, event, X, n) -> pd.DataFrame:
    """Whether the hazard ratios stay the same over time: Grambsch & Therneau's test of each covariate and of all.

    The arguments are the fit and what it was made from. The score test that a covariate's coefficient changes with g(t) = 1 - S(t-),
    S by Kaplan & Meier: what `cox.zph` of R's survival (3.0 and later) does, with the information at each event time instead of the mean of
    all that earlier versions took. A row per covariate, and the last, `all`: chi2, df, p_value.
    """
    data = _prepared(entry, duration, event, X, n)
    g = 1 - kaplan_meier(entry, duration, event, n).table["value"].shift(fill_value=1.0).to_numpy()
    ties, hazard, sums, _ = _moments(data, fit.coefficients.to_numpy() * data.scale)
    (_, plain), (slope, mixed), (_, squared) = (_derivatives(data, ties, hazard, sums, g**power) for power in range(3))
    variance = squared - mixed @ np.linalg.solve(plain, mixed)
    chi2 = slope**2 / variance.diagonal()
    everything = slope @ np.linalg.lstsq(variance, slope)[0]
    tests = pd.DataFrame({"chi2": [*chi2, everything], "df": [1] * len(chi2) + [len(chi2)]}, [*data.names, "all"])
    return tests.assign(p_value=chdtrc(tests["df"], tests["chi2"]))
