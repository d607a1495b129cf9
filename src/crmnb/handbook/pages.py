"""Pages of the handbook: a metric's page, the index by family, and the glossary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crmnb.evaluate.result import Result
from crmnb.handbook.figures import figure_lines
from crmnb.handbook.moves import moves
from crmnb.handbook.neighbours import around, aspects, made_of, makes
from crmnb.handbook.texts import (
    DERIVED,
    GLOSSARY,
    LinkedTexts,
    declarations_of,
    direction_words,
    settings_of,
)
from crmnb.handbook.worked import Worked
from crmnb.metrics.columns import columns_read
from crmnb.metrics.definition import Metric, catalogue
from crmnb.report.html import glue, tag
from crmnb.report.pages.frame import page
from crmnb.report.text.cells import column_words
from crmnb.report.text.definitions import first_sentence
from crmnb.report.text.glossary import TERMS, Term
from crmnb.report.text.mathml import formula_mathml, symbol_mathml
from crmnb.report.text.notes import reason_text
from crmnb.report.text.notes import sentence as note_sentence
from crmnb.report.text.numbers import percent
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.settings import settings_words
from crmnb.schema.tables import TABLES

INDEX = "index.html"
_UNITS = {"count": "number", "money": "currency of the client", "scale": "scale of the survey question"}
_MOST_USES = 12  # metrics named beside a term of the glossary


@dataclass(frozen=True)
class Example:
    """What a metric came to on the example client: its result, its rows (None where there are none to show), and why there are none."""

    result: Result
    worked: Worked | None
    reason: str = ""
    of: Metric | None = None  # the metric whose rows are shown, where it is another one


def navigation(metric: Metric | None = None) -> list[tuple[str, str]]:
    """The links at the top of a page: (name, address)."""
    links = [("Handbook", INDEX), ("Glossary", GLOSSARY)]
    return links if metric is None else [*links, (family_title(metric.family), f"{INDEX}#{family_id(metric.family)}")]


def family_title(family: str) -> str:
    """A family's name as a title."""
    return family.replace("_", " ").capitalize()


def family_id(family: str) -> str:
    """A family's place on the index."""
    return f"family-{family}"


# ---- A metric ----------------------------------------------------------------------------------------------------------


def metric_page(metric: Metric, example: Example | None, lesson: str = "") -> tuple[str, list[Term]]:
    """The page of a metric, and the glossary's terms that it uses. lesson: the address of its lesson, "" without one."""
    linked = LinkedTexts()
    texts = {name: linked(as_sentence(getattr(metric, name))) for name in ("definition", "why", "caution")}
    before, after = around(metric, catalogue().values())
    formula = metric.formula
    html = page(
        "handbook_metric.j2",
        lang="en-GB",
        nav=navigation(metric),
        title=metric.title,
        subtitle=f"{family_title(metric.family)}; {_UNITS.get(metric.unit, metric.unit)}; {metric.kind}; {direction_words(metric)}",
        contents=_contents(metric),
        **texts,
        lesson=lesson,
        formulas=[(name, formula_mathml(notation)) for name, notation in formula.expressions] if formula else [],
        symbols=[(symbol_mathml(name), linked(words)) for name, words in formula.symbols.items()] if formula else [],
        moves=[(direction, symbol_mathml(name), formula.symbols[name]) for name, direction in moves(formula).items()]
        if formula
        else [],
        neighbours=_neighbours(metric),
        facts=_facts(metric, linked),
        before=before,
        after=after,
        **_example_facts(metric, example, linked),
    )
    return html, list(linked.terms.values())


def _contents(metric: Metric) -> list[tuple[str, str]]:
    sections = [("What it says", "what"), ("Formula", "formula"), ("Worked example", "example"), ("Caveat", "caveat")]
    sections += [("How it moves", "moves"), ("Data and settings", "data")]
    return [entry for entry in sections if metric.formula or entry[1] != "formula"]


def _neighbours(metric: Metric) -> list[tuple[str, list[tuple[Metric, str]]]]:
    groups = [
        ("Made of", made_of(metric)),
        ("Part of", makes(metric)),
        ("The same fact from another side", aspects(metric)),
    ]
    named: set[str] = set()
    shown = []
    for title, metrics in groups:
        others = [other for other in metrics if other.id not in named]
        named |= {other.id for other in others}
        if others:
            shown.append((title, [(other, _relation(metric, other)) for other in others]))
    return shown


def _relation(metric: Metric, other: Metric) -> str:
    """What another metric is; of the complement, that one falls exactly as the other rises."""
    pairs = ((metric, other), (other, metric))
    if any(first.measure.complement and second.id in first.measure.inputs for first, second in pairs):
        return "each falls exactly as much as the other rises"
    return first_sentence(other.definition)


def _facts(metric: Metric, linked: LinkedTexts) -> list[tuple[str, Any]]:
    tables = [
        glue(tag("strong", name.replace("_", " ")), f": {_table_words(name)}", _columns_words(columns), tag("br"))
        for name, columns in columns_read(metric.id).items()
    ]
    tables += [answers] if (answers := _answers_words(metric)) else []
    settings = "; ".join(f"{title}: {default}" for title, default in settings_of(metric))
    declared = "; ".join(declarations_of(metric))
    facts = (
        ("Tables and columns", glue(*tables)),
        ("Settings, with their defaults", settings),
        ("What the client declares", declared),
        ("Interval", linked(as_sentence(metric.interval))),
        ("Source", as_sentence(metric.source)),
    )
    return [(term, text) for term, text in facts if text]


