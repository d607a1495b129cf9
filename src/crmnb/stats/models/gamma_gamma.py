"""How much customers spend at a purchase: the Gamma-Gamma model, from what they spent on average so far.

What a customer spends varies from purchase to purchase about a mean of their own (gamma: shape p, and a rate of their own, which
itself is gamma: shape q, rate v), whatever they buy and however often. Of a customer it takes x (purchases averaged over,
more than 0: the repeat ones, where a purchase model says how many will follow) and m (their mean). `parameters` are always (p, q, v).

Source: Fader & Hardie 2013, The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025; equation numbers are theirs.
"""

from dataclasses import replace

import numpy as np
from scipy import optimize, special

from crmnb.core.notes import Note
from crmnb.stats.distributions import gamma_log_density
from crmnb.stats.models.maximum_likelihood import FEWEST, CannotFit, Fit, LogLikelihood, maximum, summed

_EDGES = {"p": "spend_within_customers", "q": "spend_between_customers", "v": "spend_scale"}
_ALIKE = 1e9  # q over p, from which on what customers spend on average differs by less than can matter
_STEADY = np.exp(12.0)  # the largest p: purchases differ by a four-hundredth of their mean
_BY_CHANCE = 1.645  # standard errors: by so many at most the score is above 0 in 95 of 100 samples of alike customers
_STARTS = ((2.0, 3.0, 1.0), (1.0, 1.2, 0.2), (20.0, 10.0, 0.5))


def fit_spending(x: np.ndarray, m: np.ndarray, n: np.ndarray) -> Fit:
    """Maximum likelihood estimates of (p, q, v), by equation (1a).

    x, m: (rows,); n: (rows,) how many customers have that pair. Where customers do not differ in what they spend on average beyond
    chance, and the likelihood has no maximum inside, the fit is the limit in which they do not, and names it (`Fit.homogeneity`).
    Raises ValueError where a row cannot be (x and m are to be more than 0: leave out customers who paid nothing, and say so),
    CannotFit where the customers do not carry the model.
    """
    x, m, n = _checked(x, m, n)
    if n.sum() < FEWEST:
        raise CannotFit(Note("few_customers_with_purchases", fewest=FEWEST))
    unit = n @ m / n.sum()
    try:
        fit = maximum(_likelihood, (x, m / unit, n), _STARTS, n.sum(), _EDGES)
    except CannotFit:
        fit = _alike(x, m / unit, n)
        if fit is None:
            raise
    scale = np.array([1.0, 1.0, unit])
    log_likelihood = fit.log_likelihood - n.sum() * np.log(unit)
    return replace(fit, parameters=fit.parameters * scale, log_likelihood=log_likelihood)


def log_likelihood(parameters: np.ndarray, x: np.ndarray, m: np.ndarray, n: np.ndarray) -> float:
    """The log-likelihood of n customers each with these purchases and means at these parameters, by equation (1a)."""
    return float(_likelihood(*_checked(x, m, n))(np.asarray(parameters, float))[0])


def _alike(x: np.ndarray, m: np.ndarray, n: np.ndarray) -> Fit | None:
    """The limit q -> infinity at v = mean (q - 1) / p, in which all spend the same on average; None where they differ beyond chance.

    There x m is gamma with shape p x, and the estimates of its mean and of p are independent of each other.
    """
    purchases = n @ x
    mean = n @ (x * m) / purchases
    apart = (n * x) @ (m / mean - 1 - np.log(m / mean))  # 0 where all purchases are alike

    def slope(log_p: float) -> float:
        return (n * x) @ _log_less_psi(np.exp(log_p) * x) - apart

    ends = -np.log(_STEADY), np.log(_STEADY)
    if slope(ends[0]) <= 0:
        return None
    p = float(np.exp(optimize.brentq(slope, *ends))) if slope(ends[1]) < 0 else _STEADY
    if _score(p * x, m / mean, x, n) > _BY_CHANCE:
        return None
    log_likelihood = n @ gamma_log_density(m, p * x, mean / (p * x))
    of_mean = 1 / (p * purchases)
    of_p = 1 / (p**2 * (n @ (x**2 * special.polygamma(1, p * x))) - p * purchases) if p < _STEADY else 0.0
    q = _ALIKE * p
    covariance = np.array([[of_p, 0, -of_p], [0, 0, 0], [-of_p, 0, of_p + of_mean]])
    parameters = np.array([p, q, mean * (q - 1) / p])
    return Fit(parameters, covariance, float(log_likelihood), float(n.sum()), homogeneity="equal_spend")


def _score(shape: np.ndarray, relative: np.ndarray, x: np.ndarray, n: np.ndarray) -> float:
    """The score of 1 / q, the relative variance of customers' rates, at 0, in its standard errors where p and the mean are estimated.

    shape: p x. relative: m over the mean. Cox 1983, Some Remarks on Overdispersion, Biometrika 70:269 (the score); its variance is
    that of (S - shape)^2 for a gamma variable S, less what goes along with the scores of the mean and of p.
    """
    score = n @ ((shape * (relative - 1)) ** 2 - shape)
    of_p = n @ (x**2 * (special.polygamma(1, shape) - 1 / shape))
    return float(score / np.sqrt(n @ (2 * shape**2 + 2 * shape) - (n @ x) ** 2 / of_p))


def _log_less_psi(z: np.ndarray) -> np.ndarray:
    """ln z - psi(z), where z is large by its series: the difference would cancel (Abramowitz & Stegun 1964, 6.3.18)."""
    large = 1 / (2 * z) + 1 / (12 * z**2)
    return np.where(z > 1e4, large, np.log(z) - special.psi(z))


