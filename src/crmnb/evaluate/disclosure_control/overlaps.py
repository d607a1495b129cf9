"""Seams: what two segmentations of the same people reveal when one is subtracted from the other.

Levels of two segmentations that have customers in common are joined by a line. Where no line leads out of some levels, both sides are the same
people: a country and its cities. Where a single line does, that line's customers are the difference: those of 20 and over less those
of 25 and over are those in between.
"""

from collections.abc import Collection
from dataclasses import dataclass

LEFT_OUT = "\0left out"  # the level of those who are in no level that is shown; no level of a client's is called so

Levels = tuple[str, frozenset[str]]  # a segmentation and some of its levels
Pair = tuple[str, str]
_Node = tuple[int, str]


@dataclass(frozen=True)
class Seam:
    """The levels `of` one segmentation less those of another (`less`): the group in `level` of the invented `segment`, or nobody."""

    of: Levels
    less: Levels
    segment: str = ""
    level: str = ""

    @property
    def is_group(self) -> bool:
        """Whether there is somebody in the difference."""
        return bool(self.segment)


def seams_of(first: str, second: str, pairs: Collection[Pair]) -> list[Seam]:
    """The seams of two segmentations, by the pairs of their levels that anybody is in."""
    lines: dict[_Node, set[_Node]] = {}
    for own, other in pairs:
        lines.setdefault((0, own), set()).add((1, other))
        lines.setdefault((1, other), set()).add((0, own))
    seams, todo = [], set(lines)
    while todo:
        block = _reached(next(iter(sorted(todo))), lines)
        if len(block) < len(lines):
            seams.append(Seam(_side(first, block, 0), _side(second, block, 1)))
        todo -= block
    for own, other in sorted(set(pairs)):
        left = _reached((0, own), lines, without=((0, own), (1, other)))
        right = _reached((1, other), lines, without=((0, own), (1, other)))
        if (1, other) not in left and len(left) > 1 and len(right) > 1:
            group = f"{own}\0{other}"
            seams.append(Seam(_side(first, left, 0), _side(second, left, 1), f"{first}\0{second}", group))
    return seams


def _side(name: str, block: set[_Node], side: int) -> Levels:
    return name, frozenset(level for place, level in block if place == side)


def _reached(start: _Node, lines: dict[_Node, set[_Node]], without: tuple[_Node, ...] = ()) -> set[_Node]:
    """All levels that lines lead to, one of them left out."""
    reached, todo = set(), [start]
    while todo:
        node = todo.pop()
        if node not in reached:
            reached.add(node)
            todo += [other for other in lines[node] if {node, other} != {*without}]
    return reached
