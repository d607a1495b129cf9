"""The scorecard of several results as a table, and the tile of one."""

import math

from markupsafe import Markup

from crmnb.core.cohort_cell import CohortCell
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.drawing.sparkline import change_bar, interval_bar, sparkline
from crmnb.report.html import Html, glue, tag
from crmnb.report.tables.data_table import n_words
from crmnb.report.text.changes import Change, change_html, change_words, lacks_comparison
from crmnb.report.text.definitions import definition_html, first_sentence, methodology_address, metric_address
from crmnb.report.text.flags import flag_meanings, flag_words
from crmnb.report.text.numbers import known, part_name, part_start, period_name, whole_number
from crmnb.report.text.precision import part_decimals
from crmnb.report.text.row_state import available, bounded_below, not_reached
from crmnb.report.text.sentences import as_sentence, summary_text
from crmnb.report.text.values import (
    base_words,
    breakdown_name,
    interval_name,
    interval_words,
    named_interval,
    target_words,
    value_words,
)

NO_COMPARISON = "no comparison"
_MOST_COMPONENTS = 4
_MORE = "more in the metric's own section"
_MANY = 12  # breakdowns, of more of which a few would tell nothing about the others
_SEPARATE = ("survey", "platform")  # breakdowns of which none represents the others
_MOST_OTHERS = 3


def scorecard(results: list[Result], *, rows: int | None = None, linked: bool = False) -> Html:
    """One table for several results: metric, value with interval, n, change, target, flags; `rows` cuts it short.

    linked: on another page, from which each name leads to the metric's block on the page of its family. An empty column is left out; what applies to many rows stands once, under the table.
    """
    if not results:
        return Html(tag("p", "No metrics.", class_="note"), "No metrics.")
    shown = [entry for result in results for entry in _entries(result)][:rows]
    seen = [(result, row) for result, row, _ in shown if row is not None]
    optional = {
        "Target": any(target_words(result, row) for result, row in seen),
        "Remarks": any(flag_meanings(result, row) for result, row in seen if available(row)),
    }
    columns = [name for name in _columns(results[0]) if optional.get(name, True)]
    head = tag("tr", *(tag("th", name, scope="col", class_="num" if name == "n" else None) for name in columns))
    lines = [_line(result, row, words, columns, linked) for result, row, words in shown]
    table = tag("table", tag("thead", head), tag("tbody", *lines), class_="scorecard")
    framed = tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Scorecard")
    notes = [tag("p", as_sentence(note), class_="note") for note in _under(seen)]
    return Html(glue(framed, *notes), "\n".join(summary_text(result) for result in results))


def tile(result: Result) -> Html:
    """A key metric: name, value, n, change with its interval, target, sparkline, flags, definition. Its name leads to its block.

    The bar is of the change; where that has no interval, of the value. A metric with several breakdowns shows that of the whole client, or else the first; other surveys stand below it, as they
    are not comparable.
    """
    row = headline(result)
    if row is None:
        return Html(tag("section", tag("h3", result.metric.title), tag("p", "not available: no data"), class_="tile"))
    if available(row):
        big = tag("p", *_value_parts(result, row), class_="value")
    else:
        big = tag("p", value_words(result, row), class_="absent")
    link = tag("a", "Methodology", href=methodology_address(result.metric))
    name = result.metric.title + (f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else "")
    what = tag("p", first_sentence(result.metric.definition), " ", link)
    marks = [tag("span", words, class_="flag") for words in flag_words(result, row)]
    target = target_words(result, row)
    change = change_words(result, row)
    if result.period.partial and lacks_comparison(row):  # the page's head says why
        change = change._replace(text=NO_COMPARISON)
    change = change_html(change)
    pieces = (
        tag("h3", tag("a", name, href=metric_address(result.metric))),
        big,
        tag("p", _support(result, row), class_="support") if available(row) or not_reached(row) else None,
        tag("p", change, class_="moved") if change else None,
        change_bar(result, row) or (interval_bar(result, row) if bounded_below(row) else None),
        *(tag("p", words, class_="support") for words in _other_surveys(result, row)),
        tag("p", target, class_="target") if target else None,
        _spark_figure(result, comparable_parts(result, row)),
        tag("p", Markup(" &middot; ").join(marks), class_="marks") if marks else None,
        tag("details", tag("summary", "Definition"), what, class_="what"),
    )
    return Html(tag("section", *(piece for piece in pieces if piece), class_="tile"), summary_text(result))


