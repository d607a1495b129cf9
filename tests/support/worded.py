"""Notes and reasons as a British client's page words them."""

from collections.abc import Iterable

from synthetic import client

from crmnb.core.notes import Note
from crmnb.report.text.notes import reason_text, sentence

_CLIENT = client(segments={})


def note_words(notes: Iterable[Note]) -> list[str]:
    """The sentences of notes."""
    return [sentence(note, _CLIENT) for note in notes]


def reason_words(reason: str) -> str:
    """The reason of a row of results (JSON) in words."""
    return reason_text(reason, _CLIENT)
