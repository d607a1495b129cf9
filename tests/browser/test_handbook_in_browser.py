"""The handbook in a real Chromium: pages wide and narrow, light and dark, formulas that are drawn, and a filter without a script."""

from pathlib import Path

import pytest
from chromium import browser, check_page, in_chromium, open_page

from crmnb.core.paths import handbook_folder

pytestmark = in_chromium

PAGES = (
    *("index", "glossary", "nps", "retention_rate", "revenue_concentration", "email_funnel", "share_shift"),
    *("predicted_clv", "employee_nps", "lesson-nps", "lesson-click_rate"),
)


@pytest.fixture(scope="module")
def handbook(made) -> Path:
    """The handbook as a run writes it."""
    return handbook_folder(made)


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wrong_with_a_page(handbook, chromium, name):
    assert check_page(handbook / f"{name}.html", chromium) == []


def test_a_fraction_is_drawn_with_its_parts_above_each_other(handbook, chromium):
    page, _ = open_page(chromium, handbook / "retention_rate.html")
    above, below = (page.locator(f".formula mfrac > :nth-child({place})").first.bounding_box() for place in (1, 2))
    page.close()
    assert above["y"] + above["height"] <= below["y"] + 1
    assert abs(above["x"] + above["width"] / 2 - below["x"] - below["width"] / 2) < 2


def test_a_family_can_be_shown_alone_by_its_address_and_by_keyboard(handbook, chromium):
    page, problems = open_page(chromium, handbook / "index.html")
    assert page.locator("section.family:visible").count() > 10
    link = page.locator(".contents a", has_text="Retention")
    link.focus()
    page.keyboard.press("Enter")
    assert page.locator("section.family:visible").evaluate_all("all => all.map(one => one.id)") == ["family-retention"]
    page.locator(".contents a", has_text="all families").click()
    assert page.locator("section.family:visible").count() > 10
    page.close()
    assert problems == []


def test_rows_that_are_wider_than_a_telephone_scroll_by_themselves(handbook, chromium):
    page, _ = open_page(chromium, handbook / "open_rate.html", 360)
    box = page.locator(".scroll:has(.rows)").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    box.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    moved = box.evaluate("box => box.scrollLeft")
    first = page.locator(".rows tbody th").first.bounding_box()
    page.close()
    assert moved > 0
    assert first["x"] >= 0, "the first column stays in sight"
