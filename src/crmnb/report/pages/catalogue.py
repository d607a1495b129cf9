"""The methodology: every metric by its own declaration, and the terms of a report."""

from collections.abc import Iterable, Iterator

from crmnb.core.paths import HANDBOOK
from crmnb.metrics.definition import Metric
from crmnb.report.pages.frame import page
from crmnb.report.text.definitions import METHODOLOGY, formula, formula_term, methodology_page
from crmnb.report.text.glossary import TERMS
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.settings import setting_default, setting_title

GLOSSARY = tuple((term.name, term.text) for term in TERMS if term.in_reports)
HANDBOOK_ADDRESS = f"../../{HANDBOOK}/"  # from a report's folder
_TITLE = "Methodology"
_DIRECTIONS = {"up": "higher is better", "down": "lower is better", "-": "neither direction is better"}
_UNITS = {"count": "number", "money": "currency of the client", "scale": "scale of the survey question"}


def catalogue_page(metrics: Iterable[Metric], *, nav: list[tuple[str, str]] = (), lang: str = "en") -> str:
    """The page of all these metrics by family, in their order. nav: (name, address) of links at the top."""
    facts = {"families": _families(metrics), "glossary": GLOSSARY, "handbook": ""}
    return page("catalogue.j2", title=_TITLE, nav=nav, lang=lang, **facts)


def methodology_pages(
    metrics: Iterable[Metric], *, nav: list[tuple[str, str]] = (), lang: str = "en"
) -> Iterator[tuple[str, str]]:
    """The names (without ending) and the HTML of a report's methodology: the glossary with links to a page of each family.

    Each metric has a link to its page of the handbook, which lies beside the clients' folders.
    """
    families = _families(metrics)
    links = [family | {"address": f"{methodology_page(family['name'])}.html"} for family in families]
    overview = METHODOLOGY.removesuffix(".html")
    facts = {"nav": nav, "lang": lang, "handbook": HANDBOOK_ADDRESS}
    yield overview, page("catalogue.j2", title=_TITLE, families=links, glossary=GLOSSARY, **facts)
    for family in families:
        title = f"{_TITLE}: {family['title'].lower()}"
        html = page("catalogue.j2", title=title, families=[family], glossary=(), **facts)
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
