"""Moments: from sufficient statistics to a value with its interval, and the difference of two of them.

Each takes a frame of statistics, one row per group (see `crmnb.engine.reduce`), all of it small, and gives a frame
of the same index: `value`, `low`, `high`, `method`, `unreliable`, and `n_effective` where it is known. Statistics are sums
over a group's clusters (customers; a row without one is its own): `num`, `den` (weighted), `n` rows, `clusters`, `w` and
`w2` (sums of weights and of their squares), `magnitude` (sum of w |num|), and of the residuals u = num - (num/den) den of
the clusters `ss` (sum of u^2) and `s3` (sum of u^3). Counts have `bins` (equal spans of time), `binned` (events in them) and `ss` (squares of the
bins' counts about their mean).

Sources. Wilson 1927, JASA 22:209. Kish 1965, Survey Sampling, 8.2 (effective n) and 6.5 (ratio of sums by cluster);
Korn & Graubard 1998, Survey Methodology 24:193 (effective n; they put it into an exact interval, we into the score one). Wedderburn 1974, Biometrika 61:439
(means between two bounds vary as m (1 - m)). Hall 1992, JRSS-B 54:221 (removing skewness by a cubic). Rocks 2016, The
American Statistician 70:365 (adjusted Wald for nps). Garwood 1936, Biometrika 28:437 (exact Poisson limits); McCullagh &
Nelder 1989, Generalized Linear Models, 6.2 (dispersion). Newcombe 1998, Statistics in Medicine 17:873; Zou & Donner 2008,
Statistics in Medicine 27:1693 (recovery of variances, correlated estimates too).
"""

import numpy as np
import pandas as pd
from scipy import special

from crmnb.stats.distributions import chi2_quantile

# Where an interval was seen to cover too little (benchmarks/coverage.py prints the table): below so many customers, and
# of a count below so many events (those that come in bursts count as fewer: events over dispersion).
FEW_CLUSTERS = 30
FEW_FOR_MONEY = 300
FEW_EVENTS = 5
FEW_MOVERS = 5  # customers who move a retained revenue: of fewer the interval covers .85 and less
_ROUNDING = 1e-9  # of a dispersion
ALL_ALIKE = "no interval: all are alike"
LARGE_SHARE = 0.2  # of a sum of money: that one customer brought more is to be said


