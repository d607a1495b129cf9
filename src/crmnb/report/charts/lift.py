"""Lift: what the messages of one arm bring beyond those of the other, around the line of no lift."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.text.row_state import available, bounded_below
from crmnb.report.text.values import absence_reason, breakdown_name


@chart("lift")
def lift(result: Result) -> Figure | Figures:
    """Dots of the difference in each response, in points."""
    rows = [row for row in result.entries if available(row)] if result.metric.breakdown == "response" else []
    if not rows:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no responses')}.")
    named = [(breakdown_name(row.breakdown, result.client), row) for row in rows]
    apart = [name for name, row in named if bounded_below(row) and row.low > 0]
    below = [name for name, row in named if bounded_below(row) and row.high < 0]
    words = [f"more {' and '.join(apart)}"] * bool(apart) + [f"fewer {' and '.join(below)}"] * bool(below)
    title = f"{result.metric.title} in points"
    seen = f"{title}: {', '.join(words) or 'no difference'} beyond chance"
    return dots_figure(result, "response", named, title, seen, "no lift")
