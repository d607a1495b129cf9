"""Practices of sellers: what average and top sellers do, a pair of dots for each practice, on one scale for all practices."""

from typing import NamedTuple

from matplotlib.lines import Line2D
from matplotlib.transforms import IdentityTransform

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.series import points_of
from crmnb.report.html import printable, table
from crmnb.report.tables.data_table import n_words
from crmnb.report.text.alt_agents import sellers_alt
from crmnb.report.text.flags import flag_meanings, flag_words
from crmnb.report.text.numbers import quantity, signed
from crmnb.report.text.precision import row_decimals
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, interval_name, interval_words, value_words
from crmnb.stats.seller_gap import AVERAGE, BEYOND_CHANCE, TOP

_TITLE = "Average and top sellers, in standard deviations of sellers"
_ROW, _TOP, _FOOT = 46, 56, 50
_NARROW_ROW, _NARROW_DOTS = 66, 20  # pixels of a row, and of them from its foot to the dots
_LINE, _MOST_LETTERS, _AIR = 16, 24, 0.08
_MARKS = {AVERAGE: ("s", QUIET, 8), TOP: ("o", ACCENT, 9)}  # form, colour, size


class Pair(NamedTuple):
    """A practice: its row (the difference), and the means of both sides with their places on the common scale."""

    name: str
    row: object
    average: float
    top: float
    average_at: float
    top_at: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the difference is beyond chance, also for so many practices."""
        return BEYOND_CHANCE in self.row.flags.split()


@chart("sellers")
def sellers(result: Result) -> Figure | Figures:
    """For each practice a square of average and a dot of top sellers, joined by a line; the difference stands beside them in words."""
    pairs = _pairs(result)
    if not pairs:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no practices')}.")
    heights = [top + row * len(pairs) + _FOOT for top, row in ((_TOP, _ROW), (_TOP, _NARROW_ROW))]
    pictures = drawings(lambda figure: _draw(figure, result, pairs), *heights)
    alt = sellers_alt([(pair.name, *_means(result, pair), _in_one_line(result, pair)) for pair in pairs])
    return Figure(title=_title(result, pairs), alt=alt, table=_table(result, pairs), notes=_notes(result), **pictures)


def _pairs(result: Result) -> list[Pair]:
    """The practices that may be shown, in the order of the result: the largest difference on the common scale first."""
    points = {(point.level, point.breakdown): point for point in points_of(result).itertuples()}
    pairs = []
    for row in result.entries:
        sides = [points.get((row.breakdown, name)) for name in (AVERAGE, TOP)]
        if available(row) and None not in sides:
            means, places = [side.value for side in sides], [side.x for side in sides]
            pairs.append(Pair(breakdown_name(row.breakdown, result.client), row, *means, *places))
    return pairs


def _draw(figure, result: Result, pairs: list[Pair]) -> None:
    narrow = is_narrow(figure)
    names = [printable(pair.name, _MOST_LETTERS) for pair in pairs]
    words = [line for pair in pairs for line in _difference(result, pair)]
    left, right = (12, 12) if narrow else (16 + widest(names), 20 + widest(words))
    axes = box(figure, left, _TOP, right, _FOOT)
    _scale(axes, result, pairs)
    top = 1 - _NARROW_DOTS / _NARROW_ROW if narrow else 0.5  # of the first row, of a row's height
    axes.set_ylim(len(pairs) - top, -top)
    axes.set_yticks([])
    axes.axvline(0, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    axes.annotate(
        "mean of all sellers", (0, 1), (0, 5), ("data", "axes fraction"), "offset points", ha="center", color=QUIET
    )
    for at, pair in enumerate(pairs):
        look = {"color": INK, "linewidth": 3.2} if pair.is_beyond_chance else {"color": QUIET, "linewidth": 1.2}
        axes.plot([pair.average_at, pair.top_at], [at, at], **look)
    for name, place in ((AVERAGE, "average_at"), (TOP, "top_at")):
        form, colour, size = _MARKS[name]
        for at, pair in enumerate(pairs):
            axes.plot([getattr(pair, place)], [at], form, markersize=size, color=colour)
    for at, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        _label(axes, at, name, _difference(result, pair), pair.is_beyond_chance)
    _legend(figure)


def _scale(axes, result: Result, pairs: list[Pair]) -> None:
    places = [0.0, *(place for pair in pairs for place in (pair.average_at, pair.top_at))]
    air = _AIR * ((max(places) - min(places)) or 1.0)
    axes.set_xlim(min(places) - air, max(places) + air)
    unit_ticks(axes.xaxis, result, 4 if is_narrow(axes.figure) else 6, "ratio")
    axes.set_xlabel("standard deviations from the mean of all sellers", color=QUIET, labelpad=6)


def _label(axes, at: int, name: str, difference: tuple[str, str], is_bold: bool) -> None:
    """The practice left of its pair and the difference right of it in two lines; on a telephone both stand above it."""
    value, interval = difference
    weight = {"fontweight": "bold"} if is_bold else {}
    places = ("axes fraction", "data"), "offset points"
    if not is_narrow(axes.figure):
        lines = [(0, -6, 0, "right", name, INK, {}), (1, 12, 8, "left", value, INK, weight)]
        lines.append((1, 12, 8 - _LINE, "left", interval, QUIET, {}))
    else:
        up = 14
        lines = [(0, 0, up + _LINE, "left", name, INK, {}), (1, 0, up + _LINE, "right", value, INK, weight)]
        lines.append((1, 0, up, "right", interval, QUIET, {}))
    for x, right, up, side, words, colour, style in lines:
        axes.annotate(words, (x, at), (right, up), *places, ha=side, va="center_baseline", color=colour, **style)


def _legend(figure) -> None:
    """Form and colour of both dots, in words, at the top."""
    height, x = figure.get_size_inches()[1] * 72, 16.0
    for name, (form, colour, size) in _MARKS.items():
        y = height - 14
        figure.add_artist(Line2D([x], [y], marker=form, markersize=size, color=colour, transform=IdentityTransform()))
        figure.text(x + 10, y, name, transform=IdentityTransform(), va="center_baseline", color=INK)
        x += 10 + widest([name]) + 24


def _means(result: Result, pair: Pair) -> tuple[str, str]:
    """The means of average and of top sellers; of a rate, whose difference is in points, in percent."""
    unit = "%" if pair.row.unit == "points" else pair.row.unit
    places = row_decimals(result, pair.row)
    return tuple(quantity(mean, unit, places, result.client) for mean in (pair.average, pair.top))


def _difference(result: Result, pair: Pair) -> tuple[str, str]:
    """The difference with its sign and unit, and its interval with whether it is beyond chance."""
    places = row_decimals(result, pair.row)
    limits = interval_words(result, pair.row, places) or "no interval"
    value = signed(pair.row.value, pair.row.unit, places, result.client)
    return value, f"{limits}{', beyond chance' if pair.is_beyond_chance else ''}"


def _in_one_line(result: Result, pair: Pair) -> str:
    value, interval = _difference(result, pair)
    return f"{value} ({interval})"


def _title(result: Result, pairs: list[Pair]) -> str:
    """The largest difference beyond chance, where there is one."""
    first = next((pair for pair in pairs if pair.is_beyond_chance), None)
    if first is None:
        return f"{_TITLE}: no difference beyond chance"
    return f"{_TITLE}: furthest apart in {first.name} ({_difference(result, first)[0]})"


def _table(result: Result, pairs: list[Pair]):
    columns = ["Practice", "Average sellers", "Top sellers", "Difference", interval_name(result), "n", "Remarks"]
    body = [
        [
            pair.name,
            *_means(result, pair),
            _difference(result, pair)[0],
            interval_words(result, pair.row, row_decimals(result, pair.row)) or "none",
            n_words(result, pair.row),
            "; ".join(flag_words(result, pair.row)),
        ]
        for pair in pairs
    ]
    return table(columns, body, caption=result.metric.title, numeric=(1, 2, 3, 4, 5))


def _notes(result: Result) -> tuple[str, ...]:
    notes = [
        "Average: the middle half of sellers by leads won in the period before; top: the top quarter.",
        f"Beside each pair: top less average sellers, with the {interval_name(result)}.",
        "Thick line, bold: beyond chance, also for so many practices (Holm).",
    ]
    low = next((row for row in result.entries if "low_base" in row.flags), None)
    if low is not None:
        notes.append(f"Low base: {flag_meanings(result, low)['low base']}.")
    for words in dict.fromkeys(value_words(result, row) for row in result.entries if not available(row)):
        absent = [row.breakdown for row in result.entries if not available(row) and value_words(result, row) == words]
        notes.append(f"{', '.join(breakdown_name(name, result.client) for name in absent)}: {words}.")
    return (" ".join(notes),)
