"""The cohort heat map with numbers; months not yet observed are blank."""

from math import ceil

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from crmnb.core.cohort_cell import CohortCell
from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import cells as draw_cells
from crmnb.report.drawing.canvas import INK, QUIET, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.tables.data_table import n_words, numbers_table
from crmnb.report.text.alt import cohort_alt
from crmnb.report.text.numbers import number, period_name
from crmnb.report.text.precision import page_decimals
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, value_words

_MOST_COHORTS, _MOST_COLUMNS, _NARROW_COLUMNS = 24, 13, 5
_LEFT, _TOP, _ROW = 178, 50, 30
_N_COLUMN = 58
_BLUES = LinearSegmentedColormap.from_list("accent", ["#f4f9fc", "#b9d9ec", "#6fb2da", "#0068a3"])
_FIRST = "#e4e6e8"  # the first month holds all of a cohort, by definition: no colour
_ON_LIGHT, _ON_DARK = "#111214", "#fcfcfc"
_MISSING = "–"  # noqa: RUF001 -- a dash in a cell


@chart("cohorts")
def cohorts(result: Result) -> Figure | Figures:
    """One row per cohort, one column per month since the first; the newest cohorts where there are many."""
    cells = [(*cell, row) for row in result.entries if (cell := CohortCell.of(row.breakdown))]
    if not cells:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no cohorts')}.")
    names = sorted({cohort for cohort, _, _ in cells})[-_MOST_COHORTS:]
    columns = min(max(after for _, after, _ in cells) + 1, _MOST_COLUMNS)
    drawn = [cell for cell in cells if cell[0] in names and cell[1] < columns]
    height = _TOP + _ROW * len(names) + 12
    pictures = drawings(lambda figure: _draw(figure, result, drawn, names, columns), height, height)
    named = [(breakdown_name(row.breakdown, result.client), row) for _, _, row in cells]
    table = numbers_table(result, "Cohort and age in months", named, result.metric.title)
    alt = cohort_alt(result, drawn, len(names), columns)
    title = f"{result.metric.title}, {result.metric.unit} of each cohort"
    return Figure(title=title, alt=alt, table=table, notes=_notes(result, drawn, cells, columns), **pictures)


def _step(columns: int, narrow: bool) -> int:
    """How many months there are from one drawn column to the next."""
    return ceil((columns - 1) / (_NARROW_COLUMNS - 1)) if narrow and columns > _NARROW_COLUMNS else 1


def _draw(figure, result: Result, cells: list, names: list[str], columns: int) -> None:
    narrow = is_narrow(figure)
    months = range(0, columns, _step(columns, narrow))
    columns = len(months)
    cells = [(cohort, months.index(after), row) for cohort, after, row in cells if after in months]
    values = np.full((len(names), columns), np.nan)
    for cohort, after, row in cells:
        if available(row):
            values[names.index(cohort), after] = row.value
    later = values[:, 1:][np.isfinite(values[:, 1:])]
    top = float(later.max()) if later.size and later.max() > 0 else 1.0
    written = [period_name(name, result.client) for name in names]
    sizes = {cohort: n_words(result, row) for cohort, after, row in cells if after == 0}
    n_column = widest(sizes.values()) + 14 if narrow else _N_COLUMN
    axes = box(figure, n_column + widest(written) + 14 if narrow else _LEFT, _TOP, 10, 12)
    axes.spines[:].set_visible(False)
    coloured = np.ma.masked_invalid(np.where(np.arange(columns) > 0, values, np.nan))
    draw_cells(axes, coloured, _BLUES, top)
    for cohort, after, row in cells:
        _write(axes, result, row, after, names.index(cohort), top)
    axes.grid(visible=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("months since the start", color=QUIET, labelpad=6)
    axes.set_xticks(np.arange(columns) + 0.5, [str(month) for month in months])
    axes.set_yticks(np.arange(len(names)) + 0.5, written, va="center")
    axes.tick_params(axis="y", labelcolor=INK, pad=n_column)
    for down, size in [(-0.32, "n"), *((at + 0.5, sizes.get(name, "")) for at, name in enumerate(names))]:
        place = ("axes fraction", "data"), "offset points"
        axes.annotate(size, (0, down), (-10, 0), *place, ha="right", va="center_baseline", color=QUIET)


def _write(axes, result: Result, row, after: int, down: int, top: float) -> None:
    """A cell's number, dark or light, whichever stands out from its colour; a dash where it may not be shown."""
    place = {"x": after + 0.5, "y": down + 0.5, "ha": "center", "va": "center_baseline"}
    if not available(row):
        axes.text(s=_MISSING, color=QUIET, **place)
        return
    words = number(row.value, page_decimals(result, row), result.client)
    if after == 0:
        axes.add_patch(Rectangle((0, down), 1, 1, facecolor=_FIRST, linewidth=0, clip_on=False))
        axes.text(s=words, color=_ON_LIGHT, **place)
        return
    axes.text(s=words, color=_ON_LIGHT if _luminance(_BLUES(row.value / top)) > 0.18 else _ON_DARK, **place)


def _luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance as WCAG 2 defines it; black and white stand out alike from a colour of 0.18."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _notes(result: Result, drawn: list, cells: list, columns: int) -> tuple[str, ...]:
    notes = ["Darker is higher; blank cells are not observed yet. The data table has the intervals."]
    hidden = [row for _, _, row in drawn if not available(row)]
    notes += [f"A dash is {words}." for words in dict.fromkeys(value_words(result, row) for row in hidden)]
    if len(drawn) < len(cells):
        notes.append("Older cohorts and later months are in the data table only.")
    if (step := _step(columns, narrow=True)) > 1:
        notes.append(f"A narrow screen shows every {step} months.")
    return (" ".join(notes),)
