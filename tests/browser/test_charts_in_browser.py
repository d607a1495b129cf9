"""Pictures in a real browser: no text on another, none cut off, all on one page that is good and small."""

import pytest
from chromium import browser, check_page, in_chromium, open_page
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pictured import (
    concentration,
    conversion,
    forecast,
    growth,
    hazards,
    long_hazards,
    medians,
    payback,
    stages,
    survival,
)
from synthetic import HOSTILE, NAN, family_page

from crmnb.report.display import note
from crmnb.report.drawing.canvas import NARROW, WIDTH

pytestmark = in_chromium

HIDDEN = dict.fromkeys(("value", "low", "high", "n", "numerator", "denominator"), NAN) | {"flags": "suppressed"}
NAMES = {"Month-to-month": 300, "Wholesale, the Midlands": 650, HOSTILE: 655, "MMMMMMMMMMMMMMMMMMMMMM": 660, "e": 1800}
PICTURES = {
    "survival": lambda: survival().plot("survival"),
    "survival by region": lambda: survival(NAMES).plot("survival", "region"),
    "conversion": lambda: conversion().plot("survival"),
    "funnel": lambda: stages().plot("funnel"),
    "waterfall": lambda: growth().plot("waterfall"),
    "lorenz": lambda: concentration().plot("lorenz"),
    "tracking": lambda: forecast().plot("backtest"),
    "payback": lambda: payback().plot("payback"),
    "hazard ratios": lambda: hazards().plot("breakdown"),
    "hazard ratios with long names": lambda: long_hazards().plot("breakdown"),
    "medians": lambda: medians().plot("segments", "region").figures[0],
    "funnel with a gap": lambda: stages(**HIDDEN).plot("funnel"),
    "waterfall below zero": lambda: growth(before=9e6, now=-1e6, **{"without a customer": -1e7}).plot("waterfall"),
}
OF_THE_SHOP = {
    "arrival_pattern": (),
    "ticket_flow": ("flow",),
    "backlog_by_age": ("ages",),
    "resolution_curve": (),
    "resolved_by_agent": (),
    "cohort_retention": ("cohorts",),
}

# The texts of the picture that lie on another one or outside of it, in the font that the page shows.
_CLASH = """() => {
  const svg = document.querySelector('svg'), edge = svg.getBoundingClientRect(), found = [];
  const boxes = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => [t.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([words, a], i) => {
    if (a.left < edge.left || a.right > edge.right || a.top < edge.top || a.bottom > edge.bottom) found.push(words + ' is cut off');
    for (const [other, b] of boxes.slice(i + 1))
      if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3) found.push(words + ' lies on ' + other);
  });
  return found;
}"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.mark.parametrize("name", list(PICTURES))
def test_no_text_lies_on_another_or_is_cut_off(name, chromium, tmp_path):
    shown = tmp_path / "shown.html"
    shown.write_text(f'<!doctype html><meta charset="utf-8"><body>{PICTURES[name]().svg}', encoding="utf-8")
    page, problems = open_page(chromium, shown)
    assert page.evaluate(_CLASH) == []
    assert problems == []
    page.close()


@pytest.mark.parametrize("name", list(PICTURES))
def test_on_a_telephone_no_text_lies_on_another_or_is_cut_off(name, chromium, tmp_path):
    shown = tmp_path / "shown.html"
    shown.write_text(f'<!doctype html><meta charset="utf-8"><body>{PICTURES[name]().narrow}', encoding="utf-8")
    page, problems = open_page(chromium, shown, 360)
    assert page.evaluate(_CLASH) == []
    assert problems == []
    page.close()


@pytest.mark.parametrize("name", OF_THE_SHOP)
def test_no_text_of_the_shops_charts_lies_on_another_or_is_cut_off(name, corner_shop, chromium, tmp_path):
    figure = corner_shop(name).plot(*OF_THE_SHOP[name])
    for window, picture in ((1280, figure.svg), (360, figure.narrow)):
        shown = tmp_path / f"{window}.html"
        shown.write_text(f'<!doctype html><meta charset="utf-8"><body>{picture}', encoding="utf-8")
        page, problems = open_page(chromium, shown, window)
        assert page.evaluate(_CLASH) == []
        assert problems == []
        shown.write_text(figure._repr_html_(), encoding="utf-8")
        page.goto(shown.as_uri())  # as an image it has to be well-formed XML
        assert page.evaluate("document.querySelector('figure img').naturalWidth") == (NARROW if window < 500 else WIDTH)
        page.close()


def test_on_a_telephone_nothing_of_a_chart_is_off_the_screen(chromium, tmp_path):
    """Every chart has a drawing for a telephone, as wide as it is shown and no wider than the window."""
    figures = [draw() for draw in PICTURES.values()]
    cells = [new_markdown_cell("# Money\n\nWhat it is."), new_markdown_cell("## Pictures")] + [
        new_code_cell("x", outputs=[new_output("display_data", data={"text/html": f._repr_html_()}, metadata=note())])
        for f in figures
    ]
    path = tmp_path / "money.html"
    facts = {"title": "Money", "client_name": "Harbour Books", "period_label": "2025", "nav": []}
    path.write_text(family_page(new_notebook(cells=cells), **facts), encoding="utf-8")
    for width, drawn in ((360, NARROW), (1280, WIDTH)):
        page, problems = open_page(chromium, path, width)
        pictures = "[...document.querySelectorAll('figure img')].map(e => [e.naturalWidth, e.clientWidth, e.getBoundingClientRect().right])"
        for natural, shown, right in page.evaluate(pictures):
            assert natural == drawn
            assert shown > 0.9 * drawn
            assert right <= width
        assert problems == []
        page.close()


def test_a_page_with_all_of_them_is_good_and_small(chromium, tmp_path):
    figures = [draw() for draw in PICTURES.values()]
    cells = [new_markdown_cell("# Money\n\nWhat it is."), new_markdown_cell("## Pictures")] + [
        new_code_cell("x", outputs=[new_output("display_data", data={"text/html": f._repr_html_()}, metadata=note())])
        for f in figures
    ]
    facts = {"title": "Money", "client_name": "Harbour Books", "period_label": "2025", "nav": []}
    page = tmp_path / "money.html"
    page.write_text(family_page(new_notebook(cells=cells), **facts), encoding="utf-8")
    assert check_page(page, chromium) == []
    assert page.stat().st_size < 150_000
