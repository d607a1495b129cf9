"""How often customers will buy who were customers before they were first seen: BG/NBD, left-truncated.

Their first purchases are not in the data, but that they were still customers when the data began is known of whoever was seen at all.
Of those who buy at a rate l and leave after a purchase with probability p, e^(-l p s) are left after s: so the patient and the
loyal are over-represented, and the parameters of new customers (r, alpha, a, b) do not hold of them as they are. Integrated over
l, which the model lets be gamma distributed, all that is asked for is an integral over p (beta distributed) alone:

    alive at the end:   (1 - p)^(x + 1) / (alpha + p before + wait + T)^(r + x + 1)
    left at the last:   p (1 - p)^x / (alpha + p before + wait + t_x)^(r + x + 1)

x, t_x, T count from the first purchase seen, which is a purchase like any other here: after it, too, a customer may have left.
before: from joining to the beginning of the data. wait: from that to the first purchase seen.

Source: Fader, Hardie & Lee 2005, Marketing Science 24:275 (the model); left truncation: Klein & Moeschberger 2003, Survival Analysis,
2nd ed., 3.4. Trapezoidal sums over log odds: Trefethen & Weideman 2014, SIAM Review 56:385.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

_TAIL = 16.0  # e^-16 of the density's mass may be left out on either side
_STEP = 0.4  # of the trapezoidal sum, in widths of the beta distribution on the scale of log odds
_AHEAD = 16  # nodes over the time ahead
_GONE = 40.0  # e^-40 is beyond a float's precision
_CELLS = 2**20  # customers x log odds at a time


@dataclass(frozen=True)
class Older:
    """Histories of customers who are older than the data, an element of each array a customer; times in one unit."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    before: np.ndarray
    wait: np.ndarray

    def some(self, rows: slice) -> "Older":
        """The histories of some of them."""
        return Older(*(column[rows] for column in (self.x, self.t_x, self.T, self.before, self.wait)))


def discounted_further(parameters: np.ndarray, of: Older, horizon: float, rate: float) -> np.ndarray:
    """Purchases expected within `horizon` after T, each discounted by e^(-rate s) where it comes s after T.

    parameters: (r, alpha, a, b) of new customers. horizon: may be infinite where rate is more than 0.
    """
    r, alpha, _, _ = parameters
    end = min(horizon, _GONE / rate) if rate > 0 else horizon
    places, weights = legendre.leggauss(_AHEAD)
    scale = alpha + 1.0
    u = np.log1p(end / scale) * (places + 1) / 2
    ahead = scale * np.expm1(u)
    weight = weights / 2 * np.log1p(end / scale) * scale * np.exp(u - rate * ahead)

    def bought(log_p, log_stay, some: Older) -> np.ndarray:
        k = (r + some.x + 1)[:, None]
        since, p = (alpha + some.wait + some.T)[:, None], np.exp(log_p)
        alive = (some.x[:, None] + 1) * log_stay
        rates = (
            w * np.exp(alive - (k + 1) * np.log(since + p * (some.before[:, None] + s)) + _scale(k, since))
            for s, w in zip(ahead, weight, strict=True)
        )
        return k * sum(rates)

    return _expected(parameters, of, bought)


def silent(parameters: np.ndarray, of: Older, begins: float, lasts: float) -> np.ndarray:
    """The probability that no purchase comes in the time from `begins` to `begins + lasts` after T."""
    r, alpha, _, _ = parameters

    def comes(log_p, log_stay, some: Older) -> np.ndarray:
        k = (r + some.x + 1)[:, None]
        since, p = (alpha + some.wait + some.T)[:, None], np.exp(log_p)
        there = since + p * (some.before[:, None] + begins)
        alive = (some.x[:, None] + 1) * log_stay + _scale(k, since)
        return np.exp(alive - k * np.log(there)) - np.exp(alive - k * np.log(there + lasts))

    return 1 - _expected(parameters, of, comes)


def _scale(k: np.ndarray, since: np.ndarray) -> np.ndarray:
    """A factor common to all terms of a customer, so that none is too small for a float."""
    return k * np.log(since)


def _expected(parameters: np.ndarray, of: Older, ahead: Callable[..., np.ndarray]) -> np.ndarray:
    """The mean over p of what is ahead, conditional on the histories."""
    r, alpha, a, b = parameters
    unseen = of.before / (alpha + of.wait + of.T)
    odds, density = _over_leaving(a, b, of.x.max(initial=0.0), (of.x + (r + of.x + 1) * unseen).max(initial=0.0))
    log_p, log_stay = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
    chunk = max(1, _CELLS // len(odds))
    mean = np.empty(len(of.x))
    for begin in range(0, len(mean), chunk):
        rows = slice(begin, begin + chunk)
        some = of.some(rows)
        k, p = (r + some.x + 1)[:, None], np.exp(log_p)
        since = (alpha + some.wait + some.T)[:, None]
        until = since - (some.T - some.t_x)[:, None]
        before = p * some.before[:, None]
        stays = some.x[:, None] * log_stay
        alive = np.exp(stays + log_stay - k * np.log(since + before) + _scale(k, since))
        left = np.exp(stays + log_p - k * np.log(until + before) + _scale(k, since))
        mean[rows] = (ahead(log_p, log_stay, some) @ density) / ((alive + left) @ density)
    return mean


def _over_leaving(a: float, b: float, x_most: float, stays_most: float) -> tuple[np.ndarray, np.ndarray]:
    """The log odds of p to sum over, and the weight of each.

    x_most: the most repeat purchases. stays_most: the most purchases after which a customer stayed, those expected before the data
    among them: they draw p down, as so many more in b do. Where a or b is near 0, the density falls so slowly that millions of
    log odds would be needed (down to p = e^-1,000,000, say). But beyond some log odds no history can tell one p from another, so
    the first and the last carry what lies beyond them: a geometric series.
    """
    width = min(1.0, np.sqrt(1 / a + 1 / b))
    narrowest = min(width, np.sqrt(1 / a + 1 / (b + stays_most)))
    middle = np.log(a / b)
    low = middle - np.log1p(stays_most / b) - _TAIL / a - 6 * width
    high = middle + _TAIL / b + 6 * width
    least, most = -_GONE - np.log1p(stays_most), _GONE
    step = _STEP * min(narrowest, 1 / np.sqrt(1 + x_most / 25))
    odds = np.arange(max(low, least), min(high, most), step)
    log_density = -a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds)
    density = np.exp(log_density - log_density.max())
    if low < least:
        density[0] /= -np.expm1(-a * step)
    if high > most:
        density[-1] /= -np.expm1(-b * step)
    return odds, density
