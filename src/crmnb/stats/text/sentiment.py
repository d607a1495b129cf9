"""Sentiment of comments: positive (1), neutral (0) or negative (-1), by scores, by a lexicon, or learned from a labelled sample; and its errors.

Sources. Hutto & Gilbert 2014, ICWSM 8:216 (VADER); Saerens, Latinne & Decaestecker 2002, Neural Computation 14:21, and Buonaccorsi 2010,
Measurement Error, 2.4 (shares corrected by the matrix of misclassification); Wilson 1927, JASA 22:209 (interval of the accuracy).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from crmnb.stats.text.themes import phrase_pattern

CLASSES = (-1, 0, 1)
NEUTRAL = 0.05  # scores from -1 to 1 that are nearer to 0 are neutral (Hutto & Gilbert)
FEWEST_LABELS, FEWEST_OF_A_CLASS = 60, 10  # of a sample that a classifier is learned from, or errors are corrected by
_FOLDS = 5
_WORD = r"(?u)\b\w+\b"
_LARGEST_CONDITION = 8.0  # of the matrix of misclassification; beyond, a correction multiplies chance
# Measured by benchmarks/accuracy/sentiment.py, held by tests/real_data/test_human_sentiment.py: the accuracy of VADER on texts with human scores
# (share in the right of three classes; human scores, divided by 4, are neutral within the same limits), and how many texts they are.
VADER_ACCURACY = {"product-review snippets": (0.587, 3708), "tweets": (0.899, 4200)}


@dataclass(frozen=True)
class Accuracy:
    """The share of a labelled sample that is classified right, with its Wilson interval, and the share of its most frequent class."""

    value: float
    low: float
    high: float
    n: int
    most_frequent: float


def classes_of(scores: np.ndarray) -> np.ndarray:
    """The class of each score from -1 to 1."""
    return np.where(scores >= NEUTRAL, 1, np.where(scores <= -NEUTRAL, -1, 0))


def vader_scores(texts: Sequence[str]) -> np.ndarray:
    """VADER's compound score of English texts, -1 to 1."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return np.array([analyzer.polarity_scores(text)["compound"] for text in texts], float)


def vader_words() -> frozenset[str]:
    """The words of VADER's lexicon."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return frozenset(SentimentIntensityAnalyzer().lexicon)


def lexicon_scores(texts: Sequence[str], lexicon: Mapping[str, float]) -> np.ndarray:
    """The sum of the values of all words and phrases of a lexicon in each text, limited to -1 to 1.

    Longer phrases come first, and their words do not count again: "not good" can have a value of its own.
    """
    values = [(phrase_pattern(phrase), value) for phrase, value in sorted(lexicon.items(), key=lambda p: -len(p[0]))]
    return np.array([_lexicon_score(text, values) for text in texts], float)


def _lexicon_score(text: str, values: list[tuple[re.Pattern[str], float]]) -> float:
    score = 0.0
    for pattern, value in values:
        text, times = pattern.subn(" \x00 ", text)
        score += value * times
    return float(np.clip(score, -1, 1))


def learned_classes(texts: Sequence[str], labelled: Sequence[str], labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classes of texts by a logistic regression on TF-IDF that is learned from labelled texts; and the labelled texts' own.

    A labelled text's class comes from the regression without its fold; equal texts are in one fold.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline

    order = np.lexsort((labels, np.array(labelled, dtype=object).astype(str)))
    labelled, labels = [labelled[at] for at in order], np.asarray(labels)[order]
    vectorizer = TfidfVectorizer(token_pattern=_WORD, ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = make_pipeline(vectorizer, LogisticRegression(C=10, class_weight="balanced", max_iter=1000))
    groups = np.unique([text.casefold() for text in labelled], return_inverse=True)[1]
    own = np.zeros(len(labels), int)
    for train, test in GroupKFold(min(_FOLDS, len(set(groups)))).split(labelled, labels, groups):
        model.fit([labelled[at] for at in train], labels[train])
        own[test] = model.predict([labelled[at] for at in test])
    model.fit(labelled, labels)
    classes = model.predict(list(texts)) if len(texts) else np.array([], int)
    back = np.empty(len(order), int)
    back[order] = own
    return classes.astype(int), back


def is_enough(labels: np.ndarray) -> bool:
    """Whether a labelled sample is large enough, in each class as well; labels: how many texts have each."""
    return len(labels) == len(CLASSES) and labels.sum() >= FEWEST_LABELS and labels.min() >= FEWEST_OF_A_CLASS


def accuracy(counts: np.ndarray, level: float) -> Accuracy:
    """How often classes are the human labels; counts: `misclassified`."""
    n, right = int(counts.sum()), int(np.trace(counts))
    z = ndtri((1 + level) / 2)
    centre = (right + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(right * (n - right) / n + z**2 / 4)
    frequent = float(counts.sum(axis=1).max()) / n
    return Accuracy(right / n, float(centre - half), float(centre + half), n, frequent)


def misclassified(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How many texts of each label (rows) have each class (columns)."""
    return np.array([[((labels == y) & (classes == c)).sum() for c in CLASSES] for y in CLASSES], float)


def corrected_values(counts: np.ndarray) -> np.ndarray | None:
    """What a comment of each class adds to the net sentiment, so that errors cancel: v in C v = (-1, 0, 1), of the rates C[label, class].

    The mean of v over the classes is the net sentiment of the labels, as long as labels are misclassified at the same rates everywhere.
    None where the classes say too little about the labels. counts: `misclassified`.
    """
    if not counts.sum(axis=1).all():
        return None
    rates = counts / counts.sum(axis=1, keepdims=True)
    if np.linalg.cond(rates) > _LARGEST_CONDITION:
        return None
    return np.linalg.solve(rates, np.array(CLASSES, float))
