"""Words for a result: the sentence, its change, its target and its flags; and the block that shows them together."""

import math
import re
from datetime import timedelta
from typing import NamedTuple

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.report.html import Html, join, printable, tag
from crmnb.report.text.numbers import (
    brief,
    day,
    deserved,
    deserved_change,
    deserved_together,
    known,
    localised,
    percent,
    period_name,
    quantity,
    span,
    unit_words,
    whole_number,
)

_COHORT = re.compile(r"(\d{4}-\d\d) \+(\d+)")
_AFTER_NOUN = re.compile(
    r",.*|\s+(?:in|that|with|who|whose|which|of|at|on|per|sent|by|from|for|over|during|and|seen|won|without)\b.*"
)
_MOST_SENTENCES = 8
_MOST_NOTES = 4  # in sight: the others are folded away


class Change(NamedTuple):
    """A change in words. `tone`: good, bad or moved where it is beyond chance; unclear; none where not compared."""

    text: str
    tone: str
    arrow: str


def noun(text: str) -> str:
    """The thing counted, out of a description of it: `buyers` of "buyers in the period"."""
    return _AFTER_NOUN.sub("", text).strip(" ,;:.") or text


def is_cohort(breakdown: str) -> bool:
    """Whether a breakdown is a cell of a cohort triangle: "2025-01 +3"."""
    return bool(_COHORT.fullmatch(breakdown))


def cohort_cell(breakdown: str) -> tuple[str, int]:
    """A cell's cohort and how many months after: ("2025-01", 3)."""
    cohort, after = _COHORT.fullmatch(breakdown).groups()
    return cohort, int(after)


def available(row) -> bool:
    """Whether the row has a value that may be shown."""
    flags = row.flags.split()
    return known(row.value) and "suppressed" not in flags and "unavailable" not in flags


def not_reached(row) -> bool:
    """Whether the answer is that what is asked has not come about yet: a median of which the interval has no end."""
    flags = row.flags.split()
    return "not_reached" in flags and "suppressed" not in flags


def bounded_below(row) -> bool:
    """Whether the row has an interval that may be shown; its upper end may be infinite."""
    return (available(row) or not_reached(row)) and known(row.low) and (known(row.high) or row.high == math.inf)


def has_interval(row) -> bool:
    """Whether a value is shown with an interval."""
    return available(row) and bounded_below(row)


def lies_apart(lower, higher) -> bool:
    """Whether the interval of one row lies wholly below that of another."""
    return has_interval(lower) and has_interval(higher) and lower.high < higher.low


def unfinished(row) -> bool:
    """Whether more is to come: not all of it, or of what follows from it, has been seen."""
    return "partial" in row.flags or "immature" in row.flags


def row_decimals(row) -> int:
    """Decimals that a row's value deserves."""
    return deserved(row.value, row.low, row.high, row.unit)


def page_decimals(result: Result, row) -> int:
    """Decimals with which a row's value is written wherever a page shows it.

    Levels are written as their whole is, or a reader would take 55.50, 55 and 56 for three figures. A part of the period may
    need more: a month's amount is smaller than a year's. Without a whole it is what the row's own interval deserves.
    """
    if is_cohort(row.breakdown):
        return 0 if row.unit == "%" else 1
    whole = _whole_of(result, row) if row.segment or row.part else None
    if whole is None:
        return row_decimals(row)
    return max(row_decimals(whole), row_decimals(row)) if row.part else row_decimals(whole)


def part_decimals(result: Result, rows: list) -> int:
    """Decimals for parts of the period side by side: their middle one's, and no fewer than their whole has."""
    shown = [row for row in rows if available(row)]
    wholes = [_whole_of(result, row) for row in {row.breakdown: row for row in shown}.values()]
    return max([deserved_together(shown, result.metric.unit), *map(row_decimals, filter(None, wholes))])


def level_decimals(result: Result, rows: list) -> int:
    """Decimals for levels side by side: those of their whole; without one, their middle one's."""
    shown = [row for row in rows if available(row)]
    whole = _whole_of(result, shown[0]) if shown else None
    return row_decimals(whole) if whole else deserved_together(shown, result.metric.unit)


def _whole_of(result: Result, row):
    """The whole client's row in the whole period of what a row is a level or a part of; None where it has no value."""
    alike = (whole for whole in result.entries if (whole.breakdown, whole.unit) == (row.breakdown, row.unit))
    return next(filter(available, alike), None)


def value_words(result: Result, row, decimals: int | None = None) -> str:
    """The value with its unit, or why there is none."""
    if not available(row):
        return absent_words(result, row)
    places = page_decimals(result, row) if decimals is None else decimals
    return quantity(row.value, row.unit, places, result.client) + _unit_tail(result, row)


