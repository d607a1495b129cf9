"""Relationship: how satisfied customers are with the whole relationship, what drives it, and what they will do."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics import estimators
from crmnb.metrics.definition import metric
from crmnb.metrics.features.customer_base import customers_at_end
from crmnb.metrics.measures import mean_on_scale, of_counts
from crmnb.schema.client import Churn, Items, Relationship, Segments
from crmnb.stats.estimation import ANSWER_TO

_TABLE = "survey_responses"
_ANSWERS = "answers to the relationship survey"
_PUBLISHED = "test_ecsi_mobi.py::"


def _sheets(survey_responses: View, relationship: Relationship) -> nw.LazyFrame:
    """The answer sheets of the relationship survey in each period."""
    return survey_responses.during("responded_at").filter(nw.col("survey") == relationship.survey)


def _points(items: Items, name: str) -> nw.Expr:
    """The answer to an item from 0 (worst) to 100 (best)."""
    low, high = items[name].scale
    return (nw.col(name).cast(nw.Float64) - low) / (high - low) * 100


def _answers(survey_responses: View, relationship: Relationship, items: Items, segments: Segments) -> nw.LazyFrame:
    """The sheets with an answer to an item of the model: all answers on 0-100, and what identifies and breaks down the sheets.

    A sheet that names no customer is a respondent of its own.
    """
    model = [item for block in relationship.constructs.values() for item in block]
    sheets = _sheets(survey_responses, relationship).filter(
        ~nw.all_horizontal(*(nw.col(i).is_null() for i in model), ignore_nulls=False)
    )
    known = survey_responses.columns
    own = [of.column.partition(".")[2] for of in segments.values() if of.column.startswith(f"{_TABLE}.")]
    extra = [name for name in dict.fromkeys(("customer_id", "weight", *own)) if name in known]
    cluster = {} if "customer_id" in known else {"cluster": nw.col("response_id")}
    columns = {f"{ANSWER_TO}{item}": _points(items, item) for item in model}
    return sheets.select("period_id", *extra, **cluster, **columns)


@metric(
    title="Relationship index",
    unit="points",
    kind="outcome",
    direction="up",
    published=f"{_PUBLISHED}test_the_index_is_the_published_one",
)
def relationship_index(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Satisfaction with the whole relationship, from 0 (worst) to 100 (best): the weighted mean of the items of the index.

    The weights are those of a PLS path model of the index, its drivers and its outcomes: outer weight divided by the item's standard
    deviation, normalised to sum 1. They are estimated once, from the complete answers of both compared periods together, and are the
    same for every segment and period. With fewer than 100 complete answers all weights are equal.

    Why: it is one figure for the whole relationship, over all interactions, channels and products.
    Caution: only customers who answered count. The weights differ between companies, so the figure does not compare with that of another one.
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7; Tenenhaus et al. 2005, Computational Statistics & Data
        Analysis 48:159, (14)-(15) (weights).
    """
    rows = _answers(survey_responses, relationship, items, segments)
    words = {
        "numerator": "weighted answers to the items of the index, 0 (worst) to 100 (best)",
        "denominator": _ANSWERS,
    }
    return of_counts(rows, estimators.relationship_index, bounds=(0, 100), **words)


