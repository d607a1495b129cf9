"""The balance of a report: how many metrics of each kind, from what goes in to what comes of it, are better, worse or missing their target."""

from collections import Counter

from crmnb.evaluate.result import Result
from crmnb.report.html import Html, table
from crmnb.report.tables.scorecard import headline
from crmnb.report.text.numbers import known
from crmnb.report.text.row_state import available
from crmnb.report.text.values import target_state

_KINDS = {  # in the order in which one leads to the next
    "input": "Inputs: what goes into the relationship",
    "process": "Processes: how it is worked",
    "output": "Outputs: what is delivered",
    "outcome": "Outcomes: what customers and the company get",
}
_COLUMNS = ["Kind", "Metrics", "Better", "Worse", "No detectable change", "Targets met", "Targets missed"]


def balance(results: list[Result]) -> Html | None:
    """A line for each kind of metric: of those with a value, how many moved beyond chance, and what became of their targets.

    A metric counts once, by the row of the whole client or its first breakdown. None without a comparison or a target.
    """
    counts = {
        kind: Counter(state for result in results if result.metric.kind == kind for state in _states(result))
        for kind in _KINDS
    }
    if not any(count["compared"] or count["met"] or count["missed"] for count in counts.values()):
        return None
    rows = [
        [words, *(str(count[state]) for state in ("known", "better", "worse", "calm", "met", "missed"))]
        for kind, words in _KINDS.items()
        if (count := counts[kind])["known"]
    ]
    text = "\n".join(", ".join(f"{name} {cell}" for name, cell in zip(_COLUMNS, row, strict=True)) for row in rows)
    return Html(table(_COLUMNS, rows, numeric=(1, 2, 3, 4, 5, 6)), text)


def _states(result: Result) -> list[str]:
    """What a result counts as."""
    row = headline(result)
    if row is None or not available(row):
        return []
    compared = bool(row.signal) or (known(row.change) and known(row.change_low))  # without an interval nobody knows
    change = [row.signal or "calm"] if compared else []
    return ["known", *(["compared"] if compared else []), *change, target_state(result, row)]
