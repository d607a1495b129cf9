"""A family's page: its executed notebook as the client reads it, prose and results without code."""

import re
from functools import cache
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from crmnb.report.display import EVERYONE, WITH_CUSTOMERS, made_for
from crmnb.report.pages.footnotes import with_footnotes
from crmnb.report.pages.frame import page
from crmnb.report.text.definitions import METHODOLOGY, metric_anchor

# What a page never holds, whoever wrote the notebook; its policy would stop most of it, and complain in the console.
_FORBIDDEN = ("script", "style", "link", "meta", "base", "iframe", "object", "embed", "form", "input", "button")
_EMPTY_SHAPE = re.compile(r"></(?:line|rect|circle|path|polyline)>")  # in SVG, where it can be closed in short
_HIDDEN_TAGS = {"analyst-only", "injected-parameters", "parameters"}
_OF_CUSTOMERS = "customers"  # the tag of cells that list single customers


class NotOurs(Exception):
    """A cell shows what no page may: `str()` says so in words that may stand on a client's page; `what` it is, in words."""

    def __init__(self, cell: nbformat.NotebookNode, what: str, *, of_customers: bool):
        name = cell.get("id", "?")
        super().__init__(f"the notebook's cell {name!r} shows something else than results of the suite ({what}).")
        self.cell, self.what, self.of_customers = cell, what, of_customers


def body_of(notebook: nbformat.NotebookNode, expose_customers: bool = False) -> tuple[Markup, list[tuple[str, str]]]:
    """What a page shows of an executed notebook: its cells, and (text, id) of the headings for the table of contents.

    Cells tagged `analyst-only` are left out, those tagged `customers` unless they are to be exposed; code always is. Of the
    others every output is one of the suite's own displays (see `crmnb.report.display`); NotOurs is raised for the first that is not.
    """
    hidden = _HIDDEN_TAGS | (set() if expose_customers else {_OF_CUSTOMERS})
    shown = notebook.copy()
    shown.cells = [cell for cell in notebook.cells if not hidden & _tags(cell)]
    for cell in shown.cells:
        for output in cell.get("outputs", ()):
            _refuse_what_is_not_ours(cell, output)
    body, _ = _exporter().from_notebook_node(shown)
    return _cleaned(body)


def prose_body(notebook: nbformat.NotebookNode) -> tuple[Markup, list[tuple[str, str]]]:
    """The same of a notebook of our own whose outputs are HTML that we made: nothing is refused, everything is cleaned."""
    body, _ = _exporter().from_notebook_node(notebook)
    return _cleaned(body)


def _tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def _refuse_what_is_not_ours(cell: nbformat.NotebookNode, output: nbformat.NotebookNode) -> None:
    shown_to = made_for(output)
    if shown_to == EVERYONE or (shown_to == WITH_CUSTOMERS and _OF_CUSTOMERS in _tags(cell)):
        return
    raise NotOurs(cell, _what(output), of_customers=shown_to == WITH_CUSTOMERS)


def _what(output: nbformat.NotebookNode) -> str:
    """What kind of thing an output is, in words, without anything of it."""
    if output.output_type == "error":
        return "an error"
    if output.output_type == "stream":
        return "printed text" if output.name == "stdout" else "text on standard error (such as a warning)"
    if made_for(output) == WITH_CUSTOMERS:
        return "single customers"
    types = set(output.data)
    if "text/html" in types:
        return "a DataFrame" if 'class="dataframe"' in str(output.data["text/html"]) else "HTML of its own"
    return "a picture" if any(name.startswith("image/") for name in types) else "a value of its own"


def framed(
    cells: Markup,
    contents: list[tuple[str, str]],
    *,
    title: str,
    client_name: str,
    period_label: str,
    nav: list[tuple[str, str]],
    lang: str = "en",
) -> str:
    """The page around the cells that `body_of` gave.

    nav: (name, address) of the links at the top. The notebook's own first heading gives way to `title`.
    """
    return page(
        "family.j2",
        title=title,
        client_name=client_name,
        period_label=period_label,
        nav=nav,
        lang=lang,
        methodology=METHODOLOGY,
        contents=contents,
        cells=cells,
    )


