"""Alerts: thresholds, charts, freshness and rejected rows, with one correction for all, and nothing of what is hidden."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from synthetic import client, metric, rate, result, row

from crmnb.evaluate.alerts import Alert, freshness_alerts, metric_alerts, rejected_rows_alerts
from crmnb.evaluate.monitoring import monitor
from crmnb.intake.audit import TableAudit


def alerting(**alerts):
    return client(alerts=alerts)


def threshold(rows: list[dict], *, others=(), **rule) -> list[Alert]:
    whose = alerting(thresholds=[{"metric": "repeat_purchase_rate"} | rule])
    return metric_alerts([result(rows, whose=whose), *others], [], whose)


def test_a_value_below_its_threshold_beyond_chance_is_an_alert():
    (alert,) = threshold([rate(400, 1000, 3)], below=50)
    assert (alert.rule, alert.severity, alert.value, alert.low, alert.high) == (
        "threshold",
        "error",
        40.0,
        50.0,
        None,
    )
    assert alert.stands_out
    # The half interval of 3 points is 1.96 standard errors, so 10 points are 6.53 of them.
    assert alert.p_value == pytest.approx(norm.sf(10 / (3 / norm.ppf(0.975))), rel=1e-6, abs=1e-12)


def test_a_value_that_is_below_by_chance_is_a_signal_that_does_not_stand_out():
    (alert,) = threshold([rate(49, 100, 10)], below=50)
    assert not alert.stands_out
    assert threshold([rate(51, 100, 10)], below=50) == []


def test_a_count_of_all_has_no_chance_in_it():
    (alert,) = threshold([row(value=49.9, n=1000.0)], below=50)
    assert (alert.p_value, alert.stands_out) == (0.0, True)


def test_above_is_the_other_side():
    (alert,) = threshold([rate(400, 1000, 3)], above=30)
    assert alert.high == 30
    assert threshold([rate(400, 1000, 3)], above=50) == []


def test_levels_are_looked_at_where_declared_and_hidden_ones_never():
    rows = [
        rate(600, 1000, 3),
        rate(100, 500, 4, segment="region", level="East"),
        rate(500, 500, 1, segment="region", level="West"),
        row(segment="region", level="North", flags="suppressed"),
        rate(0, 5, 30, segment="region", level="South", flags="suppressed"),
    ]
    (alert,) = threshold(rows, below=50, segments=["region"])
    assert (alert.segment, alert.level, alert.value) == ("region", "East", 20.0)
    assert threshold(rows, below=50) == []


def test_one_correction_covers_the_whole_grid():
    """Of 40 levels one has p = .01: with Benjamini and Hochberg's .05 / 40 for the first it is no discovery, alone it is."""
    half = 10 / norm.isf(0.01) * norm.ppf(0.975)
    low = rate(40, 100, half, segment="region", level="East")
    others = [rate(60, 100, half, segment="region", level=f"Level {n}") for n in range(39)]
    (among_many,) = threshold([rate(600, 1000, 3), low, *others], below=50, segments=["region"])
    (alone,) = threshold([low | {"segment": "", "level": ""}], below=50)
    assert among_many.p_value == pytest.approx(0.01)
    assert not among_many.stands_out
    assert alone.stands_out


def test_what_else_moved_are_the_signals_of_the_same_group():
    def other(id_: str, **facts):
        rows = [rate(50, 100, 5, metric=id_, change=-4.0, p_value=0.001, signal="worse", **facts)]
        return result(rows, of=metric(id=id_, title=id_.upper()))

    others = [other("nps"), other("csat", segment="region", level="East")]
    (alert,) = threshold([rate(400, 1000, 3)], below=50, others=others)
    assert [moved["title"] for moved in alert.moved] == ["NPS"]
    assert alert.moved[0]["signal"] == "worse"


# ---- Control charts ----------------------------------------------------------------------------------------------------------


def charted(values: list[float], **alerts) -> list[Alert]:
    whose = alerting(**alerts)
    rows = [row(value=40.0, n=1000.0)]
    rows += [row(value=value, part=f"2025-{at + 1:02}", n=1000.0) for at, value in enumerate(values)]
    shown = result(rows, whose=whose)
    return metric_alerts([shown], [monitor(shown, "", [])], whose)


QUIET = [40.0, 40.3, 39.8, 40.1, 39.7, 40.2, 39.9, 40.1, 39.8, 40.2, 39.9]


def test_a_month_outside_its_limits_is_an_alert_with_its_limits_and_since_when():
    (alert,) = charted([*QUIET, 47.0], control_charts="error")
    assert (alert.rule, alert.severity, alert.period, alert.since, alert.rules) == (
        "control_chart",
        "error",
        "2025-12",
        "2025-12",
        (1,),
    )
    assert alert.value == 47.0
    assert alert.low < 40 < alert.high < 47
    assert alert.stands_out


def test_a_quiet_chart_and_one_that_is_off_raise_nothing():
    assert charted([*QUIET, 40.1]) == []
    assert charted([*QUIET, 47.0], control_charts="off") == []


