"""Segment gaps: where a level of a segmentation differs from the largest one beyond chance, over several metrics together."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.schema.tables import OTHER, UNKNOWN
from crmnb.stats.multiple_tests import holm

_PROBABLE = 0.05  # Holm's p-value below which a gap is more than chance
_NAMELESS = (OTHER, UNKNOWN)  # levels that are no group of their own


class Gap(NamedTuple):
    """A level of a segmentation beside the largest level: their rows, the difference with its limits, and its tone.

    `tone`: "better" or "worse" as the metric's direction is, "different" where it has none. `evidence`: the difference in units of
    half its interval.
    """

    result: Result
    level: Row
    largest: Row
    difference: float
    low: float
    high: float
    tone: str

    @property
    def evidence(self) -> float:
        """How many times as large the difference is as half its interval."""
        return abs(self.difference) / max((self.high - self.low) / 2, 1e-12)


def segment_gaps(results: Iterable[Result]) -> list[Gap]:
    """The gaps that hold after Holm's correction over all metrics and segmentations, the one with the strongest evidence first.

    Of a metric with breakdowns, those of the first one. Counts are left out: a larger level has more of anything.
    """
    compared = [pair for result in results if result.metric.unit != "count" for pair in _compared(result)]
    if not compared:
        return []
    frame = pd.concat([frame for _, frame in compared], ignore_index=True)
    owners = [result for result, frame in compared for _ in range(len(frame))]
    frame = frame.assign(p_value=holm(frame["p_value"]))
    gaps = [
        _gap(owner, row)
        for owner, row in zip(owners, frame.itertuples(index=False), strict=True)
        if row.p_value < _PROBABLE
    ]
    return sorted(gaps, key=lambda gap: -gap.evidence)


def _compared(result: Result) -> list[tuple[Result, pd.DataFrame]]:
    """Each level of each segmentation with the largest one; none of those without two levels with an interval."""
    if result.whole.empty:
        return []
    breakdown = result.whole["breakdown"].iloc[0]
    frames = []
    for segment in result.segmentations:
        rows = result.rows[(result.rows["segment"] == segment) & (result.rows["breakdown"] == breakdown)]
        named = rows[rows["low"].notna() & ~rows["level"].isin(_NAMELESS)]
        if len(named) < 2:
            continue
        largest = named.loc[named["n"].idxmax(), "level"]
        differences = result.level_differences(segment, largest, breakdown)
        differences = differences[~differences["level"].isin(_NAMELESS) & differences["p_value"].notna()]
        frames.append((result, differences.assign(segment=segment, breakdown=breakdown)))
    return frames


def _gap(result: Result, row) -> Gap:
    rows = result.rows[(result.rows["segment"] == row.segment) & (result.rows["breakdown"] == row.breakdown)]
    rows = rows[rows["part"] == ""]
    by_level = {level.level: level for level in tuples(rows)}
    up = {"up": True, "down": False}.get(result.direction)
    tone = "different" if up is None else "better" if (row.difference > 0) == up else "worse"
    return Gap(result, by_level[row.level], by_level[row.less], row.difference, row.low, row.high, tone)
