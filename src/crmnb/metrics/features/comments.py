"""Comments: what customers wrote on answer sheets, coded by theme and sentiment, and quotes that may be shown."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.evidence import PERIOD
from crmnb.engine.query import Query
from crmnb.engine.views import View
from crmnb.schema.client import Feedback

if TYPE_CHECKING:
    from crmnb.stats.text.themes import Themes

QUOTES = 3  # of a theme
_MOST_CANDIDATES, _LONGEST, FEWEST_WORDS = 12, 240, 3  # of quotes: comments looked at, characters, words
_LABELS = {"negative": -1, "neutral": 0, "positive": 1}
NO_THEME = "(no theme)"


def with_comment(answers: View) -> nw.LazyFrame:
    """The answer sheets of each period with a comment that holds a letter or a number."""
    return answers.during("responded_at").filter(_has_words())


def apart(rows: nw.LazyFrame) -> nw.LazyFrame:
    """The rows with `sheet`: the time of those without a customer, so that each is a cluster of its own in the bootstrap."""
    time = nw.col("responded_at").cast(nw.String)
    if "customer_id" not in rows.collect_schema().names():
        return rows.with_columns(sheet=time)
    return rows.with_columns(sheet=nw.when(nw.col("customer_id").is_null()).then(time).otherwise(nw.lit("")))


def _has_words() -> nw.Expr:
    return nw.col("comment").str.contains(r"[\p{L}\p{N}]")


@dataclass(frozen=True)
class CodedThemes:
    """The themes of a client, and of each text (`comment`) whether it is `about_<i>` each of them and with which `weight_<i>`."""

    themes: "Themes"
    texts: nw.LazyFrame

    def long(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """The rows once for each theme, with its name as `theme` and whether it is `mentioned` (1) or not (0)."""
        joined = rows.join(self.texts, on="comment", how="inner")
        names = [name for at, _ in enumerate(self.themes.names) for name in (f"about_{at}", f"weight_{at}")]
        return nw.concat(
            [
                joined.with_columns(theme=nw.lit(name), mentioned=nw.col(f"about_{at}")).drop(*names)
                for at, name in enumerate(self.themes.names)
            ]
        )

    def without_theme(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """The rows once, as those of a theme of their own: whether none of the others is `mentioned`."""
        joined = rows.join(self.texts, on="comment", how="inner")
        about = [f"about_{at}" for at, _ in enumerate(self.themes.names)]
        any_theme = nw.max_horizontal(*about)
        weights = [f"weight_{at}" for at, _ in enumerate(self.themes.names)]
        return joined.with_columns(theme=nw.lit(NO_THEME), mentioned=1 - any_theme).drop(*about, *weights)


def coded_themes(answers: View, feedback: Feedback, names: nw.LazyFrame) -> CodedThemes:
    """The comments of all compared periods, coded by theme: by the codebook, or by themes that are found in all of them together.

    names: words that name no theme. Raises Unavailable where themes cannot be found.
    """
    return _once(answers, "themes", feedback, lambda: _coded_themes(answers, feedback, names))


def _coded_themes(answers: View, feedback: Feedback, names: nw.LazyFrame) -> CodedThemes:
    texts, module = _texts(answers), import_module("crmnb.stats.text.themes")
    comments = texts["comment"].tolist()
    if feedback.codebook:
        themes = module.count_codebook(comments, feedback.codebook)
    else:
        if feedback.language is None:
            raise Unavailable(Note("needs_feedback_language"))
        if texts["times"].sum() < module.FEWEST_COMMENTS:
            raise Unavailable(Note("too_few_comments_for_themes", fewest=module.FEWEST_COMMENTS))
        left_out = {word.casefold() for word in (*feedback.stop_words, *feedback.lexicon)}
        if feedback.library:
            left_out |= import_module("crmnb.stats.text.sentiment").vader_words()
        left_out = frozenset({*left_out, *_words(names)})
        themes = module.find_themes(comments, texts["times"].to_numpy(), feedback.themes, feedback.language, left_out)
        if themes is None:
            raise Unavailable(Note("too_few_common_words", themes=feedback.themes))
    coded = {f"about_{at}": themes.members[:, at].astype(int) for at, _ in enumerate(themes.names)}
    coded |= {f"weight_{at}": themes.weights[:, at].astype(float) for at, _ in enumerate(themes.names)}
    return CodedThemes(themes, _derived(answers).of_pandas(pd.DataFrame({"comment": texts["comment"], **coded})))


@dataclass(frozen=True)
class CodedSentiment:
    """How comments are classified: a class for each text, or by the scores of the rows where there is none; and its measured errors.

    `source`: scores, vader, lexicon or labels. `misclassified`: of the labelled sample, counts by label and class.
    """

    source: str
    texts: nw.LazyFrame | None
    misclassified: tuple[float, ...]

    def classified(self, rows: nw.LazyFrame) -> nw.LazyFrame:
        """The rows with `sentiment_class`: 1 positive, 0 neutral, -1 negative; rows without a score are left out."""
        if self.texts is not None:
            return rows.join(self.texts, on="comment", how="inner")
        limit, score = import_module("crmnb.stats.text.sentiment").NEUTRAL, nw.col("sentiment")
        negative = nw.when(score <= -limit).then(nw.lit(-1)).otherwise(nw.lit(0))
        scored = rows.filter(~score.is_null())
        return scored.with_columns(sentiment_class=nw.when(score >= limit).then(nw.lit(1)).otherwise(negative))

    @property
    def known(self) -> dict[str, Any]:
        """What the estimator of the net sentiment needs to know beside the counts."""
        return {"sentiment_source": self.source, "misclassified": self.misclassified}


def coded_sentiment(answers: View, feedback: Feedback) -> CodedSentiment:
    """The comments of all compared periods, classified. Raises Unavailable where the language, or a way to do it, is not declared."""
    if feedback.language is None:
        raise Unavailable(Note("needs_feedback_language"))
    return _once(answers, "sentiment", feedback, lambda: _coded_sentiment(answers, feedback))


def _coded_sentiment(answers: View, feedback: Feedback) -> CodedSentiment:
    module, labels = import_module("crmnb.stats.text.sentiment"), _labels(answers)
    if "sentiment" in answers.columns:
        classes = module.classes_of(labels["score"].to_numpy(float)) if len(labels) else labels["score"]
        return CodedSentiment("scores", None, _errors(module, labels, classes))
    texts = _texts(answers)["comment"].tolist()
    if feedback.lexicon or feedback.library:
        is_vader = feedback.library == "vader"

        def classes_of(comments: list[str]):
            scores = module.vader_scores(comments) if is_vader else module.lexicon_scores(comments, feedback.lexicon)
            return module.classes_of(scores)

        source, classes, own = (
            "vader" if is_vader else "lexicon",
            classes_of(texts),
            classes_of(labels["comment"].tolist()),
        )
    else:
        counts = labels["label"].value_counts().reindex(list(module.CLASSES), fill_value=0).to_numpy()
        if not module.is_enough(counts):
            fewest = {"fewest": module.FEWEST_LABELS, "of_a_class": module.FEWEST_OF_A_CLASS}
            raise Unavailable(Note("needs_sentiment_source", **fewest))
        source = "labels"
        classes, own = module.learned_classes(texts, labels["comment"].tolist(), labels["label"].to_numpy(int))
        by_text = dict(zip(labels["comment"], own, strict=True))  # its own label is not used for the class of a text
        classes = [by_text.get(text, label) for text, label in zip(texts, classes, strict=True)]
    coded = pd.DataFrame(
        {"comment": pd.Series(texts, dtype=object), "sentiment_class": pd.Series(classes, dtype="int64")}
    )
    return CodedSentiment(source, _derived(answers).of_pandas(coded), _errors(module, labels, own))


def _errors(module: Any, labels: pd.DataFrame, classes: Any) -> tuple[float, ...]:
    """Counts of the labelled sample by label and class, as nine numbers; none where there is no sample."""
    if labels.empty:
        return ()
    return tuple(module.misclassified(labels["label"].to_numpy(int), classes).ravel().tolist())


# ---- Quotes ----------------------------------------------------------------------------------------------------------


def theme_quotes(coded: CodedThemes, answers: View, feedback: Feedback, names: nw.LazyFrame) -> list[Note]:
    """Up to three quotes of each theme in the reporting period, the most typical first, where their authors allow it."""
    remove = _remover(answers, feedback, names)
    joined, notes = _consented(with_comment(answers)).join(coded.texts, on="comment", how="inner"), []
    for at, theme in enumerate(coded.themes.names):
        about = joined.filter(nw.col(f"about_{at}") == 1)
        notes += [Note("quote", theme=theme, text=text) for text in _quotes(about, f"weight_{at}", remove)]
    return notes


def testimonial_quotes(rows: nw.LazyFrame, answers: View, feedback: Feedback, names: nw.LazyFrame) -> list[Note]:
    """Up to three of the testimonials (`rows`) of the reporting period, the latest first."""
    remove = _remover(answers, feedback, names)
    return [Note("quote", theme="", text=text) for text in _quotes(_consented(rows), "responded_at", remove)]


def quotable(answers: View, feedback: Feedback, names: nw.LazyFrame) -> nw.LazyFrame:
    """The different comments of the reporting period that their authors allow to quote (`comment`), and their quotes (`text`), those of few words left out."""
    remove = _remover(answers, feedback, names)
    query: Query = _consented(with_comment(answers)).to_native()
    comments = _fetched(answers, f"select distinct comment from ({query.sql_query()}) order by 1")["comment"]
    quotes = {comment: shortened(remove(comment)) for comment in comments}
    quotes = {comment: text for comment, text in quotes.items() if words_of(text) >= FEWEST_WORDS}
    columns = {"comment": list(quotes), "text": list(quotes.values())}
    return _derived(answers).of_pandas(pd.DataFrame(columns, dtype=object))


def _consented(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.filter(nw.col(PERIOD) == 0, nw.col("quote_consent"))


def _quotes(rows: nw.LazyFrame, order: str, remove: Callable[[str], str]) -> Iterator[str]:
    """Different quotes of different customers without personal data."""
    query: Query = rows.to_native()
    who = "customer_id" if "customer_id" in query.columns else "response_id"
    sql = f"""select comment, {who}::varchar from ({query.sql_query()})
        order by "{order}" desc, comment, 2 limit {_MOST_CANDIDATES}"""
    texts, people = set(), set()
    for comment, person in query.derived.con.execute(sql).fetchall():
        quote = shortened(remove(comment))
        if len(texts) < QUOTES and words_of(quote) >= FEWEST_WORDS and quote not in texts and person not in people:
            texts.add(quote)
            people |= {person} if person else set()
            yield quote


def _remover(answers: View, feedback: Feedback, names: nw.LazyFrame) -> Callable[[str], str]:
    """What removes personal data from the comments of a client.

    Usual words, which are no names where a sentence begins with them, are those of the lexicon and the codebook, and those that comments hold
    in lower case.
    """
    without = import_module("crmnb.stats.text.personal_data").without_personal_data

    def usual_words() -> frozenset[str]:
        phrases = chain(feedback.lexicon, *feedback.codebook.values())
        seen = chain(*(set(re.findall(r"(?<!\w)[^\W\d_A-Z]{2,}(?!\w)", text)) for text in _texts(answers)["comment"]))
        seen_often = {word for word, times in Counter(seen).items() if times > 1 and word.islower()}
        library = import_module("crmnb.stats.text.sentiment").vader_words() if feedback.library else ()
        return frozenset({*seen_often, *library, *(word.casefold() for phrase in phrases for word in phrase.split())})

    usual = _once(answers, "usual words", feedback, usual_words)
    return lambda text: without(text, _words(names), usual, feedback.language or "")


def words_of(text: str) -> int:
    """The number of words, without marks of what was removed."""
    return sum(any(c.isalpha() for c in word) and not word.startswith("[") for word in text.split())


def shortened(text: str) -> str:
    """The text, cut between words where it is long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} …"


