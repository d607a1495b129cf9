"""Added rows: the traps of a derived lesson: what a further row does to the figure.

A row that is added is one that the figure has, once more under a key of its own: so its columns agree, and the question can tell them.
"""

from collections.abc import Callable

from crmnb.learn.declaration import YEAR, Row

# The trap's name; its question, with a place `{row}` for the row's own words; why the figure goes so; the row that is added to those of the
# figure, None where they have no such row.
AddedRow = tuple[str, str, str, Callable[[list[Row]], Row | None]]


def of_condition(counted: str, base: str) -> tuple[AddedRow, ...]:
    """To a share, a score or a number of rows with `met`. counted, base: in words."""
    return (
        _added(
            "a row above and below the line",
            f"It is among {counted}, and so it counts above the line and in the base.",
            lambda rows: _most(rows, _met, 1),
        ),
        _added(
            "a row below the line alone",
            f"It is not among {counted}. Where there is a base ({base}), it counts in that.",
            lambda rows: _most(rows, lambda row: -_met(row), 0),
        ),
        _of_year_before(),
    )


def of_values() -> tuple[AddedRow, ...]:
    """To a mean or a median."""
    return (
        _added(
            "the largest value once more",
            "Its value is the largest. It pulls a mean up; the middle moves by half a place at most.",
            lambda rows: max(rows, key=_value),
        ),
        _added(
            "the smallest value once more",
            "Its value is the smallest. It pulls a mean down; the middle moves by half a place at most.",
            lambda rows: min(rows, key=_value),
        ),
        _of_year_before(),
    )


def of_sums() -> tuple[AddedRow, ...]:
    """To a sum of `amount` over a sum of `out_of`."""
    return (
        _added(
            "the smallest ratio once more",
            "Its ratio is the smallest, so it adds more below the line than above.",
            lambda rows: min(filter(_base, rows), key=_ratio, default=None),
        ),
        _added(
            "the largest ratio once more",
            "Its ratio is the largest, so it adds more above the line than below.",
            lambda rows: max(filter(_base, rows), key=_ratio, default=None),
        ),
        _of_year_before(),
    )


def of_number() -> tuple[AddedRow, ...]:
    """To a number of rows."""
    return (_added("one more row", "Each row counts.", lambda rows: rows[-1]), _of_year_before())


def of_cases() -> tuple[AddedRow, ...]:
    """To the median of times of which some are still open."""
    return (
        _added(
            "a case that is open, for as long as the longest",
            "It is one more that lasts longer than the median, though nobody knows how long.",
            lambda rows: max(rows, key=_duration) | {"event": 0},
        ),
        _added(
            "a case that ended as soon as the shortest",
            "It pulls the median down, or leaves it where its neighbours are alike.",
            lambda rows: min(rows, key=_duration) | {"event": 1},
        ),
        _of_year_before(),
    )


def _most(rows: list[Row], rank: Callable[[Row], float], least: float) -> Row | None:
    """The last row that ranks highest; None where none reaches the least rank."""
    return max((row for row in reversed(rows) if rank(row) >= least), key=rank, default=None)


def _met(row: Row) -> float:
    return row["met"]


def _base(row: Row) -> float:
    return row["out_of"]


def _ratio(row: Row) -> float:
    return row["amount"] / row["out_of"]


def _value(row: Row) -> float:
    return row["value"]


def _duration(row: Row) -> float:
    return row["duration"]


def _added(name: str, because: str, row_of: Callable[[list[Row]], Row | None]) -> AddedRow:
    ask = "Another row like this one was missing and is added: {row}. Which way does the figure go?"
    return name, ask, because, lambda rows: row_of(rows) if rows else None


def _of_year_before() -> AddedRow:
    ask = f"A row of {YEAR - 1} is found that was missing. Which way does the figure of {YEAR} go?"
    because = "A row of another period is in no figure of this one."
    return "a row of the year before", ask, because, lambda rows: rows[-1] | {"year": YEAR - 1} if rows else None
