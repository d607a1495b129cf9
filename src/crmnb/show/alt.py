"""Texts in place of pictures, made from the result: form, axes, highest, lowest, last, and the trend in words."""

from crmnb.result import Result
from crmnb.show.html import printable
from crmnb.show.numbers import is_cut, known, part_name, percent, period_name, whole_number
from crmnb.show.series import Series, at, point_words
from crmnb.show.words import available, noun, unfinished, value_words


def trend_alt(result: Result, panels: dict[str, list]) -> str:
    """For a line or bars over time."""
    counted = result.metric.unit == "count"
    form = "Bar chart with whiskers" if counted else "Line chart with a band"
    unit = noun(result.metric.counts) if counted else result.metric.unit
    some = next(iter(panels.values()))
    across = f"{len(some)} parts of {period_name(result.period.label, result.client)}"
    level = percent(result.client.level, result.client)
    head = f"{form} for the {level} interval. Across: {across}. Up: {result.metric.title}, {unit}."
    told = [_line_words(result, rows, component) for component, rows in panels.items()]
    return " ".join([head, *told])


def _line_words(result: Result, rows: list, component: str) -> str:
    seen = [row for row in rows if available(row)]
    of = f"{printable(component)}: " if component else ""
    if not seen:
        return f"{of}no values."
    highest, lowest, last = max(seen, key=_value), min(seen, key=_value), seen[-1]

    def told(row) -> str:
        partial = ", partial" if "partial" in row.flags else ", too early to tell" if "immature" in row.flags else ""
        return f"{value_words(result, row)} ({part_name(row.part, result.period, result.client)}{partial})"

    gaps = f" Without a value: {len(rows) - len(seen)} of {len(rows)}." if len(seen) < len(rows) else ""
    words = f"Highest {told(highest)}, lowest {told(lowest)}, last {told(last)}."
    return f"{of}{words} {_direction(result, seen)}{gaps}"


def _direction(result: Result, seen: list) -> str:
    """First against last whole part: a direction only where their intervals do not even touch."""
    ended = [row for row in seen if not unfinished(row) and known(row.low) and known(row.high)]
    whole = [row for row in ended if not is_cut(row.part, result.period, result.client)]
    if len(whole) < 2:
        return "Too few whole parts for a direction."
    first, last = whole[0], whole[-1]
    if last.low > first.high:
        return "The last whole part lies clearly above the first."
    if last.high < first.low:
        return "The last whole part lies clearly below the first."
    return "No clear difference between the first and the last whole part."


def dots_alt(result: Result, what: str, named: list[tuple[str, object]], whole: object | None) -> str:
    """For dots with whiskers: the order is that of the picture, from the highest down."""
    seen = [(name, row) for name, row in named if available(row)]
    level = percent(result.client.level, result.client)
    unit = "" if result.metric.unit == "count" else f", {result.metric.unit}"
    head = f"Dots with whiskers for the {level} interval, sorted. Down: {what}. Across: {result.metric.title}{unit}."
    if not seen:
        return f"{head} No values."
    (top, most), (bottom, least) = seen[0], seen[-1]
    words = (
        f"Highest {printable(top)}, {value_words(result, most)}; "
        f"lowest {printable(bottom)}, {value_words(result, least)}."
    )
    all_of = f" Whole client {value_words(result, whole)}." if whole is not None and available(whole) else ""
    hidden = f" Without a value: {len(named) - len(seen)}." if len(seen) < len(named) else ""
    return f"{head} {words}{all_of}{hidden}"


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


def curve_alt(result: Result, curves: list[Series], times: list[tuple[float, str]]) -> str:
    """For steps with a band over the time since the start: where each stands half way and at the end."""
    unit, level = result.metric.unit, percent(result.client.level, result.client)
    head = (
        f"Steps with a band for the {level} interval. Across: time since the start. Up: {result.metric.title}, {unit}. "
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
    head = f"Line chart. Across: weeks since the start. Up: {result.metric.title}."
    if known(begins):
        head += f" The holdout begins in week {begins:g}."
    ends = ", ".join(
        f"{line.name} {point_words(result, line, len(line.x) - 1, 'count')} in week {line.x[-1]:g}" for line in lines
    )
    return f"{head} Last: {ends}."


def payback_alt(result: Result, margin: Series, cost: Series) -> str:
    """For a rising line with a band against a level line: that level, and where the line stands half way and at the end."""
    level = percent(result.client.level, result.client)
    last = len(margin.x) - 1
    told = ", ".join(
        f"{point_words(result, margin, place, 'money')} after {_months(margin.x[place])}"
        for place in dict.fromkeys([last // 2, last])
    )
    return (
        f"Line chart with a band for the {level} interval. Across: months since a customer was won. Up: margin brought so far, "
        f"per customer. {told}. A level line at what winning a customer cost, {point_words(result, cost, 0, 'money')}."
    )


def _months(number: float) -> str:
    return f"{number:.0f} month{'' if number == 1 else 's'}"


def _value(row) -> float:
    return row.value
