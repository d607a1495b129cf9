"""How satisfied customers are with the whole relationship, where it is weakest, what drives it, and what they will do."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points
from crmnb.metrics.features.relationship_answers import (
    ANSWERS,
    answer_sheets,
    model_answers,
)
from crmnb.metrics.measures import mean_on_scale, of_counts
from crmnb.schema.client import Items, Relationship, Segments

_OF_RESPONDENTS = "percentile bootstrap of respondents, weights estimated in each replicate"
_RELATIONSHIP_INDEX = Estimator(
    "weighted mean of items", "counts", "relationship.index", _OF_RESPONDENTS, folds=1000, together=True
)
_GAPS_TO_REST = Estimator(
    "difference of weighted means of items",
    "counts",
    "dissatisfied_segments.gaps",
    "Welch, by customer, at fixed weights",
    folds=1000,
    together=True,
    chart="weakest",
)
_DRIVER_SCORES = Estimator(
    "weighted mean of items",
    "counts",
    "relationship.driver_scores",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)
_DRIVER_IMPACTS = Estimator(
    "PLS path model",
    "counts",
    "relationship.driver_impacts",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="priority",
)
_DRIVER_SHARES = Estimator(
    "Lindeman, Merenda and Gold",
    "counts",
    "relationship.driver_shares",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)
_OUTCOME_SLOPES = Estimator(
    "regression on the index",
    "counts",
    "relationship_outcomes.slopes",
    _OF_RESPONDENTS,
    folds=1000,
    together=True,
    chart="breakdown",
)

_PUBLISHED = "test_ecsi_mobi.py::"


@metric(
    title="Relationship index",
    unit="points",
    kind="outcome",
    direction="up",
    published=f"{_PUBLISHED}test_the_index_is_the_published_one",
    opens_report=True,
)
def relationship_index(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Satisfaction with the whole relationship, from 0 (worst) to 100 (best): the weighted mean of the items of the index.

    The weights are those of a PLS path model of the index, its drivers and its outcomes: outer weight divided by the item's standard
    deviation, normalised to sum 1. They are estimated once, from the complete answers of both compared periods together, and are the
    same for every segment and period. With fewer than 100 complete answers all weights are equal.

    Why: it is one figure for the whole relationship, over all interactions, channels and products.
    Caution: only customers who answered count. The weights differ between companies, so the figure does not compare with that of another one.
    Formula: sum_j(w_j * x_j), where x_j = the mean answer to item j of the index, from 0 (worst) to 100 (best); w_j = the weight of item j,
    all of which add up to 1.
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7; Tenenhaus et al. 2005, Computational Statistics & Data
        Analysis 48:159, (14)-(15) (weights).
    """
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {
        "numerator": "weighted answers to the items of the index, 0 (worst) to 100 (best)",
        "denominator": ANSWERS,
    }
    return of_counts(rows, _RELATIONSHIP_INDEX, bounds=(0, 100), **words)


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
    Formula: I_level - I_rest, where I_level = the relationship index of the level; I_rest = the relationship index of all other
    respondents.
    Source: Welch 1947, Biometrika 34:28; Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {"numerator": "index of the level less that of all others", "denominator": ANSWERS}
    return of_counts(rows, _GAPS_TO_REST, breakdown="segment", trend=False, aspect_of="relationship_index", **words)


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
    Formula: sum_j(w_j * x_j), where x_j = the mean answer to item j of the driver, from 0 (worst) to 100 (best); w_j = the weight of item
    j, all of which add up to 1.
    Source: as for the relationship index.
    """
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {
        "numerator": "weighted answers to the items of the driver, 0 (worst) to 100 (best)",
        "denominator": ANSWERS,
    }
    return of_counts(rows, _DRIVER_SCORES, bounds=(0, 100), breakdown="driver", **words)


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
    Formula: 5 * (b_direct + sum_p(b_p)), where b_direct = the effect of one point of the driver on the index at equal scores of all other
    drivers; b_p = its effect along path p through other drivers: the product of the effects on the path.
    Source: Lohmoeller 1989, Latent Variable Path Modeling with Partial Least Squares; Hair, Hult, Ringle & Sarstedt 2017, A Primer
        on PLS-SEM, 2nd ed., 6 (total effects, unstandardised).
    """
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {"numerator": "points of the index for 5 more points of the driver", "denominator": ANSWERS}
    return of_counts(rows, _DRIVER_IMPACTS, breakdown="driver", trend=False, aspect_of="relationship_index", **words)


@metric(
    title="Driver importance",
    unit="%",
    kind="process",
    direction="-",
    published=f"{_PUBLISHED}test_driver_shares_are_those_of_the_published_correlations",
)
def driver_share(survey_responses, *, relationship: Relationship, items: Items, segments: Segments):
    """Share of the explained variance of the relationship index that a driver accounts for; all drivers together make 100%.

    A driver adds to R² according to the drivers that are already in the regression; its share is the average over all orders.

    Why: it divides importance fairly among drivers that are correlated.
    Caution: it contains no direction and no size in points; see the driver impact for these.
    Formula: mean(g) / R2, where g = by how much R² rises when the driver joins the regression, for every order in which the drivers can
    join; R2 = R² of the regression on all drivers.
    Source: Lindeman, Merenda & Gold 1980, Introduction to Bivariate and Multivariate Analysis, 4; Groemping 2006, Journal of
        Statistical Software 17(1).
    """
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {"numerator": "R² of the index due to the driver", "denominator": ANSWERS}
    return of_counts(
        rows,
        _DRIVER_SHARES,
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
    Formula: sum_i(x_i) / n, where x_i = the answer of respondent i, from 0 (worst) to 100 (best).
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7 (loyalty as an outcome); Morwitz, Steckel & Gupta 2007, International
        Journal of Forecasting 23:347 (intentions and behaviour).
    """
    sheets, labels = answer_sheets(survey_responses, relationship), items.labels
    outcome_items = [item for block in relationship.outcomes.values() for item in block]
    if not outcome_items:
        raise Unavailable(Note("needs_relationship_outcomes"))
    rows = [
        sheets.filter(~nw.col(item).is_null()).with_columns(
            points=answer_points(item, items[item]), breakdown=nw.lit(labels[item])
        )
        for item in outcome_items
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
    Formula: 5 * b, where b = the slope of the answer in a regression on the respondent's index, both from 0 to 100.
    Source: Fornell et al. 1996, Journal of Marketing 60(4):7 (loyalty as an outcome of the index); Cameron & Miller 2015, Journal of Human Resources 50:317
        (bootstrap by cluster).
    """
    if not relationship.outcomes:
        raise Unavailable(Note("needs_relationship_outcomes"))
    rows = model_answers(survey_responses, relationship, items, segments)
    words = {"numerator": "points of the answer for 5 more points of the index", "denominator": ANSWERS}
    return of_counts(rows, _OUTCOME_SLOPES, breakdown="question", trend=False, aspect_of="future_behaviour", **words)
