"""How often customers will buy who never say that they leave: BG/NBD, from when they bought so far.

While a customer is one, purchases come at random at a rate of their own (gamma: shape r, rate alpha); after each repeat
purchase the customer leaves for good with a probability of their own (beta: a, b). Of a customer it takes x (repeat purchases: the
first one starts the clock), t_x (when the last was; 0 where x is 0) and T (how long the customer was observed), all times from the
first purchase in one unit, which is that of all other times too. `parameters` are always (r, alpha, a, b).

Source: Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24:275; equation numbers are theirs.
"""

from contextlib import suppress
from dataclasses import replace

import numpy as np
from scipy import special

from crmnb.core.notes import Note
from crmnb.stats.models.bg_nbd_discounting import time_ahead
from crmnb.stats.models.maximum_likelihood import (
    FEWEST,
    CannotFit,
    Fit,
    LogLikelihood,
    constrained_maximum,
    maximum,
    summed,
)

_EDGES = dict.fromkeys(("r", "alpha"), "purchase_rates") | dict.fromkeys(("a", "b"), "churn_after_purchase")
_STARTS = ((1.0, 1.0, 1.0, 2.0), (0.2, 0.1, 0.3, 3.0), (5.0, 2.0, 0.1, 2.0))
# Where the likelihood has its maximum in a limit: the parameters set there, by place, and what that means for customers. At a shape of
# 1,000, rates or probabilities differ by a thirtieth of their mean.
_ALIKE = 1000.0
_LIMITS = (
    ({3: _ALIKE}, "equal_churn"),
    ({2: 1e-6, 3: 1.0}, "no_churn"),
    ({0: _ALIKE}, "equal_rate"),
    ({0: _ALIKE, 3: _ALIKE}, "equal_rate_and_churn"),
    ({0: _ALIKE, 2: 1e-6, 3: 1.0}, "equal_rate_and_no_churn"),
)


def fit_buying(x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: np.ndarray) -> Fit:
    """Maximum likelihood estimates of (r, alpha, a, b), by equation (6).

    x, t_x, T: (rows,); n: (rows,) how many customers have that triple. Equal triples need not stand together; the fewer rows, the faster.
    Where the maximum is in a limit, in which customers do not differ in something, the fit is that limit and names it (`Fit.homogeneity`).
    Raises ValueError where a row cannot be, CannotFit where the customers do not carry the model.
    """
    x, t_x, T, n = _checked(x, t_x, T, n)
    repeaters = n[x > 0].sum()
    if repeaters < FEWEST:
        raise CannotFit(Note("few_repeat_buyers", fewest=FEWEST))
    unit = n @ T / n.sum()
    rows = x, t_x / unit, T / unit, n
    try:
        fit = maximum(_likelihood, rows, _STARTS, n.sum(), _EDGES)
    except CannotFit as no:
        fit = _in_a_limit(rows, no)
    scale = np.array([1.0, unit, 1.0, 1.0])
    log_likelihood = fit.log_likelihood - (n @ x) * np.log(unit)
    return replace(fit, parameters=fit.parameters * scale, log_likelihood=log_likelihood)


def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: np.ndarray) -> float:
    """The log-likelihood of n customers each of these histories at these parameters, by equation (6), in the units of the data."""
    return float(_likelihood(*_checked(x, t_x, T, n))(np.asarray(parameters, float))[0])


def _in_a_limit(rows: tuple[np.ndarray, ...], refusal: CannotFit) -> Fit:
    """The likeliest of the limits in which customers do not differ in something. Raises the refusal where there is none."""
    fits = []
    for fixed, homogeneity in _LIMITS:
        with suppress(CannotFit):
            fit = constrained_maximum(fixed, _likelihood, rows, _STARTS, rows[-1].sum(), _EDGES)
            fits.append(replace(fit, homogeneity=homogeneity))
    if not fits:
        raise refusal
    return max(fits, key=lambda fit: fit.log_likelihood)


