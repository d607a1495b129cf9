"""Remainders: small groups that no row stands for, but that follow from rows by subtraction.

Levels that were left out of a breakdown; what lies between two segmentations of which one is inside the other; and what one metric
counts beyond another that counts the same of fewer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.evaluate.disclosure_control.overlaps import LEFT_OUT, Seam
from crmnb.evaluate.results_frame import FIGURES
from crmnb.schema.client import Privacy

_COUNTS = ("n", "clusters", "numerator", "denominator")
_CELL = ["metric", "breakdown", "win", "segment", "level"]


@dataclass(frozen=True)
class Counted:
    """What is to be known of a metric: the tables that it `reads`, what its numerator `counts`, in words, and the `privacy` that it demands."""

    reads: frozenset[str] = frozenset()
    counts: str = ""
    privacy: Privacy | None = None


@dataclass(frozen=True)
class Remainders:
    """Rows that nobody sees: `figures` as in the frame, `cells` as in `located`, the `people` of each.

    `sums`: pairs of metrics with the remainder by which the first exceeds the second, each (metric, breakdown).
    """

    figures: pd.DataFrame
    cells: pd.DataFrame
    people: np.ndarray
    sums: tuple[tuple[tuple[str, str], tuple[str, str], tuple[str, str]], ...] = ()


def remainders(
    figures: pd.DataFrame, cells: pd.DataFrame, counted: dict[str, Counted], seams: Iterable[Seam], at_least: int
) -> Remainders:
    """The remainders of these rows that are of fewer than `at_least` customers."""
    table = cells.join(figures[list(_COUNTS)].astype(float)).drop_duplicates(_CELL)
    beyond, sums = _beyond(table, counted, at_least)
    rows = [*_left_out(table, at_least), *_between(table, seams, at_least), *beyond]
    if not rows:
        return Remainders(figures.iloc[:0], cells.iloc[:0], np.zeros(0))
    small_groups = pd.DataFrame(rows, columns=[*_CELL, *_COUNTS])
    people = _people(*small_groups[["n", "clusters"]].to_numpy(float).T)
    return Remainders(
        small_groups[list(_COUNTS)].reindex(columns=list(FIGURES)),
        small_groups[_CELL],
        people,
        tuple(sums),
    )


def _people(n: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The most people that remainders may be of: the customers, where their number is known, but never more than the rows.

    Levels that share customers count them twice: then no customer may be left, but rows of some.
    """
    return np.where(clusters > 0, np.minimum(n, clusters), n)


def _left_out(table: pd.DataFrame, at_least: int) -> Iterator[tuple]:
    """Who is in none of the levels of a segmentation that are shown, where these are of the same people."""
    place = ["metric", "breakdown", "win"]
    levels = table[table["segment"] != ""]
    sums = levels.groupby([*place, "segment"], sort=False)[list(_COUNTS)].sum(min_count=1).reset_index()
    wholes = table.loc[table["segment"] == "", [*place, *_COUNTS]]
    both = sums.merge(wholes, on=place, suffixes=("_of_levels", ""))
    rest = both[list(_COUNTS)].to_numpy() - both[[f"{name}_of_levels" for name in _COUNTS]].to_numpy()
    is_small = (rest[:, 0] > 0) & (_people(rest[:, 0], rest[:, 1]) < at_least)
    keys = both.loc[is_small, [*place, "segment"]].itertuples(index=False, name=None)
    for key, counts in zip(keys, rest[is_small], strict=True):
        yield (*key, LEFT_OUT, *counts)


def _between(table: pd.DataFrame, seams: Iterable[Seam], at_least: int) -> Iterator[tuple]:
    """Who is in levels of one segmentation, and in none of the levels of another that lie inside those."""
    for seam in (seam for seam in seams if seam.is_group):
        sides = [
            table[(table["segment"] == segment) & table["level"].isin(levels)]
            .groupby(["metric", "breakdown", "win"], sort=False)[list(_COUNTS)]
            .sum(min_count=1)
            for segment, levels in (seam.of, seam.less)
        ]
        for place, rest in (sides[0] - sides[1]).dropna(subset=["n", "clusters"]).iterrows():
            if rest["n"] > 0 and _people(rest["n"], rest["clusters"]) < at_least:
                yield (*place, seam.segment, seam.level, *rest)


def _beyond(table: pd.DataFrame, counted: dict[str, Counted], at_least: int) -> tuple[list[tuple], list[tuple]]:
    """What a metric counts beyond another that counts the same, wherever that is no more than it does: breakdown by breakdown."""
    counts = table["metric"].map({metric: what.counts for metric, what in counted.items() if what.counts})
    known = table[[*_CELL, "numerator", "clusters"]].assign(counts=counts)[counts.notna()]
    pairs = known.merge(known, on=["counts", *_CELL[1:]], suffixes=("", "_of_fewer"))
    pairs = pairs[pairs["metric"] != pairs["metric_of_fewer"]]
    for name in ("numerator", "clusters"):
        pairs[name] -= pairs.pop(f"{name}_of_fewer")
    pairs = pairs.dropna(subset=["numerator", "clusters"])
    compared = ["metric", "metric_of_fewer", "breakdown"]
    never_fewer = (
        pairs[["numerator", "clusters"]].min(axis=1).groupby([pairs[name] for name in compared]).transform("min")
    )
    is_small = (pairs["clusters"] > 0) & (pairs["clusters"] < at_least)
    rows, sums = [], {}
    chosen = pairs[is_small & (never_fewer >= -1e-6)]
    for more, fewer, breakdown, *cell, people, number in chosen[
        [*compared, *_CELL[2:], "clusters", "numerator"]
    ].itertuples(index=False, name=None):
        name = f"{more} beyond {fewer}"
        rows.append((name, breakdown, *cell, people, people, number, np.nan))
        sums[name, breakdown] = ((more, breakdown), (fewer, breakdown), (name, breakdown))
    return rows, list(sums.values())
