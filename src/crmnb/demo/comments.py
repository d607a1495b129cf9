"""Comments of the simulated client: planted themes and sentiment, which depend on the answer to the question on satisfaction.

A comment is positive, neutral or negative as a whole. Its themes are independent of each other at the same answer.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

COMMENTED = 0.3  # of the sheets with an answer on satisfaction
LABELLED = 300  # comments whose sentiment somebody has judged
_CONSENT = 0.4
_DECORATED = 0.02  # comments with personal data, or written by somebody hostile
# By answer, 1 to 5: the shares of positive and of negative comments.
POSITIVE, NEGATIVE = np.array([0.04, 0.08, 0.30, 0.70, 0.85]), np.array([0.86, 0.72, 0.30, 0.08, 0.03])
LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Theme:
    """A theme: by answer, 1 to 5, the share of the comments about it, and its nouns, two of which are in each sentence about it."""

    shares: tuple[float, ...]
    nouns: tuple[str, ...]


THEMES = {
    "delivery": Theme((0.45, 0.40, 0.25, 0.12, 0.08), ("delivery", "courier", "parcel")),
    "price": Theme((0.22, 0.22, 0.20, 0.14, 0.10), ("price", "invoice", "discount")),
    "service": Theme((0.06, 0.08, 0.15, 0.24, 0.30), ("service", "advisor", "team")),
    "quality": Theme((0.12, 0.12, 0.18, 0.22, 0.25), ("quality", "material", "finish")),
    "website": Theme((0.18, 0.15, 0.10, 0.06, 0.05), ("website", "checkout", "basket")),
}
# What is said of two nouns, by sentiment. A lexicon misjudges some of it.
_SENTENCES = (
    (
        "The {} was terrible and the {} no better.",
        "I am really disappointed with the {}, and the {} was bad too.",
        "Awful {}! As for the {}, I had to ask again and again.",
        "The {} is poor, the {} as well.",
        "The {} took far longer than promised, the {} too.",
        "Sadly neither the {} nor the {} was what you said.",
        "I hate the {} and do not like the {}.",
        "Annoying {}, and the {} is a joke.",
    ),
    (
        "The {} was as described, and so was the {}.",
        "I asked about the {} and the {}.",
        "The {} is about average, the {} the same as last time.",
        "You changed the {} and the {} in March.",
        "The {} was on Monday, the {} on Tuesday.",
        "No complaints about the {}, no opinion on the {}.",
    ),
    (
        "The {} was great, and the {} excellent.",
        "I love the {}, and the {} is perfect.",
        "Wonderful {}! The {} was lovely, too.",
        "Happy with the {}, and the {} is good.",
        "Both the {} and the {} are better than anywhere else.",
        "The {} and the {}: done in no time.",
        "Thanks for the {}, the {} was really helpful.",
        "Nice {}, fair {}, what more do I want?",
    ),
)
_GENERAL = (
    ("Very disappointed this time.", "Not happy at all, sadly.", "A bad experience."),
    ("Nothing to add.", "As usual.", "See my last answers."),
    ("All good, thank you!", "Very happy, great!", "I am delighted, thanks."),
)
_DECORATIONS = (
    '=HYPERLINK("http://example.org") {text}',
    "<b>{text}</b>\n<script>alert(1)</script>",
    "{text} Call me on 020 7946 0{number}.",
    "{text} Mail me: zoe.brown{number}@example.org",
    "{text}\nRegards, Anna Brown",
    "{text} My card is 4539 1488 0343 6467.",
)


def add_comments(sheets: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The answer sheets with `comment`, `quote_consent` and, of some comments, `sentiment_label`."""
    rows = len(sheets)
    answer = sheets["satisfied"].to_numpy(float)
    has_comment = (rng.random(rows) < COMMENTED) & ~np.isnan(answer)
    box = np.where(has_comment, np.nan_to_num(answer, nan=1) - 1, 0).astype(int)
    place = rng.random(rows)
    sentiment = np.where(place < NEGATIVE[box], 0, np.where(place < 1 - POSITIVE[box], 1, 2))
    sentences = [
        np.where(rng.random(rows) < np.array(theme.shares)[box], sentences_about(theme, sentiment, rng), "")
        for theme in THEMES.values()
    ]
    text = written(sentences, sentiment, rng)
    consent = rng.random(rows) < _CONSENT
    labels = np.full(rows, None, dtype=object)
    commented = np.flatnonzero(has_comment)
    chosen = rng.choice(commented, min(LABELLED, len(commented)), replace=False)
    labels[chosen] = np.array(LABELS, dtype=object)[sentiment[chosen]]
    return sheets.assign(comment=np.where(has_comment, text, None), quote_consent=consent, sentiment_label=labels)