def alive(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The probability that a customer with this history has not left at T.

    Fader, Hardie & Lee 2008, Computing P(alive) Using the BG/NBD Model (the denominator of (10)). Sure without a repeat purchase,
    for only after one does a customer leave.
    """
    r, alpha, a, b = parameters
    x, t_x, T = (np.asarray(values, float) for values in (x, t_x, T))
    odds_left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * np.log((alpha + T) / (alpha + t_x))
    return np.where(x > 0, special.expit(-odds_left), 1.0)


def probability(parameters: np.ndarray, k: np.ndarray, t: np.ndarray) -> np.ndarray:
    """P(X(t) = k): that a new customer makes k repeat purchases within t; equation (8)."""
    r, alpha, a, b = parameters
    k, t = np.asarray(k, float), np.asarray(t, float)
    stays = np.exp(special.betaln(a, b + k) - special.betaln(a, b))
    counted = (
        np.exp(special.gammaln(r + k) - special.gammaln(r) - special.gammaln(k + 1) - r * np.log1p(t / alpha))
        * (t / (alpha + t)) ** k
    )
    # The sum in (8) is a negative binomial distribution function; what is left of 1 is an incomplete beta function.
    again = np.maximum(k, 1)
    leaves = np.exp(special.betaln(a + 1, b + again - 1) - special.betaln(a, b))
    return stays * counted + np.where(k > 0, leaves * special.betainc(again, r, t / (alpha + t)), 0.0)


def expected_purchases(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """E[X(t)]: repeat purchases that a new customer makes within t; equation (9), which has a gap at a = 1 that this has not."""
    r, alpha, a, b = parameters
    return r / alpha * time_ahead(r, a, b, 0.0, alpha, t, 0.0)


def expected_further(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: float) -> np.ndarray:
    """E[Y(t) | x, t_x, T]: purchases expected within t after T; equation (10), which has a gap at a = 1 that this has not."""
    return discounted_further(parameters, x, t_x, T, t, 0.0)


def discounted_further(
    parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, horizon: float, rate: float
) -> np.ndarray:
    """Purchases expected within `horizon` after T, each discounted by e^(-rate s) where it comes s after T.

    horizon: may be infinite. rate: continuous, per unit of time, 0 or more. Given that the customer is one at T, the rate of purchases
    is gamma (r + x, alpha + T) and the probability of leaving beta (a, b + x), so that purchases come s later at the rate
    (r + x) / (alpha + T) 2F1(r + x + 1, a; a + b + x; -s / (alpha + T)), which `time_ahead` integrates.
    Raises CannotFit where the value is infinite.
    """
    x, t_x, T = np.broadcast_arrays(*(np.asarray(values, float) for values in (x, t_x, T)))
    r, alpha, a, b = parameters
    at_once = alive(parameters, x, t_x, T) * (r + x) / (alpha + T)
    if rate > 0 or np.isfinite(horizon):
        return at_once * time_ahead(r, a, b, x, alpha + T, horizon, rate)
    if a <= 1:
        raise CannotFit(Note("infinite_purchases", a=a))
    return at_once * (alpha + T) / (r + x) * (a + b + x - 1) / (a - 1)


def simulate_buying(parameters: np.ndarray, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Customers drawn from the model, one per element of T: their x and t_x."""
    r, alpha, a, b = parameters
    T = np.asarray(T, float)
    would = rng.poisson(rng.gamma(r, 1 / alpha, T.shape) * T)  # purchases, did nobody leave
    x = np.minimum(would, _last_purchase(rng.beta(a, b, T.shape), rng))
    # Of `would` moments drawn evenly from (0, T), the one of rank x is beta distributed.
    t_x = np.where(x > 0, T * rng.beta(np.maximum(x, 1), would - x + 1), 0.0)
    return x.astype(float), t_x


def simulate_further(
    parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: float, rng: np.random.Generator
) -> np.ndarray:
    """Purchases within t after T, drawn for each customer with that history."""
    r, alpha, a, b = parameters
    x, t_x, T = (np.asarray(values, float) for values in (x, t_x, T))
    would = rng.poisson(rng.gamma(r + x, 1 / (alpha + T)) * t)
    stays = rng.random(x.shape) < alive(parameters, x, t_x, T)
    return np.where(stays, np.minimum(would, _last_purchase(rng.beta(a, b + x), rng)), 0).astype(float)


def _last_purchase(leaving: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The number of the purchase after which each leaves. A probability that is too small to draw by means never."""
    return rng.geometric(np.maximum(leaving, 1e-15))


# ---- the likelihood ----


def _checked(x, t_x, T, n) -> tuple[np.ndarray, ...]:
    """The rows that stand for somebody, as floats."""
    x, t_x, T, n = (np.asarray(values, float) for values in (x, t_x, T, n))
    if not x.shape == t_x.shape == T.shape == n.shape or x.ndim != 1:
        raise ValueError("x, t_x, T and n are to be four arrays of one length")
    possible = (x >= 0) & (x == np.floor(x)) & (t_x <= T) & np.isfinite(T) & (n >= 0)
    if not (possible & np.where(x > 0, t_x > 0, t_x == 0)).all():
        raise ValueError("each row: x whole, 0 < t_x <= T (t_x 0 without a repeat purchase), n 0 or more")
    return (x, t_x, T, n) if (n > 0).all() else tuple(values[n > 0] for values in (x, t_x, T, n))


def _likelihood(x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: np.ndarray) -> LogLikelihood:
    """Equation (6) as the log-likelihood of all rows, with gradient and Hessian, as a function of the parameters."""
    counts = np.bincount(x.astype(np.int64), weights=n)
    known = np.flatnonzero(counts)
    again = x > 0
    never = (T[~again], n[~again])
    repeat = (x[again], t_x[again], T[again], n[again])

    def of(parameters: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        parts = (
            _of_counts(parameters, known.astype(float), counts[known]),
            summed(_of_never, parameters, never),
            summed(_of_repeat, parameters, repeat),
        )
        return tuple(sum(terms) for terms in zip(*parts, strict=True))

    return of


def _of_counts(parameters: np.ndarray, x: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """What depends on x alone: ln of Gamma(r+x)/Gamma(r) B(a,b+x)/B(a,b) alpha^r; x distinct, n customers each."""
    r, alpha, a, b = parameters
    ln, psi, tri = special.gammaln, special.psi, lambda z: special.polygamma(1, z)
    per_x = [
        ln(r + x) - ln(r) + ln(b + x) - ln(b) + ln(a + b) - ln(a + b + x) + r * np.log(alpha),
        psi(r + x) - psi(r) + np.log(alpha),
        psi(a + b) - psi(a + b + x),
        psi(b + x) - psi(b),
        tri(r + x) - tri(r),
        tri(a + b) - tri(a + b + x),
        tri(b + x) - tri(b),
    ]
    value, g_r, g_ab, g_b, h_rr, h_ab, h_bb = np.array(per_x) @ n
    all_n = n.sum()
    hessian = np.array(
        [
            [h_rr, all_n / alpha, 0, 0],
            [all_n / alpha, -r / alpha**2 * all_n, 0, 0],
            [0, 0, h_ab, h_ab],
            [0, 0, h_ab, h_ab + h_bb],
        ]
    )
    return value, np.array([g_r, r / alpha * all_n, g_ab, g_ab + g_b]), hessian


def _of_never(parameters: np.ndarray, T: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The rest for x = 0: ln of (alpha + T)^-r."""
    r, alpha, _, _ = parameters
    time = alpha + T
    logs, first, second = n @ np.log(time), n @ (1 / time), n @ (1 / time**2)
    hessian = np.zeros((4, 4))
    hessian[0, 1] = hessian[1, 0] = -first
    hessian[1, 1] = r * second
    return -r * logs, np.array([-logs, -r * first, 0, 0]), hessian


def _of_repeat(parameters: np.ndarray, x, t_x, T, n) -> tuple[float, np.ndarray, np.ndarray]:
    """The rest for x > 0: ln of (alpha+T)^-(r+x) (1 + e^-d), e^-d = a/(b+x-1) ((alpha+T)/(alpha+t_x))^(r+x), the odds of having left.

    The derivatives of d are (-wait, (r+x) gap, -1/a, 1/(b+x-1)).
    """
    r, alpha, a, b = parameters
    until, since = 1 / (alpha + T), 1 / (alpha + t_x)
    ends = np.log(until)
    wait, gap = np.log(since) - ends, since - until
    rx, stays = r + x, b + x - 1
    d = np.log(stays) - np.log(a) - rx * wait
    odds = np.exp(-np.abs(d))  # of the less likely of the two states
    left = np.where(d > 0, odds, 1.0) / (1 + odds)
    value = n @ (rx * ends + np.maximum(-d, 0) + np.log1p(odds))
    weight = n * left
    slopes = np.stack([-wait, rx * gap, np.full_like(x, -1 / a), 1 / stays])
    gradient = -slopes @ weight
    gradient[:2] += n @ ends, -(n * rx) @ until
    hessian = slopes * (weight * (1 - left)) @ slopes.T
    # less the second derivatives of d, times the weight; and those of the first factor
    hessian[2, 2] -= weight.sum() / a**2
    hessian[3, 3] += weight @ slopes[3] ** 2
    hessian[1, 1] += (weight * rx) @ (gap * (since + until)) + (n * rx) @ until**2
    cross = weight @ gap + n @ until
    hessian[0, 1] -= cross
    hessian[1, 0] -= cross
    return value, gradient, hessian
