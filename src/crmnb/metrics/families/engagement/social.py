"""Social media: responses to the company's posts, and what others say of the company."""

from dataclasses import replace

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.segments import with_component
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator, net_sentiment
from crmnb.metrics.features.comments import apart, coded_sentiment, with_comment
from crmnb.metrics.measures import count, of_counts
from crmnb.schema.client import Feedback

_BY_POST = Estimator(
    "ratio of sums",
    "counts",
    "social_engagement.by_post",
    "Hall's transformation of t, by post",
    columns=("responses", "base"),
)
_SENTIMENT_OF_MENTIONS = replace(
    net_sentiment,
    interval="percentile bootstrap by mention, the errors of the classification in it where they are known",
)
_BASES = {"reach": "people reached", "impressions": "impressions", "followers": "followers at the time of each post"}


@metric(
    title="Social engagement rate",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"Facebook": "(7 + 0) / (100 + 100)", "Instagram": "(28 + 14) / (200 + 300)"},
)
def social_engagement_rate(social_posts, *, base: str = "reach"):
    """Likes, comments, shares and saves of the period's posts over the people that the posts reached, per platform.

    The base is declared: `reach` (people), `impressions` (times shown) or `followers`. Posts of which the base is not known are left out.

    Why: it shows how far posts move people to respond, whatever the number of posts.
    Caution: rates with another base are two to ten times as high or low; compare only figures of the same base. A few posts make up most of it.
    Source: Barger & Labrecque 2013, International Journal of Integrated Marketing Communications 5(1):64 (metrics of social media); Hall 1992,
        JRSS-B 54:221 (interval).
    """
    if base not in _BASES:
        raise Unavailable(Note("unknown_engagement_base", base=base, bases=tuple(_BASES)))
    posts = social_posts.during("posted_at").filter(~nw.col(base).is_null())
    responses = nw.col("likes") + nw.col("comments") + nw.col("shares")
    if "saves" in social_posts.columns:
        responses = responses + nw.col("saves").fill_null(0)
    rows = with_component(posts, social_posts.rows, "platform").with_columns(responses=responses, base=nw.col(base))
    words = {"numerator": "likes, comments, shares and saves", "denominator": _BASES[base]}
    return of_counts(rows, _BY_POST, breakdown="platform", notes=(Note("engagement_base", base=_BASES[base]),), **words)


@metric(title="Social mentions", unit="count", kind="output", direction="up", hand_count="5")
def social_mentions(social_mentions):
    """Number of times that others mentioned the company on social media in the period.

    Why: it shows how much the company is talked about.
    Caution: a crisis raises it as well: read it with the sentiment. What counts as a mention depends on the search of the monitoring tool.
    Source: Barger & Labrecque 2013, International Journal of Integrated Marketing Communications 5(1):64 (volume); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return count(social_mentions.during("posted_at"), "posted_at", of="mentions", always=("",))


@metric(title="Sentiment of mentions", unit="points", kind="output", direction="up", hand_count="(2 - 1) / 4 * 100")
def mention_sentiment(social_mentions, *, feedback: Feedback):
    """Share of the mentions that are positive minus share of those that are negative, in points from -100 to 100.

    A mention is classified like a comment: by the scores that the client supplies, or by a lexicon. Mentions without words are left out,
    unless they have a score.

    Why: it shows whether people speak well of the company where it does not ask.
    Caution: who writes in public is more satisfied or more angry than the others. Irony is not recognised.
    Formula: 100 * (P - N) / n, where P = the number of positive mentions; N = the number of negative mentions.
    Source: Hutto & Gilbert 2014, ICWSM 8:216 (VADER); Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3 (interval).
    """
    mentions = social_mentions.derive(_as_comments)
    coded = coded_sentiment(mentions, feedback)
    has_scores = "sentiment" in mentions.columns
    rows = coded.classified(mentions.during("responded_at") if has_scores else with_comment(mentions))
    words = {"numerator": "positive less negative mentions", "denominator": "mentions", "known": coded.known}
    return of_counts(
        apart(rows.drop("comment", "text", strict=False)), _SENTIMENT_OF_MENTIONS, bounds=(-100, 100), **words
    )


def _as_comments(mentions: nw.LazyFrame) -> nw.LazyFrame:
    """The mentions in the shape of answer sheets with comments; of mentions with scores the text is not needed."""
    shaped = mentions.with_columns(responded_at=nw.col("posted_at"))
    has_scores = "sentiment" in mentions.collect_schema().names()
    return shaped if has_scores else shaped.with_columns(comment=nw.col("text"))
