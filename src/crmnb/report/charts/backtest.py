"""Backtest: forecast and actual purchases by week, through the calibration period and the holdout."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, VERMILION, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import Label, label_ends, legend_height
from crmnb.report.drawing.series import Series, at, point_words, points_of, round_step, series, thinned
from crmnb.report.html import table
from crmnb.report.text.alt import tracking_alt
from crmnb.report.text.numbers import known, short_quantity, whole_number
from crmnb.report.text.precision import row_decimals
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason

ACTUAL, EXPECTED, NAIVE, HOLDOUT = "actual", "expected", "naive baseline", "holdout begins"
ERROR = "total error, model"  # the row that says how far off it was
_LINES = {ACTUAL: INK, EXPECTED: ACCENT, NAIVE: VERMILION}
_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 340, 72, 150, 34, 52
_NARROW_LEFT = 50
_STEPS = (1, 2, 4, 5, 10, 13, 26, 52)
_MOST_TICKS, _MOST_NARROW_TICKS, _MOST_TIMES = 8, 5, 12


@chart("backtest")
def tracking(result: Result) -> Figure | Figures:
    """Points by week since the start: breakdowns "actual", "expected", "naive baseline"; "holdout begins" has one x."""
    points = points_of(result)
    lines = [series(name, part) for name in _LINES if not (part := points[points["breakdown"] == name]).empty]
    if ACTUAL not in {line.name for line in lines} or len(lines) < 2:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'too few data to draw')}.")
    holdout = result.points.loc[result.points["breakdown"] == HOLDOUT, "x"]
    begins = float(holdout.iloc[0]) if len(holdout) else float("nan")
    pictures = drawings(lambda figure: _draw(figure, result, lines, begins), _HEIGHT, _HEIGHT)
    texts = {"title": _title(result), "alt": tracking_alt(result, lines, begins), "notes": _notes(begins)}
    return Figure(table=_table(result, lines), **texts, **pictures)


def _draw(figure, result: Result, lines: list[Series], begins: float) -> None:
    narrow = is_narrow(figure)
    if narrow:
        axes = box(figure, _NARROW_LEFT, _TOP + legend_height(line.name for line in lines), 20, _FOOT)
    else:
        axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    reach = max(float(line.x[-1]) for line in lines) or 1.0
    first = _first(lines, reach)
    axes.set_xlim(first, reach)
    axes.set_ylim(0, 1.06 * max(float(line.value.max()) for line in lines) or 1.0)
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5, "count")
    axes.tick_params(axis="x", pad=7)
    axes.set_xticks(
        [week for week in _weeks(reach, _MOST_NARROW_TICKS if narrow else _MOST_TICKS, first) if week >= first]
    )
    axes.set_xlabel("weeks since the start", color=QUIET, labelpad=4)
    if known(begins):
        _mark_holdout(axes, begins, first)
    for line in lines:
        seen = thinned(line, 0, reach, 130 if narrow else 260)
        axes.plot(seen.x, seen.value, color=_LINES[line.name])
        axes.fill_between(seen.x, seen.low, seen.high, color=_LINES[line.name], alpha=0.2, linewidth=0)
    label_ends(axes, [Label(line.name, line.x[-1], line.value[-1], _LINES[line.name]) for line in lines])


def _first(lines: list[Series], reach: float) -> float:
    """Where the picture begins: with the data, unless nothing is drawn for a good while."""
    first = min(float(line.x[0]) for line in lines)
    return first if first > reach / 4 else 0.0


def _mark_holdout(axes, begins: float, first: float) -> None:
    """A line at the end of the calibration period."""
    axes.axvline(begins, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    place = ("data", "axes fraction"), "offset points"
    if begins > first:
        axes.annotate("calibration", (begins, 1), (-8, 6), *place, ha="right", va="bottom", color=QUIET)
    axes.annotate("holdout", (begins, 1), (8, 6), *place, ha="left", va="bottom", color=QUIET)


def _weeks(reach: float, at_most: int, first: float = 0.0) -> list[float]:
    step = round_step(reach - first, _STEPS, at_most)
    return [step * k for k in range(int(reach / step + 1e-9) + 1)]


def _title(result: Result) -> str:
    """The total error of the forecast in the holdout, from the metric's own row."""
    title = result.metric.title
    error = next((row for row in result.entries if row.breakdown == ERROR and available(row)), None)
    if error is None:
        return title
    size = short_quantity(abs(error.value), "%", row_decimals(result, error), result.client)
    return f"{title}: total forecast {size} {'above' if error.value > 0 else 'below'} actual in the holdout"


def _table(result: Result, lines: list[Series]):
    reach = max(float(line.x[-1]) for line in lines)
    weeks = [week for week in _weeks(reach, _MOST_TIMES) if any(at(line, week) is not None for line in lines)]
    body = [
        [f"week {whole_number(week, result.client)}", *(_cell(result, line, week) for line in lines)] for week in weeks
    ]
    columns = ["When", *(line.name for line in lines)]
    return table(columns, body, caption=result.metric.title, numeric=tuple(range(1, len(columns))))


def _cell(result: Result, line: Series, week: float) -> str:
    """The line's value in that week; "" before it starts and after it ends."""
    place = at(line, week)
    return "" if place is None or week > line.x[-1] else point_words(result, line, place, "count")


def _notes(begins: float) -> tuple[str, ...]:
    notes = "Actual: observed. Expected: the model's forecast. Naive baseline: the rate before the holdout, continued."
    return (notes + (" The model was fitted without the holdout." if known(begins) else ""),)
