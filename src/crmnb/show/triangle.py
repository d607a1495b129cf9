"""The cohort triangle: a heat map with numbers; what has not been seen yet is blank."""

import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap

from crmnb.result import Result
from crmnb.show.alt import triangle_alt
from crmnb.show.drawing import INK, PAPER, QUIET, box, canvas, svg
from crmnb.show.figure import Figure, Figures
from crmnb.show.numbers import number, period_name, whole_number
from crmnb.show.tables import component_name, numbers_table
from crmnb.show.words import available, cohort_cell, is_cohort, value_words

_MOST_COHORTS, _MOST_COLUMNS = 24, 13
_LEFT, _TOP, _ROW = 170, 50, 30
_BLUES = LinearSegmentedColormap.from_list("accent", ["#eaf3f9", "#86bfe0", "#0072b2", "#004a75"])


def cohorts(result: Result) -> Figure | Figures:
    """One row per cohort, one column per month since the first; the newest cohorts where there are many."""
    cells = [(*cohort_cell(row.component), row) for row in result.whole.itertuples() if is_cohort(row.component)]
    if not cells:
        return Figures((), f"{result.metric.title} has no cohorts.")
    names = sorted({cohort for cohort, _, _ in cells})[-_MOST_COHORTS:]
    columns = min(max(after for _, after, _ in cells) + 1, _MOST_COLUMNS)
    kept = [cell for cell in cells if cell[0] in names and cell[1] < columns]
    height = _TOP + _ROW * len(names) + 12
    with canvas(height) as figure:
        _draw(figure, result, kept, names, columns, height)
        drawing = svg(figure)
    named = [(component_name(row.component, result.client), row) for _, _, row in cells]
    table = numbers_table(result, "Cohort and months after", named, result.metric.title)
    alt = triangle_alt(result, kept, len(names), columns)
    title = f"{result.metric.title}, {result.metric.unit} of each cohort"
    return Figure(drawing, title, alt, table, _notes(result, kept, cells), height=height)


def _draw(figure, result: Result, cells: list, names: list[str], columns: int, height: int) -> None:
    values = np.full((len(names), columns), np.nan)
    words = np.full((len(names), columns), "", dtype=object)
    for cohort, after, row in cells:
        at = names.index(cohort), after
        if available(row):
            values[at] = row.value
            words[at] = number(row.value, 0 if result.metric.unit == "%" else 1, result.client)
    later = values[:, 1:][np.isfinite(values[:, 1:])]
    top = float(later.max()) if later.size and later.max() > 0 else 1.0
    axes = box(figure, _LEFT, _TOP, 10, 12)
    sns.heatmap(
        values,
        ax=axes,
        annot=words,
        fmt="",
        mask=np.isnan(values),
        cmap=_BLUES,
        vmin=0,
        vmax=top,
        cbar=False,
        linewidths=2,
        linecolor=PAPER,
        annot_kws={"fontsize": 13},
    )
    _gaps(axes, cells, names)
    axes.grid(visible=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("months since the first", color=QUIET, labelpad=4)
    axes.set_xticks(np.arange(columns) + 0.5, [str(k) for k in range(columns)])
    axes.set_yticks(np.arange(len(names)) + 0.5, [_cohort_name(result, cells, name) for name in names], rotation=0)
    axes.tick_params(axis="y", labelcolor=INK)


def _gaps(axes, cells: list, names: list[str]) -> None:
    """A dot where a cell has been seen and may not be shown."""
    for cohort, after, row in cells:
        if not available(row):
            axes.text(after + 0.5, names.index(cohort) + 0.5, "·", ha="center", va="center", color=QUIET)


def _cohort_name(result: Result, cells: list, cohort: str) -> str:
    size = next((row.n for name, after, row in cells if name == cohort and after == 0 and available(row)), None)
    name = period_name(cohort, result.client)
    return f"{name}  n {whole_number(size, result.client)}" if size is not None else name


def _notes(result: Result, kept: list, cells: list) -> tuple[str, ...]:
    notes = ["Darker is higher; blank has not been seen yet. Intervals are in the table."]
    hidden = [row for _, _, row in kept if not available(row)]
    notes += [f"A dot is {words}." for words in dict.fromkeys(value_words(result, row) for row in hidden)]
    if len(kept) < len(cells):
        notes.append("Older cohorts and later months are in the table only.")
    return (" ".join(notes),)
