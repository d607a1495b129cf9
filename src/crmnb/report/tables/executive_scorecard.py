"""The executive scorecard: the client's objectives, the metrics that serve each, and the drivers worth acting on first."""

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row
from crmnb.report.drawing.sparkline import sparkline
from crmnb.report.html import Html, glue, join, printable, tag
from crmnb.report.tables.driver_priorities import to_improve_first
from crmnb.report.tables.scorecard import comparable_parts, headline
from crmnb.report.text.changes import change_html, change_words
from crmnb.report.text.definitions import metric_address
from crmnb.report.text.numbers import known, number, period_name
from crmnb.report.text.row_state import available
from crmnb.report.text.values import (
    breakdown_name,
    interval_name,
    interval_words,
    target_state,
    target_words,
    value_words,
)

_MOST_DRIVERS = 3


def executive_scorecard(results: list[Result]) -> Html | None:
    """A table with a part for each objective of the parameters file: its metrics with value, interval, change, trend and target.

    Metrics that the report does not have are left out, and so are objectives without any. None where nothing is declared.
    """
    by_id = {result.metric.id: result for result in results}
    declared = results[0].client.scorecard if results else {}
    parts = {name: [by_id[id_] for id_ in ids if id_ in by_id] for name, ids in declared.items()}
    parts = {name: [(r, row) for r in own if (row := headline(r))] for name, own in parts.items()}
    parts = {name: own for name, own in parts.items() if own}
    if not parts:
        return None
    first = next(iter(parts.values()))[0][0]
    columns = [
        "Metric",
        "Value",
        interval_name(first),
        f"Change vs {period_name(first.comparison.label, first.client)}",
    ]
    columns += ["Trend", "Target"]
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    bodies = [
        tag("tbody", _head(name, own, len(columns)), *(_line(result, row) for result, row in own))
        for name, own in parts.items()
    ]
    table = tag("table", tag("thead", head), *bodies, class_="scorecard")
    framed = tag("div", table, class_="scroll", tabindex="0", role="group", aria_label="Scorecard of objectives")
    text = "\n".join(
        f"{name}: {_met(own) or 'no target'}; " + ", ".join(f"{_name(r, row)} {value_words(r, row)}" for r, row in own)
        for name, own in parts.items()
    )
    return Html(join(framed, _drivers(results)), text)


def _head(name: str, own: list[tuple[Result, Row]], across: int) -> Markup:
    """The objective, with how many of its targets are met."""
    met = _met(own)
    return tag("tr", tag("th", printable(name), f" ({met})" if met else None, scope="rowgroup", colspan=across))


def _met(own: list[tuple[Result, Row]]) -> str:
    states = [target_state(result, row) for result, row in own if known(row.target)]
    return f"{states.count('met')} of {len(states)} {'target' if len(states) == 1 else 'targets'} met" if states else ""


def _line(result: Result, row: Row) -> Markup:
    name = tag("th", tag("a", _name(result, row), href=metric_address(result.metric)), scope="row", class_="breakdown")
    if not available(row):
        return tag("tr", name, tag("td", value_words(result, row), colspan=5, class_="absent"))
    line = sparkline(result, comparable_parts(result, row), width=110, height=24, ends=False)
    return tag(
        "tr",
        name,
        tag("td", value_words(result, row), class_="value"),
        tag("td", interval_words(result, row) or "none", class_="interval"),
        tag("td", change_html(change_words(result, row, with_period=False)) or "", class_="moved"),
        tag("td", line or ""),
        tag("td", target_words(result, row).removeprefix("target "), class_="target"),
    )


def _name(result: Result, row: Row) -> str:
    return result.metric.title + (f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else "")


def _drivers(results: list[Result]) -> Markup | None:
    """The drivers of the relationship that are worth most and score least, with what five more points of each are worth."""
    named = [
        glue(
            tag("a", driver.name, href=metric_address(result.metric)),
            f" (score {number(driver.score, 0, result.client)}; {value_words(result, driver.row)} for 5 more)",
        )
        for result in results
        if result.metric.estimate.chart == "priority"
        for driver in to_improve_first(result, _MOST_DRIVERS)
    ]
    return tag("p", tag("strong", "Worth acting on first: "), Markup(", ").join(named), ".") if named else None
