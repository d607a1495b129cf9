"""Control charts on pages: what the drawing, its alternative text and its table say is what was computed."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from synthetic import HOSTILE, client, metric, rate, result, row

from crmnb.evaluate.alerts import metric_alerts
from crmnb.evaluate.history import PublishedFigure, published_figures
from crmnb.evaluate.monitoring import Monitored, monitor
from crmnb.report.charts import control_chart
from crmnb.report.charts.control_chart import control_figure
from crmnb.report.drawing.canvas import ACCENT, VERMILION
from crmnb.report.pages.monitoring import monitoring_page

WOBBLE = [0, 3, -2, 1, -3, 2, -1, 1, -2, 2, -1, 0]


def year(label: int, whose=None, last: int = 0, title: str = "Repeat purchase rate"):
    """A year of about 400 of 1,000 in each month, and so many more in December."""
    wobble = WOBBLE[label % 5 :] + WOBBLE[: label % 5]  # else it would be a season
    numerators = [400 + 5 * step + (last if at == 11 else 0) for at, step in enumerate(wobble)]
    rows = [rate(4800, 12000, 1, period=str(label))]
    rows += [rate(n, 1000, 3, period=str(label), part=f"{label}-{at + 1:02}") for at, n in enumerate(numerators)]
    return result(rows, label=str(label), whose=whose, of=metric(title=title))


def history(*years: int) -> list[PublishedFigure]:
    return [f for y in years for f in published_figures([year(y)], str(y), f"{y + 1}-01-05T00:00:00+00:00")]


def restated(figures: list[PublishedFigure], label: str) -> list[PublishedFigure]:
    """The history before a month's figure was 10 points less."""
    (figure,) = (figure for figure in figures if figure.label == label)
    early = {"value": figure.value - 10, "numerator": figure.numerator - 100}
    return [type(figure)(**vars(figure) | early | {"published_at": "2020-01-01T00:00:00+00:00"}), *figures]


@pytest.fixture(params=["quiet", "signal", "phases and restated"])
def monitored(request) -> Monitored:
    changes = [{"date": "2025-04-01", "title": "New programme"}] if request.param.startswith("phases") else []
    whose = client(alerts={"changes": changes})
    past = history(2023, 2024)
    past = restated(past, "2024-06") if request.param.startswith("phases") else past
    return monitor(year(2025, whose, last=0 if request.param == "quiet" else 150), "", past)


def drawn(shown: Monitored) -> list:
    """The lines that the chart draws."""
    figure = Canvas(figsize=(760 / 72, 330 / 72))
    control_chart._draw(figure, shown)
    return figure.axes[0].get_lines()


def test_the_alternative_text_says_what_is_drawn(monitored):
    alt, labels = control_figure(monitored).alt, monitored.months.labels
    (series,) = (
        line
        for line in drawn(monitored)
        if len(line.get_xdata()) == len(labels) and line.get_linestyle() == "-" and line.get_color() == ACCENT
    )
    values = np.asarray(series.get_ydata())
    claims = {}
    for name in ("Highest", "lowest", "last"):
        value, month = re.search(rf"{name} ([\d.]+)% \((\w+ \d+)\)", alt).groups()
        claims[name] = (float(value), month)
    names = [month_name(label) for label in labels]
    for name, at in (("Highest", values.argmax()), ("lowest", values.argmin()), ("last", len(values) - 1)):
        assert claims[name][0] == pytest.approx(values[at], abs=0.5)
        assert claims[name][1] == names[at]
    diamonds = [int(line.get_xdata()[0]) for line in drawn(monitored) if line.get_markerfacecolor() == VERMILION]
    assert [names[at] for at in diamonds] == re.findall(r"(\w+ \d{4}) \((?:outside|too long)", alt)
    assert ("No month is marked" in alt) == (not diamonds)
    rings = [int(line.get_xdata()[0]) for line in drawn(monitored) if line.get_markersize() > 10]
    assert [labels[at] for at in rings] == [*monitored.months.restated]
    assert all(names[at] in alt.split("Restated")[1] for at in rings)
    limits = re.search(r"Limits of the last month: ([\d.]+)% to ([\d.]+)%; mean ([\d.]+)%", alt).groups()
    assert [float(x) for x in limits] == pytest.approx(
        [monitored.low[-1], monitored.high[-1], monitored.centre[-1]], abs=0.5
    )


