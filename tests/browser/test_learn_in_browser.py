"""The capstone's report in a real Chromium: wide and narrow, light and dark, and by the rules of accessibility."""

from chromium import browser, check_page, in_chromium

from crmnb.learn.capstone import page, report_of

pytestmark = in_chromium


def test_nothing_is_wrong_with_the_report_of_the_capstone(tmp_path):
    path = tmp_path / "capstone.html"
    path.write_text(page(report_of(1), 1), encoding="utf-8")
    with browser() as running:
        assert check_page(path, running) == []
