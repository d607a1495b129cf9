"""How long customers stay who say so when they leave: the shifted beta-geometric, from renewals and losses by age.

At each renewal a customer leaves with a probability of their own (beta: alpha, beta), so that those who stay are ever more loyal.
It takes what was seen at the renewal number `age` (1 the first): how many were there to renew, and how many left. Who joined
before the data begin counts from the age at which they were first seen, who is still there until the last: the likelihood is that of
each renewal conditional on all before. `parameters` are always (alpha, beta).

Sources: Fader & Hardie 2007, How to Project Customer Retention, Journal of Interactive Marketing 21:76 (sBG); Fader & Hardie 2010,
Customer-Base Valuation in a Contractual Setting, Marketing Science 29:85 (residual lifetime). Equation numbers are theirs.
"""

import numpy as np
from scipy import special

from crmnb.core.notes import Note
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit, LogLikelihood, maximum

_EDGES = dict.fromkeys(("alpha", "beta"), "churn_at_renewal")
_STARTS = ((1.0, 3.0), (0.2, 0.2), (5.0, 50.0))
_GONE = 40.0  # e^-40 is beyond a float's precision
_LONG_TAIL = 0.5  # alpha below it
_CELLS = 2**20  # ages x renewals at a time
_STEP = 0.25  # of the trapezoidal sum, in widths of the beta distribution on the scale of log odds


