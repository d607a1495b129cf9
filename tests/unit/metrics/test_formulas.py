"""Formulas: the notation, what is explained by itself, and the MathML that pages show."""

import xml.etree.ElementTree as ET

import pytest

from crmnb.metrics.formulas import formula_of, parsed, symbols_of
from crmnb.report.text.mathml import formula_mathml, symbol_mathml


def drawn(notation: str) -> str:
    """The text of the MathML, its parts with a space between them and its signs as they are typed."""
    texts = ET.fromstring(str(formula_mathml(notation))).itertext()  # noqa: S314 -- made here
    return " ".join(texts).replace("\N{MULTIPLICATION SIGN}", "*").replace("\N{MINUS SIGN}", "-")


def test_a_formula_of_its_own_is_explained_where_it_stands():
    formula = formula_of("100 * (P - D) / n, where P = promoters; D = detractors.", "nps", "net", "valid answers")
    assert formula.expressions == (("", "100 * (P - D) / n"),)
    assert formula.symbols == {"P": "promoters", "D": "detractors", "n": "the number of valid answers"}
    assert formula.unexplained == []
    assert formula.text.startswith("100 * (P - D) / n, where P is promoters; D is detractors; n is")


def test_a_metric_without_one_has_that_of_its_estimator():
    formula = formula_of("", "proportion", "buyers with two orders", "buyers")
    assert formula.expressions == (("", "k / n"),)
    assert formula.symbols == {"k": "the number of buyers with two orders", "n": "the number of buyers"}
    assert formula_of("", "an estimator of a family", "x", "y") is None


def test_several_formulas_have_names():
    formula = formula_of("all: k | per seller: k / s, where s = sellers.", "count", "calls", "")
    assert formula.expressions == (("all", "k"), ("per seller", "k / s"))
    assert formula.symbols == {"k": "the number of calls", "s": "sellers"}


def test_a_symbol_without_an_explanation_is_noticed():
    assert formula_of("a / b, where a = spend.", "ratio of sums", "x", "y").unexplained == ["b"]


@pytest.mark.parametrize(
    ("notation", "symbols"),
    [
        ("sum_i(w_i * x_i) / sum_i(w_i)", ["w_i", "x_i"]),
        ("smallest(t, S(t) <= 1 / 2)", ["t", "S"]),
        ("sqrt(max(0, a ** 2))", ["a"]),
    ],
)
def test_functions_and_indices_are_no_symbols(notation, symbols):
    assert sorted(symbols_of(parsed(notation))) == sorted(symbols)


@pytest.mark.parametrize("notation", ["k /", "[k]", "k if n else 0", "lambda: k", "x.y", "'text'.join(k)"])
def test_what_is_no_formula_is_refused(notation):
    with pytest.raises(ValueError, match="formula"):
        symbols_of(parsed(notation))


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        ("k / n", "k n"),
        ("100 * (P - D) / n", "100 * ( P - D ) n"),
        ("1 - (1 - c) ** (365.25 / d)", "1 - ( 1 - c ) 365.25 d"),
        ("a - (b - c)", "a - ( b - c )"),
        ("a - b - c", "a - b - c"),
        ("(a / b) ** 2", "( a b ) 2"),
        ("sum_i(x_i + y_i)", "∑ i ( x i + y i )"),
        ("-a * b", "- a * b"),
        ("phi2 / n", "φ 2 n"),
        ("integral(S(t), t, 0, H)", "∫ 0 H S ( t ) d t"),
        ("smallest(t, S(t) <= 1 / 2)", "min { t : S ( t ) ≤ 1 2 }"),
        ("y == a + b", "y = a + b"),
    ],
)
def test_mathml_has_signs_and_only_the_parentheses_that_are_needed(notation, text):
    assert drawn(notation) == text


def test_the_parts_of_a_fraction_and_of_a_sum_are_where_they_belong():
    fraction = ET.fromstring(str(formula_mathml("k / n")))[0]  # noqa: S314
    assert [fraction.tag, *("".join(part.itertext()) for part in fraction)] == ["mfrac", "k", "n"]
    assert "<munder>" in formula_mathml("sum_i(x_i)")
    assert str(symbol_mathml("x_i")) == '<math alttext="x_i"><msub><mi>x</mi><mi>i</mi></msub></math>'


def test_comparisons_are_escaped():
    assert "&lt;" in formula_mathml("a < b")
