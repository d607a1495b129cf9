"""Alternative texts of charts, from the result: form, axes, highest, lowest and last value, and the trend in words."""

import numpy as np

from crmnb.evaluate.result import Result
from crmnb.report.drawing.series import Series, at, point_words
from crmnb.report.html import printable
from crmnb.report.text.numbers import is_cut, known, part_name, percent, period_name, whole_number
from crmnb.report.text.precision import displayed
from crmnb.report.text.row_state import (
    available,
    bounded_below,
    has_before,
    has_interval,
    is_clearly_below,
    not_reached,
    unfinished,
)
from crmnb.report.text.values import breakdown_name, interval_name, noun, short_value, value_words
from crmnb.schema.tables import OTHER, UNKNOWN


def trend_alt(result: Result, panels: dict[str, list], places: int, before: dict[str, list]) -> str:
    """For a line or bars over time, with values of so many decimals; before: the parts of the comparison, by panel, those without a value None."""
    counted = result.metric.unit == "count"
    every = [row for rows in panels.values() for row in rows]
    form = _form("Bar chart" if counted else "Line chart", "whiskers" if counted else "a band", result, every)
    unit = noun(result.metric.numerator) if counted else _axis_unit(result)
    first = next(iter(panels.values()))
    across = f"{len(first)} parts of {period_name(result.period.label, result.client)}"
    head = f"{form}. Across: {across}. Up: {result.metric.title}, {unit}."
    lines = [
        _line_words(result, rows, breakdown, places) + _line_before(result, before[breakdown], places)
        for breakdown, rows in panels.items()
    ]
    return " ".join([head, *lines])


def _axis_unit(result: Result) -> str:
    """The unit that the axis is written in."""
    return displayed(result, result.metric.unit)[0]


def _form(form: str, intervals: str, result: Result, rows: list) -> str:
    """The form of a chart, with intervals only where there is one."""
    if not any(map(bounded_below, rows)):
        return form
    return f"{form} with {intervals} for the {interval_name(result)}"


def _line_words(result: Result, rows: list, breakdown: str, places: int) -> str:
    seen = [row for row in rows if available(row)]
    of = f"{breakdown_name(breakdown, result.client)}: " if breakdown else ""
    if not seen:
        return f"{of}no values."
    highest, lowest, last = max(seen, key=_value), min(seen, key=_value), seen[-1]

    def value_in_part(row) -> str:
        partial = ", partial" if "partial" in row.flags else ", too early" if "immature" in row.flags else ""
        return f"{value_words(result, row, places)} ({part_name(row.part, result.period, result.client)}{partial})"

    gaps = f" Without a value: {len(rows) - len(seen)} of {len(rows)}." if len(seen) < len(rows) else ""
    words = f"Highest {value_in_part(highest)}, lowest {value_in_part(lowest)}, last {value_in_part(last)}."
    if highest.value == lowest.value:
        words = f"All {len(seen)} equal, last {value_in_part(last)}."
    return f"{of}{words} {_direction(result, seen)}{gaps}"


def _line_before(result: Result, rows: list, places: int) -> str:
    """The highest and lowest value of the comparison's line."""
    seen = [row for row in rows if row]
    if not seen:
        return ""
    named = [
        f"{word} {value_words(result, row, places)} ({part_name(row.part, result.comparison, result.client)})"
        for word, row in (("highest", max(seen, key=_value)), ("lowest", min(seen, key=_value)))
    ]
    return f" Grey line, {period_name(result.comparison.label, result.client)}: {', '.join(named)}."


def _direction(result: Result, seen: list) -> str:
    """First against last complete part: a direction only where their intervals do not overlap."""
    ended = [row for row in seen if not unfinished(row) and not is_cut(row.part, result.period, result.client)]
    whole = [row for row in ended if has_interval(row)]
    if len(whole) < 2:
        few = len(ended) < 2
        return f"{'Too few complete parts' if few else 'Too few parts with an interval'} for a trend."
    first, last = whole[0], whole[-1]
    if is_clearly_below(first, last):
        return "The last complete part lies above the first; their intervals do not overlap."
    if is_clearly_below(last, first):
        return "The last complete part lies below the first; their intervals do not overlap."
    return "No detectable difference between the first and the last complete part."


