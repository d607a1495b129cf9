"""The bootstrap of folds: customers (or leads) are divided into groups at random, and groups are resampled.

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3.
"""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def fold_draws(folds: int, replicates: int, seed: int) -> np.ndarray:
    """How often each fold is drawn in each replicate, (replicates, folds), read-only: levels of as many folds share the draws.

    The seed is fixed by the caller, so that a report can be reproduced.
    """
    draws = np.random.default_rng(seed).multinomial(folds, np.full(folds, 1 / folds), replicates).astype(float)
    draws.flags.writeable = False
    return draws
