import pytest

from crmnb.core.cohort_cell import CohortCell


@pytest.mark.parametrize("cell", [CohortCell("2025-01", 0), CohortCell("2024-12", 13)])
def test_a_breakdown_names_its_cell(cell):
    assert CohortCell.of(str(cell)) == cell


def test_the_breakdown_of_a_cell_is_month_and_age():
    assert str(CohortCell("2025-01", 3)) == "2025-01 +3"


@pytest.mark.parametrize("breakdown", ["", "Google +1", "2025-01", "2025-01 +", "2025-01 +x", "1 2025-01 +3", "65 +"])
def test_other_breakdowns_name_no_cell(breakdown):
    assert CohortCell.of(breakdown) is None
