"""Arithmetic: the value of a hand count such as `(36 / 9 - 1) / 4 * 100`, and the same with other numbers or other steps."""

import ast
import operator
from collections.abc import Callable
from functools import cache
from random import Random

_STEPS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
# Numbers that belong to the definition and not to the data: of a percentage, a scale, a calendar.
FIXED = {0, 1, 2, 4, 7, 10, 12, 24, 28, 30, 31, 60, 100, 365, 366, 1000}

Numbers = list[float]


def parsed(expression: str) -> ast.expr:
    """The expression as a tree. Raises ValueError where it is no arithmetic."""
    tree = ast.parse(expression.strip(), mode="eval").body
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp | ast.UnaryOp | ast.Constant | ast.operator | ast.unaryop):
            raise ValueError(f"{expression!r} is no arithmetic")
    return tree


def numbers_of(tree: ast.expr) -> Numbers:
    """Its numbers, from left to right."""
    return [node.value for node in _constants(tree)]


@cache
def _constants(tree: ast.expr) -> tuple[ast.Constant, ...]:
    if isinstance(tree, ast.Constant):
        return (tree,)
    parts = (tree.operand,) if isinstance(tree, ast.UnaryOp) else (tree.left, tree.right)
    return tuple(constant for part in parts for constant in _constants(part))


def is_fraction(tree: ast.expr) -> bool:
    """Whether it is a number divided by a number."""
    is_division = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div)
    return is_division and isinstance(tree.left, ast.Constant) and isinstance(tree.right, ast.Constant)


# What a step makes of its two sides.
Change = Callable[[float, float, type], float]


def value_of(tree: ast.expr, numbers: Numbers, other: ast.BinOp | None = None, change: Change | None = None) -> float:
    """The value of the tree with these numbers in the places of its own; not a number where it divides by nothing.

    other: a step that goes another way, and `change`: which.
    """
    places = {id(node): number for node, number in zip(_constants(tree), numbers, strict=True)}

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.Constant):
            return places[id(node)]
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand) if isinstance(node.op, ast.USub) else value(node.operand)
        step = change if node is other else _usual
        return step(value(node.left), value(node.right), type(node.op))

    try:
        return float(value(tree))
    except (ZeroDivisionError, OverflowError):
        return float("nan")


def _usual(left: float, right: float, step: type) -> float:
    return _STEPS[step](left, right)


def varied(numbers: Numbers, random: Random) -> Numbers:
    """Other numbers of the same size, whole ones where they were whole; those of the definition stay."""
    return [number if number in FIXED else _near(number, random) for number in numbers]


def _near(number: float, random: Random) -> float:
    spread = max(2.0, abs(number) * 0.3)
    moved = number + random.uniform(-0.4, 1) * spread
    return float(max(1, round(moved))) if float(number).is_integer() else round(max(0.05, moved), 2)


Way = Callable[[Numbers], float]


def other_steps(tree: ast.expr) -> list[tuple[str, str, Way]]:
    """Wrong steps with the right numbers: (name, what was done and why it misleads, the function of the numbers)."""
    ways = [
        (name, message, _otherwise(tree, node, change))
        for step, mistakes in _MISTAKES.items()
        if (node := _first(tree, step)) is not None
        for name, message, change in mistakes
    ]
    if isinstance(tree, ast.BinOp):
        before_last = len(numbers_of(tree.left))
        message = "You stopped before the last step."
        ways.append(("the last step left out", message, lambda numbers: value_of(tree.left, numbers[:before_last])))
    return ways


def _otherwise(tree: ast.expr, node: ast.BinOp, change: Change) -> Way:
    return lambda numbers: value_of(tree, numbers, node, change)


def _first(tree: ast.expr, step: type) -> ast.BinOp | None:
    """The outermost, then leftmost, step of a kind."""
    return next((node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, step)), None)


def _turned(left: float, right: float, step: type) -> float:
    return _STEPS[step](right, left)


def _left(left: float, right: float, step: type) -> float:
    return left


def _right(left: float, right: float, step: type) -> float:
    return right


def _as(other: type) -> Change:
    return lambda left, right, step: _STEPS[other](left, right)


# By the step at which they are made: the name of a mistake, what was done and why it misleads, and the other way.
_MISTAKES: dict[type, tuple[tuple[str, str, Change], ...]] = {
    ast.Div: (
        ("upside down", "You divided the base by what is counted. The base goes below.", _turned),
        ("not divided", "You left a division out. Without its base a number cannot be compared.", _left),
        ("multiplied", "You multiplied where it is to be divided.", _as(ast.Mult)),
        ("the base alone", "You gave the base, and not what is counted out of it.", _right),
    ),
    ast.Sub: (
        ("added", "You added what is to be subtracted. Only the difference tells the two apart.", _as(ast.Add)),
        ("nothing subtracted", "You left out what is to be subtracted.", _left),
        ("subtracted the other way round", "You subtracted the other way round: the sign is wrong.", _turned),
    ),
    ast.Add: (
        ("the first part only", "You stopped after the first part of the sum.", _left),
        ("the last part only", "You took only the last part of the sum.", _right),
    ),
    ast.Mult: (
        ("a factor left out", "You left out a factor.", _left),
        ("divided by a factor", "You divided by what is a factor.", _as(ast.Div)),
    ),
}
