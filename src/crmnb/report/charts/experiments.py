"""Experiments: effects around the line of no effect, their forest by segment, the arms' outcomes, and the sample ratio beside the planned one."""

from collections.abc import Iterator
from dataclasses import replace

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import tuples
from crmnb.report.charts import chart
from crmnb.report.charts.segment_chart import dots_figure, level_name
from crmnb.report.drawing.canvas import ACCENT, INK, PAPER, QUIET, VERMILION, box, drawings
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.html import printable
from crmnb.report.tables.data_table import numbers_table
from crmnb.report.text.alt import sample_ratio_alt
from crmnb.report.text.notes import listed, sentence
from crmnb.report.text.numbers import percentage
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason

_ROW, _TOP, _FOOT, _SIDE = 52, 28, 30, 12
_NAME_UP = 19  # pixels from a bar's middle to its name
_OWN = ("effects", "balance", "arms")  # charts of the metrics that are drawn so
_KINDS = {"%": "rates", "points": "rates", "money": "amounts"}
_OFF = "sample_ratio_off"


@chart("effects")
def effects(result: Result) -> Figure | Figures:
    """Dots of the effects of each experiment, those of one unit in a figure."""
    return _all_of(result, "effect", "no effect")


@chart("balance")
def balance(result: Result) -> Figure | Figures:
    """Dots of the covariates of each experiment."""
    return _all_of(result, "covariate", "as in the control")


@chart("arms")
def arms(result: Result) -> Figure | Figures:
    """Dots of what each experiment has of its outcomes, those of one unit in a figure."""
    return _all_of(result, result.metric.breakdown, "")


@chart("forest")
def forest(result: Result) -> Figure | Figures:
    """For whom: the first effect of each experiment in the levels of all segmentations."""
    rows = result.rows if result.metric.estimate.chart == "effects" else result.rows.iloc[:0]
    figures = []
    for experiment in result.client.experiments:
        own = [row for row in result.entries if row.breakdown.startswith(f"{experiment}: ") and available(row)]
        if not own or rows.empty:
            continue
        levels = rows[(rows["segment"] != "") & (rows["breakdown"] == own[0].breakdown)]
        named = [(level_name(row), row) for row in tuples(levels) if available(row)]
        if named:
            shown, title = _in_unit(result, own[0].unit), f"{result.metric.title} by segment, {own[0].breakdown}"
            seen = f"{title}: {_beyond(named)}"
            figures.append(dots_figure(shown, "segment", named, title, seen, "no effect", others=[("All", own[0])]))
    return _figures(result, figures, "no segmentation applies to the units")


def _all_of(result: Result, what: str, zero: str) -> Figure | Figures:
    """A figure for each experiment and unit."""
    figures = []
    is_own = result.metric.estimate.chart in _OWN
    for experiment in result.client.experiments if is_own else ():
        by_unit = list(_by_unit(result, experiment))
        for place, (unit, named) in enumerate(by_unit):
            kind = f" ({_KINDS.get(unit, 'means')})" if len(by_unit) > 1 else ""
            title = f"{result.metric.title}, {experiment}{kind}"
            seen = f"{title}: {_beyond(named)}" if zero else title
            figure = dots_figure(_in_unit(result, unit), what, named, title, seen, zero)
            figures.append(_with_notes_of(figure, result, experiment if place == 0 else ""))
    return _figures(result, figures, "no effect is stated")


def _with_notes_of(figure: Figure, result: Result, experiment: str) -> Figure:
    """The figure with the notes on one experiment ("": on none) beside its own."""
    of_all = {*notes_in_words(result)}
    notes = [note for note in figure.notes if note not in of_all or (experiment and note.startswith(f"{experiment}: "))]
    return replace(figure, notes=tuple(notes))


