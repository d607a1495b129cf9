"""Channels: what customers prefer against what they use, around zero, with the cross-table behind it."""

from dataclasses import replace

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import join, printable, table
from crmnb.report.text.numbers import percent
from crmnb.report.text.row_state import available, bounded_below
from crmnb.report.text.values import absence_reason, breakdown_name, value_words
from crmnb.stats.channel_preference import BOTH, PREFERRED, USED

_MOST_CHANNELS = 12


@chart("channels")
def channels(result: Result) -> Figure | Figures:
    """Dots of the gap (preferred less used) of each channel; the shares stand beside its name."""
    channels_of = (
        set(result.points.loc[result.points["level"] == PREFERRED, "breakdown"]) if len(result.points) else set()
    )
    rows = [row for row in result.entries if available(row) and row.breakdown in channels_of]
    if not rows:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no channels')}.")
    named = [(_name(result, row), row) for row in rows[:_MOST_CHANNELS]]
    title = "Share that prefers a channel less share that uses it"
    wanted = max(rows, key=lambda row: row.value)
    seen = f"{title}: no channel is preferred and used unequally beyond chance"
    if bounded_below(wanted) and wanted.low > 0:
        name = breakdown_name(wanted.breakdown, result.client)
        seen = f"{title}: most wanted {name} ({value_words(result, wanted)})"
    figure = dots_figure(result, "channel", named, title, seen, "as much preferred as used")
    return replace(figure, table=join(figure.table, _cross_table(result, rows)))


def _name(result: Result, row) -> str:
    """`app: preferred 38%, used 24%`."""
    points = result.points[result.points["breakdown"] == row.breakdown]
    shares = points.set_index("level")["value"]
    name = printable(breakdown_name(row.breakdown, result.client), 24)
    if not {PREFERRED, USED} <= {*shares.index}:
        return name
    words = (percent(float(shares[kind]) / 100, result.client) for kind in (PREFERRED, USED))
    return "{}: preferred {}, used {}".format(name, *words)


def _cross_table(result: Result, rows: list):
    """Of the customers who prefer each channel (rows) and use each (columns), the share of all; None where cells are too small to be shown."""
    cells = result.points[result.points["level"] == BOTH]
    if cells.empty:
        return None
    share = {(point.breakdown, int(point.x)): point.value for point in cells.itertuples()}
    names = [breakdown_name(row.breakdown, result.client) for row in rows]
    body = [
        [f"prefer {name}", *(percent(share[row.breakdown, at] / 100, result.client) for at in range(len(rows)))]
        for name, row in zip(names, rows, strict=True)
    ]
    columns = ["Share of all customers", *(f"use {name}" for name in names)]
    return table(columns, body, caption="Preferred and used channel", numeric=tuple(range(1, len(columns))))