def expected_spend(parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """E(M | x, m): what a customer spends at a purchase, in the long run; equation (5).

    Between the mean of all and the customer's own; that of all where x is 0. Raises CannotFit where it is infinite (q 1 or less).
    """
    p, q, v = parameters
    if q <= 1:
        raise CannotFit(Note("infinite_spend", q=q))
    x = np.asarray(x, float)
    spent = np.where(x > 0, x * np.asarray(m, float), 0.0)
    return p * (v + spent) / (p * x + q - 1)


def independence(x: np.ndarray, spent: np.ndarray, n: np.ndarray) -> tuple[float, float, float]:
    """How purchases and spend go together, of which the model takes it that they do not: correlation, and its 95 % limits.

    spent: at one purchase of each customer, as the first repeat one: means of x purchases scatter less the larger x is, and their ranks go
    along with x where the model holds exactly. Spearman's, with the limits of Bonett & Wright 2000, Psychometrika 65:23: counts and
    money are so skewed that a few customers would make Pearson's. NaN where all have the same x or spent the same.
    """
    x, spent, n = (np.asarray(values, float) for values in (x, spent, n))
    x, spent, n = (values[n > 0] for values in (x, spent, n))
    all_n = n.sum()
    ranks = [_mid_ranks(values, n) - (all_n + 1) / 2 for values in (x, spent)]
    spread = np.sqrt([n @ values**2 for values in ranks])
    if not spread.all() or all_n <= 3:
        return np.nan, np.nan, np.nan
    value = float(np.clip(n @ (ranks[0] * ranks[1]) / spread.prod(), -1, 1))
    half = special.ndtri(0.975) * np.sqrt((1 + value**2 / 2) / (all_n - 3))
    middle = np.arctanh(np.clip(value, -1 + 1e-15, 1 - 1e-15))
    return value, float(np.tanh(middle - half)), float(np.tanh(middle + half))


def simulate_spending(parameters: np.ndarray, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mean spend of customers drawn from the model, one per element of x (0 where x is 0)."""
    p, q, v = parameters
    x = np.asarray(x, float)
    total = rng.gamma(np.maximum(p * x, p)) / rng.gamma(q, 1 / v, x.shape)
    return np.where(x > 0, total / np.maximum(x, 1), 0.0)


def _mid_ranks(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The rank of each value among all n customers; equal ones share the mean of theirs."""
    _, which = np.unique(values, return_inverse=True)
    counts = np.bincount(which, weights=n)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def _checked(x, m, n) -> tuple[np.ndarray, ...]:
    """The rows that stand for somebody, as floats."""
    x, m, n = (np.asarray(values, float) for values in (x, m, n))
    if not x.shape == m.shape == n.shape or x.ndim != 1:
        raise ValueError("x, m and n are to be three arrays of one length")
    if not ((x > 0) & (x == np.floor(x)) & (m > 0) & np.isfinite(x) & np.isfinite(m) & (n >= 0)).all():
        raise ValueError("each row: x whole and m, both more than 0, and n 0 or more")
    return (x, m, n) if (n > 0).all() else (x[n > 0], m[n > 0], n[n > 0])


def _likelihood(x: np.ndarray, m: np.ndarray, n: np.ndarray) -> LogLikelihood:
    """Equation (1a) as the log-likelihood of all rows, with gradient and Hessian, as a function of the parameters."""
    counts = np.bincount(x.astype(np.int64), weights=n)
    known = np.flatnonzero(counts)
    logs_m = n @ np.log(m)

    def of(parameters: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        parts = (_of_counts(parameters, known.astype(float), counts[known]), summed(_of_spent, parameters, (x, m, n)))
        value, gradient, hessian = (sum(terms) for terms in zip(*parts, strict=True))
        return value - logs_m, gradient, hessian

    return of


def _of_counts(parameters: np.ndarray, x: np.ndarray, n: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """What depends on x alone: ln of 1 / B(p x, q); x distinct, n customers each."""
    p, q, _ = parameters
    both, psi, tri = p * x + q, special.psi, lambda z: special.polygamma(1, z)
    gradient = np.array([n @ (x * (psi(both) - psi(p * x))), n @ (psi(both) - psi(q)), 0.0])
    hessian = np.zeros((3, 3))
    hessian[0, 0] = n @ (x**2 * (tri(both) - tri(p * x)))
    hessian[0, 1] = hessian[1, 0] = n @ (x * tri(both))
    hessian[1, 1] = n @ (tri(both) - tri(q))
    return -(n @ special.betaln(p * x, q)), gradient, hessian


def _of_spent(parameters: np.ndarray, x, m, n) -> tuple[float, np.ndarray, np.ndarray]:
    """The rest, but for ln m: ln of (1 - w)^(p x) w^q, w = v / (v + x m). By v, w has the derivative w (1 - w) / v."""
    p, q, v = parameters
    spent = x * m
    w, rest = v / (v + spent), spent / (v + spent)
    nx, nw = n * x, n * w
    logs_rest, logs_w = nx @ np.log(rest), n @ np.log(w)
    x_w, one_rest = x @ nw, n @ rest
    slope = q * one_rest - p * x_w
    hessian = np.zeros((3, 3))
    hessian[0, 2] = hessian[2, 0] = -x_w / v
    hessian[1, 2] = hessian[2, 1] = one_rest / v
    hessian[2, 2] = -(slope + (p * x + q) @ (nw * rest)) / v**2
    return p * logs_rest + q * logs_w, np.array([logs_rest, logs_w, slope / v]), hessian
