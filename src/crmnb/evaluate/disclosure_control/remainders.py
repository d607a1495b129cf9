"""Remainders: small groups that no row stands for, but that follow from rows by subtraction.

Levels that were left out of a breakdown; what lies between two segmentations of which one is inside the other; and what one metric
counts beyond another that counts the same of fewer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

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
    people = small_groups[["n", "clusters"]].min(axis=1).to_numpy(float)
    return Remainders(
        small_groups[list(_COUNTS)].reindex(columns=list(FIGURES)),
        small_groups[_CELL],
        people,
        tuple(sums),
    )


def _left_out(table: pd.DataFrame, at_least: int) -> Iterator[tuple]:
    """Who is in none of the levels of a segmentation that are shown, where these are of the same people."""
    levels = table[table["segment"] != ""]
    sums = levels.groupby(["metric", "breakdown", "win", "segment"], sort=False)[list(_COUNTS)].sum(min_count=1)
    wholes = table[table["segment"] == ""].set_index(["metric", "breakdown", "win"])[list(_COUNTS)]
    for (*place, segment), held in zip(sums.index, sums.to_numpy(), strict=True):
        if (key := tuple(place)) in wholes.index:
            rest = wholes.loc[key].to_numpy() - held
            if 0 < min(rest[:2]) < at_least and not (rest < 0).any():
                yield (*place, segment, LEFT_OUT, *rest)


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
            if 0 < min(rest["n"], rest["clusters"]) < at_least:
                yield (*place, seam.segment, seam.level, *rest)


def _beyond(table: pd.DataFrame, counted: dict[str, Counted], at_least: int) -> tuple[list[tuple], list[tuple]]:
    """What a metric counts beyond another that counts the same, wherever that is no more than it does: breakdown by breakdown."""
    alike: dict[str, list[str]] = {}
    for metric in dict.fromkeys(table["metric"]):
        if metric in counted and counted[metric].counts:
            alike.setdefault(counted[metric].counts, []).append(metric)
    rows, sums = [], []
    for more, fewer in (pair for held in alike.values() for pair in permutations(held, 2)):
        sides = [table[table["metric"] == metric] for metric in (more, fewer)]
        for breakdown in dict.fromkeys(sides[0]["breakdown"]):
            first, other = (side[side["breakdown"] == breakdown].set_index(_CELL[2:]) for side in sides)
            rest = (first[list(_COUNTS)] - other[list(_COUNTS)]).dropna(subset=["numerator", "clusters"])
            small_remainders = rest[(rest["clusters"] > 0) & (rest["clusters"] < at_least)]
            if small_remainders.empty or (rest[["numerator", "clusters"]] < -1e-6).any(axis=None):
                continue
            name = f"{more} beyond {fewer}"
            rows += [
                (name, breakdown, *cell, counts["clusters"], counts["clusters"], counts["numerator"], np.nan)
                for cell, counts in small_remainders.iterrows()
            ]
            sums.append(((more, breakdown), (fewer, breakdown), (name, breakdown)))
    return rows, sums
