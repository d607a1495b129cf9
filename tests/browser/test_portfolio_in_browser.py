"""The index over all clients in a real browser: nothing runs or is asked for, all is legible wide and narrow, light and dark, and prints."""

import pytest
from chromium import browser, check_page, in_chromium, open_page
from portfolios import NOW, TILE, publish, ran
from synthetic import HOSTILE

from crmnb.report.pages.portfolio import portfolio

pytestmark = in_chromium

WORDY = "W" * 300


@pytest.fixture(scope="module")
def running():
    with browser() as at_hand:
        yield at_hand


@pytest.fixture(scope="module")
def page_of_all(tmp_path_factory):
    """Clients in order, failed, refused, never run and out of date; and those with hostile and endless texts."""
    outputs = tmp_path_factory.mktemp("outputs")
    for signal in ("better", "worse", "changed", ""):
        publish(outputs, f"client_{signal}", "2025", tiles=[TILE | {"signal": signal}, TILE])
        ran(outputs, f"client_{signal}", "made")
    for name, text in (("hostile", HOSTILE), ("wordy", WORDY), ("wordy_too", "word " * 100)):
        tile, families = dict.fromkeys(TILE, text), {"a": {"title": text, "failure": text}}
        publish(outputs, name, "2025", period_name=text, tiles=[tile], families=families, data_until="2020-01-01")
        publish(outputs, name, "2024", period_name=text)
        ran(outputs, name, "refused", name=text, message=text)
    (outputs / "nothing").mkdir()
    return portfolio(outputs, NOW)


def test_the_page_is_good_in_a_browser(page_of_all, running):
    assert check_page(page_of_all, running) == []


def test_a_page_without_clients_is_good_too(tmp_path, running):
    assert check_page(portfolio(tmp_path, NOW), running) == []


def test_a_link_opens_the_report_from_disk(page_of_all, running):
    page, _ = open_page(running, page_of_all)
    page.click("text=Report 2025")
    assert page.url == (page_of_all.parent / "client_" / "2025" / "index.html").as_uri()


def test_it_is_as_wide_as_a_sheet_when_printed(page_of_all, running):
    page, _ = open_page(running, page_of_all, 718)
    page.emulate_media(media="print")
    ends = page.evaluate("[...document.querySelectorAll('.clients *')].map(e => e.getBoundingClientRect().right)")
    assert max(ends) <= 719
