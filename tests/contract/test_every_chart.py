"""Every chart's title and alternative text against what is drawn: highest, lowest, last, direction, intervals, order in time.

The charts are all that `Result` can draw, of every metric of the corner shop, and of results made by hand and by chance with
what ordinary data hold: levels not known, hidden groups, ties, missing intervals, gaps, parts that are not over.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pictured
import pytest
from drawn import Mark, agrees, banded, before, beside, curves, decimals, dots, month_of, over_time, recorded, value_at
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from synthetic import NAN, metric, rate, result, row

from crmnb.evaluate.result import Result
from crmnb.metrics.definition import catalogue
from crmnb.report.charts import charts
from crmnb.report.drawing.canvas import VERMILION
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.schema.tables import OTHER, UNKNOWN

Check = Callable[[Figure, Canvas], Iterator[str]]
DAYS = {"day": 1.0, "month": 365.25 / 12, "year": 365.25}
NO_DIFFERENCE = "no detectable difference between highest and lowest"


# ---- What each chart claims, held to what is drawn ----------------------------------------------------------


def wrong_dots(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Highest, lowest and whole of dots; whiskers; the title's two levels."""
    marks, whole = dots(drawn)
    named = [mark for mark in marks if np.isfinite(mark.value) and mark.name not in (UNKNOWN, OTHER)]
    yield from _intervals(shown, "with whiskers", [mark for mark in marks if np.isfinite(mark.low)])
    if len({mark.value for mark in named}) > 1:
        top, bottom = max(named, key=_value), min(named, key=_value)
        yield from _claim(shown.alt, "Highest ", top.value, named)
        yield from _claim(shown.alt, "; lowest ", bottom.value, named)
        yield from _title_of_levels(shown.title, top, bottom, named)
    elif "Highest" in shown.alt:
        yield "a highest of values that are all alike"
    claimed = re.search(r"Whole client (.*)", shown.alt)
    if bool(claimed) != (whole is not None):
        yield "the whole client is told and not drawn, or drawn and not told"
    elif claimed and not agrees(claimed[1], whole):
        yield f"the whole client: {claimed[1]!r} for {whole}"
    missing = re.search(r"Without a value: (\d+)\.", shown.alt)
    if (
        int(missing[1] if missing else 0) != sum(np.isnan(mark.value) for mark in marks)
        and "No values" not in shown.alt
    ):
        yield "a wrong number of levels without a value"


def _around_zero(shown: Figure, axes, marks: list[Mark], zero: float | None) -> Iterator[str]:
    """The line at zero, the whiskers, the highest and the lowest of dots around it."""
    words = {text.get_text() for text in axes.texts}
    line = re.search(r"Line at zero: (.+?)\.", shown.alt)
    if zero != 0 or not line or line[1] not in words:
        yield f"a line at {zero} for {line and line[1]}"
    yield from _intervals(shown, "with whiskers", [mark for mark in marks if np.isfinite(mark.low)])
    if len({mark.value for mark in marks}) > 1:
        yield from _claim(shown.alt, "Highest ", max(mark.value for mark in marks), marks)
        yield from _claim(shown.alt, "; lowest ", min(mark.value for mark in marks), marks)


