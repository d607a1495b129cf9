"""The trend of a result over the parts of its period: a line with its band, or bars for a count."""

import itertools
import math
from datetime import datetime

from crmnb.core.errors import InputError, nearest
from crmnb.evaluate.contrasts import contrasts, to_previous
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import limits, unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, PAPER, QUIET, TEXT, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.parts_before import name_before, rows_before, words_before
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import trend_alt
from crmnb.report.text.changes import change_interval, short_change
from crmnb.report.text.flags import low_base_note
from crmnb.report.text.numbers import decimals_of, is_cut, known, part_name, part_start, part_tick, quantity
from crmnb.report.text.precision import part_decimals
from crmnb.report.text.row_state import available, has_interval, is_clearly_below, unfinished
from crmnb.report.text.values import interval_name, short_value, value_words

_MOST_COMPONENTS = 5
_MOST_TICKS, _MOST_NARROW_TICKS = 13, 6
_MOST_REASONS = 2
# How a part without a row of a breakdown is drawn and described.
_NOTHING = dict.fromkeys(("value", "low", "high", "n"), math.nan) | {"flags": "unavailable", "reason": ""}
_PANEL, _SMALL_PANEL, _FOOT = 300, 170, 40
_AIR = 0.14


@chart("trend")
def trend(result: Result, breakdown: str | None = None) -> Figure | Figures:
    """The value in each part of the period, and as a quiet line that in the comparison's.

    Of a metric with breakdowns: the one named, else the one without a name, else at most five one above the other.
    """
    panels = _panels(result, breakdown)
    seen = max((sum(map(available, rows)) for rows in panels.values()), default=0)
    if seen < 2:
        parts = "only one" if seen else "no"
        return Figures((), f"{result.metric.title}: no trend: {parts} part of the period has a value.")
    height = _PANEL if len(panels) == 1 else _SMALL_PANEL * len(panels) + _FOOT
    places = part_decimals(result, [row for rows in panels.values() for row in rows])
    before = {name: rows_before(result, name, rows) for name, rows in panels.items()}
    pictures = drawings(lambda figure: _draw(figure, result, panels, before, height, places), height, height)
    several = len(panels) > 1
    named = [
        (_name(result, row) + (f", {printable(name)}" if several and name else ""), row)
        for name, rows in panels.items()
        for row in rows
    ]
    values_before = [words_before(result, row, places) for rows in before.values() for row in rows]
    caption = f"{result.metric.title} by part of the period"
    table = numbers_table(result, "Part", named, caption, places, before=(name_before(result), values_before))
    title, alt = _title(result, panels, places), trend_alt(result, panels, places, before)
    named_ones = {row.breakdown for row in tuples(result.parts) if row.breakdown and row.unit == result.metric.unit}
    left_out = 0 if breakdown is not None or "" in panels else len(named_ones) - len(panels)
    return Figure(title=title, alt=alt, table=table, notes=_notes(result, panels, before, left_out), **pictures)


def _panels(result: Result, breakdown: str | None) -> dict[str, list]:
    """The rows to draw by breakdown, every panel with the same parts in order.

    Raises InputError for a breakdown that the result does not have.
    """
    rows = result.parts[result.parts["unit"] == result.metric.unit]
    names = list(rows["breakdown"].drop_duplicates())
    if breakdown is not None and breakdown not in names:
        raise InputError(f"{result.metric.id} has no breakdown {breakdown!r} over time.{nearest(breakdown, names)}")
    order = [row.breakdown for row in result.entries]  # as everywhere on the page; what has no whole comes last
    parts = sorted((n for n in names if n), key=lambda n: order.index(n) if n in order else len(order))
    chosen = [breakdown] if breakdown is not None else [""] if _has_whole(rows) else parts
    known = {(row.breakdown, row.part): row for row in tuples(rows)}
    labels = _labels_between(result, {label for _, label in known})

    def row_of(name: str, label: str):
        """A part in which nothing can be had has one row without a breakdown, which then stands for all of them."""
        blank = next(iter(known.values()))._replace(**_NOTHING, breakdown=name, part=label)
        return known.get((name, label)) or known.get(("", label)) or blank

    return {name: [row_of(name, label) for label in labels] for name in chosen[:_MOST_COMPONENTS]}


def _labels_between(result: Result, seen: set[str]) -> list[str]:
    """The parts of which there is a row, and those between them, so that what is drawn side by side follows one another."""

    def starts(label: str) -> datetime:
        return part_start(label, result.client)

    if not seen:
        return []
    first, last = min(map(starts, seen)), max(map(starts, seen))
    between = {part.label for part in result.period.parts if first < part.start < last}
    return sorted(seen | between, key=starts)


def _has_whole(rows) -> bool:
    """Whether one of the breakdowns is the metric itself, without a name of its own."""
    return any(available(row) for row in tuples(rows[rows["breakdown"] == ""])) or set(rows["breakdown"]) == {""}


