"""Sentences: a result as a block of a page or of a terminal: figures, changes, targets, flags, notes and settings."""

from markupsafe import Markup

from crmnb.core.cohort_cell import CohortCell
from crmnb.core.notes import from_json
from crmnb.evaluate.result import Result
from crmnb.report.html import join, tag
from crmnb.report.text.changes import change_html, change_words
from crmnb.report.text.flags import flag_meanings, flag_words
from crmnb.report.text.notes import sentence as note_sentence
from crmnb.report.text.numbers import period_name
from crmnb.report.text.quotes import QUOTE
from crmnb.report.text.row_state import available, not_reached
from crmnb.report.text.settings import settings_words
from crmnb.report.text.values import base_words, breakdown_name, named_interval, target_words, value_words

_MOST_SENTENCES = 8
_MOST_NOTES = 4  # in sight: the others are folded


def sentence(result: Result, row) -> str:
    """`Repeat purchase rate, 2025: 60% (95% CI 23% to 88%; 3 of 5 buyers)`."""
    return f"{_subject(result, row)}: {value_words(result, row)}{_support(result, row)}"


def summary_text(result: Result) -> str:
    """The result in plain text: each breakdown's sentence with its change and flags below it, then the notes."""
    sentences = list(_sentences(result))
    rows = [] if _is_cohort_table(result) else result.entries[:_MOST_SENTENCES]
    shared = _shared_remarks(result, rows)
    lines = []
    for row, words in zip(rows, sentences, strict=False):
        below = (change_words(result, row).text, target_words(result, row), *flag_words(result, row))
        lines += [words, *(f"  {text}" for text in below if text and text not in shared)]
    lines += sentences[len(rows) :]
    return "\n".join([*lines, *(f"  {note}" for note in (*shared, *notes_in_words(result)))])


def result_html(result: Result) -> Markup:
    """The result as a block of a page: sentence, change, target, flags, notes and settings, the later ones folded."""
    rows = [] if _is_cohort_table(result) else result.entries[:_MOST_SENTENCES]
    shared = _shared_remarks(result, rows)
    blocks = [_row_html(result, row, shared) for row in rows]
    others = list(_sentences(result))[len(rows) :]
    notes = notes_of(result)
    first = [as_sentence(remark) for remark in shared] + notes[:_MOST_NOTES]
    visible = tag("p", *_single(first), class_="notes") if first else None
    rest = notes[_MOST_NOTES:]
    folded = (
        tag("details", tag("summary", "Methodology notes"), tag("p", *_single(rest)), class_="notes definition")
        if rest
        else None
    )
    sentences = (tag("p", text, class_="sentence") for text in others)
    return tag("div", *blocks, *sentences, visible, folded, class_="result", data_metric=result.metric.id)


def _single(notes: list[str]) -> list[Markup]:
    """Notes one after the other, each an element of its own, so that a page can say once what several results share."""
    return [Markup(" ").join(tag("span", note) for note in notes)]


def notes_of(result: Result) -> list[str]:
    """The notes as sentences, the most important first; the last ones are the settings, where there are any."""
    return [as_sentence(text) for text in (*notes_in_words(result), *settings_words(result))]


def as_sentence(text: str) -> str:
    """With a capital at the start and a stop at the end."""
    return text and f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def notes_in_words(result: Result) -> tuple[str, ...]:
    """The result's notes in words, in its client's locale; quotes stand in a block of their own."""
    return tuple(note_sentence(note, result.client) for note in result.notes if note.code != QUOTE)


def _shared_remarks(result: Result, rows) -> list[str]:
    """The reason for no comparison, and the flags, that all of several rows share: once, under them."""
    changes = [change_words(result, row) for row in rows]
    remarks = [[c.text, *_new_flags(result, row)] for c, row in zip(changes, rows, strict=True) if c.tone == "none"]
    if len(rows) < 2 or len(remarks) < len(rows):
        return []
    return [text for text in remarks[0] if text and all(text in texts for texts in remarks)]


def _row_html(result: Result, row, shared: list[str]) -> Markup:
    words = value_words(result, row)
    value = tag("strong", words, class_="tied") if available(row) else tag("em", words)
    lead = tag("p", tag("span", f"{_subject(result, row)}: "), value, _support(result, row), class_="sentence")
    change = change_words(result, row)
    extras = [None if change.text in shared else change_html(change)]
    extras += [tag("span", words, class_="target") for words in (target_words(result, row),) if words]
    extras += [tag("span", words, class_="flag") for words in _new_flags(result, row) if words not in shared]
    shown = [extra for extra in extras if extra]
    under = tag("p", Markup(" &middot; ").join(shown), class_="under") if shown else None
    return join(lead, under)


def _new_flags(result: Result, row) -> list[str]:
    """The flags in words, except what the reason for no comparison says already."""
    meanings = flag_meanings(result, row)
    if row.reason and from_json(row.reason).code == "no_comparison_partial":
        meanings.pop("partial", None)
    return [f"{mark}: {why}" for mark, why in meanings.items()]


def _subject(result: Result, row) -> str:
    breakdown = f", {breakdown_name(row.breakdown, result.client)}" if row.breakdown else ""
    return f"{result.metric.title}{breakdown}, {period_name(result.period.label, result.client)}"


def _support(result: Result, row) -> str:
    if not (available(row) or not_reached(row)):
        return ""
    support = "; ".join(filter(None, (named_interval(result, row), base_words(result, row))))
    return f" ({support})" if support else ""


def _sentences(result: Result):
    whole = result.whole
    if _is_cohort_table(result):
        yield _cohort_sentence(result)
        return
    for row in result.entries[:_MOST_SENTENCES]:
        yield sentence(result, row)
    if len(whole) > _MOST_SENTENCES:
        yield f"{len(whole) - _MOST_SENTENCES} more: see the table."
    if whole.empty:
        yield f"{result.metric.title}, {period_name(result.period.label, result.client)}: not available: no data"


def _is_cohort_table(result: Result) -> bool:
    breakdowns = result.whole["breakdown"]
    return len(breakdowns) > 0 and all(map(CohortCell.of, breakdowns))


def _cohort_sentence(result: Result) -> str:
    """The number of cohorts, and the range one month after the first."""
    cells = [(CohortCell.of(row.breakdown), row) for row in result.entries]
    cohorts = {cell.month for cell, _ in cells}
    plural = "cohort" if len(cohorts) == 1 else "cohorts"
    head = f"{result.metric.title}, {period_name(result.period.label, result.client)}: {len(cohorts)} {plural}"
    first = [(cell, row) for cell, row in cells if cell.age == 1 and available(row)]
    first.sort(key=lambda named: named[1].value)
    if len(first) < 2:
        return head
    low, high = (
        f"{value_words(result, row)} ({period_name(cell.month, result.client)})" for cell, row in (first[0], first[-1])
    )
    return f"{head}; between {low} and {high} one month after the start"
