"""The house rules of the notebooks, carried out, without exemptions.

A rule is a function: a notebook in, what is wrong with it in words out. The bad notebooks further down show that each
rule can fail. That every notebook runs from top to bottom is tested with the runner.
"""

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import mistune
import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.warnings import DuplicateCellId

ROOT = Path(__file__).parents[2]
FAMILIES = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
NOTEBOOKS = [path for path in sorted((ROOT / "notebooks").rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
PARAMETERS = ("client", "period")
TAGS = {
    "parameters",
    "analyst-only",
    "customers",
    "solution",
}  # who sees a cell hangs on them, so a misspelt one is no small thing

Rule = Callable[[NotebookNode], Iterator[str]]


def is_a_valid_notebook(notebook: NotebookNode) -> Iterator[str]:
    """nbformat's own check, in the version in which cells have ids; for the kernel that every environment has."""
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        yield "its format is older than 4.5, in which cells have ids"
        return
    try:
        with warnings.catch_warnings(action="ignore", category=DuplicateCellId):  # `has_words_for_ids` says which
            nbformat.validate(deepcopy(notebook), relax_add_props=False)
    except nbformat.ValidationError as wrong:
        yield str(wrong).splitlines()[0]
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "its kernelspec is not python3"


def has_words_for_ids(notebook: NotebookNode) -> Iterator[str]:
    """An id is what a diff, an error and a link call the cell by."""
    places: dict[str, list[str]] = {}
    for place, cell in enumerate(notebook.cells, 1):
        places.setdefault(cell.get("id", ""), []).append(str(place))
    yield from (f"{id_}: the id is not a word" for id_ in places if not re.fullmatch(r"[a-z][a-z-]+", id_))
    yield from (f"{id_}: cells {' and '.join(at)} have this id" for id_, at in places.items() if len(at) > 1)


def is_short(notebook: NotebookNode) -> Iterator[str]:
    """A story has 40 cells at most, an answer 8 lines."""
    if len(notebook.cells) > 40:
        yield f"{len(notebook.cells)} cells, more than 40"
    for cell in _code(notebook):
        if (lines := len(cell.source.splitlines())) > 8:
            yield f"{cell.id}: {lines} lines, more than 8"


def has_no_machinery(notebook: NotebookNode) -> Iterator[str]:
    """No def, class, loop or try, in any of their spellings: what needs one belongs in the package."""
    loops = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)
    machinery = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *loops, ast.Try, ast.TryStar)
    for cell in _code(notebook):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError as wrong:
            yield f"{cell.id}: not plain Python ({wrong.msg})"
            continue
        yield from (f"{cell.id}: {type(n).__name__}" for n in ast.walk(tree) if isinstance(n, machinery))


def imports_only_crmnb(notebook: NotebookNode) -> Iterator[str]:
    """Whoever reads a notebook has one library to know."""
    for cell, node in _nodes(notebook):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        elif isinstance(node, ast.Name) and node.id in ("__import__", "exec", "eval"):
            names = [node.id]
        yield from (f"{cell.id}: imports {name}" for name in names if name.split(".")[0] != "crmnb")


def has_nothing_of_a_run(notebook: NotebookNode) -> Iterator[str]:
    """Neither outputs nor what a run leaves in metadata: a client's figures are not committed."""
    for cell in _code(notebook):
        if cell.outputs:
            yield f"{cell.id}: has outputs"
        if cell.execution_count is not None:
            yield f"{cell.id}: has an execution count"
    for holder, name in [(notebook, "the notebook"), *((cell, cell.get("id", "")) for cell in notebook.cells)]:
        yield from (
            f"{name}: has {key} in its metadata" for key in ("papermill", "execution") if key in holder.metadata
        )


def has_known_tags(notebook: NotebookNode) -> Iterator[str]:
    """`analyst-only` keeps a cell from the client; `analyst_only` would not."""
    for cell in notebook.cells:
        yield from (f"{cell.id}: unknown tag {tag!r}" for tag in cell.metadata.get("tags", ()) if tag not in TAGS)


