"""What satisfaction at touchpoints explains of the relationship, beside the means of both."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.text.numbers import number
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, value_words
from crmnb.stats.touchpoint_satisfaction import INDEX_OF_USERS, SATISFACTION


@chart("explained")
def explained(result: Result) -> Figure | Figures:
    """Dots of the share explained at each touchpoint and channel; satisfaction and index of those customers stand beside the name."""
    if result.metric.estimate.chart != "explained":
        return Figures((), f"{result.metric.title}: no chart of this kind.")
    has_means = set(result.points["breakdown"]) if len(result.points) else set()
    rows = [row for row in result.entries if available(row) and row.breakdown in has_means]
    if not rows:
        why = absence_reason(result, "too few customers answered both")
        return Figures((), f"{result.metric.title}: {why}.")
    named = [(_name(result, row), row) for row in rows]
    title = "Share of the differences of the relationship index that satisfaction at a touchpoint explains"
    most = max(rows, key=lambda row: row.value)
    if most.low > 0:
        name = printable(breakdown_name(most.breakdown, result.client), 40)
        seen = f"{title}: most at {name} ({value_words(result, most)})"
    else:
        seen = f"{title}: none beyond chance"
    return dots_figure(result, "touchpoint", named, title, seen)


def _name(result: Result, row) -> str:
    """`support: satisfaction 74, index 69`."""
    means = result.points[result.points["breakdown"] == row.breakdown].set_index("level")["value"]
    name = printable(breakdown_name(row.breakdown, result.client), 28)
    if not {SATISFACTION, INDEX_OF_USERS} <= {*means.index}:
        return name
    satisfaction, index = (number(float(means[of]), 0, result.client) for of in (SATISFACTION, INDEX_OF_USERS))
    return f"{name}: satisfaction {satisfaction}, index {index}"
