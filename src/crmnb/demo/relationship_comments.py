"""Comments on the relationship survey of the simulated client: its dissatisfied group writes of leads and of its return, all others of anything.

Other themes, their sentences and their shares are those of all comments (`crmnb.demo.comments`).
"""

import numpy as np

from crmnb.demo.comments import LABELS, NEGATIVE, POSITIVE, THEMES, Theme, sentences_about, written

STORY_THEMES = {"Leads": ("leads", "enquiries", "referrals"), "Return": ("return", "revenue", "income")}  # by driver
COMMENTED, COMMENTED_STORY = (
    0.4,
    0.7,
)  # of the sheets, and of those of the dissatisfied group: who has a grievance writes
LABELLED = 150
_CONSENT = 0.4
_RAISED = {"Leads": 0.6, "Return": 0.5}  # by the dissatisfied group, independent of each other
_RAISED_BY_OTHERS = 0.05
_COMPLAINTS = {
    "Leads": (
        "Too few {} for us, and hardly any {}.",
        "Almost no {} this year, even fewer {}.",
        "You promised {} and {}: nothing came.",
        "The {} do not fit what we sell, nor do the {}.",
        "Disappointed: bad {}, no {} at all.",
    ),
    "Return": (
        "The {} is poor and so is the {}.",
        "Bad {}: the {} does not cover what we pay.",
        "The {} is terrible, the {} too low.",
        "Neither the {} nor the {} is what you said.",
        "Sadly the {} fell again, and the {} as well.",
    ),
}


def comments_of(
    worse: np.ndarray, overall: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each sheet the comment (None without one), whether it may be quoted, and of some comments the judged sentiment.

    worse: how likely each sheet tells the story, 0 to 1. overall: the answer on overall satisfaction from 1 to 10, NaN where there is none.
    """
    rows = len(worse)
    complains = rng.random(rows) < worse
    has_comment = rng.random(rows) < np.where(complains, COMMENTED_STORY, COMMENTED)
    box = _box(overall)
    place = rng.random(rows)
    sentiment = np.where(place < NEGATIVE[box], 0, np.where(place < 1 - POSITIVE[box], 1, 2))
    sentiment = np.where(complains, 0, sentiment)
    sentences = [
        np.where(
            ~complains & (rng.random(rows) < np.array(theme.shares)[box]), sentences_about(theme, sentiment, rng), ""
        )
        for theme in THEMES.values()
    ]
    for driver, nouns in STORY_THEMES.items():
        raised = rng.random(rows) < np.where(complains, _RAISED[driver], _RAISED_BY_OTHERS)
        plain = sentences_about(Theme((), nouns), sentiment, rng)
        complaint = sentences_about(Theme((), nouns), np.zeros(rows, int), rng, (_COMPLAINTS[driver],))
        sentences.append(np.where(raised, np.where(complains, complaint, plain), ""))
    text = written(sentences, sentiment, rng)
    labels = np.full(rows, None, dtype=object)
    commented = np.flatnonzero(has_comment)
    chosen = rng.choice(commented, min(LABELLED, len(commented)), replace=False)
    labels[chosen] = np.array(LABELS, dtype=object)[sentiment[chosen]]
    return np.where(has_comment, text, None), rng.random(rows) < _CONSENT, labels


def true_net_sentiment(worse: np.ndarray, overall: np.ndarray) -> float:
    """Positive less negative comments in points, over sheets that are so likely to tell the story, with these answers on overall satisfaction."""
    complain, box = np.minimum(worse, 1.0), _box(overall)
    negative, others = complain * COMMENTED_STORY, (1 - complain) * COMMENTED
    return float(100 * (others @ (POSITIVE - NEGATIVE)[box] - negative.sum()) / (others.sum() + negative.sum()))


def _box(overall: np.ndarray) -> np.ndarray:
    """The answers from 1 to 10, as places of the shares by five answers."""
    return np.clip(np.ceil(np.nan_to_num(overall, nan=6) / 2) - 1, 0, 4).astype(int)
