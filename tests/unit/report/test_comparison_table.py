"""Metrics side by side: a line each, on one scale, with whom and what it is of, and the reason where there is none."""

import re

import pytest
from bs4 import BeautifulSoup
from synthetic import HOSTILE, metric, rate, result, row

from crmnb.core.errors import InputError
from crmnb.report.tables.comparison_table import side_by_side

SO_FAR = metric(
    id="so_far",
    title="Value to date",
    unit="money",
    numerator="margin so far",
    denominator="customers who ever bought",
    caution="young ones had little time. And more of it.",
)
AHEAD = metric(
    id="ahead",
    title="Value ahead",
    unit="money",
    numerator="margin to come",
    denominator="customers now",
    caution="a model",
)


def value(amount: float, half: float, of=SO_FAR, **facts):
    notes = facts.pop("notes", ())
    return result(
        [row(value=amount, low=amount - half, high=amount + half, unit="money", n=1200, **facts)], of=of, notes=notes
    )


def lines(shown) -> list[list[str]]:
    table = BeautifulSoup(shown._repr_html_(), "html.parser").table
    return [[cell.get_text() for cell in line.find_all(["th", "td"])] for line in table.find_all("tr")]


def test_each_metric_has_a_line_with_what_it_is_of_and_what_to_beware_of_first():
    shown = side_by_side([value(116, 2), value(103, 4, AHEAD)])
    assert lines(shown) == [
        ["Metric", "Value", "95% CI", "Base", "Numerator", "Caveat"],
        [
            *("Value to date", "£116", "£114 to £118", "1,200 customers who ever bought.", "Margin so far."),
            "Young ones had little time.",
        ],
        ["Value ahead", "£103", "£99 to £107", "1,200 customers now.", "Margin to come.", "A model."],
    ]
    assert repr(shown).splitlines()[0].startswith("Value to date, 2025: £116")


def test_what_cannot_be_had_or_shown_says_why_beside_the_others():
    none = result([row(flags="unavailable", reason="needs orders", unit="money")], of=AHEAD)
    few = result([row(flags="suppressed", reason="fewer than 10", unit="money", n=7)], of=AHEAD)
    nothing = result([], of=AHEAD)
    found = [line[1:3] for line in lines(side_by_side([value(116, 2), none, few, nothing]))[2:]]
    assert found == [
        ["Not available: needs orders.", "Customers now."],
        ["Not shown: fewer than 10.", "Customers now."],
        ["Not available: no data.", "Customers now."],
    ]
    assert "<svg" not in side_by_side([value(116, 2), none])._repr_html_()  # one value has nothing to be compared with


def test_values_of_one_unit_lie_on_one_scale_and_those_of_several_have_none():
    shown = side_by_side([value(50, 2), value(100, 2, AHEAD), value(150, 2)])._repr_html_()
    first, second, third = (float(x) for x in re.findall(r'<circle cx="([\d.]+)"', shown))
    assert second - first == pytest.approx(third - second, abs=0.11)
    assert "<svg" not in side_by_side([value(50, 2), result([rate(3, 5, 30)])])._repr_html_()


def test_what_is_to_be_said_of_each_is_folded_away_and_marks_stand_in_sight():
    shown = side_by_side([value(116, 2, notes=("12 orders are left out",)), value(103, 4, AHEAD, flags="unreliable")])
    page = BeautifulSoup(shown._repr_html_(), "html.parser")
    assert page.details.get_text() == "Methodology notesValue to date12 orders are left out."
    assert [p.get_text() for p in page.find_all("p")] == [
        "The bars share one scale, from £0 to £150.",
        "Unreliable: too few customers for a reliable interval.",
    ]
    assert lines(shown)[2][2] == "£99 to £107unreliable"
    assert "details" not in side_by_side([value(116, 2)])._repr_html_()


def test_of_a_metric_with_components_it_is_the_one_of_the_whole():
    parts = [
        row(breakdown="a", value=1.0, unit="money"),
        row(value=3.0, unit="money"),
        row(breakdown="b", value=2.0, unit="money"),
    ]
    assert lines(side_by_side([result(parts, of=SO_FAR)]))[1][1] == "£3"


def test_hostile_texts_are_text():
    of = metric(id="x", title=HOSTILE, numerator=HOSTILE, denominator=HOSTILE, caution=HOSTILE)
    bad = result([row(flags="unavailable", reason=HOSTILE)], of=of, notes=(HOSTILE,))
    shown = side_by_side([bad, result([rate(3, 5, 30)], of=of, notes=(HOSTILE,))])._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_workbook_sets_any_metrics_side_by_side(corner_shop):
    shown = lines(corner_shop.side_by_side("csat", "nps", "predicted_clv"))
    assert [line[0] for line in shown[1:]] == [
        corner_shop(id_).metric.title for id_ in ("csat", "nps", "predicted_clv")
    ]
    assert shown[3][1].startswith("Not available: fewer than 60")
    with pytest.raises(InputError, match="Did you mean nps"):
        corner_shop.side_by_side("csat", "npss")