def shows_rows_to_analysts_only(notebook: NotebookNode) -> Iterator[str]:
    """A page takes the suite's own displays and nothing else: any other output stops a run, so a reader is told here."""
    for cell, node in _nodes(notebook):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if name in ("rows", "results", "differences", "export", "print") and "analyst-only" not in cell.metadata.get(
            "tags", ()
        ):
            yield f"{cell.id}: {name}() in a cell that is not tagged analyst-only"


def opens_with_one_title(notebook: NotebookNode) -> Iterator[str]:
    """The first cell is prose and opens with the notebook's only heading of the first level."""
    first = notebook.cells[0] if notebook.cells else NotebookNode(cell_type="", source="")
    if first.cell_type != "markdown" or _headings(first)[:1] != [1] or _blocks(first)[0]["type"] != "heading":
        yield "it does not open with a title (# ...)"
    if (titles := [level for cell in _prose(notebook) for level in _headings(cell)].count(1)) > 1:
        yield f"{titles} titles (# ...), not one"


def has_headings_in_order(notebook: NotebookNode) -> Iterator[str]:
    """No level is skipped on the way down, so that a screen reader's outline has no holes."""
    above = 0
    for cell in _prose(notebook):
        for level in _headings(cell):
            if level > above + 1:
                yield f"{cell.id}: a heading of level {level} under one of level {above}"
            above = level


def has_no_results_in_prose(notebook: NotebookNode) -> Iterator[str]:
    """Results print their own sentences: a percentage or a decimal in prose is one that will not be updated."""
    result = re.compile(r"\d\s*(?:%|per ?cent\b|percent)|(?<![\w.,])\d+[.,]\d+(?![\w.])")
    for cell in _prose(notebook):
        yield from (f"{cell.id}: {found[0]!r} in prose" for found in result.finditer(_words(_blocks(cell))))


def has_prose_beside_code(notebook: NotebookNode) -> Iterator[str]:
    """A sentence asks or a sentence says how to read it: no code cell stands without either."""
    kinds = ["", *(cell.cell_type for cell in notebook.cells), ""]
    for before, cell, after in zip(kinds, notebook.cells, kinds[2:], strict=False):
        if cell.cell_type == "code" and "markdown" not in (before, after):
            yield f"{cell.id}: no prose before or after it"


def has_one_cell_of_parameters(notebook: NotebookNode) -> Iterator[str]:
    """The first code cell, tagged `parameters`, gives client and period as text, and nothing more."""
    tagged = [cell.id for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    code = _code(notebook)
    if not code or tagged != [code[0].id]:
        yield f"tagged parameters: {tagged or 'no cell'}, not its first code cell alone"
        return
    lines = ast.parse(code[0].source).body
    plain = [line for line in lines if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)]
    given = {line.targets[0].id: line.value.value for line in plain if isinstance(line.targets[0], ast.Name)}
    if len(plain) != len(lines) or tuple(given) != PARAMETERS or not all(isinstance(v, str) for v in given.values()):
        yield f"{code[0].id}: gives something else than {' and '.join(PARAMETERS)} as text"


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _prose(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def _nodes(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, ast.AST]]:
    """Every syntax node of every code cell that is Python."""
    for cell in _code(notebook):
        try:
            yield from ((cell, node) for node in ast.walk(ast.parse(cell.source)))
        except SyntaxError:
            continue  # has_no_machinery says so


def _blocks(cell: NotebookNode) -> list[dict]:
    return mistune.create_markdown(renderer=None, plugins=["table"])(cell.source)


def _headings(cell: NotebookNode) -> list[int]:
    return [block["attrs"]["level"] for block in _blocks(cell) if block["type"] == "heading"]


def _words(blocks: list[dict]) -> str:
    """The text that a reader sees; where links lead is left out, what is set as code is not."""
    return " ".join(_words(b["children"]) if "children" in b else b.get("raw", "") for b in blocks)


# Each rule with one-change-for-the-worse to a good notebook. The rules are read from here: none goes without.
CODE, PROSE, PARAMETER_CELL, LAST = 3, 2, 1, -1


def _put(at: int, **fields) -> Callable[[NotebookNode], None]:
    """Change fields of one cell."""
    return lambda notebook: notebook.cells[at].update(fields)


