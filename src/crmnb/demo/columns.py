"""Columns of simulated tables: times and keys, from days and numbers."""

import numpy as np
import pandas as pd

from crmnb.demo.parameters import EDGES, ORIGIN


def to_times(days: np.ndarray) -> np.ndarray:
    """Times to the second from days since ORIGIN; empty for NaN and infinite days."""
    known = np.isfinite(days)
    seconds = np.floor(np.where(known, days, 0) * 86_400).astype("timedelta64[s]")
    return np.where(known, np.datetime64(ORIGIN, "s") + seconds, np.datetime64("NaT"))


def to_days(times: pd.Series) -> np.ndarray:
    """Days since ORIGIN; NaN for empty times."""
    return ((times - pd.Timestamp(ORIGIN)) / pd.Timedelta(days=1)).to_numpy()


def find_year(day: np.ndarray) -> np.ndarray:
    """The index in YEARS of days since ORIGIN."""
    return np.searchsorted(EDGES, day, side="right") - 1


def make_keys(prefix: str, rows: int, width: int, first: int = 1) -> np.ndarray:
    """Keys: a prefix and running numbers with leading zeros."""
    return np.array([f"{prefix}{number:0{width}d}" for number in range(first, first + rows)], dtype=object)


def make_customer_ids(who: np.ndarray) -> np.ndarray:
    """The customer numbers of row numbers; empty for negative row numbers."""
    return np.array([str(100_000 + number) if number >= 0 else None for number in who.tolist()], dtype=object)
