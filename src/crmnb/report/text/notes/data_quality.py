"""The sentences of data quality: what to correct first, duplicates, ages, and segmentations."""

from crmnb.engine.session import source_of
from crmnb.metrics.definition import catalogue
from crmnb.report.text.notes.words import Renderer, Values, Words, listed

_FAMILY = "data_quality"
_NAMED = 3  # causes, and metrics, that are named


def _correct_first(words: Words, values: Values) -> str:
    """The causes that bring back most rows to most metrics."""
    touched = {table: _touched(words, table) for table, *_ in values["causes"]}
    by_effect = sorted(values["causes"], key=lambda cause: -cause[3] * max(len(touched[cause[0]]), 0.5))
    return f"Correct first: {'; '.join(_cause(words, *cause, touched[cause[0]]) for cause in by_effect[:_NAMED])}."


def _cause(words: Words, table: str, column: str, kind: str, rows: int, metrics: list[str]) -> str:
    place = f"{table}, {column} {kind}" if column else f"{table}, {kind}"
    brought = "1 row" if rows == 1 else words.fill("{rows:n} rows", rows=rows)
    if not metrics:
        return f"{place} ({brought})"
    if len(metrics) <= _NAMED:
        return f"{place} ({brought} for {listed(metrics)})"
    return words.fill(f"{place} ({brought} for {{count:n}} metrics such as {metrics[0]})", count=len(metrics))


def _touched(words: Words, table: str) -> list[str]:
    """The metrics that read a table, the client's objectives first."""
    name = table.replace(" ", "_")
    touched = {
        metric.id: metric.title
        for metric in catalogue().values()
        if metric.family != _FAMILY and name in {source_of(words.client, read) for read in metric.reads}
    }
    objectives = [touched[id_] for id_ in words.client.objectives if id_ in touched]
    return list(dict.fromkeys([*objectives, *touched.values()]))


SENTENCES: dict[str, str | Renderer] = {
    "correct_first": _correct_first,
    "duplicates_left_out": "{breakdown}: {records:n} records were left out, as too many agree in what the search begins with.",
    "older_than_promised": "Older than promised: {tables}.",
    "segmentation_of_one_level": "the customers are of one level only",
    "outcome_without_variance": "all customers have the same outcome",
    "needs_segmentation_in_time": "needs a segmentation by the years since a date of customers (segments: years in the parameters file)",
}
