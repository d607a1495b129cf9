"""Levels: all levels of all segmentations in one picture, and which of them differ from the largest one of theirs."""

from crmnb.evaluate.contrasts import Contrast, contrasts, is_contrasted, to_largest
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure, level_name
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.text.changes import change_interval, short_change
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, value_words
from crmnb.schema.tables import OTHER, UNKNOWN

_MOST_LEVELS = 12
_MANY = 3  # figures, from which on each has half as many levels


@chart("levels")
def by_level(result: Result) -> Figures:
    """A figure of each breakdown; coloured are levels that are worse than the largest level of their segmentation, beyond chance (Holm)."""
    levels = result.rows[
        (result.rows["segment"] != "") & (result.rows["part"] == "") & ~result.rows["level"].isin((UNKNOWN, OTHER))
    ]
    levels = levels[levels["unit"] == result.metric.unit]
    groups = levels.groupby("breakdown", sort=False)
    most = _MOST_LEVELS if groups.ngroups < _MANY else _MOST_LEVELS // 2
    figures = [_figure(result, breakdown, [*tuples(own)], most) for breakdown, own in groups]
    why = absence_reason(result, "no declared segment applies to it")
    return Figures(tuple(figure for figure in figures if figure), f"{result.metric.title} by segment: {why}.")


def _figure(result: Result, breakdown: str, rows: list[Row], most: int) -> Figure | None:
    if not any(map(available, rows)):
        return None
    differences = contrasts(result, to_largest(rows))
    beyond = [contrast for contrast in differences if contrast.is_beyond_chance(result.client.level)]
    worse = {(c.row.segment, c.row.level) for c in beyond if _is_worse(result, c)}
    apart = {(c.row.segment, c.row.level) for c in beyond}
    by_size = sorted(rows, key=lambda row: -(row.n if available(row) else 0))
    shown = sorted(by_size, key=lambda row: (row.segment, row.level) not in apart)[:most]
    marked = [
        row._replace(flags=f"{row.flags} below_largest".strip()) if (row.segment, row.level) in worse else row
        for row in shown
    ]
    whole = next((row for row in result.entries if row.breakdown == breakdown), None)
    of = f", {printable(breakdown_name(breakdown, result.client))}" if breakdown else ""
    title = f"{result.metric.title}{of} by segment"
    notes = _notes(result, differences, beyond)
    named = [(level_name(row), row) for row in marked]
    seen = f"{title}: {_seen(result, beyond)}" if is_contrasted(result) and differences else title
    others = tuple((level_name(row), row) for row in rows if row not in shown)
    if others:
        notes = (*notes, f"{len(others)} more levels are in the data table only.")
    return dots_figure(result, "segment", named, title, seen, whole=whole, others=others, notes=notes)


def _is_worse(result: Result, contrast: Contrast) -> bool:
    return contrast.row.change > 0 if result.direction == "down" else contrast.row.change < 0


def _seen(result: Result, beyond: list[Contrast]) -> str:
    """The largest of the differences that are beyond chance."""
    if not beyond:
        return "no segment differs beyond chance"
    most = max(beyond, key=lambda contrast: abs(contrast.row.change))
    return f"{level_name(most.row)} {value_words(result, most.row)}, {printable(most.other.level, 40)} {value_words(result, most.other)}"


def _notes(result: Result, differences: list[Contrast], beyond: list[Contrast]) -> tuple[str, ...]:
    """Every difference beyond chance with its interval."""
    if not differences:
        return ()
    tests = f"comparisons with the largest level of each segmentation: {len(differences)}, Holm"
    if not beyond:
        return (f"No level differs beyond chance ({tests}).",)
    words = "; ".join(
        f"{level_name(c.row)} {short_change(result, c.row)} ({change_interval(result, c.row)}) against {printable(c.other.level, 40)}"
        for c in sorted(beyond, key=lambda c: c.row.change)
    )
    return (f"Beyond chance: {words} ({tests}).",)