def _by_unit(result: Result, experiment: str) -> Iterator[tuple[str, list]]:
    """The rows with a value, unit by unit, without the name of the experiment."""
    start = f"{experiment}: "
    own = [row for row in result.entries if row.breakdown.startswith(start) and available(row)]
    for unit in dict.fromkeys(row.unit for row in own):
        yield unit, [(printable(row.breakdown.removeprefix(start), 60), row) for row in own if row.unit == unit]


def _in_unit(result: Result, unit: str) -> Result:
    """The result as if all of it had one unit, which charts take from the metric."""
    return replace(result, metric=replace(result.metric, unit=unit, known=result.metric.measure))


def _beyond(named: list) -> str:
    apart = [name for name, row in named if "beyond_chance" in row.flags]
    return f"beyond chance in {listed(apart)}" if apart else "nothing beyond chance"


def _figures(result: Result, figures: list[Figure], absence: str) -> Figure | Figures:
    if len(figures) == 1:
        return figures[0]
    why = "" if figures else f"{result.metric.title}: {absence_reason(result, absence)}."
    return Figures(tuple(figures), why)


@chart("planned_shares")
def planned_shares(result: Result) -> Figure | Figures:
    """A bar for the share of each arm, and a mark at the planned one."""
    figures = []
    if result.metric.estimate.chart == "planned_shares":
        for experiment in result.client.experiments:
            if named := [pair for _, pairs in _by_unit(result, experiment) for pair in pairs]:
                figures.append(_ratio_figure(result, experiment, named))
    return _figures(result, figures, "no units were assigned")


def _ratio_figure(result: Result, experiment: str, named: list) -> Figure:
    declared = result.client.experiments[experiment].arms
    total = sum(declared.values())
    planned = {name: 100 * declared.get(name, 0.0) / total for name, _ in named}
    note = next((n for n in result.notes if n.values.get("experiment") == experiment), None)
    is_off = note is not None and note.code == _OFF
    height = _TOP + _ROW * len(named) + _FOOT
    pictures = drawings(lambda figure: _draw(figure, result, named, planned, is_off), height, height)
    verdict = "another ratio than planned" if is_off else "as planned"
    title = f"{result.metric.title}, {experiment}: {verdict}"
    words = [(name, _percent(row.value, result), _percent(planned[name], result)) for name, row in named]
    return Figure(
        title=title,
        alt=sample_ratio_alt(experiment, words, verdict),
        table=numbers_table(result, "Arm", named, title),
        notes=("Bars: share of the units. Lines: planned share.", *([sentence(note, result.client)] if note else [])),
        **pictures,
    )


def _percent(share: float, result: Result) -> str:
    return percentage(share, 1, result.client)


def _draw(figure, result: Result, named: list, planned: dict[str, float], is_off: bool) -> None:
    axes = box(figure, _SIDE, _TOP, _SIDE, _FOOT)
    top = max(*planned.values(), *(row.value for _, row in named))
    axes.set_xlim(0, min(100.0, 1.25 * top))
    axes.set_ylim(len(named) - 0.4, -0.6)
    axes.set_yticks([])
    ticks = [tick for tick in (0, 25, 50, 75, 100) if tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [percentage(tick, 0, result.client) for tick in ticks])
    colour = VERMILION if is_off else ACCENT
    for at, (name, row) in enumerate(named):
        axes.barh(at + 0.1, row.value, 0.3, facecolor=colour, edgecolor=PAPER, linewidth=0)
        axes.plot([planned[name]] * 2, [at - 0.15, at + 0.35], color=INK, linewidth=2)
        words = f"{name}: {_percent(row.value, result)}"
        under = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
        axes.annotate(words, (0, at), (0, _NAME_UP), textcoords="offset points", va="center", color=INK, bbox=under)
        planned_words = f"planned {_percent(planned[name], result)}"
        axes.annotate(
            planned_words,
            (1, at),
            (0, _NAME_UP),
            ("axes fraction", "data"),
            "offset points",
            ha="right",
            va="center",
            color=QUIET,
        )
