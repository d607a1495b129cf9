"""Voices: what the weakest segments write about, against what all others write about."""

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import by_breakdown, dots_figure, level_name
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.text.numbers import percent
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, value_words

_MOST_SEGMENTS = 2


@chart("voices")
def voices(result: Result) -> Figure | Figures:
    """A figure for each of the weakest segments: the share of its comments about each theme; of all customers where no segment is below the rest."""
    if result.metric.estimate.chart != "voices":
        return Figures((), f"{result.metric.title}: no chart of this kind.")
    levels = result.rows[(result.rows["segment"] != "") & (result.rows["part"] == "")]
    if levels.empty:
        return by_breakdown(result)
    groups = [group for _, group in levels.groupby(["segment", "level"], sort=False)]
    figures = [_figure(result, tuples(group)) for group in groups[:_MOST_SEGMENTS]]
    why = absence_reason(result, "too few comments of the weakest segment")
    return Figures(tuple(figure for figure in figures if figure), f"{result.metric.title}: {why}.")


def _figure(result: Result, rows: list[Row]) -> Figure | None:
    rows = [row for row in rows if available(row)]
    if not rows:
        return None
    whole = {row.breakdown: row for row in result.entries}
    of_others = {row.breakdown: _of_others(row, whole[row.breakdown]) for row in rows if row.breakdown in whole}
    named = [(_name(result, row, of_others.get(row.breakdown)), row) for row in rows]
    title = f"{level_name(rows[0])}: share of comments about each theme"
    raised = [row for row in rows if "above_rest" in row.flags.split()]
    if not raised:
        return dots_figure(
            result, "theme", named, title, f"{title}: none raised more often than by all others beyond chance"
        )
    first = max(raised, key=lambda row: row.value - of_others.get(row.breakdown, 0.0))
    words = f"{value_words(result, first)} raise \u201c{printable(first.breakdown, 40)}\u201d"
    others = of_others.get(first.breakdown)
    against = "" if others is None else f", {percent(others / 100, result.client)} of all others"
    return dots_figure(result, "theme", named, title, f"What they say: {level_name(first)}, {words}{against}")


def _of_others(row: Row, whole: Row) -> float | None:
    """The share among all other customers in per cent: what the whole and the segment leave."""
    if not available(whole) or whole.denominator <= row.denominator:
        return None
    return 100 * (whole.numerator - row.numerator) / (whole.denominator - row.denominator)


def _name(result: Result, row: Row, others: float | None) -> str:
    theme = printable(row.breakdown, 40)
    return theme if others is None else f"{theme} (all others {percent(others / 100, result.client)})"
