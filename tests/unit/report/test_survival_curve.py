"""Curves of time since the start: what they say, how many were at risk under them, and names that never overlap."""

import re

import numpy as np
import pytest
from pictured import CONVERSION, SURVIVAL, conversion, hazards, long_hazards, overlaps, survival, texts
from synthetic import HOSTILE, NAN, point, rate, result, row

from crmnb.core.errors import InputError
from crmnb.report.drawing.labels import spread
from crmnb.report.drawing.series import Series, at, round_step, thinned

THREE = {"North": 900, "South": 600, "West": 1800}
SIX = {"North": 900, "South": 880, "A level with a name that goes on": 860, "East": 840, "Middle": 500, "Sixth": 300}


def test_a_survival_curve_says_what_is_left_after_the_longest_round_time():
    figure = survival().plot("survival")
    assert figure.title == "Survival curve: 30% remain after 3 years"  # exp(-1095 / 900)
    assert figure.alt == (
        "Line with a band for the 95% CI. Across: time since the start. Up: Survival curve, %. "
        "Under the axis: the number at risk. 55% after 18 months, 30% after 36 months."
    )
    assert figure.notes == (
        "Band: 95% CI. Dotted: median. At risk: the number still followed at that time, without the event. "
        "A curve ends where fewer than 10 are at risk.",
    )


def test_the_title_tells_of_a_time_at_which_some_are_left():
    points = [point(day, 100 * 0.5 ** (day / 100), 0.2) for day in range(0, 2000, 10)]
    assert result([], of=SURVIVAL, points=points).plot("survival").title == "Survival curve: 8.2% remain after 1 year"


def test_numbers_at_risk_stand_under_the_ticks():
    points = [point(day, 100 - day / 10, 2, n=2000.0 - day) for day in range(0, 101, 5)]
    shown = texts(result([], of=SURVIVAL, points=points).plot("survival"))
    assert [words for words in shown if re.fullmatch(r"\d+", words)] == ["0", "15", "30", "45", "60", "75", "90"]
    assert [words for words in shown if "," in words] == [
        *("2,000", "1,985", "1,970", "1,955", "1,940", "1,925", "1,910"),
    ]
    assert "days since the start" in shown


@pytest.mark.parametrize(
    ("reach", "unit", "ticks"),
    [
        (14, "days", ["0", "2", "4", "6", "8", "10", "12", "14"]),
        (120, "days", ["0", "30", "60", "90", "120"]),
        (365, "months", ["0", "2", "4", "6", "8", "10"]),
        (1096, "months", ["0", "6", "12", "18", "24", "30", "36"]),
        (3653, "years", ["0", "2", "4", "6", "8", "10"]),
    ],
)
def test_time_is_in_days_months_or_years_as_fits(reach, unit, ticks):
    points = [point(x, 100 - 9 * x / reach, 1, n=NAN) for x in (0.0, reach / 2, reach)]
    points = [one | {"n": 5000.0} for one in points]
    shown = texts(result([], of=SURVIVAL, points=points).plot("survival"))
    assert f"{unit} since the start" in shown
    assert [words for words in shown if re.fullmatch(r"\d+", words)] == ticks


def test_the_table_tells_some_round_times():
    shown = str(survival().plot("survival").table)
    assert shown.count("<tr>") == 1 + 13
    assert '<th scope="row">0 months</th><td>100%</td><td>100% to 100%</td>' in shown
    assert '<th scope="row">18 months</th><td>55%</td><td>52% to 57%</td>' in shown


def test_half_is_marked_only_where_it_is_reached():
    points = [point(day, 100 - day / 20, 2) for day in range(0, 365, 5)]
    assert "Dotted" not in result([], of=SURVIVAL, points=points).plot("survival").notes[0]
    assert "Dotted: median." in survival().plot("survival").notes[0]


def test_levels_are_drawn_the_largest_first_with_their_names():
    figure = survival(THREE).plot("survival", "region")
    assert figure.title == "Survival curve by region: 67% in West, 30% in South after 2 years"
    assert [words for words in texts(figure) if words in THREE] == ["North", "South", "West", "North", "South", "West"]
    assert "North: 55% after 18 months, 30% after 36 months." in figure.alt
    assert '<th scope="row">West, 24 months</th>' in figure.table


def test_levels_that_overlap_are_not_ranked_in_words():
    assert survival({"North": 900, "South": 895}).plot("survival", "region").title == "Survival curve by region"