@metric(
    title="Shift by non-response",
    unit="points",
    kind="process",
    direction="-",
    published="test_published_weights.py::test_the_shift_by_non_response_of_the_api_schools",
)
def nonresponse_shift(
    survey_responses, tenures, *, relationship: Relationship, items: Items, segments: Segments, churn: Churn
):
    """Relationship index weighted to the customer base, less the index as answered.

    Answers are raked to the customers at the end of the period, on all segmentations of customers together; no weight is above 5 times or below a
    fifth of the mean weight. Levels with fewer than 5 answers are put together. By level, the share of answers less the share of customers
    shows who is missing.

    Why: it shows whether the index depends on who answers.
    Caution: weights correct only for what is declared as a segment. In each level those who answer stand for those who do not.
    Source: Deming & Stephan 1940, Annals of Mathematical Statistics 11:427 (raking); Kish 1965, Survey Sampling, 11.7 (effective n).
    """
    answers = _answers(survey_responses, relationship, items, segments)
    if "customer_id" not in survey_responses.columns:
        raise Unavailable(Note("needs_column", column="survey_responses.customer_id"))
    names = [name for name in answers.collect_schema().names() if name not in ("period_id", "customer_id")]
    none = {name: nw.lit(None, _type_of(name)) for name in names} | (
        {"weight": nw.lit(1.0)} if "weight" in names else {}
    )
    customers = customers_at_end(tenures, churn.history_days).select("period_id", "customer_id", **none)
    rows = nw.concat([answers.with_columns(base=nw.lit(0)), customers.with_columns(base=nw.lit(1))])
    words = {"numerator": "index weighted to the customer base less the index as answered", "denominator": _ANSWERS}
    return of_counts(
        rows, estimators.nonresponse_shift, breakdown="figure", trend=False, aspect_of="relationship_index", **words
    )


def _type_of(column: str) -> type:
    return nw.Float64 if column.startswith(ANSWER_TO) or column == "weight" else nw.String


