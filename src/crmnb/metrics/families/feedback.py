"""Feedback: what customers write, how favourable it is, and which themes go with more or less satisfaction."""

import narwhals.stable.v2 as nw

from crmnb.core.notes import Note
from crmnb.engine.segments import with_component
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator, net_sentiment
from crmnb.metrics.features.answer_scale import answer_points, pointing
from crmnb.metrics.features.comments import (
    FEWEST_WORDS,
    NO_THEME,
    CodedThemes,
    apart,
    coded_sentiment,
    coded_themes,
    testimonial_quotes,
    theme_quotes,
    with_comment,
)
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Feedback, Item

_MENTIONS = Estimator("proportion", "moments", "moments.share", "Wilson (score)", of_both=True, chart="breakdown")
_THEME_EFFECTS = Estimator(
    "difference of means",
    "counts",
    "feedback.theme_effects",
    "t by customer, with Welch's degrees of freedom",
    columns=("survey", "mentioned", "points", "sheet"),
    folds=1000,
    chart="breakdown",
)
_ALL_COUNTED = Estimator("number", "moments", "moments.all_counted", OF_ALL, total=True, of_both=True)

_COMMENTS = "comments"
_UNSTABLE = 0.7  # mean cosine to the matching themes of other runs


@metric(
    title="Net sentiment of comments",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={"purchase": "(2 - 1) / 5 * 100", "support": "(1 - 1) / 4 * 100"},
)
def sentiment(survey_responses, *, feedback: Feedback):
    """Share of the comments that are positive minus share of those that are negative, in points from -100 to 100; per survey.

    A comment is classified by the scores that the client supplies, by a lexicon, or by a regression learned from comments that the
    client has labelled. With enough labels, the errors of the classification are measured on them and corrected: the figure is then
    the one that people who label all comments would give on average, and its interval includes the error of the correction.

    Why: it shows how customers feel in their own words, also where they skip the questions.
    Caution: few customers comment, and very satisfied or dissatisfied ones comment more. Irony is not recognised. The correction
        assumes that errors are as frequent in every period and segment as in the labelled sample.
    Formula: 100 * (P - N) / n, where P = the number of positive comments; N = the number of negative comments.
    Source: Hutto & Gilbert 2014, ICWSM 8:216 (VADER); Saerens, Latinne & Decaestecker 2002, Neural Computation 14:21 (correction).
    """
    coded = coded_sentiment(survey_responses, feedback)
    rows = with_component(coded.classified(with_comment(survey_responses)), survey_responses.rows, "survey")
    words = {"numerator": "positive less negative comments", "denominator": _COMMENTS}
    return of_counts(
        apart(rows.drop("comment")),
        net_sentiment,
        breakdown="survey",
        bounds=(-100, 100),
        known=coded.known,
        **words,
    )


def _theme_notes(coded: CodedThemes, feedback: Feedback) -> list[Note]:
    """How the themes come about, and how stable they are."""
    themes = coded.themes
    if feedback.codebook:
        return [Note("themes_by_codebook", themes=len(themes.names))]
    described = zip(themes.names, themes.words, themes.stability, strict=True)
    notes = [Note("theme_words", theme=name, words=words, stability=share) for name, words, share in described]
    unstable = tuple(n for n, share in zip(themes.names, themes.stability, strict=True) if share < _UNSTABLE)
    doubtful = [Note("unstable_themes", themes=unstable)] if unstable else []
    return [Note("themes_found", themes=notes), *doubtful]


@metric(
    title="Theme share",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count={"Bread": "3 / 9", "Checkout": "2 / 9", "Waiting": "3 / 9", NO_THEME: "2 / 9"},
)
def theme_share(survey_responses, personal_names, *, feedback: Feedback):
    """Share of the comments about each theme. A comment may have several themes or none.

    With a codebook, a comment is about a theme if it contains one of its words or phrases. Without one, themes are found in the
    comments of both compared periods together: words that occur together make a theme (non-negative matrix factorisation of TF-IDF),
    which is named by its most typical words. Stop words and the words of the sentiment lexicon are left out. A comment is about a theme
    that has at least 30% of its weight. Stability is the mean
    cosine similarity to the same theme in further runs from other starting points; 100% is perfect.

    Why: it shows what customers bring up themselves.
    Caution: themes that are found belong to one report: another period can have others. Use a codebook to follow themes over time. All
        surveys count together, so a change of their mix moves the shares.
    Source: Lee & Seung 1999, Nature 401:788 (NMF); Greene, O'Callaghan & Cunningham 2014, LNCS 8724:498 (stability).
    """
    coded = coded_themes(survey_responses, feedback, personal_names.rows)
    comments = with_comment(survey_responses)
    notes = _theme_notes(coded, feedback)
    if "quote_consent" in survey_responses.columns:
        notes += theme_quotes(coded, survey_responses, feedback, personal_names.rows)
    columns = {"num": nw.col("mentioned").cast(nw.Int64), "den": nw.lit(1), "breakdown": nw.col("theme")}
    return Measure(
        nw.concat([coded.long(comments), coded.without_theme(comments)]).drop("comment").with_columns(**columns),
        _MENTIONS,
        numerator="comments about the theme",
        denominator=_COMMENTS,
        breakdown="theme",
        notes=tuple(notes),
    )


