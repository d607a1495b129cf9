"""Alerts: which thresholds and control charts of a client give a signal, and what else moved; one correction for all of them.

Only rows that may be shown are looked at, so an alert reveals nothing that the report hides.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

from crmnb.evaluate.history import Months
from crmnb.evaluate.monitoring import Monitored
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import FALSE_DISCOVERIES, Row, tuples
from crmnb.intake.audit import TableAudit
from crmnb.schema.client import Client
from crmnb.schema.client.models.alerts import Threshold
from crmnb.stats.multiple_tests import are_discoveries

_HIDDEN = {"suppressed", "unavailable"}
_MOST_MOVED = 5


@dataclass(frozen=True)
class Alert:
    """An alert, or a signal that may be chance (not `stands_out`).

    rule: "threshold", "control_chart", "freshness" or "rejections". subject: the metric or table, with its `title`. period: the label of the
    period or month that `value` is about; low, high: the limits that it should lie within. since: the label or time since when. rules: Nelson's, of a chart.
    moved: the other figures of the same group that changed beyond chance.
    """

    rule: str
    severity: str
    subject: str
    title: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    family: str = ""
    breakdown: str = ""
    segment: str = ""
    level: str = ""
    period: str = ""
    since: str = ""
    n: float | None = None
    p_value: float | None = None
    stands_out: bool = True
    rules: tuple[int, ...] = ()
    moved: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """What is equal of the same alert in two runs."""
        return "/".join((self.rule, self.subject, self.breakdown, self.segment, self.level))

    def to_json(self) -> dict[str, Any]:
        """The alert as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Alert":
        """The alert that was written as plain data."""
        return cls(**data | {"rules": tuple(data["rules"]), "moved": tuple(data["moved"])})


def metric_alerts(results: list[Result], monitored: Iterable[Monitored], client: Client) -> list[Alert]:
    """The signals of thresholds and control charts of a report; those that stand out beyond chance say so.

    monitored: the charts of the objectives. Benjamini & Hochberg 1995, JRSS-B 57:289, over all metrics, levels and charts at once, whether
    they give a signal or not.
    """
    charts = [chart for chart in monitored if chart.chart is not None]
    months = {chart.result.metric.id: chart.months for chart in charts}
    tested = [alert for rule in client.alerts.thresholds for alert in _threshold_alerts(rule, results, months)]
    if client.alerts.control_charts != "off":
        tested += [_chart_alert(chart, client.alerts.control_charts) for chart in charts]
    stand_out = are_discoveries([alert.p_value for alert in tested], FALSE_DISCOVERIES)
    signals = [
        replace(alert, stands_out=bool(is_discovery), moved=tuple(_moved(alert, results)))
        for alert, is_discovery in zip(tested, stand_out, strict=True)
        if _is_signal(alert)
    ]
    return sorted(signals, key=lambda alert: (not alert.stands_out, alert.severity != "error"))


def rejected_rows_alerts(audits: Iterable[TableAudit], client: Client) -> list[Alert]:
    """The tables of which a larger share of rows was rejected than the client allows."""
    alerts = []
    for audit in audits:
        rule = client.alerts.rejected_rows.get(audit.table)
        if not rule or not audit.read:
            continue
        percentage = 100 * audit.rejected / audit.read
        severity, limit = _exceeded(percentage, rule.warn_above, rule.error_above)
        if severity:
            facts = {"value": percentage, "unit": "%", "high": limit, "n": float(audit.read)}
            alerts.append(Alert("rejections", severity, audit.table, audit.table, **facts))
    return alerts


def freshness_alerts(ages: dict[str, tuple[float, str]], client: Client) -> list[Alert]:
    """The tables whose newest row is older than the client allows, or that have none.

    ages: by table, in hours, and the time of that row (ISO).
    """
    alerts = []
    for table, rule in client.alerts.freshness.items():
        hours, newest = ages.get(table, (math.inf, ""))
        severity, limit = _exceeded(hours, rule.warn_after_hours, rule.error_after_hours)
        if severity:
            age = round(hours, 1) if newest else None
            facts = {"value": age, "unit": "hours", "high": limit, "since": newest}
            alerts.append(Alert("freshness", severity, table, table, **facts))
    return alerts