def _draw(figure, result: Result, panels: dict[str, list], before: dict[str, list], height: int, places: int) -> None:
    every = [row for rows in panels.values() for row in rows]
    counted = result.metric.unit == "count"
    others = [row.value for rows in before.values() for row in rows if row]
    bottom, top = limits(every, result.metric.unit, from_zero=counted, others=others)
    if len(panels) > 1:  # room for the labels above and below the points, which a low panel has less of
        air = _AIR * (top - bottom)
        bottom, top = (bottom if counted else bottom - air), top + air
    panel_height = (height - _FOOT) / len(panels)
    for index, (breakdown, rows) in enumerate(panels.items()):
        above = index * panel_height + (32 if breakdown or len(panels) > 1 else 14)
        narrow = is_narrow(figure)
        axes = box(figure, 50 if narrow else 62, above, 14 if narrow else 78, height - (index + 1) * panel_height)
        axes.set_xlim(-0.6, len(rows) - 0.4)
        axes.set_ylim(bottom, top)
        axes.grid(visible=False, axis="x")
        unit_ticks(axes.yaxis, result, 5 if len(panels) == 1 else 3)
        if breakdown:
            axes.set_title(printable(breakdown, 60), loc="left", fontsize=13, color=INK, pad=8)
        _before(axes, before[breakdown])
        (_bars if counted else _line)(axes, rows)
        _target(axes, result, rows, narrow)
        _labels(axes, result, rows, places)
        last = index == len(panels) - 1
        _time_axis(axes, result, rows, _MOST_NARROW_TICKS if narrow else _MOST_TICKS, named=last)


def _line(axes, rows: list) -> None:
    x = list(range(len(rows)))
    value = [row.value if available(row) else math.nan for row in rows]
    low = [row.low if has_interval(row) else math.nan for row in rows]
    top = axes.get_ylim()[1]
    high = [min(row.high, top) if has_interval(row) else math.nan for row in rows]  # an infinite end, at the edge
    axes.fill_between(x, low, high, color=ACCENT, alpha=0.16, linewidth=0)
    for style, run in itertools.groupby(range(1, len(rows)), lambda at: _step_style(rows[at - 1], rows[at])):
        if style is not None:
            steps = [*run]
            through = slice(steps[0] - 1, steps[-1] + 1)
            axes.plot(x[through], value[through], color=ACCENT, linestyle=style)
    for at, row in enumerate(rows):
        banded = [0 <= near < len(rows) and has_interval(rows[near]) for near in (at - 1, at + 1)]
        if has_interval(row) and not any(banded):
            axes.plot([at, at], [row.low, high[at]], color=ACCENT, alpha=0.4, linewidth=4)
    for at, row in enumerate(rows):
        if available(row):
            face, edge = _colours(row)
            axes.plot(
                [at], [row.value], "o", markersize=7, markerfacecolor=face, markeredgecolor=edge, markeredgewidth=1.6
            )


def _step_style(row, following) -> str | tuple | None:
    """The style of the line between two parts: dashed to an unfinished one, none where one of them has no value."""
    if not (available(row) and available(following)):
        return None
    return (0, (3, 2.5)) if unfinished(row) or unfinished(following) else "-"


def _before(axes, rows: list) -> None:
    """The comparison's parts as a thin grey line, behind all else."""
    value = [row.value if row else math.nan for row in rows]
    axes.plot(range(len(rows)), value, color=QUIET, linewidth=1.3, alpha=0.75, zorder=1)


def _bars(axes, rows: list) -> None:
    for at, row in enumerate(rows):
        if not available(row):
            continue
        face, edge = _colours(row)
        style = (0, (3, 2)) if unfinished(row) else "-"
        axes.bar(at, row.value, width=0.62, facecolor=PAPER, linewidth=0)  # no grid shows through
        axes.bar(at, row.value, width=0.62, facecolor=face, alpha=0.45, linewidth=0)
        axes.bar(at, row.value, width=0.62, facecolor="none", edgecolor=edge, linewidth=1.4, linestyle=style)
        if has_interval(row):
            axes.plot([at, at], [row.low, min(row.high, axes.get_ylim()[1])], color=INK, linewidth=1.4)


def _colours(row) -> tuple[str, str]:
    edge = PALE if "low_base" in row.flags else ACCENT
    return (PAPER if unfinished(row) else edge), edge


def _target(axes, result: Result, rows: list, narrow: bool) -> None:
    target = next((row.target for row in rows if known(row.target)), math.nan)
    if not known(target):
        return
    words = quantity(target, result.metric.unit, decimals_of(target, unit=result.metric.unit), result.client)
    axes.axhline(target, color=QUIET, linewidth=1.2, linestyle=(0, (1, 2.5)))
    place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "color": QUIET}
    if narrow:
        axes.set_title(f"dotted: target {words}", loc="right", fontsize=TEXT, color=QUIET, pad=8)
    else:
        axes.annotate(f"target\n{words}", (1, target), (6, 0), va="center", **place)