class _Exporter(HTMLExporter):
    """nbconvert's exporter without its last step, which parses the page once more to see to what `_cleaned` sees to."""

    def from_notebook_node(self, nb, resources=None, **more):
        return super(HTMLExporter, self).from_notebook_node(nb, self._init_resources(resources), **more)


@cache
def _exporter() -> _Exporter:
    """With our own few lines of template: no highlighting, no outside script, no anchors' marks."""
    template = str(Path(__file__).with_name("cells.j2"))
    return _Exporter(config=Config(), template_file=template, exclude_anchor_links=True)


def _cleaned(body: str) -> tuple[Markup, list[tuple[str, str]]]:
    """The cells without anything forbidden, with one order of headings and ids that do not clash; and the contents."""
    soup = BeautifulSoup(body, "html.parser")
    for element in soup.find_all(_FORBIDDEN):
        element.decompose()
    for element in soup.find_all(True):
        for name in [name for name in element.attrs if _is_forbidden(name, element[name])]:
            del element[name]
    for picture in soup.find_all("img", alt=False):
        picture["alt"] = "Picture without a description"
    for table in soup.find_all("table", class_="dataframe"):
        _as_ours(soup, table)
    with_footnotes(soup)
    headings = soup.find_all(re.compile("^h[1-6]$"))
    if headings and headings[0].name == "h1":
        headings.pop(0).decompose()
    contents = _number_headings(headings)
    _anchor_metrics(soup)
    return Markup(_EMPTY_SHAPE.sub("/>", soup.decode())), contents  # noqa: S704 -- notebooks are ours, and cleaned above


def _as_ours(soup: BeautifulSoup, table) -> None:
    """A pandas table without its border, with scopes on its headers, in a box that scrolls."""
    del table["border"]
    for header in table.find_all("th"):
        header["scope"] = "col" if header.find_parent("thead") else "row"
    table.wrap(soup.new_tag("div", attrs={"class": "scroll"}))


def _anchor_metrics(soup: BeautifulSoup) -> None:
    """Gives each metric the id to which `metric_address` leads: of its own block, or else of its line in the scorecard."""
    elements = soup.find_all(attrs={"data-metric": True})
    anchored = set()
    for element in sorted(
        elements, key=lambda element: element.name == "tr"
    ):  # stable: otherwise in the order of the page
        anchor = metric_anchor(element.attrs.pop("data-metric"))
        if anchor not in anchored:
            element["id"] = anchor
        anchored.add(anchor)


def _is_forbidden(name: str, value) -> bool:
    name = name.lower()
    if name in ("href", "src", "xlink:href", "srcset"):
        address = re.sub(r"[\x00-\x20]", "", str(value)).lower()
        inside = address.startswith("data:image/") if name in ("src", "srcset") else False
        return not (inside or (name == "href" and re.match(r"https?:|mailto:|#|[\w./-]+$|[\w./-]+#", address)))
    return name.startswith("on") or name in ("style", "srcdoc", "action", "formaction", "background")


def _number_headings(headings: list) -> list[tuple[str, str]]:
    """Gives each heading an id of its own and makes no level skip; returns (text, id) of those of the second level."""
    contents, used_ids, level = [], {"main"}, 1
    for heading in headings:
        level = min(max(int(heading.name[1]), 2), level + 1)
        heading.name = f"h{level}"
        words = heading.get_text(" ", strip=True)
        stem = re.sub(r"\W+", "-", words.lower()).strip("-") or "section"
        name, again = stem, 2
        while name in used_ids:
            name, again = f"{stem}-{again}", again + 1
        used_ids.add(name)
        heading["id"] = name
        if level == 2:
            contents.append((words, name))
    return contents