def short(result: Result, row, decimals: int | None = None) -> str:
    """The value as fits beside a point: with a percent sign or the currency, without longer units."""
    places = page_decimals(result, row) if decimals is None else decimals
    return brief(row.value, row.unit, places, result.client)


def absent_words(result: Result, row) -> str:
    """Why a row has no value: `not shown: fewer than 10`, `not reached: ...` or `not available: needs orders`."""
    reason = localised(row.reason, result.client)
    if "suppressed" in row.flags.split():
        return f"not shown: {reason or f'fewer than {result.client.privacy.suppress_below}'}"
    if not_reached(row):
        why = reason.removeprefix("not reached: ")  # a reason may say so itself, as it also stands alone
        return f"not reached: {why}" if why else "not reached"
    return f"not available: {reason or 'no data'}"


def interval_words(result: Result, row, decimals: int | None = None) -> str:
    """`23 % to 88 %`, `412 days or more`, or "" where the value has no interval."""
    if not bounded_below(row):
        return ""
    places = page_decimals(result, row) if decimals is None else decimals
    return span(row.low, row.high, row.unit, places, result.client)


def basis_words(result: Result, row) -> str:
    """What the value rests on: `3 of 5 buyers`, `25 valid answers from 14 customers`; "" for a count."""
    if not known(row.n) or row.unit == "count":
        return ""
    client, things = result.client, noun(result.metric.denominator)
    if row.unit != result.metric.unit:
        return f"n {whole_number(row.n, client)}"
    if row.unit == "%" and known(row.numerator) and row.denominator == row.n and float(row.numerator).is_integer():
        against = "of" if 0 <= row.numerator <= row.denominator else "against"
        counted = (whole_number(x, client) for x in (row.numerator, row.denominator))
        return f" {against} ".join(counted) + f" {things}"
    of_customers = known(row.clusters) and row.clusters < row.n
    tail = f" from {whole_number(row.clusters, client)} customers" if of_customers else ""
    return f"{whole_number(row.n, client)} {things}{tail}"


def declared_scale(result: Result) -> tuple[float, float] | None:
    """The ends of the scale that the client declared for the survey item counted; None where none was counted."""
    item = result.client.items.get(result.settings.get("item", "").split(" ")[0])
    return tuple(map(float, item.scale)) if item else None


def sentence(result: Result, row) -> str:
    """`Repeat purchase rate, 2025: 60 % (95 % interval 23 % to 88 %; 3 of 5 buyers)`."""
    return f"{_subject(result, row)}: {value_words(result, row)}{_support(result, row)}"


def change_words(result: Result, row, *, on: bool = True) -> Change:
    """The change against the comparison: `up 3.1 points on 2024 (1.2 to 5.0)`, or that there is no clear one.

    Without `on`, the comparison's name is left out, for a column headed by it.
    """
    client = result.client
    before = period_name(result.comparison.label, client)
    on = on and not result.metric.compares  # whose breakdowns say what it is compared with
    beside = f" on {before}" if on else ""
    if not available(row):
        return Change("", "none", "")
    if not known(row.change):
        return Change(localised(row.reason, client), "none", "")
    places = deserved_change(row.change, row.change_low, row.change_high, row.unit)
    unit = "points" if row.unit == "%" and not result.metric.compares else row.unit
    way, arrow = ("up", "▲") if row.change > 0 else ("down", "▼")
    has_interval = known(row.change_low) and known(row.change_high)
    if not row.signal and has_interval:
        ends = span(row.change_low, row.change_high, unit, places, client)
        tail = "" if unit == "%" else unit_words(unit)  # a span of per cent has it at both ends
        if not row.change_low <= 0 <= row.change_high:  # it would stand out alone, not among all that are compared
            tail += "; among so many comparisons it may be chance"
        return Change(f"no clear change{beside} ({ends}{tail})", "unclear", "")
    moved = quantity(abs(row.change), unit, places, client)
    same = f"the same as {before}" if on else "the same"
    text = f"{way} {moved}{beside}" if row.change else same
    if has_interval:
        text += f" ({span(row.change_low, row.change_high, unit, places, client)})"
    else:
        text += ", no interval"
    tone = {"better": "good", "worse": "bad", "changed": "moved"}.get(row.signal, "unclear")
    return Change(text, tone, arrow if row.signal else "")