def test_counts_are_charted_by_days_and_a_long_month_is_no_signal():
    """3 a day in each month: 93 in January, 84 in February; as plain counts February would stand out."""
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    wobble = np.array([0, 1, -1, 1, 0, -1, 1, -1, 0, 1, -1, 0])
    from crmnb.metrics.estimators import Estimator

    total = Estimator("count", "moments", "moments.count", "none", total=True)
    rows = [
        row(value=3.0 * n + w, part=f"2025-{at + 1:02}", unit="count")
        for at, (n, w) in enumerate(zip(days, wobble, strict=True))
    ]
    shown = result(rows, of=metric(unit="count", estimate=total))
    monitored = monitor(shown, "", [])
    assert monitored.kind == "u"
    assert not monitored.chart.months_marked.any()
    assert monitored.centre[0] == pytest.approx((3 * 365 + wobble.sum()) / 12 * 365.25 / 365)


def test_shares_are_charted_by_their_denominators():
    rows = [rate(100 + at % 3, 200 + 10 * at, 3, part=f"2025-{at + 1:02}") for at in range(12)]
    monitored = monitor(result(rows), "", [])
    assert monitored.kind == "p"
    assert monitored.centre[0] == pytest.approx(
        100 * sum(100 + at % 3 for at in range(12)) / sum(200 + 10 * at for at in range(12))
    )
    few = [rate(1 + at % 2, 20, 3, part=f"2025-{at + 1:02}") for at in range(12)]
    assert monitor(result(few), "", []).kind == "individuals"


def test_amounts_are_charted_by_their_logarithms():
    """An individuals chart of ln x, by hand: exp of the mean, and limits that are as many times above it as below."""
    values = [100.0, 140, 90, 120, 80, 130, 95, 125, 85, 150, 105, 110]
    rows = [row(value=value, part=f"2025-{at + 1:02}", unit="money") for at, value in enumerate(values)]
    monitored = monitor(result(rows, of=metric(unit="money")), "", [])
    logs = np.log(values)
    assert monitored.kind == "logarithms"
    assert monitored.centre[3] == pytest.approx(np.exp(logs.mean()))
    assert monitored.high[3] / monitored.centre[3] == pytest.approx(monitored.centre[3] / monitored.low[3])
    assert np.log(monitored.high[3]) - logs.mean() == pytest.approx(
        monitored.chart.width * np.abs(np.diff(logs)).mean() / 1.128
    )
    negative = [row(value=value - 100, part=r["part"], unit="money") for value, r in zip(values, rows, strict=True)]
    assert monitor(result(negative, of=metric(unit="money")), "", []).kind == "individuals"


def test_declared_changes_are_phases_of_the_metrics_they_name():
    changes = [
        {"date": "2025-07-01", "title": "New till"},
        {"date": "2025-09-01", "title": "Elsewhere", "metrics": ["csat"]},
    ]
    rows = [row(value=v + (9 if at >= 6 else 0), part=f"2025-{at + 1:02}") for at, v in enumerate([*QUIET, 40.1])]
    monitored = monitor(result(rows, whose=alerting(changes=changes)), "", [])
    assert monitored.phases == (("2025-07", "New till"),)
    assert monitored.centre[11] - monitored.centre[0] == pytest.approx(9, abs=0.5)
    assert not monitored.is_signal


# ---- The state of the data --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "severity", "limit"), [(24.0, "", None), (24.5, "warn", 24), (48.0, "warn", 24), (49.0, "error", 48)]
)
def test_old_data_warn_and_then_are_an_error(hours, severity, limit):
    whose = alerting(freshness={"orders": {"warn_after_hours": 24, "error_after_hours": 48}})
    alerts = freshness_alerts({"orders": (hours, "2025-12-31 10:00:00")}, whose)
    assert [(alert.severity, alert.high, alert.value) for alert in alerts] == (
        [(severity, limit, hours)] if severity else []
    )


def test_a_table_without_rows_is_as_old_as_can_be():
    whose = alerting(freshness={"orders": {"warn_after_hours": 24}})
    (alert,) = freshness_alerts({}, whose)
    assert (alert.severity, alert.value) == ("warn", None)
    assert math.isfinite(alert.high)


def test_rejected_rows_are_a_share_of_the_rows_read():
    """2 of 54 rows are 3.7%."""
    whose = alerting(rejected_rows={"orders": {"warn_above": 3, "error_above": 4}})
    audits = [TableAudit("orders", "till", 54, 52, 2), TableAudit("customers", "crm", 10, 0, 10)]
    (alert,) = rejected_rows_alerts(audits, whose)
    assert (alert.subject, alert.severity, alert.high) == ("orders", "warn", 3)
    assert alert.value == pytest.approx(100 * 2 / 54)


def test_an_alert_is_the_same_after_it_was_stored():
    (alert,) = threshold([rate(400, 1000, 3)], below=50)
    assert Alert.from_json(alert.to_json()) == alert


def test_the_corner_shop_by_pencil(corner_shop):
    """Eight purchase answers with 25 net points, five of eight customers retained; two of 54 orders are rejected."""
    whose = corner_shop.tables.client.model_copy(
        update={
            "alerts": alerting(
                thresholds=[{"metric": "retention_rate", "below": 99}, {"metric": "nps", "above": 0}]
            ).alerts
        }
    )
    results = [corner_shop("retention_rate"), corner_shop("nps")]
    alerts = {alert.subject: alert for alert in metric_alerts(results, [], whose)}
    assert alerts["retention_rate"].value == 100 * 5 / 8
    assert alerts["nps"].value == 25.0
    assert not alerts["nps"].stands_out  # its interval holds 0
