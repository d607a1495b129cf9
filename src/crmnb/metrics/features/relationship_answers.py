"""Answers to the relationship survey: the sheets of each period, on 0 to 100."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics.features.answer_scale import answer_points
from crmnb.schema.client import Items, Relationship, Segments
from crmnb.stats.estimation import ANSWER_TO

ANSWERS = "answers to the relationship survey"
_TABLE = "survey_responses"


def answer_sheets(survey_responses: View, relationship: Relationship) -> nw.LazyFrame:
    """The answer sheets of the relationship survey in each period."""
    return survey_responses.during("responded_at").filter(nw.col("survey") == relationship.survey)


def require_customers(survey_responses: View) -> None:
    """Raise Unavailable where answers do not name their customers."""
    if "customer_id" not in survey_responses.columns:
        raise Unavailable(Note("needs_column", column="survey_responses.customer_id"))


def model_answers(
    survey_responses: View, relationship: Relationship, items: Items, segments: Segments, *more: str
) -> nw.LazyFrame:
    """The sheets with an answer to an item of the model: all answers on 0-100, and what identifies and breaks down the sheets; and `more` columns.

    A sheet that names no customer is a respondent of its own.
    """
    model = [item for block in relationship.constructs.values() for item in block]
    sheets = answer_sheets(survey_responses, relationship).filter(
        ~nw.all_horizontal(*(nw.col(i).is_null() for i in model), ignore_nulls=False)
    )
    known = survey_responses.columns
    own = [of.column.partition(".")[2] for of in segments.values() if of.column.startswith(f"{_TABLE}.")]
    extra = [name for name in dict.fromkeys(("customer_id", "weight", *own)) if name in known]
    cluster = {} if "customer_id" in known else {"cluster": nw.col("response_id")}
    columns = {f"{ANSWER_TO}{item}": answer_points(item, items[item]) for item in model}
    return sheets.select("period_id", *extra, *more, **cluster, **columns)
