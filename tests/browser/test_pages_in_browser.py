"""Pages in a real browser: nothing runs, nothing is asked for, every picture shows; and the checker can fail."""

from io import BytesIO

import pytest
from chromium import browser, check_page, in_chromium, open_page
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from synthetic import HOSTILE, client, family_page, metric, rate, result, row

from crmnb.report.display import note
from crmnb.report.pages import Family, catalogue_page, index_page
from crmnb.report.tables.scorecard import scorecard

pytestmark = in_chromium


def year(**more):
    rows = [rate(1161, 2022, 2.1, target=60.0, change=3.1, change_low=1.2, change_high=5.0, signal="better")]
    rows += [rate(50 + m, 100, 9, part=f"2025-{m:02}", flags="partial" if m == 12 else "") for m in range(1, 13)]
    rows += [rate(20, 50, 12, segment="region", level=level) for level in ("North", HOSTILE)]
    rows += [row(segment="region", level="South", flags="suppressed", reason="fewer than 10")]
    return result(rows, **more)


def cohorts():
    rows = [rate(100 / (1 + k), 100, 8, breakdown=f"2025-{c:02} +{k}") for c in range(1, 7) for k in range(7 - c)]
    return result(rows, of=metric(id="cohorts", title="Cohort retention"))


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The three kinds of page, with hostile names in all of them."""
    of = year(of=metric(title=f"Repeat {HOSTILE}"), whose=client(name=HOSTILE))
    shown = [
        scorecard([of, cohorts()]),
        of,
        of.plot("trend"),
        of.plot("segments"),
        of.caveat,
        cohorts().plot("cohorts"),
        of.table(),
    ]
    cells = [new_markdown_cell("# Retention\n\nWho stays."), new_markdown_cell("## Who stays?")]
    cells += [
        new_code_cell("x", outputs=[new_output("display_data", data={"text/html": s._repr_html_()}, metadata=note())])
        for s in shown
    ]
    kept = [Family("Retention", "retention.html", [of, cohorts()]), Family("Contact", problem=HOSTILE)]
    texts = {
        "retention": family_page(
            new_notebook(cells=cells),
            title="Retention",
            client_name=HOSTILE,
            period_label="2025",
            nav=[("Up", "index.html")],
        ),
        "index": index_page(of.client, of.period, families=kept, tiles=[of, cohorts()]),
        "methodology": catalogue_page([of.metric]),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["index", "retention", "methodology"])
def test_a_page_is_good_in_a_browser(pages, chromium, name):
    assert check_page(pages / f"{name}.html", chromium) == []


def test_pictures_follow_the_reader_s_colour_scheme(pages, chromium):
    corners = []
    for dark in (False, True):
        page, _ = open_page(chromium, pages / "retention.html", dark=dark)
        shown = Image.open(BytesIO(page.query_selector("figure img").screenshot())).convert("RGB")
        corners.append(shown.getpixel((3, 3)))
    assert min(corners[0]) > 240
    assert max(corners[1]) < 60


def test_the_contents_stay_in_sight_on_a_wide_screen(pages, chromium):
    page, _ = open_page(chromium, pages / "retention.html")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate("scrollY") > 500
    top = page.evaluate("document.querySelector('.contents a').getBoundingClientRect().top")
    assert 0 <= top < 900


def test_a_definition_opens_by_keyboard_alone(pages, chromium):
    page, _ = open_page(chromium, pages / "index.html")
    page.focus(".tile summary")
    page.keyboard.press("Enter")
    assert page.is_visible(".tile details p")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_printed_charts_are_neither_cut_nor_dark(pages, chromium):
    page, _ = open_page(chromium, pages / "retention.html", 718, dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    wide = page.evaluate(
        "[...document.querySelectorAll('figure img, table')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(wide) <= 719
    assert page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 29, 31)"


@pytest.mark.parametrize("name", ["index", "retention"])
def test_a_printed_page_has_no_fold_that_nobody_can_open_and_no_broken_number(pages, chromium, name):
    page, _ = open_page(chromium, pages / f"{name}.html", 640)
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelectorAll('details').length") > 1
    folds = "[...document.querySelectorAll('details:not(.definition) > *')]"
    shown = page.evaluate(f"{folds}.filter(e => e.checkVisibility()).map(e => e.closest('table')?.className)")
    assert set(shown) <= {"scorecard"}  # whose fold has the metric's name for its summary
    lines = """[...document.querySelectorAll('.scorecard td.num')].map(cell => {
        const range = document.createRange(); range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map(rect => Math.round(rect.top))).size })"""
    assert set(page.evaluate(lines)) <= {0, 1}


BAD = {
    "a request": ('<img src="http://127.0.0.1:9/x.png" alt="x">', "asked for http://127.0.0.1:9/x.png"),
    "a script": ("<script>alert(1)</script>", "a dialog opened: 1"),
    "a message": ("<script>console.warn('hm')</script>", "console warning: hm"),
    "a picture without words": (
        '<img src="data:image/gif;base64,R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs=">',
        "without text",
    ),
    "a blank picture": (
        '<img width="50" height="50" alt="x" src="data:image/gif;base64,R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs=">',
        "a blank picture",
    ),
    "a broken picture": ('<img alt="x" width="9" src="data:image/png;base64,AAAA">', "does not load"),
    "a heading too deep": ("<h4>x</h4>", "heading skips to H4"),
    "two first headings": ("<h1>x</h1>", "2 h1"),
    "a header without scope": ("<table><tr><th>x</th></tr></table>", "a header without scope"),
    "an id twice": ('<p id="a">x</p><p id="a">y</p>', "id twice: a"),
    "a link to nowhere": ('<a href="#nowhere">x</a>', "link to nowhere"),
    "faint text": ('<p style="color:#aaa;background:#fff">x</p>', "faint text: P"),
    "a page too wide": ('<div style="width:2000px">x</div>', "wider than the window"),
    "small text in a picture": (
        "<img alt='x' width='300' src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='760' "
        "height='90'><circle r='40' /></svg>\">",
        "text of 5.1 px in a picture",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_the_checker_finds(case, chromium, tmp_path):
    body, problem = BAD[case]
    path = tmp_path / "bad.html"
    path.write_text(f"<!doctype html><html lang='en'><body><main><h1>x</h1>{body}</main></body></html>")
    assert any(problem in found for found in check_page(path, chromium))
