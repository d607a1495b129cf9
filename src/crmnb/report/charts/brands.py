"""The brand funnel: how many come to each stage, a bar for each brand, the own one first."""

from typing import NamedTuple

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, QUIET, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import brand_funnel_alt
from crmnb.report.text.row_state import available, bounded_below
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, breakdown_name, interval_name, value_words

_ROW, _BAR, _HEAD, _TOP, _FOOT = 23, 13, 27, 4, 6  # pixels: of a bar's row, a bar, a stage's name, and the margins
_MOST_RIVALS = 4
_NARROW_NAME = 14  # characters of a brand on a telephone


class Stage(NamedTuple):
    """A stage with the rows of the brands by name, the own brand first."""

    name: str
    brands: list[tuple[str, Row]]


@chart("brands")
def brands(result: Result) -> Figure | Figures:
    """Breakdowns are "brand, stage"; drawn are the own brand and the rivals that most respondents know."""
    own = result.client.market.own_brand if result.client.market else ""
    stages = _stages(result, own) if result.metric.estimate.chart == "brands" else []
    if not stages or stages[0].brands[0][0] != own:
        return Figures(
            (), f"{result.metric.title}: no chart: {absence_reason(result, 'the own brand has no figures')}."
        )
    height = _TOP + sum(_HEAD + _ROW * len(stage.brands) for stage in stages) + _FOOT
    pictures = drawings(lambda figure: _draw(figure, result, stages), height, height)
    named = [(breakdown_name(row.breakdown, result.client), row) for row in result.entries]
    table = numbers_table(result, "Brand and stage", named, result.metric.title)
    words = [(stage.name, [(name, value_words(result, row)) for name, row in stage.brands]) for stage in stages]
    return Figure(
        title=_title(result, stages), alt=brand_funnel_alt(result, words), table=table, notes=_notes(result), **pictures
    )


def _stages(result: Result, own: str) -> list[Stage]:
    """The stages in order, those of most respondents first, each with the same brands."""
    by_stage: dict[str, dict[str, Row]] = {}
    for row in result.entries:
        brand, _, stage = row.breakdown.rpartition(", ")
        if brand:
            by_stage.setdefault(stage, {})[brand] = row
    if not by_stage:
        return []
    first = max(
        by_stage.values(), key=lambda brands: brands[own].value if own in brands and available(brands[own]) else -1
    )
    rivals = sorted(
        (brand for brand in first if brand != own),
        key=lambda brand: (not available(first[brand]), -first[brand].value, brand),
    )
    order = [brand for brand in (own, *rivals[:_MOST_RIVALS]) if brand in first]
    return [
        Stage(stage, [(brand, brands[brand]) for brand in order if brand in brands])
        for stage, brands in by_stage.items()
    ]


def _draw(figure, result: Result, stages: list[Stage]) -> None:
    narrow = is_narrow(figure)
    names = {brand: printable(brand, _NARROW_NAME if narrow else 28) for brand, _ in stages[0].brands}
    height = figure.get_size_inches()[1] * 72
    axes = box(figure, 12 + widest(names.values()), _TOP, 96 if not narrow else 52, _FOOT)
    axes.set_xlim(0, 100)
    axes.set_ylim(height - _TOP - _FOOT, 0)  # in pixels, from the top
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    top = 0.0
    for stage in stages:
        axes.annotate(
            stage.name,
            (0, top + _HEAD / 2 + 3),
            (0, 0),
            textcoords="offset points",
            va="center_baseline",
            color=INK,
            fontweight="bold",
        )
        top += _HEAD
        for at, (brand, row) in enumerate(stage.brands):
            _bar(axes, result, names[brand], row, top + _ROW / 2, is_own=at == 0)
            top += _ROW


def _bar(axes, result: Result, name: str, row: Row, middle: float, *, is_own: bool) -> None:
    weight = "bold" if is_own else "normal"
    place = {"textcoords": "offset points", "va": "center_baseline"}
    axes.annotate(name, (0, middle), (-6, 0), ha="right", color=INK, fontweight=weight, **place)
    if not available(row):
        axes.annotate("not shown", (0, middle), (4, 0), color=QUIET, **place)
        return
    axes.barh(middle, row.value, height=_BAR, color=ACCENT if is_own else PALE, linewidth=0)
    end = row.value
    if bounded_below(row):
        axes.plot([row.low, row.high], [middle, middle], color=INK, linewidth=1.2, solid_capstyle="butt")
        end = row.high
    axes.annotate(
        value_words(result, row), (end, middle), (6, 0), color=INK, fontweight=weight, annotation_clip=False, **place
    )


def _title(result: Result, stages: list[Stage]) -> str:
    """How many come to the first and the last stage, of the own brand and of the rival that most come to the last stage of."""
    own, last = stages[0].brands[0][0], {brand: row for brand, row in stages[-1].brands if available(row)}
    rivals = [brand for brand in last if brand != own]
    if own not in last or not available(stages[0].brands[0][1]):
        return result.metric.title
    first = dict(stages[0].brands)
    words = f"{printable(own, 30)}: {value_words(result, first[own])} {stages[0].name}, {value_words(result, last[own])} {stages[-1].name}"
    if not rivals:
        return f"{result.metric.title}. {words}"
    rival = max(rivals, key=lambda brand: last[brand].value)
    against = f"{printable(rival, 30)}: {value_words(result, first[rival])} and {value_words(result, last[rival])}"
    return f"{result.metric.title}. {words} ({against})"


def _notes(result: Result) -> tuple[str, ...]:
    note = f"Bars: share of all respondents. Lines: {interval_name(result)}. Own brand first and dark; the rivals are those that most know."
    return (note, *notes_in_words(result))
