"""The executive summary: what a report says in a few sentences, made from its results, each with links to the figures behind it."""

from collections.abc import Iterable
from itertools import groupby

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.evaluate.segment_gaps import Gap, segment_gaps
from crmnb.report.html import Html, glue, printable, tag
from crmnb.report.tables.key_changes import Fact, change_facts
from crmnb.report.tables.scorecard import headline
from crmnb.report.text.changes import change_interval, short_change
from crmnb.report.text.definitions import metric_address
from crmnb.report.text.numbers import decimals_of, known, period_name
from crmnb.report.text.precision import displayed, page_decimals
from crmnb.report.text.row_state import available
from crmnb.report.text.values import (
    absence_words,
    breakdown_name,
    interval_name,
    short_value,
    target_state,
    value_words,
)

_MOST_NAMES = 3  # metrics that a sentence names
_MOST_GAPS = 5
Words = list[object]  # pieces of a sentence: texts and links


def executive_summary(tiles: list[Result], results: list[Result]) -> Html | None:
    """Up to five sentences; None where there is no target, no comparison and no segment to speak of.

    tiles: the results of the key metrics; results: all of the report.
    """
    shown = {result.metric.id for result in tiles}
    sentences = [
        *_targets([*tiles, *(result for result in results if result.metric.id not in shown)]),
        *_changes(results),
        *_differences(tiles),
        *_unknown(tiles),
    ]
    if not sentences:
        return None
    items = [tag("li", *sentence) for sentence in sentences]
    return Html(tag("ul", *items, class_="summary"), "\n".join(glue(*s).striptags() for s in sentences))


def segment_differences(tiles: list[Result]) -> Html | None:
    """The largest gaps between levels of a segmentation, one for each metric and segmentation; None without any."""
    gaps = _one_per_segmentation(segment_gaps(tiles))[:_MOST_GAPS]
    if not gaps:
        return None
    items = [tag("li", *_gap_words(gap)) for gap in gaps]
    return Html(tag("ul", *items, class_="signals"), "\n".join(glue(*_gap_words(gap)).striptags() for gap in gaps))


# ---- Targets and changes ----------------------------------------------------------------------------------------------


def _targets(results: list[Result]) -> list[Words]:
    """Every target of the report, the missed first: with the value and the target of each."""
    rows = [(result, row) for result in results if (row := headline(result)) and available(row) and known(row.target)]
    states = [(result, row, target_state(result, row)) for result, row in rows]
    if not states:
        return []
    named = {
        state: [_with_target(result, row) for result, row, is_state in states if is_state == state]
        for state in ("missed", "met", "too close to call")
    }
    count = len(named["met"])
    words: Words = [tag("strong", f"{count} of {len(states)} {'target' if len(states) == 1 else 'targets'} met. ")]
    for state, title in (("missed", "Missed: "), ("met", "Met: "), ("too close to call", "Too close to call: ")):
        if named[state]:
            words += [title, *_first_names(named[state]), ". "]
    return [words]


def _first_names(names: list[Markup]) -> Words:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return [_listed(names[:_MOST_NAMES], last=", " if more else " and "), more]


def _with_target(result: Result, row) -> Markup:
    unit, (target,) = displayed(result, row.unit, row.target)
    goal = short_value(result, row._replace(value=row.target), decimals_of(target, unit=unit))
    return glue(_link(result, row), f" {value_words(result, row)} (target {goal})")


def _changes(results: list[Result]) -> list[Words]:
    """What is better and what is worse than in the comparison period, the most important first."""
    facts = change_facts(results)
    compared = [result for result in results if result.whole["change"].notna().any()]
    if not compared:
        return []
    before = period_name(compared[0].comparison.label, compared[0].client)
    if not facts:
        return [[tag("strong", f"No detectable change vs {before}"), " in any metric of the whole client."]]
    words: Words = []
    for tone, title in (("better", f"Better than {before}: "), ("worse", "Worse: "), ("changed", "Changed: ")):
        own = [fact for fact in facts if fact[0].row.signal == tone]
        if own:
            words += [
                tag("strong", title if words or tone == "better" else f"{title[:-2]} than {before}: "),
                *_first_names([_changed(fact) for fact in own]),
                ". ",
            ]
    return [words]


def _changed(fact: Fact) -> Markup:
    result, row = fact[0]
    return glue(_link(result, row), f" ({short_change(result, row)})")