def _more(notebook: NotebookNode, cell_type: str, number: int = 1, source: str = "") -> None:
    """Add cells at the end, in order of the alphabet."""
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}[cell_type]
    notebook.cells += [new(source, id=f"more-{chr(97 + n // 26)}{chr(97 + n % 26)}") for n in range(number)]


BAD: list[tuple[Rule, str, Callable[[NotebookNode], object]]] = [
    (is_a_valid_notebook, "a cell of no kind", _put(CODE, cell_type="cod")),
    (is_a_valid_notebook, "another kernel", lambda nb: nb.metadata.kernelspec.update(name="ir")),
    (is_a_valid_notebook, "an old format", lambda nb: nb.update(nbformat_minor=4)),
    (has_words_for_ids, "a random id", _put(CODE, id="3f2a91bc")),
    (has_words_for_ids, "an id twice", _put(CODE, id="parameters")),
    (is_short, "41 cells", lambda nb: _more(nb, "markdown", 41 - len(nb.cells))),
    (is_short, "9 lines", _put(CODE, source="book\n" * 9)),
    (has_no_machinery, "def", _put(CODE, source="def f():\n    return book")),
    (has_no_machinery, "lambda", _put(CODE, source="f = lambda: book")),
    (has_no_machinery, "class", _put(CODE, source="class C:\n    pass")),
    (has_no_machinery, "for", _put(CODE, source="for m in book:\n    m")),
    (has_no_machinery, "while", _put(CODE, source="while True:\n    book")),
    (has_no_machinery, "a loop in brackets", _put(CODE, source="[book(m) for m in 'ab']")),
    (has_no_machinery, "try", _put(CODE, source="try:\n    book\nexcept Exception:\n    pass")),
    (has_no_machinery, "a magic", _put(CODE, source="%matplotlib inline")),
    (imports_only_crmnb, "import", _put(CODE, source="import pandas as pd")),
    (imports_only_crmnb, "from", _put(CODE, source="from os.path import join")),
    (imports_only_crmnb, "a lookalike", _put(CODE, source="import crmnb, crmnbx")),
    (imports_only_crmnb, "the back door", _put(CODE, source="__import__('os')")),
    (has_nothing_of_a_run, "an output", lambda nb: nb.cells[CODE].outputs.append(nbformat.v4.new_output("stream"))),
    (has_nothing_of_a_run, "a count", _put(CODE, execution_count=1)),
    (has_nothing_of_a_run, "times of the run", lambda nb: nb.cells[CODE].metadata.update(execution={"shell": ""})),
    (has_nothing_of_a_run, "papermill's mark", lambda nb: nb.metadata.update(papermill={})),
    (has_known_tags, "a misspelt tag", lambda nb: nb.cells[CODE].metadata.update(tags=["analyst_only"])),
    (shows_rows_to_analysts_only, "raw rows", _put(CODE, source='book.rows("csat")')),
    (shows_rows_to_analysts_only, "a print", _put(CODE, source="print(book)")),
    (opens_with_one_title, "no title", _put(0, source="How many come back?")),
    (opens_with_one_title, "a title further down", _put(0, source="Customers.\n\n# Retention")),
    (opens_with_one_title, "code first", lambda nb: nb.cells.insert(0, nb.cells.pop(CODE))),
    (opens_with_one_title, "two titles", _put(PROSE, source="# Repeat purchase")),
    (opens_with_one_title, "a second title, underlined", _put(PROSE, source="Repeat purchase\n===")),
    (has_headings_in_order, "a skipped level", _put(PROSE, source="### Repeat purchase")),
    (has_no_results_in_prose, "a percentage", _put(PROSE, source="Of the buyers, 60 % came again.")),
    (has_no_results_in_prose, "a percentage after a hard space", _put(PROSE, source="In all 60\N{NO-BREAK SPACE}%.")),
    (has_no_results_in_prose, "a percentage in words", _put(PROSE, source="Of the buyers, 60 percent came again.")),
    (has_no_results_in_prose, "a decimal", _put(PROSE, source="They ordered *1.8* times.")),
    (has_no_results_in_prose, "a decimal in a table", _put(PROSE, source="| a | b |\n|---|---|\n| c | 1,8 |")),
    (has_prose_beside_code, "bare code", lambda nb: _more(nb, "code", 2)),
    (has_one_cell_of_parameters, "no tag", lambda nb: nb.cells[PARAMETER_CELL].metadata.update(tags=[])),
    (has_one_cell_of_parameters, "two tags", lambda nb: nb.cells[CODE].metadata.update(tags=["parameters"])),
    (has_one_cell_of_parameters, "a third", _put(PARAMETER_CELL, source='client = "a"\nperiod = "b"\nkey = "c"')),
    (has_one_cell_of_parameters, "a number", _put(PARAMETER_CELL, source='client = "a"\nperiod = 2025')),
    (has_one_cell_of_parameters, "a call", _put(PARAMETER_CELL, source='client = "a"\nperiod = str(2025)')),
]


