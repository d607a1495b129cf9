"""The index of a client and period: summary, key metrics, key changes, differences between segments, and the scorecard of each family."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version

from crmnb.core.period import Period
from crmnb.evaluate.result import Result
from crmnb.report.html import printable
from crmnb.report.pages.frame import language, page
from crmnb.report.tables.balance import balance
from crmnb.report.tables.executive_scorecard import executive_scorecard
from crmnb.report.tables.executive_summary import executive_summary, segment_differences
from crmnb.report.tables.key_changes import key_changes
from crmnb.report.tables.missing_data import missing_data
from crmnb.report.tables.scorecard import headline, is_long, scorecard, tile
from crmnb.report.text.definitions import METHODOLOGY
from crmnb.report.text.numbers import day, localised, period_name, whole_number
from crmnb.report.text.row_state import available
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.values import reasons_of_absence
from crmnb.schema.client import Client

_MOST_TILES = 8
_FIRST_ROWS = 2


@dataclass(frozen=True)
class Family:
    """A family's entry: its results, the address of its page, or the problem that left it without one, in words."""

    title: str
    href: str = ""
    results: list[Result] = field(default_factory=list)
    problem: str = ""


def index_page(
    client: Client,
    period: Period,
    *,
    comparison: Period | None = None,
    families: list[Family],
    tiles: list[Result],
    nav: Sequence[tuple[str, str]] = (),
    rows_read: int | None = None,
    rows_quarantined: int | None = None,
    made_on: date | None = None,
    gaps: tuple[str, ...] = (),
) -> str:
    """The page.

    period: as observed (`Period.observe`), so that it knows the data's cut-off. tiles: the results of the objectives,
    of which the first eight with a value are shown. nav: (name, address) of the report's pages. gaps: sentences about gaps in the data. The key changes come from all results of the families.
    """
    results = [result for family in families for result in family.results]
    known_tiles = [result for result in tiles if (row := headline(result)) and available(row)][:_MOST_TILES]
    return page(
        "index.j2",
        lang=language(client),
        client_name=client.name,
        period_name=period_name(period.label, client),
        compared=period_name(comparison.label, client)
        if not period.partial and _is_compared(comparison, results)
        else "",
        partial=_partial(period, client),
        facts=_facts(period, client, rows_read, rows_quarantined, made_on)
        + [as_sentence(localised(printable(gap), client)) for gap in gaps],
        methodology=METHODOLOGY,
        nav=nav,
        summary=executive_summary(tiles, results) or "",
        tiles=[tile(result) for result in known_tiles],
        scorecard=executive_scorecard(results) or "",
        key_changes=key_changes(results),
        differences=segment_differences(tiles) or "",
        balance=balance(results) or "",
        families=[
            _entry(family, client) for family in families if family.problem or not reasons_of_absence(family.results)
        ],
        missing=missing_data(results) or "",
        made_on=f"on {day(made_on, client)} " if made_on else "",
        version=version("crmnb"),
    )


def _is_compared(comparison: Period | None, results: list[Result]) -> bool:
    """Whether any figure is compared with the comparison period."""
    return comparison is not None and (not results or any(r.whole["previous"].notna().any() for r in results))


def _entry(family: Family, client: Client) -> dict:
    """What the index shows of a family: its first metrics with a value, or why its page is missing."""
    ordered = sorted(family.results, key=_place)
    return {
        "title": family.title,
        "href": family.href,
        "problem": localised(family.problem, client),
        "scorecard": scorecard(ordered, rows=_FIRST_ROWS, linked=True) if ordered else None,
    }


def _place(result: Result) -> tuple[bool, bool, bool]:
    """The order on the index: metrics with a value, that have a line of their own, and that do not only restate another."""
    measure = result.metric.measure
    return not any(map(available, result.entries)), is_long(result), bool(measure.aspect_of or measure.inputs)


def _facts(
    period: Period, client: Client, read: int | None, quarantined: int | None, made_on: date | None
) -> list[str]:
    facts = []
    if period.cutoff:
        last = (period.cutoff - timedelta(microseconds=1)).date()
        age = f" ({_age((made_on - last).days, client)} before this report)" if made_on else ""
        facts.append(f"Data until {day(last, client)}{age}")
    if read is not None:
        facts.append(f"{whole_number(read, client)} rows read, {_quarantined(quarantined or 0, client)}")
    return facts


def _age(days: int, client: Client) -> str:
    if days >= 2 * 365:
        return f"{days // 365} years"
    return "1 day" if days == 1 else f"{whole_number(days, client)} days"


def _quarantined(rows: int, client: Client) -> str:
    return f"{whole_number(rows, client)} rejected" if rows else "none rejected"


def _partial(period: Period, client: Client) -> str:
    if not period.partial:
        return ""
    edges = []
    if period.data_from and period.start < period.data_from:
        edges.append(f"the data start on {day(period.data_from, client)}")
    if period.cutoff and period.end > period.cutoff:
        edges.append(f"the data end on {day(period.cutoff - timedelta(microseconds=1), client)}")
    return f"{' and '.join(edges)}, so {period_name(period.label, client)} is incomplete and has no comparison."