# ---- Segments ---------------------------------------------------------------------------------------------------------


def _differences(tiles: list[Result]) -> list[Words]:
    """The level that is behind in most key metrics; or else the largest gap."""
    if not any(result.segmentations for result in tiles):
        return []
    gaps = _one_per_level(segment_gaps(tiles))
    behind = [gap for gap in gaps if gap.tone == "worse"]
    groups = [list(group) for _, group in groupby(sorted(behind, key=_place), key=_place)]
    most = max(groups, key=lambda group: (len(group), sum(gap.evidence for gap in group)), default=[])
    if len(most) >= 2:
        first, measured = most[0], _measured(tiles, most[0])
        own = sorted(most, key=lambda gap: -gap.evidence)[:_MOST_NAMES]
        title = f"{_level_name(first)} is behind {printable(first.largest.level)}, the largest group, in {len(most)} of {measured} key metrics: "
        return [[tag("strong", title), _listed([_both(gap) for gap in own]), "."]]
    if gaps:
        gap = gaps[0]
        return [[tag("strong", "Largest difference between segments: "), *_gap_words(gap), "."]]
    return [[tag("strong", "No segment differs"), " detectably from the largest one in a key metric."]]


def _measured(tiles: list[Result], gap: Gap) -> int:
    """The key metrics that have a figure of the gap's level."""
    return sum(
        bool(
            (
                (t.rows["segment"] == gap.level.segment) & (t.rows["level"] == gap.level.level) & t.rows["low"].notna()
            ).any()
        )
        for t in tiles
        if t.metric.unit != "count"
    )


def _place(gap: Gap) -> tuple[str, str]:
    return gap.level.segment, gap.level.level


def _one_per_level(gaps: Iterable[Gap]) -> list[Gap]:
    return list({(gap.result.metric.id, *_place(gap)): gap for gap in reversed(list(gaps))}.values())[::-1]


def _one_per_segmentation(gaps: Iterable[Gap]) -> list[Gap]:
    """The strongest of each metric and segmentation; gaps: the strongest first."""
    return list({(gap.result.metric.id, gap.level.segment): gap for gap in reversed(list(gaps))}.values())[::-1]


def _level_name(gap: Gap) -> str:
    return f"{gap.level.segment.replace('_', ' ').capitalize()} {printable(gap.level.level)}"


def _both(gap: Gap) -> Markup:
    return glue(_link(gap.result, gap.level), f" {_short(gap, gap.level)} vs {_short(gap, gap.largest)}")


def _gap_words(gap: Gap) -> Words:
    """`Retention rate, by region: West 76% vs East 84% (95% CI of the difference -9.6 to -6.1 pts)`."""
    change = gap.level._replace(change=gap.difference, change_low=gap.low, change_high=gap.high, signal="changed")
    segment = gap.level.segment.replace("_", " ")
    values = f"{printable(gap.level.level)} {_short(gap, gap.level)} vs {printable(gap.largest.level)} {_short(gap, gap.largest)}"
    difference = (
        f"{short_change(gap.result, change)}, {interval_name(gap.result)} {change_interval(gap.result, change)}"
    )
    return [_link(gap.result, gap.level), f", by {segment}: {values} ({difference})"]


def _short(gap: Gap, row) -> str:
    return short_value(gap.result, row, page_decimals(gap.result, gap.largest))


# ---- What is not known -------------------------------------------------------------------------------------------------


def _unknown(tiles: list[Result]) -> list[Words]:
    """The key metrics without a figure, with the reason of each."""
    missing = [(result, row) for result in tiles if (row := headline(result)) and not available(row)]
    if not missing:
        return []
    named = [glue(_name(result, row), f" ({absence_words(result, row)})") for result, row in missing[:_MOST_NAMES]]
    return [[tag("strong", "Not known: "), _listed(named), "."]]


def _link(result: Result, row) -> Markup:
    return tag("a", _name(result, row), href=metric_address(result.metric))


def _name(result: Result, row) -> str:
    return result.metric.title + (f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else "")


def _listed(pieces: list[Markup], last: str = " and ") -> Markup:
    """`a, b and c`."""
    if len(pieces) < 2:
        return glue(*pieces)
    return glue(Markup(", ").join(pieces[:-1]), last, pieces[-1])
