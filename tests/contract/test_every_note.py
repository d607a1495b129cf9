"""Every note has a sentence, sentences stand in the report alone, and nobody asks a sentence what it says."""

import ast
import re
from collections.abc import Iterator

import pandas as pd
import pytest
from source_trees import PATHS, SOURCE, trees
from synthetic import TEXT, client

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Count, Note
from crmnb.evaluate.disclosure_control.notes import protected_notes
from crmnb.report.text.notes import NO_COMPARISON, SENTENCES, sentence
from crmnb.schema.client import Privacy

BELOW_REPORT = ("core", "stats", "engine", "metrics", "evaluate")
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in PATHS}
# Codes that reach a note through a variable: of covariates, of an edge of the likelihood, of a holdout, of a group's size.
BY_VARIABLE = {
    *("covariates_without_information", "covariates_with_outliers", "covariates_separated"),
    *("no_inner_maximum", "flat_likelihood", "holdout_of_purchases", "holdout_of_contracts"),
    *("top_heavy_customers", "top_heavy_rows"),
}


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    yield from (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name
    )


def literals(node: ast.AST) -> set[str]:
    """The texts that an expression may be: itself, or either side of a choice."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def produced() -> dict[str, set[str]]:
    """The codes of the notes that modules make, with the names of the values that they give everywhere."""
    codes: dict[str, set[str]] = {}
    for tree in trees(MODULES).values():
        for call in calls(tree, "Note"):
            for code in literals(call.args[0]) if call.args else ():
                names = {word.arg for word in call.keywords if word.arg}
                spread = any(word.arg is None for word in call.keywords)
                codes.setdefault(code, set(SENTENCES_FIELDS.get(code, ())) if spread else names)
                codes[code] &= codes[code] if spread else names
    return codes


FIELD = re.compile(r"\{(\w+)[:}]")
SENTENCES_FIELDS = {code: set(FIELD.findall(text)) for code, text in SENTENCES.items() if isinstance(text, str)}


def test_every_code_has_a_sentence_and_every_sentence_a_code():
    assert set(produced()) - set(SENTENCES) == set()
    assert set(SENTENCES) - set(produced()) - BY_VARIABLE == {TEXT}


def test_a_template_takes_values_that_its_notes_give():
    codes = produced()
    missing = {code: fields - codes[code] for code, fields in SENTENCES_FIELDS.items() if code in codes}
    assert {code: fields for code, fields in missing.items() if fields} == {}


def test_what_is_unavailable_has_a_note_as_its_reason():
    texts = [
        f"{module}:{call.lineno}"
        for module, tree in trees(MODULES).items()
        for name in ("Unavailable", "CannotFit")
        for call in calls(tree, name)
        if call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert texts == []


def test_nobody_looks_into_a_sentence():
    """A reason or a note is asked for its code, never for how its words begin or what they hold."""
    looked = re.compile(
        r"in (?:row\.)?reason\b|\b(?:reason|note)\.(?:startswith|endswith|removeprefix|split|replace)\("
        r"|str\((?:no|error|reason)\)"
    )
    found = [
        f"{path.relative_to(SOURCE)}:{number}"
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] in (*BELOW_REPORT, "report")
        and path.relative_to(SOURCE).parts[:2] != ("report", "text")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if looked.search(line) and " for " not in line
    ]
    assert found == []


def test_small_counts_become_bounds_in_notes_inside_of_notes_too():
    note = Note("holdout_not_tested", reason=Note("drivers_basis", events=Count(7)), none=Count(0), many=Count(12))
    rows = pd.DataFrame(columns=["breakdown", "segment", "level", "part", "value", "flags"])
    [protected] = protected_notes([note], Privacy(suppress_below=10), rows)
    bound = Count(10, is_bound=True)
    assert protected.values == {"reason": Note("drivers_basis", events=bound), "none": Count(0), "many": Count(12)}
    assert sentence(protected.values["reason"], client()) == "Based on fewer than 10 losses."


def test_a_quote_is_left_out_where_the_figure_of_its_group_is():
    columns = ["breakdown", "segment", "level", "part", "value", "flags"]
    groups = [
        ("Price", "", "", "", 9.0, ""),
        ("Price", "region", "East", "", 9.0, ""),
        ("Price", "region", "West", "", 9.0, "suppressed"),
    ]
    rows = pd.DataFrame([*groups, ("Service", "", "", "", float("nan"), "suppressed")], columns=columns)
    places = [{}, {"segment": "region", "level": "East"}, {"segment": "region", "level": "West"}]
    quotes = [Note("quote", theme=theme, text="dear", **place) for theme in ("Price", "Service") for place in places]
    assert protected_notes(quotes, Privacy(), rows) == tuple(quotes[:2])


@pytest.mark.parametrize(
    ("locale", "words"), [("en_GB", "63% joined before"), ("de_DE", "63\N{NO-BREAK SPACE}% joined before")]
)
def test_numbers_are_written_as_the_client_writes_them(locale: str, words: str):
    text = sentence(Note("left_truncated", share=0.631), client(locale=locale))
    assert text.startswith(words)


def test_a_reason_for_no_comparison_says_so():
    facts = {"period": "2025", "comparison": "2024", "days": 30, "comparison_days": 31, "begins": None}
    for code in NO_COMPARISON:
        note = Note(code, **facts, ends="2025-12-09", reason=Note("no_orders"))
        assert sentence(note, client()).startswith("no comparison: ")


def test_an_error_carries_its_reason():
    assert Unavailable(Note("no_orders")).reason == Note("no_orders")
