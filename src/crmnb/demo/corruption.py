"""Corruption: the faults of an export, applied to simulated rows and counted."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Defect:
    """A defect of an export: the reason for rejection, its share of the rows, and the change.

    `change` takes copies of good rows and returns the changed columns; `of` selects the rows that can be changed. Without a
    change, the row is exported twice.
    """

    reason: str
    share: float
    change: Callable[[pd.DataFrame], dict[str, object]] | None = None
    of: Callable[[pd.DataFrame], pd.Series] | None = None


@dataclass(frozen=True)
class CorruptedRows:
    """The rows of an export, the number of good rows, and the number of bad rows by reason; no row has two reasons.

    `twins`: of good rows that are near duplicates of others, their keys, and those of the others.
    """

    rows: pd.DataFrame
    good: int
    bad: dict[str, int] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)


def corrupt_rows(good: pd.DataFrame, key: str | None, defects: list[Defect], rng: np.random.Generator) -> CorruptedRows:
    """Add bad rows to the good ones, which stay unchanged; each follows the row from which it was made.

    A bad row is a copy of a good one with a new key (if rows have a key), unless the defect changes the key itself.
    """
    parts, places, bad = [good], [np.arange(len(good), dtype=float)], {}
    for number, defect in enumerate(defects):
        can_be = np.flatnonzero(defect.of(good)) if defect.of else np.arange(len(good))
        rows = min(round(defect.share * len(good)), len(can_be))
        picked = rng.choice(can_be, rows, replace=False)
        copies = good.iloc[picked].copy()
        if defect.change:
            if key:
                copies[key] = _make_new_keys(good[key], copies[key], number)
            copies = copies.assign(**defect.change(copies))
        parts.append(copies)
        places.append(picked + 0.5)
        if rows:
            bad[defect.reason] = rows
    order = np.argsort(np.concatenate(places), kind="stable")
    return CorruptedRows(pd.concat(parts).iloc[order].reset_index(drop=True), len(good), bad)


def _make_new_keys(keys: pd.Series, of: pd.Series, number: int) -> pd.Series:
    """Keys that no good row has, and no row of another defect."""
    if pd.api.types.is_numeric_dtype(keys):
        return of + (number + 1) * 10_000_000
    return of + chr(ord("a") + number)


def write_missing_codes(column: pd.Series, share: float, codes: list[object], rng: np.random.Generator) -> pd.Series:
    """The column as objects, with a share of its empty values replaced by codes for missing values (`n/a`, `-`)."""
    texts = column.astype(object).where(column.notna(), None)
    hit = texts.isna() & (rng.random(len(column)) < share)
    texts[hit] = rng.choice(np.array(codes, dtype=object), int(hit.sum()))
    return texts


def format_times(times: pd.Series, form: str) -> pd.Series:
    """Times as text, None for empty times."""
    text = times.dt.strftime(form).astype(object)
    return text.where(times.notna(), None)


def to_day_numbers(times: pd.Series) -> pd.Series:
    """Times as the day numbers of a spreadsheet."""
    return (times - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