def share(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A share, with Wilson's score interval at the effective n."""
    value = s.num / s.den
    n, df = _effective_n(s, value * (1 - value))
    low, high = _score(value, n, _quantile(level, df))
    return _estimates(s, value, low, high, "Wilson", n)


def _score(value: pd.Series, n: pd.Series, z: pd.Series) -> tuple[pd.Series, pd.Series]:
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At 0 and 1 the score interval ends exactly there; subtraction would leave a rounding error.
    low = (centre - half).clip(lower=0).mask(value == 0, 0.0)
    high = (centre + half).clip(upper=1).mask(value == 1, 1.0)
    return low, high


def share_of_money(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A share of money, each unit's own share (0 to 1) weighted by its amount: Wilson's interval at the effective n.

    Kish's n of the amounts, where each unit is lost whole or not at all; more, where units lose a part, in the proportion in which
    they scatter less than that. Both are known with one unit's doubt: where none or few lost anything, the scatter of those
    seen says nothing of who may be next (Hall's interval has no width there; benchmarks/coverage.py).
    """
    value, kish = s.num / s.den, s.w**2 / s.w2
    n = kish * (value * (1 - value) + 1 / kish) / (kish * _standard_error(s).fillna(0.0) ** 2 + 1 / kish)
    low, high = _score(value, n, _quantile(level, (s.clusters - 1).clip(lower=1)))
    out = _estimates(s, value, low, high, "Wilson", np.minimum(n, kish))
    out["unreliable"] = s.clusters < FEW_CLUSTERS
    return out


def mean_on_scale(s: pd.DataFrame, level: float, bounds: tuple) -> pd.DataFrame:
    """A mean of answers on a scale with two ends: Wilson's interval at the n of yes-or-no answers that would tell as much.

    bounds: the two ends, numbers or a series each.
    Ratings crowd at the best end, where t falls short (.81 of 10 answers of which 85 % are the best) and is no interval at
    all once all agree; there each customer counts as one answer. Compare two of them as rates are compared, not by Welch.
    """
    first, span = bounds[0], bounds[1] - bounds[0]
    value = ((s.num / s.den - first) / span).clip(0, 1)
    error = _standard_error(s) / span
    n = (value * (1 - value) / error**2).mask(error < 1e-7, s.clusters)
    low, high = _score(value, n, _quantile(level, s.clusters - 1))
    low, high = first + span * low.where(s.clusters > 1), first + span * high.where(s.clusters > 1)
    return _estimates(s, s.num / s.den, low, high, "score")


def promoters_less_detractors(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """The net promoter score in [-1, 1], with the adjusted Wald interval."""
    value, both = s.num / s.den, s.magnitude / s.den
    n, df = _effective_n(s, both - value**2)
    promoters = ((both + value) / 2 * n + 0.75) / (n + 3)
    detractors = ((both - value) / 2 * n + 0.75) / (n + 3)
    centre = promoters - detractors
    half = _quantile(level, df) * np.sqrt((promoters + detractors - centre**2) / (n + 3))
    # Where all say the same, the added answers may pull the interval off the value; it is not let go that far.
    low = np.minimum((centre - half).clip(-1, 1), value)
    high = np.maximum((centre + half).clip(-1, 1), value)
    return _estimates(s, value, low, high, "adjusted Wald", n)


def by_t(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A ratio of sums, with the t interval of its linearised standard error."""
    value, half = s.num / s.den, _quantile(level, s.clusters - 1) * _standard_error(s)
    return _unless_alike(s, _estimates(s, value, value - half, value + half, "t"))


def _unless_alike(s: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """The estimates, without an interval where all units seen are alike: one of no width would say that all others are, too."""
    is_constant = (s.clusters > 1) & (_standard_error(s) <= 1e-9 * (s.num / s.den).abs())
    estimates.loc[is_constant, ["low", "high"]] = np.nan
    estimates.loc[is_constant, "method"] = ALL_ALIKE
    estimates.loc[is_constant, "rows_independent"] = False
    return estimates


def by_hall(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A mean of skewed money, by Hall's transformation of t; `top_heavy`, where a customer brought more than a fifth of the sum.

    The largest residual is at least the mean of all weighted by their squares, s3 / ss, and near it where it stands out; so none
    is called top-heavy that is not.
    """
    value, c = s.num / s.den, s.clusters
    spread = _standard_error(s) * np.sqrt(c)
    skew = (s.s3 / c / (s.ss / c).pow(1.5)).where(s.ss > 0, 0.0)
    q = _quantile(level, c - 1) / np.sqrt(c)
    low, high = value - spread * _hall(q, skew, c), value - spread * _hall(-q, skew, c)
    out = _unless_alike(s, _estimates(s, value, low, high, "Hall's transformation", of_rows=False))
    out["unreliable"] = c < FEW_FOR_MONEY
    out["top_heavy"] = (s.num > 0) & (s.s3 > LARGE_SHARE * s.num * s.ss)
    return out


def retained(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """What the same customers pay, out of what they paid: as `by_hall`, unreliable where few of them move it.

    So many customers who move it alike would make it as skewed: (sum u^2)^3 / (sum u^3)^2.
    """
    out, movers = by_hall(s, level), s.ss**3 / (s.s3**2).where(s.s3 != 0)
    out["unreliable"] |= movers < FEW_MOVERS
    return out


def _hall(y: pd.Series, skew: pd.Series, n: pd.Series) -> pd.Series:
    """Hall's cubic, inverted: the studentised error whose transform is `y`."""
    flat = skew.abs() < 1e-8
    a = skew.mask(flat, 1.0)
    return (3 / a * (np.cbrt(1 + a * (y - a / (6 * n))) - 1)).mask(flat, y)


def over_time(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """Garwood's limits of total/dispersion, times dispersion: exact where the spans scatter no more than Poisson.

    No test stands before it: over 12 weeks a variance twice the mean passes as Poisson too often (91 % covered). Customers who come
    and go take all of their events with them, which spans of time do not show: the dispersion is that of the spans or that of a
    compound Poisson process of customers (sum of squares over sum of their events), whichever is larger.
    """
    total, df = s.num, s.bins - 1
    of_spans = (s.ss / (s.binned / s.bins) / df).where((s.binned > 0) & (df > 0), 1.0)
    of_spans = of_spans.where(
        of_spans > 1 + _ROUNDING, 1.0
    )  # exactly Poisson is not over-dispersed by a rounding error
    of_customers = (s.get("squares", total) / total).where(total > 0, 1.0).clip(lower=1)
    low, high = _garwood(total, of_spans, _quantile(level, df.mask(of_spans <= 1, np.inf)))  # itself estimated, on df
    lower, higher = _garwood(total, of_customers, _quantile(level, df * np.inf))
    by_customer = (of_customers > 1) & (higher - lower > high - low)
    low, high = low.mask(by_customer, lower), high.mask(by_customer, higher)
    events = total / np.maximum(of_spans, of_customers)
    method = pd.Series("exact Poisson", s.index).mask(of_spans > 1, "quasi-Poisson")
    method = method.mask(by_customer, "compound Poisson, by customer")
    out = _estimates(s, total / s.den, low / s.den, high / s.den, method, of_rows=False)
    out["unreliable"] = events < FEW_EVENTS
    return out


def _garwood(total: pd.Series, dispersion: pd.Series, quantile: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Garwood's limits of total/dispersion, times dispersion."""
    tail, events = special.ndtr(-quantile), total / dispersion
    low = dispersion * pd.Series(chi2_quantile(tail, 2 * events), total.index).fillna(0.0) / 2
    return low, dispersion * chi2_quantile(1 - tail, 2 * events + 2) / 2


def states(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """How many there are at a time, or per unit of exposure: all are counted, so there is no interval."""
    none = pd.Series(np.nan, s.index)
    return _estimates(s, s.num / s.den, none, none, "none", of_rows=False)


def census(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A ratio of two counts of all there are: no interval."""
    none = pd.Series(np.nan, s.index)
    return _estimates(s, s.num / s.den, none, none, "none", of_rows=False)


def all_counted(s: pd.DataFrame, level: float) -> pd.DataFrame:
    """A number or a sum of all rows there are: no interval."""
    none = pd.Series(np.nan, s.index)
    return _estimates(s, s.num, none, none, "none", of_rows=False).assign(unreliable=False)


def _standard_error(s: pd.DataFrame) -> pd.Series:
    """Linearised (delta method) standard error of num/den over clusters; NaN from a single one."""
    c = s.clusters.where(s.clusters > 1)
    return np.sqrt(c / (c - 1) * s.ss) / s.den


def _effective_n(s: pd.DataFrame, variance: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The n of independent, equally weighted units that would tell as much, and the degrees of freedom.

    Kish's n at most; less where customers with several units are alike. Where a clustered sample shows no variance at
    all (0 or 100 %) its likeness cannot be seen: each customer then counts once. `df` is infinite without clusters.
    """
    kish = s.w**2 / s.w2
    clustered = s.clusters < s.n
    independent_n = (variance / _standard_error(s) ** 2).where(variance > 0, s.clusters)
    n = kish.mask(clustered, np.minimum(kish, independent_n.fillna(1.0)))
    df = pd.Series(np.inf, s.index).mask(clustered, (s.clusters - 1).clip(lower=1))
    return n, df


def _quantile(level: float, df: pd.Series) -> pd.Series:
    return pd.Series(special.stdtrit(df, (1 + level) / 2), df.index)


def _estimates(s: pd.DataFrame, value, low, high, method, n_effective=np.nan, *, of_rows: bool = True) -> pd.DataFrame:
    """The columns of estimates; of_rows: without clusters the interval is that of independent rows (`rows_independent`)."""
    clustered = s.get("clusters", s.n) < s.n
    columns = {"value": value, "low": low, "high": high, "method": method, "n_effective": n_effective}
    out = pd.DataFrame(columns, index=s.index)
    out["method"] = out["method"].mask(clustered & (method != "none"), out["method"] + " by customer")
    out["unreliable"] = clustered & (s.get("clusters", s.n) < FEW_CLUSTERS)
    out["rows_independent"] = ~clustered & of_rows
    return out


def difference(
    now: pd.DataFrame,
    before: pd.DataFrame,
    correlation: pd.Series,
    level: float,
    symmetric: bool,
    slack: pd.Series | float = 0.0,
) -> pd.DataFrame:
    """The difference of two estimates, row by row, with its interval and p-value: `change`, `low`, `high`, `p_value`.

    `now`, `before`: `value`, `low`, `high`, `clusters`, of one index. `correlation`: that of the two estimates, 0 where they
    share no unit. Rates, nps and counts: Newcombe's hybrid (method 10, with the correlation of shared units); t intervals
    (`symmetric`): Welch-Satterthwaite. The p-value is the level at which the interval would just touch zero, computed from
    the interval's own arm, so that the two never disagree. `slack`: how much of the change may be no change, but a day more in
    one of the periods: the interval is so much wider on both sides.
    """
    change = now.value - before.value
    df = pd.Series(np.inf, now.index)
    if symmetric:
        low, high, df = _welch(now, before, correlation, level)
    else:
        low = change - _arm(now.value - now.low, before.high - before.value, correlation)
        high = change + _arm(now.high - now.value, before.value - before.low, correlation)
    arm = (change - low).where(change > 0, high - change)
    t = _quantile(level, df) * (change.abs() - slack).clip(lower=0) / arm.where(arm > 0)
    p_value = 2 * special.stdtr(df, -t)
    return pd.DataFrame({"change": change, "low": low - slack, "high": high + slack, "p_value": p_value}, now.index)


def _arm(a: pd.Series, b: pd.Series, correlation: pd.Series) -> pd.Series:
    return np.sqrt((a**2 + b**2 - 2 * correlation * a * b).clip(lower=0))


def _welch(now: pd.DataFrame, before: pd.DataFrame, correlation: pd.Series, level: float):
    # Of a mean near the end of its scale one arm is cut off there; the other tells the standard error.
    arms = [np.maximum(e.high - e.value, e.value - e.low) for e in (now, before)]
    se = [arm / _quantile(level, e.clusters - 1) for arm, e in zip(arms, (now, before), strict=True)]
    parts = sum(e**4 / (x.clusters - 1) for e, x in zip(se, (now, before), strict=True))
    df = (se[0] ** 2 + se[1] ** 2) ** 2 / parts.where(parts > 0)
    df = df.fillna(1.0)
    half = _quantile(level, df) * _arm(se[0], se[1], correlation)
    change = now.value - before.value
    return change - half, change + half, df
