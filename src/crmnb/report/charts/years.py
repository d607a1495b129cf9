"""Months beside the same months of the comparison period: a line with its band, and the line of the time before."""

import math

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import limits, unit_ticks
from crmnb.report.drawing.canvas import ACCENT, QUIET, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import Label, label_ends, legend_height
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import years_alt
from crmnb.report.text.numbers import known, part_start, period_name
from crmnb.report.text.precision import part_decimals
from crmnb.report.text.row_state import available, has_interval
from crmnb.report.text.values import absence_reason, breakdown_name, interval_name
from crmnb.stats.multiple_tests import holm

_HEIGHT, _LEFT, _TOP, _FOOT = 320, 62, 16, 40
_MOST_NARROW_TICKS = 6


@chart("years")
def years(result: Result) -> Figure | Figures:
    """Of a metric whose breakdowns are months of the year ("01 January"), in the order of the period."""
    rows = _in_order(result)
    if sum(map(available, rows)) < 2:
        reason = absence_reason(result, "only one month has a value")
        return Figures((), f"{result.metric.title}: no chart: {reason}.")
    before = [_before(row) for row in rows]
    names = period_name(result.period.label, result.client), _name_before(result, before)
    pictures = drawings(lambda figure: _draw(figure, result, rows, before, names), _HEIGHT, _HEIGHT)
    named = [
        (f"{breakdown_name(row.breakdown, result.client)}, {name}", row)
        for pair in zip(rows, before, strict=True)
        for name, row in zip(names, pair, strict=True)
        if name
    ]
    places = part_decimals(result, rows)
    table = numbers_table(result, "Month", named, f"{result.metric.title}, {' and '.join(filter(None, names))}", places)
    title, alt = _title(result, rows, names[1]), years_alt(result, rows, before, names, places)
    return Figure(title=title, alt=alt, table=table, notes=_notes(result, rows, names[1]), **pictures)


def _in_order(result: Result) -> list:
    """The rows of the months, in the order in which the period has them."""
    months = {
        part_start(part.label, result.client).month: at for at, part in reversed([*enumerate(result.period.parts)])
    }
    rows = [row for row in result.entries if row.breakdown] if result.metric.breakdown == "month" else []
    return sorted(rows, key=lambda row: (months.get(int(row.breakdown[:2]), math.inf), row.breakdown))


def _before(row):
    """The same month of the comparison period."""
    nothing = dict.fromkeys(("low", "high", "n", "change", "change_low", "change_high"), math.nan)
    return row._replace(value=row.previous if available(row) else math.nan, flags="", **nothing)


def _name_before(result: Result, before: list) -> str:
    """The comparison period; "" where no month has a counterpart."""
    seen = any(known(row.value) for row in before)
    return period_name(result.comparison.label, result.client) if seen else ""


def _draw(figure, result: Result, rows: list, before: list, names: tuple[str, str]) -> None:
    shown = [name for name in names if name]
    if is_narrow(figure):
        axes = box(figure, 50, _TOP + legend_height(shown), 14, _FOOT)
    else:
        axes = box(figure, _LEFT, _TOP, 48 + widest(shown), _FOOT)
    axes.set_xlim(-0.4, len(rows) - 0.6)
    axes.set_ylim(*limits([*rows, *before], result.metric.unit, from_zero=True))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5)
    x = range(len(rows))
    bounds = [(row.low, row.high) if has_interval(row) else (math.nan, math.nan) for row in rows]
    axes.fill_between(x, *zip(*bounds, strict=True), color=ACCENT, alpha=0.16, linewidth=0)
    ends = []
    for name, own, colour, style in zip(names, (rows, before), (ACCENT, QUIET), ("-", (0, (4, 2))), strict=True):
        values = [row.value if available(row) else math.nan for row in own]
        if name:
            axes.plot(x, values, color=colour, marker="o", markersize=5, markeredgewidth=1.2, linestyle=style)
            last = max(at for at, value in enumerate(values) if known(value))
            ends.append(Label(name, last, values[last], colour))
    label_ends(axes, ends)
    step = math.ceil(len(rows) / _MOST_NARROW_TICKS) if is_narrow(figure) else 1
    axes.set_xticks([*x][::step], [breakdown_name(row.breakdown, result.client)[:3] for row in rows][::step])


def _title(result: Result, rows: list, name: str) -> str:
    """In how many months the figure differs from that of the time before: beyond chance, all months tested together, or, of all counted, at all."""
    compared = [row for row in rows if available(row) and known(row.previous)]
    if not name or not compared:
        return result.metric.title
    tested = [row for row in compared if known(row.p_value)]
    if tested:
        differ = [
            row
            for row, p in zip(tested, holm([row.p_value for row in tested]), strict=True)
            if p < 1 - result.client.level
        ]
        if not differ:
            return f"{result.metric.title}: no detectable difference from {name} in any month"
        higher = sum(row.change > 0 for row in differ)
        words = f"higher in {higher}, lower in {len(differ) - higher}"
        return f"{result.metric.title}: beyond chance, {words} of {len(tested)} months than in {name}"
    if any(map(has_interval, rows)):
        return result.metric.title
    higher = sum(row.value > row.previous for row in compared)
    return f"{result.metric.title}: higher than in {name} in {higher} of {len(compared)} months"


def _notes(result: Result, rows: list, name: str) -> tuple[str, ...]:
    notes = [
        f"Band: {interval_name(result)}." if any(map(has_interval, rows)) else "All are counted: there is no interval."
    ]
    if not name:
        notes.append("The data hold no comparison period.")
    if len([row for row in rows if available(row)]) < len(rows):
        notes.append("A point is missing where there is no value; the data table has the reason.")
    return (" ".join(notes),)
