"""Several tests at once, by published and by hand-worked examples."""

import pytest

from crmnb.stats.multiple_tests import are_discoveries, holm

# Benjamini & Hochberg 1995, JRSS-B 57:289, section 3: 15 p-values, of which the procedure rejects the four smallest.
EXAMPLE = (
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0,
)


def test_discoveries_are_those_of_the_published_example():
    assert are_discoveries(EXAMPLE, 0.05).tolist() == [True] * 4 + [False] * 11


def test_adjusted_p_values_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_without_tests_nothing_stands_out():
    assert holm([]).size == are_discoveries([], 0.05).size == 0
