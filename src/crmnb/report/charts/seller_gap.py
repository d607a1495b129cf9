"""Practices of top sellers: how far they are from average sellers, on one scale for all practices."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.text.row_state import available, bounded_below
from crmnb.report.text.values import absence_reason, breakdown_name, value_words

_TITLE = "Top sellers less average sellers, in standard deviations of sellers"


@chart("sellers")
def sellers(result: Result) -> Figure | Figures:
    """Dots of the difference of each practice over the standard deviation of sellers; the difference itself stands beside its name."""
    spread = result.points.set_index("breakdown")["x"] if len(result.points) else {}
    rows = [row for row in result.entries if available(row) and row.breakdown in spread]
    if not rows:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no practices')}.")
    named = [(f"{_name(result, row)}: {value_words(result, row)}", _scaled(row, spread[row.breakdown])) for row in rows]
    beyond_chance = [row for row in rows if bounded_below(row) and (row.low > 0 or row.high < 0)]
    seen = f"{_TITLE}: no difference beyond chance"
    if beyond_chance:
        first = beyond_chance[0]
        seen = f"{_TITLE}: largest for {_name(result, first)} ({value_words(result, first)})"
    return dots_figure(result, "practice", named, _TITLE, seen, "as average sellers")


def _name(result: Result, row) -> str:
    return breakdown_name(row.breakdown, result.client)


def _scaled(row, spread: float):
    return row._replace(value=row.value / spread, low=row.low / spread, high=row.high / spread, unit="ratio")
