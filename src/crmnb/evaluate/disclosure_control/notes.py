"""Disclosure control of notes: small counts become bounds."""

from collections.abc import Iterable
from typing import Any

from crmnb.core.notes import Count, Note
from crmnb.schema.client import Privacy


def protected_notes(notes: Iterable[Note], privacy: Privacy) -> tuple[Note, ...]:
    """The notes with every count below `suppress_below` (but 0) replaced by that bound, in notes inside of notes as well."""
    return tuple(_protected(note, privacy.suppress_below) for note in notes)


def _protected(value: Any, at_least: int) -> Any:
    if isinstance(value, Note):
        return Note(value.code, **{name: _protected(part, at_least) for name, part in value.items})
    if isinstance(value, tuple):
        return tuple(_protected(part, at_least) for part in value)
    if isinstance(value, Count) and not value.is_bound and 0 < value.number < at_least:
        return Count(at_least, is_bound=True)
    return value
