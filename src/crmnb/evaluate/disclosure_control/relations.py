"""Relations: what of a report's figures adds up to what, as whoever holds the report knows and can solve for what is hidden."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmnb.engine.evidence import BEFORE, COMPARED
from crmnb.evaluate.disclosure_control.overlaps import LEFT_OUT, Seam
from crmnb.evaluate.disclosure_control.quantities import Quantities

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
    quantities: Quantities, parts: set[str], seams: Iterable[Seam], sums: Iterable[tuple[tuple[str, str], ...]]
) -> list[Relation]:
    """All relations: levels add up to the whole, parts of the period to the period, seams close, and breakdowns add up, also shares to all cases.

    parts: the names of windows that are parts. sums: (metric, breakdown) of a total and of the others that it is the sum of.
    """
    by_quantity: dict[int, list[tuple[str, str, str, int]]] = {}
    for (quantity, *cell), variable in quantities.place.items():
        by_quantity.setdefault(quantity, []).append((*cell, variable))
    relations = []
    for cells in by_quantity.values():
        relations += _levels(quantities, cells)
        for whole in COMPARED:
            of_whole = {part for part in parts if part.startswith(BEFORE) == (whole == "comparison")}
            relations += _parts(quantities, cells, of_whole, whole)
        relations += _seams(quantities, cells, seams)
    return [*relations, *_components(quantities, sums), *_shares(quantities)]


def _levels(quantities: Quantities, cells: list[tuple[str, str, str, int]]) -> Iterator[Relation]:
    wholes = {win: variable for win, segment, _, variable in cells if not segment}
    levels: dict[tuple[str, str], list[int]] = {}
    left_out: dict[tuple[str, str], int] = {}
    for win, segment, level, variable in cells:
        if level == LEFT_OUT:
            left_out[win, segment] = variable
        elif segment:
            levels.setdefault((win, segment), []).append(variable)
    for (win, segment), held in levels.items():
        if win not in wholes:
            continue
        whole, value = wholes[win], quantities.value
        listed = [parts for parts in _listed(quantities, held) if _adds_up(value, whole, parts)]
        outside = [left_out[win, segment]] if (win, segment) in left_out else []
        # A metric may leave out a level that another one shows: nothing is in it then, or it is beside the levels.
        every = [parts for parts in (held, held + outside) if _adds_up(value, whole, parts)]
        for parts in listed or every[:1]:
            yield _relation(quantities, whole, parts)


def _listed(quantities: Quantities, held: list[int]) -> set[tuple[int, ...]]:
    """The levels that single metrics list, where these are not all: a level that is not listed has nothing in it."""
    listed: dict[tuple[str, str], list[int]] = {}
    for variable in held:
        for metric in quantities.metrics[variable]:
            listed.setdefault(metric, []).append(variable)
    return {tuple(parts) for parts in listed.values() if len(parts) < len(held)}


def _parts(
    quantities: Quantities, cells: list[tuple[str, str, str, int]], parts: set[str], whole_win: str
) -> Iterator[Relation]:
    """The parts of a period, in every level; and those of each quarter, whose sum another report may show."""
    totals = {(segment, level): variable for win, segment, level, variable in cells if win == whole_win}
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
        quarters = pd.Series(variables).groupby([quarter_of(win.removeprefix(BEFORE)) for win, _ in windows])
        for _, inside in quarters:
            if len(inside) < len(variables):
                yield Relation(tuple(inside), (1,) * len(inside), whole.disjoint, np.nan, certain=False)


def quarter_of(label: str) -> str:
    """The quarter of a label that begins with year and month; other labels stand together."""
    year, _, month = label[:7].partition("-")
    return f"{year}Q{(int(month) + 2) // 3}" if month.isdigit() else ""


def _seams(quantities: Quantities, cells: list[tuple[str, str, str, int]], seams: Iterable[Seam]) -> Iterator[Relation]:
    """Levels of one segmentation less those of another: as many as are in the group between them."""
    place = {(win, segment, level): variable for win, segment, level, variable in cells}
    for win in dict.fromkeys(win for win, segment, _, _ in cells if segment):
        for seam in seams:
            of, less = (
                [place[win, segment, level] for level in levels if (win, segment, level) in place]
                for segment, levels in (seam.of, seam.less)
            )
            between = place.get((win, seam.segment, seam.level)) if seam.is_group else None
            if not of or not less or (seam.is_group and between is None):
                continue
            parts = [*less, *([] if between is None else [between])]
            if abs(sum(quantities.value[v] for v in of) - sum(quantities.value[v] for v in parts)) <= _TOLERANCE:
                signs = (*(1,) * len(parts), *(-1,) * len(of))
                yield Relation((*parts, *of), signs, True, sum(quantities.people[v] for v in of))


def _components(quantities: Quantities, sums: Iterable[tuple[tuple[str, str], ...]]) -> Iterator[Relation]:
    for keys, figure in ((keys, figure) for keys in sums for figure in ("numerator", "n")):
        numbers = [quantities.figures.get((*key, figure)) for key in keys]
        if None in numbers or len(set(numbers)) < len(numbers):
            continue
        for cell in [key[1:] for key in quantities.place if key[0] == numbers[0]]:
            variables = [quantities.place.get((number, *cell)) for number in numbers]
            if None not in variables and _adds_up(quantities.value, variables[0], variables[1:]):
                yield _relation(quantities, variables[0], variables[1:])


def _shares(quantities: Quantities) -> Iterator[Relation]:
    """Of metrics whose breakdowns are shares of the same cases: that the cases of all of them are all cases, as where each comment has one theme or none."""
    breakdowns: dict[str, list[str]] = {}
    for metric, breakdown, figure in quantities.figures:
        if figure == "denominator" and breakdown:
            breakdowns.setdefault(metric, []).append(breakdown)
    cells: dict[int, list[tuple[str, str, str]]] = {}
    for quantity, *cell in quantities.place:
        cells.setdefault(quantity, []).append(tuple(cell))
    for metric, names in breakdowns.items():
        totals = {quantities.figures[metric, name, "denominator"] for name in names}
        numbers = [quantities.figures.get((metric, name, "numerator")) for name in names]
        if len(names) < 2 or len(totals) > 1 or None in numbers or len(set(numbers)) < len(numbers):
            continue
        (total,) = totals
        for cell in cells[total]:
            whole = quantities.place[total, *cell]
            variables = [quantities.place.get((number, *cell)) for number in numbers]
            if None in variables or len(set(variables)) < len(variables):
                continue
            if _adds_up(quantities.value, whole, variables):
                # Uncertain: a comment may have several themes. Who knows all but one, though, knows how many that has at least.
                yield Relation(tuple(variables), (1,) * len(variables), disjoint=True, people=np.nan, certain=False)


def _adds_up(value: list[float], total: int, parts: Sequence[int]) -> bool:
    parts_sum = sum(value[part] for part in parts)
    return total not in parts and abs(value[total] - parts_sum) <= _TOLERANCE * max(1.0, abs(value[total]))


def _relation(quantities: Quantities, total: int, parts: Sequence[int]) -> Relation:
    together = sum(quantities.people[part] for part in parts)
    if total == KNOWN:
        return Relation(tuple(parts), (1,) * len(parts), True, np.nan)
    people = quantities.people[total]
    return Relation((*parts, total), (*(1,) * len(parts), -1), together <= people + _TOLERANCE, people)
