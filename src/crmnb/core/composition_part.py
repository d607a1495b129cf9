"""Part of a composition: one of the shares that add up to a whole, and the one text by which a breakdown names it."""

from collections.abc import Sequence
from typing import NamedTuple

SEPARATOR = ", "  # between the whole and the part: "purchase, promoters"


class CompositionPart(NamedTuple):
    """The share of a part (`part`, "promoters") in a whole (`whole`, a survey; "" where there is only one)."""

    whole: str
    part: str

    def __str__(self) -> str:
        """The breakdown that names the part: "purchase, promoters", or "promoters"."""
        return f"{self.whole}{SEPARATOR}{self.part}" if self.whole else self.part

    @classmethod
    def of(cls, breakdown: str, parts: Sequence[str]) -> "CompositionPart | None":
        """The part that a breakdown names, one of these; None for a breakdown of another kind."""
        if breakdown in parts:
            return cls("", breakdown)
        whole, _, part = breakdown.rpartition(SEPARATOR)
        return cls(whole, part) if whole and part in parts else None
