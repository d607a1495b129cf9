"""What a notebook shows of the suite is marked, and nothing else can be by accident."""

from copy import deepcopy
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from synthetic import rate, result

from conftest import crmnb, project, shortened
from crmnb.core.environment import PAGE_KEY
from crmnb.report.display import EVERYONE, MARK, WITH_CUSTOMERS, attested, made_for, settle
from crmnb.report.html import Html, tag
from crmnb.report.pages.family import NotOurs, body_of
from crmnb.report.tables.data_table import CustomerTable, Table
from crmnb.run import notebook as running
from crmnb.run.environment import jupyter_environment, new_runtime_folder, remove_folder
from crmnb.run.notebook import NotebookFailure, execute_notebook

MINUS, WORD_JOINER = "\N{MINUS SIGN}", "\N{WORD JOINER}"

KEY = "a key drawn for this test"
RESULT = result([rate(1161, 2022, 2.1), *(rate(50 + m, 100, 9, part=f"2025-{m:02}") for m in (1, 2, 3))])
SHOWN = {
    "a result": RESULT,
    "a chart": RESULT.plot("trend"),
    "charts": RESULT.plot("segments"),
    "a block": RESULT.caveat,
    "its table": RESULT.table(),
}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# What a scratch cell may show beside, and how the refusal calls it.
SCRATCH = {
    "print('c001')": "printed text",
    "import sys; print('c001', file=sys.stderr)": "standard error",
    "import warnings; warnings.warn('c001')": "standard error",
    "import pandas as pd; pd.DataFrame({'key': ['c001']})": "a DataFrame",
    "result.rows": "a DataFrame",
    "result.table().head(1)": "a DataFrame",  # what is made of ours is not ours
    "from IPython.display import HTML; HTML('<p>c001</p>')": "HTML of its own",
    f"from IPython.display import Image; import base64; Image(base64.b64decode('{PICTURE}'))": "a picture",
    "'c001'": "a value of its own",
    f"display({{'{MARK}': {{'shown_to': 'everyone', 'digest': ''}}, 'text/html': 'c001'}}, raw=True)": "HTML of its own",
    "forged = result._repr_mimebundle_(); forged['text/html'] += 'c001'; display(forged, raw=True)": "HTML of its own",
    "display({'text/html': 'c001'}, raw=True, metadata={'crmnb': 'everyone'})": "HTML of its own",
}
OURS = ("result", "display(result.plot('trend'))", "result.table()", "result.plot('segments')", "result.caveat")
START = "from synthetic import rate, result as made\nresult = made([rate(1161, 2022, 2.1), *(rate(50 + m, 100, 9, part=f'2025-0{m}') for m in (1, 2, 3))])"


def output_of(shown) -> dict:
    """The output that a notebook holds of something shown."""
    data, metadata = DisplayFormatter().format(shown)
    return new_output("display_data", data, metadata=metadata)


@pytest.mark.parametrize("name", SHOWN)
def test_what_the_suite_shows_is_attested_with_the_run_s_key_and_no_other(name, monkeypatch):
    monkeypatch.setenv(PAGE_KEY, KEY)
    output = output_of(SHOWN[name])
    assert attested(output, KEY) == EVERYONE
    assert attested(output, "another run's") == attested(output, "") == ""
    for part in ("text/html", MARK):
        spoilt = deepcopy(output)
        spoilt["data"][part] = spoilt["data"][part] + "x" if part == "text/html" else "x"
        assert attested(spoilt, KEY) == ""


def test_a_list_of_customers_cannot_pass_for_what_everyone_may_see(monkeypatch):
    monkeypatch.setenv(PAGE_KEY, KEY)
    output = output_of(CustomerTable({"customer_id": ["c001"]}))
    assert attested(output, KEY) == WITH_CUSTOMERS
    output["data"][MARK]["shown_to"] = EVERYONE
    assert attested(output, KEY) == ""


def test_what_is_made_of_a_table_of_ours_is_not_ours():
    ours = Table({"a": [1, 2], "b": [3, 4]})
    for made in (ours.head(1), ours[["a"]], ours.assign(c=1), ours.T, pd.DataFrame(ours), ours.copy()):
        assert not isinstance(made, Table)


