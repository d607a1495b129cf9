"""The funnel: the number that reach each stage, as bars from zero, and between them the conversion of the step."""

import re
from typing import NamedTuple

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.canvas import ACCENT, INK, PALE, QUIET, box, drawings, is_narrow, widest
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import funnel_alt
from crmnb.report.text.flags import low_base_note
from crmnb.report.text.numbers import known, whole_number
from crmnb.report.text.row_state import available
from crmnb.report.text.values import absence_reason, breakdown_name, interval_name, interval_words, noun, value_words

_TOP, _STAGE, _STEP, _FOOT = 8, 34, 30, 8
_NAME = 20  # pixels of a name above its bar, on a telephone
_ORDINAL = re.compile(r"(\d+) (.*)", re.DOTALL)


class Stage(NamedTuple):
    """A stage: its name, how many reached it (NaN where not shown), and the row of the step to it, None at the first."""

    name: str
    reached: float
    step: object | None


@chart("funnel")
def funnel(result: Result) -> Figure | Figures:
    """Breakdowns are steps in order: "1 lead to qualified", "2 qualified to proposed"; the base is the stage before."""
    stages = _stages(result)
    if not any(known(stage.reached) for stage in stages):
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no stages')}.")
    height = _TOP + _STAGE * len(stages) + _STEP * (len(stages) - 1) + _FOOT
    narrow_height = height + _NAME * len(stages)
    pictures = drawings(lambda figure: _draw(figure, result, stages), height, narrow_height)
    named = [
        (breakdown_name(stage.step.breakdown, result.client), stage.step) for stage in stages if stage.step is not None
    ]
    table = numbers_table(result, "Step", named, result.metric.title)
    title, alt = _title(result, stages), funnel_alt(result, stages)
    return Figure(title=title, alt=alt, table=table, notes=_notes(result, stages), **pictures)


def _stages(result: Result) -> list[Stage]:
    matches = [(_ORDINAL.fullmatch(row.breakdown), row) for row in result.entries]
    steps = sorted(((int(match[1]), match[2], row) for match, row in matches if match), key=lambda step: step[:2])
    # Counts by age and months have numbers, too, but none leads to the next.
    if not steps or result.metric.unit != "%" or result.metric.breakdown == "month":
        return []
    first = steps[0][2]
    begun = Stage(
        f"all {noun(result.metric.denominator)}".strip(), first.denominator if available(first) else float("nan"), None
    )
    names = _stage_names([words for _, words, _ in steps])
    reached = [row.numerator if available(row) else float("nan") for *_, row in steps]
    return [begun, *(Stage(*stage, row) for *stage, (*_, row) in zip(names, reached, steps, strict=True))]


def _stage_names(steps: list[str]) -> list[str]:
    """The stage that each step leads to: `qualified` of "lead to qualified", whatever the first one begins with."""
    names = [steps[0].partition(" to ")[0]]
    for words in steps:
        names.append(words.removeprefix(f"{names[-1]} to "))
    return names[1:]


def _draw(figure, result: Result, stages: list[Stage]) -> None:
    names, above = [printable(stage.name, 30) for stage in stages], _NAME if is_narrow(figure) else 0
    height = figure.get_size_inches()[1] * 72
    left, right = (2, 64) if above else (14 + widest(names), 96)
    axes = box(figure, left, _TOP, right, _FOOT)
    axes.set_xlim(0, max((stage.reached for stage in stages if known(stage.reached)), default=1.0) or 1.0)
    axes.set_ylim(height - _TOP - _FOOT, 0)  # in pixels, from the top
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    middles = [at * (_STAGE + _STEP + above) + above + _STAGE / 2 for at in range(len(stages))]
    axes.set_yticks(middles, [""] * len(names) if above else names, color=INK)
    for stage, name, middle in zip(stages, names, middles, strict=True):
        _bar(axes, result, stage, middle)
        if above:
            axes.text(0, middle - (_STAGE + above) / 2, name, va="center_baseline", color=INK)
        if stage.step is not None:
            _step(axes, result, stage.step, middle - above - (_STAGE + _STEP) / 2)


def _bar(axes, result: Result, stage: Stage, middle: float) -> None:
    place = {"textcoords": "offset points", "va": "center"}
    if not known(stage.reached):
        axes.annotate("not shown", (0, middle), (2, 0), color=QUIET, **place)
        return
    pale = stage.step is not None and "low_base" in stage.step.flags
    axes.barh(middle, stage.reached, height=_STAGE, color=PALE if pale else ACCENT, linewidth=0)
    words = whole_number(stage.reached, result.client)
    axes.annotate(words, (stage.reached, middle), (8, 0), color=INK, fontweight="bold", **place)


def _step(axes, result: Result, row, middle: float) -> None:
    """The rate from the stage above to the one below."""
    ends = interval_words(result, row)
    words = f"↓ {value_words(result, row)}" + (f" ({ends})" if ends else "")
    axes.annotate(printable(words, 80), (0, middle), (2, 0), textcoords="offset points", va="center", color=QUIET)


def _title(result: Result, stages: list[Stage]) -> str:
    """How many get to the end; and the weakest step, where its interval lies below those of all others."""
    title, first, last = result.metric.title, stages[0], stages[-1]
    if not (known(first.reached) and known(last.reached)):
        return title
    reached, begun = (whole_number(stage.reached, result.client) for stage in (last, first))
    units = noun(result.metric.denominator)
    title = f"{title}: {reached} of {begun} {units} reached “{printable(last.name, 40)}”"
    steps = sorted((s for s in stages if s.step is not None and available(s.step)), key=lambda s: s.step.value)
    if len(steps) < 2 or not steps[0].step.high < min(stage.step.low for stage in steps[1:]):
        return title
    weakest = steps[0]
    return f"{title}; lowest step conversion: to “{printable(weakest.name, 40)}”, {value_words(result, weakest.step)}"


def _notes(result: Result, stages: list[Stage]) -> tuple[str, ...]:
    notes = [f"Between the bars: conversion of the step, with its {interval_name(result)}."]
    if any(stage.step is not None and "low_base" in stage.step.flags for stage in stages):
        notes.append(low_base_note(result, [stage.step for stage in stages if stage.step is not None]))
    if any(stage.step is not None and "immature" in stage.step.flags for stage in stages):
        notes.append("Too early: follow-up is not complete for all of them.")
    return (" ".join(notes),)
