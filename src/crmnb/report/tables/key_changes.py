"""Key changes: the signals of a report as a short list of facts, each with the metrics that express the same."""

import math
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import Row, tuples
from crmnb.report.html import Html, glue, printable, tag
from crmnb.report.text.changes import change_html, change_interval, change_words, short_change
from crmnb.report.text.definitions import metric_address
from crmnb.report.text.numbers import known
from crmnb.report.text.row_state import available
from crmnb.report.text.values import breakdown_name, value_words

MOST_FACTS = 7


class Signal(NamedTuple):
    """A change that stands out: a row and the result that it belongs to."""

    result: Result
    row: Row

    @property
    def evidence(self) -> float:
        """How many times as large the change is as the distance to the end of its interval that is nearer to zero."""
        nearer = self.row.change_low if self.row.change > 0 else self.row.change_high
        margin = abs(self.row.change - nearer)
        return abs(self.row.change) / margin if known(margin) and margin else math.inf


Fact = list[Signal]  # what expresses the same fact: first the signal that stands for it


def key_changes(results: list[Result]) -> Html:
    """The facts that changed, the most important first (`_importance`); those of segments apart.

    Metrics that express the same fact are one entry if they moved for better or worse alike: those that are computed from each other
    (churn rate from retention rate), those that a metric calls its other aspects, and the breakdowns of a metric.
    """
    signals = _signals(results)
    if not signals:
        calm = "No detectable changes." if _any_compared(results) else "No comparison with another period."
        return Html(tag("p", calm, class_="calm"), calm)
    whole = _facts([signal for signal in signals if not signal.row.segment], results)
    segments = _facts([signal for signal in signals if signal.row.segment], results)
    lines = [
        *(_in_text(fact) for fact in whole),
        *("".join(words) for fact in segments for _, words in _by_segmentation(fact)),
    ]
    return Html(glue(_whole_html(whole), _segments_html(segments, folded=bool(whole))), "\n".join(lines))


def change_facts(results: list[Result]) -> list[Fact]:
    """The facts that changed for the whole client, the most important first."""
    return _facts([signal for signal in _signals(results) if not signal.row.segment], results)


def _signals(results: list[Result]) -> list[Signal]:
    return [
        Signal(result, row)
        for result in results
        for row in tuples(result.rows[(result.rows["part"] == "") & (result.rows["signal"] != "")])
        if available(row) and known(row.change)
    ]


# ---- Facts ----------------------------------------------------------------------------------------------------------


def _facts(signals: list[Signal], results: list[Result]) -> list[Fact]:
    by_id = {result.metric.id: result for result in results}
    strongest = {signal.result.metric.id: 0.0 for signal in signals}
    for signal in signals:
        strongest[signal.result.metric.id] = max(strongest[signal.result.metric.id], signal.evidence)
    facts: dict[tuple[str, str], Fact] = {}
    for signal in sorted(signals, key=lambda signal: -signal.evidence):
        root = _root(signal.result, by_id, strongest)
        facts.setdefault((root, signal.row.signal), []).append(signal)
    places = {id_: place for place, id_ in enumerate(by_id)}
    ordered = [_representative_first(fact, root, places) for (root, _), fact in facts.items()]
    return sorted(ordered, key=_importance)


def _importance(fact: Fact) -> tuple[int, bool, float]:
    """What comes first: the objectives in the client's order, then what has a target, then the strongest evidence.

    Never the relative change, which is largest for what is small.
    """
    objectives = fact[0].result.client.objectives
    places = [objectives.index(name) for signal in fact if (name := signal.result.metric.id) in objectives]
    has_target = any(known(signal.row.target) for signal in fact)
    return min(places, default=len(objectives)), not has_target, -max(signal.evidence for signal in fact)


def _root(result: Result, by_id: dict[str, Result], strongest: dict[str, float]) -> str:
    """The metric that expresses the fact most directly: retention rate, of the annualised churn rate.

    Of a metric with several inputs it is the changed input with the strongest evidence; without one, the metric itself.
    """
    measure = result.metric.measure
    above = (measure.aspect_of,) if measure.aspect_of else measure.inputs
    related = [name for name in above if name in by_id and _same_question(result, by_id[name])]
    if len(above) > 1:
        related = sorted((name for name in related if name in strongest), key=lambda name: -strongest[name])
    return _root(by_id[related[0]], by_id, strongest) if related else result.metric.id


def _same_question(result: Result, other: Result) -> bool:
    """Whether two results are about the same survey question, or neither is about one."""
    return result.settings.get("item") == other.settings.get("item")


def _representative_first(fact: Fact, root: str, places: dict[str, int]) -> Fact:
    """The fact with its representative first: of the root metric, or else of all, what has the strongest evidence; the others by metric."""
    main = [signal for signal in fact if not _is_variant(signal, fact)]
    first = next((signal for signal in main if signal.result.metric.id == root), main[0])
    own = first.result.metric.id
    return sorted(
        fact, key=lambda signal: (signal is not first, signal.result.metric.id != own, places[signal.result.metric.id])
    )


