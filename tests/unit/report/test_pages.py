"""Pages as text: nothing of code, secrets or scripts in them, one order of headings, a policy that matches the style."""

import base64
import hashlib
import re
from datetime import date, datetime

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from synthetic import HOSTILE, client, family_page, metric, rate, result, row

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.report.display import WITH_CUSTOMERS, note
from crmnb.report.pages import Family, catalogue_page, index_page, methodology_pages
from crmnb.report.pages.catalogue import HANDBOOK_ADDRESS
from crmnb.report.pages.family import NotOurs, body_of
from crmnb.report.pages.frame import language


def cell(data: dict | None = None, *, tags=(), outputs=(), source="secret_code()"):
    shown = [new_output("execute_result", data=data, execution_count=1, metadata=note())] if data else []
    return new_code_cell(source, outputs=[*shown, *outputs], metadata={"tags": list(tags)})


def family(*cells, **facts) -> BeautifulSoup:
    said = {"title": "Retention", "client_name": "Harbour Books", "period_label": "2025", "lang": "en-GB"}
    nav = [("Overview", "index.html"), ("Retention", "retention.html")]
    text = family_page(new_notebook(cells=list(cells)), nav=nav, **(said | facts))
    return BeautifulSoup(text, "html.parser")


def index(**facts) -> BeautifulSoup:
    period = Period.parse("2025").observe(None, facts.pop("cutoff", datetime(2026, 1, 1)))
    given = {"families": [], "tiles": [], "comparison": period.previous} | facts
    return BeautifulSoup(index_page(given.pop("whose", client()), period, **given), "html.parser")


