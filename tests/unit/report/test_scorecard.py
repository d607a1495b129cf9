"""The scorecard, the tile and what changed: everything beside its number, and in the order of consequence."""

import math
import re
from datetime import datetime

import pytest
from synthetic import HOSTILE, NAN, metric, rate, result, row

from crmnb.core.notes import Note
from crmnb.report.drawing.sparkline import change_bar, interval_bar, scale
from crmnb.report.tables.key_changes import key_changes
from crmnb.report.tables.scorecard import scorecard, tile

MINUS = "\N{MINUS SIGN}"
HEADS = re.compile(r'<th scope="col"[^>]*>([^<]*)</th>')


def repeat(**facts):
    known = {"target": 60.0, "change": 3.1, "change_low": 1.2, "change_high": 5.0, "signal": "better"} | facts
    rows = [rate(1161, 2022, 2.1, **known)]
    rows += [rate(50 + m, 100, 9, part=f"2025-{m:02}", flags="partial" if m == 12 else "") for m in range(1, 13)]
    return result(rows)


def unavailable():
    return result([row(flags="unavailable", reason="needs tickets")], of=metric(id="csat", title="Satisfaction"))


def test_a_scorecard_has_a_row_per_metric_with_all_that_belongs_to_it():
    shown = scorecard([repeat(), unavailable()])._repr_html_()
    assert HEADS.findall(shown) == ["Metric", "Value", "95% CI", "n", "Change vs 2024", "Target"]
    for words in ("57%", "55% to 60%", "2,022", "+3.1 pts (95% CI 1.2 to 5.0), better", "60%: missed"):
        assert words in shown
    assert '<td colspan="5" class="absent">not available: needs tickets</td>' in shown
    assert "Share of the period&#39;s buyers who ordered more than once in it." in shown


def test_columns_without_anything_are_left_out_and_marks_are_explained_once():
    bare = {
        "target": NAN,
        "change": NAN,
        "signal": "",
        "reason": Note("no_comparison_partial", period="2025", begins=None, ends="2025-12-09"),
    }
    shown = scorecard([repeat(**bare, flags="low_base"), repeat(**bare, flags="low_base")])._repr_html_()
    assert HEADS.findall(shown)[-1] == "Remarks"
    assert "Target" not in HEADS.findall(shown)
    assert shown.count("No comparison: 2025 is partial (the data end on 9 December 2025).") == 1
    assert shown.count("Low base: fewer than 30 customers.") == 1
    assert shown.count('<span class="change none">no comparison</span>') == 2


def test_components_have_rows_of_their_own_and_cohorts_one_together():
    surveys = result([rate(6, 10, 20, breakdown=name) for name in ("purchase", "support")])
    cohorts = result([rate(6, 10, 20, breakdown=f"2025-01 +{k}") for k in range(12)])
    shown = scorecard([surveys, cohorts])._repr_html_()
    assert "<summary>Repeat purchase rate, purchase</summary>" in shown
    assert '<th scope="row" class="breakdown">support</th>' in shown
    assert "1 cohorts: see the cohort chart" not in shown
    assert "1 cohort: see the cohort chart" in shown


def test_a_scorecard_can_be_cut_short_and_can_be_empty():
    assert scorecard([repeat()] * 6, rows=4)._repr_html_().count("<tr") == 5
    assert repr(scorecard([])) == "No metrics."


def test_a_tile_shows_value_interval_n_change_target_parts_and_flags():
    shown = tile(repeat())._repr_html_()
    order = [
        '<h3><a href="retention.html#metric-repeat_purchase_rate">Repeat purchase rate</a></h3>',
        '<p class="value">57%</p>',
        "95% CI 55% to 60%; 1,161 of 2,022 buyers",
        "▲",
        "+3.1 pts vs 2024 (95% CI 1.2 to 5.0), better",
        'class="interval"',
        "target 60%: missed",
        'class="spark"',
    ]
    places = [shown.index(piece) for piece in order]
    assert places == sorted(places)
    assert 'href="methodology-retention.html#repeat_purchase_rate"' in shown
    assert shown.count('class="hollow"') == 1  # December
    assert ">Jan 51%</text>" in shown
    assert ">Dec 62%</text>" in shown


def test_the_bar_of_a_tile_is_the_interval_of_the_change_from_a_line_at_no_change():
    of = repeat()
    drawn = change_bar(of, of.entries[0], width=210)  # 0 to 5 points are 5 to 205 across
    assert '<line x1="5.0" y1="1" x2="5.0"' in drawn
    assert '<rect x="53.0" y="6" width="152.0"' in drawn
    assert '<circle cx="129.0"' in drawn
    assert drawn.count("better") == 2
    calm = repeat(change_low=-5.0, change=0.0, signal="")
    drawn = change_bar(calm, calm.entries[0], width=210)
    assert '<line x1="105.0"' in drawn
    assert "better" not in drawn


@pytest.mark.parametrize("unknown", [{"change_low": NAN}, {"change": NAN}, {"change_high": math.inf}])
def test_a_change_without_an_interval_has_no_bar(unknown):
    of = repeat(**unknown)
    assert change_bar(of, of.entries[0]) is None
    assert 'class="goal"' in tile(of)._repr_html_()  # the value's own bar, with its target


@pytest.mark.parametrize(("months", "sparks"), [([500.0, 700.0, 800.0], 1), ([500.0, 700.0, 900.0], 0)])
def test_a_tile_has_a_spark_only_of_its_own_quantity(months, sparks):
    of = metric(id="net_revenue", unit="money", depends_on_length=True)
    rows = [row(value=2000.0, n=26, unit="money")]
    rows += [row(value=value, n=9, unit="money", part=f"2025-{m:02}") for m, value in enumerate(months, 1)]
    assert tile(result(rows, of=of))._repr_html_().count('class="spark"') == sparks


