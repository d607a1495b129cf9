"""Metrics side by side: value, interval, base, formula and caveat, on one scale where they share a unit."""

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.report.drawing.sparkline import interval_bar, shared_scale
from crmnb.report.html import Html, glue, join, tag
from crmnb.report.tables.data_table import n_words
from crmnb.report.tables.scorecard import headline
from crmnb.report.text.flags import flag_meanings
from crmnb.report.text.numbers import scale_end
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import as_sentence, notes_of, summary_text
from crmnb.report.text.values import interval_name, interval_words, value_words


def side_by_side(results: list[Result]) -> Html:
    """A line per metric: value, interval, base, numerator and first caveat; without a value, the reason.

    Of a metric with several breakdowns it is the one of the whole client, or else the first.
    """
    lines = [(result, headline(result)) for result in results]
    shown = [(result, row) for result, row in lines if row is not None and available(row)]
    units = {row.unit for _, row in shown}
    ends = shared_scale(shown) if len(units) == 1 and len(shown) > 1 else None
    columns = ("Metric", "Value", interval_name(results[0]), "Base", "Numerator", "Caveat")
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    table = tag(
        "table",
        tag("thead", head),
        tag("tbody", *(_line(result, row, ends) for result, row in lines)),
        class_="scorecard",
    )
    framed = tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Metrics side by side")
    marks = dict.fromkeys(f"{mark}: {why}" for result, row in shown for mark, why in flag_meanings(result, row).items())
    under = [tag("p", as_sentence(words), class_="note") for words in (*_scale_words(shown, ends), *marks)]
    return Html(join(framed, *under, _notes(results)), "\n".join(summary_text(result) for result in results))


def _line(result: Result, row: Row | None, ends: tuple[float, float] | None) -> Markup:
    name = tag("th", result.metric.title, scope="row")
    facts = (_base(result, row), as_sentence(result.metric.numerator), _first_caveat(result))
    cells = [tag("td", words) for words in facts]
    if row is None or not available(row):
        why = "not available: no data" if row is None else value_words(result, row)
        return tag("tr", name, tag("td", as_sentence(why), colspan=2, class_="absent"), *cells)
    bar = interval_bar(result, row, width=120, ends=False, on=ends) if ends else None
    interval = tag("span", interval_words(result, row) or "none", class_="ends")
    marks = ", ".join(flag_meanings(result, row))
    tail = tag("div", marks, class_="ends") if marks else None
    value = tag("td", value_words(result, row), class_="value")
    return tag("tr", name, value, tag("td", bar, interval, tail, class_="interval"), *cells)


def _scale_words(shown: list[tuple[Result, Row]], ends: tuple[float, float] | None) -> list[str]:
    if ends is None:
        return []
    result, row = shown[0]
    first, last = (scale_end(end, row.unit, result.client) for end in ends)
    return [f"The bars share one scale, from {first} to {last}"]


def _notes(results: list[Result]) -> Markup | None:
    """The notes on each value, folded."""
    titled = [(result.metric.title, notes_of(result)) for result in results]
    terms = [glue(tag("dt", title), tag("dd", " ".join(notes))) for title, notes in titled if notes]
    content = tag("summary", "Methodology notes"), tag("dl", *terms, class_="method")
    return tag("details", *content, class_="definition") if terms else None


def _base(result: Result, row: Row | None) -> str:
    """The number of units in the denominator."""
    n = n_words(result, row) if row is not None and available(row) else ""
    return as_sentence(f"{n} {result.metric.denominator}".strip())


def _first_caveat(result: Result) -> str:
    """The first and most important sentence of its caveat."""
    return as_sentence(result.metric.caution.partition(". ")[0])
