"""Disclosure control of notes: small counts become bounds, and quotes of small groups are left out."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from crmnb.core.notes import Count, Note
from crmnb.schema.client import Privacy


def protected_notes(notes: Iterable[Note], privacy: Privacy, rows: pd.DataFrame) -> tuple[Note, ...]:
    """The notes with every count below `suppress_below` (but 0) replaced by that bound, in notes inside of notes as well.

    rows: the metric's. A quote stands for those who share its theme and level; where their figure is hidden or there is none, so is the quote.
    """
    notes = tuple(notes)
    if any(note.code == "quote" for note in notes):
        whole = rows[(rows["part"] == "") & rows["value"].notna() & ~rows["flags"].str.contains("suppressed")]
        shown = set(zip(whole["breakdown"], whole["segment"], whole["level"], strict=True))
        notes = tuple(note for note in notes if note.code != "quote" or _quoted_group(note) in shown)
    return tuple(_protected(note, privacy.suppress_below) for note in notes)


def _quoted_group(quote: Note) -> tuple[str, str, str]:
    values = quote.values
    return values["theme"], values.get("segment", ""), values.get("level", "")


def _protected(value: Any, at_least: int) -> Any:
    if isinstance(value, Note):
        return Note(value.code, **{name: _protected(part, at_least) for name, part in value.items})
    if isinstance(value, tuple):
        return tuple(_protected(part, at_least) for part in value)
    if isinstance(value, Count) and not value.is_bound and 0 < value.number < at_least:
        return Count(at_least, is_bound=True)
    return value
