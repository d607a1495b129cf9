"""Remainders: small groups that no row stands for, but that follow from rows by subtraction.

Levels that were left out of a breakdown; what lies between two segmentations of which one is inside the other; and what one metric
counts beyond another that counts the same of fewer.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Remainders:
    """Rows that nobody sees (`figures` as in the frame, `cells` as in `located`), the `people` of each, and the sums that they are in."""

    figures: pd.DataFrame
    cells: pd.DataFrame
    people: np.ndarray
    sums: list[tuple[tuple[str, str, str], ...]] = field(default_factory=list)


def remainders(figures: pd.DataFrame, cells: pd.DataFrame, base: np.ndarray, at_least: int) -> Remainders:
    """The remainders of these rows."""
    return Remainders(figures.iloc[:0], cells.iloc[:0], np.zeros(0))
