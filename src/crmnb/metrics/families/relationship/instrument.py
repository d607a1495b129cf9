"""The survey as an instrument: who is missing among the respondents, and how carefully they answered."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points
from crmnb.metrics.features.customer_base import customers_at_end
from crmnb.metrics.features.relationship_answers import (
    ANSWERS,
    answer_sheets,
    model_answers,
    require_customers,
)
from crmnb.metrics.measures import of_counts, ratio, share
from crmnb.schema.client import Churn, Items, Relationship, Segments
from crmnb.stats.estimation import ANSWER_TO

_NONRESPONSE_SHIFT = Estimator(
    "raked mean of items",
    "counts",
    "nonresponse.shift",
    "percentile bootstrap of respondents, raked in each replicate",
    folds=1000,
    together=True,
    joint=True,
    chart="representation",
)

_FEWEST_QUESTIONS = 5  # that can be answered alike without meaning it
_PUBLISHED = "test_ecsi_mobi.py::"


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

    Answers are raked to the customers at the end of the period, on all segmentations of customers together but those that change with time; no weight is above 5 times or below a
    fifth of the mean weight. Levels with fewer than five answers are put together. By level, the share of answers less the share of customers
    shows who is missing.

    Why: it shows whether the index depends on who answers.
    Caution: weights correct only for what is declared as a segment. In each level those who answer stand for those who do not.
    Formula: sum_i(g_i * x_i) / sum_i(g_i) - sum_i(x_i) / n, where x_i = the index of respondent i; g_i = the weight of respondent i, which
    makes the answers like the customer base.
    Source: Deming & Stephan 1940, Annals of Mathematical Statistics 11:427 (raking); Kish 1965, Survey Sampling, 11.7 (effective n).
    """
    answers = model_answers(survey_responses, relationship, items, segments)
    require_customers(survey_responses)
    names = [name for name in answers.collect_schema().names() if name not in ("period_id", "customer_id")]
    none = {name: nw.lit(None, _type_of(name)) for name in names} | (
        {"weight": nw.lit(1.0)} if "weight" in names else {}
    )
    customers = customers_at_end(tenures, churn.history_days).select("period_id", "customer_id", **none)
    rows = nw.concat([answers.with_columns(base=nw.lit(0)), customers.with_columns(base=nw.lit(1))])
    words = {"numerator": "index weighted to the customer base less the index as answered", "denominator": ANSWERS}
    return of_counts(rows, _NONRESPONSE_SHIFT, breakdown="figure", trend=False, aspect_of="relationship_index", **words)


@metric(
    title="Straight-lining",
    unit="%",
    kind="process",
    direction="down",
    published=f"{_PUBLISHED}test_straight_lining_and_gaps_are_those_of_the_file",
)
def straight_lining(survey_responses, *, relationship: Relationship, items: Items):
    """Share of the answers to the relationship survey that give the same answer to all questions of the index and its drivers, five or more of them.

    Why: who answers without reading makes questions look alike and the model more certain than it is.
    Caution: a customer who is content with everything may give the best answer throughout. Such answers are counted here and not left out elsewhere.
    Source: Schonlau & Toepoel 2015, Survey Research Methods 9:125.
    """
    survey_items = [
        answer_points(item, items[item])
        for block in (relationship.index, *relationship.drivers.values())
        for item in block
    ]
    number = nw.sum_horizontal(*((~of.is_null()).cast(nw.Int64) for of in survey_items))
    sheets = answer_sheets(survey_responses, relationship).filter(number >= _FEWEST_QUESTIONS)
    same = nw.max_horizontal(*survey_items) == nw.min_horizontal(*survey_items)
    words = {"numerator": "answer sheets with the same answer throughout", "denominator": "answer sheets"}
    return share(sheets, same, **words)


@metric(
    title="Item non-response",
    unit="%",
    kind="process",
    direction="down",
    published=f"{_PUBLISHED}test_straight_lining_and_gaps_are_those_of_the_file",
)
def item_nonresponse(survey_responses, *, relationship: Relationship):
    """Share of the questions of the relationship survey that were left without an answer.

    Why: questions that many leave out do not fit them, and gaps cost the model whole answer sheets.
    Caution: "not applicable" counts as no answer.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (item non-response).
    """
    survey_items = [item for block in relationship.constructs.values() for item in block]
    missing = nw.sum_horizontal(*(nw.col(item).is_null().cast(nw.Int64) for item in survey_items))
    words = {"numerator": "questions without an answer", "denominator": "questions asked"}
    return ratio(
        answer_sheets(survey_responses, relationship),
        missing,
        nw.lit(len(survey_items)),
        bounds=(0, 100),
        trend=False,
        **words,
    )


@metric(
    title="Funnel of the relationship survey",
    unit="%",
    kind="process",
    direction="up",
    published="test_published_gaps.py::test_steps_of_the_survey_have_the_published_interval",
)
def survey_funnel(survey_invitations, *, relationship: Relationship, answer_days: int = 14):
    """Of the invitations to the relationship survey, those that reached the customer; of these, those that were started; of these, those that were completed.

    Every step counts in the same time after the invitation: 14 days, unless the client sets another. Only invitations count that
    were sent at least as long before the end of the data.

    Why: it shows at which step the survey loses most customers.
    Caution: a high rate does not make a survey representative; see who is missing. Answers later than the window are not in it.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (contact, cooperation, break-offs); Wilson 1927, JASA 22:209 (interval).
    """
    window = timedelta(days=answer_days)
    sent = survey_invitations.during("sent_at", follow_up_days=answer_days)
    rows, before, base = [], "invited", sent.filter(nw.col("survey") == relationship.survey)
    steps = {"reached": "reached_at", "started": "started_at", "completed": "completed_at"}
    if "reached_at" not in survey_invitations.columns:
        steps.pop("reached")
    for number, (step, column) in enumerate(steps.items(), 1):
        in_time = (nw.col(column) <= nw.col("sent_at") + window).fill_null(False)
        rows.append(base.with_columns(breakdown=nw.lit(f"{number} {before} to {step}"), done=in_time))
        before, base = step, base.filter(in_time)
    words = {"numerator": "invitations that reach the step", "denominator": "invitations"}
    return share(nw.concat(rows), nw.col("done"), breakdown="step", trend=False, **words)


def _type_of(column: str) -> type:
    return nw.Float64 if column.startswith(ANSWER_TO) or column == "weight" else nw.String
