"""Brand gaps: the own brand less each rival at each stage of the funnel, around zero."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, value_words


@chart("brand_gaps")
def brand_gaps(result: Result) -> Figure | Figures:
    """Dots of the gap at each stage against each rival; coloured where the own brand is behind beyond chance (Holm)."""
    of_this_kind = result.metric.estimate.chart == "brand_gaps"
    rows = [row for row in result.entries if available(row)] if of_this_kind else []
    if not rows:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no rivals')}.")
    named = [(breakdown_name(row.breakdown, result.client), row) for row in rows]
    title = "Own brand less rival, points of respondents"
    seen = f"{title}: not behind any rival beyond chance"
    behind = [(name, row) for name, row in named if "below_rival" in row.flags.split()]
    if behind:
        name, row = min(named, key=lambda pair: pair[1].value)
        seen = f"{title}: lowest {name} ({value_words(result, row)})"
    return dots_figure(result, "stage and rival", named, title, seen, "as the rival")