def _table_words(name: str) -> str:
    return DERIVED[name] if name in DERIVED else f"a row is {TABLES[name].grain}"


def _columns_words(columns: Sequence[str]) -> str:
    return f"; reads {', '.join(map(column_words, columns))}" if columns else ""


def _answers_words(metric: Metric) -> str:
    """That it reads the answers to survey questions, which are columns of the client's own."""
    kinds = {kind.__name__ for kind in metric.declarations.values()}
    return "and the answers to the declared survey questions" if kinds & {"Item", "Items"} else ""


# ---- Its worked example ------------------------------------------------------------------------------------------------


def _example_facts(metric: Metric, example: Example | None, linked: LinkedTexts) -> dict[str, Any]:
    empty = {"client": "corner shop", "period": "", "figures": [], "example": None, "notes": [], "intro": [], "by": ""}
    empty |= {"counted": False, "by_hand": False, "interval_name": "", "example_words": ""}
    if example is None:
        return empty | {"intro": ["The example client is not in this project (parameters/corner_shop.yml)."]}
    result = example.result
    lines = figure_lines(result)
    available = bool(result.whole["value"].notna().any())
    return empty | {
        "client": result.client.name,
        "period": result.period.label,
        "intro": _intro(metric, example, available),
        "figures": lines if available else [],
        "by": metric.breakdown,
        "counted": any(line.numerator for line in lines),
        "by_hand": any(line.by_hand for line in lines),
        "interval_name": f"{percent(result.client.level, result.client)} CI",
        "example": example.worked,
        "example_words": _example_words(metric, example),
        "notes": [linked(as_sentence(note_sentence(note, result.client))) for note in result.notes]
        if available
        else [],
    }


def _intro(metric: Metric, example: Example, available: bool) -> list[Any]:
    paragraphs: list[Any] = []
    if not available:
        reasons = dict.fromkeys(row.reason for row in example.result.entries if row.reason)
        why = "; ".join(reason_text(reason, example.result.client) for reason in reasons) or "no data"
        paragraphs.append(f"A report of the corner shop has no figure. It says: \u201cnot available: {why}\u201d.")
    if not metric.hand_count:
        paragraphs.append("No pencil can count this metric. Its calculation is checked against a published example.")
    if example.of is not None:
        link = tag("a", example.of.title, href=f"{example.of.id}.html")
        others = "; the rows that add 0 to its numerator are those that count here" if metric.measure.complement else ""
        paragraphs.append(glue("It is made of other metrics. The rows are those of ", link, others, "."))
    if example.reason and available:
        paragraphs.append(as_sentence(example.reason))
    if settings := settings_words(example.result):
        paragraphs.append(as_sentence(f"Settings: {'; '.join(settings)}"))
    return paragraphs


def _example_words(metric: Metric, example: Example) -> str:
    if example.worked is None:
        return ""
    counted = example.of or metric
    names = [f"a row is {example.worked.of}"] if example.worked.of else []
    if counted.denominator:
        names += [f"numerator: {counted.numerator}", f"denominator: {counted.denominator}"]
    else:
        names.append(f"what is counted: {counted.numerator}")
    return as_sentence("; ".join(names))


# ---- Index and glossary ------------------------------------------------------------------------------------------------


def index_page(metrics: Iterable[Metric], lessons: list[tuple[str, str]]) -> str:
    """The index of all metrics by family. lessons: (title, address)."""
    grouped: dict[str, list[Metric]] = {}
    for metric in metrics:
        grouped.setdefault(metric.family, []).append(metric)
    families = [
        {
            "id": family_id(name),
            "title": family_title(name),
            "metrics": [(metric, first_sentence(metric.definition)) for metric in of_family],
        }
        for name, of_family in grouped.items()
    ]
    facts = {"families": families, "lessons": lessons, "count": sum(map(len, grouped.values()))}
    return page("handbook_index.j2", lang="en-GB", nav=navigation(), **facts)


def glossary_page(metrics: Iterable[Metric], uses: dict[str, list[Metric]]) -> str:
    """The glossary: all terms and all metrics by letter. uses: the metrics whose pages use a term, by its id."""
    entries = [_term_entry(term, uses.get(term.id, [])) for term in TERMS]
    ids = {entry["id"] for entry in entries}
    entries += [_metric_entry(metric) for metric in metrics if metric.id not in ids]
    entries.sort(key=lambda entry: entry["name"].casefold())
    letters: dict[str, list[dict]] = {}
    for entry in entries:
        letters.setdefault(entry["name"][0].upper(), []).append(entry)
    return page(
        "handbook_glossary.j2", lang="en-GB", nav=navigation(), letters=list(letters.items()), count=len(entries)
    )


def _term_entry(term: Term, used: list[Metric]) -> dict[str, Any]:
    name = term.name[0].upper() + term.name[1:] if len(term.name) > 1 else term.name
    more = max(len(used) - _MOST_USES, 0)
    return {"id": term.id, "name": name, "text": term.text, "href": "", "used": used[:_MOST_USES], "more": more}


def _metric_entry(metric: Metric) -> dict[str, Any]:
    text = first_sentence(metric.definition)
    return {"id": metric.id, "name": metric.title, "text": text, "href": f"{metric.id}.html", "used": [], "more": 0}