@metric(
    title="Satisfaction difference by theme",
    unit="points",
    kind="outcome",
    direction="-",
    hand_count={
        "Bread": "(100 + 75 + 50) / 3 - (75 + 25) / 2",
        "Checkout": "(75 + 25) / 2 - (100 + 75 + 50) / 3",
        "Waiting": "((50 - 68.75) * 1 * 4 / 5 + (37.5 - 62.5) * 2 * 2 / 4) / (1 * 4 / 5 + 2 * 2 / 4)",
    },
)
def theme_effect(survey_responses, personal_names, *, feedback: Feedback, item: Item = "satisfied"):
    """Mean satisfaction of the customers who mention a theme, minus that of those who comment without mentioning it.

    Satisfaction is the answer on the same sheet, from 0 (worst) to 100 (best). The difference is taken within each survey.

    Why: it shows which themes dissatisfied customers raise.
    Caution: it is an association, not the effect of a measure: who mentions a theme may differ in other ways. Customers who do not
        comment are not included.
    Formula: sum_s(w_s * (m_s - o_s)) / sum_s(w_s), where m_s = the mean satisfaction of those who mention the theme in survey s; o_s = the
    mean satisfaction of those who comment without mentioning it; w_s = the weight of the survey, n_1 n_0 / (n_1 + n_0) of the numbers of
    both.
    Source: Welch 1947, Biometrika 34:28; Liang & Zeger 1986, Biometrika 73:13 (clusters); Holm 1979, Scandinavian Journal of
        Statistics 6:65 (all themes together).
    """
    points = answer_points(item.name, pointing(item, "up"))
    coded = coded_themes(survey_responses, feedback, personal_names.rows)
    answered = with_comment(survey_responses).filter(~nw.col(item.name).is_null())
    rows = coded.long(answered.with_columns(points=points)).with_columns(breakdown=nw.col("theme")).drop("comment")
    words = {
        "numerator": "points of satisfaction, with the theme less without it",
        "denominator": "comments about the theme",
    }
    return of_counts(apart(rows), _THEME_EFFECTS, breakdown="theme", bounds=(-100, 100), trend=False, **words)


@metric(
    title="Testimonials",
    unit="count",
    kind="output",
    direction="up",
    hand_count="3",
)
def testimonial_count(survey_responses, personal_names, *, feedback: Feedback):
    """Number of positive comments of three words or more whose authors allow quoting them.

    Quotes are shown without personal data: names, e-mail and web addresses, telephone, card and account numbers are removed.

    Why: it shows how much customers can say for the company in their own words.
    Caution: read a quote before it is used outside of the company: automatic removal misses some names, and addresses. The
        classification of single comments has errors.
    Source: Hutto & Gilbert 2014, ICWSM 8:216 (VADER); ISO/IEC 7812-1 and ISO 13616-1 (check digits of cards and accounts).
    """
    coded = coded_sentiment(survey_responses, feedback)
    comments = coded.classified(with_comment(survey_responses))
    is_long = nw.col("comment").str.contains(r"^\s*" + r"\S+\s+" * (FEWEST_WORDS - 1) + r"\S")
    is_fit = nw.col("quote_consent").fill_null(False) & (nw.col("sentiment_class") == 1) & is_long
    rows = comments.with_columns(num=is_fit.cast(nw.Int64), den=nw.lit(1))
    quotes = testimonial_quotes(rows.filter(nw.col("num") == 1), survey_responses, feedback, personal_names.rows)
    words = {"numerator": "comments that may be quoted", "denominator": _COMMENTS}
    return Measure(rows.drop("comment"), _ALL_COUNTED, notes=tuple(quotes), depends_on_length=True, **words)