def test_the_policy_forbids_everything_but_the_page_s_own_style_and_inner_pictures():
    page = family(new_markdown_cell("# Retention"))
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    digest = base64.b64encode(hashlib.sha256(page.style.string.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not page.find_all("script")


def test_a_family_page_hides_code_parameters_and_the_analyst_s_cells():
    page = family(
        new_markdown_cell("# Retention"),
        cell({"text/plain": "'parameter'"}, tags=["parameters"]),
        cell({"text/plain": "'injected'"}, tags=["injected-parameters"]),
        cell({"text/plain": "'for the analyst'"}, tags=["analyst-only"]),
        cell({"text/html": "<p>for the client</p>", "text/plain": "plain"}),
    )
    words = page.body.get_text()
    assert "for the client" in words
    for hidden in ("secret_code", "parameter", "injected", "for the analyst", "plain"):
        assert hidden not in words


OTHERS = {
    "an error": new_output("error", ename="KeyError", evalue="secret", traceback=["secret trace"]),
    "text on standard error (such as a warning)": new_output("stream", name="stderr", text="secret warning"),
    "printed text": new_output("stream", name="stdout", text="secret"),
    "a DataFrame": new_output("display_data", {"text/html": '<table border="1" class="dataframe">secret</table>'}),
    "HTML of its own": new_output("display_data", {"text/html": "<p>secret</p>"}),
    "a picture": new_output("display_data", {"image/png": "c2VjcmV0", "text/plain": "secret"}),
    "a value of its own": new_output("execute_result", {"text/plain": "'secret'"}, execution_count=1),
    "single customers": new_output("display_data", {"text/html": "secret"}, metadata=note(WITH_CUSTOMERS)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_not_the_suite_s_own_stops_the_page(what):
    other = OTHERS[what]
    scratch = cell(outputs=[other], source="rows = book.rows('csat')\nrows")
    scratch.id = "scratch"
    with pytest.raises(NotOurs, match="cell 'scratch' shows something else than results of the suite") as refused:
        family(new_markdown_cell("# Retention"), cell({"text/html": "<p>ours</p>"}), scratch)
    assert what in str(refused.value)
    assert not {"secret", "rows"} & set(re.findall(r"\w+", str(refused.value)))
    hidden = family(new_markdown_cell("# Retention"), cell(outputs=[other], tags=["analyst-only"]))
    assert "secret" not in str(hidden)


def test_single_customers_stand_on_a_page_only_where_client_and_cell_both_say_so():
    shown = new_output("display_data", {"text/html": "<p>c001</p>"}, metadata=note(WITH_CUSTOMERS))
    tagged, bare = (new_notebook(cells=[cell(outputs=[shown], tags=tags)]) for tags in (["customers"], []))
    assert "c001" in body_of(tagged, expose_customers=True)[0]
    assert "c001" not in body_of(tagged)[0]
    for exposed in (True, False):
        with pytest.raises(NotOurs, match="single customers"):
            body_of(bare, expose_customers=exposed)
    raw = new_notebook(cells=[cell(outputs=[OTHERS["a DataFrame"]], tags=["customers"])])
    with pytest.raises(NotOurs, match="a DataFrame"):  # `book.rows` in a cell that may list customers
        body_of(raw, expose_customers=True)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<style>body{display:none}</style>",
        '<p style="color:red" onclick="alert(1)">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\tscript:alert(1)">x</a>',
        '<img src="https://elsewhere.example/x.png" alt="x">',
        '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
        '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
        '<form action="https://elsewhere.example"><input name="a"></form>',
        '<link rel="stylesheet" href="https://elsewhere.example/x.css">',
        '<meta http-equiv="refresh" content="0;url=https://elsewhere.example">',
    ],
)
def test_what_could_run_or_call_elsewhere_is_taken_out_of_an_output(hostile):
    clean = family(cell({"text/html": hostile}), new_markdown_cell(hostile)).main
    assert not clean.find_all(["script", "style", "iframe", "form", "input", "link", "meta"])
    for element in clean.find_all(True):
        assert not {"style", "onclick", "srcdoc", "action", "xlink:href"} & set(element.attrs)
    assert "elsewhere.example" not in str(clean)
    assert not re.search(r'href="\s*java', str(clean))


def test_headings_are_in_order_with_one_h1_and_ids_of_their_own():
    page = family(
        new_markdown_cell("# From the notebook\n\nWhat it is about."),
        new_markdown_cell("## Who stays?"),
        new_markdown_cell("#### Too deep"),
        new_markdown_cell("# A second first"),
        new_markdown_cell("## Who stays?"),
    )
    assert [h.get_text() for h in page.find_all("h1")] == ["Retention"]
    assert [(h.name, h["id"]) for h in page.main.find_all(re.compile("^h[1-6]$"))] == [
        ("h2", "who-stays"),
        ("h3", "too-deep"),
        ("h2", "a-second-first"),
        ("h2", "who-stays-2"),
    ]
    contents = [(a.get_text(), a["href"]) for a in page.find("nav", class_="contents").find_all("a")]
    assert contents == [
        ("Who stays?", "#who-stays"),
        ("A second first", "#a-second-first"),
        ("Who stays?", "#who-stays-2"),
    ]


def test_the_page_says_where_it_belongs():
    page = family(new_markdown_cell("# Retention"))
    assert page.html["lang"] == "en-GB"
    assert page.title.get_text() == "Retention – Harbour Books, 2025"  # noqa: RUF001
    assert [(a.get_text(), a.get("aria-current")) for a in page.header.nav.find_all("a")] == [
        ("Overview", None),
        ("Retention", "page"),
    ]


def test_a_data_frame_becomes_a_table_that_a_screen_reader_can_read():
    import pandas as pd

    shown = pd.DataFrame({"a": ["<b>"]})._repr_html_()
    table = family(cell({"text/html": shown})).main.table
    assert [th["scope"] for th in table.find_all("th")] == ["col", "col", "row"]
    assert not table.has_attr("border")
    assert table.td.get_text() == "<b>"


def test_the_index_says_whose_when_how_old_and_from_how_many_rows():
    page = index(rows_read=525461, rows_quarantined=113, made_on=date(2026, 1, 5))
    words = " ".join(page.header.get_text(" ").split())
    assert "Harbour Books 2025 vs 2024" in words
    assert "Data until 31 December 2025 (5 days before this report)" in words
    assert "525,461 rows read, 113 rejected" in words
    assert "Partial" not in words
    assert "No comparison with another period." in page.main.get_text()  # there are no results in it


def test_the_index_of_a_running_period_says_so_and_compares_nothing():
    words = " ".join(index(cutoff=datetime(2025, 12, 10)).header.get_text(" ").split())
    assert "Partial: the data end on 9 December 2025, so 2025 is incomplete and has no comparison." in words
    assert "vs 2024" not in words


def test_the_index_has_eight_tiles_at_most_and_every_family_with_its_rows_or_its_problem():
    results = [result([rate(3, 5, 30)], of=metric(id=f"m{i}", title=f"Metric {i}")) for i in range(10)]
    families = [
        Family("Retention", "retention.html", results),
        Family("Contact centre", problem="not available: needs tickets from 2025-01-01"),
    ]
    page = index(families=families, tiles=results)
    assert len(page.find_all("section", class_="tile")) == 8
    retention, contact = page.find_all("section", class_="family")
    assert retention.find("a", href="retention.html")
    assert len(retention.tbody.find_all("tr")) == 2
    assert "not available: needs tickets from 1 January 2025" in contact.get_text()
    assert not contact.find("a")


def test_the_index_shows_first_what_can_be_had():
    gone = result([row(flags="unavailable", reason="needs tickets")], of=metric(id="gone", title="Gone"))
    had = result([rate(3, 5, 30)], of=metric(id="had", title="Had"))
    page = index(families=[Family("Retention", "retention.html", [gone] * 4 + [had])])
    names = [th.get_text() for th in page.tbody.find_all("th")]
    assert names == ["Had", "Gone"]


def test_a_family_without_a_figure_takes_no_room_and_what_it_would_take_stands_in_one_box():
    lacking = [
        result(
            [row(flags="unavailable", reason=Note("needs_table", table=table, grain=grain))],
            of=metric(id=id_, title=title),
        )
        for id_, title, table, grain in (
            ("a", "Resolution time", "tickets", "a case"),
            ("b", "Backlog", "tickets", "a case"),
            ("c", "Win rate", "leads", "a lead"),
        )
    ]
    page = index(
        families=[
            Family("Retention", "retention.html", [result([rate(3, 5, 30)])]),
            Family("Service", "service.html", lacking),
        ]
    )
    assert [section.h2.get_text() for section in page.find_all("section", class_="family")] == ["Retention"]
    lines = [item.get_text() for item in page.find("section", class_="missing").find_all("li")]
    assert lines == ["tickets (a case): Resolution time, Backlog", "leads (a lead): Win rate"]


@pytest.mark.parametrize(
    ("made_on", "age"), [(date(2026, 1, 1), "1 day"), (date(2026, 6, 1), "152 days"), (date(2030, 1, 1), "4 years")]
)
def test_the_age_of_the_data_is_in_words(made_on, age):
    assert f"Data until 31 December 2025 ({age} before this report)" in index(made_on=made_on).header.get_text()


def test_an_index_and_a_page_of_six_charts_keep_their_size():
    rows = [rate(1161, 2022, 2.1, target=60.0, change=3.1, change_low=1.2, change_high=5.0, signal="better")]
    rows += [rate(50 + m, 100, 9, part=f"2025-{m:02}") for m in range(1, 13)]
    rows += [rate(5 * i + 10, 100, 9, segment=s, level=f"{s} {i}") for s in ("region", "tenure") for i in range(12)]
    of = result(rows)
    kept = [Family(name, f"{name}.html", [of] * 10) for name in ("retention", "satisfaction")]
    period = of.period
    text = index_page(of.client, period, families=kept, tiles=[of] * 8)
    assert len(text.encode()) < 60 * 1024
    shown = [
        {"text/html": piece._repr_html_()}
        for piece in (of, of.plot("trend"), of.plot("segments"), of.plot("trend"), of.plot("segments"))
    ]
    text = family_page(
        new_notebook(cells=[cell(data) for data in shown]), title="R", client_name="", period_label="", nav=[]
    )
    assert text.count("<img") == 6
    assert len(text.encode()) < 150 * 1024


def test_a_page_is_the_same_bytes_when_made_again():
    notebook = new_notebook(cells=[new_markdown_cell("## A"), cell({"text/html": "<p>b</p>"})])
    made = {family_page(notebook, title="R", client_name="x", period_label="2025", nav=[]) for _ in range(2)}
    assert len(made) == 1


def test_hostile_names_are_text_on_every_page():
    of = result([rate(3, 5, 30), row(segment="region", level=HOSTILE, value=1.0, change=1.0, signal="worse")])
    pages = (
        index(whose=client(name=HOSTILE), families=[Family(HOSTILE, "x.html", [of], HOSTILE)], tiles=[of]),
        family(new_markdown_cell("# R"), title=HOSTILE, client_name=HOSTILE, period_label=HOSTILE),
        BeautifulSoup(catalogue_page([metric(title=HOSTILE, definition=HOSTILE)]), "html.parser"),
    )
    for page in pages:
        assert not page.find_all("script")
        assert "<script>alert(1)</script>" in page.body.get_text()


def test_the_methodology_says_everything_about_a_metric():
    page = BeautifulSoup(
        catalogue_page([metric(), metric(id="churn", family="other"), metric(id="again")]), "html.parser"
    )
    article = page.find(id="repeat_purchase_rate").parent
    terms = dict(zip((t.get_text() for t in article.find_all("dt")), article.find_all("dd"), strict=True))
    assert terms["Numerator / denominator"].get_text() == "buyers with two or more orders / buyers in the period"
    assert terms["Settings"].get_text() == "least number of orders: 2"
    assert set(terms) == {
        *("Numerator / denominator", "Unit", "Type", "Why", "Caveat"),
        *("Interval", "Data", "Settings", "Source"),
    }
    assert [h["id"] for h in page.main.find_all("h2")] == ["how-to-read", "family-retention", "family-other"]


def test_every_link_of_the_methodology_leads_to_a_definition():
    pages = {
        name: BeautifulSoup(html, "html.parser")
        for name, html in methodology_pages(
            [metric(), metric(id="churn", family="other")], nav=[("Methodology", "methodology.html")]
        )
    }
    assert list(pages) == ["methodology", "methodology-retention", "methodology-other"]
    addresses = [link["href"] for link in pages["methodology"].main.find_all("a")]
    links = [address.split("#") for address in addresses if not address.startswith(HANDBOOK_ADDRESS)]
    assert links == [["methodology-retention.html", "repeat_purchase_rate"], ["methodology-other.html", "churn"]]
    for address, anchor in links:
        page = pages[address.removesuffix(".html")]
        assert page.find(id=anchor).find_next_sibling("dl")
        assert page.nav.find("a", href="methodology.html")


def test_the_methodology_of_a_report_leads_to_the_handbook_s_page_of_each_metric():
    pages = dict(methodology_pages([metric(), metric(id="churn", family="other")]))
    overview = BeautifulSoup(pages["methodology"], "html.parser").main
    for name in ("index.html", "glossary.html"):
        assert overview.find("a", href=f"../../handbook/{name}")
    assert "beside the folders of all clients" in overview.find(id="handbook").find_next("p").get_text()
    of_family = BeautifulSoup(pages["methodology-other"], "html.parser").main
    assert of_family.find("a", href="../../handbook/churn.html")


def test_the_catalogue_s_own_page_has_no_link_to_a_handbook_that_may_be_elsewhere():
    assert "handbook" not in catalogue_page([metric()])


@pytest.mark.parametrize(("locale", "tag"), [("en_GB", "en-GB"), ("de_DE", "en-DE"), ("nl_NL", "en-NL")])
def test_the_language_is_that_of_the_words_in_the_client_s_region(locale, tag):
    assert language(client(locale=locale)) == tag


def test_a_long_note_that_a_page_repeats_stands_once_and_the_figures_lead_to_it():
    shared, own = (
        f"Orders without a customer are left out{' of it' * 5} <b>.",
        "A note of one result only, of which there is one on this page.",
    )
    shown = (result([rate(6, 10, 20)], notes=notes)._repr_html_() for notes in ((shared, own), (shared,), (shared,)))
    soup = family(
        new_markdown_cell("# Family"), new_markdown_cell("## Notes"), *(cell({"text/html": html}) for html in shown)
    )
    assert soup.get_text().count("Orders without a customer") == soup.get_text().count("A note of one result only") == 1
    marks = soup.select('.notes a[href="#note-1"]')
    assert [mark.get_text() for mark in marks] == ["Note 1"] * 3
    assert soup.select_one("li#note-1").get_text() == shared
    assert [heading.get("id") for heading in soup.find_all("h2", string="Notes")] == ["notes", "notes-2"]
    assert soup.select_one('nav.contents a[href="#notes-2"]')


def test_a_short_note_stays_beside_each_figure():
    shown = [result([rate(6, 10, 20)], notes=("Channel: e-mail.",))._repr_html_()] * 3
    soup = family(*(cell({"text/html": html}) for html in shown))
    assert soup.get_text().count("Channel: e-mail.") == 3
    assert soup.select("#note-1") == []
