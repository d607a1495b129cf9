"""Files of the same columns as one source: a file per day, per month or per branch."""

import re
from collections.abc import Sequence
from dataclasses import replace
from glob import escape, glob
from itertools import takewhile
from pathlib import Path

from crmnb.setup.file_profile import ColumnProfile, FileProfile


def grouped(profiles: Sequence[FileProfile]) -> list[FileProfile]:
    """The profiles, those of files with the same columns in one, if a pattern names these files and no other one."""
    groups: dict[tuple, list[FileProfile]] = {}
    for profile in profiles:
        headers = tuple(sorted(profile.by_header)) if profile.format == "json" else tuple(profile.by_header)
        key = (profile.path.parent, profile.path.suffix, profile.format, _columns_of(headers), repr(profile.options))
        groups.setdefault(key, []).append(profile)
    return [profile for group in groups.values() for profile in _united(group)]


def _columns_of(headers: tuple[str, ...]) -> tuple[str, ...]:
    """The columns by which files are alike: of JSON only those that are not nested, as lines lack what they do not have."""
    return (
        tuple(header for header in headers if "." not in header)
        if any("." in header for header in headers)
        else headers
    )


def _united(group: Sequence[FileProfile]) -> list[FileProfile]:
    pattern = _pattern([profile.path for profile in group]) if len(group) > 1 else ""
    if not pattern:
        return list(group)
    headers = dict.fromkeys(header for profile in group for header in profile.by_header)
    rows = sum(profile.rows for profile in group)
    columns = tuple(
        ColumnProfile(
            header,
            tuple(
                value for profile in group if header in profile.by_header for value in profile.by_header[header].values
            ),
            rows,
            next(profile.by_header[header].label for profile in group if header in profile.by_header),
        )
        for header in headers
    )
    totals = {header: texts for profile in group for header, texts in profile.totals.items()}
    filled = frozenset(header for profile in group for header in profile.filled_in_totals)
    cells = tuple(
        tuple(cell.get(header, "") for header in headers)
        for profile in group
        for row in profile.cells
        for cell in [dict(zip(profile.by_header, row, strict=False))]
    )
    return [
        replace(
            group[0], columns=columns, rows=rows, totals=totals, filled_in_totals=filled, cells=cells, pattern=pattern
        )
    ]


def _pattern(paths: Sequence[Path]) -> str:
    """The pattern of names that are alike at both ends, without the number in between; "" if it would also name another file."""
    names = [path.name for path in paths]
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    for first in (re.sub(r"\d[\d_-]*$", "", start), start):  # the next month's file may differ in an earlier digit
        pattern = f"{escape(first)}*{escape(end)}"
        if first and {Path(name).name for name in glob(f"{escape(str(paths[0].parent))}/{pattern}")} == set(names):
            return pattern
    return ""


def _common_start(texts: Sequence[str]) -> str:
    alike = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    return "".join(characters[0] for characters in alike)
