"""The page on monitoring: which objectives left their normal range, the alerts of the figures, and a control chart each."""

from collections.abc import Sequence

from markupsafe import Markup

from crmnb.core.period import Period
from crmnb.evaluate.alerts import Alert
from crmnb.evaluate.monitoring import Monitored
from crmnb.evaluate.result import Result
from crmnb.report.charts.control_chart import control_figure
from crmnb.report.html import join, printable, tag
from crmnb.report.pages.family import framed
from crmnb.report.pages.frame import language
from crmnb.report.text.control_charts import HOW_TO_READ, RULES, absence, name_of
from crmnb.report.text.definitions import metric_address
from crmnb.report.text.numbers import decimals_of, period_name, quantity
from crmnb.report.text.values import breakdown_name
from crmnb.schema.client import Client

TITLE = "Monitoring"


def monitoring_page(
    client: Client,
    period: Period,
    *,
    monitored: Sequence[Monitored],
    alerts: Sequence[Alert],
    results: Sequence[Result],
    nav: Sequence[tuple[str, str]],
) -> str:
    """The page. monitored: the objectives in order; alerts: those of figures (`crmnb.evaluate.alerts.metric_alerts`)."""
    charts = [shown for shown in monitored if shown.chart is not None]
    others = [shown for shown in monitored if shown.chart is None]
    known = {result.metric.id: result for result in results}
    sections: list[object] = [tag("h2", "Alerts", id="alerts"), _alerts([a for a in alerts if a.stands_out], known)]
    contents = [("Alerts", "alerts")]
    if charts:
        contents.append(("How to read the charts", "reading"))
        sections += [tag("h2", "How to read the charts", id="reading"), tag("p", HOW_TO_READ)]
    for shown in charts:
        anchor = f"chart-{shown.result.metric.id.replace('_', '-')}"
        contents.append((name_of(shown), anchor))
        link = tag(
            "p",
            tag("a", f"{shown.result.metric.title} in detail", href=metric_address(shown.result.metric)),
            class_="more",
        )
        sections += [tag("h2", name_of(shown), id=anchor), control_figure(shown), link]
    if others:
        contents.append(("Without a chart", "without"))
        items = [tag("li", f"{name_of(shown)}: {absence(shown)}") for shown in others]
        sections += [tag("h2", "Without a chart", id="without"), tag("ul", *items)]
    return framed(
        join(*sections),
        contents,
        title=TITLE,
        client_name=client.name,
        period_label=period_name(period.label, client),
        nav=[*nav],
        lang=language(client),
    )


def _alerts(alerts: list[Alert], results: dict[str, Result]) -> Markup:
    if not alerts:
        return tag("p", "No declared threshold is exceeded and no objective has left its normal range beyond chance.")
    items = [tag("li", *_sentence(alert, results[alert.subject])) for alert in alerts]
    note = "One correction for false discoveries (5%) covers all thresholds, levels and charts."
    return join(tag("ul", *items, class_="signals"), tag("p", note, class_="note"))


def _sentence(alert: Alert, result: Result) -> list[object]:
    """The metric and its group, the value and what is allowed, since when, and what else changed."""
    client = result.client
    where = [breakdown_name(alert.breakdown, client)] if alert.breakdown else []
    where += [f"{printable(alert.segment)}: {printable(alert.level)}"] if alert.segment else []
    ends = [end for end in (alert.low, alert.high) if end is not None]
    places = decimals_of(alert.value, *(ends if len(ends) == 2 else ()), alert.unit) if len(ends) == 2 else 1

    def words(value: float) -> str:
        return quantity(value, alert.unit, places, client)

    if alert.rule == "control_chart":
        allowed = f"{words(alert.low)} to {words(alert.high)}"
        reason = " and ".join(RULES[rule] for rule in alert.rules)
    else:
        allowed = " and ".join(
            f"{name} {words(end)}"
            for name, end in (("at least", alert.low), ("at most", alert.high))
            if end is not None
        )
        reason = "beyond its threshold"
    also = ", ".join(f"{moved['title']} ({moved['signal']})" for moved in alert.moved)
    group = f" ({', '.join(where)})" if where else ""
    value = f"{words(alert.value)} in {period_name(alert.period, client)}"
    return [
        tag("a", alert.title, href=metric_address(result.metric)),
        f"{group}: {value}, {reason} ({allowed}), since {period_name(alert.since, client)}. ",
        f"Also changed: {also}." if also else "Nothing else changed beyond chance.",
    ]