def wrong_gaps(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots around a line at zero: highest and lowest; what is coloured; the level that the title names lies apart from zero, where it names one."""
    marks, zero = dots(drawn)
    (axes,) = drawn.axes
    yield from _around_zero(shown, axes, marks, zero)
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    coloured = [mark.name for mark, face in zip(marks, faces, strict=True) if face == VERMILION]
    told = re.search(r"Coloured: (.+?)\.(?: |$)", shown.alt)
    if sorted(told[1].split(", ") if told else []) != sorted(coloured):
        yield f"coloured: {told and told[1]} for {coloured}"
    if shown.title.endswith("beyond chance"):
        if coloured:
            yield f"the title: {shown.title} for {coloured}"
        return
    named = re.search(r"(?:segment: |missing |wanted |lowest )(.+) \((.+?)(?: against all others)?\)$", shown.title)
    (mark,) = [mark for mark in marks if mark.name.partition(": preferred")[0] == named[1]]
    apart = mark.low > 0 or mark.high < 0 or "lowest" in shown.title
    if not agrees(named[2], mark.value) or not apart or mark.value not in (marks[0].value, marks[-1].value):
        yield f"the title: {named[0]} for {mark}"


def wrong_explained(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots of touchpoints: the one that the title names has the highest share, and one beyond chance."""
    yield from wrong_dots(shown, drawn)
    marks, _ = dots(drawn)
    named = re.search(r"most at (.+) \((.+?)\)$", shown.title)
    top = max(marks, key=_value)
    if bool(named) != (top.low > 0) or (named and not agrees(named[2], top.value)):
        yield f"the title: {shown.title} for {top}"


def wrong_contrasts(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots of all levels: what is coloured, and that the title claims no difference where something is."""
    yield from wrong_dots(shown, drawn)
    marks = [mark for mark in dots(drawn)[0] if np.isfinite(mark.value)]
    faces = [line.get_markerfacecolor() for line in drawn.axes[0].lines if line.get_marker() == "o"]
    coloured = sorted(mark.name for mark, face in zip(marks, faces, strict=True) if face == VERMILION)
    told = re.search(r"Coloured: (.+?)\.(?: |$)", shown.alt)
    if sorted(told[1].split(", ") if told else []) != coloured:
        yield f"coloured: {told and told[1]} for {coloured}"
    if coloured and shown.title.endswith("no segment differs beyond chance"):
        yield f"the title: {shown.title} for {coloured}"


def wrong_voices(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots of themes: what is coloured, and the theme that the title names."""
    yield from wrong_dots(shown, drawn)
    marks = [mark for mark in dots(drawn)[0] if np.isfinite(mark.value)]
    faces = [line.get_markerfacecolor() for line in drawn.axes[0].lines if line.get_marker() == "o"]
    coloured = {mark.name: mark.value for mark, face in zip(marks, faces, strict=True) if face == VERMILION}
    named = re.search(r"^What they say: .+?, (\S+) raise \u201c(.+)\u201d", shown.title)
    if bool(named) != bool(coloured):
        yield f"the title: {shown.title} for {coloured}"
    if named and not any(name.startswith(named[2]) and agrees(named[1], value) for name, value in coloured.items()):
        yield f"the title: {shown.title} for {coloured}"


def wrong_levels(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots of levels: also one precision for all of them and their whole."""
    yield from wrong_dots(shown, drawn)
    (axes,) = drawn.axes
    labels = [
        text.get_text() for text in axes.texts if text.get_fontweight() == "bold" or text.get_text().startswith("all ")
    ]
    if len({decimals(words) for words in labels}) > 1:
        yield f"values side by side in several precisions: {labels}"
    told = re.search(r"Diamonds, [^:]+: (.+?)\.(?: |$)", shown.alt)
    values = dict(words.rsplit(", ", 1) for words in told[1].split("; ")) if told else {}
    drawn_before = before(drawn)
    if values.keys() != drawn_before.keys() or not all(agrees(values[n], drawn_before[n]) for n in values):
        yield f"the period before: {values}, drawn {drawn_before}"
    names = {mark.place: mark.name for mark in dots(drawn)[0]}
    points = [line for line in axes.lines if line.get_marker() == "o"]
    coloured = {names[line.get_ydata()[0]] for line in points if line.get_markeredgecolor() == VERMILION}
    told = re.search(r"Coloured: (.+?)\.(?: |$)", shown.alt)
    if {*(told[1].split(", ") if told else [])} != coloured:
        yield f"coloured: {told and told[1]} for {coloured}"


def wrong_trend(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Highest, lowest, last and direction of each panel; bands; gaps; the title's order in time."""
    panels = over_time(drawn)
    yield from _intervals(shown, "with ", [mark for marks in panels for mark in marks if np.isfinite(mark.low)])
    parts = [round(axes.get_xlim()[1] + 0.4) for axes in drawn.axes]
    if {int(re.search(r"Across: (\d+) parts", shown.alt)[1])} != set(parts):
        yield f"the panels have {parts} parts"
    told = re.findall(
        r"(?:Highest (.+?) \((.+?)\), lowest (.+?) \((.+?)\)|All (\d+) equal), last (.+?) \((.+?)\)\. "
        r"(Too few .+? for a trend|The last complete part lies .+? do not overlap|No .+? the last complete part)\.",
        shown.alt,
    )
    full = [marks for marks in panels if marks]
    if len(told) != len(full):
        yield f"{len(told)} sentences for {len(full)} panels with values"
        return
    for (most, when_most, least, when_least, alike, last, when_last, direction), marks in zip(told, full, strict=True):
        if alike:
            if len({mark.value for mark in marks}) > 1:
                yield "told as equal and not equal"
            if int(alike) != len(marks):
                yield f"{alike} told as equal, drawn {len(marks)}"
        else:
            yield from _at(most, when_most, max(marks, key=_value), marks, "highest")
            yield from _at(least, when_least, min(marks, key=_value), marks, "lowest")
        yield from _at(last, when_last, marks[-1], marks[-1:], "last")
        yield from _direction(direction, marks)
    if len(panels) == 1:
        yield from _title_over_time(shown, panels[0])
    gaps = sum(int(number) for number in re.findall(r"Without a value: (\d+) of", shown.alt))
    empty = parts[0] * shown.alt.count("no values.")
    if gaps + empty != sum(parts) - sum(map(len, panels)):
        yield "a wrong number of gaps"


def wrong_curve(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Where each curve stands half way and at the end, and steps, lines and bands."""
    lines = curves(drawn)
    yield from _intervals(shown, "with a band", [1] * banded(drawn))
    form = shown.alt.split(" with ")[0].split(".")[0]
    if form != {(True,): "Steps", (False,): "Line" if len(lines) == 1 else "Lines"}.get(
        tuple({line[2] for line in lines}), "Steps and lines"
    ):
        yield f"{form} is not what is drawn"
    names = [f"{name}: " for name in beside(drawn)] or [""]
    told = shown.alt.partition("at risk. ")[2]
    for name, line in zip(names, lines, strict=True):
        sentence = re.search(rf"{re.escape(name)}(.+? after .+?)\.(?: |$)", told)
        for words, number, unit in re.findall(
            r"([^,]+?) after (\d+) (day|month|year)s?", sentence[1] if sentence else ""
        ):
            yield from _stands(line, words, float(number) * DAYS[unit], name)
        if not sentence:
            yield f"nothing is told of {name!r}"
    yield from _title_of_curves(shown.title, dict(zip(beside(drawn) or [""], lines, strict=True)))


def wrong_funnel(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """How many reach each stage, and the rate of each step."""
    (axes,) = drawn.axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    places = list(axes.get_yticks())
    widths = {
        places[int(np.argmin(np.abs(np.array(places) - (bar.get_y() + bar.get_height() / 2))))]: bar.get_width()
        for bar in axes.patches
    }
    before = NAN
    for name, place in zip(names, places, strict=True):
        claimed = re.search(rf"{re.escape(name)} ([\d,]+|not shown)(?: \(([^)]*)\))?", shown.alt)
        now = widths.get(place, NAN)
        if (
            not claimed
            or (claimed[1] == "not shown") != np.isnan(now)
            or (np.isfinite(now) and not agrees(claimed[1], now))
        ):
            yield f"{name}: {claimed and claimed[1]!r} for {now}"
        elif claimed[2] and not np.isnan(before) and not agrees(claimed[2], 100 * now / before):
            yield f"{name}: {claimed[2]!r} for {100 * now / before}"
        before = now


def wrong_composition(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The shares of each bar from left to right, named as in the legend; bars that end at 100%; the title's largest share."""
    (axes,) = drawn.axes
    legend = [text.get_text() for text in axes.texts if text.xycoords == "axes fraction"]
    names = [text.get_text() for text in axes.get_yticklabels()]
    filled = [bar for bar in axes.patches if bar.get_fill()]
    told = shown.alt.partition("from left to right. ")[2]
    for place, name in zip(axes.get_yticks(), names, strict=True):
        bars = sorted((b for b in filled if abs(b.get_y() + b.get_height() / 2 - place) < 0.1), key=lambda b: b.get_x())
        ends = [0.0, *(bar.get_x() + bar.get_width() for bar in bars)]
        if [bar.get_x() for bar in bars] != pytest.approx(ends[:-1]) or ends[-1] != pytest.approx(100):
            yield f"{name}: the bar ends at {ends[-1]}"
        sentence = re.search(rf"{re.escape(name)}: ([^:]*)\." if name else r"(.*)\.", told)
        words = sentence[1].split(", ") if sentence else []
        if len(words) != len(bars) or len(bars) != len(legend):
            yield f"{name}: {words} for {len(bars)} bars and {legend}"
            continue
        for part, claim, bar in zip(legend, words, bars, strict=True):
            if not claim.startswith(f"{part} ") or not agrees(claim.removeprefix(f"{part} "), bar.get_width()):
                yield f"{name}, {part}: {claim!r} for {bar.get_width()}"
    if largest := re.search(r"the largest share is “(.+)”, (.+)$", shown.title):
        width = filled[legend.index(largest[1])].get_width()
        if len(names) > 1 or width != max(bar.get_width() for bar in filled) or not agrees(largest[2], width):
            yield f"the title: {shown.title!r}"


def wrong_waterfall(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Totals, and steps with their signs; the title's ends and largest step."""
    (axes,) = drawn.axes
    names = [text.get_text().replace("\n", " ") for text in axes.get_xticklabels()]
    ends = [line.get_ydata()[0] for line in axes.lines if line.get_linewidth() == 2]
    amounts = [ends[0], *np.diff(ends[:-1]), ends[-1]]
    for name, amount in zip(names, amounts, strict=True):
        claimed = re.search(rf"{re.escape(name)} ([^.]*?\d[\d,]*(?:\.\d+)?)", shown.alt)
        if not claimed or not agrees(claimed[1].replace("+", ""), amount):
            yield f"{name}: {claimed and claimed[1]!r} for {amount}"
    told = re.search(r": from (\S+) to (\S+); largest part: (.+) \((\S+)(?: pts)?\)$", shown.title)
    if bool(told) != (len(amounts) > 2 and amounts[0] != amounts[-1]):
        yield f"the title: {shown.title!r} for {amounts}"
    elif told:
        steps = dict(zip(names[1:-1], amounts[1:-1], strict=True))
        if not (agrees(told[1], amounts[0]) and agrees(told[2], amounts[-1])):
            yield f"the title's ends: {told[1]}, {told[2]} for {amounts[0]}, {amounts[-1]}"
        if abs(steps[told[3]]) != max(map(abs, steps.values())):
            yield f"{told[3]} is not the largest step"
        if not agrees(told[4].replace("+", ""), steps[told[3]]):
            yield f"{told[3]}: {told[4]} for {steps[told[3]]}"


def wrong_lorenz(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """What shares of the customers bring."""
    line = max(curves(drawn), key=lambda curve: len(curve[0]))  # beside it a bracket is drawn
    told = re.findall(r"(\d+)% bring (\d+(?:\.\d+)?%)", shown.alt)
    yield from (f"{share}%: {words}" for share, words in told if not agrees(words, value_at(line, float(share))))
    if len(told) != 4:
        yield f"{len(told)} shares are told"


def wrong_tracking(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Where each line ends; bands."""
    yield from _intervals(shown, "with a band", [1] * banded(drawn))
    for name, line in zip(beside(drawn), curves(drawn), strict=True):
        told = re.search(rf"{re.escape(name)} ([\d,.]+) in week (\d+)", shown.alt)
        if not told or not agrees(told[1], line[1][-1]) or float(told[2]) != line[0][-1]:
            yield f"{name}: {told and told[0]} for {line[1][-1]}"


def wrong_payback(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Where the margin stands half way and at the end, the cost, and when it is covered."""
    (axes,) = drawn.axes
    (margin,) = curves(drawn)
    yield from _intervals(shown, "with a band", [1] * banded(drawn))
    told = re.findall(r"(\S+) after (\d+) months?", shown.alt)
    if not told or float(told[-1][1]) != margin[0][-1]:
        yield f"the end of the margin is not told: {told}"
    for words, month in told:
        if not agrees(words, value_at(margin, float(month))):
            yield f"month {month}: {words}"
    level = next(line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2)
    if not agrees(shown.alt.rpartition("acquisition cost, ")[2], level):
        yield "the cost"
    covered = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    after = re.search(r": (\d+ months?)(?: \(|$)", shown.title)
    if bool(after) != bool(covered):
        yield "the title says when it is covered, or the dot does, but not both"
    elif after and not (agrees(after[1], covered[0]) and value_at(margin, covered[0]) >= level * (1 - 1e-9)):
        yield f"the title: covered after {covered[0]}"


def wrong_priority(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Score, impact and quadrant of each driver, the largest impact first; the title's two; lines where there are intervals."""
    (axes,) = drawn.axes
    names = [text.get_text() for text in axes.texts if text.get_fontweight() == "bold"]
    spots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    middle = [line for line in axes.lines if line.get_linestyle() != "-" and line.get_marker() == "None"]
    told = re.findall(r"\. ([^.:]+): score (\S+), impact (\S+)[^()]*?(?: \(([a-z ]+)\))?(?=\.)", shown.alt)
    if [name for name, *_ in told] != names or [y for _, y in spots] != sorted((y for _, y in spots), reverse=True):
        yield f"{told} for {names}"
        return
    for (name, score, impact, quadrant), (x, y) in zip(told, spots, strict=True):
        if not (agrees(score, x) and agrees(impact, y)):
            yield f"{name}: {score}, {impact} for {x}, {y}"
        if middle:
            right, above = x >= middle[0].get_xdata()[0], y >= middle[1].get_ydata()[0]
            if quadrant != PRIORITIES[above, right]:
                yield f"{name}: {quadrant} for {x}, {y}"
    whiskers = [line for line in axes.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]
    yield from _intervals(shown, "with lines", whiskers)
    upright = {line.get_xdata()[0]: sorted(line.get_ydata()) for line in whiskers if len({*line.get_xdata()}) == 1}
    across = {line.get_ydata()[0]: sorted(line.get_xdata()) for line in whiskers if len({*line.get_ydata()}) == 1}
    yield from _title_of_priorities(shown.title, names, [(*spot, across[spot[1]], upright[spot[0]]) for spot in spots])


def _title_of_priorities(title: str, names: list[str], spots: list[tuple]) -> Iterator[str]:
    """What to improve first, or the largest and the smallest impact: said where intervals hold it, and nowhere else."""
    mean_score, mean_impact = (np.mean([spot[at] for spot in spots]) for at in (0, 1))
    urgent = [
        name
        for name, (_, _, score, impact) in zip(names, spots, strict=True)
        if score[1] < mean_score and impact[0] > mean_impact
    ]
    apart = spots[-1][3][1] < spots[0][3][0]
    if first := re.search(r": improve (.+) first \(score (\S+), impact (\S+) ", title):
        place = names.index(first[1])
        held = first[1] == urgent[0] and agrees(first[2], spots[place][0]) and agrees(first[3], spots[place][1])
    elif ends := re.search(r": largest impact (.+) \((\S+) .*\), smallest (.+) \((\S+) ", title):
        told = ends[1] == names[0] and ends[3] == names[-1]
        held = not urgent and apart and told and agrees(ends[2], spots[0][1]) and agrees(ends[4], spots[-1][1])
    else:
        held = not urgent and not apart
    if not held:
        yield f"the title: {title!r}"


PRIORITIES = {
    (True, False): "improve first",
    (True, True): "keep up",
    (False, False): "improve later",
    (False, True): "maintain",
}


def wrong_link(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The teams of lowest and highest engagement, the number of teams, both ends of the line; a title no bolder than the line."""
    (axes,) = drawn.axes
    spots = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o")
    (line,) = [line for line in axes.lines if line.get_marker() == "None"]
    if not agrees(shown.alt.partition("plot of ")[2], len(spots)):
        yield f"{len(spots)} teams are drawn"
    for word, spot in (("Lowest", spots[0]), ("Highest", spots[-1])):
        told = re.search(rf"{word} engagement (.+?): (\S+), customers (\S+)\.(?: |$)", shown.alt)
        if not (agrees(told[2], spot[0]) and agrees(told[3], spot[1])):
            yield f"{word}: {told[0]!r} for {spot}"
    told = re.search(r"Line from (\S+) at (\S+) to (\S+) at (\S+)\.$", shown.alt)
    (x_from, x_to), (y_from, y_to) = line.get_xdata(), line.get_ydata()
    if not all(agrees(words, value) for words, value in zip(told.groups(), (y_from, x_from, y_to, x_to), strict=True)):
        yield f"the line: {told[0]!r}"
    if ("more satisfied" in shown.title and y_to <= y_from) or ("less satisfied" in shown.title and y_to >= y_from):
        yield f"the title: {shown.title!r}"


def wrong_sellers(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Pairs of dots, the furthest apart first: of each its difference in words, which is that of the means, and whether it is beyond chance."""
    (axes,) = drawn.axes
    squares, dots_ = ([line.get_xdata()[0] for line in axes.lines if line.get_marker() == form] for form in ("s", "o"))
    lines = [line for line in axes.lines if line.get_marker() == "None" and len({*line.get_ydata()}) == 1]
    told = re.findall(
        r"\. ([^.:]+): average sellers (.+?), top sellers (.+?), difference (\S+ [^(]+) \((.+?)\)(?=\.)", shown.alt
    )
    apart = [dot - square for square, dot in zip(squares, dots_, strict=True)]
    if not len(told) == len(apart) == len(lines) or [*map(abs, apart)] != sorted(map(abs, apart), reverse=True):
        yield f"{told} for {apart}"
        return
    words = {text.get_text() for text in axes.texts}
    bold = [text.get_text() for text in axes.texts if text.get_fontweight() == "bold"]
    beyond = []
    for (name, average, top, difference, interval), line, distance in zip(told, lines, apart, strict=True):
        means, limits = [_number(each) for each in (average, top)], [*map(_number, interval.split(" to "))]
        unit = 10.0 ** -min(decimals(each) for each in (average, top, difference))
        if abs(means[1] - means[0] - _number(difference)) > 1.5 * unit or np.sign(_number(difference)) != np.sign(
            distance
        ):
            yield f"{name}: {difference} for {average} and {top}, drawn {distance}"
        if [*line.get_xdata()] != [squares[len(beyond)], dots_[len(beyond)]] or not {
            name,
            difference,
            interval,
        } <= words:
            yield f"{name}: the line or the words beside it"
        beyond.append("beyond chance" in interval)
        if beyond[-1] != (line.get_linewidth() > 2) or beyond[-1] != (difference in bold):
            yield f"{name}: {interval} for a line of {line.get_linewidth()}"
        if beyond[-1] and not (limits[0] > 0 or limits[1] < 0):
            yield f"{name}: beyond chance, {interval}"
    named = re.search(r"furthest apart in (.+) \((.+)\)$", shown.title)
    first = next((practice for practice, is_beyond in zip(told, beyond, strict=True) if is_beyond), None)
    if (named and named.groups()) != (first and (first[0], first[3])):
        yield f"the title: {shown.title!r} for {first}"


def _number(words: str) -> float:
    """The first number of some words."""
    return float(
        re.search(r"[-+\N{MINUS SIGN}]?\d[\d,]*(?:\.\d+)?", words)[0].replace(",", "").replace("\N{MINUS SIGN}", "-")
    )


def wrong_flow(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The highest and the last of both lines, and how often the first is above; an axis from zero."""
    (axes,) = drawn.axes
    lines = [np.asarray(line.get_ydata(), float) for line in axes.lines if line.get_marker() == "o"]
    told = re.findall(r"(\w+): highest (\S+) \((.+?)\), last (\S+) \((.+?)\)", shown.alt)
    months = {text.get_text()[:3]: place for place, text in enumerate(axes.get_xticklabels())}
    for (name, most, when, last, _), line in zip(told, lines, strict=True):
        if not agrees(most, line.max()) or line[months[month_of(when)]] != line.max() or not agrees(last, line[-1]):
            yield f"{name}: {most} in {when}, last {last} for {line}"
    above = re.search(r"in (\d+) of (\d+) parts", shown.alt)
    if (int(above[1]), int(above[2])) != ((lines[0] > lines[1]).sum(), len(lines[0])) or axes.get_ylim()[0] != 0:
        yield f"{above[0]} for {lines}"


def wrong_years(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The highest, the lowest and the last month of each line; the band; how many months the title calls higher."""
    (axes,) = drawn.axes
    lines = [np.asarray(line.get_ydata(), float) for line in axes.lines if line.get_marker() == "o"]
    yield from _intervals(shown, "with a band", [1] * banded(drawn))
    months = [text.get_text() for text in axes.get_xticklabels()]
    for name, words in zip(beside(drawn), re.findall(r"(highest .+?\))\.(?: |$)", shown.alt), strict=True):
        line = lines[beside(drawn).index(name)]
        told = re.findall(r"(highest|lowest|last) (\S+) \((\w+)\)", words)
        true = {"highest": np.nanmax(line), "lowest": np.nanmin(line), "last": line[np.isfinite(line)][-1]}
        for which, value, month in told:
            if not agrees(value, true[which]) or line[months.index(month_of(month))] != true[which]:
                yield f"{name}: {which} {value} in {month} for {line}"
    higher = re.search(r"higher than in (.+) in (\d+) of (\d+) months", shown.title)
    if higher:
        both = np.isfinite(lines[0]) & np.isfinite(lines[1])
        if (int(higher[2]), int(higher[3])) != ((lines[0] > lines[1])[both].sum(), both.sum()):
            yield f"{higher[0]} for {lines}"
    if axes.get_ylim()[0] > 0:
        yield "an axis that does not begin at zero"


def wrong_lift(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots around no lift; the responses that the title calls more or fewer lie apart from zero, and the others do not."""
    yield from wrong_gaps(shown, drawn)
    marks, _ = dots(drawn)
    for word, apart in (("more", lambda mark: mark.low > 0), ("fewer", lambda mark: mark.high < 0)):
        told = re.search(rf"{word} (.+?)(?:,| beyond)", shown.title)
        names = {*(told[1].split(" and ") if told else ())}
        if names != {mark.name for mark in marks if apart(mark)}:
            yield f"the title: {shown.title} for {marks}"


def wrong_effects(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots around a line: highest and lowest; what is coloured lies apart from zero, and the title names just that."""
    marks, zero = dots(drawn)
    (axes,) = drawn.axes
    yield from _around_zero(shown, axes, marks, zero)
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    coloured = {mark.name: mark for mark, face in zip(marks, faces, strict=True) if face == VERMILION}
    told = re.search(r"Coloured: (.+?)\.(?: |$)", shown.alt)
    if {*(told[1].split(", ") if told else ())} != {*coloured}:
        yield f"coloured: {told and told[1]} for {coloured}"
    named = re.search(r": beyond chance in (.+)$", shown.title)
    if {*(re.split(", | and ", named[1]) if named else ())} != {*coloured}:
        yield f"the title: {shown.title} for {coloured}"
    if not named and not shown.title.endswith("nothing beyond chance"):
        yield f"the title: {shown.title}"
    if any(mark.low <= 0 <= mark.high for mark in coloured.values()):
        yield f"coloured, and not apart from zero: {coloured}"


def wrong_planned_shares(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Bars and lines of each arm as told; coloured, and so titled, where the ratio is another one than planned."""
    (axes,) = drawn.axes
    bars = [bar.get_width() for bar in axes.patches]
    planned = [line.get_xdata()[0] for line in axes.lines]
    told = re.findall(r"(?:: |; )([^;:]+?) ([\d.]+%), planned ([\d.]+%)", shown.alt)
    if len(told) != len(bars) or len(bars) != len(planned):
        yield f"{told} for {bars} and {planned}"
    for (name, share, plan), bar, line in zip(told, bars, planned, strict=False):
        if not (agrees(share, bar) and agrees(plan, line)):
            yield f"{name}: {share} and {plan} for {bar} and {line}"
        if f"{name}: {share}" not in {text.get_text() for text in axes.texts}:
            yield f"no label {name}: {share}"
    is_off = {to_hex(bar.get_facecolor()).upper() for bar in axes.patches} == {VERMILION.upper()}
    verdict = "another ratio than planned" if is_off else "as planned"
    if not shown.title.endswith(verdict) or not shown.alt.endswith(f"{verdict.capitalize()}."):
        yield f"the title: {shown.title}"


def wrong_ages(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The highest and the last total, the last by age, and the title's oldest."""
    (axes,) = drawn.axes
    stacks: dict[float, list[float]] = {}
    for bar in axes.patches:
        stacks.setdefault(bar.get_x(), []).append(bar.get_height())
    last, totals = stacks[max(stacks)], [sum(stack) for stack in stacks.values()]
    told = re.search(r"Highest (\S+) \(.+?\), last (\S+) \(", shown.alt)
    if not agrees(told[1], max(totals)) or not agrees(told[2], sum(last)):
        yield f"{told[0]!r} for {totals}"
    by_age = re.findall(r" (\d[\d,]*)(?=[,.])", shown.alt.partition("Last by age:")[2])
    if len(by_age) != len(last) or not all(agrees(words, height) for words, height in zip(by_age, last, strict=True)):
        yield f"{by_age} for {last}"
    title = re.search(r": (\S+) at the end of .+, (\S+) of them", shown.title)
    if not agrees(title[1], sum(last)) or not agrees(title[2], last[-1]):
        yield f"the title: {shown.title!r}"


def wrong_resolution(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Where the curve stands at the hours that are told, and at the targets; the band."""
    (line,) = [curve for curve in curves(drawn) if curve[2]]
    yield from _intervals(shown, "with a band", [1] * banded(drawn))
    told = re.findall(
        r"(\S+%) within (\S+) hours", f"{shown.alt.partition('%. ')[2].partition(' Target')[0]} {shown.title}"
    )
    for words, hours in told:
        if not agrees(words, value_at(line, float(hours.replace(",", "")))):
            yield f"{words} within {hours} hours for {value_at(line, float(hours.replace(',', '')))}"
    diamonds = [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in drawn.axes[0].lines if mark.get_marker() == "D"]
    aims = re.findall(r"Target (\d+)% within (\S+) hours: (\S+) are", shown.alt)
    for (share, hours, reached), (x, y) in zip(aims, diamonds, strict=True):
        if not (agrees(hours, x) and float(share) == y and agrees(reached, value_at(line, x))):
            yield f"target {share}: {reached} within {hours}"


def wrong_agents(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """How many dots, the line, the highest and the lowest, and who lies beyond the inner limits; names beside them."""
    (axes,) = drawn.axes
    spots = [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_color()) for line in axes.lines if line.get_marker() == "o"
    ]
    limits = [np.asarray(line.get_ydata(), float) for line in axes.lines if len(line.get_xdata()) > 2]
    sizes = np.asarray(next(line for line in axes.lines if len(line.get_xdata()) > 2).get_xdata(), float)
    if not agrees(shown.alt.partition("plot of ")[2], len(spots)):
        yield f"{len(spots)} dots"
    for word, pick in (("Highest", max), ("Lowest", min)):
        if not agrees(shown.alt.partition(f"{word} ")[2].partition(": ")[2], pick(y for _, y, _ in spots)):
            yield f"{word} for {spots}"
    beyond = [
        y
        for x, y, _ in spots
        if not np.interp(x, sizes, limits[0]) - 1e-9 <= y <= np.interp(x, sizes, limits[1]) + 1e-9
    ]
    told = shown.alt.partition(" limits: ")[2].rstrip(".")
    named = [] if told == "nobody" else told.split(", ")
    coloured = [y for _, y, colour in spots if colour == VERMILION]
    if len(named) != len(beyond) or sorted(coloured) != sorted(beyond):
        yield f"outside: {named} for {beyond}"
    if not all(agrees(words.rpartition(" ")[2], y) for words, y in zip(named, sorted(beyond), strict=True)):
        yield f"outside: {named} for {beyond}"
    if ("nobody outside" in shown.title) != (not beyond):
        yield f"the title: {shown.title!r}"


def wrong_agent_themes(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The share written in each cell is that of its colour; by theme the highest and the lowest agent; the title's theme, which is furthest apart."""
    (axes,) = drawn.axes
    cells = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    written = {tuple(text.xy): text.get_text() for text in axes.texts}
    for (down, across), share in np.ndenumerate(cells):
        words = written.get((across + 0.5, down + 0.5))
        if (words is None) != np.isnan(share) or (words and not agrees(words, share)):
            yield f"{words} for {share}"
    agents = [text.get_text() for text in axes.get_yticklabels()]
    told = re.findall(r"highest (\S+) (\S+%), lowest (\S+) (\S+%)\.", shown.alt)
    if len(told) != cells.shape[1] or not agrees(shown.alt.partition("Down: ")[2], len(agents)):
        yield f"{told} for {cells.shape[1]} themes of {len(agents)} agents"
        return
    for (high, most, low, least), column in zip(told, cells.T, strict=True):
        at_high, at_low = column[agents.index(high)], column[agents.index(low)]
        if at_high != np.nanmax(column) or at_low != np.nanmin(column):
            yield f"{high} and {low} for {column}"
        if not (agrees(most, at_high) and agrees(least, at_low)):
            yield f"{most} and {least} for {column}"
    ranges = np.nanmax(cells, axis=0) - np.nanmin(cells, axis=0)
    high, most, low, least = told[int(np.argmax(ranges))]
    ends = re.search(r" in (\S+) \((.+)\) to (\S+) \((.+)\) of comments$", shown.title)
    if (ends.groups() if ends else (least, low, most, high)) != (least, low, most, high) or bool(ends) != (
        most != least
    ):
        yield f"the title: {shown.title!r} for {told}"


def wrong_arrivals(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The busiest hour, in the alternative text and the title."""
    (axes,) = drawn.axes
    cells = np.ma.filled(axes.images[0].get_array().astype(float), np.nan).reshape(7, 24)
    days = [text.get_text() for text in axes.get_yticklabels()]
    told = re.search(r"Busiest (\w+), (\d+):00 to \d+:00: (\S+)\.", shown.alt)
    there = cells[days.index(told[1]), int(told[2])]
    if there != np.nanmax(cells) or not agrees(told[3], there):
        yield f"{told[0]!r} for {there}"
    if f"most on {told[1]} from {told[2]}:00" not in shown.title:
        yield f"the title: {shown.title!r}"
    if ("Blank" in " ".join(shown.notes)) != bool(np.isnan(cells).any()):
        yield "blank cells are told and there are none, or the other way round"


def wrong_brand_funnel(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Each bar from zero in order, by stage and brand, and the lines of intervals."""
    (axes,) = drawn.axes
    told = re.findall(r"(?<=[:,] )([^:,.]+?) (\d[\d.]*%|not shown)", shown.alt.partition(", %. ")[2])
    widths = [bar.get_width() for bar in sorted(axes.patches, key=lambda bar: bar.get_y())]
    values = [words for _, words in told if words != "not shown"]
    if len(values) != len(widths) or not all(agrees(words, width) for words, width in zip(values, widths, strict=True)):
        yield f"{told} for {widths}"
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    yield from _intervals(shown, "with lines", lines)
    title, brands = re.findall(r"\d[\d.]*%", shown.title), len({name for name, _ in told})
    if title and not (agrees(title[0], widths[0]) and agrees(title[1], widths[-brands])):
        yield f"the title: {shown.title!r} for {widths}"


def wrong_position(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The highest and the lowest dot, how many there are, those in the last quarter and in the best; the band of the middle half."""
    (axes,) = drawn.axes
    dots_ = [line for line in axes.lines if line.get_marker() == "o"]
    values = [line.get_xdata()[0] for line in dots_]
    ends = re.search(r"Highest .+?, (\S+?); lowest .+, (\S+?)\. In", shown.alt)
    if not agrees(ends[1], max(values)) or not agrees(ends[2], min(values)) or values != sorted(values, reverse=True):
        yield f"{ends[0]!r} for {values}"
    told = re.search(r"of (\d+) metrics, (\d+) in the best quarter of peers and (\d+) in the last", shown.title)
    counts = len(values), sum(value > 75 for value in values), sum(value < 25 for value in values)
    coloured = sum(line.get_markeredgecolor() == VERMILION for line in dots_)
    if tuple(map(int, told.groups())) != counts or coloured != counts[2]:
        yield f"the title: {shown.title!r} for {values}"
    bands = [patch.get_window_extent() for patch in axes.patches]
    edges = [axes.transData.inverted().transform((band.x0, band.y0))[0] for band in bands]
    if len(bands) != 1 or not np.isclose(edges[0], 25):
        yield f"the band begins at {edges}"


def wrong_completeness(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The lowest of all cells and of those with a star, in the alternative text and the title; a cell for each share that is written."""
    (axes,) = drawn.axes
    missing = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    written = [text.get_text() for text in axes.texts if text.get_text().rstrip("*").endswith("%")]
    if len(written) != np.isfinite(missing).sum():
        yield f"{len(written)} shares are written in {np.isfinite(missing).sum()} cells"
    told = re.search(r"Lowest of all: .+, (\S+)\.$", shown.alt)
    if not abs(float(told[1].rstrip("%")) - (100 - np.nanmax(missing))) <= 1:
        yield f"{told[0]!r} for {100 - np.nanmax(missing)}"
    starred = [float(text.rstrip("*%")) for text in written if text.endswith("*")]
    named = re.search(r": lowest for .+ \((\S+)%\)$", shown.title)
    if (float(named[1]) if named else 100.0) != min(starred):
        yield f"the title: {shown.title!r} for {min(starred)}"
    if named and f", {named[1]}%. Lowest of all" not in shown.alt:
        yield f"the lowest that counts is another: {shown.alt!r}"


def wrong_pareto(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The largest cause, in the alternative text and the title; bars that fall; a line that rises to all."""
    (axes,) = drawn.axes
    widths = [bar.get_width() for bar in axes.patches]
    (line,) = [line for line in axes.lines if line.get_marker() == "o"]
    so_far = list(line.get_xdata())
    if so_far != pytest.approx(np.cumsum(widths)) or so_far[-1] != pytest.approx(100):
        yield f"the line {so_far} of bars {widths}"
    causes = [
        width
        for width, bar in zip(widths, axes.patches, strict=True)
        if bar.get_facecolor() == axes.patches[0].get_facecolor()
    ]
    if causes != sorted(causes, reverse=True):
        yield f"bars are not in order: {widths}"
    told = re.search(r"Largest (.+): (\S+) rows, (\S+%)", shown.alt)
    names = [text.get_text() for text in axes.texts]
    if f"{told[1]}: {told[2]}" != names[0] or not agrees(told[3], widths[0]) or told[1] not in shown.title:
        yield f"{told[0]!r} for {names[0]} {widths[0]}"


def wrong_freshness(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Dots from the oldest to the youngest; those that are coloured are older than promised, and are told."""
    (axes,) = drawn.axes
    dots_ = [line for line in axes.lines if line.get_marker() == "o"]
    ages = [line.get_xdata()[0] for line in dots_]
    if ages != sorted(ages, reverse=True):
        yield f"ages are not in order: {ages}"
    names = [text.get_text().partition(":")[0] for text in axes.texts]
    coloured = [name for name, line in zip(names, dots_, strict=True) if line.get_color() == VERMILION]
    told = re.search(r"Older than promised: (.+)\.$", shown.alt)
    late = [] if not told or told[1] == "none" else told[1].split(", ")
    if late != coloured or (coloured and not shown.title.endswith("older than promised")):
        yield f"older than promised: {told and told[1]} for {coloured}; {shown.title!r}"
    if f"Oldest {names[0]}:" not in shown.alt or f"youngest {names[-1]}:" not in shown.alt:
        yield f"oldest and youngest: {shown.alt!r}"


def wrong_cohorts(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """Highest and lowest of the cells after the first month."""
    (axes,) = drawn.axes
    cells = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    rows = [text.get_text() for text in axes.get_yticklabels()]
    for word, pick in (("Highest", np.nanmax), ("lowest", np.nanmin)):
        told = re.search(rf"{word} (\S+) \((.+?), (\d+) months? after the start\)", shown.alt)
        if np.isfinite(cells).any() != bool(told):
            yield f"{word} is told and there is none, or the other way round"
        elif told:
            there = cells[rows.index(told[2]), int(told[3])]
            if there != pick(cells) or not agrees(told[1], there):
                yield f"{word}: {told[0]} for {pick(cells)}"


def _value(mark: Mark) -> float:
    return mark.value


def _intervals(shown: Figure, words: str, drawn: list) -> Iterator[str]:
    """Intervals are told where they are drawn, and nowhere else."""
    form = shown.alt.partition(".")[0]
    if (words in form) != bool(drawn):
        yield f"intervals: {form!r}, drawn: {len(drawn)}"
    noted = any(word in note for note in shown.notes for word in ("Whiskers:", "Band:", "Bands:"))
    if noted and not drawn:
        yield "a note tells of intervals that are not drawn"


def _claim(alt: str, word: str, value: float, marks: list[Mark]) -> Iterator[str]:
    """The name and the value behind a word are those of a mark with that value."""
    told = alt.partition(word)[2]
    named = [mark for mark in marks if mark.value == value and told.startswith(f"{mark.name}, ")]
    if not any(agrees(told.removeprefix(f"{mark.name}, "), value) for mark in named):
        yield f"{word.strip('; ')}: {told[:40]!r}, drawn {[mark.name for mark in marks if mark.value == value]} {value}"


def _title_of_levels(title: str, top: Mark, bottom: Mark, marks: list[Mark]) -> Iterator[str]:
    if NO_DIFFERENCE in title and top.low > bottom.high:
        yield f"{NO_DIFFERENCE}, and they lie apart"
    ends = re.search(r": ([^:]*?\d[^:]*?) in ([^:]+), (\S*\d.*?) in ([^:]+)$", title)
    if ends and NO_DIFFERENCE not in title:
        high, low = ([mark for mark in marks if mark.name == ends[at]] for at in (2, 4))
        if not (high and low and agrees(ends[1], high[0].value) and agrees(ends[3], low[0].value)):
            yield f"the title: {title!r}"
        elif not high[0].low > low[0].high:
            yield "the title names two levels whose intervals touch"


def _at(words: str, when: str, mark: Mark, marks: list[Mark], what: str) -> Iterator[str]:
    there = [other for other in marks if other.name == month_of(when) and other.value == mark.value]
    if not there or not agrees(words, mark.value):
        yield f"{what}: {words} in {when}, drawn {mark}"
    elif there[0].hollow != ("partial" in when or "too early" in when):
        yield f"{what}: {when} is told whole and drawn hollow, or the other way round"


def _direction(words: str, marks: list[Mark]) -> Iterator[str]:
    whole = [mark for mark in marks if not mark.hollow and np.isfinite(mark.low)]
    if len(whole) < 2:
        right = "Too few"
    else:
        first, last = whole[0], whole[-1]
        right = (
            "lies above the first; their intervals do not overlap"
            if last.low > first.high
            else "lies below the first; their intervals do not overlap"
            if last.high < first.low
            else "No detectable difference between the first and the last complete part"
        )
    if right not in words:
        yield f"{words!r}, drawn: {right}"


def _title_over_time(shown: Figure, marks: list[Mark]) -> Iterator[str]:
    title, unit = shown.title, " years" if re.search(r"Up: [^.]*, years\.", shown.alt) else ""
    top, bottom = max(marks, key=_value), min(marks, key=_value)
    if NO_DIFFERENCE in title and top.low > bottom.high:
        yield f"{NO_DIFFERENCE}, and they lie apart"
    seen = title.rpartition(": ")[2]
    ends = re.findall(r"(highest|lowest) (\S*\d\S*(?: \S+)?) in (\w+)", seen)
    named = [
        next((mark for mark in marks if mark.name == month_of(when) and agrees(words + unit, mark.value)), None)
        for _, words, when in ends
    ]
    if None in named or len(ends) != (2 if " in " in seen and NO_DIFFERENCE not in seen else 0):
        yield f"the title: {title!r}"
    elif ends and not _high_over_low(dict(zip((word for word, _, _ in ends), named, strict=True))):
        yield f"the title's highest does not lie above its lowest: {title!r}"
    elif [mark.place for mark in named] != sorted(mark.place for mark in named):
        yield f"backwards in time: {title!r}"


def _high_over_low(named: dict[str, Mark]) -> bool:
    return named.keys() == {"highest", "lowest"} and named["highest"].low > named["lowest"].high


def _title_of_curves(title: str, lines: dict[str, tuple[np.ndarray, np.ndarray, bool]]) -> Iterator[str]:
    """Every value in the title is where its curve stands; of two levels, the higher one first."""
    told = re.search(r": ([^:]*\d.*) after (\d+) (day|year)s?$", title)
    if not told:
        return
    days = float(told[2]) * {"day": 1, "year": 365}[told[3]]
    ends = re.search(r"^(\S+%) in (.+), (\S+%) in (.+)$", told[1])
    if ends:
        values = {ends[2]: ends[1], ends[4]: ends[3]}
        if not value_at(lines[ends[2]], days) > value_at(lines[ends[4]], days):
            yield f"the title's first level does not lie above its second: {title!r}"
    else:
        values = {
            name.removesuffix("remain").strip(): words for words, name in re.findall(r"(\S+%) ?(.*?)(?:, |$)", told[1])
        }
    if not values or not values.keys() <= lines.keys():
        yield f"the title names {sorted(values)}, drawn: {sorted(lines)}"
        return
    for name, words in values.items():
        yield from _stands(lines[name], words, days, name)


def _stands(line: tuple[np.ndarray, np.ndarray, bool], words: str, x: float, name: str) -> Iterator[str]:
    """A curve's value at a place; a line may have been drawn from fewer points than were told of."""
    reach = 0 if line[2] else (line[0][-1] - line[0][0]) / 80
    near = sorted(value_at(line, at) for at in (x - reach, x + reach))
    half = 0.5 * 10.0 ** -decimals(words)
    if not any(
        agrees(words, value) for value in (near[0], value_at(line, x), near[1], *np.arange(near[0], near[1], half))
    ):
        yield f"{name}{words} after {x}, drawn {near}"


def wrong_event_study(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The last point, the points apart from zero before and since the start, and the band of placebos."""
    (axes,) = drawn.axes
    points = {line.get_xdata()[0]: line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"}
    whiskers = {
        line.get_xdata()[0]: sorted(line.get_ydata())
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1] in points
    }
    yield from _intervals(shown, "with whiskers", [*whiskers])
    told = re.search(r"Last (.+?) in month (\d+)", shown.alt)
    last = max(points)
    if not told or float(told[2]) != last or not agrees(told[1], points[last]):
        yield f"the last: {told and told[0]} for {points[last]} in {last}"
    apart = [x for x, (low, high) in whiskers.items() if low > 0 or high < 0]
    before = re.search(r", (\d+) of (\d+) before", shown.alt)
    since = re.search(r"zero: (\d+) of (\d+) months since", shown.alt)
    counts = (sum(x >= 0 for x in apart), sum(x >= 0 for x in points))
    if tuple(map(int, since.groups())) != counts:
        yield f"since the start: {since[0]} for {counts}"
    counts = (sum(x < 0 for x in apart), sum(x < 0 for x in whiskers))
    if (tuple(map(int, before.groups())) if before else (0, 0)) != counts:
        yield f"before the start: {before and before[0]} for {counts}"
    band = [patch for patch in axes.patches if patch.get_width() == 1]
    named = re.search(r"Placebo band from (.+?) to (.+?)\.$", shown.alt)
    if bool(band) != bool(named):
        yield "a band that is not told, or told and not drawn"
    elif band:
        low, high = band[0].get_y(), band[0].get_y() + band[0].get_height()
        if not agrees(named[1], low) or not agrees(named[2], high):
            yield f"the band: {named[0]} for {low} to {high}"


def wrong_accumulated_effect(shown: Figure, drawn: Canvas) -> Iterator[str]:
    """The last value, and whether the band holds zero there."""
    (line,) = (line for line in drawn.axes[0].lines if line.get_marker() == "o")
    told = re.search(r"Last (.+?) in month (\d+)", shown.alt)
    if not told or float(told[2]) != line.get_xdata()[-1] or not agrees(told[1], line.get_ydata()[-1]):
        yield f"the last: {told and told[0]} for {line.get_ydata()[-1]}"
    (band,) = (shape for shape in drawn.axes[0].collections if hasattr(shape, "get_paths"))
    x, y = band.get_paths()[0].vertices.T
    ends = y[np.isclose(x, line.get_xdata()[-1])]
    if ("apart" in shown.alt) != (ends.min() > 0 or ends.max() < 0):
        yield f"zero: {shown.alt} for {ends.min()} to {ends.max()}"


CHECKS: dict[str, Check] = {
    "trend": wrong_trend,
    "segments": wrong_levels,
    "breakdown": wrong_dots,
    "survival": wrong_curve,
    "funnel": wrong_funnel,
    "composition": wrong_composition,
    "waterfall": wrong_waterfall,
    "lorenz": wrong_lorenz,
    "backtest": wrong_tracking,
    "payback": wrong_payback,
    "priority": wrong_priority,
    "cohorts": wrong_cohorts,
    "weakest": wrong_gaps,
    "voices": wrong_voices,
    "levels": wrong_contrasts,
    "explained": wrong_explained,
    "representation": wrong_gaps,
    "channels": wrong_gaps,
    "link": wrong_link,
    "sellers": wrong_sellers,
    "flow": wrong_flow,
    "ages": wrong_ages,
    "years": wrong_years,
    "lift": wrong_lift,
    "resolution": wrong_resolution,
    "agents": wrong_agents,
    "agent_themes": wrong_agent_themes,
    "arrivals": wrong_arrivals,
    "brands": wrong_brand_funnel,
    "brand_gaps": wrong_gaps,
    "position": wrong_position,
    "completeness": wrong_completeness,
    "pareto": wrong_pareto,
    "freshness": wrong_freshness,
    "effects": wrong_effects,
    "balance": wrong_effects,
    "forest": wrong_effects,
    "arms": wrong_dots,
    "planned_shares": wrong_planned_shares,
    "event_study": wrong_event_study,
    "accumulated_effect": wrong_accumulated_effect,
}


def wrong(of: Result, how: str, *arguments: str) -> tuple[int, list[str]]:
    """How many figures a result draws in one way, and what their texts claim that is not drawn."""
    with recorded() as drawn:
        gave = of.plot(how, *arguments)
    figures = gave.figures if isinstance(gave, Figures) else (gave,)
    assert len(figures) == len(drawn)
    found = [
        f"{figure.title}: {what}"
        for figure, picture in zip(figures, drawn, strict=True)
        for what in CHECKS[how](figure, picture)
    ]
    return len(figures), found


# ---- Every chart --------------------------------------------------------------------------------------------


def test_every_way_to_draw_is_checked():
    assert charts().keys() == CHECKS.keys()


def test_every_chart_of_the_corner_shop(corner_shop):
    found, seen = [], dict.fromkeys(CHECKS, 0)
    for name in catalogue():
        of = corner_shop(name)
        for how in CHECKS:
            ways = [(), *([(segment,) for segment in of.segmentations] if how == "survival" else [])]
            for arguments in ways:
                count, problems = wrong(of, how, *arguments)
                seen[how] += count
                found += [f"{name}.{how}{arguments}: {problem}" for problem in problems]
    assert found == []
    assert seen["trend"] >= 25
    assert seen["segments"] >= 60


MADE = {
    "survival": ("survival", (), pictured.survival),
    "survival by region": (
        "survival",
        ("region",),
        lambda: pictured.survival({"North": 1500, "South": 700, UNKNOWN: 300, "West": 900}),
    ),
    "conversion": ("survival", (), pictured.conversion),
    "funnel": ("funnel", (), pictured.stages),
    "funnel with a gap": (
        "funnel",
        (),
        lambda: pictured.stages(value=NAN, low=NAN, high=NAN, numerator=NAN, flags="suppressed"),
    ),
    "shares": ("composition", (), pictured.shares),
    "shares by survey": ("composition", (), lambda: pictured.shares(purchase=(10, 40, 50), support=(0, 9, 1))),
    "waterfall": ("waterfall", (), pictured.growth),
    "waterfall below zero": ("waterfall", (), lambda: pictured.growth(before=9000.0, now=-1000.0, lost=-10_000.0)),
    "lorenz": ("lorenz", (), pictured.concentration),
    "tracking": ("backtest", (), pictured.forecast),
    "payback": ("payback", (), pictured.payback),
    "priorities": ("priority", (), pictured.priorities),
    "priorities that do not differ": ("priority", (), lambda: pictured.priorities(Service=(61, 2.4), Price=(55, 2.1))),
    "priorities without an urgent one": (
        "priority",
        (),
        lambda: pictured.priorities(Service=(71, 3.4), Price=(55, 2.1), Range=(66, 2.2)),
    ),
    "a single driver": ("priority", (), lambda: pictured.priorities(Service=(61, 2.4))),
    "link": ("link", (), pictured.link),
    "falling link": ("link", (), lambda: pictured.link(-0.5)),
    "no detectable link": ("link", (), lambda: pictured.link(0.1)),
    "link of many teams": ("link", (), lambda: pictured.link(teams=30)),
    "hazard ratios": ("breakdown", (), pictured.hazards),
    "medians": ("segments", (), pictured.medians),
    "themes of agents": ("agent_themes", (), pictured.agents_with_themes),
    "themes of agents who are all alike": (
        "agent_themes",
        (),
        lambda: pictured.agents_with_themes(A1=(20, 9), A2=(20, 9)),
    ),
    "a theme that is not shown of an agent": (
        "agent_themes",
        (),
        lambda: pictured.agents_with_themes(A1=(31, 12), A2=(24, NAN)),
    ),
    "initiatives": ("event_study", (), pictured.initiatives),
    "initiatives without an effect": ("event_study", (), lambda: pictured.initiatives(0.1)),
    "initiatives without months before": ("event_study", (), lambda: pictured.initiatives(before=0)),
    "initiatives accumulated": ("accumulated_effect", (), pictured.initiatives),
    "initiatives without an effect accumulated": ("accumulated_effect", (), lambda: pictured.initiatives(0.0)),
    "sellers": ("sellers", (), pictured.practices),
    "sellers who are all alike": ("sellers", (), lambda: pictured.practices(call=(10.0, 10.0, 3.0, ""))),
}


@pytest.mark.parametrize("name", MADE)
def test_every_chart_made_by_hand(name):
    how, arguments, make = MADE[name]
    assert wrong(make(), how, *arguments) == (1, [])


def by_chance(seed: int) -> Result:
    """A year by months and regions, with what ordinary data hold."""
    draw = random.Random(seed)  # noqa: S311 -- cases of a test
    unit = draw.choice(["%", "%", "money", "count", "points", "days"])
    of = metric(unit=unit, title="Quantity")
    scale = draw.choice([1.0, 30.0, 55.0, 4000.0]) if unit != "%" else 60.0
    wide = draw.choice([0.002, 0.03, 0.2])

    def some(**where) -> dict:
        value = round(scale * draw.uniform(0.4, 1.4), 6) if draw.random() < 0.85 else scale
        value = float(round(value)) if unit == "count" else min(value, 100.0) if unit == "%" else value
        half = scale * wide * draw.uniform(0.5, 1.5)
        high = value + half if draw.random() < 0.95 else NAN
        kind = draw.choice(["", "", "", "", "low_base", "immature", "partial", "suppressed", "unavailable", "bare"])
        given = {
            "value": value,
            "low": value - half,
            "high": high,
            "n": draw.randint(20, 900),
            "unit": unit,
            "flags": kind,
        }
        if kind in ("suppressed", "unavailable"):
            given |= {"value": NAN, "low": NAN, "high": NAN}
        if draw.random() < 0.5:
            past = value * draw.uniform(0.7, 1.0)
            given |= {"previous": past, "change": value - past}
        if kind == "bare" or np.isnan(high):
            given |= {"low": NAN, "high": NAN, "flags": ""}
        return row(**(given | where))

    names = [f"Region {letter}" for letter in "ABCDEFGH"[: draw.randint(2, 8)]] + [UNKNOWN]
    rows = [some(flags="", value=scale, low=scale * (1 - wide), high=scale * (1 + wide))]
    rows += [some(segment="region", level=name) for name in names]
    rows += [some(part=f"2025-{month:02}") for month in range(1, 13) if draw.random() < 0.95]
    return result(rows, of=of)


@pytest.mark.parametrize("seed", range(40))
def test_every_chart_made_by_chance(seed):
    of = by_chance(seed)
    assert wrong(of, "segments")[1] == []
    assert wrong(of, "trend")[1] == []


def test_components_of_which_months_are_missing_share_an_axis():
    rows = [rate(20 + m, 50, 4, breakdown="a", part=f"2025-{m:02}") for m in (1, 2, 5, 6, 7)]
    rows += [rate(10 + m, 50, 4, breakdown="b", part=f"2025-{m:02}") for m in (2, 6)]
    of = result(rows, of=metric(breakdown="survey"))
    with recorded() as drawn:
        shown = of.plot("trend")
    assert list(wrong_trend(shown, drawn[0])) == []
    first, second = over_time(drawn[0])
    assert [mark.name for mark in first] == ["Jan", "Feb", "May", "Jun", "Jul"]
    assert [mark.name for mark in second] == ["Feb", "Jun"]


# ---- The pencil cases of what was wrong ---------------------------------------------------------------------


def levels(**values: float) -> list[dict]:
    named = {UNKNOWN if name == "unknown" else name: value for name, value in values.items()}
    return [rate(value, 100, 3, segment="region", level=name) for name, value in named.items()]


def test_a_level_that_is_not_known_is_neither_highest_nor_lowest():
    figure = result([rate(70, 100, 1), *levels(North=80, South=60, unknown=75)]).plot("segments", "region").figures[0]
    assert "Highest North, 80%; lowest South, 60%. Level (not known), 75%. Whole client 70%." in figure.alt


def test_a_title_over_time_is_never_backwards():
    values = {2: 81, 3: 80, 4: 73, 5: 78}
    figure = result([rate(value, 100, 2, part=f"2025-{month:02}") for month, value in values.items()]).plot("trend")
    assert figure.title.endswith("by month: highest 81% in February, lowest 73% in April")


def test_no_band_is_told_where_none_is_drawn():
    bare = {"low": NAN, "high": NAN}
    rows = [rate(50 + month, 100, 0, part=f"2025-{month:02}") | bare for month in range(1, 5)]
    rows += [rate(value, 100, 0, segment="region", level=name) | bare for name, value in (("North", 60), ("South", 50))]
    trend, (by,) = result(rows).plot("trend"), result(rows).plot("segments", "region").figures
    assert trend.alt.startswith("Line chart. ")
    assert "Too few parts with an interval for a trend." in trend.alt
    assert by.alt.startswith("Dots, sorted. ")
    assert "Band" not in " ".join(trend.notes)
    assert "Whiskers" not in " ".join(by.notes)


def test_one_value_is_written_one_way_on_a_page():
    """Average order value 55.4987: 55.50 on the tile was 55 in the chart, and a level at the same spot 56."""
    money = metric(unit="money", title="Average order value")
    whole = row(value=55.4987, low=54.95, high=56.05, n=9000, unit="money")
    named = [("North", 55.52, 54.1, 57.0), ("South", 55.47, 54.0, 57.1)]
    rows = [
        whole,
        *(
            row(value=v, low=lo, high=hi, n=3000, unit="money", segment="region", level=name)
            for name, v, lo, hi in named
        ),
    ]
    rows += [
        row(value=54.0 + m / 7, low=52.0, high=58.0, n=700, unit="money", part=f"2025-{m:02}") for m in range(1, 13)
    ]
    of = result(rows, of=money)
    with recorded() as drawn:
        figure = of.plot("segments", "region").figures[0]
        trend = of.plot("trend")
    (axes,) = drawn[0].axes
    assert {"all £55.50", "£55.52", "£55.47"} <= {text.get_text() for text in axes.texts}
    assert "Highest North, £55.52; lowest South, £55.47. Whole client £55.50." in figure.alt
    assert repr(of).startswith("Average order value, 2025: £55.50")
    assert "Highest £55.71 (December)" in trend.alt


def test_a_long_tenure_is_in_years_in_the_title_and_in_the_axis_too():
    days = {"n": 900, "unit": "days"}
    rows = [row(value=1133.0, low=1100.0, high=1166.0, **days)]
    rows += [
        row(value=value, low=value - 30, high=value + 30, segment="region", level=name, **days)
        for name, value in (("North", 1461.0), ("South", 731.0))
    ]
    rows += [
        row(value=1000.0 + 60 * m, low=970.0 + 60 * m, high=1030.0 + 60 * m, part=f"2025-{m:02}", **days)
        for m in range(1, 13)
    ]
    of = result(rows, of=metric(unit="days", title="Tenure"))
    (figure,) = of.plot("segments", "region").figures
    assert figure.title == "Tenure by region: 4.0 years in North, 2.0 years in South"
    assert "Across: Tenure, years. Highest North, 4.0 years; lowest South, 2.0 years." in figure.alt
    assert "Up: Tenure, years. Highest 4.7 years (December)" in of.plot("trend").alt
    assert [wrong(of, how)[1] for how in ("segments", "trend")] == [[], []]


@pytest.mark.parametrize(
    ("how", "of"),
    [("lorenz", pictured.payback), ("survival", pictured.concentration), ("survival", pictured.payback)],
)
def test_points_made_for_another_picture_are_not_drawn(how, of):
    count, _ = wrong(replace(of()), how)
    assert count == 0
