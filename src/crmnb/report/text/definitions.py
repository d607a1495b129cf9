"""Definitions: what a metric is, from its own declaration: methodology terms, formula and caveat."""

import re

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.metrics.definition import Metric
from crmnb.report.html import Html, join, tag
from crmnb.report.text.sentences import as_sentence

METHODOLOGY = "methodology.html"  # the glossary, and where each family's metrics are defined
_SENTENCE_END = re.compile(r"(?<=[.])\s+(?=[A-Z])")


def methodology_page(family: str) -> str:
    """The name of the page, without its ending, that defines a family's metrics."""
    return f"methodology-{family}"


def methodology_address(metric: Metric) -> str:
    """The address of a metric's definition in a report."""
    return f"{methodology_page(metric.family)}.html#{metric.id}"


def metric_anchor(metric_id: str) -> str:
    """The id of a metric's block on the page of its family."""
    return f"metric-{metric_id}"


def metric_address(metric: Metric) -> str:
    """The address of a metric's block in a report."""
    return f"{metric.family}.html#{metric_anchor(metric.id)}"


def formula(metric: Metric) -> str:
    """`buyers with two or more orders / buyers in the period`."""
    return f"{metric.numerator} / {metric.denominator}" if metric.denominator else metric.numerator


def first_sentence(text: str) -> str:
    """The first sentence of a definition, which says what the metric is; what follows are details for the methodology."""
    return as_sentence(_SENTENCE_END.split(text, maxsplit=1)[0])


def formula_term(metric: Metric) -> str:
    """What heads the formula: a count has no denominator."""
    return "Numerator / denominator" if metric.denominator else "Count"


def definition_html(metric: Metric) -> Markup:
    """What a reader of a figure needs at once: the metric in a sentence, its formula and its caveat; the methodology has all."""
    terms = (
        ("Definition", first_sentence(metric.definition)),
        (formula_term(metric), formula(metric)),
        ("Caveat", as_sentence(metric.caution)),
    )
    return tag("dl", *(join(tag("dt", term), tag("dd", text)) for term, text in terms if text), class_="method")


def caveat_block(result: Result) -> Html:
    """What the number does not say, from the metric's own words."""
    text = as_sentence(result.metric.caution) or "None."
    return Html(tag("p", tag("strong", "Caveat: "), text, class_="caveat"), f"Caveat: {text}")
