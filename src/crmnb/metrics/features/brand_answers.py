"""Brand answers: what respondents of a brand survey say of each brand, one row per respondent and brand in a period."""

import narwhals.stable.v2 as nw

from crmnb.engine.evidence import PERIOD
from crmnb.engine.views import View, once_in_periods

STAGES = ("aware", "considers", "prefers", "uses")  # columns of brand_survey, in the order of the funnel


@once_in_periods
def newest_answers(brand_survey: View) -> nw.LazyFrame:
    """The rows of each period; of a respondent who was asked about a brand several times in it, the newest.

    So a respondent counts once for a brand, and rows are independent.
    """
    interviews = brand_survey.during("asked_at")
    whom = (PERIOD, "respondent_id", "brand")
    last = interviews.group_by(*whom).agg(asked_at=nw.col("asked_at").max())
    newest = interviews.join(last, on=[*whom, "asked_at"], how="inner")
    wave = newest.group_by(*whom).agg(wave=nw.col("wave").max())  # of two at the same time, the last by name
    return newest.join(wave, on=[*whom, "wave"], how="inner")


def reached(stage: str) -> nw.Expr:
    """Whether a respondent has come to a stage: it holds of the brand, and so do all before it."""
    condition = nw.col(STAGES[0])
    for name in STAGES[1 : STAGES.index(stage) + 1]:
        condition = condition & nw.col(name)
    return condition


def own_beside_rivals(answers: nw.LazyFrame, own_brand: str, *columns: str) -> nw.LazyFrame:
    """A row for each respondent and rival whom the respondent was asked about beside the own brand.

    answers: as of `newest_answers`. columns: what is taken of both, of the rival under its name with `_of_rival`. The other columns are those of the own brand's row; `rival` is the rival's name.
    """
    whom = (PERIOD, "respondent_id")
    rivals = answers.filter(nw.col("brand") != own_brand).select(
        *whom, rival="brand", **{f"{name}_of_rival": nw.col(name) for name in columns}
    )
    return answers.filter(nw.col("brand") == own_brand).join(rivals, on=list(whom), how="inner")
