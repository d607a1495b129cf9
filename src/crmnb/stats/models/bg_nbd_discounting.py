"""How long customers who buy at random will go on: the integral behind all expectations of BG/NBD.

Of a customer who is one now, whose purchases come at a rate drawn from a gamma distribution (shape r + x, rate `since`) and who
leaves after each with a probability p drawn from a beta distribution (a, b + x), the rate of purchases s later is, of that now,

    F(s / since) = E[(1 + p s / since)^-(r + x + 1)] = 2F1(r + x + 1, a; a + b + x; -s / since).

Its integral over s, discounted, is the time ahead. The expectation over p is summed directly: all its terms are positive, where the
series of 2F1 cancel, and library functions give NaN from x = 300. What depends on s alone for each x is interpolated.

Sources. Trapezoidal sums of analytic functions: Trefethen & Weideman 2014, SIAM Review 56:385. Chebyshev interpolation and
Gauss-Legendre quadrature: Trefethen 2013, Approximation Theory and Approximation Practice, 8.2 and 19.3.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev, legendre
from scipy import special

_GONE = 40.0  # e^-40 is beyond a float's precision
_STEP = 0.3  # of the trapezoidal sum, in widths of the beta distribution on the scale of log odds
_SHORTEST = 1e-6  # interval to interpolate in: all customers may have been observed for the same time
_CHUNK = 8192  # values at a time: each brings a series with it, and few would take longer to ask for than to work out
# e^-60 is what interpolation and quadrature may leave: far less than is asked, as ln F is analytic in a narrower strip than it is
# taken to be where two kinds of customers (who leave at once, who never do) make up F between them.
_DIGITS = 60.0


def time_ahead(
    r: float, a: float, b: float, x: np.ndarray, since: np.ndarray, horizon: np.ndarray, rate: float
) -> np.ndarray:
    """The integral of e^(-rate s) F(s / since) over s from 0 to the horizon, for customers with these x and since.

    x, since, horizon: of one shape, or numbers. horizon: may be infinite where rate is more than 0. Exact to 1e-8 of the value.
    """
    shape = np.broadcast_shapes(np.shape(x), np.shape(since), np.shape(horizon))
    ends = np.minimum(horizon, _GONE / rate) if rate > 0 else np.asarray(horizon, float)
    x, since, ends = (np.broadcast_to(np.asarray(array, float), shape).ravel() for array in (x, since, ends))
    if not ends.any():  # nobody, or no time ahead
        return np.zeros(shape)
    distinct, which = np.unique(x, return_inverse=True)
    scale = float(1 + r / (1 + distinct.min()))  # F falls off over s of the order of since / scale, or later
    longest = max(np.log1p((ends / since).max() * scale), _SHORTEST)

    def stilled(places: np.ndarray) -> np.ndarray:
        return np.stack([_still(r, a, b, k, np.expm1(places) / scale) for k in distinct])

    places = _places(longest, 0.0)
    still = stilled(places)
    # Where nothing is left that counts, ln F may turn so sharply that no polynomial follows.
    counts = places[((still + places) > -_GONE).any(axis=0)].max()
    if counts < places.max():
        longest = places[places > counts].min()
        places = _places(longest, 0.0)
        still = stilled(places)
    series = _series(still)
    steep = (a * (r + distinct + 1) / (a + b + distinct) / scale).max()  # how fast ln F falls at first

    def integral(log_still: Callable[[np.ndarray], np.ndarray], since: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return _integral(lambda u: log_still(2 * u / longest - 1), longest, scale, since, ends, rate, steep)

    def of_each() -> np.ndarray:
        own = series[:, which]
        return integral(lambda places: chebyshev.chebval(places, own, tensor=False), since, ends)

    def of_all_kinds(since: np.ndarray) -> np.ndarray:
        """(since, distinct): u is the same for all x, so that one product of matrices has ln F of all of them."""
        by_place = since[:, None]
        return integral(
            lambda places: chebyshev.chebvander(places[..., 0], len(series) - 1) @ series, by_place, ends[0]
        )

    if np.ndim(horizon):
        return of_each().reshape(shape)
    return _between(of_each, of_all_kinds, which, len(distinct), since).reshape(shape)


def _still(r: float, a: float, b: float, x: float, z: np.ndarray) -> np.ndarray:
    """ln F(z): the expectation over p by the trapezoidal rule on the scale of its log odds, where that converges geometrically.

    Where a or b + x is small the density's tails are long: (1 - p) F(0) or p F's value at p = 1, of which the expectation
    is known, are taken off there. All is expressed in parts of its largest term, as F may be smaller than any float.
    """
    c, stay = r + x + 1, b + x
    long_left, long_right = a < 0.5, stay < 0.5
    width = min(1.0, np.sqrt(1 / a + 1 / stay))
    low = min(np.log(a / stay), np.log(a / (stay + c * z.max()))) - _GONE / (a + long_left) - 10 * width
    high = np.log((a + long_left) / stay) + _GONE / (stay + long_right) + 10 * width
    odds = np.arange(low, high, _STEP * width)
    p = special.expit(odds)
    density = -a * np.logaddexp(0, -odds) - stay * np.logaddexp(0, odds) - special.betaln(a, stay)
    terms = density - c * np.log1p(np.outer(z, p))
    top, at_one = terms.max(axis=1), -c * np.log1p(z)
    parts = np.exp(terms - top[:, None])
    known = np.zeros(z.shape)
    if long_left:
        parts -= np.exp(density - top[:, None]) * special.expit(-odds)
        known += np.exp(-top) * stay / (a + stay)
    if long_right:
        parts -= np.exp(density + (at_one - top)[:, None]) * p
        known += np.exp(at_one - top) * a / (a + stay)
    return top + np.log(np.maximum(parts.sum(axis=1) * (_STEP * width) + known, 1e-300))


def _integral(log_still, longest: float, scale: float, since, ends, rate: float, steep: float) -> np.ndarray:
    """The time ahead of each, by Gauss and Legendre in u = ln(1 + scale s / since). log_still: ln F, a function of u."""
    until = np.minimum(np.log1p(scale * ends / since), longest)
    # A discount, or leaving, that is steep beside the rest takes nodes of its own.
    falls = min((rate * since / scale).max(), _GONE) + min(steep, _GONE)
    nodes = 8 + int(np.ceil(_DIGITS / 2 / _fall(until.max()) + falls / 2))
    places, weights = _gauss(nodes)
    total = 0.0
    at_once = max(_CHUNK // max(since.size, 1), 1)
    for begin in range(0, nodes, at_once):
        some = (slice(begin, begin + at_once), *[None] * since.ndim)
        u = until * (places[some] + 1) / 2
        parts = np.exp(log_still(u) + (u - rate * since / scale * np.expm1(u)))
        total = total + (weights[some] / 2 * parts).sum(axis=0)
    return total * until * since / scale


@cache
def _gauss(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes and weights of Gauss and Legendre."""
    return legendre.leggauss(nodes)


