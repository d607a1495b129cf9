"""Quantities: what the rows of a report publish, and which of these figures are one and the same.

A figure (a numerator, a denominator, a number of customers) of a metric's breakdown is a vector over cells: windows, segmentations and
levels. Two figures that agree in every cell that both have are taken as one quantity, whatever the metrics call it: who started a
survey is the numerator of one rate and the denominator of the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.core.cohort_cell import SEPARATOR, CohortCell

DERIVED = "rest"  # the denominator less the numerator, which follows from a row that shows both
FIGURES = ("denominator", "n", "clusters", "numerator", DERIVED, "value")
SIZES = ("n", "clusters")  # and the denominator, where it is one of these
AT = ("at_win", "at_segment", "at_level")  # where a row's figures belong, if not where the row stands
_DIGITS = 9  # significant ones by which figures are compared: sums of floats differ in the last ones


@dataclass
class Quantities:
    """The variables of a report: a quantity in a cell each.

    `value` and `people` (the customers who stand behind it, of the largest group that it is shown of) by variable; `place`: (quantity, win, segment, level) -> variable;
    `sizes`: those that are how many a row is of; `of_row`: the variables that each row publishes; `rows`: the rows that publish each variable; `metrics`: their
    (metric, breakdown); `figures`: (metric, breakdown, figure) -> quantity.
    """

    value: list[float] = field(default_factory=list)
    people: list[float] = field(default_factory=list)
    place: dict[tuple[int, str, str, str], int] = field(default_factory=dict)
    sizes: set[int] = field(default_factory=set)
    of_row: list[list[int]] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    metrics: list[set[tuple[str, str]]] = field(default_factory=list)
    figures: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(
        self,
        key: tuple[int, str, str, str],
        row: int,
        value: float,
        people: float,
        is_size: bool,
        metric: tuple[str, str],
    ) -> None:
        """Note that a row of so many people publishes the value of a quantity in a cell, and whether that is how many it is of.

        metric: the row's metric and breakdown.
        """
        if key not in self.place:
            self.place[key] = len(self.value)
            self.value.append(value)
            self.people.append(0.0)
            self.rows.append([])
            self.metrics.append(set())
        at = self.place[key]
        self.metrics[at].add(metric)
        if is_size:
            self.sizes.add(at)
        self.people[at] = max(self.people[at], people)
        if at not in self.of_row[row]:
            self.rows[at].append(row)
            self.of_row[row].append(at)


def located(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows' metric, breakdown and the cell that their figures belong to: a cohort's are those of the month of joining.

    Columns: metric, breakdown, win, segment, level. Rows of the comparison's cohorts are never shown beside the current ones.
    """
    named = {breakdown: CohortCell.of(breakdown) for breakdown in frame["breakdown"].unique()}
    cohorts = {breakdown: cell for breakdown, cell in named.items() if cell}
    is_cohort, current = frame["breakdown"].isin(list(cohorts)), frame["win"] == "current"
    month = frame["breakdown"].map({breakdown: cell.month for breakdown, cell in cohorts.items()})
    age = frame["breakdown"].map({breakdown: f"{SEPARATOR}{cell.age}" for breakdown, cell in cohorts.items()})
    cells = frame[["metric", "breakdown", "win", "segment", "level"]].assign(
        breakdown=frame["breakdown"].where(~is_cohort, age),
        win=frame["win"].where(~is_cohort, month.where(current, frame["win"] + " " + month)),
    )
    for column in AT:
        if column in frame:
            own = column.removeprefix("at_")
            cells[own] = frame[column].where(frame[column].notna(), cells[own])
    return cells.reset_index(drop=True)


def quantities_of(
    frame: pd.DataFrame, cells: pd.DataFrame, people: np.ndarray, reads: dict[str, frozenset[str]]
) -> Quantities:
    """The quantities that the rows publish. cells: `located` of the frame. people: the customers behind each row. reads: the tables
    that each metric counts in."""
    figures = _published(frame)
    keys = pd.MultiIndex.from_frame(cells[["metric", "breakdown"]])
    of_group, groups = pd.factorize(keys)
    of_cell, where = pd.factorize(pd.MultiIndex.from_frame(cells[["win", "segment", "level"]]))
    table = np.full((len(figures.columns) * len(groups), len(where)), np.nan)
    for place, name in enumerate(figures.columns):
        table[place * len(groups) + of_group, of_cell] = figures[name]
    every = frozenset.union(frozenset(), *reads.values())
    tables = [reads.get(metric, every) for metric, _ in groups] * len(figures.columns)
    classes = _alike(table, tables)
    quantities = Quantities(of_row=[[] for _ in range(len(frame))])
    n, groups, where = figures["n"].to_numpy(), list(groups), list(where)
    for place, name in enumerate(figures.columns):
        values = figures[name].to_numpy()
        for row in np.flatnonzero(~np.isnan(values)):
            quantity = int(classes[place * len(groups) + of_group[row]])
            if quantity < 0:
                continue
            group, value = groups[of_group[row]], float(values[row])
            quantities.figures[(*group, name)] = quantity
            is_size = name in SIZES or (name == "denominator" and value == n[row])
            quantities.add((quantity, *where[of_cell[row]]), int(row), value, float(people[row]), is_size, group)
    quantities = _merged(quantities, _same_in_a_row(figures, quantities))
    for variable in quantities.sizes:
        quantities.people[variable] = min(quantities.people[variable], quantities.value[variable])
    return quantities