def _drawn(sentences: tuple[tuple[str, ...], ...], sentiment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sentence of each sentiment."""
    by_class = [rng.choice(np.array(own, dtype=object), len(sentiment)) for own in sentences]
    return np.choose(sentiment, by_class)


def written(sentences: list[np.ndarray], sentiment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Comments of these sentences, each "" in those without it; of none a general one. A few hold personal data, or code."""
    rows = len(sentiment)
    order = rng.integers(0, 2, rows).astype(bool)
    forward, backward = (_joined(own) for own in (sentences, sentences[::-1]))
    text = np.where(order, forward, backward)
    text = np.where(text == "", _drawn(_GENERAL, sentiment, rng), text)
    return np.where(rng.random(rows) < _DECORATED, _decorated(text, rng), text)


def sentences_about(
    theme: Theme, sentiment: np.ndarray, rng: np.random.Generator, forms: tuple[tuple[str, ...], ...] = _SENTENCES
) -> np.ndarray:
    """Sentences about a theme, with two of its nouns; forms: by sentiment."""
    rows, nouns = len(sentiment), np.array(theme.nouns, dtype=object)
    first = rng.integers(0, len(nouns), rows)
    second = (first + rng.integers(1, len(nouns), rows)) % len(nouns)
    words = zip(_drawn(forms, sentiment, rng), nouns[first], nouns[second], strict=True)
    return np.array([form.format(noun, other) for form, noun, other in words], dtype=object)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    text = parts[0]
    for part in parts[1:]:
        text = np.where((text != "") & (part != ""), text + " ", text) + part
    return text


def _decorated(text: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    forms = rng.choice(np.array(_DECORATIONS, dtype=object), len(text))
    numbers = rng.integers(100, 1000, len(text))
    decorated = [form.format(text=own, number=n) for form, own, n in zip(forms, text, numbers, strict=True)]
    return np.array(decorated, dtype=object)


# ---- The truth -------------------------------------------------------------------------------------------------------


def true_net_sentiment(answers: np.ndarray) -> float:
    """Positive less negative comments in points, at these shares of the answers 1 to 5."""
    return float(100 * answers @ (POSITIVE - NEGATIVE))


def true_theme_shares(answers: np.ndarray) -> dict[str, float]:
    """The share of the comments about each theme in per cent; "" for none."""
    by_answer = np.array([theme.shares for theme in THEMES.values()])
    shares = dict(zip(THEMES, (100 * by_answer @ answers).tolist(), strict=True))
    return shares | {"": float(100 * np.prod(1 - by_answer, axis=0) @ answers)}


def true_theme_effects(answers: np.ndarray) -> dict[str, float]:
    """Mean satisfaction, 0 to 100, of the comments about each theme less that of the others."""
    points = np.arange(5) * 25.0
    effects = {}
    for name, theme in THEMES.items():
        about, others = answers * np.array(theme.shares), answers * (1 - np.array(theme.shares))
        effects[name] = float(about @ points / about.sum() - others @ points / others.sum())
    return effects
