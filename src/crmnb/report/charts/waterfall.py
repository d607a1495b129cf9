"""The waterfall: from what was before to what is now, with what each breakdown adds or takes in between."""

from textwrap import wrap
from typing import NamedTuple

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, PAPER, QUIET, VERMILION, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import waterfall_alt
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import MINUS, is_money, period_name, quantity, short_money
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.values import absence_reason

COMPARISON, CURRENT = "comparison", "current"
_HEIGHT, _TOP, _FOOT, _LINE = 340, 34, 46, 16
_FEW = 6  # steps, up to which their names have room for two lines
_WIDE = 0.62
_NARROW_ROW, _NARROW_BAR = 48, 20  # pixels of a step on a telephone, its name above its bar


class Step(NamedTuple):
    """A breakdown: its row, and where its bar begins and ends."""

    row: object
    begins: float
    ends: float


@chart("waterfall")
def waterfall(result: Result) -> Figure | Figures:
    """Breakdowns: "comparison" and "current" are totals, the others add up to their difference; drawn in the rows' order."""
    rows = {row.breakdown: row for row in result.entries}
    between = [row for name, row in rows.items() if name not in (COMPARISON, CURRENT, "")]
    if not {COMPARISON, CURRENT} <= set(rows) or not all(map(available, (rows[COMPARISON], rows[CURRENT], *between))):
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no breakdowns')}.")
    steps = _steps(rows[COMPARISON], between, rows[CURRENT])
    pictures = drawings(
        lambda figure: (_draw_down if is_narrow(figure) else _draw)(figure, result, steps),
        _HEIGHT,
        _NARROW_ROW * len(steps) + 8,
    )
    named = [(_name(result, step), step.row) for step in steps]
    table = numbers_table(result, "Part", named, result.metric.title)
    words = [(name, _words(result, step)) for (name, _), step in zip(named, steps, strict=True)]
    alt = waterfall_alt(result, words, "" if _is_of_money(result) else rows[CURRENT].unit)
    return Figure(title=_title(result, steps), alt=alt, table=table, notes=_notes(result), **pictures)


def _is_of_money(result: Result) -> bool:
    """Whether amounts are drawn, from zero; of a share, a change is small beside its level, so that the axis begins near it."""
    return is_money(result.metric.unit)


def is_total(step: Step) -> bool:
    """Whether it is what was before or is now, not a difference."""
    return step.row.breakdown in (COMPARISON, CURRENT)


def _steps(before, between: list, now) -> list[Step]:
    steps, level = [Step(before, 0.0, before.value)], before.value
    for row in between:
        steps.append(Step(row, level, level + row.value))
        level += row.value
    return [*steps, Step(now, 0.0, now.value)]


def _draw(figure, result: Result, steps: list[Step]) -> None:
    many = len(steps) > _FEW
    axes = box(figure, 84, _TOP, 16, _FOOT + _LINE * many)
    ends = [end for step in steps for end in (step.begins, step.ends)]
    axes.set_xlim(-0.6, len(steps) - 0.4)
    if _is_of_money(result):
        axes.set_ylim(min(ends) * 1.1 if min(ends) < 0 else 0, max(*ends, 0) * 1.04 or 1.0)
    else:
        axes.set_ylim(*_near(steps))
    axes.grid(visible=False, axis="x")
    unit_ticks(axes.yaxis, result, 5, "" if _is_of_money(result) else steps[0].row.unit)
    axes.set_xticks(range(len(steps)), [_folded(_name(result, step), many) for step in steps], color=INK)
    if min(ends) < 0 <= max(ends):
        axes.axhline(0, color=QUIET, linewidth=1)
    for at, step in enumerate(steps):
        _bar(axes, result, at, step)
        if at + 1 < len(steps):
            axes.plot([at + _WIDE / 2, at + 1 - _WIDE / 2], [step.ends] * 2, color=QUIET, linewidth=1)


def _near(steps: list[Step]) -> tuple[float, float]:
    """The ends of an axis of levels, with some air."""
    levels = [step.ends for step in steps]
    air = 0.22 * ((max(levels) - min(levels)) or 1.0)
    return max(min(levels) - air, 0.0), max(levels) + air


