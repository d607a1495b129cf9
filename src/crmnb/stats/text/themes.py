"""Themes of comments: found by non-negative matrix factorisation of TF-IDF, or counted by a codebook of words and phrases.

Sources. Lee & Seung 1999, Nature 401:788 (parts of documents by NMF); Salton & Buckley 1988, Information Processing & Management 24:513
(TF-IDF); Greene, O'Callaghan & Cunningham 2014, ECML PKDD, LNCS 8724:498 (stability of topics: agreement between runs).
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SEEDS = 5  # runs from different starting points
FEWEST_COMMENTS = 100  # from which themes are found
_FEWEST_WITH_WORD = 10  # comments with a word that may name a theme: a rarer one may be about a person
_MOST_WORDS, _MOST_FITTED = 1000, 4000  # terms of the model, and comments that it is fitted to
_CHUNK = 20_000  # comments whose weights are computed together
# A comment is about a theme that has so much of the weight of all themes in it, and so much of the comment itself (the length of its
# vector is 1).
MEMBER, NOTICEABLE = 0.3, 0.2
_NAMING, _TYPICAL = 3, 8  # words that name a theme, and words that describe it
_WORD = r"(?u)\b[^\W\d_]{3,}\b"  # letters only


@dataclass(frozen=True)
class Themes:
    """Themes in order of frequency. `weights`: of each text the weight of each theme; `members`: whether a text is about a theme.

    `words`: those most typical of each theme, of a codebook none. `stability`: how similar each theme is over the runs, 0 to 1.
    """

    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    stability: tuple[float, ...]
    weights: np.ndarray
    members: np.ndarray


def find_themes(
    texts: Sequence[str], times: np.ndarray, count: int, language: str, left_out: frozenset[str] = frozenset()
) -> Themes | None:
    """Find so many themes in different texts, which occur so many `times`; None where too few texts have words in common.

    language: stop words are known of "en". left_out: words of no theme, in lower case: names, and
    words that say how somebody feels rather than about what, which would join comments on different things. The order of the texts has no effect.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

    fitted_texts = _fitted_texts(texts)
    phrases = {*left_out, *(ENGLISH_STOP_WORDS if language == "en" else ())}
    stop_words = sorted({word for phrase in phrases for word in re.findall(_WORD, phrase)})
    vectorizer = TfidfVectorizer(
        token_pattern=_WORD,
        stop_words=stop_words or None,
        min_df=_FEWEST_WITH_WORD,
        max_df=0.5,
        max_features=_MOST_WORDS,
        sublinear_tf=True,
    )
    try:
        matrix = vectorizer.fit_transform(fitted_texts)
    except ValueError:  # no word is left
        return None
    terms = vectorizer.get_feature_names_out()
    if len(terms) < 2 * count:
        return None
    models = [_factorised(matrix, count, seed) for seed in range(SEEDS + 1)]
    best = min(models, key=lambda model: model.reconstruction_err_)
    loads = _normalised(best.components_)
    weights = np.concatenate(
        [
            best.transform(vectorizer.transform(texts[at : at + _CHUNK])) * _lengths(best.components_)
            for at in range(0, len(texts), _CHUNK)
        ]
    )
    members = (weights >= NOTICEABLE) & (weights >= MEMBER * weights.sum(axis=1, keepdims=True))
    by_size = np.argsort(-(members * np.asarray(times)[:, None]).sum(axis=0), kind="stable")
    words = [tuple(terms[np.argsort(-load, kind="stable")[:_TYPICAL]]) for load in loads[by_size]]
    stability = _agreement(loads, [_normalised(model.components_) for model in models if model is not best])[by_size]
    return Themes(_names(words), tuple(words), tuple(stability), weights[:, by_size], members[:, by_size])


def count_codebook(texts: Sequence[str], codebook: Mapping[str, Sequence[str]]) -> Themes:
    """The themes of a codebook: a text is about a theme if it contains one of its words or phrases, whole and in any case.

    A phrase matches over line breaks. The weight of a theme is the number of its different words and phrases in the text.
    """
    patterns = {name: [phrase_pattern(phrase) for phrase in phrases] for name, phrases in codebook.items()}
    hits = np.array(
        [[sum(bool(pattern.search(text)) for pattern in own) for own in patterns.values()] for text in texts], float
    ).reshape(len(texts), len(patterns))
    return Themes(tuple(codebook), tuple(() for _ in codebook), (1.0,) * len(codebook), hits, hits > 0)


def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """What finds a word or phrase as a whole: not inside of a longer word, in any case, with any white space between words."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _fitted_texts(texts: Sequence[str]) -> list[str]:
    """The texts that the model is fitted to, in order: each once, as what many write in the same words is no theme; of many a sample."""
    different = sorted({text.casefold() for text in texts})
    if len(different) <= _MOST_FITTED:
        return different
    places = np.sort(np.random.default_rng(0).choice(len(different), _MOST_FITTED, replace=False))
    return [different[place] for place in places]


def _factorised(matrix, count: int, seed: int):
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    start = "random" if seed else "nndsvda"
    model = NMF(count, init=start, random_state=seed, max_iter=400, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the agreement of the runs shows what is not settled
        return model.fit(matrix)


def _lengths(components: np.ndarray) -> np.ndarray:
    return np.linalg.norm(components, axis=1)


def _normalised(components: np.ndarray) -> np.ndarray:
    lengths = _lengths(components)[:, None]
    return np.divide(components, lengths, out=np.zeros_like(components), where=lengths > 0)


def _agreement(loads: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Of each theme, the mean cosine to the theme that matches it best in each other run, matched one to one."""
    from scipy.optimize import linear_sum_assignment

    cosines = []
    for other in others:
        similarity = loads @ other.T
        rows, columns = linear_sum_assignment(-similarity)
        cosines.append(similarity[rows, columns])
    return np.mean(cosines, axis=0)


def _names(words: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """A name for each theme: its most typical words, one more where two would have the same."""
    names: list[str] = []
    for own in words:
        length = _NAMING
        while (name := " / ".join(own[:length])) in names and length < len(own):
            length += 1
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return tuple(names)
