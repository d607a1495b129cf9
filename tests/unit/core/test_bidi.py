"""What others wrote turns no line of ours round: pages, pictures, spreadsheets, terminal."""

import re
import unicodedata
import zipfile
from datetime import datetime
from io import StringIO

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from pictured import survival
from synthetic import client, metric, rate, result

from crmnb.core.bidi import FSI, PDI, escape_controls, isolate_name, isolate_sentence, strip_controls
from crmnb.core.errors import InputError, escape_unprintable
from crmnb.core.terminal import Terminal
from crmnb.report.exports.xlsx import write_xlsx
from crmnb.report.html import printable, tag
from crmnb.report.pages import Family, catalogue_page, index_page
from crmnb.report.tables.key_changes import key_changes
from crmnb.report.tables.scorecard import scorecard, tile

CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HEBREW = "\u05e6\u05e4\u05d5\u05df"  # north
TURNED = f"No\u202erth {CONTROLS}{HEBREW} 12"
FROM_THE_RIGHT = ("R", "AL", "AN")


def wrong_in(text: str) -> str:
    """What in a text can change the order of what stands beside it; "" where nothing can."""
    depth = 0
    for at, c in enumerate(text):
        if c in CONTROLS and c not in (FSI, PDI):
            return f"a control, {c!r}"
        depth += (c == FSI) - (c == PDI)
        if depth < 0:
            return "an isolate that is closed and was not opened"
        if not depth and unicodedata.bidirectional(c) in FROM_THE_RIGHT:
            return f"{c!r} in no isolate: ...{text[max(at - 20, 0) : at]!r}"
    return "an isolate that is not closed" if depth else ""


def year(name: str = TURNED):
    """A rate by region and month, with signals, of a client, region and breakdown that are called so."""
    rows = [rate(1161, 2022, 2.1, change=3.1, change_low=1.2, change_high=5.0, signal="better", breakdown=name)]
    for level, value in ((name, 60), ("South", 40)):
        facts = {
            "segment": "region",
            "level": level,
            "change": 3.0,
            "change_low": 1.0,
            "change_high": 5.0,
            "signal": "worse",
        }
        rows.append(rate(value, 100, 4, breakdown=name, **facts))
    rows += [rate(50 + m, 100, 2, part=f"2025-{m:02}", breakdown=name) for m in range(1, 7)]
    return result(rows, of=metric(breakdown="survey"), whose=client(name=name))


@pytest.mark.parametrize(
    "text", ["plain", TURNED, HEBREW, f"{FSI}open", f"closed{PDI}", f"{PDI}{FSI}", f"a {FSI}{HEBREW}{PDI} b {HEBREW}"]
)
def test_a_text_is_tame_afterwards_and_nothing_that_is_seen_is_lost(text):
    for tame in (
        isolate_name(text),
        isolate_sentence(text),
        isolate_sentence(f"Region {isolate_name(text)}: 12%"),
        isolate_sentence(isolate_sentence(text)),
    ):
        assert wrong_in(tame) == ""
    assert strip_controls(isolate_sentence(text)) == strip_controls(text)


def test_an_isolated_name_leaves_the_sentence_around_it_as_it_is():
    assert (
        isolate_sentence(f"Highest {isolate_name(HEBREW)}, 80%; lowest South, 60%.")
        == f"Highest {FSI}{HEBREW}{PDI}, 80%; lowest South, 60%."
    )
    assert printable(f"{HEBREW} \u202e12", 6) == f"{FSI}{HEBREW}…{PDI}"
    assert isolate_name("North\u202e") == "North"


def test_every_text_of_a_page_is_tame():
    of = year()
    families = [Family(TURNED, "x.html", [of], ""), Family("Contact", problem=TURNED)]
    pages = [
        index_page(of.client, of.period, families=families, tiles=[of]),
        catalogue_page([metric(title=TURNED, definition=TURNED)]),
    ]
    pieces = [
        scorecard([of]),
        tile(of),
        key_changes([of]),
        of,
        of.plot("trend"),
        *of.plot("segments", "region").figures,
        of.plot("breakdown"),
        of.caveat,
    ]
    for text in [*pages, *(piece._repr_html_() for piece in pieces), tag("p", TURNED, title=TURNED)]:
        soup = BeautifulSoup(str(text), "html.parser")
        texts = [
            *soup.stripped_strings,
            *(value for element in soup.find_all(True) for value in element.attrs.values() if isinstance(value, str)),
        ]
        assert [(words, wrong_in(words)) for words in texts if wrong_in(words)] == []


def test_every_text_of_a_picture_is_tame():
    of = year()
    figures = [
        of.plot("trend"),
        *of.plot("segments", "region").figures,
        of.plot("breakdown"),
        survival({f"{TURNED} {'n' * 40}": 900, "South": 700}).plot("survival", "region"),
    ]
    for figure in figures:
        words = [text.get_text() for text in BeautifulSoup(figure.svg, "html.parser").find_all("text")]
        assert any(HEBREW in text for text in words)
        assert [text for text in [*words, figure.title, figure.alt, *figure.notes] if wrong_in(text)] == []


def test_a_spreadsheet_holds_no_control_and_marks_the_formula_behind_one(tmp_path):
    write_xlsx(pd.DataFrame({"level": [TURNED, "\u202e=1+1", "=2"]}), tmp_path / "r.xlsx", datetime(2026, 1, 1))
    with zipfile.ZipFile(tmp_path / "r.xlsx") as file:
        words, sheet = (file.read(f"xl/{name}.xml").decode() for name in ("sharedStrings", "worksheets/sheet1"))
    assert HEBREW in words
    assert not set(CONTROLS) & set(words)
    styles = [re.search(rf'<c r="A{row}"(?: s="(\d+)")? t="s">', sheet)[1] for row in (2, 3, 4)]
    assert styles[0] is None
    assert styles[1] == styles[2] is not None  # as is tested of what begins with "="


def test_a_terminal_shows_a_control_as_its_escape():
    heard = StringIO()
    print(f"99 of 100 \u202e{FSI}{HEBREW}{PDI}", InputError("a \u2067b"), file=Terminal(heard))
    assert heard.getvalue() == f"99 of 100 \\u202e{HEBREW} a \\u2067b\n"
    assert escape_controls(escape_unprintable(TURNED)) == escape_unprintable(TURNED)
