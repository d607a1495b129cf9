"""Samples with a known truth, drawn many at a time and reduced to the statistics that `crmnb.metrics.estimators` reads.

A row of what comes back is one sample. Two halves of a comparison are drawn together, with the correlation of their
estimates as the engine would find it from the customers seen in both.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

Pair = tuple[pd.DataFrame, pd.DataFrame, pd.Series]


def moments(num, den=None, n=None, magnitude=None) -> pd.DataFrame:
    """Statistics of samples x customers: sums per customer, all weights 1. By default each customer has one unit."""
    num = np.asarray(num, dtype=float)
    den = np.ones_like(num) if den is None else np.asarray(den, dtype=float)
    n = np.ones_like(num) if n is None else n
    u = residuals(num, den)
    rows = n.sum(1).astype(float)
    sums = {"num": num.sum(1), "den": den.sum(1), "n": rows, "clusters": float(num.shape[1]), "w": rows, "w2": rows}
    seen = np.abs(num) if magnitude is None else magnitude
    return pd.DataFrame(sums | {"magnitude": seen.sum(1), "ss": (u**2).sum(1), "s3": (u**3).sum(1)})


def residuals(num: np.ndarray, den: np.ndarray) -> np.ndarray:
    """What each customer's sum is off by, given the sample's own ratio."""
    return num - num.sum(1, keepdims=True) / den.sum(1, keepdims=True) * den


def tallies(ones: np.ndarray, minus_ones: np.ndarray, n: np.ndarray) -> pd.DataFrame:
    """Statistics of samples of n single answers in {-1, 0, 1} (or {0, 1}), told by how many of each there are."""
    ones, minus, n = (np.asarray(x, dtype=float) for x in np.broadcast_arrays(ones, minus_ones, n))
    mean = (ones - minus) / n
    zeros = n - ones - minus
    power = {k: ones * (1 - mean) ** k + zeros * (0 - mean) ** k + minus * (-1 - mean) ** k for k in (2, 3)}
    same = dict.fromkeys(("den", "n", "clusters", "w", "w2"), n)
    return pd.DataFrame(same | {"num": ones - minus, "magnitude": ones + minus, "ss": power[2], "s3": power[3]})


def bins(counts: np.ndarray) -> pd.DataFrame:
    """Statistics of samples x spans of time: the counts of each span."""
    mean = counts.mean(1, keepdims=True)
    total = counts.sum(1).astype(float)
    scatter = ((counts - mean) ** 2).sum(1)
    return pd.DataFrame(
        {"num": total, "den": 1.0, "n": total, "bins": float(counts.shape[1]), "binned": total, "ss": scatter}
    )


def sizes(rng: np.random.Generator, samples: int, customers: int) -> np.ndarray:
    """Units of each customer: 1 or more, 3 in the mean."""
    return 1 + rng.poisson(2, (samples, customers))


def shares(rng, samples: int, customers: int, p: float, alike: float) -> pd.DataFrame:
    """Customers with several units each, a share `p` of which is 1; `alike` is the intraclass correlation."""
    n, strength = sizes(rng, samples, customers), 1 / alike - 1
    own = rng.beta(p * strength, (1 - p) * strength, n.shape)
    num = rng.binomial(n, own)
    return moments(num, n, n)


def promoters(rng, samples: int, customers: int, up: float, down: float, alike: float) -> pd.DataFrame:
    """The same of answers that promote (`up`), detract (`down`) or neither (Dirichlet customers)."""
    n, strength = sizes(rng, samples, customers), 1 / alike - 1
    rest = 1 - up - down
    gammas = [rng.gamma(max(share * strength, 1e-12), 1, n.shape) for share in (up, down, rest)]
    total = sum(gammas)
    of_up = rng.binomial(n, gammas[0] / total)
    of_down = rng.binomial(n - of_up, np.clip(gammas[1] / (gammas[1] + gammas[2]), 0, 1))
    return moments(of_up - of_down, n, n, of_up + of_down)


def means(rng, samples: int, customers: int, alike: float) -> pd.DataFrame:
    """Normal values with mean 50 and standard deviation 10, of several units each."""
    n = sizes(rng, samples, customers)
    own = 50 + 10 * np.sqrt(alike) * rng.standard_normal(n.shape)
    noise = 10 * np.sqrt((1 - alike) * n) * rng.standard_normal(n.shape)
    return moments(n * own + noise, n, n)


def ratios(rng, samples: int, customers: int, alike: float) -> pd.DataFrame:
    """Sums over sums (clicks per opened message, say): each unit has a gamma size, and half of it in the mean counts."""
    n, strength = sizes(rng, samples, customers), 1 / alike - 1
    den = rng.gamma(2 * n, 1.0)
    return moments(den * rng.beta(strength / 2, strength / 2, n.shape), den, n)


def money(rng, samples: int, customers: int, sigma: float) -> pd.DataFrame:
    """Lognormal amounts, one per customer; their mean is exp(sigma^2 / 2)."""
    return moments(rng.lognormal(0, sigma, (samples, customers)))


def counts(rng, samples: int, spans: int, mean: float, dispersion: float) -> pd.DataFrame:
    """Counts of spans of time: Poisson, or negative binomial with a variance of `dispersion` times the mean."""
    rate = np.full((samples, spans), mean)
    if dispersion > 1:
        rate = rng.gamma(mean / (dispersion - 1), dispersion - 1, (samples, spans))
    return bins(rng.poisson(rate))


def two_periods(rng, samples: int, n: int, overlap: float, alike: float, value) -> Pair:
    """Two periods of `n` customers, a share `overlap` of whom is in both; `value` makes numbers of uniform ranks.

    The ranks of one customer in both periods correlate by `alike` (a normal copula). `value(ranks, now)`, now or not.
    """
    both = round(n * overlap)
    z, other = rng.standard_normal((samples, n)), rng.standard_normal((samples, n))
    own = np.where(np.arange(n) < both, alike * z + np.sqrt(1 - alike**2) * other, other)
    now, before = value(norm.cdf(z), True), value(norm.cdf(own), False)
    one = np.ones((samples, n))
    u, v = residuals(now, one), residuals(before, one)
    product = np.sqrt((u**2).sum(1) * (v**2).sum(1))
    shared = (u[:, :both] * v[:, :both]).sum(1)
    correlation = np.divide(shared, product, out=np.zeros(samples), where=product > 0)
    return moments(now), moments(before), pd.Series(np.clip(correlation, -1, 1))


def retained(rng, samples: int, customers: int, sigma: float, leaves: float, shrinks: float) -> pd.DataFrame:
    """What is still paid of lognormal fees, where customers leave, or pay a fifth less, whatever they paid."""
    fees, chance = np.exp(sigma * rng.normal(size=(samples, customers))), rng.random((samples, customers))
    kept = np.where(chance < leaves, 0.0, np.where(chance < leaves + shrinks, 0.8, 1.0))
    frame = moments(fees * kept, fees)
    return frame.assign(w=fees.sum(1), w2=(fees**2).sum(1))
