"""MathML: a formula of the metrics' notation (`crmnb.metrics.formulas`) as browsers draw it and screen readers speak it, without a script."""

import ast
import re

from markupsafe import Markup

from crmnb.metrics.formulas import OVER_INDEX, parsed
from crmnb.report.html import tag

_SIGNS = {
    ast.Add: "+", ast.Sub: "\N{MINUS SIGN}", ast.Mult: "\N{MULTIPLICATION SIGN}",
    ast.Eq: "=", ast.Lt: "<", ast.LtE: "\N{LESS-THAN OR EQUAL TO}", ast.Gt: ">", ast.GtE: "\N{GREATER-THAN OR EQUAL TO}",
}  # fmt: skip
_STRENGTH = {ast.Compare: 0, ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 3, ast.Pow: 4}
_OVER = {"sum_": "\N{N-ARY SUMMATION}", "product_": "\N{N-ARY PRODUCT}"}
_TALL = ("<mfrac>", "<munder>", "<msup>")
_GREEK = {"alpha": "\u03b1", "beta": "\u03b2", "lambda": "\u03bb", "mu": "\u03bc", "sigma": "\u03c3", "phi": "\u03c6"}


def formula_mathml(notation: str, *, block: bool = True) -> Markup:
    """The formula as a block, or in a line of text. Raises ValueError for what is not in the notation."""
    display = {"display": "block"} if block else {"displaystyle": "true"}
    return tag("math", _drawn(parsed(notation)), alttext=notation, **display)


def symbol_mathml(name: str) -> Markup:
    """A symbol in a line of text."""
    return tag("math", _symbol(name), alttext=name)


def _drawn(node: ast.expr, strength: int = 0) -> Markup:
    """An expression; in parentheses where what stands around it binds more (`strength`)."""
    if isinstance(node, ast.Constant):
        return tag("mn", f"{node.value:g}")
    if isinstance(node, ast.Name):
        return _symbol(node.id)
    if isinstance(node, ast.Call):
        return _call(node)
    if isinstance(node, ast.Compare):
        signs = [_SIGNS[type(sign)] for sign in node.ops]
        sides = [_drawn(side) for side in (node.left, *node.comparators)]
        return tag(
            "mrow", sides[0], *(part for pair in zip(map(_sign, signs), sides[1:], strict=True) for part in pair)
        )
    if isinstance(node, ast.UnaryOp):
        return tag("mrow", _sign(_SIGNS[ast.Sub]), _drawn(node.operand, 2))
    own = _STRENGTH[type(node.op)]
    drawn = _operation(node, own)
    return _bracketed(drawn) if own < strength else drawn


def _operation(node: ast.BinOp, own: int) -> Markup:
    if isinstance(node.op, ast.Div):
        return tag("mfrac", tag("mrow", _drawn(node.left)), tag("mrow", _drawn(node.right)))
    if isinstance(node.op, ast.Pow):
        base = _bracketed(_drawn(node.left)) if _is_tall(node.left) else _drawn(node.left, own + 1)
        return tag("msup", base, tag("mrow", _drawn(node.right)))
    right = _drawn(node.right, own + isinstance(node.op, ast.Sub))
    return tag("mrow", _drawn(node.left, own), _sign(_SIGNS[type(node.op)]), right)


def _is_tall(node: ast.expr) -> bool:
    """Whether a power of it needs parentheses, though it binds tightly: a fraction, or a function."""
    return isinstance(node, ast.Call) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))


def _call(node: ast.Call) -> Markup:
    name, arguments = node.func.id, node.args
    if name.startswith(OVER_INDEX):
        kind, _, index = name.partition("_")
        over = tag("munder", _sign(_OVER[f"{kind}_"]), _index(index))
        return tag("mrow", over, _drawn(arguments[0], _STRENGTH[ast.Mult]))
    if name == "sqrt":
        return tag("msqrt", _drawn(arguments[0]))
    if name == "abs":
        return tag("mrow", _sign("|"), _drawn(arguments[0]), _sign("|"))
    if name == "smallest":
        inside = tag("mrow", _drawn(arguments[0]), _sign(":"), _drawn(arguments[1]))
        return tag("mrow", _word("min"), tag("mrow", _sign("{"), inside, _sign("}")))
    if name == "integral":
        what, variable, low, high = map(_drawn, arguments)
        ends = tag("msubsup", _sign("\N{INTEGRAL}"), low, high)
        return tag("mrow", ends, what, tag("mspace", width="0.2em"), tag("mi", "d"), variable)
    inside = [part for argument in arguments for part in (_drawn(argument), _sign(","))][:-1]
    return tag("mrow", _word(name) if "_" not in name and len(name) > 1 else _symbol(name), _bracketed(*inside))


def _bracketed(*inside: Markup) -> Markup:
    """In parentheses, which grow only around what is tall."""
    stretchy = None if any(name in part for part in inside for name in _TALL) else "false"
    ends = (tag("mo", end, stretchy=stretchy) for end in "()")
    return tag("mrow", next(ends), *inside, next(ends))


def _symbol(name: str) -> Markup:
    base, _, below = name.partition("_")
    if below:
        return tag("msub", _letter(base), _index(below))
    return _letter(base)


def _letter(name: str) -> Markup:
    """A letter, a Greek one by its name, a square by its 2 (`R2`), or a word."""
    square = re.fullmatch(r"([A-Za-z]+)2", name)
    letter = _GREEK.get(square[1] if square else name, square[1] if square else name)
    drawn = tag("mi", letter) if len(letter) == 1 else _word(letter)
    return tag("msup", drawn, tag("mn", "2")) if square else drawn


def _index(name: str) -> Markup:
    if name.isdigit():
        return tag("mn", name)
    if len(name) <= 2:  # one index, or two
        return tag("mrow", *(tag("mi", letter) for letter in name)) if len(name) == 2 else tag("mi", name)
    return tag("mtext", name)


def _word(name: str) -> Markup:
    return tag("mi", name, mathvariant="normal") if len(name) == 1 else tag("mi", name)


def _sign(sign: str) -> Markup:
    return tag("mo", sign)
