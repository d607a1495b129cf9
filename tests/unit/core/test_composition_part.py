"""The names of parts of a composition."""

import pytest

from crmnb.core.composition_part import CompositionPart

PARTS = ("detractors", "passives", "promoters")


@pytest.mark.parametrize("whole", ["", "purchase", "after a visit, by phone"])
@pytest.mark.parametrize("part", PARTS)
def test_a_name_is_read_as_it_was_written(whole, part):
    named = CompositionPart(whole, part)
    assert CompositionPart.of(str(named), PARTS) == named


@pytest.mark.parametrize("breakdown", ["", "purchase", "promoters, purchase", ", promoters", "promoters "])
def test_other_breakdowns_are_no_parts(breakdown):
    assert CompositionPart.of(breakdown, PARTS) is None
