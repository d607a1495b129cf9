"""Data quality: shares of cells and rows, of which all are counted; values that were audited; and the age of the newest rows.

What is counted are rows and cells, not people: `n` and `clusters` are empty, and no interval is one of customers.

Sources. Pipino, Lee & Wang 2002, Communications of the ACM 45(4):211 (simple ratios). Cochran 1977, Sampling Techniques, 3rd ed.,
2.6 and 3.2 (finite population). Korn & Graubard 1998, Survey Methodology 24:193 (several values of a record).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.clustered_share import of_units
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, by_group
from crmnb.stats.finite_population import CENSUS, Answers, share_limits

_NOBODY = {"n": np.nan, "clusters": np.nan}
BY_CAUSE = "rows by cause"  # the breakdown of the points of rejected rows
_DUPLICATE = "duplicate"  # the kind of cause whose rows are rightly rejected: the first of them is there
TABLE_AND_COLUMN = ": "  # between the two in the name of a breakdown


def cells(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of cells that meet a condition, in all and by table; points: of each column of each table.

    counts: `table`, `column`, `counted` (1: its cells count), and the sums `met` and `size`. The x of a point is `counted`.
    """
    rows, points = [], []
    for group in groups:
        counted = group.counts[(group.counts["counted"] == 1) & (group.counts["size"] > 0)]
        parts = [("", counted), *counted.groupby("table")] if len(counted) else []
        rows += _worst_first([_share(group, breakdown, part) for breakdown, part in parts])
        there = group.counts[group.counts["size"] > 0]
        points += [
            group.point(row.counted, row.met / row.size, breakdown=row.table, level=row.column)
            for row in there.itertuples(index=False)
        ]
    return Estimates(rows, points)


def _share(group: GroupedCounts, breakdown: str, part: pd.DataFrame) -> dict:
    met, size = float(part["met"].sum()), float(part["size"].sum())
    fields = {"breakdown": breakdown, "numerator": met, "denominator": size}
    return group.row(value=met / size if size else np.nan, method="none", **_NOBODY, **fields)


def rejections(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of rows that were rejected, in all and by table; points: of each cause the rows, the most frequent first.

    counts: `table`; of causes `column` and `kind` ("" in the rows of the tables themselves), and the sums `met` (rejected rows),
    `size` (rows read) and `sole` (rows with that cause alone). The x of a point is `sole`: the rows that correcting the cause brings
    back. A note lists the causes, with what each would bring back; duplicates bring nothing.
    """
    rows, points, notes = [], [], []
    for group in groups:
        read, causes = (group.counts[group.counts["kind"] == ""], group.counts[group.counts["kind"] != ""])
        shares = [_share(group, "", read), *(_share(group, table, part) for table, part in read.groupby("table"))]
        rows += _worst_first(shares, highest=True)
        causes = causes.sort_values(["met", "table", "column", "kind"], ascending=[False, True, True, True])
        points += [
            group.point(row.sole, row.met, breakdown=BY_CAUSE, level=_cause(row))
            for row in causes.itertuples(index=False)
        ]
        lost = causes[(causes["sole"] > 0) & (causes["kind"] != _DUPLICATE)]
        if len(lost) and not notes:
            brought = [(row.table, row.column, row.kind, int(row.sole)) for row in lost.itertuples(index=False)]
            notes.append(Note("correct_first", causes=brought))
    return Estimates(rows, points, notes)


def _cause(row) -> str:
    place = f"{row.table}{TABLE_AND_COLUMN}{row.column}" if row.column else row.table
    return f"{place}, {row.kind}"


def unique_records(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of records that are not duplicates. counts: the sums `met`, `size` and `left_out` (records that were not compared)."""
    left_out = {group.breakdown: float(group.counts["left_out"].sum()) for group in groups}
    notes = [
        Note("duplicates_left_out", breakdown=breakdown, records=int(records))
        for breakdown, records in left_out.items()
        if records
    ]
    return Estimates(_worst_first(of_units(groups, context).rows), notes=notes)


def shares(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of all rows that meet a condition, the lowest first. counts: the sums `met` and `size`."""
    return Estimates(_worst_first(of_units(groups, context).rows))


def _worst_first(rows: list[dict], *, highest: bool = False) -> list[dict]:
    """The rows of shares, that of all first, then the worst."""
    sign = -1 if highest else 1
    return sorted(rows, key=lambda row: (row["breakdown"] != "", sign * np.nan_to_num(row["value"]), row["breakdown"]))


@by_group
def of_customers(group: GroupedCounts, context: EstimationContext) -> list[dict]:
    """The share of all customers of whom a condition holds; either part may be small. counts: the sums `met` and `size`."""
    met, size = float(group.counts["met"].sum()), float(group.counts["size"].sum())
    parts = [part for part in (met, size - met) if part > 0]
    fields = {"n": size, "clusters": min(parts, default=0.0), "numerator": met, "denominator": size}
    return [group.row(value=met / size if size else np.nan, method="none", **fields)]


def ages(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The age in hours of the newest row of each table. counts: `table`, `age` and `promised`, the hours that it may have (or empty).

    Points: the age at x = what is promised. A note says which tables are older than promised.
    """
    rows, points, late = [], [], []
    for group in groups:
        for row in group.counts.itertuples(index=False):
            fields = {"numerator": row.age, "method": "none"}
            rows.append(group.row(breakdown=row.table, value=row.age, **fields, **_NOBODY))
            if group.win == "current":
                points.append(group.point(row.promised, row.age, breakdown=row.table))
                late += [row.table] if row.age > row.promised else []
    return Estimates(rows, points, [Note("older_than_promised", tables=sorted(late))] if late else [])


def audited(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of audited values that are correct: Wilson's interval, by record, with the finite-population correction.

    counts: a row of alike records: `audited` and `correct`, the values of a record, and `records`, how many there are to audit.
    """
    return Estimates([row for group in groups for row in _audited(group, context.level)])


def _audited(group: GroupedCounts, level: float) -> Iterable[dict]:
    counts = group.counts
    n, size, correct = (counts[name].to_numpy(float) for name in ("n", "audited", "correct"))
    records, population = n.sum(), float(counts["records"].max())
    value = n @ correct / (n @ size)
    fields = {"numerator": n @ correct, "denominator": n @ size, "value": value}
    if records >= population:
        yield group.row(method=CENSUS, **fields, **_NOBODY)
        return
    variance = records / max(records - 1, 1) * (n @ (correct - value * size) ** 2) / (n @ size) ** 2
    effective = min(value * (1 - value) / variance, n @ size) if variance > 0 else records
    # As many audited values as tell as much, out of as many as all records have by that measure.
    answers = Answers(effective, effective * population / records, value, np.nan)
    low, high = share_limits(answers, level)
    yield group.row(low=low, high=high, method="Wilson", **fields, **_NOBODY)