def _other_surveys(result: Result, row: Row) -> list[str]:
    """The value of each further survey (or platform), with its interval."""
    if result.metric.breakdown not in _SEPARATE:
        return []
    others = [other for other in result.entries if other.breakdown != row.breakdown and other.unit == row.unit]
    return [
        ": ".join((breakdown_name(other.breakdown, result.client), value_words(result, other)))
        + (f" ({limits})" if limits else "")
        for other, limits in ((other, interval_words(result, other)) for other in others[:_MOST_OTHERS])
    ]


def in_short(result: Result) -> dict[str, str] | None:
    """A key metric as words for a list of many clients: title, value, interval, change and signal; None without a value."""
    row = headline(result)
    if row is None or not available(row):
        return None
    change = change_words(result, row)
    return {
        "title": result.metric.title + (f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else ""),
        "value": value_words(result, row),
        "interval": interval_words(result, row),
        "change": "" if result.period.partial else change.text,
        "signal": row.signal,
        "href": f"{result.metric.family}.html",
    }


def _columns(result: Result) -> list[str]:
    comparison = period_name(result.comparison.label, result.client)
    return ["Metric", "Value", interval_name(result), "n", f"Change vs {comparison}", "Target", "Remarks"]


def _entries(result: Result):
    """What stands in a result's lines: (result, row, its name), or (result, None, words) for a line of words only."""
    whole, title = list(result.entries), result.metric.title
    cells = [CohortCell.of(row.breakdown) for row in whole]
    if cells and all(cells):
        cohorts = len({cell.month for cell in cells})
        yield result, None, f"{cohorts} {'cohort' if cohorts == 1 else 'cohorts'}: see the cohort chart"
        return
    if result.metric.breakdown == "month" and any(row.breakdown for row in whole):
        yield (
            result,
            None,
            f"{len(whole)} {'month' if len(whole) == 1 else 'months'}: see the chart in the metric's own section",
        )
        return
    if result.metric.parts:
        yield result, None, f"{len(whole)} shares: see the chart in the metric's own section"
        return
    if len(whole) > _MANY:
        yield result, None, f"{len(whole)} figures: see the metric's own section"
        return
    for index, row in enumerate(whole[:_MOST_COMPONENTS]):
        name = breakdown_name(row.breakdown, result.client)
        yield result, row, name if index else f"{title}, {name}" if name else title
    if len(whole) > _MOST_COMPONENTS:
        yield result, None, f"{len(whole) - _MOST_COMPONENTS} {_MORE}"


def is_long(result: Result) -> bool:
    """Whether a scorecard only says where the figures are, which are too many for it."""
    return next((row is None for _, row, _ in _entries(result)), True)


