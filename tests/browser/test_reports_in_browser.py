"""Whole reports in a real Chromium: both clients, and one whose every text is hostile."""

import csv
import html
from pathlib import Path

import pytest
from chromium import browser, check_page, in_chromium, open_page

from conftest import PROJECT, crmnb, project
from crmnb.metrics.definition import families

pytestmark = [*in_chromium, pytest.mark.usefixtures("warm_fork_server")]

REAL = PROJECT / "../shared/data/online_retail_ii/online_retail_2009_2010.parquet"
HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"><circle r=9></svg>",
    "[click](javascript:document.title='owned')",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "\"'><style>*{display:none}</style><!--",
    "</details></table></main><h1>owned</h1>",
    '=HYPERLINK("http://x.example","a") `code` **bold** $x$ \\frac{1}{2}',
    "W" * 300,
)
# The text columns of the corner shop's files that reach a figure, a label or a table of the analyst's.
TEXTS = {
    "customers.csv": ["Region", "Found us", "Name"],
    "orders.csv": ["Where", "What"],
    "answers.csv": ["Survey", "Comment"],
    "invitations.csv": ["Survey", "By"],
    "reviews.csv": ["Platform", "Text"],
}


def plant(path: Path, columns: list[str], delimiter: str) -> None:
    """Replace a file's texts, each different one by the next hostile one."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    for column in columns:
        at = header.index(column)
        words = list(dict.fromkeys(row[at] for row in rows if row[at]))
        told = {
            word: HOSTILE[i % len(HOSTILE)] + (f" {i}" if i >= len(HOSTILE) else "") for i, word in enumerate(words)
        }
        for row in rows:
            row[at] = told.get(row[at], row[at])
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """The report of a client all of whose texts are hostile, its own name among them."""
    folder = project(tmp_path_factory.mktemp("hostile"))
    for name, columns in TEXTS.items():
        plant(folder / "parameters/corner_shop" / name, columns, ";" if name == "orders.csv" else ",")
    file = folder / "parameters" / "corner_shop.yml"
    named = file.read_text().replace("name: Corner Shop", "name: \"<script>document.title='owned'</script>{{ 7*7 }}\"")
    file.write_text(
        named.replace("customers.region}", "customers.region}\n  found: {column: customers.acquisition_channel}")
    )
    # The two families that have all of these texts: the others show customers' segments in the same charts and tables.
    assert (
        crmnb(folder, "run", "corner_shop", "--period", "2025", "--family", "retention", "--family", "satisfaction")
        == 0
    )
    return folder / "outputs" / "corner_shop" / "2025"


@pytest.fixture(scope="module")
def running():
    with browser() as at_hand:
        yield at_hand


def pages(report: Path) -> list[Path]:
    return sorted(report.glob("*.html"))


def with_figures(report: Path) -> list[Path]:
    """The pages but for the methodology of single families, which is the same for every client; the corner shop's are looked at."""
    return [page for page in pages(report) if not page.name.startswith("methodology-")]


def test_every_page_of_the_corner_shop_is_good(made, running):
    report = made / "outputs" / "corner_shop" / "2025"
    assert (
        len(pages(report)) == 2 * len(families()) - 1 + 2
    )  # a methodology for each and a page but for the relationship, of which the shop has no figure; the index and the methodology of all
    assert [problem for page in pages(report) for problem in check_page(page, running)] == []


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="the real file is not beside the checkout")
def test_every_page_of_online_retail_ii_is_good(tmp_path, running):
    folder = project(tmp_path / "x" / "project")
    file = folder / "parameters" / "online_retail_ii.yml"
    file.write_text(file.read_text().replace("../../shared/data", str(REAL.resolve().parents[1])))
    families_with_figures = ("data_quality", "financial", "retention", "sales")
    options = [word for family in families_with_figures for word in ("--family", family)]
    assert crmnb(folder, "run", "online_retail_ii", "--period", "2010", *options) == 0
    report = folder / "outputs" / "online_retail_ii" / "2010"
    assert [problem for page in with_figures(report) for problem in check_page(page, running)] == []


def test_hostile_texts_run_nothing_and_break_no_layout(hostile, running):
    for path in with_figures(hostile):
        assert check_page(path, running) == [], path.name
        page, _ = open_page(running, path)
        assert "owned" not in page.title() or "<script>" in page.title()  # the name may stand there, as text
        assert page.locator("h1").count() == 1
        assert page.locator("script, iframe, object, embed, form").count() == 0
        assert page.evaluate(
            "[...document.querySelectorAll('*')].every(e => ![...e.attributes].some(a => /^on/.test(a.name)))"
        )
        assert page.locator("a[href^='javascript:']").count() == 0
        assert "49" not in page.locator("h1, header").first.inner_text()
        page.close()


def test_hostile_texts_are_shown_as_they_are(hostile):
    shown = html.unescape((hostile / "satisfaction.html").read_text())
    assert HOSTILE[0] in shown
    retention = html.unescape((hostile / "retention.html").read_text())
    assert HOSTILE[1] in retention


def test_sizes(made):
    report = made / "outputs" / "corner_shop" / "2025"
    assert (report / "index.html").stat().st_size <= 60_000
    for page in pages(report):
        assert page.stat().st_size <= 150_000, page.name
