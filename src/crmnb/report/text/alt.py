"""Texts in place of pictures, made from the result: form, axes, highest, lowest, last, and the trend in words."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.drawing.series import Series, at, point_words
from crmnb.report.html import printable
from crmnb.report.text.numbers import is_cut, known, part_name, percent, period_name, whole_number
from crmnb.report.text.sentences import (
    available,
    bounded_below,
    has_interval,
    lies_apart,
    not_reached,
    noun,
    unfinished,
    value_words,
)
from crmnb.schema.tables import OTHER, UNKNOWN


def trend_alt(result: Result, panels: dict[str, list], places: int) -> str:
    """For a line or bars over time, whose values are written with so many decimals."""
    counted = result.metric.unit == "count"
    every = [row for rows in panels.values() for row in rows]
    form = _form("Bar chart" if counted else "Line chart", "whiskers" if counted else "a band", result, every)
    unit = noun(result.metric.numerator) if counted else result.metric.unit
    some = next(iter(panels.values()))
    across = f"{len(some)} parts of {period_name(result.period.label, result.client)}"
    head = f"{form}. Across: {across}. Up: {result.metric.title}, {unit}."
    told = [_line_words(result, rows, breakdown, places) for breakdown, rows in panels.items()]
    return " ".join([head, *told])


def _form(form: str, intervals: str, result: Result, rows: list) -> str:
    """The form of a picture, with its intervals only where one is drawn."""
    if not any(map(bounded_below, rows)):
        return form
    return f"{form} with {intervals} for the {percent(result.client.level, result.client)} interval"


def _line_words(result: Result, rows: list, breakdown: str, places: int) -> str:
    seen = [row for row in rows if available(row)]
    of = f"{printable(breakdown)}: " if breakdown else ""
    if not seen:
        return f"{of}no values."
    highest, lowest, last = max(seen, key=_value), min(seen, key=_value), seen[-1]

    def told(row) -> str:
        partial = ", partial" if "partial" in row.flags else ", too early to tell" if "immature" in row.flags else ""
        return f"{value_words(result, row, places)} ({part_name(row.part, result.period, result.client)}{partial})"

    gaps = f" Without a value: {len(rows) - len(seen)} of {len(rows)}." if len(seen) < len(rows) else ""
    words = f"Highest {told(highest)}, lowest {told(lowest)}, last {told(last)}."
    if highest.value == lowest.value:
        words = f"All {len(seen)} alike, last {told(last)}."
    return f"{of}{words} {_direction(result, seen)}{gaps}"


def _direction(result: Result, seen: list) -> str:
    """First against last whole part: a direction only where their intervals do not even touch."""
    ended = [row for row in seen if not unfinished(row) and not is_cut(row.part, result.period, result.client)]
    whole = [row for row in ended if has_interval(row)]
    if len(whole) < 2:
        few = len(ended) < 2
        return f"{'Too few whole parts' if few else 'Too few parts with an interval'} for a direction."
    first, last = whole[0], whole[-1]
    if lies_apart(first, last):
        return "The last whole part lies clearly above the first."
    if lies_apart(last, first):
        return "The last whole part lies clearly below the first."
    return "No clear difference between the first and the last whole part."


def dots_alt(
    result: Result, what: str, named: list[tuple[str, object]], whole: object | None, places: int | None
) -> str:
    """For dots with whiskers; those of whom the level is not known are neither the highest nor the lowest."""
    form = _form("Dots", "whiskers", result, [row for _, row in named])
    unit = "" if result.metric.unit == "count" else f", {result.metric.unit}"
    head = f"{form}, sorted. Down: {what}. Across: {result.metric.title}{unit}."
    seen = [(name, row) for name, row in named if available(row)]

    def told(name: str, row) -> str:
        return f"{printable(name)}, {value_words(result, row, places)}"

    words = [] if seen else ["No values."]
    ranked = sorted(((name, row) for name, row in seen if name not in (UNKNOWN, OTHER)), key=lambda pair: pair[1].value)
    if len(ranked) > 1 and ranked[0][1].value == ranked[-1][1].value:
        words.append(f"All {len(ranked)} alike, {value_words(result, ranked[0][1], places)}.")
    elif len(ranked) > 1:
        words.append(f"Highest {told(*ranked[-1])}; lowest {told(*ranked[0])}.")
    elif ranked:
        words.append(f"Only {told(*ranked[0])}.")
    words += [f"Level {told(name, row)}." for name, row in seen if name in (UNKNOWN, OTHER)]
    if beyond := [printable(name) for name, row in named if not_reached(row)]:
        words.append(f"Not reached, so beyond the end of the data: {', '.join(beyond)}.")
    if whole is not None and available(whole):
        words.append(f"Whole client {value_words(result, whole)}.")
    if seen and (hidden := len(named) - len(seen)):
        words.append(f"Without a value: {hidden}.")
    return " ".join([head, *words])


def triangle_alt(result: Result, cells: list, cohorts: int, columns: int) -> str:
    """For a cohort triangle: the range one month after the first, where later ones are comparable."""
    head = (
        f"Cohort triangle, a heat map with numbers. Down: {cohorts} cohorts by first month. "
        f"Across: months since, 0 to {columns - 1}. Cells: {result.metric.title}, {result.metric.unit}."
    )
    shown = [(cohort, after, row) for cohort, after, row in cells if after > 0 and available(row)]
    if not shown:
        return head
    told = []
    for word, pick in (("Highest", max), ("lowest", min)):
        cohort, after, row = pick(shown, key=lambda cell: cell[2].value)
        months = "1 month" if after == 1 else f"{after} months"
        told.append(f"{word} {value_words(result, row)} ({period_name(cohort, result.client)}, {months} after)")
    return f"{head} {' and '.join(told)} after the first month."


def curve_alt(result: Result, curves: list[Series], times: list[tuple[float, str]], stepped: list[bool]) -> str:
    """For steps or lines with a band over the time since the start: where each stands half way and at the end.

    stepped: of each curve, whether its steps are drawn, or a line through their ends.
    """
    form = "Steps" if all(stepped) else "Steps and lines" if any(stepped) else "Lines" if curves[1:] else "Line"
    head = (
        f"{form}{_banded(result, curves)}. Across: time since the start. Up: {result.metric.title}, {result.metric.unit}. "
        "Under the axis: how many were at risk."
    )
    told = []
    for one in curves:
        of = f"{printable(one.name)}: " if one.name else ""
        seen = [(words, at(one, days)) for days, words in times if one.x[0] < days <= one.x[-1]] or [
            ("the end", len(one.x) - 1)
        ]
        chosen = dict.fromkeys([seen[(len(seen) - 1) // 2], seen[-1]])
        points = (f"{point_words(result, one, place)} after {words}" for words, place in chosen)
        told.append(f"{of}{', '.join(points)}.")
    return " ".join([head, *told])


def funnel_alt(result: Result, stages: list) -> str:
    """For a funnel: each stage with how many reached it and the rate of the step to it, from the top down."""
    told = []
    for stage in stages:
        reached = whole_number(stage.reached, result.client) if known(stage.reached) else "not shown"
        rate = f" ({value_words(result, stage.step)})" if stage.step is not None and available(stage.step) else ""
        told.append(f"{printable(stage.name)} {reached}{rate}")
    return f"Funnel of bars from zero. Down: stages. Across: how many reached them. {', '.join(told)}."


def waterfall_alt(result: Result, named: list[tuple[str, str]]) -> str:
    """For a waterfall: each total and each step with its sign, from left to right."""
    told = ", ".join(f"{printable(name)} {words}" for name, words in named)
    return f"Waterfall of floating bars from zero. Up: {result.metric.title}, {result.client.currency}. {told}."


def lorenz_alt(result: Result, shares: list[tuple[int, str]]) -> str:
    """For a Lorenz curve: what some shares of the customers bring."""
    told = ", ".join(f"{customers} % bring {share}" for customers, share in shares)
    return (
        f"Lorenz curve under the diagonal of equal shares. Across: share of the customers, from the smallest. "
        f"Up: share of the revenue. The smallest {told}."
    )


def tracking_alt(result: Result, lines: list[Series], begins: float) -> str:
    """For lines over weeks: each where the holdout begins and at the end."""
    head = f"Line chart{_banded(result, lines)}. Across: weeks since the start. Up: how many, forecast and come."
    if known(begins):
        head += f" The holdout begins in week {begins:g}."
    ends = ", ".join(
        f"{line.name} {point_words(result, line, len(line.x) - 1, 'count')} in week {line.x[-1]:g}" for line in lines
    )
    return f"{head} Last: {ends}."


def payback_alt(result: Result, margin: Series, cost: Series) -> str:
    """For a rising line with a band against a level line: that level, and where the line stands half way and at the end."""
    last = len(margin.x) - 1
    told = ", ".join(
        f"{point_words(result, margin, place, 'money')} after {_months(margin.x[place])}"
        for place in dict.fromkeys([last // 2, last])
    )
    return (
        f"Line chart{_banded(result, [margin, cost])}. Across: months since a customer was won. Up: margin brought so far, "
        f"per customer. {told}. A level line at what winning a customer cost, {point_words(result, cost, 0, 'money')}."
    )


def _banded(result: Result, curves: list[Series]) -> str:
    """That there are bands, where one is drawn."""
    drawn = any((np.isfinite(one.low) & np.isfinite(one.high)).any() for one in curves)
    return f" with a band for the {percent(result.client.level, result.client)} interval" if drawn else ""


def _months(number: float) -> str:
    return f"{number:.0f} month{'' if number == 1 else 's'}"


def _value(row) -> float:
    return row.value
