"""The picture of payback: a rising margin against the level of the cost, with what it says in words and numbers."""

import numpy as np
from bs4 import BeautifulSoup
from pictured import PAYBACK, payback, texts
from synthetic import NAN, point, result, row


def test_it_says_when_the_cost_is_covered():
    figure = payback().plot("payback")
    assert figure.title == "CAC payback period: 7 months (95% CI 7 to 8)"
    assert figure.alt == (
        "Line chart with a band for the 95% CI. Across: months since acquisition. Up: cumulative margin "
        "per new customer. £24 after 6 months, £44 after 11 months. A level line at the acquisition cost, £28."
    )
    assert "The dot marks the payback month." in figure.notes[0]
    assert {"cumulative margin", "acquisition cost (CAC)", "£40", "months since acquisition"} <= set(texts(figure))


def test_its_numbers_are_in_money_with_how_many_were_followed():
    lines = BeautifulSoup(payback().plot("payback").table, "html.parser").find_all("tr")
    cells = [[cell.get_text() for cell in line.find_all(["th", "td"])] for line in lines]
    assert cells[1] == ["acquisition cost (CAC)", "£28", "£27 to £30", "3,794"]
    assert cells[6] == ["month 5", "£20", "£19 to £21", "2,300"]
    assert cells[-1][0] == "month 11"
    assert len(payback(months=60).plot("payback").table.split("<tr>")) <= 17


def test_what_is_not_reached_says_how_far_it_got():
    why = {"flags": "not_reached", "reason": "after 5 months a new customer has brought 71% of CAC"}
    figure = payback(months=5, covered=NAN, **why).plot("payback")
    assert figure.title == f"CAC payback period: not reached: {why['reason']}"
    assert "The dot" not in figure.notes[0]


def test_without_points_it_says_why():
    of = result([row(flags="unavailable", reason="needs the table costs", unit="months")], of=PAYBACK)
    assert repr(of.plot("payback")) == "CAC payback period: no chart: not available: needs the table costs."


def test_a_margin_below_zero_is_drawn():
    points = [point(0, 5.0, NAN, breakdown="cost")] + [point(k, -3.0 * k, 1, breakdown="margin") for k in (1, 2)]
    figure = result([], of=PAYBACK, points=points).plot("payback")
    assert "\N{MINUS SIGN}£5" in " ".join(texts(figure))
    assert np.isfinite(figure.height)