def test_a_tile_that_is_not_available_says_why_and_shows_no_number():
    shown = tile(unavailable())._repr_html_()
    assert "not available: needs tickets" in shown
    assert 'class="value"' not in shown
    assert "<svg" not in shown


def lasting(**facts):
    """A median lifetime that has no upper limit."""
    known = {"low": 412.0, "high": math.inf, "n": 800, "clusters": 800, "unit": "days"} | facts
    return result([row(**known)], of=metric(id="median_lifetime", title="Median lifetime", unit="days"))


def test_what_is_not_reached_stands_in_a_scorecard_and_a_tile():
    of = lasting(flags="not_reached", reason="after 1,096 days 71% are still customers")
    words = "not reached: after 1,096 days 71% are still customers"
    assert f"{words} (95% CI 412 days or more)</td>" in scorecard([of])._repr_html_()
    shown = tile(of)._repr_html_()
    assert f'<p class="absent">{words}</p>' in shown
    assert "95% CI 412 days or more; 800 buyers" in shown
    assert list(of.table()["95% CI"]) == ["412 days or more"]


def test_an_interval_without_an_upper_end_reaches_the_end_of_its_bar():
    of = lasting(value=620.0)
    assert "412 days or more" in scorecard([of])._repr_html_()
    drawn = interval_bar(of, of.entries[0], width=210)
    (left, wide), (dot,) = (
        re.search(pattern, drawn).groups()
        for pattern in (r'<rect x="([\d.]+)" y="6" width="([\d.]+)"', r'<circle cx="([\d.]+)"')
    )
    assert float(left) + float(wide) == 205
    assert float(left) < float(dot) < 205
    assert "inf" not in tile(of)._repr_html_().replace("information", "")


def test_an_unclear_change_has_neither_arrow_nor_colour():
    shown = tile(repeat(signal="", change_low=-0.4))._repr_html_()
    assert f'<span class="change unclear">no detectable change vs 2024 (95% CI {MINUS}0.4 to +5.0 pts)</span>' in shown
    assert "▲" not in shown


def test_the_bar_lies_on_a_scale_that_holds_target_and_previous():
    def of(**facts):
        made = result([row(**facts)])
        return scale(made, next(made.whole.itertuples()))

    assert of(value=57.0, low=55.0, high=60.0) == (0, 100)
    assert of(value=2.0, low=1.5, high=2.6, target=3.0) == (0, 5)
    assert of(value=2.0, low=1.5, high=2.6, target=30.0) == (0, 50)
    assert of(value=-12.0, low=-31.0, high=8.0, unit="points") == (-100, 100)
    assert of(value=591.0, low=540.0, high=645.0, previous=790.0, unit="count") == (0, 1000)
    assert of(value=0.0, unit="count") == (0, 1)


@pytest.mark.parametrize(
    ("value", "unit", "end"),
    [
        (0.2, "share", "0.25"),
        (0.04, "share", "0.05"),
        (1.2, "share", "1.5"),
        (290.0, "money", "£300"),
        (93.0, "%", "100%"),
    ],
)
def test_the_end_of_a_scale_is_written_as_it_is(value: float, unit: str, end: str):
    made = result([row(value=value, low=value, high=value, unit=unit)])
    assert f">{end}</text>" in interval_bar(made, next(made.whole.itertuples()))


def test_the_bar_s_value_lies_inside_its_interval_and_the_target_where_it_belongs():
    made = result([row(value=50.0, low=40.0, high=60.0, target=75.0)])
    drawn = interval_bar(made, next(made.whole.itertuples()), width=210)
    (left, wide), (dot,), (goal,) = (
        re.search(r'<rect x="([\d.]+)" y="6" width="([\d.]+)"', drawn).groups(),
        re.search(r'<circle cx="([\d.]+)"', drawn).groups(),
        re.search(r'<line x1="([\d.]+)" y1="1"', drawn).groups(),
    )
    assert [float(x) for x in (left, wide, dot, goal)] == [85, 40, 105, 155]  # 5 + share of 200


def test_hostile_texts_are_text():
    of = result(
        [rate(3, 5, 30, breakdown=HOSTILE, signal="better", change=9.0, segment=""), row(breakdown=HOSTILE)],
        of=metric(title=HOSTILE, definition=HOSTILE),
    )
    for shown in (scorecard([of]), tile(of), key_changes([of])):
        assert "<script" not in shown._repr_html_()


def test_a_running_period_says_once_why_nothing_is_compared():
    reason = Note("no_comparison_partial", period="2025", begins=None, ends="2025-12-09")
    of = result([rate(3, 5, 30, flags="partial", reason=reason)], cutoff=datetime(2025, 12, 10))
    shown = tile(of)._repr_html_()
    assert '<span class="change none">no comparison</span>' in shown
    assert "partial: the data end on 9 December 2025" in shown


def test_a_change_and_its_limits_have_the_same_precision_as_the_value_that_it_is():
    facts = {"value": 4.05, "low": 0.6, "high": 7.5, "change": 4.05, "change_low": 0.6, "change_high": 7.5, "n": 9}
    shown = repr(tile(result([row(**facts)], of=metric(title="Sales growth", compares=True))))
    assert "Sales growth, 2025: 4.1% (95% CI 0.6% to 7.5%" in shown
    assert "(95% CI +0.6% to +7.5%" in shown
