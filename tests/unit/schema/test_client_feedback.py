"""The key `feedback` of a parameters file: what is refused, in words that help."""

from pathlib import Path

import pytest

from crmnb.core.errors import InputError
from crmnb.schema.client import load_client

SHOP = """
name: Shop
currency: GBP
sources: {a: {file: a.csv}}
tables:
  survey_responses:
    source: a
    columns: {response_id: No, survey: Survey, responded_at: At, comment: Text}
feedback: {language: en, codebook: {Till: [till, queue]}, lexicon: {good: 1}}
"""


def load(folder: Path, text: str = SHOP):
    (folder / "shop.yml").write_text(text, encoding="utf-8")
    return load_client("shop", folder)


def test_it_is_read(tmp_path):
    feedback = load(tmp_path).feedback
    assert (feedback.language, feedback.codebook, feedback.lexicon) == ("en", {"Till": ("till", "queue")}, {"good": 1})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("language: en", "language: English", "feedback.language"),
        ("lexicon: {good: 1}", "lexicon: {good: 2}", "feedback.lexicon.good"),
        ("lexicon: {good: 1}", "library: textblob", "feedback.library"),
        ("lexicon: {good: 1}", "lexicon: {good: 1}, library: vader", "declare a `library` or a `lexicon`, not both"),
        (
            "language: en, codebook: {Till: [till, queue]}, lexicon: {good: 1}",
            "language: de, library: vader",
            "knows English only",
        ),
        ("lexicon: {good: 1}", "themes: 5", "feedback.themes: with a `codebook`"),
        ("[till, queue]", "[till, Till]", "feedback.codebook.Till: a word or phrase is declared twice"),
        ("[till, queue]", "[]", "feedback.codebook.Till"),
        ("Till:", '"(no theme)":', "this name is reserved"),
        (", comment: Text", "", "map tables.survey_responses.columns.comment"),
    ],
)
def test_a_fault_is_named_with_its_key(tmp_path, old: str, new: str, words: str):
    assert old in SHOP
    with pytest.raises(InputError) as caught:
        load(tmp_path, SHOP.replace(old, new))
    assert words in str(caught.value)