# ---- What is read once -----------------------------------------------------------------------------------------------


def _derived(answers: View):
    return answers.rows.to_native().derived


def _once(answers: View, what: str, feedback: Feedback, compute):
    """What several metrics ask for of the same comments."""
    facts, key = _derived(answers).facts, ("comments", what, feedback, answers.key, answers.periods.key)
    if key not in facts:
        facts[key] = compute()
    return facts[key]


def _texts(answers: View) -> pd.DataFrame:
    """The different comments of all compared periods, in order, and how many `times` each occurs."""
    periods = answers.periods
    seen = answers.rows.filter(
        _has_words(), nw.col("responded_at") >= periods.first, nw.col("responded_at") < periods.last
    )
    sql = f"select comment, count(*)::bigint as times from ({seen.to_native().sql_query()}) group by 1 order by 1"
    return _fetched(answers, sql)


def _labels(answers: View) -> pd.DataFrame:
    """The labelled comments of all times: comment, label and score (null where none is mapped)."""
    if "sentiment_label" not in answers.columns:
        return pd.DataFrame({"comment": [], "label": [], "score": []})
    score = "sentiment" if "sentiment" in answers.columns else "null::double"
    labelled = answers.rows.filter(_has_words(), ~nw.col("sentiment_label").is_null())
    sql = f"select comment, sentiment_label, {score} as score from ({labelled.to_native().sql_query()}) order by all"
    rows = _fetched(answers, sql)
    rows = rows[rows["score"].notna()] if "sentiment" in answers.columns else rows
    return rows.assign(label=rows["sentiment_label"].map(_LABELS).astype("int64"))


def _fetched(answers: View, sql: str) -> pd.DataFrame:
    return _derived(answers).con.execute(sql).df()


def _words(names: nw.LazyFrame) -> frozenset[str]:
    """The words of names that the client's tables hold."""
    query: Query = names.to_native()
    facts, sql = query.derived.facts, query.sql_query()
    if ("words of names", sql) not in facts:
        rows = query.derived.con.execute(f"select word from ({sql})").fetchall()
        facts["words of names", sql] = frozenset(word for (word,) in rows)
    return facts["words of names", sql]
