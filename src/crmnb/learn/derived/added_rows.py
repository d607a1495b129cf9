"""Added rows: the traps of a derived lesson: what a further row does to the figure."""

from collections.abc import Callable

from crmnb.learn.declaration import YEAR, Row

# The trap's name, its question, why the figure goes so, and the row that is added to those of the figure.
AddedRow = tuple[str, str, str, Callable[[list[Row]], Row | None]]


def of_condition() -> tuple[AddedRow, ...]:
    """To a share, a score or a number of rows with `met`."""
    return (
        _added(
            "a row that is counted", "It counts in what is counted and in the base.", lambda rows: rows[-1] | {"met": 1}
        ),
        _added(
            "a row that is not counted",
            "It counts in the base alone, if there is one.",
            lambda rows: rows[-1] | {"met": 0},
        ),
        _of_year_before(),
    )


def of_values() -> tuple[AddedRow, ...]:
    """To a mean or a median."""
    return (
        _added(
            "the largest value once more",
            "It pulls a mean up; the middle moves by half a place at most.",
            lambda rows: max(rows, key=_value),
        ),
        _added(
            "the smallest value once more",
            "It pulls a mean down; the middle moves by half a place at most.",
            lambda rows: min(rows, key=_value),
        ),
        _of_year_before(),
    )


def of_sums() -> tuple[AddedRow, ...]:
    """To a sum of `amount` over a sum of `out_of`."""
    return (
        _added(
            "a row with a base and nothing that is counted",
            "It makes the base larger alone.",
            lambda rows: rows[-1] | {"amount": 0, "out_of": _largest_base(rows)},
        ),
        _added(
            "a row whose amount is twice its base",
            "It counts above more than below.",
            lambda rows: rows[-1] | {"amount": 2 * _largest_base(rows), "out_of": _largest_base(rows)},
        ),
        _of_year_before(),
    )


def of_number() -> tuple[AddedRow, ...]:
    """To a number of rows."""
    return (_added("one more row", "Each row counts.", lambda rows: dict(rows[-1])), _of_year_before())


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


def _largest_base(rows: list[Row]) -> float:
    return max(row["out_of"] for row in rows)


def _value(row: Row) -> float:
    return row["value"]


def _duration(row: Row) -> float:
    return row["duration"]


def _added(name: str, because: str, row_of: Callable[[list[Row]], Row]) -> AddedRow:
    ask = f"A row of {YEAR} was missing and is added: {name}. Which way does the figure go?"
    return name, ask, because, lambda rows: row_of(rows) if rows else None


def _of_year_before() -> AddedRow:
    ask = f"A row of {YEAR - 1} is found that was missing. Which way does the figure of {YEAR} go?"
    because = "A row of another period is in no figure of this one."
    return "a row of the year before", ask, because, lambda rows: rows[-1] | {"year": YEAR - 1} if rows else None