def fit_contract(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> Fit:
    """Maximum likelihood estimates of (alpha, beta), by the renewal rates of equation (8) of 2007.

    age: (rows,) number of the renewal, 1 or more. at_risk, lost: (rows,) customers who came to it, and who left at it.
    The fit's n is the losses. Raises ValueError where a row cannot be, CannotFit where the customers do not carry the model.
    """
    age, at_risk, lost = (np.asarray(values, float) for values in (age, at_risk, lost))
    if not age.shape == at_risk.shape == lost.shape or age.ndim != 1:
        raise ValueError("age, at_risk and lost are to be three arrays of one length")
    if not ((age >= 1) & (age == np.floor(age)) & (lost >= 0) & (lost <= at_risk) & (at_risk < np.inf)).all():
        raise ValueError("each row: age whole, 1 or more, and 0 <= lost <= at_risk")
    if lost.sum() < FEWEST:
        raise CannotFit(Note("few_losses_for_model", fewest=FEWEST))
    if len(np.unique(age[at_risk > 0])) < 2:
        raise CannotFit(Note("renewals_of_one_age"))
    return maximum(_likelihood, (age, at_risk, lost), _STARTS, lost.sum(), _EDGES)


def survival(parameters: np.ndarray, k: np.ndarray) -> np.ndarray:
    """S(k): the share of new customers who are still there after k renewals; equation (6) of 2007."""
    alpha, beta = parameters
    return np.exp(special.betaln(alpha, beta + np.asarray(k, float)) - special.betaln(alpha, beta))


def retention(parameters: np.ndarray, k: np.ndarray) -> np.ndarray:
    """r_k: the share of those who come to renewal k (1 or more) who renew; equation (8) of 2007."""
    alpha, beta = parameters
    k = np.asarray(k, float)
    return (beta + k - 1) / (alpha + beta + k - 1)


def discounted_residual(
    parameters: np.ndarray, age: np.ndarray, horizon: float | np.ndarray, rate: float
) -> np.ndarray:
    """The further periods expected of a customer who has renewed `age` times (0 or more), valued just before the next renewal.

    The period that begins with that renewal counts in full, each one after it is discounted by 1 + rate once more; equation (6) of
    2010. horizon: how many renewals ahead are counted, whole (for all customers, or for each) or infinite. rate: per period, 0 or more.
    Raises CannotFit where the value is infinite, ValueError where an age is not whole.
    """
    alpha, beta = parameters
    age = np.asarray(age, float)
    if not (age == np.floor(age)).all():
        raise ValueError("age counts renewals: whole numbers")
    if np.isfinite(horizon).all():
        return _summed(parameters, age, np.broadcast_to(horizon, age.shape).astype(int), rate)
    if rate > 0:
        return _endless(parameters, age, rate)
    if alpha <= 1:
        raise CannotFit(Note("infinite_stay", alpha=alpha))
    return (beta + age) / (alpha - 1)


def _endless(parameters: np.ndarray, age: np.ndarray, rate: float) -> np.ndarray:
    """The residual without a horizon, whose cost does not depend on the rate; its relative error is below 1e-9.

    A customer who leaves with probability p at each renewal has the geometric series (1 - p) (1 + rate) / (rate + p) ahead. Its mean over
    p (beta: alpha, beta + age) is a trapezoidal sum over p's log odds, where the terms fall off geometrically on both sides
    and the sum of an analytic function converges as fast (Trefethen & Weideman 2014, SIAM Review 56:385). Weights are taken as
    parts of their own sum, so that no beta function of large parameters has to cancel. It is computed for the highest age alone: a
    younger customer has one renewal, and if they renew, what the next age has ahead, discounted once.
    """
    alpha, beta = parameters
    youngest, oldest = (int(age.min()), int(age.max())) if age.size else (0, 0)
    renewed = retention(parameters, np.arange(youngest, oldest) + 1)
    residual = np.empty(oldest - youngest + 1)
    residual[-1] = _mean_series(alpha, beta + oldest, rate)
    for place in range(oldest - youngest - 1, -1, -1):
        residual[place] = renewed[place] * (1 + residual[place + 1] / (1 + rate))
    return residual[age.astype(int) - youngest]


def _mean_series(alpha: float, stay: float, rate: float) -> float:
    """The mean of (1 - p) (1 + rate) / (rate + p) over p, beta (alpha, stay) distributed.

    Where alpha is small the density has a long tail towards p = 0: there what the series falls short of its value at 0 is summed,
    which vanishes with p.
    """
    width = min(1.0, np.sqrt(1 / alpha + 1 / stay))
    middle, long_tail = np.log(alpha / stay), alpha < _LONG_TAIL
    low = min(middle, np.log(rate)) - _GONE / (alpha + 1) if long_tail else middle - _GONE / alpha
    odds = np.arange(low - 10 * width, middle + _GONE / stay + 10 * width, _STEP * width)
    log_density = -alpha * np.logaddexp(0, -odds) - stay * np.logaddexp(0, odds)
    leaving = special.expit(odds)
    if long_tail:
        short = np.exp(log_density - special.betaln(alpha, stay)) @ (leaving / (rate + leaving)) * _STEP * width
        return float((1 + rate) / rate * (1 - (1 + rate) * short))
    density = np.exp(log_density - log_density.max())
    return float(density @ (special.expit(-odds) * (1 + rate) / (rate + leaving)) / density.sum())


def _summed(parameters: np.ndarray, age: np.ndarray, horizon: np.ndarray, rate: float) -> np.ndarray:
    """The residual, as a running sum over renewals: of the shares that renew, running products over ages; each age once, some at a time."""
    distinct, place = np.unique(age, return_inverse=True)
    longest, place = int(horizon.max(initial=0)), place.reshape(age.shape)
    ahead = np.arange(1, longest + 1, dtype=float)
    discount, total = (1 + rate) ** (1 - ahead), np.empty(age.shape)
    chunk = max(1, _CELLS // max(longest, 1))
    for begin in range(0, len(distinct), chunk):
        some = distinct[begin : begin + chunk, None]
        running = np.zeros((len(some), longest + 1))
        np.cumsum(np.cumprod(retention(parameters, some + ahead), axis=1) * discount, axis=1, out=running[:, 1:])
        inside = (place >= begin) & (place < begin + chunk)
        total[inside] = running[place[inside] - begin, horizon[inside]]
    return total


def _likelihood(age: np.ndarray, at_risk: np.ndarray, lost: np.ndarray) -> LogLikelihood:
    """The log-likelihood of each age's losses out of those at risk, with gradient and Hessian, as a function of the parameters."""
    renewed, churned = at_risk - lost, lost.sum()

    def of(parameters: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        alpha, beta = parameters
        stay, both = beta + age - 1, alpha + beta + age - 1
        value = renewed @ np.log(stay) + churned * np.log(alpha) - at_risk @ np.log(both)
        of_both = at_risk @ (1 / both)
        gradient = np.array([churned / alpha - of_both, renewed @ (1 / stay) - of_both])
        hessian = np.full((2, 2), at_risk @ (1 / both**2))
        hessian[0, 0] -= churned / alpha**2
        hessian[1, 1] -= renewed @ (1 / stay**2)
        return value, gradient, hessian

    return of
