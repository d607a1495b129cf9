"""The methodology: every metric by its own declaration, and the terms of a report."""

from collections.abc import Iterable, Iterator

from crmnb.metrics.definition import Metric
from crmnb.report.pages.frame import page
from crmnb.report.text.definitions import METHODOLOGY, formula, formula_term, methodology_page
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.settings import setting_default, setting_title

GLOSSARY = (
    (
        "CI (confidence interval)",
        "The range of values that are compatible with the data, at the level next to it. A narrow interval means that the figure is "
        "precise; a wide one means that the data say little.",
    ),
    (
        "No detectable change",
        "The difference from the comparison period can be chance. It does not mean that nothing changed. A report makes many comparisons, "
        "so some intervals exclude zero by chance alone: such a change is not listed unless it remains after the correction for this.",
    ),
    (
        "Signal",
        "A change that is unlikely to be chance, even though many changes were tested together: about one in twenty signals is "
        "expected to be false (Benjamini and Hochberg 1995). Only signals are coloured.",
    ),
    ("n", "The number of units behind a figure, such as customers, orders or answers."),
    (
        "Effective n",
        "The number of independent answers that would be equally precise. It is smaller than n where some customers answer several "
        "times or have a larger weight. Design effect = n / effective n.",
    ),
    ("Low base", "Fewer customers than the agreed threshold. Shown pale: treat the figure as an indication."),
    (
        "Not shown",
        "The group is so small that the figure could identify a person, or another hidden figure could be computed from it.",
    ),
    (
        "Partial",
        "The data do not cover the whole period, so there is no comparison with a complete one. Charts show it hollow and dashed.",
    ),
    ("Too early", "The follow-up time of some customers, orders or leads is not over yet."),
    ("Unreliable", "There are too few customers for a reliable interval."),
    ("Not available", "The data for this figure are missing; the reason stands beside it. It never means zero."),
    (
        "Type",
        "What a metric measures: input (resources used), process (activities), output (direct results) or outcome (effect on customers and "
        "finances).",
    ),
)
_TITLE = "Methodology"
_DIRECTIONS = {"up": "higher is better", "down": "lower is better", "-": "neither direction is better"}
_UNITS = {"count": "number", "money": "currency of the client", "scale": "scale of the survey question"}


def catalogue_page(metrics: Iterable[Metric], *, nav: list[tuple[str, str]] = (), lang: str = "en") -> str:
    """The page of all these metrics by family, in their order. nav: (name, address) of links at the top."""
    return page("catalogue.j2", title=_TITLE, families=_families(metrics), glossary=GLOSSARY, nav=nav, lang=lang)


def methodology_pages(
    metrics: Iterable[Metric], *, nav: list[tuple[str, str]] = (), lang: str = "en"
) -> Iterator[tuple[str, str]]:
    """The names (without ending) and the HTML of a report's methodology: the glossary with links to a page of each family."""
    families = _families(metrics)
    links = [family | {"address": f"{methodology_page(family['name'])}.html"} for family in families]
    overview = METHODOLOGY.removesuffix(".html")
    yield overview, page("catalogue.j2", title=_TITLE, families=links, glossary=GLOSSARY, nav=nav, lang=lang)
    nav = [*nav, (_TITLE, METHODOLOGY)]
    for family in families:
        title = f"{_TITLE}: {family['title'].lower()}"
        html = page("catalogue.j2", title=title, families=[family], glossary=(), nav=nav, lang=lang)
        yield methodology_page(family["name"]), html


def _families(metrics: Iterable[Metric]) -> list[dict]:
    """Each family's metrics, in their order."""
    grouped: dict[str, list[dict]] = {}
    for metric in metrics:
        grouped.setdefault(metric.family, []).append(_entry(metric))
    return [
        {
            "name": name,
            "id": f"family-{name}",
            "title": name.replace("_", " ").capitalize(),
            "metrics": entries,
            "address": "",
        }
        for name, entries in grouped.items()
    ]


def _entry(metric: Metric) -> dict:
    direction = (
        _DIRECTIONS[metric.direction]
        if isinstance(metric.direction, str)
        else "the better direction depends on the scale of the question"
    )
    settings = "; ".join(
        f"{setting_title(name)}: {setting_default(name, value) or 'by data'}" for name, value in metric.settings.items()
    )
    facts = (
        (formula_term(metric), formula(metric)),
        ("Unit", _UNITS.get(metric.unit, metric.unit)),
        ("Type", f"{metric.kind}; {direction}"),
        ("Why", metric.why),
        ("Caveat", metric.caution),
        ("Interval", metric.interval),
        ("Data", ", ".join(name.replace("_", " ") for name in metric.reads)),
        ("Settings", settings),
        ("Source", metric.source),
    )
    prose = ("Type", "Why", "Caveat", "Interval", "Source")
    shown = [(term, as_sentence(text) if term in prose else text) for term, text in facts if text]
    return {"id": metric.id, "title": metric.title, "definition": metric.definition, "facts": shown}
