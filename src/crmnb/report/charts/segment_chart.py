"""Dots with whiskers: the levels of a segmentation, or the breakdowns of a metric, sorted by value."""

from dataclasses import replace
from math import inf
from textwrap import wrap

from crmnb.core.errors import InputError, nearest
from crmnb.evaluate.contrasts import contrasts, to_largest
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import limits, on_ratios, unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, PAPER, QUIET, VERMILION, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import n_words, numbers_table
from crmnb.report.text.alt import dots_alt
from crmnb.report.text.flags import flag_meanings, low_base_note
from crmnb.report.text.numbers import known, period_name, quantity
from crmnb.report.text.precision import displayed, level_decimals
from crmnb.report.text.row_state import available, bounded_below, has_before, is_clearly_below, not_reached
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, breakdown_name, interval_name, short_value, value_words
from crmnb.schema.tables import OTHER, UNKNOWN

_MOST_LEVELS = 12
_ROW, _LINE, _TOP, _FOOT = 28, 15, 30, 34
_WIDE, _MOST_LINES = 32, 4  # characters of a line of a name, and how many lines it may have
# On a telephone a name stands above its dot: pixels of a row, characters of a line, and by how many pixels they are apart.
_NARROW_ROW, _NARROW_NAME, _DOWN = 42, 28, 16
_NARROW_ROOM = 196  # pixels of a name
_NARROW_TOP = 30  # pixels from the top of a row to its dot
# What colours a dot, and how it is called.
_COLOURED = {
    "below_rest": "below the rest",
    "above_rest": "above the rest",
    "below_largest": "worse",
    "below_rival": "below the rival",
    "apart": "apart",
    "beyond_chance": "beyond chance",
}


@chart("segments")
def by_segment(result: Result, segment: str | None = None) -> Figures:
    """One figure a segmentation (and breakdown), at most twelve levels each, the largest.

    Raises InputError for a segmentation that the client does not declare.
    """
    if segment is not None:
        must_be_declared(result, segment)
    names = result.segmentations if segment is None else (segment,)
    figures = [figure for name in names for figure in _segment_figures(result, name)]
    where = f"by {segment.replace('_', ' ')}" if segment else "by segment"
    why = absence_reason(result, "no declared segment applies to it")
    return Figures(tuple(figures), f"{result.metric.title} {where}: {why}.")


def must_be_declared(result: Result, segment: str) -> None:
    """Raises InputError for a segmentation that the client does not declare."""
    declared = tuple(result.client.segments) or result.segmentations
    if segment not in declared and segment not in result.segmentations:
        raise InputError(f"segment {segment!r} is not declared in the client's parameters.{nearest(segment, declared)}")


@chart("breakdown")
def by_breakdown(result: Result) -> Figure | Figures:
    """The breakdowns that share the metric's unit; the others are in the table only."""
    rows = list(result.entries)
    drawn = [
        (breakdown_name(row.breakdown, result.client), row)
        for row in rows
        if row.unit == result.metric.unit and row.breakdown
    ]
    if not drawn:
        return Figures((), f"{result.metric.title}: {absence_reason(result, 'no breakdowns')}.")
    others = [(row.breakdown, row) for row in rows if row.unit != result.metric.unit]
    whole = next((row for row in rows if not row.breakdown and row.unit == result.metric.unit), None)
    what = result.metric.breakdown or "breakdown"
    title, by = result.metric.title, f" by {what}"
    return _figure(result, what, drawn, others, whole, title if title.endswith(by) else title + by)


def _segment_figures(result: Result, segment: str):
    rows = result.rows[(result.rows["segment"] == segment) & (result.rows["part"] == "")]
    rows = rows[rows["unit"] == result.metric.unit]
    for breakdown in rows["breakdown"].drop_duplicates():
        own = _with_flags(result, list(tuples(rows[rows["breakdown"] == breakdown])))
        named = [(row.level, row) for row in own]
        same = result.whole[result.whole["breakdown"] == breakdown]
        whole = next(iter(tuples(same)), None)
        of = f", {breakdown_name(breakdown, result.client)}" if breakdown else ""
        title = f"{result.metric.title}{of} by {segment.replace('_', ' ')}"
        yield _figure(result, segment.replace("_", " "), named, [], whole, title)


