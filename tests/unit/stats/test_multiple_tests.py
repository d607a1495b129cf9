"""Several tests at once, by published and by hand-worked examples."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

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


@pytest.mark.parametrize("seed", range(20))
def test_both_are_those_of_statsmodels(seed):
    draw = np.random.default_rng(seed)
    p_values = draw.beta(0.3, 2, 1 + 5 * seed).round(3)  # some of them equal
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-15)
    expected, *_ = multipletests(p_values, alpha=0.1, method="fdr_bh")
    assert are_discoveries(p_values, 0.1).tolist() == expected.tolist()
