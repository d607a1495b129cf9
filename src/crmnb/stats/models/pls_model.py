"""A path model of constructs: which items measure what, and what leads to what. Input of `crmnb.stats.models.pls`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import numpy as np

SCHEMES = ("path", "centroid", "factorial", "equal")
MODES = ("A", "B")


@dataclass(frozen=True)
class PathModel:
    """A PLS path model. Make it with `path_model`, which checks it.

    constructs: their names, in order. items: of all blocks, in order. block: of each item, the place of its construct.
    paths: (constructs, constructs), true from the row to the column. mode_b: of each construct, whether its weights are those of a
    regression (mode B) and not correlations (mode A). scheme: of the inner weights, or equal. tolerance: of an outer weight, of scores with variance
    1, at which the iteration ends; max_iterations: after which it has not converged.
    """

    constructs: tuple[str, ...]
    items: tuple[str, ...]
    block: np.ndarray
    paths: np.ndarray
    mode_b: np.ndarray
    scheme: str
    tolerance: float
    max_iterations: int

    @cached_property
    def membership(self) -> np.ndarray:
        """(items, constructs): 1 where the item measures the construct."""
        return (self.block[:, None] == np.arange(len(self.constructs))).astype(float)

    @cached_property
    def predecessors(self) -> dict[int, np.ndarray]:
        """Of each construct that a path leads to: the places of those that lead there."""
        return {j: np.flatnonzero(self.paths[:, j]) for j in np.flatnonzero(self.paths.any(axis=0))}


def path_model(
    blocks: Mapping[str, Iterable[str]],
    paths: Iterable[tuple[str, str]],
    modes: Mapping[str, str] | None = None,
    scheme: str = "path",
    tolerance: float = 1e-7,
    max_iterations: int = 300,
) -> PathModel:
    """A checked path model.

    blocks: the items of each construct. paths: pairs of constructs (from, to), without circles. modes: "A" or "B" by construct; A where
    none is named. scheme: "path", "centroid" or "factorial"; or "equal", by which no weights are estimated: unstandardised scores are the plain
    means of their items (for samples that are too small for weights). The tolerance is that of SmartPLS 3 (10^-7).
    Raises ValueError, which says what is wrong.
    """
    blocks = {str(construct): [str(item) for item in items] for construct, items in blocks.items()}
    items, pairs, modes = [item for block in blocks.values() for item in block], list(paths), dict(modes or {})
    _check_blocks(blocks, items)
    _check_paths(blocks, pairs)
    if scheme not in SCHEMES or not set(modes.values()) <= set(MODES) or not set(modes) <= set(blocks):
        raise ValueError(f"scheme is one of {', '.join(SCHEMES)}, and modes are A or B, by construct")
    if scheme == "equal" and "B" in modes.values():
        raise ValueError("mode B estimates weights, which the scheme equal does not")
    if not tolerance > 0 or max_iterations < 1:
        raise ValueError("tolerance is to be positive, and max_iterations at least 1")
    constructs = tuple(blocks)
    matrix = np.zeros((len(blocks), len(blocks)), bool)
    for begin, end in pairs:
        matrix[constructs.index(begin), constructs.index(end)] = True
    block = np.repeat(np.arange(len(blocks)), [len(of) for of in blocks.values()])
    mode_b = np.array([modes.get(construct, "A") == "B" for construct in constructs])
    return PathModel(constructs, tuple(items), block, matrix, mode_b, scheme, tolerance, max_iterations)


def _check_blocks(blocks: dict[str, list[str]], items: list[str]) -> None:
    if empty := [construct for construct, block in blocks.items() if not block]:
        raise ValueError(f"constructs without items: {', '.join(empty)}")
    if repeated := sorted({item for item in items if items.count(item) > 1}):
        raise ValueError(f"items in two places: {', '.join(repeated)}")


def _check_paths(blocks: dict[str, list[str]], pairs: list[tuple[str, str]]) -> None:
    ends = {end for pair in pairs for end in pair}
    if unknown := sorted(ends - set(blocks)):
        raise ValueError(f"paths between constructs without items: {', '.join(unknown)}")
    if unconnected := sorted(set(blocks) - ends):
        raise ValueError(f"constructs without a path: {', '.join(unconnected)}")
    graph = TopologicalSorter()
    for begin, end in pairs:
        graph.add(end, begin)
    try:
        graph.prepare()
    except CycleError as error:
        raise ValueError(f"paths lead in a circle: {' > '.join(error.args[1])}") from None
