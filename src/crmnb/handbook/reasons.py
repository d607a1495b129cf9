"""Reasons: why a row of a client's table does not count for a metric, in words made from the condition that it does not meet."""

import re
from datetime import datetime
from typing import Any

import pandas as pd

from crmnb.core.period import Period
from crmnb.handbook.trace import Omission
from crmnb.metrics.definition import Metric
from crmnb.report.text.cells import cell_words, column_words

_OF_PERIOD = ("period_id", "period_start", "period_end", "observed_end", "previous_start", "previous_end")
_BOUND = re.compile(r"\"(\w+)\" (>=|<=|<|>) (?:\"(period_start|period_end)\"|'(\d{4}-\d\d-\d\d[ \d:]*)'::TIMESTAMP)$")


def omission_words(omission: Omission, metric: Metric, period: Period) -> str:
    """Why a row is left out: `before 2025`, `no answer to recommend`, `channel: post`."""
    values = {name: value for name, value in omission.values.items() if name not in _OF_PERIOD}
    if (bound := _BOUND.match(omission.condition)) and bound[1] in values:
        return _time_words(bound, values[bound[1]], period)
    if omission.condition.startswith("NOT (") and omission.condition.endswith("IS NULL)") and len(values) == 1:
        return f"{column_words(next(iter(values)))} is empty"
    if not values:
        return not_among(metric)
    return ", ".join(f"{column_words(name)}: {cell_words(value) or 'empty'}" for name, value in values.items())


def not_among(metric: Metric) -> str:
    """The reason of a row that is none of what the metric counts: `not among the customers at the start`."""
    return f"not among the {metric.denominator or metric.numerator}"


def _time_words(bound: re.Match, value: Any, period: Period) -> str:
    """Why a time does not count: it is missing, outside of the period, or too late to be followed for long enough."""
    words = column_words(bound[1])
    if value is None or pd.isna(value):
        return f"{words} is empty"
    edges = {"period_start": period.start, "period_end": period.end}
    edge = edges[bound[3]] if bound[3] else datetime.fromisoformat(bound[4])
    if bound[2].startswith(">"):
        return f"{words} is before {period.label if edge == period.start else cell_words(edge)}"
    if edge == period.end:
        return f"{words} is after {period.label}"
    days = (period.cutoff - edge).days if period.cutoff and bound[2] == "<=" else 0
    return (
        f"{words} is too late to be followed for {days} days"
        if days > 0
        else f"{words} is not before {cell_words(edge)}"
    )
