"""Missing data: what else a report could measure, by the table that it would take, for the reader who can ask for it."""

from crmnb.core.notes import from_json
from crmnb.evaluate.result import Result
from crmnb.report.html import Html, tag

_MOST_TITLES = 3


def missing_data(results: list[Result]) -> Html | None:
    """One line per table that the data lack: what a row of it is, and the metrics that need it; None if none is lacking.

    Other reasons (a declaration, a column, too short a history) stand beside the metrics on the pages of their families.
    """
    titles: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for row in result.entries[:1]:
            reason = from_json(row.reason) if row.reason else None
            if reason and reason.code == "needs_table":
                key = reason.values["table"].replace("_", " "), reason.values["grain"]
                titles.setdefault(key, []).append(result.metric.title)
    if not titles:
        return None
    lines = [(table, grain, _titles(metrics)) for (table, grain), metrics in titles.items()]
    items = [tag("li", tag("strong", table), f" ({grain}): {metrics}") for table, grain, metrics in lines]
    return Html(tag("ul", *items, class_="signals"), "\n".join(f"{t} ({g}): {m}" for t, g, m in lines))


def _titles(titles: list[str]) -> str:
    more = len(titles) - _MOST_TITLES
    return ", ".join(titles[:_MOST_TITLES]) + (f" and {more} more" if more > 0 else "")