@metric(
    title="Gap of segments to the rest",
    unit="points",
    kind="outcome",
    direction="-",
    published=f"{_PUBLISHED}test_gaps_of_segments_are_those_of_welch",
)
def dissatisfied_segments(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Relationship index of each level of each segmentation, less the index of all other respondents.

    The levels that pull the index down most (size times gap) come first. A level is marked as below the rest where its interval excludes no gap, after
    Holm's correction for the number of levels. By level, the gaps of all drivers and of future behaviour show what lies behind it.

    Why: it shows where the relationship is weakest, without a guess beforehand.
    Caution: only segmentations that are declared are searched. Levels of several segmentations can be the same customers. Weights count as
        fixed.
    Source: Welch 1947, Biometrika 34:28; Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    rows = _answers(survey_responses, relationship, items, segments)
    words = {"numerator": "index of the level less that of all others", "denominator": _ANSWERS}
    return of_counts(
        rows, estimators.gaps_to_rest, breakdown="segment", trend=False, aspect_of="relationship_index", **words
    )


@metric(
    title="Driver score",
    unit="points",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_driver_scores_are_those_of_the_published_weights",
)
def driver_score(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Performance on each driver of the relationship, from 0 (worst) to 100 (best): the weighted mean of the driver's items.

    The weights come from the same path model as those of the relationship index.

    Why: it shows where customers are least satisfied.
    Caution: a low score matters only if the driver has an impact; see the driver impact. Scores of drivers with different questions do not compare
        exactly.
    Source: as for the relationship index.
    """
    rows = _answers(survey_responses, relationship, items, segments)
    words = {
        "numerator": "weighted answers to the items of the driver, 0 (worst) to 100 (best)",
        "denominator": _ANSWERS,
    }
    return of_counts(rows, estimators.driver_scores, bounds=(0, 100), breakdown="driver", **words)


@metric(
    title="Driver impact (per 5 points)",
    unit="index points",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_impacts_are_the_published_effects",
)
def driver_impact(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Points that the relationship index gains where the score of a driver rises by 5 points: the total effect in the path model.

    The total effect includes what a driver changes through other drivers, at equal scores of the drivers that lead to it. The direct
    effect is what remains at equal scores of all other drivers; it is listed where it differs.

    Why: it shows which improvement is worth most.
    Caution: it is estimated from differences between customers, who were not assigned at random, so it need not be the effect of a
        measure. Drivers that customers hardly tell apart share their effect by chance; see the notes.
    Source: Lohmoeller 1989, Latent Variable Path Modeling with Partial Least Squares; Hair, Hult, Ringle & Sarstedt 2017, A Primer
        on PLS-SEM, 2nd ed., 6 (total effects, unstandardised).
    """
    rows = _answers(survey_responses, relationship, items, segments)
    words = {"numerator": "points of the index for 5 more points of the driver", "denominator": _ANSWERS}
    return of_counts(
        rows, estimators.driver_impacts, breakdown="driver", trend=False, aspect_of="relationship_index", **words
    )


@metric(
    title="Driver importance",
    unit="%",
    kind="process",
    direction="-",
    published=f"{_PUBLISHED}test_driver_shares_are_those_of_the_published_correlations",
)
def driver_share(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Share of the explained variance of the relationship index that a driver accounts for; all drivers together make 100%.

    A driver adds to R2 according to the drivers that are already in the regression; its share is the average over all orders.

    Why: it divides importance fairly among drivers that are correlated.
    Caution: it contains no direction and no size in points; see the driver impact for these.
    Source: Lindeman, Merenda & Gold 1980, Introduction to Bivariate and Multivariate Analysis, 4; Groemping 2006, Journal of
        Statistical Software 17(1).
    """
    rows = _answers(survey_responses, relationship, items, segments)
    words = {"numerator": "R2 of the index due to the driver", "denominator": _ANSWERS}
    return of_counts(
        rows,
        estimators.driver_shares,
        breakdown="driver",
        trend=False,
        bounds=(0, 100),
        aspect_of="relationship_index",
        **words,
    )


@metric(
    title="Future behaviour",
    unit="points",
    kind="outcome",
    direction="up",
    published=f"{_PUBLISHED}test_future_behaviour_is_the_mean_of_each_answer",
)
def future_behaviour(survey_responses, *, relationship: Relationship, items: Items):
    """Mean answer to each question about what customers will do, from 0 (worst) to 100 (best).

    These are the items of the outcomes that are declared for the relationship, such as buying again or recommending.

    Why: it shows what the relationship means for future revenue.
    Caution: it is what customers say. Stated intentions exceed later behaviour; changes are more reliable than levels.
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7 (loyalty as an outcome); Morwitz, Steckel & Gupta 2007, International
        Journal of Forecasting 23:347 (intentions and behaviour).
    """
    sheets, labels = _sheets(survey_responses, relationship), items.labels
    asked = [item for block in relationship.outcomes.values() for item in block]
    if not asked:
        raise Unavailable(Note("needs_relationship_outcomes"))
    rows = [
        sheets.filter(~nw.col(item).is_null()).with_columns(points=_points(items, item), breakdown=nw.lit(labels[item]))
        for item in asked
    ]
    words = {"numerator": "points of all answers, 0 (worst) to 100 (best)", "denominator": "valid answers"}
    return mean_on_scale(nw.concat(rows), nw.col("points"), bounds=(0, 100), breakdown="question", **words)


@metric(
    title="Future behaviour per 5 index points",
    unit="points",
    kind="outcome",
    direction="up",
    published=f"{_PUBLISHED}test_slopes_are_those_of_a_plain_regression",
)
def future_behaviour_slope(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Points by which each answer about future behaviour is higher where the relationship index is 5 points higher.

    It is 5 times the slope of the answer in a regression on the respondent's index, both from 0 (worst) to 100 (best).

    Why: it shows which intentions follow the relationship, and how closely.
    Caution: it compares customers, so it need not be what a change of the index brings. Answers of one sheet share the mood of its day.
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7 (loyalty as an outcome of the index); Cameron & Miller 2015, Journal of Human Resources 50:317
        (bootstrap by cluster).
    """
    if not relationship.outcomes:
        raise Unavailable(Note("needs_relationship_outcomes"))
    rows = _answers(survey_responses, relationship, items, segments)
    words = {"numerator": "points of the answer for 5 more points of the index", "denominator": _ANSWERS}
    return of_counts(
        rows, estimators.outcome_slopes, breakdown="question", trend=False, aspect_of="future_behaviour", **words
    )