def month_name(label: str) -> str:
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{months[int(label[5:]) - 1]} {label[:4]}"


def test_the_title_says_whether_the_last_month_is_normal():
    past = history(2023, 2024)
    assert "December 2025 is within its normal range" in control_figure(monitor(year(2025), "", past)).title
    assert "December 2025 is outside the limits" in control_figure(monitor(year(2025, last=150), "", past)).title


def test_notes_say_the_rates_of_false_alarms_and_whether_the_season_is_removed():
    with_season = control_figure(monitor(year(2025), "", history(2024)))
    without = control_figure(monitor(year(2025), "", []))
    assert "Months without their season (STL); Laney p' chart" in with_season.notes[0]
    assert "with their season: two years of months are needed" in without.notes[0]
    chart = monitor(year(2025), "", history(2024)).chart
    for phi in (0.3, 0.6):
        assert f"{100 * chart.alarm_rates[phi]:.1f}% " in with_season.notes[1]


def test_a_phase_has_its_title_and_the_table_both_figures_of_a_restated_month():
    whose = client(alerts={"changes": [{"date": "2025-04-01", "title": "New programme"}]})
    shown = monitor(year(2025, whose), "", restated(history(2023, 2024), "2024-06"))
    figure = control_figure(shown)
    assert "New phase in April 2025: New programme." in figure.alt
    cells = re.search(r"<tr><th scope=\"row\">June 2024</th>(.*?)</tr>", str(figure.table))[1]
    assert re.findall(r">([\d.]+)%<", cells)[0] == "41"
    assert ">31%<" in cells


def page_of(shown: Monitored, whose) -> str:
    alerts = metric_alerts([shown.result], [shown], whose)
    nav = [("Overview", "index.html"), ("Monitoring", "monitoring.html")]
    return monitoring_page(
        whose, shown.result.period, monitored=[shown], alerts=alerts, results=[shown.result], nav=nav
    )


def test_the_page_lists_alerts_and_leads_to_the_metric():
    rule = {"metric": "repeat_purchase_rate", "below": 45}
    whose = client(alerts={"thresholds": [rule]})
    page = page_of(monitor(year(2025, whose, last=150), "", history(2023, 2024)), whose)
    words = re.sub(r"<[^>]*>", " ", page)
    assert "at least 45.0%" in words
    assert "outside the limits" in words
    assert 'href="retention.html#' in page
    assert 'aria-current="page">Monitoring' in page


def test_a_page_without_signals_says_so_and_why_a_chart_is_missing():
    whose = client()
    few = result([row(value=40.0, n=100.0)], whose=whose)
    page = page_of(monitor(few, "", []), whose)
    assert "no objective has left its normal range beyond chance" in page
    assert "no control chart yet: 0 months in a row with a value; 12 are needed" in page


def test_an_objective_without_months_is_listed_with_the_reason():
    whole_only = result([row(value=40.0, n=100.0)], of=metric(trend=False))
    page = page_of(monitor(whole_only, "", []), whole_only.client)
    assert "Repeat purchase rate: no control chart: it is computed for the whole period only." in page


def test_what_the_client_wrote_is_escaped():
    whose = client(name=HOSTILE, alerts={"changes": [{"date": "2025-04-01", "title": HOSTILE[:60]}]})
    page = page_of(monitor(year(2025, whose, title=HOSTILE), "", history(2023, 2024)), whose)
    assert "<script>alert" not in page