def _between(of_each, of_all_kinds, which: np.ndarray, kinds: int, since: np.ndarray) -> np.ndarray:
    """The integral of each: where customers are many, worked out at a few `since` of each distinct x, and interpolated in ln(since).

    Where few times were observed (whole days), one table by these and x holds what all customers need.
    """
    low, high = np.log(since.min()), max(np.log(since.max()), np.log(since.min()) + _SHORTEST)
    grid = np.exp(_places(high, low))
    if since.size <= len(grid):
        return of_each()
    series = _series(np.log(of_all_kinds(grid)).T)
    times, at = np.unique(since, return_inverse=True)
    places = 2 * (np.log(times) - low) / (high - low) - 1
    if kinds * len(times) <= since.size:
        return np.exp(chebyshev.chebvander(places, len(grid) - 1) @ series)[at, which]
    places = places[at]
    logs = np.empty(since.shape)
    for begin in range(0, len(logs), _CHUNK):
        some = slice(begin, begin + _CHUNK)
        logs[some] = chebyshev.chebval(places[some], series[:, which[some]], tensor=False)
    return np.exp(logs)


def _fall(length: float) -> float:
    """How fast the error falls with each node, of a function that is analytic in a strip of half-width pi/2 about such an interval."""
    return np.arcsinh(np.pi / max(length, 0.2))


def _places(high: float, low: float) -> np.ndarray:
    """Chebyshev's nodes between two ends, as many as interpolation needs."""
    nodes = 8 + int(np.ceil(_DIGITS / _fall(high - low)))
    return low + (high - low) / 2 * (chebyshev.chebpts1(nodes) + 1)


def _series(values: np.ndarray) -> np.ndarray:
    """The Chebyshev series through values at the nodes: (rows, nodes) gives (nodes, rows).

    At these nodes the polynomials are orthogonal, so each coefficient is a sum, and nothing is to be solved (Mason & Handscomb 2003,
    Chebyshev Polynomials, 4.6.1).
    """
    nodes = values.shape[1]
    series = 2 / nodes * chebyshev.chebvander(chebyshev.chebpts1(nodes), nodes - 1).T @ values.T
    series[0] /= 2
    return series
