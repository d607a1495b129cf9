"""Results made by hand for the tests of what people see: no data, no estimate, every case that a chart must stand."""

from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
from nbformat import NotebookNode

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.evaluate.results_frame import CHANGES, COLUMNS, FIGURES
from crmnb.metrics.definition import Metric
from crmnb.metrics.definition import metric as declare
from crmnb.metrics.estimators import proportion
from crmnb.metrics.measures import Measure
from crmnb.report.pages.family import body_of, framed
from crmnb.report.text.notes import SENTENCES
from crmnb.report.view import ResultView
from crmnb.schema.client import Client

NAN = float("nan")
BUYERS_WHO_CAME_BACK = Measure(
    None, proportion, numerator="buyers with two or more orders", denominator="buyers in the period"
)
MEASURED = [each.name for each in fields(Measure)]
TEXT = "text_of_a_test"
SENTENCES[TEXT] = "{text}"
HOSTILE = "<script>alert(1)</script>\"'&$\\frac{a}{b}$\x00\x1b\u202e=cmd"


def client(**changes) -> Client:
    """A client with two segmentations and the privacy thresholds of the defaults."""
    given = {
        "id": "harbour",
        "folder": Path(),
        "name": "Harbour Books",
        "currency": "GBP",
        "locale": "en_GB",
        "sources": {},
        "tables": {},
        "segments": {
            "region": {"column": "customers.region"},
            "tenure": {"column": "customers.joined_at", "years": [1]},
        },
    }
    return Client(**(given | changes))


@declare(
    title="Repeat purchase rate",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count="3 / 5",
    per_customer=True,
)
def repeat_purchase_rate(orders, *, at_least=2):
    """Share of the period's buyers who ordered more than once in it.

    Why: the earliest sign that a first sale becomes a habit.
    Caution: a longer period leaves more room to repeat, so compare only periods of equal length.
    Source: Reichheld and Sasser 1990, page 107.
    """


def metric(**changes) -> Metric:
    """The repeat purchase rate's facts, with some of them changed."""
    facts = {name: changes.pop(name) for name in [*changes] if name in MEASURED}
    known = replace(BUYERS_WHO_CAME_BACK, **facts)
    return replace(repeat_purchase_rate, **({"family": "retention", "known": known} | changes))


def row(**facts) -> dict:
    """A row of the results frame; what is not named is empty."""
    figures = {*FIGURES, *CHANGES, "target"}
    empty = {name: NAN if name in figures else "" for name in COLUMNS}
    given = {
        "client": "harbour",
        "family": "retention",
        "metric": "repeat_purchase_rate",
        "period": "2025",
        "unit": "%",
    }
    unknown = set(facts) - set(COLUMNS)
    assert not unknown, unknown
    return empty | given | facts


def text_note(text: str) -> Note:
    """A note whose sentence is a text of the test's own."""
    return Note(TEXT, text=text)


def _as_json(reason: Note | str) -> str:
    """A reason as frames hold it; a text is a note of its own."""
    note = text_note(reason) if isinstance(reason, str) and reason else reason
    return note.to_json() if note else ""


def rate(numerator: float, denominator: float, half: float, **facts) -> dict:
    """A row of a rate with an interval of +-half points."""
    value = 100 * numerator / denominator
    low, high = max(value - half, 0), min(value + half, 100)
    counts = {"numerator": numerator, "denominator": denominator, "n": denominator, "clusters": denominator}
    return row(value=value, low=low, high=high, method="Wilson", **(counts | facts))


def point(x: float, value: float, half: float = 0.0, **facts) -> dict:
    """A point of a picture with an interval of +-half."""
    given = {"segment": "", "level": "", "breakdown": "", "n": 1000.0, "low": value - half, "high": value + half}
    return given | {"x": x, "value": value} | facts


def result(
    rows: list[dict], *, of: Metric | None = None, whose: Client | None = None, label: str = "2025", **more
) -> ResultView:
    """A result of those rows."""
    period = Period.parse(label)
    if "cutoff" in more:
        period = period.observe(None, more.pop("cutoff"))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["reason"] = [_as_json(reason) for reason in frame["reason"]]
    notes = (text_note(note) if isinstance(note, str) else note for note in more.pop("notes", ()))
    more = more | ({"points": pd.DataFrame(more["points"])} if "points" in more else {})
    return ResultView(of or metric(), whose or client(), period, period.previous, frame, notes=tuple(notes), **more)


def family_page(notebook: NotebookNode, **facts) -> str:
    """The page of an executed notebook."""
    return framed(*body_of(notebook), **facts)
