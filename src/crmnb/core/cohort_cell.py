"""Cohort cell: a cell of a cohort table, and the one text by which a breakdown names it."""

import re
from typing import NamedTuple

SEPARATOR = " +"  # between the month and the age: "2025-01 +3"
_CELL = re.compile(rf"(\d{{4}}-\d\d){re.escape(SEPARATOR)}(\d+)")


class CohortCell(NamedTuple):
    """The customers of a cohort at an age: those who joined in `month` ("2025-01"), `age` calendar months later."""

    month: str
    age: int

    def __str__(self) -> str:
        """The breakdown that names the cell: "2025-01 +3"."""
        return f"{self.month}{SEPARATOR}{self.age}"

    @classmethod
    def of(cls, breakdown: str) -> "CohortCell | None":
        """The cell that a breakdown names; None for a breakdown of another kind."""
        match = _CELL.fullmatch(breakdown)
        return cls(match[1], int(match[2])) if match else None
