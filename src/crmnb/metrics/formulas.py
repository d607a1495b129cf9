"""Formulas: how a metric's value is computed, in a plain notation that a terminal can print and a page can render.

The notation is that of Python's expressions (`100 * (P - D) / n`, `sum_i(x_i) / n`, `(1 + d) ** t`): it needs no library and is read as it
stands. A metric declares its formula in its docstring, with every symbol explained:

    Formula: 100 * (P - D) / n, where P = promoters (9 or 10); D = detractors (0 to 6).

Several formulas are separated by ` | `, each with a name and a colon before it. The symbols k and n need no explanation: they are the
numbers of what the measure's `numerator` and `denominator` say. A metric without a formula of its own has that of its estimator.
"""

import ast
import re
from dataclasses import dataclass

# By the name of an estimator: what it computes, whatever the metric is.
_RATIO = "k / n"
_SUMS = "a / b, where a = {numerator}; b = {denominator}"
_MEAN = "T / n, where T = the sum of {numerator}"
STANDARD = {
    **dict.fromkeys(
        ("proportion", "share of all", "census", "share of audited values", "share of a staff", "count per unit"),
        _RATIO,
    ),
    **dict.fromkeys(
        ("ratio of sums", "share of money", "ratio of money", "share of the market", "relative share of the market"),
        _SUMS,
    ),
    **dict.fromkeys(("mean", "mean of money", "mean on a scale", "mean of a staff"), _MEAN),
    **dict.fromkeys(("count", "count of states", "number"), "k"),
    "composition": "k_j / n, where k_j = the number of {denominator} of kind j",
}
# Functions of the notation; `sum_i` and `product_i` run over their index. Other functions are symbols, and explained like these.
FUNCTIONS = {"sqrt", "ln", "exp", "min", "max", "abs", "mean", "median", "smallest", "integral"}
OVER_INDEX = ("sum_", "product_")
_ALLOWED = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.Name, ast.Constant, ast.Load),
    *(ast.operator, ast.unaryop, ast.cmpop),
)


@dataclass(frozen=True)
class Formula:
    """A formula: its expressions as (name, "" for a single one; notation), and what each symbol stands for."""

    expressions: tuple[tuple[str, str], ...]
    symbols: dict[str, str]

    @property
    def text(self) -> str:
        """`100 * (P - D) / n, where P is promoters (9 or 10), ...`."""
        written = "; ".join(f"{name}: {notation}" if name else notation for name, notation in self.expressions)
        where = "; ".join(f"{symbol} is {words}" for symbol, words in self.symbols.items())
        return f"{written}, where {where}" if where else written

    @property
    def unexplained(self) -> list[str]:
        """The symbols of its expressions that are not explained."""
        used = dict.fromkeys(name for _, notation in self.expressions for name in symbols_of(parsed(notation)))
        return [name for name in used if name not in self.symbols]


def formula_of(declared: str, estimator: str, numerator: str, denominator: str) -> Formula | None:
    """The formula that a metric declares, or that of its estimator; None where there is neither.

    numerator, denominator: what the measure counts, in words. Raises ValueError for a formula that is not in the notation.
    """
    text = declared or STANDARD.get(estimator, "")
    if not text:
        return None
    text = text.replace("{numerator}", numerator).replace("{denominator}", denominator)
    notation, _, where = text.removesuffix(".").partition(", where ")
    expressions = tuple(_named(part.strip()) for part in notation.split(" | "))
    declared_symbols = dict(_entry(entry) for entry in re.split(r"; ", where) if entry)
    known = {"k": f"the number of {numerator}", "n": f"the number of {denominator}"} | declared_symbols
    used = dict.fromkeys(name for _, part in expressions for name in symbols_of(parsed(part)))
    order = [*(name for name in used if name in known), *(name for name in declared_symbols if name not in used)]
    return Formula(expressions, {name: known[name] for name in order})


def parsed(notation: str) -> ast.expr:
    """The expression as a tree. Raises ValueError for what the notation does not have."""
    try:
        tree = ast.parse(notation, mode="eval")
    except SyntaxError:
        raise ValueError(f"{notation!r} is not a formula") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{notation!r}: a formula has no {type(node).__name__}")
    return tree.body


def symbols_of(tree: ast.expr) -> list[str]:
    """The symbols of an expression in the order of their reading: not its functions, nor the indices that sums run over."""
    functions = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (node.func.id in FUNCTIONS or node.func.id.startswith(OVER_INDEX))
    }
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    return list(dict.fromkeys(node.id for node in sorted(named, key=lambda node: node.col_offset)))


def _named(part: str) -> tuple[str, str]:
    name, colon, notation = part.rpartition(": ")
    return (name, notation) if colon else ("", part)


def _entry(entry: str) -> tuple[str, str]:
    symbol, equals, words = entry.partition(" = ")
    if not equals:
        raise ValueError(f"{entry!r}: write a symbol, ' = ' and what it stands for")
    return symbol.strip(), words.strip()
