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


def value_of(tree: ast.expr, numbers: Numbers) -> float:
    """The value of the tree with these numbers in the places of its own; not a number where it divides by nothing."""
    places = {id(node): number for node, number in zip(_constants(tree), numbers, strict=True)}

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.Constant):
            return places[id(node)]
        if isinstance(node, ast.UnaryOp):
            return -value(node.operand) if isinstance(node.op, ast.USub) else value(node.operand)
        return _STEPS[type(node.op)](value(node.left), value(node.right))

    try:
        return float(value(tree))
    except (ZeroDivisionError, OverflowError):
        return float("nan")


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
    ways: list[tuple[str, str, Way]] = []
    first = _first(tree, ast.Div)
    if first is not None:
        ways.append(
            (
                "upside down",
                "You divided the base by what is counted. The base goes below.",
                _replaced(tree, first, _turned),
            )
        )
        ways.append(
            (
                "not divided",
                "You left a division out. Without its base a number cannot be compared.",
                _replaced(tree, first, _left),
            )
        )
        ways.append(("multiplied", "You multiplied where it is to be divided.", _replaced(tree, first, _as(ast.Mult))))
        ways.append(
            ("the base alone", "You gave the base, and not what is counted out of it.", _replaced(tree, first, _right))
        )
    if (minus := _first(tree, ast.Sub)) is not None:
        ways.append(
            (
                "added",
                "You added what is to be subtracted. Only the difference tells the two apart.",
                _replaced(tree, minus, _as(ast.Add)),
            )
        )
        ways.append(("nothing subtracted", "You left out what is to be subtracted.", _replaced(tree, minus, _left)))
        ways.append(
            (
                "subtracted the other way round",
                "You subtracted the other way round: the sign is wrong.",
                _replaced(tree, minus, _turned),
            )
        )
    if (plus := _first(tree, ast.Add)) is not None:
        ways.append(
            ("the first part only", "You stopped after the first part of the sum.", _replaced(tree, plus, _left))
        )
        ways.append(("the last part only", "You took only the last part of the sum.", _replaced(tree, plus, _right)))
    if (times := _first(tree, ast.Mult)) is not None:
        ways.append(("a factor left out", "You left out a factor.", _replaced(tree, times, _left)))
        ways.append(("divided by a factor", "You divided by what is a factor.", _replaced(tree, times, _as(ast.Div))))
    if isinstance(tree, ast.BinOp):
        ways.append(
            (
                "the last step left out",
                "You stopped before the last step.",
                lambda numbers: value_of(tree.left, numbers[: _size(tree.left)]),
            )
        )
    return ways


def _size(tree: ast.expr) -> int:
    return len(numbers_of(tree))


def _first(tree: ast.expr, step: type) -> ast.BinOp | None:
    """The outermost, then leftmost, step of a kind."""
    return next((node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, step)), None)


def _replaced(tree: ast.expr, node: ast.BinOp, change: Callable[[float, float, type], float]) -> Way:
    """The function of the numbers that goes another way at one step."""

    def value(numbers: Numbers) -> float:
        places = {id(constant): number for constant, number in zip(_constants(tree), numbers, strict=True)}

        def of(part: ast.expr) -> float:
            if isinstance(part, ast.Constant):
                return places[id(part)]
            if isinstance(part, ast.UnaryOp):
                return -of(part.operand) if isinstance(part.op, ast.USub) else of(part.operand)
            left, right = of(part.left), of(part.right)
            return change(left, right, type(part.op)) if part is node else _STEPS[type(part.op)](left, right)

        try:
            return float(of(tree))
        except (ZeroDivisionError, OverflowError):
            return float("nan")

    return value


def _turned(left: float, right: float, step: type) -> float:
    return _STEPS[step](right, left)


def _left(left: float, right: float, step: type) -> float:
    return left


def _right(left: float, right: float, step: type) -> float:
    return right


def _as(other: type) -> Callable[[float, float, type], float]:
    return lambda left, right, step: _STEPS[other](left, right)
