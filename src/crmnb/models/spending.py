"""How much customers spend at a purchase: the Gamma-Gamma model, from what they spent on average so far.

What a customer spends varies from purchase to purchase about a mean of their own (gamma: shape p, and a rate of their own, which
itself is gamma: shape q, rate v), whatever they buy and however often. Of a customer it takes x (purchases averaged over,
more than 0: the repeat ones, where a purchase model says how many will follow) and m (their mean). `parameters` are always (p, q, v).

Source: Fader & Hardie 2013, The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025; equation numbers are theirs.
"""

import numpy as np
from scipy import special, stats

from crmnb.models.likelihood import FEWEST, CannotFit, Fit, LogLikelihood, maximum, summed

_EDGES = {
    "p": ("a purchase said nothing of the customer's next", "a customer always spent the same"),
    "q": ("a few customers spent without limit", "all customers spent the same on average"),
    "v": ("a customer always spent the same", "all customers spent the same on average"),
}
_STARTS = ((2.0, 3.0, 1.0), (1.0, 1.2, 0.2), (20.0, 10.0, 0.5))


def fit_spending(x: np.ndarray, m: np.ndarray, n: np.ndarray) -> Fit:
    """Maximum likelihood estimates of (p, q, v), by equation (1a).

    x, m: (rows,); n: (rows,) how many customers have that pair. Raises ValueError where a row cannot be (x and m are to be more
    than 0: leave out customers who paid nothing, and say so), CannotFit where the customers do not carry the model.
    """
    x, m, n = _checked(x, m, n)
    if n.sum() < FEWEST:
        raise CannotFit(f"fewer than {FEWEST} customers have a purchase to go by, which the model needs")
    unit = n @ m / n.sum()
    fit = maximum(_likelihood, (x, m / unit, n), _STARTS, n.sum(), _EDGES)
    scale = np.array([1.0, 1.0, unit])
    return Fit(fit.parameters * scale, fit.covariance, fit.log_likelihood - n.sum() * np.log(unit), fit.n)


def expected_spend(parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """E(M | x, m): what a customer spends at a purchase, in the long run; equation (5).

    Between the mean of all and the customer's own; that of all where x is 0. Raises CannotFit where it is infinite (q 1 or less).
    """
    p, q, v = parameters
    if q <= 1:
        raise CannotFit(f"the mean spend of all customers is infinite (q is {q:.3g}, 1 or less): a few spend too much")
    x = np.asarray(x, float)
    spent = np.where(x > 0, x * np.asarray(m, float), 0.0)
    return p * (v + spent) / (p * x + q - 1)


def independence(x: np.ndarray, m: np.ndarray, n: np.ndarray) -> tuple[float, float, float]:
    """How purchases and mean spend go together, of which the model takes it that they do not: correlation, and its 95 % limits.

    Spearman's, with the limits of Bonett & Wright 2000, Psychometrika 65:23: counts and money are so skewed that a few customers
    would make Pearson's. NaN where all have the same x or m.
    """
    x, m, n = _checked(x, m, n)
    all_n = n.sum()
    ranks = [_mid_ranks(each, n) - (all_n + 1) / 2 for each in (x, m)]
    spread = np.sqrt([n @ each**2 for each in ranks])
    if not spread.all() or all_n <= 3:
        return np.nan, np.nan, np.nan
    value = float(np.clip(n @ (ranks[0] * ranks[1]) / spread.prod(), -1, 1))
    half = stats.norm.ppf(0.975) * np.sqrt((1 + value**2 / 2) / (all_n - 3))
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
    x, m, n = (np.asarray(given, float) for given in (x, m, n))
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