def _line(result: Result, row, words: str, columns: list[str], linked: bool) -> Markup:
    metric = None if linked else result.metric.id  # of which `crmnb.report.pages.family` makes an anchor
    if row is None and words.endswith(_MORE):
        return tag("tr", tag("th", words, scope="row", colspan=len(columns), class_="breakdown"))
    if row is None:
        name = _name_cell(result, result.metric.title, linked)
        return tag("tr", name, tag("td", words, colspan=len(columns) - 1), data_metric=metric)
    named = words.startswith(result.metric.title)
    head = _name_cell(result, words, linked) if named else tag("th", words, scope="row", class_="breakdown")
    if not available(row):
        interval = named_interval(result, row)
        words = value_words(result, row) + (f" ({interval})" if interval else "")
        return tag("tr", head, tag("td", words, colspan=len(columns) - 1, class_="absent"), data_metric=metric)
    ends = interval_words(result, row)
    bar = interval_bar(result, row, width=120, ends=False) if ends and not linked else None  # the first page is short
    interval = (bar, tag("span", ends, class_="ends")) if ends else ("none",)
    cells = [
        tag("td", value_words(result, row), class_="value"),
        tag("td", *interval, class_="interval"),
        tag("td", n_words(result, row), class_="num"),
        tag("td", change_html(_change_in_column(result, row)) or "", class_="moved"),
    ]
    if "Target" in columns:
        cells.append(tag("td", target_words(result, row).removeprefix("target "), class_="target"))
    if "Remarks" in columns:
        cells.append(tag("td", ", ".join(flag_meanings(result, row)), class_="marks"))
    return tag("tr", head, *cells, data_metric=metric)


def _change_in_column(result: Result, row) -> Change:
    """A change in a cell: the reason for none stands once, under the table."""
    change = change_words(result, row, with_period=False)
    return change._replace(text=NO_COMPARISON) if lacks_comparison(row) else change


def _under(shown: list) -> list[str]:
    """What the flags in the table mean, and the reasons for no comparison, once for all rows."""
    reasons = [change_words(result, row).text for result, row in shown if lacks_comparison(row)]
    marks = [
        f"{mark}: {why}" for result, row in shown if available(row) for mark, why in flag_meanings(result, row).items()
    ]
    return list(dict.fromkeys([*reasons, *marks]))


def _name_cell(result: Result, shown: str, linked: bool) -> Markup:
    if linked:
        return tag("th", tag("a", shown, href=metric_address(result.metric)), scope="row")
    return tag("th", tag("details", tag("summary", shown), definition_html(result.metric)), scope="row")


def headline(result: Result) -> Row | None:
    """The row of the whole client, or else that of the first breakdown; None without any."""
    whole = list(result.entries)
    return next((row for row in whole if not row.breakdown), whole[0] if whole else None)


def _value_parts(result: Result, row) -> list[object]:
    """The number large, its unit small."""
    words = value_words(result, row)
    if row.unit == "money":
        return [words]
    number, _, unit = words.partition(" ")
    return [number, " ", tag("small", unit)] if unit else [number]


def _support(result: Result, row) -> str:
    counted = row.unit == "count" and row.n == row.value  # the value says n itself
    size = base_words(result, row) or (
        f"n {whole_number(row.n, result.client)}" if known(row.n) and not counted else ""
    )
    return "; ".join(words for words in (named_interval(result, row), size) if words)


def comparable_parts(result: Result, row: Row) -> list[Row]:
    """The parts of the period, if their values are of the same quantity as that of the whole.

    A year's retention is not that of its months; a year's revenue is what its months add up to.
    """
    parts = [part for part in tuples(result.parts) if part.breakdown == row.breakdown and part.unit == row.unit]
    if not result.metric.depends_on_length:
        return parts
    return parts if available(row) and math.isclose(sum(part.value for part in parts), row.value, rel_tol=1e-9) else []


def _spark_figure(result: Result, parts: list) -> Markup | None:
    line = sparkline(result, parts)
    if line is None:
        return None
    seen = [row for row in parts if available(row)]
    places = part_decimals(result, seen)
    named = [(word, pick(seen, key=lambda row: row.value)) for word, pick in (("lowest", min), ("highest", max))]
    named.sort(key=lambda pair: part_start(pair[1].part, result.client))
    ends = ", ".join(
        f"{word} {value_words(result, row, places)} in {part_name(row.part, result.period, result.client)}"
        for word, row in named
    )
    return tag("div", line, tag("span", f"By part of the period: {ends}.", class_="unseen"), class_="over-time")
