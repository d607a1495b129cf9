"""The parts of the comparison period, each beside the part of the period that it is compared with."""

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.text.numbers import period_name
from crmnb.report.text.row_state import available
from crmnb.report.text.values import value_words


def rows_before(result: Result, breakdown: str, rows: list[Row]) -> list[Row | None]:
    """For each part of the period the row of the comparison's part in the same place, where it has a value; all None where fewer than two have."""
    places = {part.label: place for place, part in enumerate(result.period.parts)}
    labels = [part.label for part in result.comparison.parts]
    known = {
        row.part: row
        for row in tuples(result.parts_before)
        if row.breakdown == breakdown and row.unit == result.metric.unit and available(row)
    }
    indices = [places.get(row.part, len(labels)) for row in rows]
    before = [known.get(labels[place]) if place < len(labels) else None for place in indices]
    return before if sum(row is not None for row in before) > 1 else [None] * len(rows)


def name_before(result: Result) -> str:
    """What the comparison period is called beside a line."""
    return period_name(result.comparison.label, result.client)


def words_before(result: Result, before: Row | None, places: int) -> str:
    """The value of a part of the comparison with its unit, or "" without one."""
    return value_words(result, before, places) if before else ""
