"""The pages of a check in a real browser: nothing runs or is asked for, all is legible wide and narrow, light and dark, and prints."""

from dataclasses import replace

import pytest
from audited import ACCOUNT
from chromium import browser, check_page, in_chromium, open_page
from synthetic import HOSTILE, client

from conftest import crmnb, project
from crmnb.report.pages import Entry, Part, quarantine_page
from crmnb.report.pages import check_page as page_of

pytestmark = [*in_chromium, pytest.mark.usefixtures("columns_known")]

WORDY = "W" * 200


@pytest.fixture(scope="module")
def running():
    with browser() as at_hand:
        yield at_hand


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The corner shop's two pages, and the same kinds with hostile and endless texts."""
    folder = project(tmp_path_factory.mktemp("checked"))
    assert crmnb(folder, "check", "corner_shop") == 0
    own = folder / "outputs/corner_shop/.private"
    who = client(name=HOSTILE)
    cause = replace(ACCOUNT.causes[0], reason=f"{WORDY} {HOSTILE}", examples=(HOSTILE, WORDY), request=HOSTILE)
    accounts = (replace(ACCOUNT, causes=(cause, *ACCOUNT.causes)), replace(ACCOUNT, table="", source="till"))
    (own / "q").mkdir()
    (own / "q/orders.csv").touch()
    touched = {"orders": (HOSTILE, WORDY)}
    text = quarantine_page(who, accounts, own / "q", own, touched, refused=True)
    (own / "hostile_quarantine.html").write_text(text)
    entry = Entry((HOSTILE, WORDY, "1"), (HOSTILE, WORDY), HOSTILE)
    part = Part(HOSTILE, (WORDY, HOSTILE), ("A", "B", "C", "D"), (2,), (entry,), (HOSTILE,))
    text = page_of(who, (part, Part("Empty")), day="2025-12-31", quarantine="quarantine.html")
    (own / "hostile_check.html").write_text(text)
    return own


@pytest.mark.parametrize("name", ["check", "quarantine", "hostile_check", "hostile_quarantine"])
def test_a_page_is_good_in_a_browser(pages, running, name):
    assert check_page(pages / f"{name}.html", running) == []


def test_a_bar_is_as_long_as_its_share(pages, running):
    page, _ = open_page(running, pages / "hostile_quarantine.html")
    wide = page.evaluate("[...document.querySelectorAll('svg.bar rect')].map(e => e.getBoundingClientRect().width)")
    assert wide[0] / wide[2] == pytest.approx(14 / 6, rel=0.01)


def test_tables_are_reached_by_keyboard_and_printed_whole(pages, running):
    page, _ = open_page(running, pages / "quarantine.html", 360)
    page.focus(".scroll")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for name in ("check", "quarantine"):
        page, _ = open_page(running, pages / f"{name}.html", 718)
        page.emulate_media(media="print")
        ends = page.evaluate("[...document.querySelectorAll('table')].map(e => e.getBoundingClientRect().right)")
        assert max(ends) <= 719, name
