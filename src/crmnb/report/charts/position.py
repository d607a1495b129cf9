"""The position among peers: a dot for each metric on the quarters of its peers."""

from textwrap import wrap
from typing import NamedTuple

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.metrics.definition import catalogue
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, PAPER, QUIET, RULE, VERMILION, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable, table
from crmnb.report.text.alt import position_alt
from crmnb.report.text.numbers import decimals_of, known, quantity, whole_number
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, interval_name, interval_words, short_value
from crmnb.stats.peers import OWN, QUARTERS

_ROW, _NARROW_ROW, _LINE, _TOP, _FOOT = 40, 66, 15, 28, 8
_WIDE = 34  # characters of a line of a name
_LOWER, _MEDIAN, _UPPER = 25, 50, 75


class Place(NamedTuple):
    """A metric's row, what it is called, and its own value and the peers' quartiles in words."""

    name: str
    row: Row
    own: str
    quartiles: tuple[str, str, str]


@chart("position")
def position(result: Result) -> Figure | Figures:
    """Rows are metrics, highest percentile first; points: the own value and the quartiles of the peers."""
    of_this_kind = result.metric.estimate.chart == "position"
    rows = [row for row in result.entries if available(row)] if of_this_kind else []
    if not rows:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no peers')}.")
    places = [_place(result, row) for row in sorted(rows, key=lambda row: (-row.value, row.breakdown))]
    heights = [_TOP + height * len(places) + _FOOT for height in (_ROW, _NARROW_ROW)]
    pictures = drawings(lambda figure: _draw(figure, result, places), *heights)
    ends = [(place.name, short_value(result, place.row)) for place in (places[0], places[-1])]
    behind = [place.name for place in places if _is_behind(place.row)]
    alt = position_alt(result, len(places), ends, behind)
    return Figure(title=_title(result, places), alt=alt, table=_table(result, places), notes=_notes(result), **pictures)


def _is_behind(row: Row) -> bool:
    return row.value < _LOWER


def _place(result: Result, row: Row) -> Place:
    values = result.points.set_index("breakdown")["value"]
    unit = _unit_of(row.breakdown)
    figures = [float(values[f"{row.breakdown}: {name}"]) for name in (OWN, *QUARTERS)]
    decimals = min(decimals_of(max(map(abs, figures)), unit=unit), 2)
    own, *quartiles = (quantity(figure, unit, decimals, result.client) for figure in figures)
    return Place(printable(row.breakdown, 80), row, own, tuple(quartiles))


def _unit_of(name: str) -> str:
    """The unit of the metric whose title a name begins with, and of its breakdown."""
    metric = max((m for m in catalogue().values() if name.startswith(m.title)), key=lambda m: len(m.title))
    return metric.units.get(name.removeprefix(f"{metric.title}, "), metric.unit)


def _draw(figure, result: Result, places: list[Place]) -> None:
    narrow = is_narrow(figure)
    names = [wrap(place.name, _WIDE) for place in places]
    left = 10 if narrow else 16 + widest(line for lines in names for line in lines)
    axes = box(figure, left, _TOP, 10 if narrow else 200, _FOOT)
    row = _NARROW_ROW if narrow else _ROW
    axes.set_xlim(0, 100)
    axes.set_ylim(row * len(places), 0)  # in pixels, from the top
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.axvspan(_LOWER, _UPPER, color=RULE, linewidth=0)
    axes.axvline(_MEDIAN, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    for x, words in ((12.5, "last quarter"), (50, "middle half"), (87.5, "best quarter")):
        axes.annotate(
            words, (x, 0), (0, 8), textcoords="offset points", ha="center", color=QUIET, annotation_clip=False
        )
    if not narrow:
        _at_right(axes, "own (median of peers)", -14, QUIET)
    for at, (place, lines) in enumerate(zip(places, names, strict=True)):
        middle = row * at + (row - 16 if narrow else row / 2)
        _dot(axes, place.row, middle)
        words = f"{place.own} ({place.quartiles[1]})"
        style = {"va": "center_baseline", "color": INK, "annotation_clip": False}
        if narrow:
            axes.annotate(printable(place.name, 44), (0, row * at + 9), **style)
            axes.annotate(words, (0, row * at + 25), **style | {"color": QUIET})
            continue
        for down, line in enumerate(lines):
            up = _LINE * ((len(lines) - 1) / 2 - down)
            axes.annotate(line, (0, middle), (-8, up), textcoords="offset points", ha="right", **style)
        _at_right(axes, words, middle, INK)


def _at_right(axes, words: str, at: float, colour: str) -> None:
    axes.annotate(
        words, (100, at), (10, 0), textcoords="offset points", va="center_baseline", color=colour, annotation_clip=False
    )


def _dot(axes, row: Row, middle: float) -> None:
    colour = VERMILION if _is_behind(row) else ACCENT
    if known(row.low):
        axes.plot([row.low, row.high], [middle, middle], color=colour, linewidth=2.4, solid_capstyle="round")
    face = PAPER if "partial" in row.flags else colour
    dot = {"markerfacecolor": face, "markeredgecolor": colour, "markeredgewidth": 1.8, "clip_on": False}
    axes.plot([row.value], [middle], "o", markersize=10, **dot)


def _title(result: Result, places: list[Place]) -> str:
    """How many metrics are in the best and in the last quarter."""
    best = sum(place.row.value > _UPPER for place in places)
    last = sum(_is_behind(place.row) for place in places)
    count = whole_number(len(places), result.client)
    return f"{result.metric.title}: of {count} metrics, {best} in the best quarter of peers and {last} in the last"


def _table(result: Result, places: list[Place]):
    body = [
        [
            place.name,
            place.own,
            short_value(result, place.row),
            interval_words(result, place.row) or "none",
            *place.quartiles,
            whole_number(place.row.denominator, result.client),
        ]
        for place in places
    ]
    columns = [
        "Metric",
        "Own figure",
        "Percentile",
        interval_name(result),
        "Lower quartile",
        "Median",
        "Upper quartile",
        "Peers",
    ]
    return table(columns, body, caption=result.metric.title, numeric=tuple(range(1, 8)))


def _notes(result: Result) -> tuple[str, ...]:
    note = (
        f"Right is better. Whiskers: where the {interval_name(result)} of the own figure would lie among the peers. "
        "Orange: in the last quarter. Grey: the middle half of the peers."
    )
    return (note, *notes_in_words(result))
