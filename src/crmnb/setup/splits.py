"""Cells with several values: an attribute and its flags, where a column of a file holds lists of the same few words."""

import re
from collections import Counter

from crmnb.core.errors import did_you_mean
from crmnb.schema.tables import RESERVED, TABLES
from crmnb.setup.draft import Line, SourceDraft, TableDraft
from crmnb.setup.values import normalised

_SEPARATORS = (";", "|")  # a comma also stands in prose
_MOST_WORDS = 12
_LONGEST_NAME = 30


def add_splits(source: SourceDraft, table: TableDraft) -> None:
    """Map the columns of a file whose cells hold several of a few words, with a flag for each word."""
    used = {line.value for line in table.columns.values() if isinstance(line.value, str)}
    if table.query or source.options.get("unrecognised"):
        return
    for column in source.profile.columns:
        if column.header in {*used, *source.personal} or column.personal or column.numbers or column.times:
            continue
        for separator in _SEPARATORS:
            if words := _words(column.counts, separator):
                _add(table, column.header, separator, words)
                break


def _words(counts: Counter[str], separator: str) -> list[str]:
    """The words that the cells list, if some cells hold several and the same ones come again; else none."""
    lists = [([word.strip() for word in text.split(separator) if word.strip()], rows) for text, rows in counts.items()]
    words: Counter[str] = Counter()
    for parts, rows in lists:
        words.update(dict.fromkeys(parts, rows))
    are_few = 1 < len(words) <= _MOST_WORDS and max(map(len, words)) <= _LONGEST_NAME
    come_again = sum(rows > 1 for rows in words.values()) >= len(words) * 2 / 3
    return sorted(words) if are_few and come_again and any(len(parts) > 1 for parts, _ in lists) else []


def _add(table: TableDraft, header: str, separator: str, words: list[str]) -> None:
    name = _slug(header)
    flags = {f"{name}_{_slug(word)}": word for word in words}
    known = [column.name for column in TABLES[table.name].columns]
    names = [name, *flags]
    is_free = not {*names} & {*RESERVED, *known, *table.columns} and len(flags) == len(words)
    if not name or not is_free or any(did_you_mean(word, known, most=1, cutoff=0.8) for word in names):
        return
    table.columns[name] = Line(header, f"cells hold several values, parted by {separator!r}")
    split = table.options.setdefault("split", Line({}, "true or false for each value, for segments and filters"))
    split.value[name] = {"separator": separator, "flags": flags}


def _slug(text: str) -> str:
    name = re.sub(r"\W+", "_", normalised(text), flags=re.ASCII).strip("_")[:_LONGEST_NAME].rstrip("_")
    return name if name[:1].isalpha() else ""