def dots_alt(
    result: Result, what: str, named: list[tuple[str, object]], whole: object | None, places: int | None, zero: str = ""
) -> str:
    """For dots with whiskers; an unknown level is neither the highest nor the lowest; zero: what a line at zero stands for."""
    form = _form("Dots", "whiskers", result, [row for _, row in named])
    unit = "" if result.metric.unit == "count" else f", {_axis_unit(result)}"
    head = f"{form}, sorted. Down: {what}. Across: {result.metric.title}{unit}."
    seen = [(name, row) for name, row in named if available(row)]

    def named_value(name: str, row) -> str:
        return f"{printable(name)}, {value_words(result, row, places)}"

    words = [] if seen else ["No values."]
    ranked = sorted(((name, row) for name, row in seen if name not in (UNKNOWN, OTHER)), key=lambda pair: pair[1].value)
    if len(ranked) > 1 and ranked[0][1].value == ranked[-1][1].value:
        words.append(f"All {len(ranked)} equal, {value_words(result, ranked[0][1], places)}.")
    elif len(ranked) > 1:
        words.append(f"Highest {named_value(*ranked[-1])}; lowest {named_value(*ranked[0])}.")
    elif ranked:
        words.append(f"Only {named_value(*ranked[0])}.")
    words += [f"Level {named_value(name, row)}." for name, row in seen if name in (UNKNOWN, OTHER)]
    if beyond := [printable(name) for name, row in named if not_reached(row)]:
        words.append(f"Not reached within the data: {', '.join(beyond)}.")
    if whole is not None and available(whole):
        words.append(f"Whole client {value_words(result, whole)}.")
    if before := [f"{printable(name)}, {_before_words(result, row, places)}" for name, row in named if has_before(row)]:
        words.append(f"Diamonds, {period_name(result.comparison.label, result.client)}: {'; '.join(before)}.")
    if zero:
        words.append(f"Line at zero: {zero}.")
    if coloured := [
        printable(name)
        for name, row in seen
        if {"below_rest", "above_rest", "below_largest", "below_rival", "apart", "beyond_chance"} & {*row.flags.split()}
    ]:
        words.append(f"Coloured: {', '.join(coloured)}.")
    if seen and (hidden := len(named) - len(seen)):
        words.append(f"Without a value: {hidden}.")
    return " ".join([head, *words])


def _before_words(result: Result, row, places: int | None) -> str:
    """The value of the comparison period, written like the row's own."""
    return value_words(result, row._replace(value=row.previous), places)


def sample_ratio_alt(experiment: str, arms: list[tuple[str, str, str]], verdict: str) -> str:
    """For bars of the shares of arms beside lines at the planned shares."""
    shares = "; ".join(f"{printable(name)} {share}, planned {planned}" for name, share, planned in arms)
    return f"Bars of the share of the units, with lines at the planned share. {printable(experiment)}: {shares}. {verdict.capitalize()}."


def cohort_alt(result: Result, cells: list, cohorts: int, columns: int) -> str:
    """For a cohort heat map: the highest and the lowest cell after the first month."""
    head = (
        f"Cohort heat map with numbers. Down: {cohorts} cohorts by first month. "
        f"Across: months since the start, 0 to {columns - 1}. Cells: {result.metric.title}, {result.metric.unit}."
    )
    shown = [(cohort, after, row) for cohort, after, row in cells if after > 0 and available(row)]
    if not shown:
        return head
    extremes = []
    for word, pick in (("Highest", max), ("lowest", min)):
        cohort, after, row = pick(shown, key=lambda cell: cell[2].value)
        months = "1 month" if after == 1 else f"{after} months"
        extremes.append(
            f"{word} {value_words(result, row)} ({period_name(cohort, result.client)}, {months} after the start)"
        )
    return f"{head} {' and '.join(extremes)}."


