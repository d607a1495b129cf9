"""Checks of the key `feedback` of a parameters file."""

from collections.abc import Iterator

from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.surveys import Feedback

_RESERVED = "(no theme)"  # what reports call comments without a theme


def find_feedback_problems(feedback: Feedback, client: Client) -> Iterator[str]:
    """All faults of the key `feedback`. Each message begins with the key."""
    if feedback.library and feedback.language != "en":
        yield f"feedback.library: {feedback.library} knows English only. Declare language: en, or the words of a lexicon of your own."
    if feedback.library and feedback.lexicon:
        yield "feedback.library: declare a `library` or a `lexicon`, not both."
    if feedback.codebook and "themes" in feedback.model_fields_set:
        yield "feedback.themes: with a `codebook`, no themes are searched for. Remove one of the two."
    for name, phrases in feedback.codebook.items():
        if name.lower() == _RESERVED:
            yield f"feedback.codebook.{name}: this name is reserved. Rename it."
        if len({phrase.casefold() for phrase in phrases}) < len(phrases):
            yield f"feedback.codebook.{name}: a word or phrase is declared twice. Remove one."
    mapping = client.tables.get("survey_responses")
    if mapping is None or (mapping.columns and "comment" not in mapping.columns):
        yield "feedback: needs the comments of customers: map tables.survey_responses.columns.comment."
