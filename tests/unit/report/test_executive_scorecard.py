"""The executive scorecard: objectives with the metrics that serve them, and the drivers worth acting on first."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from synthetic import client, metric, point, rate, result, row

from crmnb.core.errors import InputError
from crmnb.evaluate.settings import check_settings
from crmnb.metrics.definition import catalogue
from crmnb.report.tables.driver_priorities import drivers_of, to_improve_first
from crmnb.report.tables.executive_scorecard import executive_scorecard

OBJECTIVES = {
    "Keep customers": ("repeat_purchase_rate", "churn_rate"),
    "Win customers": ("win_rate",),
    "<b>": ("csat",),
}
WHOSE = client(scorecard=OBJECTIVES)


def results(whose=WHOSE):
    moved = {"change": 3.1, "change_low": 1.2, "change_high": 5.0, "signal": "better"}
    months = [rate(50 + m, 100, 9, part=f"2025-{m:02}") for m in range(1, 13)]
    return [
        result([rate(1161, 2022, 2.1, target=55.0, **moved), *months], whose=whose),
        result(
            [rate(10, 100, 3, target=5.0)],
            of=metric(id="churn_rate", title="Churn rate", direction="down"),
            whose=whose,
        ),
        result([row(flags="unavailable", reason="needs tickets")], of=metric(id="csat", title="CSAT"), whose=whose),
    ]


def test_each_objective_has_its_metrics_with_value_change_trend_and_target():
    soup = BeautifulSoup(executive_scorecard(results())._repr_html_(), "html.parser")
    heads = [head.get_text() for head in soup.select("th[scope=rowgroup]")]
    assert heads == [
        "Keep customers (1 of 2 targets met)",
        "<b>",
    ]  # no metric of this report serves the second objective
    lines = [[cell.get_text() for cell in line.find_all(["th", "td"])] for line in soup.select("tr")]
    assert lines[0] == ["Metric", "Value", "95% CI", "Change vs 2024", "Trend", "Target"]
    kept, lost, absent = lines[2], lines[3], lines[5]
    assert kept[:3] == ["Repeat purchase rate", "57%", "55% to 60%"]
    assert "+3.1 pts (95% CI 1.2 to 5.0), better" in kept[3]
    assert kept[5] == "55%: met"
    assert lost[5] == "5%: missed"
    assert absent == ["CSAT", "not available: needs tickets"]
    assert len(soup.select("svg.spark")) == 1


def test_without_objectives_there_is_no_scorecard():
    assert executive_scorecard(results(client())) is None
    assert executive_scorecard(results(client(scorecard={"Win": ("win_rate",)}))) is None
    assert executive_scorecard([]) is None


def test_an_objective_of_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match=r"scorecard\.Keep customers: unknown metric 'churn_rat'.*churn_rate"):
        check_settings(client(scorecard={"Keep customers": ("churn_rat",)}))
    check_settings(WHOSE)


def impacts(*drivers: tuple[str, float, float]):
    """Drivers as (name, score, impact)."""
    priority = replace(catalogue()["driver_impact"].estimate, chart="priority")
    rows = [
        row(breakdown=name, value=impact, low=impact - 0.1, high=impact + 0.1, n=100, unit="points")
        for name, _, impact in drivers
    ]
    points = [point(score + off, impact, breakdown=name) for name, score, impact in drivers for off in (-2.0, 0.0, 2.0)]
    of = metric(id="driver_impact", title="Driver impact", unit="points", estimate=priority, family="relationship")
    return result(rows, of=of, whose=WHOSE, points=points)


def test_first_are_the_drivers_that_are_worth_more_and_score_less_than_the_mean():
    # The mean score is 70, the mean impact 1.
    of = impacts(("Price", 60, 1.6), ("Staff", 90, 1.4), ("Return", 65, 1.2), ("Range", 62, 0.4), ("Site", 73, 0.4))
    assert [driver.name for driver in drivers_of(of)] == ["Price", "Staff", "Return", "Range", "Site"]
    assert [driver.name for driver in to_improve_first(of, 3)] == ["Price", "Return"]
    assert [driver.name for driver in to_improve_first(of, 1)] == ["Price"]
    assert to_improve_first(impacts(("Price", 60, 1.6)), 3) == []
    shown = BeautifulSoup(executive_scorecard([*results(), of])._repr_html_(), "html.parser").select("p")[-1]
    assert (
        shown.get_text()
        == "Worth acting on first: Price (score 60; 1.6 points for 5 more), Return (score 65; 1.2 points for 5 more)."
    )
