"""Pictures: what they say in words, that they are the same twice, small, well formed, and honest about gaps."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import synthetic
from pictured import hazards, medians, overlaps, placed, texts
from scipy.optimize import isotonic_regression
from synthetic import HOSTILE, metric, rate, result, row

from crmnb.core.errors import InputError
from crmnb.core.notes import Note
from crmnb.report.drawing import canvas
from crmnb.report.drawing.labels import never_falling

MINUS = "\N{MINUS SIGN}"


def year(**last):
    """A rate over twelve months: June hidden, February pale, December partial; highest in July, lowest in March."""
    values = {1: 50, 2: 52, 3: 41, 4: 55, 5: 60, 7: 76, 8: 70, 9: 66, 10: 64, 11: 65, 12: 66}
    rows = [rate(1161, 2022, 2.1)]
    for month, value in values.items():
        flags = {2: "low_base", 12: "partial"}.get(month, "")
        rows.append(rate(value * 4, 400, 4, part=f"2025-{month:02}", flags=flags, target=60.0))
    rows.append(row(part="2025-06", flags="suppressed", reason="fewer than 10"))
    return result(rows, **last)


def regions(count: int, **first):
    rows = [rate(500, 1000, 3)]
    rows += [rate(100 + 17 * i, 400 + i, 5, segment="region", level=f"Region {i}") for i in range(count)]
    rows[1] |= first
    return result(rows)


def test_a_trend_says_in_words_what_it_shows():
    figure = year().plot("trend")
    assert figure.title == "Repeat purchase rate by month: lowest 41% in March, highest 76% in July"
    assert figure.alt == (
        "Line chart with a band for the 95% CI. Across: 12 parts of 2025. Up: Repeat purchase rate, %. "
        "Highest 76% (July), lowest 41% (March), last 66% (December, partial). "
        "The last complete part lies above the first; their intervals do not overlap. Without a value: 1 of 12."
    )
    assert figure.notes == (
        "Band: 95% CI. Hollow and dashed: a partial month or week. "
        "Pale: low base, fewer than 30 customers. June: not shown: fewer than 10.",
        "Steps beyond chance: March \N{MINUS SIGN}11 pts (\N{MINUS SIGN}17 to \N{MINUS SIGN}5); April +14 pts (8 to 20) "
        "(comparisons with the month before: 8, Holm).",
    )


def test_levels_stand_beside_what_they_were_only_where_the_change_is_told():
    then = {"previous": 30.0, "change": -5.0}
    (figure,) = regions(3, **then).plot("segments").figures
    assert "Diamonds, 2024: Region 0, 30%." in figure.alt
    assert "Diamonds: 2024." in figure.notes[0]
    (hidden,) = regions(3, previous=30.0).plot("segments").figures
    assert "Diamonds" not in hidden.alt + hidden.notes[0]


def test_the_level_that_differs_from_the_largest_is_coloured_and_no_other():
    """By hand, standard errors 2.2, 2.3 and 5.0: 50% less 75% is z = -4.6, 73.1% less 75% is z = -0.6."""
    half = {"North": 4.3, "East": 4.4, "South": 9.8}
    rows = [rate(640, 900, 3)]
    for name, (k, n) in {"North": (300, 400), "East": (285, 390), "South": (50, 100)}.items():
        rows.append(rate(k, n, half[name], segment="region", level=name))
    (figure,) = result(rows).plot("segments").figures
    assert figure.alt.endswith("Coloured: South.")
    assert "Coloured: differs from the largest level beyond chance (Holm)." in figure.notes[0]


def test_what_is_too_early_to_tell_is_hollow_and_claims_nothing():
    rows = [rate(50 + month, 100, 3, part=f"2025-{month:02}") for month in range(1, 12)]
    rows.append(rate(3, 100, 2, part="2025-12", flags="immature"))
    figure = result(rows).plot("trend")
    assert figure.title == "Repeat purchase rate by month: lowest 51% in January, highest 61% in November"
    assert (
        "last 3% (December, too early). The last complete part lies above the first; their intervals do not overlap."
        in figure.alt
    )
    assert "Hollow and dashed: too early, follow-up is not complete." in figure.notes[0]
    assert figure.svg != result([each | {"flags": ""} for each in rows]).plot("trend").svg


def test_a_part_cut_at_the_edge_leads_no_heading():
    rows = [rate(50 + month, 100, 1, part=f"2025-{month:02}") for month in range(1, 6)]
    rows.append(rate(97, 100, 2, part="2025-06-01..2025-06-09"))
    figure = result(rows, label="2025-01-01..2025-06-09").plot("trend")
    assert figure.title == "Repeat purchase rate by month: lowest 51% in January, highest 55% in May"
    assert figure.alt.endswith("The last complete part lies above the first; their intervals do not overlap.")


def test_one_point_is_no_trend():
    rows = [rate(19, 160, 6, part="2025-03"), row(part="2025-04", flags="unavailable", reason="no orders")]
    assert (
        repr(result(rows).plot("trend")) == "Repeat purchase rate: no trend: only one part of the period has a value."
    )


def test_many_reasons_for_gaps_are_left_to_the_table():
    gone = [row(part=f"2025-0{m}", flags="unavailable", reason=f"needs data from {m} May") for m in range(1, 7)]
    figure = result([*gone, *(rate(20 + m, 160, 6, part=f"2025-{m:02}") for m in range(7, 13))]).plot("trend")
    assert figure.notes == (
        "Band: 95% CI. A point is missing where there is no value; the data table has the reason.",
        "No step is beyond chance (comparisons with the month before: 5, Holm).",
    )
    assert all(f"needs data from {m} May" in figure.table for m in range(1, 7))


def test_a_label_does_not_lie_on_the_line_that_falls_to_it():
    def last(values):
        figure = result([rate(v, 160, 6, part=f"2025-{m:02}") for m, v in enumerate(values, 1)]).plot("trend")
        return next(y for words, _, y, _ in reversed(placed(figure)) if words == "25%")

    assert last([60, 20, 50, 40]) > last([60, 20, 30, 40])


def test_a_trend_within_chance_claims_no_highest_month():
    rows = [rate(48 + month % 5, 100, 10, part=f"2025-{month:02}") for month in range(1, 13)]
    figure = result(rows).plot("trend")
    assert figure.title == "Repeat purchase rate by month: no detectable difference between highest and lowest"
    assert "No detectable difference between the first and the last complete part." in figure.alt


def test_a_trend_labels_highest_lowest_last_and_target_directly():
    shown = texts(year().plot("trend"))
    assert {"76%", "41%", "66%", "target", "60%"} <= set(shown)
    assert [t for t in shown if t in ("Jan", "Jun", "Dec", "2025")] == ["Jan", "2025", "Jun", "Dec"]


def test_the_numbers_behind_a_chart_are_in_its_table():
    shown = year().plot("trend")._repr_html_()
    assert "<details><summary>Data table</summary>" in shown
    assert '<th scope="row">July</th><td>76%</td><td>72% to 80%</td><td>400</td>' in shown
    assert '<th scope="row">June</th><td>not shown: fewer than 10</td>' in shown


def test_a_count_is_drawn_as_bars_from_zero():
    won = metric(title="New customers", unit="count", numerator="new customers", denominator="")
    rows = [row(part=f"2025-{m:02}", value=40 + m, low=30, high=60, n=40, unit="count") for m in range(1, 5)]
    figure = result(rows, of=won).plot("trend")
    assert figure.alt.startswith("Bar chart with whiskers")
    assert "0" in texts(figure)


def test_components_are_drawn_one_above_the_other_at_most_five():
    rows = [rate(20 + c, 50, 10, breakdown=f"Survey {c}", part=f"2025-{m:02}") for c in range(7) for m in range(1, 13)]
    figure = result(rows, of=metric(breakdown="survey")).plot("trend")
    assert [t for t in texts(figure) if t.startswith("Survey")] == [f"Survey {c}" for c in range(5)]
    assert "2 more in the scorecard" in figure.notes[0]


def test_a_metric_with_a_whole_draws_that_or_the_component_asked_for():
    rows = [
        rate(20 + 10 * bool(c), 50, 4, breakdown=c, part=f"2025-{m:02}")
        for c in ("", "reactivated")
        for m in range(1, 4)
    ]
    of = result(rows)
    assert "40%" in texts(of.plot("trend"))
    assert "60%" not in texts(of.plot("trend"))
    assert of.plot("trend", "reactivated").title.startswith("Repeat purchase rate, reactivated by month")
    assert "60%" in texts(of.plot("trend", "reactivated"))
    with pytest.raises(InputError, match=r"no breakdown .reactivate. over time\. Did you mean reactivated"):
        of.plot("trend", "reactivate")


def test_a_part_in_which_nothing_can_be_had_is_a_gap_for_every_component():
    rows = [rate(20, 50, 4, breakdown=c, part=f"2025-{m:02}") for c in ("a", "b") for m in (2, 3)]
    rows.append(row(part="2025-01", flags="unavailable", reason=Note("needs_whole_month")))
    figure = result(rows, of=metric(breakdown="survey")).plot("trend")
    assert figure.alt.count("Without a value: 1 of 3.") == 2
    assert "January: not available: needs at least one whole calendar month of data." in figure.notes[0]
    assert texts(figure).count("Jan") == 1


def test_segments_are_sorted_by_value_and_the_whole_is_a_line():
    figure = regions(4).plot("segments", "region").figures[0]
    assert [t for t in texts(figure) if t.startswith("Region")] == ["Region 3", "Region 2", "Region 1", "Region 0"]
    assert "all 50%" in texts(figure)
    assert figure.title == "Repeat purchase rate by region: 37% in Region 3, 25% in Region 0"
    assert "Highest Region 3, 37%; lowest Region 0, 25%. Whole client 50%." in figure.alt


def test_segments_that_overlap_are_not_ranked_in_words():
    figure = regions(2).plot("segments", "region").figures[0]
    assert figure.title == "Repeat purchase rate by region: no detectable difference between highest and lowest"


def test_of_many_segments_the_largest_twelve_are_drawn_and_the_others_named_in_the_table():
    figure = regions(17).plot("segments", "region").figures[0]
    assert sum(t.startswith("Region") for t in texts(figure)) == 12
    assert "5 smaller levels are in the data table only." in figure.notes[0]
    assert figure.table.count("Region ") == 17


def test_a_hidden_segment_is_a_gap_with_a_note_and_shows_no_number():
    nothing = dict.fromkeys(("value", "low", "high", "n", "clusters", "numerator", "denominator"), float("nan"))
    hidden = nothing | {"flags": "suppressed", "reason": "fewer than 10"}
    figure = regions(3, **hidden).plot("segments", "region").figures[0]
    assert [t for t in texts(figure) if t.startswith("Region")][-1] == "Region 0"
    assert "not shown" in texts(figure)
    assert "Region 0: not shown: fewer than 10." in figure.notes[0]


def test_a_whisker_without_an_upper_end_is_an_arrow_and_what_is_not_reached_is_highest():
    figure = medians().plot("segments", "region").figures[0]
    assert [t for t in texts(figure) if t in ("North", "South", "West")] == ["West", "South", "North"]
    assert "not reached" in texts(figure)
    assert figure.title == "Median lifetime by region"  # the highest has no value
    assert "West: not reached: after 1,096 days 71% are still customers." in figure.notes[0]
    assert "640 days or more" in figure.table
    assert overlaps(figure) == []


def test_hazard_ratios_lie_on_a_logarithmic_axis_with_the_line_at_one():
    figure = hazards().plot("breakdown")
    assert [t for t in texts(figure) if re.fullmatch(r"[\d.]+", t)] == [
        *("0.3", "0.5", "0.7", "1", "1.5", "2", "3", "2.14", "1.02", "0.47", "300", "300", "300"),
    ]
    assert "no difference" in texts(figure)
    at = {words: x for words, x, *_ in placed(figure)}
    assert at["1"] - at["0.5"] == pytest.approx(at["2"] - at["1"], abs=0.3)
    assert overlaps(figure) == []


def test_a_hazard_ratio_whose_interval_has_no_end_stands():
    endless = row(breakdown="a", value=3.0, low=0.0, high=float("inf"), n=30, unit="hazard ratio")
    figure = result([endless], of=metric(unit="hazard ratio", breakdown="group")).plot("breakdown")
    assert "3.00" in texts(figure)


@pytest.mark.parametrize("unit", ["days", "months", "ratio", "money", "money per day", "share"])
def test_levels_in_any_unit_are_drawn(unit):
    rows = [
        row(value=10.0 * at, low=9.0 * at, high=13.0 * at, n=100, unit=unit, segment="region", level=level)
        for at, level in enumerate(("North", "South", "West"), start=1)
    ]
    figure = result(rows, of=metric(unit=unit)).plot("segments", "region").figures[0]
    assert overlaps(figure) == []
    assert ("£30" if "money" in unit else "30") in texts(figure)


def test_an_unknown_segmentation_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean region"):
        regions(3).plot("segments", "regoin")


def test_by_without_a_name_shows_every_segmentation():
    rows = [rate(5, 10, 3, segment=name, level=level) for name in ("region", "tenure") for level in "ab"]
    assert [f.title.split(":")[0] for f in result(rows).plot("segments").figures] == [
        "Repeat purchase rate by region",
        "Repeat purchase rate by tenure",
    ]


def triangle():
    cells = {(1, 0): 100, (1, 1): 40, (1, 2): 30, (2, 0): 100, (2, 1): 20, (3, 0): 100}
    rows = [rate(v, 100, 8, breakdown=f"2025-{c:02} +{k}") for (c, k), v in cells.items()]
    return result(rows, of=metric(title="Cohort retention", breakdown="cohort"))


def test_a_cohort_triangle_writes_its_numbers_and_leaves_the_unseen_blank():
    figure = triangle().plot("cohorts")
    numbers = [t for t in texts(figure) if re.fullmatch(r"\d+", t)]
    assert sorted(numbers, key=int)[3:] == ["20", "30", "40", "100", "100", "100", "100", "100", "100"]
    assert figure.alt.endswith(
        "Highest 40% (January 2025, 1 month after the start) and lowest 20% (February 2025, 1 month after the start)."
    )
    assert repr(triangle()) == (
        "Cohort retention, 2025: 3 cohorts; between 20% (February 2025) and 40% (January 2025) one month after the start"
    )


@pytest.mark.parametrize(
    "draw",
    [lambda: year().plot("trend"), lambda: regions(5).plot("segments").figures[0], lambda: triangle().plot("cohorts")],
)
def test_the_same_result_is_the_same_bytes(draw):
    one, two = draw(), draw()
    assert one.svg == two.svg
    assert "dc:date" not in one.svg
    assert "matplotlib" not in one.svg.lower()


def test_bytes_do_not_hang_on_the_order_of_hashes(tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[1].split(chr(58)); import hashlib\n"
        "from test_charts import regions, triangle, year\n"
        "svg = year().plot('trend').svg + regions(5).plot('segments').figures[0].svg + triangle().plot('cohorts').svg\n"
        "print(hashlib.sha256(svg.encode()).hexdigest())"
    )
    here = os.pathsep.join(map(str, (Path(synthetic.__file__).parent, Path(__file__).parent)))
    runs = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, here],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_pictures_are_small():
    for figure, at_most in (
        (year().plot("trend"), 6),
        (regions(12).plot("segments").figures[0], 6),
        (triangle().plot("cohorts"), 10),
    ):
        assert len(figure.svg.encode()) < at_most * 1024


def test_hostile_names_are_only_text_in_a_picture():
    rows = [rate(20, 50, 12), rate(20, 50, 12, segment="region", level=HOSTILE)]
    rows += [rate(2, 50, 5, segment="region", level='$x^2$ id="a" 1.23456 : #0072b2')]
    rows += [rate(25, 50, 12, breakdown=HOSTILE, part=f"2025-{m:02}") for m in range(1, 5)]
    of = result(rows, of=metric(title=HOSTILE, breakdown=HOSTILE))
    for figure in (*of.plot("segments", "region").figures, of.plot("trend")):
        root = ElementTree.fromstring(figure.svg)  # noqa: S314 -- well formed, or this raises
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
        assert "<script" not in figure._repr_html_()
    assert '$x^2$ id="a" 1.23456 : #0072b2' in texts(of.plot("segments", "region").figures[0])


def test_a_result_without_parts_or_components_says_so_instead_of_drawing():
    of = result([rate(3, 5, 30)])
    assert "no part of the period has a value" in repr(of.plot("trend"))
    assert "no breakdowns" in repr(of.plot("breakdown"))
    assert "no cohorts" in repr(of.plot("cohorts"))
    assert "no declared segment applies to it" in of.plot("segments")._repr_html_()


def test_only_a_picture_imports_a_drawing_library():
    code = (
        "import sys; sys.path[:0] = sys.argv[1].split(chr(58)); from synthetic import rate, result\n"
        "of = result([rate(3, 5, 30)]); of._repr_html_(); repr(of); of.table(); of.caveat\n"
        "from crmnb.report.tables.scorecard import scorecard, tile; scorecard([of]); tile(of)\n"
        "print([m for m in ('matplotlib', 'seaborn') if m in sys.modules])"
    )
    here = os.pathsep.join(map(str, (Path(synthetic.__file__).parent, Path(__file__).parent)))
    ran = subprocess.run([sys.executable, "-c", code, here], capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout.strip() == "[]"


def test_the_style_is_seaborns_under_ours():
    import seaborn

    with canvas.canvas(100):
        ours = dict(matplotlib.rcParams)
    with matplotlib.rc_context(seaborn.axes_style("whitegrid") | canvas._STYLE | {"image.cmap": ours["image.cmap"]}):
        assert dict(matplotlib.rcParams) == ours


def test_components_stand_in_the_order_of_the_page_and_say_only_what_all_of_them_lack():
    rows = [rate(20, 50, 9, breakdown=c) for c in ("b", "a")]
    rows += [rate(20 + m, 50, 4, breakdown="a", part=f"2025-{m:02}") for m in (1, 2, 5)]
    rows += [rate(20 + m, 50, 4, breakdown="b", part=f"2025-{m:02}") for m in (1, 2, 5)]
    rows.append(row(part="2025-03", flags="unavailable", reason="no answers"))
    figure = result(rows, of=metric(breakdown="survey")).plot("trend")
    assert [t for t in texts(figure) if t in ("a", "b")] == ["b", "a"]
    assert figure.notes == (
        "Band: 95% CI. March: not available: no answers. April: not available: no data.",
        "No step is beyond chance (comparisons with the month before: 2, Holm).",
    )
    one_sided = result(
        [r for r in rows if (r["breakdown"], r["part"]) != ("a", "2025-02")], of=metric(breakdown="survey")
    )
    assert one_sided.plot("trend").notes == (
        "Band: 95% CI. A point is missing where there is no value; the data table has the reason.",
    )


def test_pooled_neighbours_are_those_of_scipy():
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=seed).round(1)  # with ties
        expected = isotonic_regression(values).x if len(values) else []
        assert never_falling(values) == pytest.approx(expected, abs=1e-12)


def test_a_trend_shows_the_year_before_as_a_grey_line_and_says_what_it_is():
    rows = [rate(50 + month, 100, 1, part=f"2025-{month:02}") for month in range(1, 13)]
    rows += [rate(30 + month, 100, 1, part=f"2024-{month:02}", period="2024") for month in range(3, 13)]
    figure = result(rows).plot("trend")
    assert figure.title == "Repeat purchase rate by month: lowest 51% in January, highest 62% in December"
    assert "Highest 62% (December), lowest 51% (January), last 62% (December)." in figure.alt
    assert "Grey line, 2024: highest 42% (December), lowest 33% (March)." in figure.alt
    assert "Grey line: 2024." in figure.notes[0]
    assert '<th scope="col">2024</th>' in figure.table
    assert '<tr><th scope="row">March</th><td>53%</td><td>33%</td>' in figure.table
    assert list(result(rows).table()["When"])[-1] == "December 2024"


def test_a_trend_without_a_year_before_says_nothing_of_it():
    rows = [rate(50 + month, 100, 1, part=f"2025-{month:02}") for month in range(1, 13)]
    rows.append(rate(30, 100, 1, part="2024-01", period="2024"))
    figure = result(rows).plot("trend")
    assert "2024" not in f"{figure.alt} {figure.table} {figure.notes}"
