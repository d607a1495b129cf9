"""Who is missing: the share of each level among the answers, less its share of the customers."""

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure, level_name
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.text.row_state import available, bounded_below
from crmnb.report.text.values import absence_reason, value_words
from crmnb.stats.nonresponse import SHARE_GAP

_MOST_LEVELS = 8


@chart("representation")
def representation(result: Result) -> Figure | Figures:
    """Dots around zero, those levels that differ most."""
    levels = result.rows[(result.rows["segment"] != "") & (result.rows["breakdown"] == SHARE_GAP)]
    rows = sorted((row for row in tuples(levels) if available(row)), key=lambda row: -abs(row.value))[:_MOST_LEVELS]
    if not rows:
        why = absence_reason(result, "no segmentation can be compared with the customers")
        return Figures((), f"{result.metric.title}: {why}.")
    missing = min((row for row in rows if bounded_below(row) and row.high < 0), key=lambda row: row.value, default=None)
    title = "Share of the answers less share of the customers"
    if missing is None:
        seen = f"{title}: no segment is missing beyond chance"
    else:
        seen = f"{title}: most missing {level_name(missing)} ({value_words(result, missing)})"
    return dots_figure(result, "segment", [(level_name(row), row) for row in rows], title, seen, "as among customers")
