"""Stacked bars: the shares of a composition, a bar for each whole (a survey)."""

from typing import NamedTuple

from crmnb.core.composition_part import CompositionPart
from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, PAPER, QUIET, TEXT, VERMILION, box, drawings, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import n_words, numbers_table
from crmnb.report.text.alt import composition_alt
from crmnb.report.text.flags import low_base_note
from crmnb.report.text.row_state import available
from crmnb.report.text.values import (
    absence_reason,
    breakdown_name,
    declared_item,
    interval_name,
    short_value,
    value_words,
)

_LEGEND, _BAR, _GAP, _FOOT = 30, 32, 14, 8
_N_WIDTH = 84  # pixels right of the bars, for n
_SWATCH = TEXT
_STRONGEST, _FAINTEST = (
    0.6,
    0.12,
)  # opacities of the ends and of the middle: ink on them stays legible, on light and dark


class Bar(NamedTuple):
    """A whole with its parts, in order: (name of the part, row of its share)."""

    name: str
    parts: list[tuple[str, object]]


@chart("composition")
def composition(result: Result) -> Figure | Figures:
    """Breakdowns are parts of wholes (`crmnb.core.composition_part`); a whole of which no share is known has no bar."""
    bars = [bar for bar in _bars(result) if all(available(row) for _, row in bar.parts)]
    if not bars:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no shares')}.")
    height = _LEGEND + (_BAR + _GAP) * len(bars) + _FOOT
    pictures = drawings(lambda figure: _draw(figure, result, bars), height, height)
    named = [(breakdown_name(row.breakdown, result.client), row) for row in result.entries]
    table = numbers_table(result, "Share", named, result.metric.title)
    texts = {"title": _title(result, bars), "alt": composition_alt(result, bars), "notes": _notes(result, bars)}
    return Figure(table=table, **texts, **pictures)


def _bars(result: Result) -> list[Bar]:
    parts = result.metric.parts
    rows: dict[str, dict[str, object]] = {}
    for row in result.entries:
        if named := CompositionPart.of(row.breakdown, parts):
            rows.setdefault(named.whole, {})[named.part] = row
    return [
        Bar(whole, [(part, shares[part]) for part in parts])
        for whole, shares in rows.items()
        if len(shares) == len(parts)
    ]


def _colours(result: Result) -> list[tuple[str, float]]:
    """The colour and the opacity of each part, from the bad end of the scale to the good one."""
    count = len(result.metric.parts)
    places = [2 * at / max(count - 1, 1) - 1 for at in range(count)]
    item = declared_item(result)
    if item is not None and item.direction == "effort":
        places = [-place for place in places]
    return [
        (VERMILION if place < 0 else ACCENT if place > 0 else QUIET, max(abs(place) * _STRONGEST, _FAINTEST))
        for place in places
    ]


def _draw(figure, result: Result, bars: list[Bar]) -> None:
    left = 14 + widest(printable(bar.name, 30) for bar in bars) if any(bar.name for bar in bars) else 2
    axes = box(figure, left, _LEGEND, _N_WIDTH, _FOOT)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(range(len(bars)), [printable(bar.name, 30) for bar in bars], color=INK)
    colours = _colours(result)
    pixels = axes.get_window_extent().width / 100
    for at, bar in enumerate(bars):
        start = 0.0
        for (_, row), (colour, opacity) in zip(bar.parts, colours, strict=True):
            height = _BAR / (_BAR + _GAP)
            axes.barh(at, row.value, height, start, color=colour, alpha=opacity, linewidth=0)
            axes.barh(at, row.value, height, start, fill=False, edgecolor=PAPER, linewidth=1.5)
            words = short_value(result, row, 0)
            if row.value * pixels > widest([words]) + 4:
                axes.annotate(words, (start + row.value / 2, at), ha="center", va="center_baseline", color=INK)
            start += row.value
        n = f"n {n_words(result, bar.parts[0][1])}"
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        axes.annotate(n, (1, at), (_N_WIDTH - 2, 0), ha="right", va="center_baseline", color=QUIET, **place)
    _draw_legend(axes, result.metric.parts, colours)


def _draw_legend(axes, parts: tuple[str, ...], colours: list[tuple[str, float]]) -> None:
    """The parts above the bars, each beside its colour, from left to right as in the bars."""
    at = 0.0
    for part, (colour, opacity) in zip(parts, colours, strict=True):
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
        swatch = {"marker": "s", "markersize": _SWATCH - 3, "markeredgewidth": 0, "clip_on": False}
        height = axes.get_window_extent().height
        width = axes.get_window_extent().width
        axes.plot(
            [(at + _SWATCH / 2) / width],
            [1 + 15 / height],
            transform=axes.transAxes,
            color=colour,
            alpha=opacity,
            **swatch,
        )
        axes.annotate(printable(part, 30), (0, 1), (at + _SWATCH + 3, 15), va="center", color=INK, **place)
        at += _SWATCH + 3 + widest([printable(part, 30)]) + 14


def _title(result: Result, bars: list[Bar]) -> str:
    """Of a single bar: its largest share."""
    title = result.metric.title
    if len(bars) > 1 or bars[0].name:
        return f"{title} by {result.metric.breakdown}"
    part, row = max(bars[0].parts, key=lambda pair: pair[1].value)
    return f"{title}: the largest share is “{printable(part, 40)}”, {value_words(result, row)}"


def _notes(result: Result, bars: list[Bar]) -> tuple[str, ...]:
    rows = [row for bar in bars for _, row in bar.parts]
    notes = [f"The data table has the {interval_name(result)} of each share."]
    if any("low_base" in row.flags for row in rows):
        notes.append(low_base_note(result, rows))
    hidden = [printable(bar.name, 40) for bar in _bars(result) if bar not in bars]
    if hidden:
        notes.append(f"Not shown: {', '.join(hidden)}.")
    return (" ".join(notes),)
