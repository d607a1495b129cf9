"""Texts of the handbook: terms in them are links to the glossary, and a metric's settings and declarations are words."""

from markupsafe import Markup

from crmnb.metrics.definition import Metric
from crmnb.report.html import glue, tag
from crmnb.report.text.glossary import Term, occurrences
from crmnb.report.text.settings import setting_default, setting_title

GLOSSARY = "glossary.html"
DIRECTIONS = {"up": "higher is better", "down": "lower is better", "-": "neither direction is better"}
_DECLARED = {
    "Churn": "when a customer counts as lost",
    "Item": "the scale and direction of the survey question",
    "Items": "the scale and direction of each survey question",
    "Segments": "the segmentations of the customers",
    "Worth": "margin, discount rate, horizon and lag",
    "Relationship": "which survey questions make the relationship index and its drivers",
    "Feedback": "how comments are classified, and their themes",
    "Service": "the working week, and whether agents are named",
    "TimeZone": "the time zone of the data",
    "Market": "the own brand, and which names stand for several small competitors",
    "Employees": "which survey questions make the indices of employees",
    "DataQuality": "what is required, and how old the newest row may be",
    "Dates": "how exact the dates are",
}


# What a derived table is made of, in words.
DERIVED = {
    "tenures": "the spans of time in which somebody is a customer, made of orders, or of contracts",
    "all_orders": "all orders, also those that were cancelled or refunded",
    "payments": "orders, or the months of contracts",
    "joined": "since when the client's list says that somebody is a customer",
    "experiment_outcomes": "the units of experiments with their arm and what each did in the window after its assignment",
    "personal_names": "the words of names, which are removed from quotes",
}


class LinkedTexts:
    """Texts of one page, in which each term is a link to the glossary where it first occurs; `terms` are those that did."""

    def __init__(self) -> None:
        self.terms: dict[str, Term] = {}

    def __call__(self, text: str) -> Markup:
        """The text with links."""
        parts, end = [], 0
        for begin, stop, term in occurrences(text):
            if term.id not in self.terms:
                self.terms[term.id] = term
                parts += [text[end:begin], tag("a", text[begin:stop], href=f"{GLOSSARY}#{term.id}", class_="term")]
                end = stop
        return glue(*parts, text[end:])


def direction_words(metric: Metric) -> str:
    """Which direction is the good one."""
    declared = metric.direction
    return (
        DIRECTIONS[declared]
        if isinstance(declared, str)
        else "the better direction depends on the scale of the question"
    )


def settings_of(metric: Metric) -> list[tuple[str, str]]:
    """What a client may set: (what it decides, its default)."""
    return [(setting_title(name), setting_default(name, value) or "by data") for name, value in metric.settings.items()]


def declarations_of(metric: Metric) -> list[str]:
    """What a client declares that the metric depends on, in words."""
    kinds = [kind.__name__ for kind in metric.declarations.values()]
    return [_DECLARED[kind] for kind in dict.fromkeys(kinds) if kind in _DECLARED]
