"""Themes of comments: planted ones are found, the same in any order of the texts; a codebook counts whole words and phrases."""

import numpy as np
import pytest

from crmnb.stats.text.themes import FEWEST_COMMENTS, count_codebook, find_themes, phrase_pattern

TOPICS = {"bread": ("bread", "loaf", "crust"), "wine": ("wine", "bottle", "cork"), "till": ("till", "receipt", "queue")}


def planted(comments: int, seed: int) -> tuple[list[str], list[str]]:
    """Comments that mention two words of a topic among words that all topics share, and the topic of each."""
    rng = np.random.default_rng(seed)
    fillers = [f"filler{chr(97 + at)}" for at in range(20)]
    texts, topics = [], []
    for _ in range(comments):
        topic = str(rng.choice(list(TOPICS)))
        words = [*rng.choice(TOPICS[topic], 2, replace=False), *rng.choice(fillers, 3, replace=False)]
        texts.append(" ".join(rng.permutation(words)))
        topics.append(topic)
    return texts, topics


def test_planted_themes_are_found_and_named_by_their_words():
    texts, topics = planted(600, 1)
    themes = find_themes(texts, np.ones(len(texts)), 3, "en")
    for topic, words in TOPICS.items():
        (at,) = (at for at, name in enumerate(themes.names) if set(name.split(" / ")) == set(words))
        assert (themes.members[:, at] == (np.array(topics) == topic)).mean() > 0.97
        assert themes.stability[at] > 0.95


def test_a_theme_too_many_is_less_stable_than_those_that_are_there():
    texts, _ = planted(600, 2)
    true, more = (find_themes(texts, np.ones(len(texts)), count, "en") for count in (3, 8))
    assert min(true.stability) > 0.9
    assert min(more.stability) < 0.8


def test_the_order_of_the_texts_has_no_effect():
    texts, _ = planted(300, 3)
    order = np.random.default_rng(0).permutation(len(texts))
    themes, shuffled = (find_themes(own, np.ones(len(own)), 3, "en") for own in (texts, [texts[at] for at in order]))
    assert themes.names == shuffled.names
    assert (themes.members[order] == shuffled.members).all()


def test_words_that_are_left_out_name_no_theme():
    texts, _ = planted(300, 4)
    themes = find_themes(texts, np.ones(len(texts)), 2, "en", frozenset({"bread", "loaf"}))
    assert not {"bread", "loaf"} & {word for words in themes.words for word in words}


def test_a_word_of_few_comments_names_no_theme():
    texts, _ = planted(FEWEST_COMMENTS * 2, 5)
    texts = [*texts, *(f"{text} Zbigniew" for text in texts[:9])]
    themes = find_themes(texts, np.ones(len(texts)), 3, "en")
    assert "zbigniew" not in {word for words in themes.words for word in words}


def test_texts_without_common_words_have_no_themes():
    assert find_themes([f"{'ab'[at % 2] * (at + 3)}" for at in range(200)], np.ones(200), 2, "en") is None


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("at the till", {"Till"}),
        ("a TILL, and the till", {"Till"}),
        ("until noon", set()),
        ("nobody rang\nback", {"Waiting"}),
        ("they rang me back", set()),
        ("late at the till", {"Till", "Waiting"}),
        ("price (late)", {"Waiting"}),
        ("", set()),
    ],
)
def test_a_codebook_counts_whole_words_and_phrases_in_any_case(text: str, about: set[str]):
    themes = count_codebook([text], {"Till": ("till",), "Waiting": ("late", "rang back")})
    assert {name for name, is_member in zip(themes.names, themes.members[0], strict=True) if is_member} == about


def test_a_phrase_with_signs_is_taken_as_it_is_written():
    assert phrase_pattern("c++ (new").search("all in C++  (New)")
    assert not phrase_pattern("a.b").search("acb")
