"""Lessons as pages for who only reads: the lesson notebooks of a project in the frame of all pages."""

from dataclasses import dataclass
from pathlib import Path

import nbformat

from crmnb.handbook.texts import GLOSSARY
from crmnb.metrics.definition import catalogue
from crmnb.report.pages.family import lesson_body
from crmnb.report.pages.frame import page


@dataclass(frozen=True)
class Lesson:
    """A lesson's page: its title, the name of its file, and its HTML."""

    title: str
    address: str
    html: str


def lesson_pages(folder: Path) -> dict[str, Lesson]:
    """The pages of the lessons in a folder, by metric; a notebook that is named after no metric is no lesson."""
    lessons = {}
    for path in sorted(folder.glob("*.ipynb")):
        if path.stem in catalogue():
            lessons[path.stem] = _lesson(path)
    return lessons


def _lesson(path: Path) -> Lesson:
    metric = catalogue()[path.stem]
    cells, contents = lesson_body(nbformat.read(path, as_version=4))
    nav = [("Handbook", "index.html"), ("Glossary", GLOSSARY), (metric.title, f"{metric.id}.html")]
    html = page("handbook_lesson.j2", lang="en-GB", nav=nav, title=metric.title, contents=contents, cells=cells)
    return Lesson(metric.title, f"lesson-{metric.id}.html", html)
