"""The weakest segments: how far each lies from the rest, and what lies behind those that are below it beyond chance."""

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure, level_name
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, value_words
from crmnb.stats.estimation import RELATIONSHIP_INDEX

_MOST_LEVELS, _MOST_PROFILES = 12, 2
_REST = "all others"


@chart("weakest")
def weakest_segments(result: Result) -> Figures:
    """A figure of the gaps of all levels, those first that pull the index down most; and of each below the rest its drivers and outcomes."""
    levels = result.rows[(result.rows["segment"] != "") & (result.rows["part"] == "")]
    gaps = [row for row in tuples(levels[levels["breakdown"] == RELATIONSHIP_INDEX]) if available(row)]
    if not gaps:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no segment can be compared')}.")
    gaps.sort(key=lambda row: row.n * row.value)
    below = [row for row in gaps if "below_rest" in row.flags.split()]
    profiles = (_profile(result, levels, row) for row in below[:_MOST_PROFILES])
    return Figures((_gaps(result, gaps, below), *profiles), "")


def _gaps(result: Result, gaps: list[Row], below: list[Row]) -> Figure:
    named = [(level_name(row), row) for row in gaps[:_MOST_LEVELS]]
    title = "Relationship index of each segment less that of all others"
    if below:
        seen = f"Weakest segment: {level_name(below[0])} ({value_words(result, below[0])} against {_REST})"
    else:
        seen = f"{title}: no segment is below the rest beyond chance"
    return dots_figure(result, "segment", named, title, seen, _REST)


def _profile(result: Result, levels, weakest: Row) -> Figure:
    """The gaps of the drivers and of future behaviour in one level."""
    own = levels[(levels["segment"] == weakest.segment) & (levels["level"] == weakest.level)]
    rows = [row for row in tuples(own) if row.breakdown != RELATIONSHIP_INDEX and available(row)]
    named = [(printable(row.breakdown, 40), row) for row in rows]
    title = f"{level_name(weakest)}: drivers and future behaviour less those of all others"
    lowest = min(rows, key=lambda row: row.value, default=None)
    seen = (
        title
        if lowest is None
        else f"{title}: lowest {printable(lowest.breakdown, 40)} ({value_words(result, lowest)})"
    )
    return dots_figure(result, "driver or answer", named, title, seen, _REST)