def _with_flags(result: Result, rows: list) -> list:
    """The rows, with the flag `apart` on each level that differs from the largest one beyond chance (Holm)."""
    pairs = to_largest(row for row in rows if row.level not in (UNKNOWN, OTHER))
    apart = {c.row.level for c in contrasts(result, pairs) if c.is_beyond_chance(result.client.level)}
    return [row._replace(flags=f"{row.flags} apart".strip()) if row.level in apart else row for row in rows]


def dots_figure(
    result: Result,
    what: str,
    named: list,
    title: str,
    seen: str,
    zero: str = "",
    whole=None,
    others: tuple = (),
    notes: tuple[str, ...] = (),
) -> Figure:
    """Named rows as dots, around zero where `zero` says what it stands for; seen: the title with what is seen; others: named rows of the table only;
    notes: further ones."""
    figure = _figure(result, what, named, [*others], whole, title, seen, zero)
    return replace(figure, notes=(*figure.notes, *notes))


def level_name(row) -> str:
    """A level with its segmentation: `Dealer (account)`."""
    return printable(f"{row.level} ({row.segment.replace('_', ' ')})", 40)


def _figure(
    result: Result, what: str, named: list, others: list, whole, title: str, seen: str = "", zero: str = ""
) -> Figure:
    drawn, left_out = _ranked(named)
    rows = [row for _, row in drawn]
    places = level_decimals(result, rows) if rows[0].segment else None  # breakdowns need not be alike

    def draw(figure) -> None:
        _draw(figure, result, narrow if is_narrow(figure) else wide, rows, whole, places, zero)

    wide, narrow = ([lines(name) for name, _ in drawn] for lines in (_lines, _narrow_lines))
    heights = [
        _TOP + (row + _LINE * (max(map(len, names)) - 1)) * len(drawn) + _FOOT
        for row, names in ((_ROW, wide), (_NARROW_ROW, narrow))
    ]
    pictures = drawings(draw, *heights)
    whole_row = [("Whole client", whole)] if whole is not None else []
    # What a colour means stands once, in the note.
    table_rows = [(name, row._replace(flags=row.flags.removesuffix("apart"))) for name, row in (*drawn, *left_out)]
    table = numbers_table(result, what.capitalize(), [*table_rows, *others, *whole_row], title, places)
    alt = dots_alt(result, what, drawn, whole, places, zero)
    seen = seen or (title if places is None else _seen(result, drawn, title, places))  # nor rivals
    # The notes of an inference from counts hold for all of its breakdowns, and stand below them.
    of_levels = drawn[0][1].segment or result.metric.estimate.reduces != "counts"
    own = () if of_levels else notes_in_words(result)
    return Figure(title=seen, alt=alt, table=table, notes=(*_notes(result, drawn, left_out), *own), **pictures)


def _ranked(named: list) -> tuple[list, list]:
    """The largest levels from the highest value down, those without a value and the unknown last; and the rest."""
    by_size = sorted(named, key=lambda pair: -(pair[1].n if known(pair[1].n) else 0))
    shown, rest = by_size[:_MOST_LEVELS], by_size[_MOST_LEVELS:]

    def order(pair):
        name, row = pair
        value = row.value if available(row) else inf if not_reached(row) else -inf
        return (name in (UNKNOWN, OTHER), -value, name)

    return sorted(shown, key=order), sorted(rest, key=order)


def _narrow_lines(name: str) -> list[str]:
    """The lines of a name that leave room for the value beside it."""
    lines = _lines(name, _NARROW_NAME)
    excess = widest(lines) / _NARROW_ROOM
    return lines if excess <= 1 else _lines(name, int(_NARROW_NAME / excess))


