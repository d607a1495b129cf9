"""Near duplicates in plain Python: Jaro-Winkler similarity letter by letter, every pair of a block, and groups by walking the pairs.

Source of the similarity: Winkler 1990, Proceedings of the Section on Survey Research Methods (ASA), 354: Jaro's mean of three shares, raised by a tenth of
the distance to 1 for each of the first four letters that agree, where it is above .7 already.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations

Record = dict[str, str | None]


def jaro_winkler(one: str, other: str) -> float:
    """The similarity of two texts, from 0 to 1."""
    reach = max(len(one), len(other)) // 2 - 1
    taken: set[int] = set()
    pairs = []
    for at, letter in enumerate(one):
        near = range(max(0, at - reach), min(len(other), at + reach + 1))
        place = next((place for place in near if place not in taken and other[place] == letter), None)
        if place is not None:
            taken.add(place)
            pairs.append((letter, place))
    if not pairs:
        return 0.0
    theirs = [other[place] for place in sorted(taken)]
    swapped = sum(letter != their for (letter, _), their in zip(pairs, theirs, strict=True)) // 2
    met = len(pairs)
    jaro = (met / len(one) + met / len(other) + (met - swapped) / met) / 3
    start = 0
    while start < min(4, len(one), len(other)) and one[start] == other[start]:
        start += 1
    return jaro + 0.1 * start * (1 - jaro) if jaro > 0.7 else jaro


def words_of(text: str | None) -> list[str]:
    """The words of a text without case, accents and punctuation."""
    letters = unicodedata.normalize("NFD", (text or "").lower())
    return re.findall(r"[^\W_]+", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def _similarity(one: str | None, other: str | None) -> float | None:
    first, second = words_of(one), words_of(other)
    if not first or not second:
        return None
    return max(jaro_winkler(" ".join(a), " ".join(b)) for a, b in ((first, second), (sorted(first), sorted(second))))


def near_pairs(
    records: Sequence[Record], fields: Sequence[str], blocks: Sequence[str], least: float
) -> set[tuple[int, int]]:
    """The pairs (places from 0) that agree in one of the blocks, with a mean similarity of the fields of at least so much."""
    keys = [{name: " ".join(sorted(words_of(record[name]))) for name in blocks} for record in records]
    found = set()
    for one, other in combinations(range(len(records)), 2):
        if not any(keys[one][name] and keys[one][name] == keys[other][name] for name in blocks):
            continue
        known = [s for name in fields if (s := _similarity(records[one][name], records[other][name])) is not None]
        if known and sum(known) / len(known) >= least:
            found.add((one, other))
    return found


def duplicates_of(pairs: set[tuple[int, int]]) -> int:
    """The records that are connected by pairs, less one of each group."""
    neighbours: dict[int, set[int]] = {}
    for one, other in pairs:
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    seen: set[int] = set()
    duplicates = 0
    for start in neighbours:
        if start in seen:
            continue
        group, waiting = set(), [start]
        while waiting:
            record = waiting.pop()
            if record not in group:
                group.add(record)
                waiting += neighbours[record]
        seen |= group
        duplicates += len(group) - 1
    return duplicates