def test_without_a_run_nothing_is_marked(monkeypatch):
    monkeypatch.delenv(PAGE_KEY, raising=False)
    assert MARK not in output_of(RESULT)["data"]


def test_what_is_kept_of_a_mark_is_for_whom_and_the_same_in_every_run(monkeypatch):
    kept = []
    for key in (KEY, "another"):
        monkeypatch.setenv(PAGE_KEY, key)
        output = output_of(RESULT)
        settle(output, key)
        kept.append(output)
    assert kept[0] == kept[1]
    assert made_for(kept[0]) == EVERYONE
    assert MARK not in kept[0]["data"]
    claimed = new_output("display_data", {"text/html": "c001"}, metadata={"crmnb": EVERYONE})
    settle(claimed, KEY)
    assert made_for(claimed) == ""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Executes cells in a kernel, as a run does; gives the kept notebook."""
    folder = new_runtime_folder()
    folder.mkdir(mode=0o700)
    told = jupyter_environment(folder) | {PAGE_KEY: KEY, "PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    def run(*sources: str):
        source, kept = tmp_path / "source.ipynb", tmp_path / "kept.ipynb"
        cells = [new_code_cell(text, id=f"c{at}") for at, text in enumerate(sources)]
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=metadata), source)
        execute_notebook(source, kept, {}, tmp_path, 60, lambda text: None)
        return nbformat.read(kept, as_version=4)

    yield run
    remove_folder(folder)


def test_a_page_takes_what_the_suite_shows_and_refuses_all_else(ran):
    kept = ran(START, *OURS, *SCRATCH)
    alone = {cell.source: new_notebook(cells=[cell]) for cell in kept.cells[1:]}
    for source in OURS:
        assert body_of(alone[source])[0].strip(), source
    refused = {}
    for source in SCRATCH:
        with pytest.raises(NotOurs) as why:
            body_of(alone[source])
        refused[source] = str(why.value)
    assert {source for source, what in SCRATCH.items() if what not in refused[source]} == set()


def test_a_cell_that_shows_too_much_is_refused_and_not_kept(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "MAX_OUTPUT_BYTES", 1_000_000)
    with pytest.raises(
        NotebookFailure, match=r"the output of the notebook's cell 'c1' exceeds the limit of 1 MB"
    ) as no:
        ran("1", "for _ in range(60): print('c001' * 12_500)")
    assert "begins with `for _ in range(60)" in no.value.remedy
    assert (tmp_path / "kept.ipynb").stat().st_size < 10_000


@pytest.mark.usefixtures("warm_fork_server")
def test_a_scratch_cell_left_in_a_notebook_fails_its_family_and_shows_no_row(tmp_path, capsys):
    folder = shortened(project(tmp_path))
    path = folder / "notebooks" / "satisfaction.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(3, new_code_cell('book.rows("csat")\n', id="scratch"))
    nbformat.write(notebook, path)
    arguments = ("run", "corner_shop", "--period", "2025", "--family", "satisfaction")
    assert crmnb(folder, *arguments) == 1
    told = capsys.readouterr().err
    assert "cell 'scratch' shows something else than results of the suite (a DataFrame)" in told
    assert 'Cell scratch, which begins with `book.rows("csat")`, shows a DataFrame. Tag it `analyst-only`' in told
    report = folder / "outputs" / "corner_shop" / "2025"
    assert not (report / "satisfaction.html").exists()
    index = (report / "index.html").read_text(encoding="utf-8")
    assert "shows something else than results of the suite" in index
    assert "book.rows" not in index
    notebook.cells[3].metadata["tags"] = ["analyst-only"]
    nbformat.write(notebook, path)
    assert crmnb(folder, *arguments) == 0
    assert 'class="dataframe"' not in (report / "satisfaction.html").read_text(encoding="utf-8")


def test_no_line_breaks_between_a_sign_and_its_amount():
    joined = f"+{WORD_JOINER}€1.11 to {MINUS}{WORD_JOINER}£2"
    assert tag("p", f"+€1.11 to {MINUS}£2") == f"<p>{joined}</p>"
    assert tag("p", "+1.1 pts or £1+2") == "<p>+1.1 pts or £1+2</p>"


def test_a_block_of_html_says_itself_in_a_terminal():
    assert repr(Html("<p>x</p>", "x")) == "x"
