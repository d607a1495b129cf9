"""From what the peer of the benchmark `money` has summed or counted to figures, by the suite's own estimators.

The frames are the peer's own work. What follows from them, intervals, curves and fitted models, is what both need alike, and
has tests of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed.metrics_figures import UNKNOWN, WINDOWS, figures
from benchmarks.speed.money_data import client
from crmnb.evaluate.estimation_context import estimation_context
from crmnb.evaluate.settings import resolve
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client
from crmnb.stats.estimation import GroupedCounts

COMPARED = ("current", "comparison")
FOLDS = 200


class Levels:
    """The regions of the customers: `names`, and the place of each customer's among them; who is not known has the last one."""

    def __init__(self, region: pd.Series):
        self.names = np.array([*sorted(set(region) - {UNKNOWN}), UNKNOWN], dtype=object)
        self._of = np.append(pd.Index(self.names).get_indexer(region), len(self.names) - 1).astype(np.int8)

    def of(self, customer: np.ndarray) -> np.ndarray:
        """The place of each customer's region; of -1, that of those who are not known."""
        return self._of[customer]


def parts(win: str, rows: pd.DataFrame, levels: Levels | None) -> list[tuple[str, str, np.ndarray | slice]]:
    """Segment, level and rows of the whole, and in a window that is compared of each region (of the rows' `customer`)."""
    whole: list[tuple[str, str, np.ndarray | slice]] = [("", "", slice(None))]
    if levels is None or win not in COMPARED:
        return whole
    place = levels.of(rows["customer"].to_numpy())
    regions = [(name, np.flatnonzero(place == at)) for at, name in enumerate(levels.names)]
    return whole + [("region", name, own) for name, own in regions if len(own)]


def sums(win: str, clusters: pd.DataFrame, levels: Levels | None, breakdown: str = "") -> list[dict[str, object]]:
    """The statistics of a ratio of sums from its clusters (`customer`, -1 for none, num, den and, where it is not den, n).

    weight: by how much each share weighs, where they do not weigh alike; it is in num and den already.
    """
    num, den = clusters["num"].to_numpy(float), clusters["den"].to_numpy(float)
    n = clusters["n"].to_numpy(float) if "n" in clusters else den
    found = []
    for segment, level, own in parts(win, clusters, levels):
        a, b = num[own], den[own]
        ratio = a.sum() / b.sum() if b.sum() else np.nan
        u = a - ratio * b
        keys = {"breakdown": breakdown, "win": win, "segment": segment, "level": level}
        facts = {"num": a.sum(), "den": b.sum(), "n": n[own].sum(), "clusters": float(len(a))}
        if "weight" in clusters:
            weight = clusters["weight"].to_numpy(float)[own]
            facts |= {"w": weight.sum(), "w2": (weight * weight).sum()}
        found.append(keys | facts | {"ss": (u * u).sum(), "s3": (u * u * u).sum()})
    return found


def ratios(name: str, found: Iterable[list[dict[str, object]]]) -> pd.DataFrame:
    """A metric's figures from the statistics of its windows."""
    return figures(name, pd.DataFrame([row for rows in found for row in rows]))


def by_customer(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (customer, num) summed by customer, those without one alone: customer, num, den, how many rows."""
    known = rows[rows["customer"] >= 0].groupby("customer")["num"].agg(["sum", "size"]).reset_index()
    known.columns = ["customer", "num", "den"]
    alone = rows.loc[rows["customer"] < 0, ["customer", "num"]].assign(den=1)
    return pd.concat([known, alone], ignore_index=True)


def groups(
    win: str,
    rows: pd.DataFrame,
    levels: Levels | None = None,
    by: list[str] | None = None,
    breakdown: str = "",
    customers: str = "",
) -> list[GroupedCounts]:
    """The whole's group of rows and each region's; `n` is 1, or where `by` is given alike rows are counted by its columns.

    customers: the column that tells who repeats, where a row is not a customer; below 0 each row is its own.
    """
    found = []
    for segment, level, own in parts(win, rows, levels):
        each, many = rows.iloc[own], float(len(rows.iloc[own]))
        if customers:
            many = float(each.loc[each[customers] >= 0, customers].nunique() + (each[customers] < 0).sum())
        if by:
            counts = each.groupby(by, dropna=False).size().astype(float).rename("n").reset_index()
        else:
            counts = each.assign(n=1.0).reset_index(drop=True)
        found.append(GroupedCounts(win, breakdown, segment, level, counts, many))
    return found


def inferred(
    name: str, found: Iterable[GroupedCounts], shop: Client | None = None, known: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """A metric's figures from the groups of its windows. shop: whose settings count, and what the metric tells its estimator (`known`)."""
    metric, shop = catalogue()[name], shop or client()
    context = estimation_context(shop, resolve(metric, shop)[0] | dict(known or {}), WINDOWS)
    rows = pd.DataFrame(metric.estimate.infer(list(found), context).rows)
    units = rows["breakdown"].map(lambda own: metric.units.get(own, metric.unit))
    for column in ("value", "low", "high"):
        rows[column] = rows[column].astype(float) * np.where(units == "%", 100.0, 1.0)
    rows = rows[rows["value"].notna()].assign(metric=name)
    keys = ["breakdown", "segment", "level"]
    before = rows[rows["win"] == "comparison"].set_index(keys)["value"].rename("previous")
    rows = rows[rows["win"] != "comparison"].join(before, on=keys)
    rows.loc[rows["win"] != "current", "previous"] = np.nan
    rows["part"] = rows["win"].where(rows["win"] != "current", "")
    return rows[["metric", "breakdown", "part", "segment", "level", "value", "low", "high", "n", "previous"]]


def dealt(hashes: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """The fold of each of the keys with these hashes: evenly, in their order."""
    fold = np.empty(len(hashes), dtype=np.int64)
    fold[np.argsort(hashes, kind="stable")] = np.arange(len(hashes)) % folds
    return fold