def _bar(axes, result: Result, at: int, step: Step) -> None:
    colour = _colour(step)
    bottom, top = sorted((step.begins, step.ends))
    if is_total(step) and not _is_of_money(result):  # a line at its level: a bar would have to begin at zero
        bottom = top
    axes.bar(at, top - bottom, bottom=bottom, width=_WIDE, color=colour, linewidth=0)
    axes.plot(
        [at - _WIDE / 2, at + _WIDE / 2], [step.ends] * 2, color=colour, linewidth=2, solid_capstyle="butt"
    )  # seen however small it is
    place = ("data", "data"), "offset points"
    axes.annotate(_words(result, step), (at, top), (0, 7), *place, ha="center", color=INK, fontweight="bold")


def _colour(step: Step) -> str:
    return QUIET if is_total(step) else ACCENT if step.row.value >= 0 else VERMILION


def _draw_down(figure, result: Result, steps: list[Step]) -> None:
    """The same on a telephone, from top to bottom: its name above each bar, its amount at the right."""
    axes = box(figure, 8, 4, 8, 4)
    ends = [end for step in steps for end in (step.begins, step.ends)]
    low, high = (min(*ends, 0), max(*ends, 0)) if _is_of_money(result) else _near(steps)
    axes.set_xlim(low, high if high > low else low + 1)
    axes.set_ylim(_NARROW_ROW * len(steps), 0)  # in pixels, from the top
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    if low < 0 <= high:
        axes.axvline(0, color=QUIET, linewidth=1)
    for at, step in enumerate(steps):
        name, words, colour = printable(_name(result, step), 24), _words(result, step), _colour(step)
        top = _NARROW_ROW * at
        place = {"va": "center_baseline", "color": INK, "bbox": {"facecolor": PAPER, "linewidth": 0, "pad": 1}}
        axes.text(low, top + 12, name, **place)
        axes.text(axes.get_xlim()[1], top + 12, words, ha="right", fontweight="bold", **place)
        left, right = sorted((step.begins, step.ends))
        if is_total(step) and not _is_of_money(result):
            left = right
        axes.barh(top + 34, right - left, _NARROW_BAR, left, color=colour, linewidth=0)
        axes.plot([step.ends] * 2, [top + 24, top + 44], color=colour, linewidth=2, solid_capstyle="butt")
        if at + 1 < len(steps):
            axes.plot([step.ends] * 2, [top + 44, top + _NARROW_ROW + 24], color=QUIET, linewidth=1)


def _words(result: Result, step: Step) -> str:
    """The amount; of a difference with its sign, in words of one character: a plus or a true minus."""
    row = step.row
    if _is_of_money(result):
        words = short_money(abs(row.value), result.client)
    else:
        places = 1 if max(abs(part.value) for part in result.entries if part.unit == "points") >= 1 else 2
        words = quantity(abs(row.value), "%" if is_total(step) else "pts", places, result.client)
    if is_total(step):
        return words if row.value >= 0 else f"{MINUS}{words}"
    return f"{'+' if row.value > 0 else MINUS if row.value < 0 else ''}{words}"


def _name(result: Result, step: Step) -> str:
    """The current period has its own name; which one it is compared with is in a note."""
    if step.row.breakdown == CURRENT:
        return period_name(result.period.label, result.client)
    return "comparison period" if step.row.breakdown == COMPARISON else printable(step.row.breakdown, 40)


def _folded(name: str, many: bool) -> str:
    """On two lines where one would be too long under a bar; on three under narrow bars."""
    if many:
        return "\n".join(wrap(name, 12, max_lines=3, placeholder=" …"))
    if len(name) <= 15:
        return name
    middle = min((at for at, c in enumerate(name) if c == " "), key=lambda at: abs(at - len(name) / 2), default=None)
    lines = (name,) if middle is None else (name[:middle], name[middle + 1 :])
    return "\n".join(printable(line, 17) for line in lines)


def _title(result: Result, steps: list[Step]) -> str:
    """From how much to how much, and what most of that comes from."""
    title, (before, *between, now) = result.metric.title, steps
    if not between or now.row.value == before.row.value:
        return title
    most = max(between, key=lambda step: abs(step.row.value))
    name, ends = printable(most.row.breakdown, 40), f"from {_words(result, before)} to {_words(result, now)}"
    return f"{title}: {ends}; largest part: {name} ({_words(result, most)})"


def _notes(result: Result) -> tuple[str, ...]:
    own = "Grey: totals. Blue: increases. Orange: decreases. These are complete counts, so there is no interval."
    if not _is_of_money(result):
        own = f"{own} The axis does not begin at zero."
    return (" ".join([own, *(as_sentence(sentence(note, result.client)) for note in result.notes)]),)