def _same_in_a_row(figures: pd.DataFrame, quantities: Quantities) -> Iterator[tuple[int, int]]:
    """Pairs of variables that one row publishes as how many it is of: where all are alike, each is known by the others."""
    names = [name for name in ("n", "clusters", "denominator") if name in figures]
    for sizes, variables in zip(figures[names].to_numpy().tolist(), quantities.of_row, strict=True):
        if len(variables) < 2 or np.isnan(sizes[0]):
            continue
        for size in dict.fromkeys(sizes):
            if sizes.count(size) > 1:
                alike = [v for v in variables if quantities.value[v] == size and v in quantities.sizes]
                yield from pairwise(alike)


def _merged(quantities: Quantities, pairs: Iterable[tuple[int, int]]) -> Quantities:
    """The quantities with the variables of each pair as one."""
    first = list(range(len(quantities.value)))

    def find(variable: int) -> int:
        while first[variable] != variable:
            variable = first[variable]
        return variable

    for first_variable, other in pairs:
        low, high = sorted((find(first_variable), find(other)))
        first[high] = low
    number = {old: new for new, old in enumerate(v for v in range(len(first)) if find(v) == v)}
    into = [number[find(v)] for v in range(len(first))]
    merged = Quantities(figures=quantities.figures, of_row=[[] for _ in quantities.of_row])
    merged.value = [quantities.value[old] for old in number]
    merged.people = [0.0] * len(number)
    merged.rows = [[] for _ in number]
    merged.metrics = [set() for _ in number]
    merged.sizes = {into[v] for v in quantities.sizes}
    merged.place = {key: into[v] for key, v in quantities.place.items()}
    for old, new in enumerate(into):
        merged.people[new] = max(merged.people[new], quantities.people[old])
        merged.metrics[new] |= quantities.metrics[old]
    for row, variables in enumerate(quantities.of_row):
        for new in dict.fromkeys(into[v] for v in variables):
            merged.of_row[row].append(new)
            merged.rows[new].append(row)
    return merged


def _published(frame: pd.DataFrame) -> pd.DataFrame:
    """The figures that a row shows or that follow from it, to so many digits; not numbers by definition (a count out of 1)."""
    figures = {name: frame[name].astype(float).reset_index(drop=True) for name in FIGURES if name in frame}
    figures["denominator"] = figures["denominator"].mask(figures["denominator"] == 1.0)
    figures[DERIVED] = figures["denominator"] - figures["numerator"]
    figures["value"] = figures["value"].where(figures["numerator"].isna())
    return pd.DataFrame({name: figures[name].map(_to_digits) for name in FIGURES})


def _to_digits(figure: float) -> float:
    return float(f"{figure:.{_DIGITS}g}") if abs(figure) > 1e-9 else 0.0 * figure


def _alike(table: np.ndarray, reads: list[frozenset[str]]) -> np.ndarray:
    """The number of the quantity that each figure (a row of the table, a column per cell) is; -1 of one that is nowhere.

    reads: the tables behind each figure. Figures of different tables that agree in one cell only may do so by chance.
    """
    known = ~np.isnan(table)
    quantity_of = np.full(len(table), -1)
    members = np.full(table.shape, np.nan)
    sources: list[frozenset[str]] = []
    for figure in np.argsort(-known.sum(1), kind="stable"):
        columns = np.flatnonzero(known[figure])
        if not len(columns):
            break
        own, others = table[figure, columns], members[: len(sources), columns]
        there = ~np.isnan(others)
        agree = there & (others == own)
        telling = (agree & (own != 0)).sum(1)
        fits = (agree.sum(1) == there.sum(1)) & (telling > 0)
        for at in np.flatnonzero(fits & (telling == 1)):
            fits[at] = not reads[figure] or not sources[at] or bool(reads[figure] & sources[at])
        at = int(np.argmax(np.where(fits, telling, -1))) if fits.any() else len(sources)
        if at == len(sources):
            sources.append(frozenset())
        sources[at] |= reads[figure]
        members[at, columns] = own
        quantity_of[figure] = at
    return quantity_of
