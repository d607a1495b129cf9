"""Exports as products make them: `crmnb init` proposes each of their columns right, and the figure that was counted by hand comes out.

The right mappings are declared in the benchmark, apart from the presets; the figures are those of the exports' own README.
"""

import pytest

from benchmarks.robustness.init import CLIENTS, EXPORTS, SHAPES, run

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="needs the exports beside the checkout (shared/data/exports)"),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.folder}/{shape.files[0]}")
def test_the_columns_and_the_figure_are_right(shape):
    outcome = run(shape, EXPORTS)
    assert (outcome.wrong, outcome.asked, outcome.message) == ([], [], "")
    assert outcome.is_right, outcome.figures


@pytest.mark.parametrize("shape", CLIENTS, ids=lambda shape: shape.folder)
def test_of_a_file_that_fits_no_table_nothing_is_mapped_wrong(shape):
    assert run(shape, EXPORTS.parent).wrong == []
