"""Sentiment: classes by score and lexicon, learned classes, and the correction of their errors."""

import numpy as np
import pytest

from crmnb.stats.text.sentiment import (
    accuracy,
    classes_of,
    corrected_values,
    is_enough,
    learned_classes,
    lexicon_scores,
    misclassified,
    vader_scores,
)


def test_scores_near_zero_are_neutral():
    assert classes_of(np.array([-1, -0.05, -0.049, 0, 0.049, 0.05, 1])).tolist() == [-1, -1, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Good bread", 0.5),
        ("good, good", 1.0),
        ("not good", -0.5),
        ("Not\ngood but good", 0.0),
        ("goods", 0.0),
        ("good good good", 1.0),  # limited
        ("", 0.0),
    ],
)
def test_a_lexicon_counts_whole_words_and_longer_phrases_first(text: str, score: float):
    assert lexicon_scores([text], {"good": 0.5, "not good": -0.5}).tolist() == [score]


def test_vader_gives_the_example_of_its_authors():
    # README of vaderSentiment: "VADER is smart, handsome, and funny." compound 0.8316; "Today SUX!" -0.5461.
    texts = ["VADER is smart, handsome, and funny.", "Today SUX!"]
    assert vader_scores(texts).tolist() == pytest.approx([0.8316, -0.5461], abs=5e-5)


def test_equal_texts_are_in_one_fold():
    """A regression cannot look up a text in the other folds: labels without relation to the text are right by chance only."""
    rng = np.random.default_rng(0)
    texts = [f"word{chr(97 + at % 20)} other{chr(97 + at // 20)}" for at in range(100)]
    own = rng.choice([-1, 0, 1], 100)
    labelled, labels = texts * 3, np.tile(own, 3)
    classes, cross_validated = learned_classes(labelled, labelled, labels)
    assert (classes == labels).mean() > 0.9
    assert (cross_validated == labels).mean() < 0.55


def test_the_correction_cancels_errors_exactly():
    """Of 100 labels each, 80, 60 and 90 are right: the classes' net sentiment is false, the corrected one is not."""
    counts = np.array([[80, 15, 5], [20, 60, 20], [2, 8, 90]], float)
    rates, shares = counts / 100, np.array([0.2, 0.3, 0.5])
    seen = shares @ rates
    assert seen @ [-1, 0, 1] != pytest.approx(0.3, abs=0.01)
    assert seen @ corrected_values(counts) == pytest.approx(0.3, abs=1e-12)


def test_classes_that_say_nothing_are_not_corrected():
    assert corrected_values(np.array([[40, 30, 30], [40, 30, 30], [40, 30, 30]], float)) is None
    assert corrected_values(np.array([[10, 0, 0], [0, 0, 0], [0, 0, 10]], float)) is None


def test_the_accuracy_is_the_share_on_the_diagonal_with_wilson_limits():
    share = accuracy(
        misclassified(np.array([1, 1, 1, 0, -1, -1, 1, 1, 1, 1]), np.array([1, 1, 0, 0, -1, 1, 1, 1, 1, 1])), 0.95
    )
    assert (share.value, share.n, share.most_frequent) == (0.8, 10, 0.7)
    assert (share.low, share.high) == pytest.approx((0.4902, 0.9433), abs=5e-5)  # Newcombe's worked interval of 8 in 10


@pytest.mark.parametrize(("counts", "enough"), [((20, 20, 20), True), ((45, 9, 45), False), ((19, 20, 20), False)])
def test_a_sample_needs_enough_labels_of_each_class(counts, enough: bool):
    assert bool(is_enough(np.array(counts))) is enough
