"""Monitoring: the months of a metric on a control chart, in the metric's unit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from crmnb.evaluate.history import Months, PublishedFigure, monthly_series
from crmnb.evaluate.result import Result
from crmnb.stats.control_chart import LEAST_MONTHS, ControlChart, control_chart

MONTH_DAYS = 365.25 / 12
_UNITS = {
    "individuals": 1.0,
    "p": 100.0,
    "u": MONTH_DAYS,
}  # what a chart's figures are multiplied by to be in the metric's unit
_SKEWED = {
    "money",
    "money per day",
    "hours",
    "days",
    "months",
    "s",
}  # units of amounts and times, which have no upper end
_LEAST_EVENTS = 5  # expected in a month, of either outcome: with fewer, a binomial or Poisson month is skewed


@dataclass(frozen=True)
class Monitored:
    """A result's months on their chart, or the reason why there is no chart.

    kind: "individuals", "logarithms" (an individuals chart of them), "p" or "u"; of `u` the figures are for a month of average length. values, centre, low, high: in the metric's unit.
    phases: the month and title of each declared change within. reason: "", "no_months" (it is not computed by month), "few_months" or "no_variation".
    """

    result: Result
    months: Months
    kind: str = ""
    chart: ControlChart | None = None
    values: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    phases: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @property
    def is_signal(self) -> bool:
        """Whether the last month is marked."""
        return self.chart is not None and bool(self.chart.rules_of_last)


def monitor(result: Result, breakdown: str, history: Iterable[PublishedFigure]) -> Monitored:
    """A result's months, for one breakdown ("" for the metric itself), on a control chart."""
    if not result.metric.over_time:
        return Monitored(result, Months(breakdown), reason="no_months")
    months = monthly_series(result, breakdown, history)
    if len(months.labels) < LEAST_MONTHS:
        return Monitored(result, months, reason="few_months")
    kind, values, sizes = _as_charted(result, months)
    phases = _phases(result, months.labels)
    starts = [months.labels.index(label) for label, _ in phases]
    try:
        chart = control_chart(values, sizes, kind="individuals" if kind == "logarithms" else kind, phases=starts)
    except ValueError:
        return Monitored(result, months, reason="no_variation")
    lines = (chart.values, chart.centre, chart.low, chart.high)
    values, centre, *limits = (np.exp(line) if kind == "logarithms" else line * _UNITS[kind] for line in lines)
    if result.metric.unit == "%" and 0 <= min(months.values) <= max(months.values) <= 100:
        limits = [np.clip(line, 0, 100) for line in limits]
    return Monitored(result, months, kind, chart, *(tuple(line.tolist()) for line in (values, centre, *limits)), phases)


def _as_charted(result: Result, months: Months) -> tuple[str, np.ndarray, np.ndarray]:
    """The kind of chart, and the values and sizes for it.

    Amounts of money and times are skewed; their logarithms are much less so, and a plain chart of them would give more false alarms than it says.
    """
    values, numerators, denominators = map(np.array, (months.values, months.numerators, months.denominators))
    if result.metric.unit == "count" and result.metric.estimate.total and values.mean() >= _LEAST_EVENTS:
        days = np.array([_days(label) for label in months.labels])
        return "u", values / days, days
    share = values / 100
    if result.metric.unit == "%" and np.allclose(share * denominators, numerators, rtol=1e-6, atol=1e-6):
        mean = numerators.sum() / denominators.sum()
        if (denominators * min(mean, 1 - mean)).min() >= _LEAST_EVENTS:
            return "p", share, denominators
    ones = np.ones(len(values))
    if result.metric.unit in _SKEWED and not result.metric.compares and values.min() > 0:
        return "logarithms", np.log(values), ones
    return "individuals", values, ones


def _days(label: str) -> int:
    first = datetime.fromisoformat(f"{label}-01")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return (following - first).days


def _phases(result: Result, labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The declared changes after the first month, by the month in which they happened."""
    changes = [
        (f"{change.date:%Y-%m}", change.title)
        for change in result.client.alerts.changes
        if not change.metrics or result.metric.id in change.metrics
    ]
    return tuple(sorted((label, title) for label, title in changes if label in labels[1:]))