def _labels(axes, result: Result, rows: list, places: int) -> None:
    """The highest, the lowest and the last value, written beside their points."""
    seen = [(at, row) for at, row in enumerate(rows) if available(row)]
    if not seen:
        return
    highest = max(seen, key=lambda pair: pair[1].value)
    lowest = min(seen, key=lambda pair: pair[1].value)
    counted = result.metric.unit == "count"
    for at, row in dict([lowest, highest, seen[-1]]).items():
        falls = at > 0 and available(rows[at - 1]) and rows[at - 1].value > row.value
        below = row is not highest[1] and not counted and (row.value == lowest[1].value or falls)
        height = row.high if counted and known(row.high) else row.value
        axes.annotate(
            short_value(result, row, places),
            (at, height),
            (0, -10 if below else 9),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            color=INK,
            fontweight="bold",
        )


def _time_axis(axes, result: Result, rows: list, at_most: int, named: bool) -> None:
    step = math.ceil(len(rows) / at_most)
    shown = range(0, len(rows), step)
    axes.set_xticks(list(shown))
    ticks = [part_tick(rows[at].part, at == 0, result.client) for at in shown]
    axes.set_xticklabels(ticks if named else [""] * len(ticks))


def _name(result: Result, row) -> str:
    return part_name(row.part, result.period, result.client)


def _title(result: Result, panels: dict[str, list], places: int) -> str:
    """What is seen, from the parts that are whole and rest on enough; the metric's name where those are too few."""
    title = f"{result.metric.title} by {_part_word(result)}"
    if len(panels) > 1:
        return f"{title} and {result.metric.breakdown or 'breakdown'}"
    ((breakdown, rows),) = panels.items()
    title = f"{result.metric.title}, {printable(breakdown)} by {_part_word(result)}" if breakdown else title
    doubtful = {"partial", "low_base", "unreliable", "immature"}
    firm = [
        row
        for row in rows
        if available(row)
        and not doubtful & set(row.flags.split())
        and not is_cut(row.part, result.period, result.client)
    ]
    if len(firm) < 3:
        return title
    lowest, highest = (pick(firm, key=lambda row: row.value) for pick in (min, max))
    if not highest.low > lowest.high:
        extremes = (pick(filter(available, rows), key=lambda row: row.value) for pick in (min, max))
        apart = is_clearly_below(*extremes)  # of those in sight that rest on too little
        return title if apart else f"{title}: no detectable difference between highest and lowest"
    named = [("lowest", lowest), ("highest", highest)]
    in_time = sorted(named, key=lambda pair: rows.index(pair[1]))
    return f"{title}: " + ", ".join(
        f"{word} {short_value(result, row, places)} in {_name(result, row)}" for word, row in in_time
    )


def _part_word(result: Result) -> str:
    """What the parts are: months, unless the period is a short one."""
    days = max(part.days for part in result.period.parts)
    return "day" if days == 1 else "week" if days <= 7 else "month"


def _notes(result: Result, panels: dict[str, list], before: dict[str, list], left_out: int) -> tuple[str, ...]:
    every = [row for rows in panels.values() for row in rows]
    flags = {flag for row in every for flag in row.flags.split()}
    notes = []
    if any(map(has_interval, every)):
        form = "Whiskers" if result.metric.unit == "count" else "Band"
        notes.append(f"{form}: {interval_name(result)}.")
    if any(row for rows in before.values() for row in rows):
        notes.append(f"Grey line: {name_before(result)}.")
    if "partial" in flags:
        notes.append("Hollow and dashed: a partial month or week.")
    if "immature" in flags:
        notes.append("Hollow and dashed: too early, follow-up is not complete.")
    if "low_base" in flags:
        notes.append(low_base_note(result, every))
    notes += _gaps(result, panels)
    if left_out > 0:
        notes.append(f"{left_out} more in the scorecard.")
    return (*((" ".join(notes),) if notes else ()), *_steps(result, panels))


def _steps(result: Result, panels: dict[str, list]) -> tuple[str, ...]:
    """Which parts differ from the one before them beyond chance, all parts of all panels together."""
    differences = contrasts(result, [pair for rows in panels.values() for pair in to_previous(rows)])
    if len(differences) < 2:
        return ()
    tests = f"comparisons with the {_part_word(result)} before: {len(differences)}, Holm"
    beyond = [contrast.row for contrast in differences if contrast.is_beyond_chance(result.client.level)]
    if not beyond:
        return (f"No step is beyond chance ({tests}).",)
    words = "; ".join(
        f"{_name(result, row)}{f', {printable(row.breakdown)}' if row.breakdown else ''} {short_change(result, row)} ({change_interval(result, row)})"
        for row in beyond
    )
    return (f"Steps beyond chance: {words} ({tests}).",)


def _gaps(result: Result, panels: dict[str, list]) -> list[str]:
    """What is missing everywhere and why, each reason said once; of others and of many reasons, that the table tells them."""
    why: dict[str, list[str]] = {}
    somewhere = False
    for rows in zip(*panels.values(), strict=True):
        reasons = {"" if available(row) else value_words(result, row) for row in rows}
        if len(reasons) > 1:
            somewhere = True
        elif (reason := reasons.pop()) != "":
            why.setdefault(reason, []).append(_name(result, rows[0]))
    if somewhere or len(why) > _MOST_REASONS:
        return ["A point is missing where there is no value; the data table has the reason."]
    return [f"{', '.join(dict.fromkeys(names))}: {words}." for words, names in why.items()]
