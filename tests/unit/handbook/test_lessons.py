"""Lessons as pages: prose, rows and questions, with hints and answers folded; code that nobody ran is never shown as a result."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from conftest import PROJECT
from crmnb.handbook.lessons import lesson_pages

LESSONS = PROJECT / "notebooks" / "lessons"


@pytest.fixture(scope="module")
def page(corner_shop) -> BeautifulSoup:
    """The page of the lesson on the NPS."""
    return BeautifulSoup(lesson_pages(LESSONS, corner_shop)["nps"].html, "html.parser")


def test_the_rows_are_those_of_the_corner_shop(page):
    table = page.find("table")
    assert [th.get_text() for th in table.thead.find_all("th")] == ["response", "survey", "responded at", "recommend"]
    assert ["A07", "purchase", "2025-02-20 08:05", "10"] in [
        [cell.get_text() for cell in line.find_all(["th", "td"])] for line in table.tbody.find_all("tr")
    ]


def test_a_question_is_open_and_its_hints_and_answer_are_folded(page):
    question = page.find("p", class_="question")
    assert question.find_parent("details") is None
    hints = question.find_next("details")
    assert hints.summary.get_text() == "Hints"
    assert len(hints.find_all("li")) >= 3
    answer = hints.find_next("details")
    assert answer.summary.get_text() == "Answer"
    assert answer.p.get_text().startswith("7.69")
    assert "# solution" not in page.get_text()
    assert not answer.has_attr("open")


def test_the_opening_and_predictions_are_for_the_lab_only(page):
    assert "from crmnb import lesson" not in page.get_text()
    assert ".predict(" not in page.get_text()


def test_the_result_is_the_suite_s_own_sentence(page, corner_shop):
    assert corner_shop("nps")._repr_html_() in str(page) or "25 points" in page.find(class_="result").get_text()


def test_without_the_example_client_a_lesson_is_prose_and_code():
    page = BeautifulSoup(lesson_pages(LESSONS, None)["nps"].html, "html.parser")
    assert page.find("table") is None
    assert any("nps.q1" in pre.get_text() for pre in page.find_all("pre"))
    assert page.main.find("h2")


def test_a_notebook_that_is_named_after_no_metric_is_no_lesson(tmp_path):
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notes.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert lesson_pages(tmp_path, None) == {}
    assert lesson_pages(Path(tmp_path / "nowhere"), None) == {}


def test_prose_of_a_lesson_is_cleaned(tmp_path):
    cell = {
        "cell_type": "markdown",
        "id": "a",
        "metadata": {},
        "source": "# NPS\n\n<script>alert(1)</script><b onclick='x()'>b</b>",
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "nps.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    html = lesson_pages(tmp_path, None)["nps"].html
    assert "<script" not in html
    assert "onclick" not in html
