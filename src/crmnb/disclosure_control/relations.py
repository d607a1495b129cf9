"""Relations: what of a report's figures adds up to what, as whoever holds the report knows and can solve for what is hidden."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.disclosure_control.quantities import Quantities

KNOWN = -1  # in the place of a total's variable: a sum that nothing here shows, but another report may
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Relation:
    """A sum of variables, each once with its sign, that whoever holds the report knows; where `certain` is false, another report's reader.

    `disjoint`: nobody is in two of the parts, so that customers hidden together add up. `people`: those behind the total.
    """

    variables: tuple[int, ...]
    signs: tuple[int, ...]
    disjoint: bool
    people: float
    certain: bool = True


def relations_of(
    quantities: Quantities, parts: set[str], sums: list[tuple[tuple[str, str, str], ...]]
) -> list[Relation]:
    """All relations: levels add up to the whole, parts of the period to the period, and components as told in `sums`.

    parts: the names of windows that are parts. sums: tuples of (metric, component, figure), the first the total of the others.
    """
    by_quantity: dict[int, list[tuple[str, str, str, int]]] = {}
    for (quantity, *cell), variable in quantities.place.items():
        by_quantity.setdefault(quantity, []).append((*cell, variable))
    found = []
    for cells in by_quantity.values():
        found += _levels(quantities, cells)
        found += _parts(quantities, cells, parts)
    return found + list(_components(quantities, sums))


def _levels(quantities: Quantities, cells: list[tuple[str, str, str, int]]) -> Iterator[Relation]:
    wholes = {win: variable for win, segment, _, variable in cells if not segment}
    levels: dict[tuple[str, str], list[int]] = {}
    for win, segment, _, variable in cells:
        if segment:
            levels.setdefault((win, segment), []).append(variable)
    for (win, _), held in levels.items():
        if win in wholes and _adds_up(quantities.value, wholes[win], held):
            yield _relation(quantities, wholes[win], held)


def _parts(quantities: Quantities, cells: list[tuple[str, str, str, int]], parts: set[str]) -> Iterator[Relation]:
    """The parts of the period, in every level; and those of each quarter, whose sum another report may show."""
    totals = {(segment, level): variable for win, segment, level, variable in cells if win == "now"}
    held: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for win, segment, level, variable in cells:
        if win in parts:
            held.setdefault((segment, level), []).append((win, variable))
    for place, windows in held.items():
        variables, total = [variable for _, variable in windows], totals.get(place, KNOWN)
        counts = all(quantities.value[v] == quantities.people[v] for v in variables)
        if not counts if total == KNOWN else not _adds_up(quantities.value, total, variables):
            continue
        whole = _relation(quantities, total, variables)
        yield whole
        quarters = pd.Series(variables).groupby([quarter_of(win) for win, _ in windows])
        for _, inside in quarters:
            if len(inside) < len(variables):
                yield Relation(tuple(inside), (1,) * len(inside), whole.disjoint, np.nan, certain=False)


def quarter_of(label: str) -> str:
    """The quarter of a label that begins with year and month; other labels stand together."""
    year, _, month = label[:7].partition("-")
    return f"{year}Q{(int(month) + 2) // 3}" if month.isdigit() else ""


def _components(quantities: Quantities, sums: list[tuple[tuple[str, str, str], ...]]) -> Iterator[Relation]:
    for total, *others in sums:
        numbers = [quantities.figures.get(key) for key in (total, *others)]
        if None in numbers:
            continue
        cells = [key[1:] for key in quantities.place if key[0] == numbers[0]]
        for cell in cells:
            variables = [quantities.place[number, *cell] for number in numbers if (number, *cell) in quantities.place]
            if len(variables) > 1 and _adds_up(quantities.value, variables[0], variables[1:]):
                yield _relation(quantities, variables[0], variables[1:])


def _adds_up(value: list[float], total: int, parts: list[int]) -> bool:
    parts_sum = sum(value[part] for part in parts)
    return total not in parts and abs(value[total] - parts_sum) <= _TOLERANCE * max(1.0, abs(value[total]))


def _relation(quantities: Quantities, total: int, parts: list[int]) -> Relation:
    together = sum(quantities.people[part] for part in parts)
    if total == KNOWN:
        return Relation(tuple(parts), (1,) * len(parts), True, np.nan)
    people = quantities.people[total]
    return Relation((*parts, total), (*(1,) * len(parts), -1), together <= people + _TOLERANCE, people)
