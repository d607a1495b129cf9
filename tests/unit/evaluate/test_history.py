"""History: what reports have published, restated and withdrawn, and the months that a chart may show of it."""

from dataclasses import replace

import pytest
from synthetic import client, rate, result

from crmnb.evaluate.history import history_digest, latest_figures, monthly_series, news, published_figures

JANUARY, FEBRUARY, MARCH = "2026-01-05T00:00:00+00:00", "2026-02-05T00:00:00+00:00", "2026-03-05T00:00:00+00:00"


def year(label: str, numerators: dict[str, int], **facts):
    """A result of a year with so many of 200 in each of some months."""
    rows = [rate(sum(numerators.values()), 200 * len(numerators), 2, period=label)]
    rows += [rate(n, 200, 5, period=label, part=part, **facts) for part, n in numerators.items()]
    return result(rows, label=label)


def months(first: int, last: int, label: str = "2024", numerator: int = 100) -> dict[str, int]:
    return {f"{label}-{month:02}": numerator for month in range(first, last + 1)}


def publish(history: list, shown, at: str) -> list:
    """The history after a report."""
    own = [figure for figure in history if figure.report == shown.period.label]
    figures = published_figures([shown], shown.period.label, at)
    return [*history, *news(own, figures, [shown.metric.id], at)]


def test_a_report_that_publishes_the_same_again_adds_nothing():
    once = publish([], year("2024", months(1, 12)), JANUARY)
    assert len(once) == 13  # twelve months and the year
    assert publish(once, year("2024", months(1, 12)), FEBRUARY) == once


def test_months_before_the_report_come_from_the_history_and_join_its_own():
    history = publish([], year("2024", months(1, 12)), JANUARY)
    series = monthly_series(year("2025", months(1, 12, "2025", 120)), "", history)
    assert (series.labels[0], series.labels[-1], len(series.labels)) == ("2024-01", "2025-12", 24)
    assert series.values == (50.0,) * 12 + (60.0,) * 12
    assert series.denominators == (200.0,) * 24


def test_a_restated_month_shows_its_last_value_and_the_one_published_first():
    history = publish([], year("2024", months(1, 12)), JANUARY)
    history = publish(history, year("2024", months(1, 12) | {"2024-11": 90}), FEBRUARY)
    history = publish(history, year("2024", months(1, 12) | {"2024-11": 80}), MARCH)
    assert latest_figures(history)["repeat_purchase_rate", "", "2024-11"].value == 40.0
    series = monthly_series(year("2025", months(1, 3, "2025")), "", history)
    assert series.values[10] == 40.0
    assert series.restated == {"2024-11": 50.0}


def test_a_figure_that_a_later_report_hides_is_withdrawn_from_the_charts():
    history = publish([], year("2024", months(1, 12)), JANUARY)
    history = publish(history, year("2024", months(6, 12)), FEBRUARY)
    series = monthly_series(year("2025", months(1, 2, "2025")), "", history)
    assert series.labels[0] == "2024-06"


def test_months_of_the_own_period_never_come_from_the_history():
    history = publish([], year("2025", months(1, 12, "2025")), JANUARY)
    series = monthly_series(year("2025", months(8, 12, "2025")), "", history)
    assert series.labels == tuple(months(8, 12, "2025"))


def test_too_few_customers_for_todays_threshold_and_other_settings_are_left_out():
    history = publish([], year("2024", months(1, 12), clusters=15.0), JANUARY)
    now = year("2025", months(1, 12, "2025"))
    assert len(monthly_series(now, "", history).labels) == 24
    stricter = result(now.rows.to_dict("records"), whose=client(privacy={"min_base": 30, "suppress_below": 20}))
    assert len(monthly_series(stricter, "", history).labels) == 12
    series = monthly_series(replace(now, settings={"at_least": "3"}), "", history)
    assert (len(series.labels), series.left_out) == (12, 12)


def test_a_gap_begins_the_series_again():
    gap = {part: n for part, n in months(1, 12, "2025").items() if part != "2025-05"}
    assert monthly_series(year("2025", gap), "", []).labels[0] == "2025-06"


@pytest.mark.parametrize("flag", ["partial", "immature", "suppressed", "unavailable"])
def test_unfinished_and_hidden_months_are_neither_published_nor_charted(flag):
    shown = year("2025", months(1, 12, "2025"), flags=flag)
    assert [figure.label for figure in published_figures([shown], "2025", JANUARY)] == ["2025"]
    assert monthly_series(shown, "", []).labels == ()


def test_the_digest_depends_on_values_before_the_end_and_not_on_who_published_them():
    year_report = publish([], year("2024", months(1, 12)), JANUARY)
    quarter = year("2024Q4", months(10, 12))
    both = publish(year_report, quarter, FEBRUARY)
    assert len(both) > len(year_report)
    assert history_digest(both, "2025-01") == history_digest(year_report, "2025-01")
    restated = publish(both, year("2024", months(1, 11) | {"2024-12": 99}), MARCH)
    assert history_digest(restated, "2025-01") != history_digest(both, "2025-01")
    assert history_digest(restated, "2024-12") == history_digest(both, "2024-12")


def test_the_parts_of_the_comparison_are_no_figures_of_this_report():
    rows = [rate(5, 10, 3), rate(5, 10, 3, part="2025-01"), rate(4, 10, 3, part="2024-01", period="2024")]
    figures = published_figures([result(rows)], "2025", "2026-01-02T00:00:00")
    assert [figure.label for figure in figures] == ["2025", "2025-01"]
    assert monthly_series(result(rows), "", []).labels == ("2025-01",)
