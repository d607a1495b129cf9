"""Gaps between a customer's recurring events, by Wang & Chang's weights: neither frequent buyers nor last gaps count too much.

Of pooled gaps most are those of frequent customers, and short gaps had the better chance to be seen whole. Here each customer counts
once: through the complete gaps, with an equal share each, or, who has none, through the one gap that is still open. The open
gap after complete ones adds nothing, and is left out. The customer's first gap begins with an event (the first order),
and gaps of one customer are taken as alike in distribution: where they grow longer with time, no single median says it.

Source. Wang & Chang 1999, Nonparametric estimation of a recurrent survival function, JASA 94:146, with weight 1 per customer. Its
special case of one gap each is Kaplan & Meier's.
"""

import numpy as np

from crmnb.stats.models.kaplan_meier import ROUNDING


def survival(gap, complete, m, n) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The share of gaps that are longer than each time: times, values, weights at risk, weights that ended.

    gap: lengths; complete: 1 where the next event came, 0 where observation ended first; m: how many complete gaps the row's
    customer has (0: none); n: how many gaps the row stands for, either one number per row, or one column per bootstrap replicate of the
    customers (rows x replicates). The times are the distinct lengths of complete gaps, ascending; the other three have a row per time
    and, like n, a column per replicate. Values are NaN from where nothing is at risk. Raises ValueError where the arrays cannot be meant.
    """
    gap, complete, m, n = _checked(gap, complete, m, n)
    weights = n / np.maximum(m, 1).reshape(-1, *[1] * (n.ndim - 1))
    times, place = np.unique(gap, return_inverse=True)
    ended, lasted = (_sums(weights[rows], place[rows], len(times)) for rows in (complete, ~complete))
    risk = np.cumsum((ended + lasted)[::-1], axis=0)[::-1]
    some = np.isin(times, gap[complete])
    times, ended, risk = times[some], ended[some], risk[some]
    with np.errstate(invalid="ignore"):
        values = np.cumprod(1 - ended / risk, axis=0)
    return times, values, risk, ended


def _checked(gap, complete, m, n) -> tuple[np.ndarray, ...]:
    """The arrays, without the open gaps of customers with complete ones."""
    gap, m, n = (np.asarray(values, float) for values in (gap, m, n))
    complete = np.asarray(complete).astype(bool)
    if not gap.shape == complete.shape == m.shape == n.shape[:1] or n.ndim > 2:
        raise ValueError("gap, complete and m are to be arrays of one length, and n to have as many rows")
    if not (np.isfinite(gap) & np.isfinite(m)).all() or not np.isfinite(n).all():
        raise ValueError("a gap or a count is missing")
    if (gap < 0).any() or (m < 0).any() or (n < 0).any():
        raise ValueError("a gap or a count is negative")
    if (complete & (m < 1)).any():
        raise ValueError("a complete gap is itself one of its customer's complete gaps: m is to be 1 or more")
    used = complete | (m == 0)
    return gap[used], complete[used], m[used], n[used]


def _sums(weights: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """The sum of the rows of weights that have each place."""
    if weights.ndim == 1:
        return np.bincount(place, weights=weights, minlength=size)
    out = np.zeros((size, weights.shape[1]))
    order = np.argsort(place, kind="stable")
    at, first = np.unique(place[order], return_index=True)
    if len(at):
        out[at] = np.add.reduceat(weights[order], first, axis=0)
    return out


def quantile(gap, complete, m, n, p: float = 0.5) -> float | np.ndarray:
    """The first time at which a share p of the gaps has ended: a number, or one per replicate (see `survival`).

    Infinite is "not reached"; NaN where nothing was at risk.
    """
    times, values, _, _ = survival(gap, complete, m, n)
    reached = values <= 1 - p + ROUNDING
    quantiles = np.where(reached.any(axis=0), times[reached.argmax(axis=0)] if len(times) else np.inf, np.inf)
    nobody = np.asarray(n, float).sum(axis=0) == 0
    quantiles = np.where(nobody, np.nan, quantiles)
    return quantiles if quantiles.ndim else float(quantiles)
