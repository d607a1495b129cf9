"""Words: visible text and names use the standard terms of the field, not everyday verbs or private dialect."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_trees import PATHS, SOURCE, tree_of, trees

from crmnb.metrics.definition import catalogue

ROOT = Path(__file__).parents[2]
MODULES = {path.relative_to(SOURCE).with_suffix("").as_posix(): path for path in PATHS}

# Phrases that have a standard term. Left: a regular expression; right: what to write.
PHRASES = {
    r"cost of winning": "customer acquisition cost (CAC)",
    r"by the textbook": "simple CLV (formula)",
    r"whole future": "residual CLV",
    r"what came\b|than came\b": "actual",
    r"revenue against the books": "revenue reconciliation",
    r"top decile": "revenue share of the top 10%",
    r"win-?backs?\b": "reactivated customers",
    r"losses to be expected": "expected churn",
    r"compounded, per year": "CAGR",
    r"what growth is made of": "revenue bridge",
    r"pipeline velocity": "sales velocity",
    r"how it is measured|how it was counted": "methodology",
    r"\bheadlines?\b": "key metrics",
    r"\bwhat changed\b": "key changes",
    r"at a glance": "scorecard",
    r"the numbers behind|^the numbers$": "data table",
    r"\bbeware\b": "caveat",
    r"check of the data": "data quality check",
    r"rows to mend|\bmend(ed|ing)?\b": "rejected rows; correct",
    r"set aside": "rejected",
    r"taken in\b": "imported",
    r"(can|could|cannot) be had\b|to be had\b": "available",
    r"needs? somebody": "needs attention",
    r"made up\b": "simulated",
    r"read anew|made anew|\banew\b": "re-imported; again",
    r"no clear change": "no detectable change",
    r"not compared\b": "no comparison",
    r"tells? of\b": "uses; is about",
    r"counted with\b": "the setting in words",
    r"to be forgotten": "erased customers",
    r"customers who stay\?|what goes with leaving": "survival curve, churn drivers",
    r"\bgravest\b": "most severe",
    r"\d %": "76%",
    r"95 ?% interval": "95% CI",
}
NAMES = {
    "told",
    "found",
    "said",
    "given",
    "kept",
    "one",
    "each",
    "beside",
    "small",
    "gives",
    "wrong",
    "course",
    "taking",
    "made",
    "taken",
    "asked",
    "gone",
    "thing",
    "things",
}


def banned(text: str) -> list[str]:
    """The phrases in a text that have a standard term."""
    return [found[0] for phrase in PHRASES for found in re.finditer(phrase, text, re.IGNORECASE)]


def all_names(tree: ast.Module) -> Iterator[str]:
    """What a module names: classes, fields, functions, their parameters, and variables, without leading underscores."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id.lstrip("_")
        elif isinstance(node, ast.arg):
            yield node.arg.lstrip("_")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name.lstrip("_")


def strings(tree: ast.Module) -> Iterator[str]:
    """The strings of a module that are not docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    holders = [node for node in ast.walk(tree) if isinstance(node, documented)]
    docstrings = {id(node.body[0].value) for node in holders if node.body and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def texts_not_clean() -> list[str]:
    """The strings that people read with a banned phrase, by module."""
    return [
        f"{module}: {text[:60]!r}: {phrase}"
        for module, tree in trees(MODULES).items()
        for text in strings(tree)
        if " " in text
        for phrase in banned(text)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_names_are_nouns_and_verbs_of_the_field(module):
    assert sorted(NAMES & {*module.split("/"), *all_names(tree_of(MODULES[module]))}) == []


def test_strings_use_standard_terms():
    assert texts_not_clean() == []


@pytest.mark.parametrize("path", sorted((SOURCE / "report/pages").glob("*.j2")), ids=lambda path: path.name)
def test_page_templates_use_standard_terms(path):
    text = re.sub(r"\{[{%#].*?[}%#]\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert banned(text) == []


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").rglob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_use_standard_terms(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [word for cell in cells if cell["cell_type"] == "markdown" for word in banned("".join(cell["source"]))] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_documents_use_standard_terms(name):
    assert banned((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("metric", catalogue().values(), ids=lambda metric: metric.id)
def test_metrics_use_standard_terms(metric):
    facts = (metric.title, metric.numerator, metric.denominator, metric.breakdown)
    assert [word for text in (*facts, metric.definition, metric.why, metric.caution) for word in banned(text)] == []


def test_the_help_uses_standard_terms():
    program = "import sys; from crmnb.cli import main; sys.exit(main())"
    commands = [
        [],
        ["init"],
        ["run"],
        ["check"],
        ["columns"],
        ["schema"],
        ["results"],
        ["simulate"],
        ["purge"],
        ["forget"],
        ["catalogue"],
        ["handbook"],
        ["learn"],
    ]
    texts = [
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", program, *command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for command in commands
    ]
    assert [word for text in texts for word in banned(text)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12 rows were set aside", ["set aside"]),
        ("The Headlines", ["Headlines"]),
        ("76 % of customers", ["6 %"]),
        ("76% of customers, 12 rejected rows", []),
    ],
)
def test_a_banned_phrase_is_found(text, words):
    assert banned(text) == words


def test_a_banned_name_is_found():
    tree = ast.parse(
        "class A:\n    told: str\n    def read(self, kept): ...\ndef said(one): ...\ndef _found(each): ..."
    )
    assert sorted(NAMES & set(all_names(tree))) == ["each", "found", "kept", "one", "said", "told"]
    assert set(all_names(ast.parse("given = lambda told: [kept for kept in told]"))) == {"given", "told", "kept"}
