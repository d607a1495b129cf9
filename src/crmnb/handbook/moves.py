"""Moves: which way a metric goes as one of the quantities in its formula rises, computed from the formula itself."""

import ast
import math
import operator
import random
import re
from collections.abc import Callable

from crmnb.metrics.formulas import OVER_INDEX, Formula, parsed, symbols_of

_DRAWS, _SEED, _STEP = 60, 7, 1.001
_RANGES = ((0.05, 0.95), (1.0, 40.0))  # shares, and numbers of things
_STEPS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "ln": math.log,
    "exp": math.exp,
    "min": min,
    "max": max,
    "abs": abs,
    "mean": lambda value: value,
    "median": lambda value: value,
}


def moves(formula: Formula) -> dict[str, str]:
    """By symbol "rises" or "falls": how the value moves as the symbol alone rises, where that is so whatever the others are.

    A sum is taken of equal parts. Symbols that move it either way, and formulas that cannot be computed so, have no entry.
    """
    if len(formula.expressions) != 1:
        return {}
    notation = formula.expressions[0][1]
    tree, of_sums = parsed(notation), any(over in notation for over in OVER_INDEX)
    names = [name for name in symbols_of(tree) if not _moves_others(name, formula)]
    directions = {
        name: _direction(tree, name) for name in names if not (of_sums and name == "n")
    }  # n is how long the sum is
    return {name: direction for name, direction in directions.items() if direction}


def _moves_others(name: str, formula: Formula) -> bool:
    """Whether another symbol is explained by this one, so that it cannot rise alone."""
    others = (words for symbol, words in formula.symbols.items() if symbol != name)
    return name != "a" and any(re.search(rf"(?<![\w'])({re.escape(name)})(?!\w)", words) for words in others)


def _direction(tree: ast.expr, name: str) -> str:
    """The direction in which a symbol moves the value; "" where it has none, or several."""
    draw, signs = random.Random(_SEED), set()  # noqa: S311 -- not for secrets
    names = symbols_of(tree)
    for number in range(_DRAWS):
        values = {
            symbol: draw.uniform(*_RANGES[number % 2 if symbol != name else draw.randrange(2)]) for symbol in names
        }
        before, after = _value(tree, values), _value(tree, values | {name: values[name] * _STEP})
        if before is None or after is None or math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12):
            continue
        signs.add(after > before)
    return {frozenset({True}): "rises", frozenset({False}): "falls"}.get(frozenset(signs), "")


def _value(node: ast.expr, values: dict[str, float]) -> float | None:
    """The value of an expression; None where it has none."""
    try:
        value = _computed(node, values)
    except (ArithmeticError, ValueError, LookupError, TypeError):
        return None
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _computed(node: ast.expr, values: dict[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return -_computed(node.operand, values)
    if isinstance(node, ast.BinOp):
        return _STEPS[type(node.op)](_computed(node.left, values), _computed(node.right, values))
    if not isinstance(node, ast.Call):
        raise TypeError("a comparison has no value")
    if node.func.id.startswith(OVER_INDEX):
        return _computed(node.args[0], values)
    return _FUNCTIONS[node.func.id](*(_computed(argument, values) for argument in node.args))
