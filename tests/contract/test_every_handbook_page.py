"""Every metric has a page of the handbook: whole, linked, and with the figures that the suite computes."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from conftest import PROJECT, crmnb, project
from crmnb.core.paths import handbook_folder
from crmnb.metrics.definition import catalogue
from crmnb.report.text.glossary import TERMS

each_metric = pytest.mark.parametrize("metric", catalogue().values(), ids=lambda metric: metric.id)
SECTIONS = ["what", "formula", "example", "caveat", "moves", "data"]


@pytest.fixture(scope="session")
def handbook(made) -> Path:
    """The handbook as a run writes it."""
    return handbook_folder(made)


@pytest.fixture(scope="session")
def pages(handbook) -> dict[str, BeautifulSoup]:
    """The pages by the names of their files."""
    return {
        path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in handbook.glob("*.html")
    }


@each_metric
def test_a_page_has_every_section(pages, metric):
    page = pages[f"{metric.id}.html"]
    assert page.h1.get_text() == metric.title
    assert [h["id"] for h in page.main.find_all("h2")] == SECTIONS
    assert page.find("section", {"aria-labelledby": "caveat"}).find(class_="caveat").get_text()
    assert page.find(id="data").find_next("dl").find("dt", string="Source")


@each_metric
def test_a_page_explains_each_symbol_of_its_formula(pages, metric):
    section = pages[f"{metric.id}.html"].find("section", {"aria-labelledby": "formula"})
    assert len(section.find_all(class_="formula")) == len(metric.formula.expressions)
    explained = [item.math["alttext"] for item in section.find_all("li")]
    assert explained == list(metric.formula.symbols)


@each_metric
def test_a_page_shows_the_figures_of_the_suite_and_the_count_by_hand(pages, metric, corner_shop):
    page, result = pages[f"{metric.id}.html"], corner_shop(metric.id)
    table = page.find("table", class_="figures")
    if not result.whole["value"].notna().any():
        assert table is None
        assert "not available" in page.find("section", {"aria-labelledby": "example"}).get_text()
        return
    assert len(table.tbody.find_all("tr")) == min(len(result.entries), 30)
    if isinstance(metric.hand_count, str) and metric.hand_count:
        assert table.tbody.math["alttext"] == metric.hand_count


@each_metric
def test_the_rows_that_a_page_lists_add_up_to_the_figure(pages, metric, corner_shop):
    """Where all rows are listed, and each adds to a numerator: of a plain metric, which has one figure."""
    rows, result = pages[f"{metric.id}.html"].find("table", class_="rows"), corner_shop(metric.id)
    heads = [th.get_text() for th in rows.thead.find_all("th")] if rows else []
    plain = metric.has_rows and len(result.entries) == 1 and metric.estimate.reduces == "moments"
    if not plain or "adds to the numerator" not in heads or (rows.find_parent("div").find_next_sibling(class_="note")):
        return
    place = heads.index("adds to the numerator")
    added = [float(line.find_all(["th", "td"])[place].get_text() or 0) for line in rows.tbody.find_all("tr")]
    if "weight" not in heads:
        assert sum(added) == pytest.approx(result.entries[0].numerator, abs=0.01)


def test_every_link_leads_somewhere(pages):
    wrong = []
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            address, _, anchor = link["href"].partition("#")
            target = pages.get(address or name)
            if target is None or (anchor and not target.find(id=anchor)):
                wrong.append(f"{name}: {link['href']}")
    assert wrong == []


def test_the_index_leads_to_every_metric_by_family(pages):
    index = pages["index.html"]
    listed = [a["href"] for a in index.select(".entries a")]
    assert listed == [f"{id_}.html" for id_ in catalogue()]
    families = dict.fromkeys(metric.family for metric in catalogue().values())
    assert [section["id"] for section in index.select("section.family")][: len(families)] == [
        f"family-{name}" for name in families
    ]


def test_pages_lead_from_each_metric_to_the_next(pages):
    for before, after in pairwise(catalogue()):
        assert pages[f"{before}.html"].find("a", rel="next")["href"] == f"{after}.html"
        assert pages[f"{after}.html"].find("a", rel="prev")["href"] == f"{before}.html"


def test_the_glossary_has_all_terms_and_all_metrics_by_letter(pages):
    glossary = pages["glossary.html"]
    ids = {dt["id"] for dt in glossary.find_all("dt")}
    assert ids >= {term.id for term in TERMS} | set(catalogue())
    names = [dt.get_text().casefold() for dt in glossary.find_all("dt")]
    assert names == sorted(names)
    used = glossary.find(id="promoter").find_next("dd")
    assert used.find("a", href="nps.html"), "the metrics that use a term are linked from it"


def test_no_page_has_a_script_an_outside_address_or_a_path_of_this_machine(handbook):
    for path in handbook.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text, path.name
        assert str(PROJECT) not in text, path.name
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), path.name


def test_what_customers_wrote_is_escaped(pages):
    assert "<script>alert(1)</script>" in pages["sentiment.html"].get_text()  # a comment of the corner shop, as text


def test_without_the_corner_shop_the_pages_say_so(tmp_path):
    for name in ("notebooks", "parameters"):
        (tmp_path / name).mkdir()
    assert crmnb(tmp_path, "handbook") == 0
    page = (tmp_path / "outputs/handbook/nps.html").read_text(encoding="utf-8")
    assert "The example client is not in this project" in page


def test_a_handbook_is_replaced_as_a_whole_and_stays_where_the_example_is_wrong(tmp_path, capsys):
    folder = project(tmp_path)
    (folder / "parameters" / "corner_shop.yml").write_text("name: [", encoding="utf-8")
    place = folder / "outputs/handbook"
    before = sorted(path.name for path in place.iterdir())
    assert crmnb(folder, "handbook") == 2
    assert "corner_shop.yml" in capsys.readouterr().err
    assert sorted(path.name for path in place.iterdir()) == before
    assert not [path for path in place.parent.iterdir() if path.name.endswith(".new")]


def test_each_page_that_notes_an_effective_n_leads_to_its_explanation(pages):
    sections = {id_: pages[f"{id_}.html"].find("section", {"aria-labelledby": "example"}) for id_ in catalogue()}
    noting = [pages[f"{id_}.html"] for id_, section in sections.items() if "effective n" in section.get_text().lower()]
    assert len(noting) > 10
    assert all(page.find("a", href="glossary.html#effective-n") for page in noting)


@each_metric
def test_each_metric_has_a_lesson_to_read_with_its_answers_folded(pages, metric):
    address = f"lesson-{metric.id}.html"
    assert pages[f"{metric.id}.html"].find("a", href=address)
    page = pages[address]
    answers = [details for details in page.find_all("details") if details.summary.get_text() == "Answer"]
    assert (
        len(answers) >= 6
    )  # of q1 to q6; a second trap has an answer of its own, and the last question is for the lab
    assert not any(details.has_attr("open") for details in answers)
    assert page.find(class_="result")
    heads = {th.get_text() for th in page.find("table").find_all("th", scope="col")}
    assert not {"send", "ticket", "visit", "response", "invitation"} & heads or not {"met", "value"} & heads
