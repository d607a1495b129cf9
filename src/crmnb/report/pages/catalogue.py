"""The methodology: every metric in its own words, made from the declarations themselves."""

from collections.abc import Iterable

from crmnb.metrics.definition import Metric
from crmnb.report.pages.frame import page
from crmnb.report.text.sentences import as_sentence

GLOSSARY = (
    (
        "Interval",
        "Chance is in every figure: with other customers on other days it would have come out a little different. The "
        "interval holds the values that the data are compatible with, at the level named beside it. A wide one means "
        "that little is known.",
    ),
    (
        "No clear change",
        "The difference from the comparison period could well be chance. It does not say that nothing changed. Where "
        "its own interval leaves zero out, it is one of so many comparisons that some do so by chance.",
    ),
    (
        "Signal",
        "A change that stands out beyond chance even though many were looked at together: of those shown, about one "
        "in twenty is expected to be false (Benjamini and Hochberg 1995). Only these are coloured.",
    ),
    ("n", "How many units a figure rests on: customers, orders, answers, as said beside it."),
    ("Low base", "Fewer customers than the threshold agreed with you. Shown pale: read it as a hint."),
    (
        "Not shown",
        "So few people that the figure could tell about one of them; or it is hidden because another hidden figure "
        "could be had from it by subtraction.",
    ),
    (
        "Partial",
        "The data do not cover the whole period, so it is not compared with a whole one. Drawn hollow and dashed.",
    ),
    ("Too early", "Not everyone counted has been seen for long enough yet."),
    ("Unreliable", "Too few customers for the method of the interval to hold what it promises."),
    (
        "Not available",
        "The data that the figure needs are not there; the reason is said in its place. It is never zero.",
    ),
)
_KINDS = {
    "input": "input: what was put in",
    "process": "process: how it was done",
    "output": "output: what can be counted out of it",
    "outcome": "outcome: what it did for customers and finance",
}
_BETTER = {
    "up": "a higher value is better",
    "down": "a lower value is better",
    "-": "context only, neither good nor bad",
}
_UNITS = {
    "count": "a number of things",
    "money": "the client's currency",
    "scale": "the declared scale of the question",
}


def catalogue_page(metrics: Iterable[Metric], *, nav: list[tuple[str, str]] = (), lang: str = "en") -> str:
    """The page of all given metrics, family after family, in their order. nav: (name, address) of links at the top."""
    grouped: dict[str, list[dict]] = {}
    for metric in metrics:
        grouped.setdefault(metric.family, []).append(_said(metric))
    families = [
        {"id": f"family-{name}", "title": name.replace("_", " ").capitalize(), "metrics": said}
        for name, said in grouped.items()
    ]
    return page("catalogue.j2", families=families, glossary=GLOSSARY, nav=nav, lang=lang)


def _said(metric: Metric) -> dict:
    formula = f"{metric.numerator} / {metric.denominator}" if metric.denominator else metric.numerator
    direction = (
        _BETTER[metric.direction]
        if isinstance(metric.direction, str)
        else "which way is better is declared by the client"
    )
    settings = "; ".join(f"{name} (default {value})" for name, value in metric.settings.items())
    facts = (
        ("Counted", formula),
        ("Unit", _UNITS.get(metric.unit, metric.unit)),
        ("Kind", f"{_KINDS[metric.kind]}; {direction}"),
        ("Why", metric.why),
        ("Caveat", metric.caution),
        ("Interval", metric.estimate.interval),
        ("Reads", ", ".join(metric.reads)),
        ("Settings", settings),
        ("Source", metric.source),
    )
    prose = ("Kind", "Why", "Caveat", "Interval", "Source")
    shown = [(term, as_sentence(text) if term in prose else text) for term, text in facts if text]
    return {"id": metric.id, "title": metric.title, "definition": metric.definition, "facts": shown}
