"""Metrics side by side: what each came to, on one scale where they share a unit, and why they need not agree."""

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.report.drawing.sparkline import interval_bar, shared_scale
from crmnb.report.html import Html, glue, join, tag
from crmnb.report.tables.data_table import n_words
from crmnb.report.tables.scorecard import headline
from crmnb.report.text.numbers import percent, scale_end
from crmnb.report.text.sentences import (
    as_sentence,
    available,
    flag_meanings,
    interval_words,
    notes_of,
    said,
    value_words,
)


def side_by_side(results: list[Result]) -> Html:
    """A line a metric: value, interval, of whom, what it counts and what to caution of first; without a value, the reason.

    Of a metric with several breakdowns it is the one of the whole client, or else the first.
    """
    lines = [(result, headline(result)) for result in results]
    shown = [(result, row) for result, row in lines if row is not None and available(row)]
    units = {row.unit for _, row in shown}
    ends = shared_scale(shown) if len(units) == 1 and len(shown) > 1 else None
    level = percent(results[0].client.level, results[0].client)
    columns = ("Metric", "Value", f"{level} interval", "Of whom", "What it counts", "Caveat")
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
    return Html(join(framed, *under, _notes(results)), "\n".join(said(result) for result in results))


def _line(result: Result, row: Row | None, ends: tuple[float, float] | None) -> Markup:
    name = tag("th", result.metric.title, scope="row")
    told = [tag("td", words) for words in (_of_whom(result, row), as_sentence(result.metric.numerator), _first(result))]
    if row is None or not available(row):
        why = "not available: no data" if row is None else value_words(result, row)
        return tag("tr", name, tag("td", as_sentence(why), colspan=2, class_="absent"), *told)
    bar = interval_bar(result, row, width=120, ends=False, on=ends) if ends else None
    interval = tag("span", interval_words(result, row) or "none", class_="ends")
    marks = ", ".join(flag_meanings(result, row))
    tail = tag("div", marks, class_="ends") if marks else None
    value = tag("td", value_words(result, row), class_="value")
    return tag("tr", name, value, tag("td", bar, interval, tail, class_="interval"), *told)


def _scale_words(shown: list[tuple[Result, Row]], ends: tuple[float, float] | None) -> list[str]:
    if ends is None:
        return []
    result, row = shown[0]
    first, last = (scale_end(end, row.unit, result.client) for end in ends)
    return [f"The bars lie on one scale, from {first} to {last}"]


def _notes(results: list[Result]) -> Markup | None:
    """What is to be said of each value, folded away."""
    told = [(result.metric.title, notes_of(result)) for result in results]
    terms = [glue(tag("dt", title), tag("dd", " ".join(notes))) for title, notes in told if notes]
    told = tag("summary", "How each was counted"), tag("dl", *terms, class_="method")
    return tag("details", *told, class_="definition") if terms else None


def _of_whom(result: Result, row: Row | None) -> str:
    """How many there are of what it is counted out of."""
    n = n_words(result, row) if row is not None and available(row) else ""
    return as_sentence(f"{n} {result.metric.denominator}".strip())


def _first(result: Result) -> str:
    """The first, and so the weightiest, of what its definition says to caution of."""
    return as_sentence(result.metric.caution.partition(". ")[0])
