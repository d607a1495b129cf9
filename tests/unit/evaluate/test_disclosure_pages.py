"""The attack on what pages print: it reads words and drawings, and finds what is given away there on purpose."""

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from benchmarks.robustness.disclosure import planted
from benchmarks.robustness.disclosure_drawings import bar_marks, spark_marks
from benchmarks.robustness.disclosure_pages import Names, Printed, ends, read, small_counts
from benchmarks.robustness.disclosure_ranges import Ranges
from benchmarks.robustness.disclosure_solver import Report
from crmnb.core.notes import Note


def test_the_picture_of_a_report_gives_nothing_away():
    assert planted("nowhere") == []


@pytest.mark.parametrize("place", ["words", "marks"])
def test_a_hidden_level_on_a_page_is_found(place: str):
    assert any("lead_conversion_rate" in each and "friends" in each for each in planted(place))


def test_a_rounded_figure_is_a_range():
    assert ends("81.7%") == [pytest.approx((81.65, 81.75))]
    assert ends("\u2212€1,354 to €5") == [pytest.approx((-1354.5, -1353.5)), pytest.approx((4.5, 5.5))]


ROW = {"metric": "csat", "breakdown": "", "part": "", "unit": "%", "reason": "", "flags": ""}


def rate(level: str, won: float, n: float) -> dict:
    segment = "region" if level else ""
    numbers = {"value": 100 * won / n, "n": n, "clusters": n, "numerator": won, "denominator": n}
    return ROW | {"segment": segment, "level": level} | numbers


def report_of(*rows: dict, hidden: dict[str, str]) -> tuple[Report, pd.DataFrame]:
    """A report whose hidden levels have these reasons, and its rows."""
    truth = pd.DataFrame(rows)
    shown = truth.copy()
    away = shown["level"].isin(hidden)
    shown.loc[away, ["value", "n", "clusters", "numerator", "denominator"]] = np.nan
    shown.loc[away, "flags"] = "suppressed"
    shown.loc[away, "reason"] = shown.loc[away, "level"].map(hidden)
    return Report(shown, truth, 10), shown


FEW, BESIDE = (Note(code, fewest=10).to_json() for code in ("small_group", "hidden_with_small_group"))


def test_a_percentage_alone_can_pin_a_small_group():
    # Of 29 who are hidden, 4 are in a group of fewer than ten, so from 20 to 28 are in the other. Only 17 of 25 are 68.0% of so many.
    rows = rate("", 42, 69), rate("a", 24, 40), rate("b", 17, 25), rate("c", 1, 4)
    report, shown = report_of(*rows, hidden={"b": BESIDE, "c": FEW})
    assert Ranges(report, shown, []).recovered() == []
    wide = Printed(("csat", "", "", "region", "b"), "value", 60.5, 75.5, "")
    assert Ranges(report, shown, [wide]).recovered() == []
    narrow = wide._replace(low=67.95, high=68.05)
    assert "narrowed: csat n region c = 4" in Ranges(report, shown, [narrow]).recovered()


def test_reasons_can_pin_a_small_group():
    # Eleven are hidden: some, who are fewer than ten, and at least ten others. So they are one and ten.
    rows = rate("", 20, 51), rate("a", 12, 40), rate("b", 7, 10), rate("c", 1, 1)
    report, shown = report_of(*rows, hidden={"b": BESIDE, "c": FEW})
    assert "narrowed: csat n region c = 1" in Ranges(report, shown, []).recovered()


def test_a_figure_that_was_read_wrongly_is_no_leak():
    report, shown = report_of(rate("", 42, 69), rate("a", 24, 40), hidden={})
    wrong = Printed(("csat", "", "", "region", "a"), "n", 41, 41, "")
    assert Ranges(report, shown, [wrong]).misread == [wrong]


def test_the_bar_beside_a_number_is_read_on_its_scale():
    bar = BeautifulSoup(
        '<svg class="interval"><line class="rail" x1="5" x2="215"/><circle class="dot" cx="110"/>'
        "<text>0%</text><text>50%</text></svg>",
        "html.parser",
    ).svg
    (value,) = bar_marks(bar, ends)
    assert value.low < 25 < value.high
    assert value.high - value.low < 1.2


def test_a_spark_line_is_read_between_its_ends():
    line = BeautifulSoup(
        '<svg class="spark" width="220"><line class="line" x1="6" x2="110" y1="30" y2="18"/>'
        '<line class="line" x1="110" x2="214" y1="18" y2="6"/></svg>',
        "html.parser",
    ).svg
    first, middle, last = spark_marks(line, (9.5, 10.5), (19.5, 20.5), ["2025-01", "2025-02", "2025-03"])
    assert (first.low < 10 < first.high, middle.low < 15 < middle.high, last.low < 20 < last.high) == (True,) * 3


def test_few_that_are_counted_beside_a_figure_are_found(tmp_path):
    words = "<p class='notes'>3 of 40 orders have no customer and are left out. 24 of 40 orders were paid.</p>"
    (tmp_path / "sales.html").write_text(words, encoding="utf-8")
    assert small_counts(tmp_path, 10) == ["sales.html: 3 of 40 orders have no customer and are left out."]


def test_sentences_are_read(tmp_path):
    said = "<p class='sentence'>Retention rate, 2025: 81% (95% CI 75% to 86%; 168 of 207 customers)</p>"
    (tmp_path / "retention.html").write_text(said, encoding="utf-8")
    key = {"metric": "retention_rate", "breakdown": "", "part": "", "segment": "", "level": ""}
    printed = {each.figure: (each.low, each.high) for each in read(tmp_path, Names(pd.DataFrame([key])))}
    assert printed == {
        "value": (80.5, 81.5),
        "low": (74.5, 75.5),
        "high": (85.5, 86.5),
        "numerator": (168, 168),
        "denominator": (207, 207),
    }
