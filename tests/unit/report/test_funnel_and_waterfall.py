"""Funnel, waterfall, Lorenz curve and tracking: what they say and draw, and that they stand whatever the rows are."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from pictured import (
    CONCENTRATION,
    EFFECTIVENESS,
    GROWTH,
    STAGES,
    concentration,
    forecast,
    growth,
    look,
    looks_of,
    overlaps,
    stages,
    texts,
)
from synthetic import HOSTILE, NAN, point, rate, result, row

from crmnb.core.notes import Note

MINUS = "\N{MINUS SIGN}"
NOTHING = dict.fromkeys(("value", "low", "high", "n", "clusters", "numerator", "denominator"), NAN)
HIDDEN = NOTHING | {"flags": "suppressed", "reason": "fewer than 10"}
GONE = row(flags="unavailable", reason="needs leads")


def test_a_funnel_tells_how_many_get_to_the_end_and_where_most_are_lost():
    figure = stages().plot("funnel")
    assert (
        figure.title
        == "Stage conversion: 96 of 1,210 leads created reached “won”; lowest step conversion: to “won”, 23%"
    )
    assert figure.alt == (
        "Funnel of bars from zero. Down: stages. Across: the number that reached them. "
        "all leads created 1,210, qualified 640 (53%), proposed 410 (64%), won 96 (23%)."
    )
    names = [words for words in texts(figure) if words[0].isalpha()]
    assert names == ["all leads created", "qualified", "proposed", "won"]  # in order, though the rows were not
    assert "↓ 64% (61% to 67%)" in texts(figure)
    assert '<th scope="row">qualified to proposed</th><td>64%</td>' in figure.table


def test_bars_of_a_funnel_begin_at_zero_and_are_as_long_as_their_number():
    svg = stages().plot("funnel").svg
    looks, root = looks_of(svg), ElementTree.fromstring(svg)  # noqa: S314
    bars = [e.get("d") for e in root.iter("{http://www.w3.org/2000/svg}path") if "fill:var(--a)" in look(e, looks)]
    sides = [re.match(r"M([\d.]+) [\d.]+h([\d.]+)v", d).groups() for d in bars]
    assert len({left for left, _ in sides}) == 1
    assert [float(long) / float(sides[0][1]) for _, long in sides] == pytest.approx(
        [1, 640 / 1210, 410 / 1210, 96 / 1210], abs=1e-3
    )


def test_a_step_that_may_not_be_shown_is_a_gap_without_a_number():
    figure = stages(**HIDDEN).plot("funnel")
    assert "not shown" in texts(figure)
    assert "1,210" not in texts(figure)
    assert "640" not in " ".join(texts(figure))
    assert figure.title == "Stage conversion"


def test_the_hardest_step_is_named_only_beyond_chance():
    figure = stages(reached=(1000, 500, 260, 130)).plot("funnel")
    assert figure.title == "Stage conversion: 130 of 1,000 leads created reached “won”"


def test_a_waterfall_tells_signs_in_words_and_the_largest_step():
    figure = growth().plot("waterfall")
    assert figure.title == "Growth decomposition: from £61,200 to £74,850; largest part: customers (+£18,900)"
    assert figure.alt == (
        "Waterfall of floating bars from zero. Up: Growth decomposition, GBP. "
        f"comparison period £61,200, customers +£18,900, frequency {MINUS}£7,450, order value +£2,200, 2025 £74,850."
    )
    assert f"{MINUS}£7,450" in texts(figure)


def test_a_waterfall_below_zero_and_with_long_names_stands():
    parts = {"new customers of all countries": -61000.0, "x" * 40: 20.0, "order value": 0.0}
    figure = growth(before=60000.0, now=-980.0, **parts).plot("waterfall")
    assert f"{MINUS}£980" in texts(figure)
    assert "£0" in texts(figure)
    assert overlaps(figure) == []


def test_a_waterfall_without_one_of_its_steps_is_not_drawn():
    rows = [one | (HIDDEN if one["breakdown"] == "frequency" else {}) for one in growth().rows.to_dict("records")]
    assert (
        repr(result(rows, of=GROWTH).plot("waterfall")) == "Growth decomposition: no chart: not shown: fewer than 10."
    )


def test_a_waterfall_says_from_when_it_starts():
    of = result(growth().rows.to_dict("records"), of=GROWTH, notes=(Note("bridge_begins", period="2024-01"),))
    assert of.plot("waterfall").notes[0].endswith("The bridge starts from January 2024.")


def test_a_lorenz_curve_tells_the_top_tenth_and_gini():
    figure = concentration().plot("lorenz")
    assert figure.title == ("Revenue concentration: the top 10% of customers bring 41% of revenue (95% CI 38% to 45%)")
    assert "Gini coefficient of revenue 0.62 (95% CI 0.58 to 0.66): 0 means equal shares" in figure.notes[0]
    assert figure.alt.endswith("The smallest 20% bring 0%, 50% bring 6%, 80% bring 41%, 90% bring 66%.")  # x^4
    assert '<th scope="row">smallest 50%</th><td>6%</td>' in figure.table
    assert '<th scope="row">Gini coefficient</th><td>0.62</td>' in figure.table


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_a_lorenz_curve_ends_at_the_whole_in_whatever_it_is_counted(unit):
    points = [point(x, unit * (x / 100) ** 4, NAN) for x in np.linspace(1, 100, 150)]
    figure = result(concentration().rows.to_dict("records"), of=CONCENTRATION, points=points).plot("lorenz")
    assert figure.svg == concentration().plot("lorenz").svg


def test_revenue_below_zero_of_the_smallest_stands():
    points = [point(x, 120 * (x / 100) ** 4 - 20 * min(x / 10, 1), NAN) for x in range(1, 101)]
    figure = result([], of=CONCENTRATION, points=points).plot("lorenz")
    assert figure.title == "Revenue concentration"
    assert f"{MINUS}20%" in figure.alt


def test_tracking_tells_the_error_of_the_holdout():
    figure = forecast().plot("backtest")
    assert figure.title == "Forecast error: total forecast 4% above actual in the holdout"
    assert figure.alt == (
        "Line chart. Across: weeks since the start. Up: number, forecast and actual. The holdout begins in week 39. "
        "Last: actual 2,063 in week 78, expected 2,005 in week 78, naive baseline 2,979 in week 78."
    )
    assert {"calibration", "holdout", "actual", "expected", "naive baseline"} <= set(texts(figure))
    assert '<th scope="row">week 10</th>' in figure.table


def test_tracking_by_week_claims_no_sum():
    points = [
        point(week, 20 + (week * share) % 7, NAN, breakdown=name)
        for name, share in (("actual", 3), ("expected", 1))
        for week in range(1, 53)
    ]
    figure = result([], of=EFFECTIVENESS, points=points).plot("backtest")
    assert figure.title == "Forecast error"
    assert "holdout" not in texts(figure)


def test_without_points_or_rows_the_reason_is_said():
    gone = {"funnel": STAGES, "waterfall": GROWTH, "lorenz": CONCENTRATION, "backtest": EFFECTIVENESS}
    for name, of in gone.items():
        assert repr(result([GONE], of=of).plot(name)).endswith("not available: needs leads.")
        empty = result([], of=of).plot(name)
        assert empty._repr_html_().startswith('<p class="note">')


@pytest.mark.parametrize(
    "draw",
    [
        lambda: stages().plot("funnel"),
        lambda: stages(**HIDDEN).plot("funnel"),
        lambda: growth().plot("waterfall"),
        lambda: growth(customers=13000.0, frequency=400.0, value=300.0, **{"without a customer": -50.0}).plot(
            "waterfall"
        ),
        lambda: concentration().plot("lorenz"),
        lambda: forecast().plot("backtest"),
    ],
)
def test_nothing_overlaps_pictures_are_small_and_the_same_twice(draw):
    figure = draw()
    assert overlaps(figure) == []
    assert len(figure.svg) < 8 * 1024
    assert figure.svg == draw().svg


def test_hostile_names_are_only_text():
    steps = [rate(20, 50, 12, breakdown=f"1 {HOSTILE}"), rate(10, 20, 12, breakdown='2 "><script>')]
    parts = {HOSTILE: 100.0, "]]>": -20.0}
    for figure in (result(steps, of=STAGES).plot("funnel"), growth(before=10.0, now=90.0, **parts).plot("waterfall")):
        assert texts(figure)
        assert "<script" not in figure._repr_html_()