def curve_alt(result: Result, curves: list[Series], times: list[tuple[float, str]], stepped: list[bool]) -> str:
    """For steps or lines with a band by time since the start: the value half way and at the end.

    stepped: of each curve, whether its steps are drawn, or a line through their ends.
    """
    form = "Steps" if all(stepped) else "Steps and lines" if any(stepped) else "Lines" if curves[1:] else "Line"
    head = (
        f"{form}{_banded(result, curves)}. Across: time since the start. Up: {result.metric.title}, {result.metric.unit}. "
        "Under the axis: the number at risk."
    )
    lines = []
    for curve in curves:
        name = f"{printable(curve.name)}: " if curve.name else ""
        seen = [(words, at(curve, days)) for days, words in times if curve.x[0] < days <= curve.x[-1]] or [
            ("the end", len(curve.x) - 1)
        ]
        chosen = dict.fromkeys([seen[(len(seen) - 1) // 2], seen[-1]])
        points = (f"{point_words(result, curve, place)} after {words}" for words, place in chosen)
        lines.append(f"{name}{', '.join(points)}.")
    return " ".join([head, *lines])


def funnel_alt(result: Result, stages: list) -> str:
    """For a funnel: each stage with the number that reached it and the conversion of the step, from the top down."""
    words = []
    for stage in stages:
        reached = whole_number(stage.reached, result.client) if known(stage.reached) else "not shown"
        rate = f" ({value_words(result, stage.step)})" if stage.step is not None and available(stage.step) else ""
        words.append(f"{printable(stage.name)} {reached}{rate}")
    return f"Funnel of bars from zero. Down: stages. Across: the number that reached them. {', '.join(words)}."


def composition_alt(result: Result, bars: list[tuple[str, list]]) -> str:
    """For stacked bars: the shares of each bar from left to right."""
    words = []
    for name, rows in bars:
        shares = (
            f"{printable(part)} {value_words(result, row) if available(row) else 'not shown'}" for part, row in rows
        )
        words.append(f"{printable(name)}: {', '.join(shares)}." if name else f"{', '.join(shares)}.")
    return f"Stacked bars to 100%. Across: {result.metric.title}, from left to right. {' '.join(words)}"


def waterfall_alt(result: Result, named: list[tuple[str, str]], unit: str = "") -> str:
    """For a waterfall: each total and each step with its sign, from left to right. unit: of a share, whose axis does not begin at zero; else money."""
    steps = ", ".join(f"{printable(name)} {words}" for name, words in named)
    form = "Waterfall of floating bars between two lines" if unit else "Waterfall of floating bars from zero"
    return f"{form}. Up: {result.metric.title}, {unit or result.client.currency}. {steps}."


def brand_funnel_alt(result: Result, stages: list[tuple[str, list[tuple[str, str]]]]) -> str:
    """For the funnel of several brands: by stage, the share of each brand, the own one first."""
    words = ". ".join(
        f"{name}: {', '.join(f'{printable(brand)} {value}' for brand, value in brands)}" for name, brands in stages
    )
    return f"Bars from zero with lines for the {interval_name(result)}, by stage and brand, the own brand first. Across: {result.metric.title}, %. {words}."


def position_alt(result: Result, metrics: int, ends: list[tuple[str, str]], behind: list[str]) -> str:
    """For the position among peers: the highest and the lowest metric, and those in the last quarter."""
    (top, most), (bottom, least) = ends
    last = ", ".join(behind) or "none"
    return (
        f"Dots with whiskers on the quarters of the peers, sorted. Down: {metrics} metrics. Across: percentile among peers, 0 to 100. "
        f"Highest {top}, {most}; lowest {bottom}, {least}. In the last quarter: {last}."
    )


def lorenz_alt(result: Result, shares: list[tuple[int, str]]) -> str:
    """For a Lorenz curve: the revenue share of some shares of customers."""
    words = ", ".join(f"{percent(customers / 100, result.client)} bring {share}" for customers, share in shares)
    return (
        f"Lorenz curve under the diagonal of equal shares. Across: share of customers, smallest first. "
        f"Up: share of revenue. The smallest {words}."
    )


def priority_alt(result: Result, drivers: list[tuple[str, str, str, str]]) -> str:
    """For a priority map: each driver with its score, its impact and its quadrant, from the largest impact down."""
    words = ". ".join(
        f"{name}: score {score}, impact {impact}{f' ({quadrant})' if quadrant else ''}"
        for name, score, impact, quadrant in drivers
    )
    return (
        f"Scatter plot with lines for the {interval_name(result)}. Across: score of the driver, 0 to 100. "
        f"Up: impact, points of the index for 5 more points of the driver. {words}."
    )


def link_alt(teams: int, ends: list[tuple[str, str, str]], line: list[tuple[str, str]]) -> str:
    """For dots of teams with a line: the teams of lowest and highest engagement with both scores, and both ends of the line."""
    (low, low_score, low_customers), (high, high_score, high_customers) = ends
    (x_from, y_from), (x_to, y_to) = line
    return (
        f"Scatter plot of {teams} teams with a line. Across: engagement index of the team, 0 to 100. "
        f"Up: satisfaction of its customers, 0 to 100. Lowest engagement {low}: {low_score}, customers {low_customers}. "
        f"Highest engagement {high}: {high_score}, customers {high_customers}. "
        f"Line from {y_from} at {x_from} to {y_to} at {x_to}."
    )


def flow_alt(result: Result, names: tuple[str, ...], parts: list[list]) -> str:
    """For two lines over time: the highest and the last value of each, and in how many parts the first lies above the second."""
    lines = []
    for place, name in enumerate(names):
        own = [rows[place] for rows in parts]
        highest, last = max(own, key=_value), own[-1]
        words = [
            f"{whole_number(row.value, result.client)} ({part_name(row.part, result.period, result.client)})"
            for row in (highest, last)
        ]
        lines.append(f"{printable(name)}: highest {words[0]}, last {words[1]}.")
    above = sum(first.value > second.value for first, second in parts)
    head = f"Two lines from zero. Across: {len(parts)} parts of {period_name(result.period.label, result.client)}. Up: tickets."
    return f"{head} {' '.join(lines)} More {names[0]} than {names[1]} in {above} of {len(parts)} parts."


def years_alt(result: Result, rows: list, before: list, names: tuple[str, str], places: int) -> str:
    """For lines of months, of the period and of its comparison: the highest, the lowest and the last value of each."""
    lines = []
    for name, own in zip(names, (rows, before), strict=True):
        seen = [row for row in own if available(row)]
        if not name or not seen:
            continue
        words = [
            f"{short_value(result, row, places)} ({breakdown_name(row.breakdown, result.client)})"
            for row in (max(seen, key=_value), min(seen, key=_value), seen[-1])
        ]
        lines.append(f"{name}: highest {words[0]}, lowest {words[1]}, last {words[2]}.")
    form = _form("Two lines" if len(lines) > 1 else "Line", "a band", result, rows)
    unit = noun(result.metric.numerator) if result.metric.unit == "count" else _axis_unit(result)
    return f"{form}. Across: {len(rows)} months. Up: {result.metric.title}, {unit}, from zero. {' '.join(lines)}"


def ages_alt(result: Result, names: list[str], parts: dict[str, list]) -> str:
    """For stacked bars over time: the highest and the last total, and the last by age."""
    totals = {label: sum(row.value for row in rows) for label, rows in parts.items()}
    labels = max(totals, key=totals.get), list(totals)[-1]
    words = [
        f"{whole_number(totals[label], result.client)} ({part_name(label, result.period, result.client)})"
        for label in labels
    ]
    last = ", ".join(
        f"{name} {whole_number(row.value, result.client)}" for name, row in zip(names, parts[labels[1]], strict=True)
    )
    head = f"Stacked bars from zero, newest at the foot. Across: ends of {len(parts)} parts of {period_name(result.period.label, result.client)}."
    return f"{head} Up: tickets. Highest {words[0]}, last {words[1]}. Last by age: {last}."


def resolution_alt(result: Result, marks: list[tuple[str, str]], targets: list[tuple[str, int, str]]) -> str:
    """For a rising curve: the share at round hours; and of each target how many came by then."""
    head = f"Steps with a band for the {interval_name(result)}. Across: hours since the opening. Up: {result.metric.title}, %."
    words = ", ".join(f"{share} within {hours} hours" for hours, share in marks)
    aims = "".join(f" Target {share}% within {hours} hours: {reached} are." for hours, share, reached in targets)
    return f"{head} {words}.{aims}"


def arrivals_alt(busiest: tuple[str, str, str], days: list[tuple[str, str]]) -> str:
    """For a heat map of the week: the busiest hour, and the share of each day."""
    words = ", ".join(f"{name} {share}" for name, share in days)
    return f"Heat map of the week. Across: hours of the day. Down: weekdays. Busiest {busiest[0]}, {busiest[1]}: {busiest[2]}. By day: {words}."


def completeness_alt(tables: int, counted: str, lowest: list[tuple[str, str]]) -> str:
    """For a heat map of columns: the lowest of those that count, where there are any, and the lowest of all."""
    named = [f"Lowest of {counted}: {name}, {share}." for name, share in lowest[:-1]]
    name, share = lowest[-1]
    return (
        f"Heat map. Down: {tables} {'table' if tables == 1 else 'tables'}. Across: columns of each, the lowest first. "
        f"{' '.join(named)}{' ' if named else ''}Lowest of all: {name}, {share}."
    )


def pareto_alt(causes: int, largest: tuple[str, str, str], shown: list[tuple[str, str]]) -> str:
    """For bars of causes, the most frequent first, and the line of their cumulated share."""
    name, rows, share = largest
    listed = "; ".join(f"{name}, {rows}" for name, rows in shown)
    return (
        f"Pareto chart of {causes} {'cause' if causes == 1 else 'causes'}: bars, and a line of the cumulated share. Largest {name}: {rows} rows, "
        f"{share}. In order: {listed}."
    )


def freshness_alt(tables: int, ends: list[tuple[str, str]], late: list[str], promised: bool) -> str:
    """For dots of ages on a logarithmic scale: the oldest and the youngest, and which are older than promised."""
    (oldest, most), (youngest, least) = ends
    words = f" Older than promised: {', '.join(late) or 'none'}." if promised else ""
    return (
        f"Dots on a logarithmic scale of time. Down: {tables} {'table' if tables == 1 else 'tables'}. Oldest {oldest}: {most}; youngest "
        f"{youngest}: {least}.{words}"
    )


def tracking_alt(result: Result, lines: list[Series], begins: float) -> str:
    """For lines over weeks: where the holdout begins, and the last values."""
    head = f"Line chart{_banded(result, lines)}. Across: weeks since the start. Up: number, forecast and actual."
    if known(begins):
        head += f" The holdout begins in week {whole_number(begins, result.client)}."
    ends = ", ".join(
        f"{line.name} {point_words(result, line, len(line.x) - 1, 'count')} in week {whole_number(line.x[-1], result.client)}"
        for line in lines
    )
    return f"{head} Last: {ends}."


def payback_alt(result: Result, margin: Series, cost: Series) -> str:
    """For a rising line with a band against a level line: that level, and the line's value half way and at the end."""
    last = len(margin.x) - 1
    words = ", ".join(
        f"{point_words(result, margin, place, 'money')} after {_months(margin.x[place])}"
        for place in dict.fromkeys([last // 2, last])
    )
    return (
        f"Line chart{_banded(result, [margin, cost])}. Across: months since acquisition. Up: cumulative margin "
        f"per new customer. {words}. A level line at the acquisition cost, {point_words(result, cost, 0, 'money')}."
    )


def _banded(result: Result, curves: list[Series]) -> str:
    """That there are bands, where one is drawn."""
    drawn = any((np.isfinite(curve.low) & np.isfinite(curve.high)).any() for curve in curves)
    return f" with a band for the {interval_name(result)}" if drawn else ""


def _months(number: float) -> str:
    return f"{number:.0f} month{'' if number == 1 else 's'}"


def _value(row) -> float:
    return row.value


def event_study_alt(result: Result, curve: Series, band: tuple[float, float] | None, unit: str) -> str:
    """For points by months since a start around a line at zero: the last one, how many lie apart from zero, and the band of placebos."""
    seen = [at for at in range(len(curve.x)) if curve.high[at] > curve.low[at]]
    whiskers = f" with whiskers for the {interval_name(result)}" if seen else ""
    since = [at for at in range(len(curve.x)) if curve.x[at] >= 0]
    head = f"Points{whiskers}. Across: months since the start. Up: effect on one unit. Line at zero."
    last = since[-1]
    words = f" Last {point_words(result, curve, last, unit)} in month {whole_number(curve.x[last], result.client)}."
    apart = [at for at in since if curve.low[at] > 0 or curve.high[at] < 0]
    words += f" Apart from zero: {len(apart)} of {len(since)} months since the start"
    before = [at for at in seen if curve.x[at] < 0]
    off = [at for at in before if curve.low[at] > 0 or curve.high[at] < 0]
    words += f", {len(off)} of {len(before)} before." if before else "."
    if not band:
        return head + words
    ends = Series(
        curve.name, *(np.array(values) for values in ([0, 1], band, [np.nan] * 2, [np.nan] * 2, [np.nan] * 2))
    )
    low, high = (point_words(result, ends, at, unit) for at in (0, 1))
    return f"{head}{words} Placebo band from {low} to {high}."


def accumulated_effect_alt(result: Result, curve: Series, unit: str) -> str:
    """For a line of sums since a start: its last value, and whether zero is in the band there."""
    last = len(curve.x) - 1
    is_apart = curve.low[last] > 0 or curve.high[last] < 0
    zero = "The band lies apart from zero there." if is_apart else "The band holds zero there."
    return (
        f"Line chart{_banded(result, [curve])}. Across: months since the start. Up: accumulated effect on one unit. "
        f"Last {point_words(result, curve, last, unit)} in month {whole_number(curve.x[last], result.client)}. {zero}"
    )
