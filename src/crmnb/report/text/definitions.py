"""Definitions: what a metric is, from its own declaration: methodology terms, formula and caveat."""

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.metrics.definition import Metric
from crmnb.report.html import Html, join, tag
from crmnb.report.text.sentences import as_sentence


def formula(metric: Metric) -> str:
    """`buyers with two or more orders / buyers in the period`."""
    return f"{metric.numerator} / {metric.denominator}" if metric.denominator else metric.numerator


def formula_term(metric: Metric) -> str:
    """What heads the formula: a count has no denominator."""
    return "Numerator / denominator" if metric.denominator else "Count"


def definition_html(metric: Metric) -> Markup:
    """A metric's definition, formula, purpose, caveat and source: a list of terms."""
    terms = (
        ("Definition", as_sentence(metric.definition)),
        (formula_term(metric), formula(metric)),
        ("Why", as_sentence(metric.why)),
        ("Caveat", as_sentence(metric.caution)),
        ("Source", as_sentence(metric.source)),
    )
    return tag("dl", *(join(tag("dt", term), tag("dd", text)) for term, text in terms if text), class_="method")


def caveat_block(result: Result) -> Html:
    """What the number does not say, from the metric's own words."""
    text = as_sentence(result.metric.caution) or "None."
    return Html(tag("p", tag("strong", "Caveat: "), text, class_="caveat"), f"Caveat: {text}")
