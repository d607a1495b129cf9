"""Resampled: what several bootstraps share, the draws and the limits. The seed is fixed, so that a report can be made twice."""

import numpy as np

REPLICATES = 1000
_SEED = 20250101


def draws_of_groups(groups: int) -> np.ndarray:
    """How often each of the groups is drawn, with replacement: replicates x groups (Efron & Tibshirani 1993, 6.1)."""
    return np.random.default_rng(_SEED).multinomial(groups, np.full(groups, 1 / groups), REPLICATES)


def draws_of_blocks(units: int, block: int, stream: int = 0) -> np.ndarray:
    """Places of units in time, drawn in blocks of neighbours that go on from the last to the first: replicates x units.

    Politis & Romano 1992, in Exploring the Limits of Bootstrap, 263 (circular block bootstrap). stream: another one draws anew.
    """
    rng = np.random.default_rng([_SEED, stream])
    begins = rng.integers(0, units, (REPLICATES, -(-units // block)))
    places = begins[:, :, None] + np.arange(block)
    return places.reshape(REPLICATES, -1)[:, :units] % units


def limits(replicates: np.ndarray, level: float) -> tuple[float, float]:
    """The percentile interval; an end is infinite where so many replicates are."""
    known = replicates[~np.isnan(replicates)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(low), float(high)
