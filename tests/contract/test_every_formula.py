"""Every metric has a formula, in which each symbol is explained and each explanation used."""

import xml.etree.ElementTree as ET

import pytest

from crmnb.metrics.definition import catalogue
from crmnb.metrics.formulas import OVER_INDEX, parsed, symbols_of
from crmnb.report.text.mathml import formula_mathml

each_metric = pytest.mark.parametrize("metric", catalogue().values(), ids=lambda metric: metric.id)


@each_metric
def test_has_a_formula_whose_symbols_are_explained(metric):
    assert metric.formula, (
        f"{metric.id}: its estimator ({metric.estimate.name}) has no standard formula: write `Formula:`"
    )
    assert metric.formula.unexplained == []
    assert all(metric.formula.symbols.values())


@each_metric
def test_explains_nothing_that_no_formula_has(metric):
    notations = [notation for _, notation in metric.formula.expressions]
    used = {name for notation in notations for name in symbols_of(parsed(notation))}
    indices = {call.split("(")[0] for notation in notations for over in OVER_INDEX for call in notation.split(over)[1:]}
    words = " ".join(metric.formula.symbols.values())
    assert [name for name in metric.formula.symbols if name not in used | indices and name not in words] == []


@each_metric
def test_is_drawn(metric):
    for name, notation in metric.formula.expressions:
        root = ET.fromstring(str(formula_mathml(notation)))  # noqa: S314 -- made here
        assert "".join(root.itertext()).strip(), name
