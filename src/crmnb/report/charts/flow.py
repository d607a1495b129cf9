"""Arrivals against resolutions: two lines over time from zero; where the first lies above the second, the backlog grows."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import SERIES, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import Label, label_ends, legend_height
from crmnb.report.drawing.over_parts import every_part, rows_by_part, time_axis
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import flow_alt
from crmnb.report.text.numbers import part_name, whole_number
from crmnb.report.text.row_state import unfinished
from crmnb.report.text.values import absence_reason

_HEIGHT, _LEFT, _TOP, _FOOT = 320, 56, 16, 44


@chart("flow")
def flow(result: Result) -> Figure | Figures:
    """Of a metric with two breakdowns, which come and go."""
    names = tuple(row.breakdown for row in result.entries)
    parts = rows_by_part(result, names) if result.metric.breakdown == "flow" else {}
    if len(names) != 2 or len(parts) < 2:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'too few parts of the period')}.")
    pictures = drawings(lambda figure: _draw(figure, result, names, parts), _HEIGHT, _HEIGHT)
    named = [
        (f"{part_name(label, result.period, result.client)}, {name}", row)
        for label, rows in parts.items()
        for name, row in zip(names, rows, strict=True)
    ]
    table = numbers_table(result, "Part", named, f"{result.metric.title} by part of the period")
    alt = flow_alt(result, names, list(parts.values()))
    return Figure(title=_title(result, names), alt=alt, table=table, notes=_notes(result, parts), **pictures)


def _draw(figure, result: Result, names: tuple[str, ...], parts: dict[str, list]) -> None:
    if is_narrow(figure):
        axes = box(figure, _LEFT, _TOP + legend_height(names), 20, _FOOT)
    else:
        axes = box(figure, _LEFT, _TOP, 44 + widest(names), _FOOT)
    labels = every_part(result)
    axes.set_xlim(-0.4, len(labels) - 0.6)
    axes.set_ylim(0, 1.12 * max(row.value for rows in parts.values() for row in rows) or 1.0)
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    ends = []
    for at, (name, colour) in enumerate(zip(names, (SERIES[0], SERIES[1]), strict=True)):
        values = [parts[label][at].value if label in parts else float("nan") for label in labels]
        last = max(place for place, label in enumerate(labels) if label in parts)
        axes.plot(
            range(len(values)),
            values,
            color=colour,
            marker="o",
            markersize=5,
            markeredgewidth=1.2,
            linestyle="-" if at == 0 else (0, (4, 2)),
        )
        ends.append(Label(printable(name, 20), last, values[last], colour))
    label_ends(axes, ends)
    time_axis(axes, result, labels)


def _title(result: Result, names: tuple[str, ...]) -> str:
    """How many came and went in the whole period: all are counted, so that is no matter of chance."""
    totals = [
        f"{whole_number(row.value, result.client)} {printable(name)}"
        for name, row in zip(names, result.entries, strict=True)
    ]
    return f"{result.metric.title}: {totals[0]}, {totals[1]}"


def _notes(result: Result, parts: dict[str, list]) -> tuple[str, ...]:
    notes = ["The data table has the intervals."]
    if len(parts) < len(every_part(result)):
        notes.append("A point is missing where there is no value.")
    if any(unfinished(row) for rows in parts.values() for row in rows):
        notes.append("The last part is not over.")
    return (" ".join(notes),)
