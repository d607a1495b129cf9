"""Survey items among the columns of a file: questions with answers on a scale, in numbers or in words."""

import re
from collections.abc import Sequence

from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.draft import Draft, Line, Question, TableDraft
from crmnb.setup.file_profile import ColumnProfile, FileProfile
from crmnb.setup.proposal import words_in
from crmnb.setup.values import normalised
from crmnb.setup.vocabulary import answer_scales, item_words, names_of

_SCALE = re.compile(r"\b(\d{1,2})\s*(?:-|\u2013|to|bis|a|à|tot)\s*(\d{1,2})\b")
_MOST_ANSWERS = 11
_SHOWN = 120  # characters of a question


def add_items(draft: Draft, table: TableDraft, profile: FileProfile, mapped: Sequence[str], answers: Answers) -> None:
    """Add the survey items of a file to a table of answers: their columns, scales and directions, or questions about them."""
    for column in profile.columns:
        if column.header in mapped or not column.values:
            continue
        question = f"{column.label} {column.header}"
        kind = _kind_of(question)
        worded = _worded_scale(column)
        if kind and (worded or _is_scaled(column)):
            key = kind if kind not in draft.items else _free_key(kind, draft)
            _add_item(draft, table, column, key, worded, profile, answers)
        elif "comment" not in table.columns and _is_comment(column):
            table.columns["comment"] = Line(column.header, "free text")


def _kind_of(question: str) -> str:
    """Which item a question is: satisfied, recommend or effort; "" if none."""
    words = words_in(question)
    if "group" in words:  # of promoters, passives and detractors, which follows from the answer
        return ""
    kinds = [item for item, known in item_words().items() if words & set(known)]
    return "recommend" if "recommend" in kinds else kinds[0] if len(kinds) == 1 else ""


def _worded_scale(column: ColumnProfile) -> dict[str, str]:
    """The recoding of worded answers to numbers, best highest; empty if they are not words of a known scale."""
    texts = {text: normalised(text) for text in column.sample}
    for scale in answer_scales():
        if texts and set(texts.values()) <= set(scale) and len(texts) > 1:
            spelled = {normalised(text): text for text in texts}
            return {spelled.get(word, word.capitalize()): str(len(scale) - place) for place, word in enumerate(scale)}
    return {}


def _is_scaled(column: ColumnProfile) -> bool:
    numbers = column.numbers
    return bool(
        numbers and numbers.is_whole and numbers.low >= 0 and numbers.high <= 10 and len(column.counts) <= _MOST_ANSWERS
    )


def _free_key(kind: str, draft: Draft) -> str:
    return next(key for number in range(2, 1000) if (key := f"{kind}_{number}") not in draft.items)


def _add_item(
    draft: Draft,
    table: TableDraft,
    column: ColumnProfile,
    key: str,
    worded: dict[str, str],
    profile: FileProfile,
    answers: Answers,
) -> None:
    asks = (column.label or column.header)[:_SHOWN]
    kind = re.sub(r"_\d+$", "", key)
    scale, why = ((1, len(worded)), "its worded answers are known") if worded else _scale_of(column, kind, asks)
    if scale is None:
        question = Question(f"scale.{key}", f"the lowest and the highest possible answer of {key!r}", f"{key}: ...")
        answer = answers.get(question)
        bounds = re.fullmatch(r"\s*(\d{1,2})\s*-\s*(\d{1,2})\s*", answer or "")
        if not bounds:
            table.questions.append(question)
            return
        scale, why = (int(bounds[1]), int(bounds[2])), "as answered"
    item = {"name": _NAMES.get(kind, key), "scale": list(scale), "asks": asks}
    direction, reason = _direction_of(column, kind, bool(worded), table, profile, key, answers)
    if direction is None:
        return
    if direction in ("effort", "ease"):
        item["direction"] = direction
    if worded:
        table.values[key] = worded
    elif direction == "down":
        table.values[key] = {str(n): str(sum(scale) - n) for n in range(scale[0], scale[1] + 1)}
    table.columns[key] = Line(column.header, f"asks about it: {why}{reason}")
    draft.items[key] = Line(item)


_NAMES = {"satisfied": "Satisfaction", "recommend": "Recommendation", "effort": "Effort"}


def _scale_of(column: ColumnProfile, kind: str, asks: str) -> tuple[tuple[int, int] | None, str]:
    """The scale of an item, and why: named in the question, or shown by the answers; None if neither."""
    low, high = int(column.numbers.low), int(column.numbers.high)
    if named := _SCALE.search(f"{asks} {column.header}"):
        scale = int(named[1]), int(named[2])
        if scale[0] <= low and high <= scale[1] and scale[0] < scale[1]:
            return scale, "the question names the scale"
    if kind == "recommend" and (high > 7 or low == 0):
        return (0, 10), "0 to 10 is the scale of this question"
    if (low, high) in ((1, 5), (1, 7), (1, 10), (0, 10)):
        return (low, high), f"answers from {low} to {high} occur"
    return None, ""


def _direction_of(
    column: ColumnProfile,
    kind: str,
    is_worded: bool,
    table: TableDraft,
    profile: FileProfile,
    key: str,
    answers: Answers,
) -> tuple[str | None, str]:
    """The direction of an item and why; None, with a question in the table, if no file can say it."""
    if is_worded:
        return "up", ""
    if kind == "recommend":
        return "up", ""
    if kind == "satisfied" and (other := table.header_of("recommend") or _recommend_header(profile, column.header)):
        relation = _agreement(profile, column.header, other)
        if relation > 0.3:
            return "up", "; high answers go with high recommendation"
    allowed = ("effort", "ease") if kind == "effort" else ("up", "down")
    meaning = (
        "effort: 1 is very low effort, ease: high is easy"
        if kind == "effort"
        else "up: high is good, down: low is good"
    )
    question = Question(f"direction.{key}", f"what a high answer of {key!r} means ({meaning})", f"{key}: ...", allowed)
    answer = answers.get(question)
    if answer is None:
        table.questions.append(question)
    return answer, "; direction as answered"


def _recommend_header(profile: FileProfile, other: str) -> str | None:
    for column in profile.columns:
        text = f"{column.label} {column.header}"
        if column.header != other and column.values and _kind_of(text) == "recommend" and _is_scaled(column):
            return column.header
    return None


def _agreement(profile: FileProfile, first: str, second: str) -> float:
    """The correlation of two columns of numbers over the rows that have both; 0 with fewer than five of them."""
    import numpy as np

    pairs = [(float(a), float(b)) for a, b in profile.pairs(first, second) if a and b]
    values = np.array(pairs)
    if len(pairs) < 5 or not values.std(axis=0).all():
        return 0.0
    return float(np.corrcoef(values.T)[0, 1])


def _is_comment(column: ColumnProfile) -> bool:
    """Whether a column holds free text that people write, by its name or by sentences."""
    names = {word for name in names_of("survey_responses", "comment") for word in name.split()} - {"any"}
    asks = {
        "why",
        "better",
        "improve",
        "warum",
        "verbessern",
        "pourquoi",
        "ameliorer",
        "mejorar",
        "waarom",
        "verbeteren",
    }
    text = words_in(f"{column.label} {column.header}")
    return bool(text & (names | asks)) and not column.numbers and not column.times


def has_items(name: str) -> bool:
    """Whether a table may have survey items."""
    return TABLES[name].has_items
