"""What the customers of the weakest segments say."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.comments import coded_themes, quotable
from crmnb.metrics.features.relationship_answers import model_answers
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Feedback, Items, Relationship, Segments
from crmnb.stats.segment_themes import ABOUT, QUOTE, TYPICAL

_THEMES_OF_WEAKEST = Estimator(
    "proportion",
    "counts",
    "segment_themes.themes",
    "Wilson, by customer",
    folds=1000,
    together=True,
    chart="voices",
)


@metric(
    title="Themes of the weakest segments",
    unit="%",
    kind="outcome",
    direction="-",
    published="test_published_gaps.py::test_shares_of_themes_have_the_published_interval",
)
def segment_themes(
    survey_responses,
    personal_names,
    *,
    relationship: Relationship,
    items: Items,
    segments: Segments,
    feedback: Feedback,
    themes: int = 7,
):
    """Share of the comments of the relationship survey about each theme: of all customers, and of the segments whose index is below the rest.

    Themes come about as in the theme share, from the comments of this survey only, by the codebook or so many (`themes`) that are found. A theme is marked where a segment raises it more often than all
    other customers beyond chance, after Holm's correction for all themes. Its quotes are of customers who allow it; personal data are
    removed, each quote stands in one segment only, and a theme that too few customers raise has none.

    Why: it shows in customers' own words what lies behind a weak relationship.
    Caution: customers who comment differ from those who do not. Comments count alike, also where answers are weighted.
    Source: Wilson 1927, JASA 22:209 (share); Welch 1947, Biometrika 34:28; Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    comments = survey_responses.filter(nw.col("survey") == relationship.survey)
    searched = feedback if feedback.codebook else feedback.model_copy(update={"themes": themes})
    coded = coded_themes(comments, searched, personal_names.rows)
    consent = ("quote_consent",) if "quote_consent" in survey_responses.columns else ()
    answers = model_answers(survey_responses, relationship, items, segments, "comment", *consent)
    rows = answers.join(coded.texts, on="comment", how="left")
    if consent:
        texts = quotable(comments, feedback, personal_names.rows)
        is_quotable = (nw.col("period_id") == 0) & nw.col("quote_consent")
        rows = rows.join(texts, on="comment", how="left")
        rows = rows.with_columns(quote=nw.when(is_quotable).then(nw.col("text")).otherwise(nw.lit(None, nw.String)))
        rows = rows.drop("quote_consent", "text")
    else:
        rows = rows.with_columns(quote=nw.lit(None, nw.String))
    none, columns = nw.col("quote").is_null(), {}
    for at, _ in enumerate(coded.themes.names):
        columns[f"{ABOUT}{at}"] = nw.col(f"about_{at}")
        columns[f"{TYPICAL}{at}"] = nw.when(none).then(nw.lit(0.0)).otherwise(nw.col(f"weight_{at}"))
    rows = rows.with_columns(**columns, **{QUOTE: nw.col("quote")})
    coded_names = [f"{kind}_{at}" for at, _ in enumerate(coded.themes.names) for kind in ("about", "weight")]
    return of_counts(
        rows.drop("comment", *coded_names),
        _THEMES_OF_WEAKEST,
        breakdown="theme",
        trend=False,
        known={"themes": tuple(coded.themes.names)},
        numerator="comments about the theme",
        denominator="comments on the relationship",
    )
