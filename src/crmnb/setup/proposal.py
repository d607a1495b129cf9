"""The table that a file holds, and the column of each header: by names and by the form of values, one to one.

Each pair of a column and a header has a score: how near the header is to the column's names, times how well the values fit its
type. The assignment with the largest total is chosen (Kuhn 1955, Naval Research Logistics Quarterly 2:83), so that no header is taken
by a column that it fits less. Pairs below SURE are not mapped.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crmnb.schema.tables import TABLES, Column
from crmnb.setup.draft import Line
from crmnb.setup.file_profile import ColumnProfile, FileProfile
from crmnb.setup.values import normalised
from crmnb.setup.vocabulary import codes_of, file_names, likeness, names_of, tables_to_map

SURE = 0.6  # a pair with less is not mapped
DOUBTFUL = 0.4  # a pair with less is not even asked about
_MARGIN = 0.4  # by which the best table must be ahead of the second best
NEARLY_ALL = 0.97  # the share of rows with another key; the import rejects the others
_FLAGS = {"true", "false", "1", "0", "yes", "no", "y", "n"}
# What a file need not hold, because all its rows have the same: the value and the reason.
_CONSTANTS = {
    ("orders", "status"): ("paid", "the file has no status: each row counts as a paid order"),
    ("survey_responses", "survey"): ("survey", "a name for the survey; the file has none"),
    ("brand_survey", "wave"): ("1", "the file has no column of it"),
}
_WEIGHT_OF_OPTIONAL = 0.35


@dataclass(frozen=True)
class Proposal:
    """The columns of a table for a file; `doubtful` are pairs that are only asked about. `missing` are required columns."""

    table: str
    columns: dict[str, Line]
    doubtful: dict[str, Line]
    missing: tuple[str, ...]
    score: float


def propose_table(profile: FileProfile) -> tuple[Proposal | None, list[Proposal]]:
    """The table that a file holds, None where it is not clear, and all candidates, the best first."""
    proposals = sorted((propose_columns(profile, name) for name in tables_to_map()), key=lambda p: -p.score)
    whole = [proposal for proposal in proposals if not proposal.missing and proposal.score > 1]
    if whole and (len(whole) == 1 or whole[0].score - whole[1].score >= _MARGIN):
        return whole[0], whole
    return None, whole or [proposal for proposal in proposals if proposal.score > 1][:2]


def propose_columns(profile: FileProfile, name: str) -> Proposal:
    """The columns of a table for a file, by the assignment with the largest total score."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    table = TABLES[name]
    columns = _columns_of(name)
    pairs = [[score_of(name, column, header) for header in profile.columns] for column in columns]
    scores = np.array([[score for score, _ in row] for row in pairs]) if pairs else np.zeros((0, 0))
    # A required column counts more, so that it is not left without its only header.
    weights = np.array([1.0 if column.required else 0.8 for column in columns])[:, None]
    usable = np.where(scores >= DOUBTFUL, scores, 0) * weights
    mapped, doubtful = {}, {}
    for place, header in zip(*linear_sum_assignment(usable, maximize=True), strict=True):
        score, why = pairs[place][header]
        if score >= DOUBTFUL:
            target = mapped if score >= SURE else doubtful
            target[columns[place].name] = Line(profile.columns[header].header, why, round(score, 2))
    for column in columns:
        constant = _CONSTANTS.get((name, column.name))
        if column.required and constant and column.name not in mapped and column.name not in doubtful:
            mapped[column.name] = Line({"value": constant[0]}, constant[1])
    missing = tuple(c.name for c in columns if c.required and c.name not in mapped and not _follows(c, mapped))
    total = sum(
        line.score * (1 if table.by_name[key].required else _WEIGHT_OF_OPTIONAL)
        for key, line in mapped.items()
        if isinstance(line.value, str) and key in table.by_name
    )
    words = set(normalised(profile.path.stem).split())
    named = 0.6 if words & set(file_names(name)) else 0.0
    required = sum(column.required for column in columns) or 1
    return Proposal(name, mapped, doubtful, missing, total + named - 0.75 * len(missing) - 0.1 * (required > 6))


def _columns_of(name: str) -> tuple[Column, ...]:
    return TABLES[name].columns


def _follows(column: Column, mapped: Collection[str]) -> bool:
    """Whether a column follows from others that are mapped, as the monthly amount from the amount of an interval."""
    derived = getattr(column, "derived", None)
    return bool(derived and derived.applies(mapped))


def score_of(table: str, column: Column, header: ColumnProfile) -> tuple[float, str]:
    """How well a header fits a column of a table, from 0 to 1, and why."""
    near, name = likeness(header.header, names_of(table, column.name))
    if near < DOUBTFUL or not header.values:
        return 0.0, ""
    fit, form = _fit(table, column, header)
    same = normalised(header.header) == name
    return near * fit, f"{'the name' if same else f'a name like {name!r}'}, {form}" if fit else ""


def _fit(table: str, column: Column, header: ColumnProfile) -> tuple[float, str]:
    """How well the values fit the type of a column, from 0 to 1, and in which form they are."""
    times, numbers = header.times, header.numbers
    if column.type == "month":
        return (1.0, "months") if times and (times.is_month or "time" in str(times)) else (0.0, "")
    if column.type == "time":
        return (1.0, "times") if times and not times.is_month else (0.0, "")
    if column.type in ("money", "number", "integer"):
        fits = numbers and not (column.type == "integer" and not numbers.is_whole)
        return (1.0, "numbers") if fits else (0.0, "")
    if column.type == "flag":
        return (1.0, "yes or no") if set(map(str.lower, header.sample)) <= _FLAGS else (0.0, "")
    if column.type == "key":
        return _fit_of_key(table, column, header)
    return _fit_of_text(table, column, header)


def _fit_of_key(table: str, column: Column, header: ColumnProfile) -> tuple[float, str]:
    if header.times and not header.numbers:
        return 0.3, "times"
    if header.numbers and not header.numbers.is_whole:
        return 0.3, "numbers with decimals"
    if TABLES[table].key == (column.name,):
        if header.distinct >= NEARLY_ALL:
            return 1.0, "each row has another value" if header.distinct == 1 else "nearly each row has another value"
        return (0.55, "values repeat") if column.name != "customer_id" else (0.5, "values repeat")
    return 1.0, "keys"


def _fit_of_text(table: str, column: Column, header: ColumnProfile) -> tuple[float, str]:
    if header.times:
        return 0.2, "times"
    if column.prose:
        return (1.0, "free text") if not header.numbers else (0.3, "numbers")
    if codes := codes_of(table, column.name):
        known = sum(normalised(value) in codes for value in header.sample)
        share = known / len(header.sample) if header.sample else 0
        if share >= 0.5:
            return 1.0, "known words"
        return (0.7, "some words") if len(header.counts) <= 20 else (0.3, "too many words")
    return (0.6, "numbers") if header.numbers else (1.0, "texts")


def unmapped_headers(profile: FileProfile, used: Sequence[str]) -> list[str]:
    """The headers of a file that no table uses, in the order of the file."""
    mapped = set(used)
    return [column.header for column in profile.columns if column.header not in mapped and column.values]


def words_in(text: str) -> set[str]:
    """The words of a text, for comparison."""
    return set(re.findall(r"\w+", normalised(text)))
