"""Contrasts: differences between levels and between parts of the period, all those of a picture tested together.

Sources. Those of `crmnb.stats.moments.difference`; Holm 1979, Scandinavian Journal of Statistics 6:65.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.stats.moments import difference
from crmnb.stats.multiple_tests import holm

_DOUBTFUL = {"suppressed", "unavailable", "partial", "immature", "unreliable"}


@dataclass(frozen=True)
class Contrast:
    """A row less another: `row` has the difference as its change; p_value is Holm's."""

    row: Row
    other: Row
    p_value: float

    def is_beyond_chance(self, level: float) -> bool:
        """Whether there is a difference, at so much confidence for all contrasts together."""
        return self.p_value < 1 - level


def is_contrasted(result: Result) -> bool:
    """Whether rows of a metric can be set against each other: no sums, whose size differs anyhow, and nothing that shares a fitted model."""
    estimate = result.metric.estimate
    return estimate.reduces == "moments" and not estimate.total and not result.metric.measure.is_derived


def contrasts(result: Result, pairs: Iterable[tuple[Row, Row]]) -> list[Contrast]:
    """The differences of pairs of rows that share no customer (or as if they did not: then the interval is rather too wide)."""
    firm = [pair for pair in pairs if all(_is_firm(row) for row in pair)]
    if not firm or not is_contrasted(result):
        return []
    first, other = (pd.DataFrame([pair[side]._asdict() for pair in firm]) for side in (0, 1))
    level, plain = result.client.level, result.metric.estimate.symmetric
    changes = difference(first, other, pd.Series(0.0, first.index), level, plain)
    p_values = holm(changes["p_value"].fillna(1.0))
    differences = []
    for (row, less), change, p_value in zip(firm, changes.itertuples(), p_values, strict=True):
        signal = "changed" if p_value < 1 - level else ""
        moved = row._replace(change=change.change, change_low=change.low, change_high=change.high, signal=signal)
        differences.append(Contrast(moved, less, float(p_value)))
    return differences


def to_largest(rows: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Each level of each segmentation, paired with the level of the most units in the same one."""
    by_segment: dict[str, list[Row]] = {}
    for row in rows:
        if _is_firm(row):
            by_segment.setdefault(row.segment, []).append(row)
    pairs = []
    for levels in by_segment.values():
        largest = max(levels, key=lambda row: row.n)
        pairs += [(row, largest) for row in levels if row is not largest]
    return pairs


def to_previous(rows: list[Row]) -> list[tuple[Row, Row]]:
    """Each part of the period, paired with the one before it."""
    return [(row, before) for before, row in itertools.pairwise(rows)]


def _is_firm(row: Row) -> bool:
    return not _DOUBTFUL & {*row.flags.split()} and row.value == row.value and row.low == row.low