def test_of_many_levels_five_are_drawn_and_the_others_named():
    figure = survival(SIX).plot("survival", "region")
    assert "Sixth" not in texts(figure)
    assert "Not drawn, as they are smaller: Sixth." in figure.notes[0]


def test_those_of_whom_the_level_is_not_known_have_no_curve_beside_others():
    figure = survival({"North": 900, "(not known)": 500, "South": 600}).plot("survival", "region")
    assert [words for words in texts(figure) if words in ("North", "South", "(not known)")] == 2 * ["North", "South"]
    alone = survival({"(not known)": 500}).plot("survival", "region")
    assert "no chart" not in repr(alone)


def test_few_steps_are_drawn_as_steps_even_between_many_points():
    days = np.arange(0, 401.0)
    few = [point(day, 100 - 10 * (day // 100), 2) for day in days]
    many = [point(day, 100 - 0.1 * day, 2) for day in days]
    steps, line = (result([], of=SURVIVAL, points=points).plot("survival").svg for points in (few, many))
    down = re.compile(r' d="M[\d.]+ [\d.]+h[\d.]+v[\d.]+h[\d.]+v[\d.]+h[\d.]+v[\d.]+h[\d.]+v[\d.]+"')
    assert down.search(steps)
    assert not down.search(line)


def test_a_level_that_may_not_be_shown_is_named_with_the_reason():
    of = survival({"North": 900})
    hidden = row(breakdown="after 180 days", segment="region", level="West", flags="suppressed", reason="fewer than 10")
    rows = [*of.rows.to_dict("records"), hidden]
    figure = result(rows, of=SURVIVAL, points=of.points).plot("survival", "region")
    assert "West: not shown: fewer than 10." in figure.notes[0]
    assert "West" not in texts(figure)


def test_a_curve_ends_where_too_few_are_at_risk():
    short = [point(day, 100 - day / 20, 2, n=400.0 - day, segment="region", level="North") for day in range(0, 200, 5)]
    long = [point(day, 100 - day / 10, 2, n=900.0 - day, segment="region", level="South") for day in range(0, 400, 5)]
    shown = texts(result([], of=SURVIVAL, points=[*short, *long]).plot("survival", "region"))
    counts = [words for words in shown if re.fullmatch(r"\d{3}", words)]
    assert [n for n in counts if int(n) <= 400] == ["400", "340", "280", "220"]  # at 0, 2, 4 and 6 months


def test_a_curve_that_begins_late_is_not_drawn_before():
    """The points say themselves that all are there on day 90: of those who had stayed so long."""
    points = [point(day, 100 - (day - 90) / 10, 2, n=900.0 - day) for day in range(90, 420, 10)]
    shown = texts(result([], of=SURVIVAL, points=points).plot("survival"))
    assert [words for words in shown if re.fullmatch(r"\d{3}", words)] == ["780", "720", "660", "600", "540"]


def test_a_curve_without_a_point_at_its_start_begins_there_with_everybody():
    points = [point(day, 100 - day, 2, n=500.0) for day in (10, 20, 30)]
    figure = result([], of=SURVIVAL, points=points).plot("survival")
    assert '<th scope="row">0 days</th><td>100%</td>' in figure.table


def test_points_without_numbers_at_risk_or_intervals_stand():
    points = [point(day, 100 - day, NAN, n=NAN) for day in (0, 10, 20)]
    figure = result([], of=SURVIVAL, points=points).plot("survival")
    assert "<td>90%</td><td></td><td></td>" in figure.table
    assert "nan" not in repr(figure).lower()


def test_a_level_whose_numbers_at_risk_are_hidden_is_drawn_last_without_a_warning():
    points = [
        point(day, 100 - day, NAN, n=n, segment="region", level=level)
        for level, n in (("North", NAN), ("South", 40.0))
        for day in (0, 10, 20)
    ]
    drawn = texts(result([], of=SURVIVAL, points=points).plot("survival", "region"))
    assert [words for words in drawn if words in ("North", "South")][-2:] == ["South", "North"]


def test_won_and_lost_rise_from_zero_over_one_row_of_numbers_at_risk():
    figure = conversion().plot("survival")
    assert figure.title == "Cumulative win rate: 20% won, 55% lost after 1 year"
    shown = texts(figure)
    assert (shown.count("at risk"), shown.count("won"), shown.count("lost")) == (1, 1, 1)
    assert "60%" in shown
    assert "80%" not in shown
    assert '<th scope="row">won, 0 months</th><td>0%</td>' in figure.table


def test_levels_of_a_conversion_are_those_of_its_first_component():
    points = [
        point(day, top * day / 100, 2, breakdown=breakdown, segment="region", level=level)
        for breakdown, share in (("won", 1), ("lost", 3))
        for level, top in (("North", 20 * share), ("South", 12 * share))
        for day in range(0, 100, 5)
    ]
    figure = result([], of=CONVERSION, points=points).plot("survival", "region")
    assert figure.title == "Cumulative win rate by region: 18% in North, 11% in South after 90 days"


def test_without_points_the_reason_is_said():
    gone = row(flags="unavailable", reason="needs customers followed for 30 days or more")
    assert repr(result([gone], of=SURVIVAL).plot("survival")) == (
        "Survival curve: no chart: not available: needs customers followed for 30 days or more."
    )
    assert repr(survival().plot("survival", "region")) == "Survival curve by region: no chart: too few to draw a curve."
    with pytest.raises(InputError, match="Did you mean region"):
        survival().plot("survival", "regoin")


@pytest.mark.parametrize("made", [survival, conversion])
def test_nothing_overlaps(made):
    assert overlaps(made().plot("survival")) == []


def test_long_names_beside_dots_are_whole_on_several_lines():
    figure = long_hazards().plot("breakdown")
    assert overlaps(figure) == overlaps(hazards().plot("breakdown")) == []
    words = " ".join(texts(figure))
    assert "payment method: Bank transfer (automatic, on the first of the month) vs Electronic check" in words
    assert "payment method: Credit card vs Electronic check" in words
    assert "…" not in words


@pytest.mark.parametrize("levels", [THREE, SIX, dict.fromkeys("abcde", 700), {"only": 500}, {HOSTILE: 400, "b": 900}])
def test_nothing_overlaps_by_segment(levels):
    assert overlaps(survival(levels).plot("survival", "region")) == []


def test_millions_at_risk_do_not_overlap():
    points = [point(day, 100 - day / 20, 0.01, n=8_123_456.0 - day) for day in range(0, 1100, 5)]
    assert overlaps(result([], of=SURVIVAL, points=points).plot("survival")) == []


def test_hostile_names_are_only_text():
    figure = survival({HOSTILE: 900, '"><script>': 300}).plot("survival", "region")
    assert "<script" not in figure._repr_html_().replace("data:image/svg+xml;base64", "")
    assert texts(figure)  # well formed
    points = [point(day, day / 10, 1, breakdown=HOSTILE) for day in range(0, 100, 5)]
    assert "<script" not in result([rate(3, 5, 30)], of=CONVERSION, points=points).plot("survival")._repr_html_()


def test_pictures_of_curves_are_small_and_the_same_twice():
    assert len(survival().plot("survival").svg) < 4 * 1024
    assert len(survival(SIX).plot("survival", "region").svg) < 16 * 1024
    assert survival(SIX).plot("survival", "region").svg == survival(SIX).plot("survival", "region").svg


def test_a_thinned_curve_keeps_its_ends_and_what_can_be_seen():
    x = np.arange(0, 10_001.0)
    curve = Series("", x, x * 2, x, x * 3, x)
    thin = thinned(curve, 0, 10_000, 100)
    assert len(thin.x) <= 103
    assert (thin.x[0], thin.x[-1]) == (0, 10_000)
    assert (thin.value == thin.x * 2).all()
    one = Series("", *(np.array([5.0]),) * 5)
    assert list(thinned(one, 0, 5, 100).x) == [5]


def test_the_point_at_a_time_is_the_last_one_before_it():
    curve = Series("", np.array([1.0, 3.0]), *(np.zeros(2),) * 4)
    assert [at(curve, x) for x in (0, 1, 2.9, 3, 9)] == [None, 0, 0, 1, 1]


def test_steps_are_round():
    assert [round_step(reach, (1, 2, 5), 5) for reach in (3, 6, 24, 200)] == [1, 2, 5, 40]


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([10, 50, 90], [10, 50, 90]),  # room enough
        ([50, 50], [45, 55]),  # apart, each half of the way
        ([90, 10, 91], [85.5, 10, 95.5]),  # as they lie, not as they come
        ([100, 100, 100], [80, 90, 100]),  # inside the edge
        ([0, 1], [0, 10]),
        ([], []),
    ],
)
def test_labels_are_moved_apart_no_further_than_needed(wanted, placed):
    assert spread(wanted, 10, 0, 100) == pytest.approx(placed)
