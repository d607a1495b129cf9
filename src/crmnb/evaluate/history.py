"""History: the figures of the whole client as reports have published them, and the months of a metric out of it."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pandas as pd

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_HIDDEN = {"suppressed", "unavailable"}
_UNFINISHED = {"partial", "immature"}
_SAME = 1e-9  # relative: less is rounding


@dataclass(frozen=True)
class PublishedFigure:
    """A figure of the whole client as a report published it; no value: the report published one before, and no longer does.

    label: of the period or part that it is about. settings: a digest of the metric's settings. published_at: an ISO time.
    """

    metric: str
    breakdown: str
    label: str
    value: float | None
    numerator: float | None
    denominator: float | None
    clusters: float | None
    settings: str
    report: str
    published_at: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a figure of."""
        return self.metric, self.breakdown, self.label

    def says_the_same_as(self, other: "PublishedFigure | None") -> bool:
        """Whether another figure has the same value under the same settings."""
        return other is not None and self.settings == other.settings and is_same(self.value, other.value)


@dataclass(frozen=True)
class Months:
    """The months of a metric in order, without a gap, up to the last one with a value.

    restated: by month, the value that was published first where it is another one. left_out: how many earlier months have a published figure and are not here.
    """

    breakdown: str = ""
    labels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    numerators: tuple[float, ...] = ()
    denominators: tuple[float, ...] = ()
    restated: dict[str, float] = field(default_factory=dict)
    left_out: int = 0


def is_same(value: float | None, other: float | None) -> bool:
    """Whether two figures are equal but for rounding."""
    if value is None or other is None:
        return value is other
    return math.isclose(value, other, rel_tol=_SAME, abs_tol=_SAME)


def published_figures(results: Iterable[Result], report: str, published_at: str) -> list[PublishedFigure]:
    """The finished figures of the whole client in the results of a report: hidden, partial and immature ones are none."""
    figures = []
    for result in results:
        settings = settings_digest(result)
        for row in tuples(_of_period(result)):
            if _is_finished(row):
                figures.append(_figure(row, row.part or result.period.label, settings, report, published_at))
    return figures


def news(
    history: Sequence[PublishedFigure], figures: Sequence[PublishedFigure], metrics: Iterable[str], published_at: str
) -> list[PublishedFigure]:
    """What a report publishes beyond its history: new and other figures, and withdrawn ones.

    history: of this report alone. metrics: those that the report has now; figures of others are not withdrawn.
    """
    latest = latest_figures(history)
    now = {figure.key for figure in figures}
    known = set(metrics)
    withdrawn = [
        PublishedFigure(*figure.key, None, None, None, None, figure.settings, figure.report, published_at)
        for figure in latest.values()
        if figure.value is not None and figure.metric in known and figure.key not in now
    ]
    return [figure for figure in figures if not figure.says_the_same_as(latest.get(figure.key))] + withdrawn


def latest_figures(history: Iterable[PublishedFigure]) -> dict[tuple[str, str, str], PublishedFigure]:
    """The figure of each key that was published last."""
    ordered = sorted(history, key=lambda figure: figure.published_at)
    return {figure.key: figure for figure in ordered}


def history_digest(history: Iterable[PublishedFigure], before: str) -> str:
    """A hash of all that charts up to a month (exclusive, `2026-01`) can show of a history."""
    shown = {
        (*figure.key, figure.settings, figure.value)
        for figure in history
        if is_month(figure.label) and figure.label < before
    }
    return sha256(json.dumps(sorted(shown, key=repr)).encode()).hexdigest()


def monthly_series(result: Result, breakdown: str, history: Iterable[PublishedFigure]) -> Months:
    """The months of a result's whole client: those of its period from the result, earlier ones as last published.

    Months published under other settings, or about fewer customers than may be shown now, are left out.
    """
    settings, fewest = settings_digest(result), result.metric.privacy(result.client).suppress_below
    before = f"{result.period.start:%Y-%m}"
    same = [figure for figure in history if (figure.metric, figure.breakdown) == (result.metric.id, breakdown)]
    same = [figure for figure in same if is_month(figure.label)]
    figures = {
        figure.label: figure
        for figure in latest_figures(figure for figure in same if figure.label < before).values()
        if figure.value is not None and figure.settings == settings and (figure.clusters or fewest) >= fewest
    }
    earlier = len({figure.label for figure in same if figure.label < before and figure.value is not None})
    own = _of_period(result)
    for row in tuples(own[own["breakdown"] == breakdown]):
        label = row.part or result.period.label
        if is_month(label) and _is_finished(row):
            figures[label] = _figure(row, label, settings, result.period.label, "")
    labels = _unbroken(figures)
    chosen = [figures[label] for label in labels]
    return Months(
        breakdown,
        labels,
        tuple(figure.value for figure in chosen if figure.value is not None),
        tuple(_number(figure.numerator) for figure in chosen),
        tuple(_number(figure.denominator) for figure in chosen),
        _restated(chosen, same, settings),
        earlier - sum(label < before for label in labels),
    )


def _of_period(result: Result) -> pd.DataFrame:
    """The rows of the whole client in the period and its parts; those of the comparison's parts were published with their own period."""
    rows = result.rows
    return rows[(rows["segment"] == "") & (rows["period"] != result.comparison.label)]


def is_month(label: str) -> bool:
    """Whether a label is that of a month, such as `2025-10`."""
    return _MONTH.fullmatch(label) is not None


def settings_digest(result: Result) -> str:
    """A short hash of a result's settings in words: figures under other settings are other figures."""
    return sha256(json.dumps(result.settings, sort_keys=True).encode()).hexdigest()[:12]


def _is_finished(row: Row) -> bool:
    return math.isfinite(row.value) and not (_HIDDEN | _UNFINISHED) & {*row.flags.split()}


def _figure(row: Row, label: str, settings: str, report: str, published_at: str) -> PublishedFigure:
    numbers = [_or_none(value) for value in (row.value, row.numerator, row.denominator, row.clusters)]
    return PublishedFigure(row.metric, row.breakdown, label, *numbers, settings, report, published_at)


def _or_none(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _unbroken(labels: Iterable[str]) -> tuple[str, ...]:
    """The months that follow one another up to the last one."""
    known = set(labels)
    run: list[str] = []
    label = max(known, default="")
    while label in known:
        run.insert(0, label)
        year, month = int(label[:4]), int(label[5:])
        label = f"{year - (month == 1):04}-{(month - 2) % 12 + 1:02}"
    return tuple(run)


def _restated(chosen: Sequence[PublishedFigure], history: Iterable[PublishedFigure], settings: str) -> dict[str, float]:
    first: dict[str, PublishedFigure] = {}
    for figure in sorted(history, key=lambda figure: figure.published_at):
        if figure.value is not None and figure.settings == settings:
            first.setdefault(figure.label, figure)
    return {
        figure.label: first[figure.label].value
        for figure in chosen
        if figure.label in first and not is_same(figure.value, first[figure.label].value)
    }