def target_words(result: Result, row) -> str:
    """`target 80 %: met`, `missed`, or `too close to call` while the interval holds it; "" without a target."""
    if not known(row.target):
        return ""
    goal = quantity(row.target, row.unit, deserved(row.target, unit=row.unit), result.client)
    if not available(row) or result.direction == "-":
        return f"target {goal}"
    low, high = (row.low, row.high) if known(row.low) and known(row.high) else (row.value, row.value)
    above, below = low >= row.target, high <= row.target
    met, missed = (above, below) if result.direction == "up" else (below, above)
    return f"target {goal}: {'met' if met else 'missed' if missed else 'too close to call'}"


def flag_words(result: Result, row) -> list[str]:
    """The row's flags as people would say them; what makes a value unavailable is said in its place."""
    return [f"{mark}: {why}" for mark, why in flag_meanings(result, row).items()]


def flag_meanings(result: Result, row) -> dict[str, str]:
    """The row's flags in a word or two, and what each means here."""
    period = result.period
    ends = period.cutoff is not None and period.end > period.cutoff
    edge = f"the data end on {_last_day(period, result.client)}" if ends else "the data begin after it does"
    least = result.client.privacy.min_base
    said = {
        "partial": ("partial", "not all of it has been seen" if row.part else edge),
        "low_base": ("low base", f"fewer than {least} customers"),
        "unreliable": (
            "unreliable",
            f"too few {'events' if row.unit == 'count' else 'customers'} for the interval to be trusted",
        ),
        "immature": ("too early", "not everyone counted has been seen long enough"),
    }
    return dict(said[flag] for flag in row.flags.split() if flag in said)


def said(result: Result) -> str:
    """The result in plain text: each breakdown's sentence with its change and flags below it, then the notes."""
    sentences = list(_sentences(result))
    rows = [] if _triangular(result) else result.entries[:_MOST_SENTENCES]
    shared = _shared_remarks(result, rows)
    lines = []
    for row, words in zip(rows, sentences, strict=False):
        below = (change_words(result, row).text, target_words(result, row), *flag_words(result, row))
        lines += [words, *(f"  {text}" for text in below if text and text not in shared)]
    lines += sentences[len(rows) :]
    return "\n".join([*lines, *(f"  {note}" for note in (*shared, *_notes(result)))])


def result_html(result: Result) -> Markup:
    """The result as a block of a page: sentence, change, target, flags, notes and settings, the later ones folded away."""
    rows = [] if _triangular(result) else result.entries[:_MOST_SENTENCES]
    shared = _shared_remarks(result, rows)
    blocks = [_row_html(result, row, shared) for row in rows]
    extra = list(_sentences(result))[len(rows) :]
    told = notes_of(result)
    seen = [as_sentence(remark) for remark in shared] + told[:_MOST_NOTES]
    small = tag("p", " ".join(seen), class_="notes") if seen else None
    more = told[_MOST_NOTES:]
    rest = (
        tag("details", tag("summary", "How it was counted"), tag("p", " ".join(more)), class_="notes definition")
        if more
        else None
    )
    return tag("div", *blocks, *(tag("p", text, class_="said") for text in extra), small, rest, class_="result")


def notes_of(result: Result) -> list[str]:
    """The notes as sentences, what is most needed first; the last one tells the settings, where there are any."""
    notes = [as_sentence(note) for note in _notes(result)]
    used = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in result.settings.items() if value)
    return [*notes, f"Counted with {used}."] if used else notes


def _notes(result: Result) -> list[str]:
    return [localised(note, result.client) for note in result.notes]


def _shared_remarks(result: Result, rows) -> list[str]:
    """Why nothing is compared, and the flags, that all of several rows have: said once, under them."""
    changes = [change_words(result, row) for row in rows]
    each = [[c.text, *_new_flags(result, row)] for c, row in zip(changes, rows, strict=True) if c.tone == "none"]
    if len(rows) < 2 or len(each) < len(rows):
        return []
    return [text for text in each[0] if text and all(text in texts for texts in each)]


def change_html(change: Change) -> Markup | None:
    """A change with its arrow, coloured only where it is beyond chance; None where there is nothing to say."""
    if not change.text:
        return None
    arrow = tag("span", change.arrow, aria_hidden="true", class_="arrow") if change.arrow else None
    verdict = {"good": ", better", "bad": ", worse"}.get(change.tone, "")
    pieces = (piece for piece in (arrow, f" {change.text}{verdict}" if arrow else change.text) if piece)
    return tag("span", *pieces, class_=f"change {change.tone}")


def caution(result: Result) -> Html:
    """What the number does not say, from the metric's own words."""
    text = as_sentence(result.metric.caution) or "Nothing in particular."
    return Html(tag("p", tag("strong", "Caveat: "), text, class_="caveat"), f"Caveat: {text}")