def _exceeded(value: float, warn: float | None, error: float | None) -> tuple[str, float | None]:
    """The severity of a value, "" where it is allowed, and the limit that it exceeds."""
    if error is not None and value > error:
        return "error", error
    if warn is not None and value > warn:
        return "warn", warn
    return "", None


# ---- Thresholds -------------------------------------------------------------------------------------------------------


def _threshold_alerts(rule: Threshold, results: list[Result], months: dict[str, Months]) -> Iterator[Alert]:
    """A test for the whole client and for each level of the segmentations of a threshold."""
    for result in results:
        if result.metric.id != rule.metric:
            continue
        whole = [row for row in result.entries if not row.breakdown] or result.entries[:1]
        segments = result.rows[(result.rows["part"] == "") & result.rows["segment"].isin(rule.segments)]
        breakdowns = {row.breakdown for row in whole}
        rows = [*whole, *(row for row in tuples(segments) if row.breakdown in breakdowns)]
        for row in rows:
            if math.isfinite(row.value) and not _HIDDEN & {*row.flags.split()}:
                since = "" if row.segment else _beyond_since(rule, months.get(rule.metric), result)
                yield Alert(
                    "threshold",
                    rule.severity,
                    rule.metric,
                    result.metric.title,
                    row.value,
                    row.unit,
                    rule.below,
                    rule.above,
                    result.metric.family,
                    row.breakdown,
                    row.segment,
                    row.level,
                    result.period.label,
                    since or result.period.label,
                    row.n,
                    _beyond_p_value(rule, row, result.client.level),
                )


def _is_signal(alert: Alert) -> bool:
    if alert.rule == "control_chart":
        return bool(alert.rules)
    return _is_beyond(alert.value, alert.low, alert.high)


def _is_beyond(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _beyond_p_value(rule: Threshold, row: Row, level: float) -> float:
    """How often a value this far beyond the threshold is measured where the true one lies on it; of a census 0 or 1.

    One-sided, from the half of the interval that reaches towards the threshold.
    """
    normal = NormalDist()
    reach = normal.inv_cdf(0.5 + level / 2)
    p_values = []
    for limit, end, sign in ((rule.below, row.high, 1), (rule.above, row.low, -1)):
        if limit is None:
            continue
        distance = sign * (limit - row.value)
        error = sign * (end - row.value) / reach
        if not error > 0:  # no interval, or one without width
            p_values.append(0.0 if distance > 0 else 1.0)
        else:
            p_values.append(1 - normal.cdf(distance / error))
    return min(1.0, len(p_values) * min(p_values))


def _beyond_since(rule: Threshold, months: Months | None, result: Result) -> str:
    """The first of the last months in a row that lie beyond a threshold; "" where the last one does not."""
    if months is None or not _is_beyond(months.values[-1], rule.below, rule.above):
        return ""
    since = ""
    for label, value in zip(reversed(months.labels), reversed(months.values), strict=True):
        if not _is_beyond(value, rule.below, rule.above):
            break
        since = label
    return since


# ---- Control charts ----------------------------------------------------------------------------------------------------------


def _chart_alert(monitored: Monitored, severity: str) -> Alert:
    chart, months, metric = monitored.chart, monitored.months, monitored.result.metric
    return Alert(
        "control_chart",
        severity,
        metric.id,
        metric.title,
        monitored.values[-1],
        metric.unit,
        monitored.low[-1],
        monitored.high[-1],
        metric.family,
        months.breakdown,
        period=months.labels[-1],
        since=months.labels[chart.since()] if chart.rules_of_last else "",
        p_value=chart.p_value,
        rules=chart.rules_of_last,
    )


def _moved(alert: Alert, results: list[Result]) -> list[dict[str, Any]]:
    """The changes beyond chance of other metrics in the same group, the clearest first."""
    rows = []
    for result in results:
        if result.metric.id == alert.subject or not (result.rows["signal"] != "").any():
            continue
        same = result.rows[
            (result.rows["part"] == "")
            & (result.rows["segment"] == alert.segment)
            & (result.rows["level"] == alert.level)
            & (result.rows["signal"] != "")
        ]
        rows += [(row, result.metric.title) for row in tuples(same)][:1]
    rows.sort(key=lambda pair: pair[0].p_value)
    return [
        {"metric": row.metric, "title": title, "change": row.change, "unit": row.unit, "signal": row.signal}
        for row, title in rows[:_MOST_MOVED]
    ]