def _is_variant(signal: Signal, fact: Fact) -> bool:
    """Whether a breakdown of the same fact is a variant of another: `support, cooperation rate` of `support`."""
    others = (other.row.breakdown for other in fact if other.result is signal.result)
    return any(breakdown and signal.row.breakdown.startswith(f"{breakdown}, ") for breakdown in others)


def _any_compared(results: list[Result]) -> bool:
    return any(result.whole["change"].notna().any() for result in results)


# ---- Of the whole client --------------------------------------------------------------------------------------------


def _whole_html(facts: list[Fact]) -> Markup:
    shown, others = facts[:MOST_FACTS], facts[MOST_FACTS:]
    words = f"{len(others)} more changes" if len(others) > 1 else "1 more change"
    more = tag("details", tag("summary", words), _list(map(_entry, others))) if others else Markup()
    return glue(_list(map(_entry, shown)), more)


def _list(entries: Iterable[Markup]) -> Markup:
    items = [tag("li", entry) for entry in entries]
    return tag("ul", *items, class_="signals") if items else Markup()


def _entry(fact: Fact) -> Markup:
    result, row = fact[0]
    change = change_html(change_words(result, row, with_period=False))
    value = () if result.metric.compares else (tag("span", value_words(result, row), class_="tied"), ", ")
    others = _others(fact)
    also = (" ", tag("span", f"Also: {others}", class_="also")) if others else ()
    return glue(tag("strong", _link(fact[0])), ": ", *value, change, *also)


def _others(fact: Fact) -> str:
    """The other figures of a fact by metric: `churn rate -3.0 pts; mean satisfaction score: support +5.1 pts, purchase +3.6 pts`."""
    texts = []
    for id_, signals in groupby(fact[1:], key=lambda signal: signal.result.metric.id):
        signals = list(signals)
        title = "" if id_ == fact[0].result.metric.id else _lower_first(signals[0].result.metric.title)
        changes = [_named_change(result, row) for result, row in signals]
        colon = ": " if title and len(changes) > 1 else " "
        texts.append(f"{title}{colon}{', '.join(changes)}".strip())
    return "; ".join(texts) + "." if texts else ""


def _named_change(result: Result, row: Row) -> str:
    breakdown = breakdown_name(row.breakdown, result.client) if row.breakdown else ""
    return f"{breakdown} {short_change(result, row)}".strip()


def _name(signal: Signal) -> str:
    result, row = signal
    return result.metric.title + (f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else "")


def _link(signal: Signal) -> Markup:
    """The name, which leads to the metric's block."""
    return tag("a", _name(signal), href=metric_address(signal.result.metric))


def _lower_first(title: str) -> str:
    """A title within a sentence; an abbreviation keeps its capitals."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _in_text(fact: Fact) -> str:
    others = _others(fact)
    return f"{_name(fact[0])}: {change_words(*fact[0]).text}" + (f" Also: {others}" if others else "")


# ---- Of segments ----------------------------------------------------------------------------------------------------


def _segments_html(facts: list[Fact], *, folded: bool) -> Markup:
    """A line for each fact and segmentation, folded where the whole client has changes: they mostly repeat those."""
    if not facts:
        return Markup()
    number = sum(len(fact) for fact in facts)
    lines = [(fact[0], line) for fact in facts for line in _by_segmentation(fact)]
    listed = sum(count for _, (count, _) in lines)
    lines_html = [
        glue(tag("a", title, href=metric_address(signal.result.metric)), rest) for signal, (_, (title, rest)) in lines
    ]
    pieces = [_list(lines_html)]
    if number > listed:
        left = number - listed
        subject = "1 further change in segments belongs" if left == 1 else f"{left} further changes in segments belong"
        pieces.append(
            tag(
                "p",
                f"{subject} to related metrics, such as churn rate beside retention rate. The spreadsheet lists all.",
                class_="note",
            )
        )
    summary = f"{number} changes in segments" if number > 1 else "1 change in a segment"
    return tag("details", tag("summary", summary), *pieces) if folded else glue(*pieces)


def _by_segmentation(fact: Fact) -> list[tuple[int, tuple[str, str]]]:
    """(number of levels, (name, changes)) of the metric that stands for a fact, for each of its breakdowns and segmentations."""
    own = [signal for signal in fact if signal.result is fact[0].result and not _is_variant(signal, fact)]
    groups: dict[tuple[str, str], list[Signal]] = {}
    for signal in own:
        groups.setdefault((_name(signal), signal.row.segment), []).append(signal)
    return [
        (len(signals), (name, f", by {segment.replace('_', ' ')}: {'; '.join(map(_level_words, signals))}"))
        for (name, segment), signals in groups.items()
    ]


def _level_words(signal: Signal) -> str:
    result, row = signal
    limits = change_interval(result, row)
    return f"{printable(row.level)} {short_change(result, row)}" + (f" ({limits})" if limits else "")