def definition_html(metric) -> Markup:
    """What a metric is, why it is measured, what to caution of, and its source: a list of terms."""
    said = (
        ("What", metric.definition),
        ("How", f"{metric.numerator}, out of {metric.denominator}" if metric.denominator else metric.numerator),
        ("Why", metric.why),
        ("Caveat", metric.caution),
        ("Source", metric.source),
    )
    return tag(
        "dl", *(join(tag("dt", term), tag("dd", as_sentence(text))) for term, text in said if text), class_="method"
    )


def definitions(metrics) -> Html:
    """The definitions of several metrics, for the end of a page."""
    blocks = [
        tag("details", tag("summary", metric.title), definition_html(metric), class_="definition") for metric in metrics
    ]
    return Html(tag("div", *blocks, class_="definitions"), "\n".join(f"{m.title}: {m.definition}" for m in metrics))


def _row_html(result: Result, row, shared: list[str]) -> Markup:
    lead = tag(
        "p",
        tag("span", f"{_subject(result, row)}: "),
        tag("strong", value_words(result, row), class_="tied")
        if available(row)
        else tag("em", value_words(result, row)),
        _support(result, row),
        class_="said",
    )
    change = change_words(result, row)
    extras = [None if change.text in shared else change_html(change)]
    extras += [tag("span", words, class_="target") for words in (target_words(result, row),) if words]
    extras += [tag("span", words, class_="flag") for words in _new_flags(result, row) if words not in shared]
    shown = [extra for extra in extras if extra]
    under = tag("p", Markup(" &middot; ").join(shown), class_="under") if shown else None
    return join(lead, under)


def _new_flags(result: Result, row) -> list[str]:
    """The flags in words, but for what is said already as the reason why the row is not compared."""
    return [w for w in flag_words(result, row) if not (w.startswith("partial") and "is partial" in row.reason)]


def _subject(result: Result, row) -> str:
    of = f", {printable(row.breakdown)}" if row.breakdown else ""
    return f"{result.metric.title}{of}, {period_name(result.period.label, result.client)}"


def _support(result: Result, row) -> str:
    if not (available(row) or not_reached(row)):
        return ""
    ends = interval_words(result, row)
    level = f"{percent(result.client.level, result.client)} interval {ends}" if ends else ""
    support = "; ".join(words for words in (level, basis_words(result, row)) if words)
    return f" ({support})" if support else ""


def _unit_tail(result: Result, row) -> str:
    if row.unit == "count" and row.unit == result.metric.unit and not row.breakdown:
        return f" {noun(result.metric.numerator)}"
    if row.unit == "scale":
        ends = declared_scale(result)
        return " on a scale of {:g} to {:g}".format(*ends) if ends else " on the declared scale"
    return ""


def _sentences(result: Result):
    whole = result.whole
    if _triangular(result):
        yield _triangle_sentence(result)
        return
    for row in result.entries[:_MOST_SENTENCES]:
        yield sentence(result, row)
    if len(whole) > _MOST_SENTENCES:
        yield f"{len(whole) - _MOST_SENTENCES} more: see the table."
    if whole.empty:
        yield f"{result.metric.title}, {period_name(result.period.label, result.client)}: not available: no data"


def _triangular(result: Result) -> bool:
    breakdowns = result.whole["breakdown"]
    return len(breakdowns) > 0 and all(map(is_cohort, breakdowns))


def _triangle_sentence(result: Result) -> str:
    """Cohorts in number, and the range one month after the first."""
    rows = [row for row in result.entries if available(row)]
    cohorts = {cohort_cell(row.breakdown)[0] for row in result.entries}
    plural = "cohort" if len(cohorts) == 1 else "cohorts"
    head = f"{result.metric.title}, {period_name(result.period.label, result.client)}: {len(cohorts)} {plural}"
    first = sorted((row for row in rows if cohort_cell(row.breakdown)[1] == 1), key=lambda row: row.value)
    if len(first) < 2:
        return head
    low, high = (
        f"{value_words(result, row)} ({period_name(cohort_cell(row.breakdown)[0], result.client)})"
        for row in (first[0], first[-1])
    )
    return f"{head}; one month after the first, between {low} and {high}"


def _last_day(period, client) -> str:
    return day(period.cutoff - timedelta(microseconds=1), client)


def as_sentence(text: str) -> str:
    """With a capital at the start and a stop at the end."""
    return text and f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def why_nothing(result: Result, otherwise: str = "nothing to show") -> str:
    """The reason why there is nothing to draw."""
    reasons = [value_words(result, row) for row in result.entries if not available(row)]
    return reasons[0] if reasons else otherwise
