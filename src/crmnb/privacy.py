"""Privacy of small groups: marked, suppressed, and not to be had by subtraction either."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmnb.client import Privacy
from crmnb.results import FIGURES

_COHORT_CELL = r" \+\d+$"


def protect(frame: pd.DataFrame, privacy: Privacy) -> pd.DataFrame:
    """The rows of metrics with small groups dealt with.

    frame: columns `metric`, `win`, `component`, `segment`, `level`, `part`, `flags`, `reason` and the figures.
    Fewer than `min_base` customers (units, where no customer is known): flag `low_base`. Fewer than `suppress_below`:
    all figures are removed, flag `suppressed`. Where what is removed could be had by subtraction from a total that is
    shown (over the levels of a segmentation, the parts of a period, or joining cohorts), the next smallest go too,
    until at least `suppress_below` units are hidden together. Parts are balanced inside their quarter first, so that a
    yearly and a quarterly report hide the same months wherever a quarter can do so by itself.
    """
    base = frame[["n", "clusters"]].where(lambda held: held > 0).min(axis=1).fillna(0).to_numpy()
    known = base > 0
    small = known & (base < privacy.suppress_below)
    hidden = small.copy()
    for rows in frame.reset_index(drop=True).groupby("metric").indices.values():
        if small[rows].any():
            hidden[rows] = _beyond_subtraction(frame.iloc[rows], base[rows], small[rows], privacy.suppress_below)
    frame = _flag(frame, known & ~hidden & (base < privacy.min_base), "low_base")
    frame = _flag(frame, hidden, "suppressed")
    reason = f"fewer than {privacy.suppress_below}"
    frame.loc[hidden & small, "reason"] = reason
    frame.loc[hidden & ~small, "reason"] = f"hidden, so that a group of {reason} cannot be had by subtraction"
    frame.loc[hidden, list(FIGURES)] = float("nan")
    return frame


def _beyond_subtraction(frame: pd.DataFrame, base: np.ndarray, small: np.ndarray, at_least: int) -> np.ndarray:
    """The small rows and those to be hidden with them; again and again, as one sum's complement is another's gap."""
    hidden, sums = small.copy(), [rows[base[rows] > 0] for rows in _partitions(frame)]
    in_cohort, cohort = _cohort_keys(frame)
    whole, is_level = _whole_keys(frame), (frame["segment"] != "").to_numpy()
    before = 0
    while hidden.sum() > before:
        before = hidden.sum()
        for rows in sums:
            hidden[_complement(rows, base, hidden, at_least)] = True
        # The cells of a cohort have its size as their denominator; the levels of a whole add up to it.
        hidden |= (base > 0) & in_cohort & np.isin(cohort, cohort[hidden & in_cohort])
        hidden |= (base > 0) & is_level & np.isin(whole, whole[hidden & ~is_level])
        if hidden.sum() == before:
            solved = _solved(frame, hidden) & small & is_level
            hidden |= (base > 0) & ~is_level & np.isin(whole, whole[solved])
    return hidden


def _solved(frame: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Which hidden first cells of cohorts follow from the rest: levels add up to cohorts, cohorts to customers won.

    Two hidden in each line of such a table do not suffice: a region with a single cohort gives that cell away.
    """
    found = np.zeros(len(frame), dtype=bool)
    win, component, segment, level = (frame[c].to_numpy(object) for c in ("win", "component", "segment", "level"))
    cells = frame["component"].str.endswith(" +0").to_numpy()
    for window in sorted(set(win[cells & hidden])):
        table = cells & (win == window)
        at = np.flatnonzero(table & hidden)
        segments = sorted(set(segment[table]) - {""})
        if not segments:
            continue
        lines = sorted({(segment[i], level[i]) for i in at})
        equations = [(segment[at] == by) & (level[at] == name) for by, name in lines]
        for by in segments:
            sign = np.where(segment[at] == by, 1.0, np.where(segment[at] == "", -1.0, 0.0))
            equations += [sign * (component[at] == cohort) for cohort in sorted(set(component[at]))]
        _, strength, directions = np.linalg.svd(np.array(equations, dtype=float))
        free = directions[(strength > 1e-9).sum() :]
        found[at[(np.abs(free) < 1e-9).all(axis=0)]] = True
    return found


def _partitions(frame: pd.DataFrame) -> Iterator[np.ndarray]:
    """Positions of rows that sum up to something shown, here or in another metric: levels, parts, cohorts.

    Inside a quarter first, then over all; the cohorts of a level add up to the customers won in it.
    """
    frame = frame.reset_index(drop=True)
    quarter = frame["part"].where(frame["part"] != "", frame["component"]).map(_quarter)
    parts = frame[(frame["part"] != "") & (frame["segment"] == "")]
    cohorts = frame[frame["component"].str.endswith(" +0")]
    of_cohorts = ["win", "segment", "level"]
    for rows, keys in (
        (frame[frame["segment"] != ""], ["win", "component", "segment"]),
        (parts, ["component", quarter[parts.index]]),
        (parts, ["component"]),
        (cohorts, [*of_cohorts, quarter[cohorts.index]]),
        (cohorts, of_cohorts),
    ):
        yield from (rows.index[at].to_numpy() for at in rows.groupby(keys).indices.values())


def _quarter(label: str) -> str:
    """The quarter of a label that begins with year and month; other labels stand together."""
    year, _, month = label[:7].partition("-")
    return f"{year}Q{(int(month) + 2) // 3}" if month.isdigit() else ""


def _complement(rows: np.ndarray, base: np.ndarray, hidden: np.ndarray, at_least: int) -> np.ndarray:
    """Which further rows of one sum to hide, smallest first."""
    gone, rest = rows[hidden[rows]], rows[~hidden[rows]]
    if not len(gone) or not len(rest):
        return rest[:0]
    rest = rest[np.argsort(base[rest], kind="stable")]
    together = base[gone].sum() + np.cumsum(base[rest]) - base[rest]  # hidden before each of the rest goes too
    enough = (len(gone) + np.arange(len(rest)) >= 2) & (together >= at_least)
    return rest[~enough]


def _cohort_keys(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are cells of cohorts, and a number of the cohort in its window and level."""
    cohort = frame["component"].str.replace(_COHORT_CELL, "", regex=True)
    numbers = frame.assign(component=cohort).groupby(["win", "segment", "level", "component"]).ngroup()
    return frame["component"].str.contains(_COHORT_CELL).to_numpy(), numbers.to_numpy()


def _whole_keys(frame: pd.DataFrame) -> np.ndarray:
    """A number of the whole that a row is, or is a level of."""
    return frame.groupby(["win", "component"]).ngroup().to_numpy()


def _flag(frame: pd.DataFrame, where: np.ndarray, flag: str) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[where, "flags"] = (frame.loc[where, "flags"] + " " + flag).str.strip()
    return frame
