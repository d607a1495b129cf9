"""Privacy of small groups: marked, suppressed, and not to be had by subtraction either."""

import pandas as pd

from crmnb.client import Privacy
from crmnb.results import FIGURES


def protect(frame: pd.DataFrame, privacy: Privacy) -> pd.DataFrame:
    """A metric's rows (columns `win`, `component`, `segment`, `level`, `part` and the figures) with small groups dealt with.

    Fewer than `min_base` customers (units, where no customer is known): flag `low_base`. Fewer than `suppress_below`:
    all figures are removed, flag `suppressed`. Where what is removed could be had by subtraction from a total that is
    shown (over the levels of a segmentation, the parts of a quarter, or joining cohorts), the next smallest go too,
    until at least `suppress_below` units are hidden together. Parts are balanced inside their quarter, so that a
    yearly and a quarterly report hide the same months.
    """
    base = frame[["n", "clusters"]].min(axis=1)
    known = base.fillna(0) > 0
    small = known & (base < privacy.suppress_below)
    hidden = small.copy()
    for rows in _partitions(frame):
        hidden |= _complement(base[rows][known[rows]], hidden, privacy.suppress_below)
    hidden |= _same_cohort(frame, hidden)
    frame = _flag(frame, known & ~hidden & (base < privacy.min_base), "low_base")
    frame = _flag(frame, hidden, "suppressed")
    reason = f"fewer than {privacy.suppress_below}"
    frame.loc[hidden & small, "reason"] = reason
    frame.loc[hidden & ~small, "reason"] = f"hidden, so that a group of {reason} cannot be had by subtraction"
    frame.loc[hidden, list(FIGURES)] = float("nan")
    return frame


def _partitions(frame: pd.DataFrame):
    """Index sets of rows that sum up to something shown: levels, parts of a quarter, first cells of cohorts."""
    by_level = frame[frame["segment"] != ""]
    yield from by_level.groupby(["win", "component", "segment"]).groups.values()
    parts = frame[(frame["part"] != "") & (frame["segment"] == "")]
    yield from parts.groupby(["component", parts["part"].map(_quarter)]).groups.values()
    cohorts = frame[frame["component"].str.endswith(" +0") & (frame["segment"] == "")]
    yield from cohorts.groupby(["win", cohorts["component"].map(_quarter)]).groups.values()


def _quarter(label: str) -> str:
    """The quarter of a label that begins with year and month; other labels stand together."""
    year, _, month = label[:7].partition("-")
    return f"{year}Q{(int(month) + 2) // 3}" if month.isdigit() else ""


def _complement(base: pd.Series, hidden: pd.Series, at_least: int) -> pd.Series:
    """The further rows of one partition to hide, smallest first."""
    more = pd.Series(False, hidden.index)
    if not hidden[base.index].any():
        return more
    total, rows = base[hidden[base.index]].sum(), int(hidden[base.index].sum())
    for at, n in base[~hidden[base.index]].sort_values(kind="stable").items():
        if rows >= 2 and total >= at_least:
            break
        more[at], total, rows = True, total + n, rows + 1
    return more


def _same_cohort(frame: pd.DataFrame, hidden: pd.Series) -> pd.Series:
    """All cells of the cohorts whose first cell is hidden: they have its size as their denominator."""
    key = frame["win"] + frame["segment"] + frame["level"] + frame["component"].str.replace(r" \+\d+$", "", regex=True)
    is_cell = frame["component"].str.contains(r" \+\d+$")
    return is_cell & key.isin(key[hidden & is_cell])


def _flag(frame: pd.DataFrame, where: pd.Series, flag: str) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[where, "flags"] = (frame.loc[where, "flags"] + " " + flag).str.strip()
    return frame
