"""Mess: what goes wrong in an export, done to made-up rows and counted."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Defect:
    """A way in which rows are wrong: in the words of the intake's account, their share, and what is done to which.

    `change` takes a copy of good rows and gives what their columns become; `of` says which rows can be spoiled so.
    Without a change, the row is exported twice.
    """

    words: str
    share: float
    change: Callable[[pd.DataFrame], dict[str, object]] | None = None
    of: Callable[[pd.DataFrame], pd.Series] | None = None


@dataclass(frozen=True)
class Spoiled:
    """The rows of an export, good and bad, and how many are good, and bad by cause; no row has two causes."""

    rows: pd.DataFrame
    good: int
    bad: dict[str, int] = field(default_factory=dict)


def spoil(good: pd.DataFrame, key: str | None, defects: list[Defect], rng: np.random.Generator) -> Spoiled:
    """An export with bad rows beside the good ones, of which none is touched, each right after the one it was made from.

    A bad row is a copy of a good one with a key of its own (where rows have one), unless the defect says what becomes of
    the key.
    """
    parts, places, bad = [good], [np.arange(len(good), dtype=float)], {}
    for number, defect in enumerate(defects):
        can_be = np.flatnonzero(defect.of(good)) if defect.of else np.arange(len(good))
        rows = min(round(defect.share * len(good)), len(can_be))
        picked = rng.choice(can_be, rows, replace=False)
        copies = good.iloc[picked].copy()
        if defect.change:
            if key:
                copies[key] = _another(good[key], copies[key], number)
            copies = copies.assign(**defect.change(copies))
        parts.append(copies)
        places.append(picked + 0.5)
        if rows:
            bad[defect.words] = rows
    order = np.argsort(np.concatenate(places), kind="stable")
    return Spoiled(pd.concat(parts).iloc[order].reset_index(drop=True), len(good), bad)


def _another(keys: pd.Series, of: pd.Series, number: int) -> pd.Series:
    """Keys that no good row has, and no row that another defect has spoiled."""
    if pd.api.types.is_numeric_dtype(keys):
        return of + (number + 1) * 10_000_000
    return of + chr(ord("a") + number)


def sometimes(column: pd.Series, share: float, words: list[object], rng: np.random.Generator) -> pd.Series:
    """The column as objects, with a share of what is empty in it written in words for that (`n/a`, `-`)."""
    written = column.astype(object).where(column.notna(), None)
    hit = written.isna() & (rng.random(len(column)) < share)
    written[hit] = rng.choice(np.array(words, dtype=object), int(hit.sum()))
    return written


def written(times: pd.Series, form: str) -> pd.Series:
    """Times as texts, empty (None) where there is none."""
    text = times.dt.strftime(form).astype(object)
    return text.where(times.notna(), None)


def day_number(times: pd.Series) -> pd.Series:
    """Times as a spreadsheet holds them: numbers of days."""
    return (times - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