def read(path: Path) -> NotebookNode:
    """The notebook in a file, with the ids that stand there: nbformat puts a random one in the place of one that is there twice."""
    with warnings.catch_warnings(action="ignore", category=DuplicateCellId):
        notebook = nbformat.read(path, nbformat.NO_CONVERT)
    for cell, written in zip(notebook.cells, json.loads(path.read_text(encoding="utf-8"))["cells"], strict=True):
        cell["id"] = written.get("id", "")
    return notebook


RULES = list(dict.fromkeys(rule for rule, _, _ in BAD))
FOR_FAMILIES = [has_one_cell_of_parameters]  # a lesson may set its stage in another way


def good() -> NotebookNode:
    """A notebook to which no rule objects."""
    md, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        md(
            "# Retention\n\nWho stays, who comes back in 2025 (see [the paper](https://example.org/10.1002/12.5)).",
            id="title",
        ),
        code('client = "corner_shop"\nperiod = "2025"', id="parameters", metadata={"tags": ["parameters"]}),
        md("## Repeat purchase\n\nHow many of 10 come again?\n\n```\n# no heading\n```", id="asks"),
        code("from crmnb import open_workbook\nbook = open_workbook(client, period)", id="answers"),
        code('book.scorecard("retention")', id="scorecard", metadata={"tags": ["analyst-only"]}),
        md("A longer period leaves more room to repeat.", id="how-to-read"),
    ]
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        nbformat_minor=5,
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule):
    assert list(rule(good())) == []


@pytest.mark.parametrize(("rule", "spoil"), [pytest.param(r, s, id=f"{r.__name__}-{what}") for r, what, s in BAD])
def test_a_bad_notebook_is_found_out(rule, spoil):
    bad = deepcopy(good())
    spoil(bad)
    assert len(list(rule(bad))) == 1


def test_an_id_that_is_there_twice_is_named_with_its_cells(tmp_path):
    twice = deepcopy(good())
    twice.cells[CODE]["id"] = twice.cells[PROSE]["id"]
    path = tmp_path / "twice.ipynb"
    path.write_text(json.dumps(twice), encoding="utf-8")
    assert [wrong for rule in RULES for wrong in rule(read(path))] == ["asks: cells 3 and 4 have this id"]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in FOR_FAMILIES], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_keeps_the_house_rules(path, rule):
    assert list(rule(read(path))) == []


@pytest.mark.parametrize("rule", FOR_FAMILIES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_keeps_the_rules_of_families(name, rule):
    assert list(rule(nbformat.read(FAMILIES[name], nbformat.NO_CONVERT))) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_shows_its_own_scorecard_so_that_nothing_is_missing(name):
    notebook = nbformat.read(FAMILIES[name], nbformat.NO_CONVERT)
    shown = [
        [ast.literal_eval(argument) for argument in node.args]
        for _, node in _nodes(notebook)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "scorecard"
    ]
    assert shown == [[name]]


def test_the_parameters_are_the_same_in_every_family():
    cells = {name: _code(nbformat.read(path, nbformat.NO_CONVERT))[0].source for name, path in FAMILIES.items()}
    assert len(set(cells.values())) == 1, cells


def test_every_family_of_metrics_has_its_notebook_and_every_notebook_its_family():
    files = (ROOT / "src" / "crmnb" / "metrics" / "families").iterdir()
    metrics = {path.stem for path in files if not path.name.startswith("__")}
    assert metrics
    assert metrics == set(FAMILIES)
