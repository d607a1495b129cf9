"""The sentences of notes (`crmnb.core.notes`): a template or a function for each code, by subject, filled in the client's locale."""

import pandas as pd

from crmnb.core.notes import Note, from_json
from crmnb.report.text.notes import (
    clv,
    data_quality,
    drift,
    employees,
    engagement,
    experiments,
    feedback,
    history,
    impact,
    market,
    operations,
    path_models,
    relationship,
    requirements,
    revenue,
    rows,
    service,
    survival,
)
from crmnb.report.text.notes.history import NO_COMPARISON
from crmnb.report.text.notes.words import Renderer, Values, Words, listed
from crmnb.schema.client import Client

__all__ = ["NO_COMPARISON", "SENTENCES", "listed", "reason_text", "sentence", "with_reason_texts"]


def sentence(note: Note, client: Client) -> str:
    """The note in words, in the client's locale; without a stop where it is a part of a sentence. KeyError for an unknown code."""
    template, words = SENTENCES[note.code], Words(client, sentence)
    return words.fill(template, **note.values) if isinstance(template, str) else template(words, note.values)


def reason_text(reason: str, client: Client) -> str:
    """The reason of a row of results (a note as JSON) in words; "" where there is none."""
    return sentence(from_json(reason), client) if reason else ""


def with_reason_texts(frame: pd.DataFrame, client: Client) -> pd.DataFrame:
    """The results frame with reasons in words, as people read it."""
    return frame.assign(reason=[reason_text(reason, client) for reason in frame["reason"]])


def _together(words: Words, values: Values) -> str:
    return " ".join(words.sentence(note) for note in values["notes"])


_SUBJECTS = (
    survival,
    clv,
    revenue,
    history,
    requirements,
    rows,
    drift,
    path_models,
    relationship,
    feedback,
    employees,
    service,
    operations,
    engagement,
    market,
    experiments,
    data_quality,
    impact,
)
SENTENCES: dict[str, str | Renderer] = {"caveats": _together} | NO_COMPARISON
for _subject in _SUBJECTS:
    SENTENCES |= _subject.SENTENCES