def _lines(name: str, wide: int = _WIDE) -> list[str]:
    return wrap(printable(name), wide, max_lines=_MOST_LINES, placeholder=" …") or [""]


def _draw(
    figure, result: Result, names: list[list[str]], rows: list, whole, places: int | None, zero: str = ""
) -> None:
    narrow = is_narrow(figure)
    sides = (8, 8) if narrow else (14 + widest(line for lines in names for line in lines), 136)
    axes = box(figure, sides[0], _TOP, sides[1], _FOOT)
    if result.metric.unit == "hazard ratio":
        on_ratios(axes, rows, result)
    else:
        before = [row.previous for row in rows if has_before(row)]
        low, high = limits([*rows, *([whole] if whole is not None else [])], result.metric.unit, others=before)
        if zero:  # the line is in sight, too
            air = 0.04 * max(abs(low), abs(high))
            low, high = min(low, -air), max(high, air)
        axes.set_xlim(low, high)
        unit_ticks(axes.xaxis, result, 4 if narrow else 5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    if narrow:
        more = _LINE * (max(map(len, names)) - 1)  # lines of a name stand one above the other
        top = (_NARROW_TOP + more) / (_NARROW_ROW + more)  # of the first row, of a row's height
        axes.set_ylim(len(rows) - top, -top)
    for at, lines in enumerate(names):
        _name(axes, at, lines, narrow)
    if zero:
        _line_at(axes, 0.0, zero)
    elif whole is not None and available(whole):
        _line_at(axes, whole.value, f"all {short_value(result, whole)}")
    if not narrow:
        _text_beside(axes, "n", 126, -0.5, ha="right", va="bottom", color=QUIET)
    up = _DOWN if narrow else 0
    for draw in (_whisker, _before, _dot):  # one look after the other, which the picture then names once
        for at, row in enumerate(rows):
            draw(axes, at, row)
    sizes = [f"n {n_words(result, row)}" if narrow else n_words(result, row) for row in rows]
    for at, (row, n) in enumerate(zip(rows, sizes, strict=True)):
        if not available(row):
            words = "not shown" if "suppressed" in row.flags else "not reached" if not_reached(row) else "not available"
            _text_beside(axes, words, 0 if narrow else 12, at, up, ha="right" if narrow else "left", color=QUIET)
            continue
        value = {"right": -12 - widest([n]), "ha": "right"} if narrow else {"right": 12}
        _text_beside(axes, short_value(result, row, places), at=at, up=up, fontweight="bold", **value)
    for at, (row, n) in enumerate(zip(rows, sizes, strict=True)):
        if available(row):
            _text_beside(axes, n, 0 if narrow else 126, at, up, ha="right", color=QUIET)


def _name(axes, at: int, lines: list[str], narrow: bool) -> None:
    """A name in the left margin, each of its lines set flush right in whatever font the reader has; or above its dot."""
    style = {"ha": "left" if narrow else "right", "va": "center_baseline", "color": INK}
    for down, line in enumerate(lines):
        up = _DOWN + _LINE * (len(lines) - 1 - down) if narrow else _LINE * ((len(lines) - 1) / 2 - down)
        axes.annotate(line, (0, at), (0 if narrow else -4, up), ("axes fraction", "data"), "offset points", **style)


def _colour(row) -> str:
    outstanding = {*_COLOURED} & {*row.flags.split()}
    return VERMILION if outstanding else PALE if "low_base" in row.flags else ACCENT


def _whisker(axes, at: int, row) -> None:
    """An interval; where it has no upper end, an arrow to the edge, with or without a value."""
    if not bounded_below(row):
        return
    edge, colour = axes.get_xlim()[1], _colour(row)
    axes.plot([row.low, min(row.high, edge)], [at, at], color=colour, linewidth=2.4, solid_capstyle="round")
    if not known(row.high):
        axes.plot([edge], [at], ">", markersize=8, color=colour, clip_on=False)


def _before(axes, at: int, row) -> None:
    """The comparison period's value as a hollow diamond."""
    if has_before(row):
        look = {"markerfacecolor": PAPER, "markeredgecolor": QUIET, "markeredgewidth": 1.4}
        axes.plot([row.previous], [at], "D", markersize=6, **look)


def _dot(axes, at: int, row) -> None:
    if not available(row):
        return
    colour = _colour(row)
    face = PAPER if "partial" in row.flags else colour
    axes.plot([row.value], [at], "o", markersize=9, markerfacecolor=face, markeredgecolor=colour, markeredgewidth=1.8)


def _line_at(axes, value: float, words: str) -> None:
    """A dotted line with words above it."""
    axes.axvline(value, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    first, last = axes.get_xlim()
    place = (value - first) / ((last - first) or 1)
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    axes.annotate(words, (value, 1), (0, 5), ("data", "axes fraction"), "offset points", ha=side, color=QUIET)


def _text_beside(axes, text: str, right: float, at: float, up: float = 0, **style) -> None:
    """Text so many pixels right of the axes' edge, and above the middle of its row."""
    style = {"va": "center_baseline", "color": INK, **style}
    axes.annotate(text, (1, at), (right, up), ("axes fraction", "data"), "offset points", **style)


def _seen(result: Result, drawn: list, title: str, places: int) -> str:
    """The title with what is seen: the highest and lowest level, where two or more rest on enough."""
    doubtful = {"low_base", "unreliable", "immature"}
    firm = [
        (name, row)
        for name, row in drawn
        if available(row) and name not in (UNKNOWN, OTHER) and not doubtful & set(row.flags.split())
    ]
    open_ended = any(not_reached(row) for _, row in drawn)  # higher than the highest that has a value
    if len(firm) < 2 or open_ended or firm[0][1].value == firm[-1][1].value:
        return title
    if is_clearly_below(firm[-1][1], firm[0][1]):
        ends = (f"{_quantity_words(result, row, places)} in {printable(name, 40)}" for name, row in (firm[0], firm[-1]))
        return f"{title}: {', '.join(ends)}"
    seen = [row for name, row in drawn if available(row) and name not in (UNKNOWN, OTHER)]
    if is_clearly_below(seen[-1], seen[0]):  # of those in sight that rest on too little
        return title
    return f"{title}: no detectable difference between highest and lowest"


def _quantity_words(result: Result, row, places: int) -> str:
    unit, (value,) = displayed(result, row.unit, row.value)
    return quantity(value, unit, places, result.client)


def _notes(result: Result, drawn: list, left_out: list) -> tuple[str, ...]:
    flags = {flag for _, row in drawn for flag in row.flags.split()}
    notes = []
    if any(bounded_below(row) for _, row in drawn):
        notes.append(f"Whiskers: {interval_name(result)}.")
    if any(has_before(row) for _, row in drawn):
        notes.append(f"Diamonds: {period_name(result.comparison.label, result.client)}.")
    if "partial" in flags:
        notes.append("Hollow: the period is partial.")
    for flag, words in _COLOURED.items():
        if flag in flags and words != "worse":  # of which each is named in a note of its own
            meaning = next(flag_meanings(result, row)[words] for _, row in drawn if flag in row.flags)
            notes.append(f"Coloured: {meaning}.")
    if "low_base" in flags:
        notes.append(low_base_note(result, [row for _, row in drawn]))
    for words in dict.fromkeys(value_words(result, row) for _, row in drawn if not available(row)):
        names = [printable(name, 40) for name, row in drawn if not available(row) and value_words(result, row) == words]
        notes.append(f"{', '.join(names)}: {words}.")
    if OTHER in {name for name, _ in (*drawn, *left_out)}:
        notes.append(f"{OTHER}: all smaller levels together.")
    if left_out:
        notes.append(f"{len(left_out)} smaller levels are in the data table only.")
    return (" ".join(notes),) if notes else ()
