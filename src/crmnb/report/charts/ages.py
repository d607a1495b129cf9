"""A backlog by age over time: a bar for the end of each part, stacked from the newest cases to the oldest."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, PAPER, VERMILION, box, drawings
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import legend, legend_height
from crmnb.report.drawing.over_parts import every_part, rows_by_part, time_axis
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import ages_alt
from crmnb.report.text.numbers import part_name, whole_number
from crmnb.report.text.values import absence_reason, breakdown_name

_HEIGHT, _LEFT, _TOP, _FOOT = 340, 56, 24, 44
_SWATCH = 10
_COLOURS = (PALE, ACCENT, VERMILION)  # the oldest stand out


@chart("ages")
def ages(result: Result) -> Figure | Figures:
    """Of a metric with three breakdowns by age, the newest first."""
    names = tuple(row.breakdown for row in result.entries)
    parts = rows_by_part(result, names) if result.metric.breakdown == "age" and len(names) == len(_COLOURS) else {}
    if len(parts) < 2:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'too few parts of the period')}.")
    words = [breakdown_name(name, result.client) for name in names]
    pictures = drawings(lambda figure: _draw(figure, result, words, parts), _HEIGHT, _HEIGHT)
    named = [
        (f"{part_name(label, result.period, result.client)}, {name}", row)
        for label, rows in parts.items()
        for name, row in zip(words, rows, strict=True)
    ]
    table = numbers_table(result, "At the end of", named, result.metric.title)
    alt = ages_alt(result, words, parts)
    texts = {"title": _title(result, words, parts), "alt": alt, "notes": _notes(result, parts)}
    return Figure(table=table, **texts, **pictures)


def _draw(figure, result: Result, names: list[str], parts: dict[str, list]) -> None:
    width = figure.get_size_inches()[0] * 72
    axes = box(figure, _LEFT, _TOP + legend_height(names, width), 16, _FOOT)
    labels = every_part(result)
    tops = {labels.index(label): sum(row.value for row in rows) for label, rows in parts.items()}
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_ylim(0, 1.12 * max(tops.values()) or 1.0)
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    for rows, (at, top) in zip(parts.values(), tops.items(), strict=True):
        start = 0.0
        for row, colour in zip(rows, _COLOURS, strict=True):
            axes.bar(at, row.value, 0.62, start, facecolor=colour, edgecolor=PAPER, linewidth=1)
            start += row.value
        if at in (min(tops), max(tops)) or top == max(tops.values()):
            words = whole_number(top, result.client)
            axes.annotate(
                words, (at, top), (0, 5), textcoords="offset points", ha="center", color=INK, fontweight="bold"
            )
    time_axis(axes, result, labels)
    legend(figure, [*zip(names, _COLOURS, strict=True)], _SWATCH)


def _title(result: Result, names: list[str], parts: dict[str, list]) -> str:
    """The last total, and how many of these are the oldest: a count of all, no matter of chance."""
    label, rows = list(parts.items())[-1]
    total, oldest = sum(row.value for row in rows), rows[-1].value
    when = part_name(label, result.period, result.client)
    words = [whole_number(number, result.client) for number in (total, oldest)]
    of_oldest = f", {words[1]} of them {names[-1]}" if total else ""
    return f"{result.metric.title}: {words[0]} at the end of {when}{of_oldest}"


def _notes(result: Result, parts: dict[str, list]) -> tuple[str, ...]:
    return ("A bar is missing where there is no value.",) if len(parts) < len(every_part(result)) else ()
