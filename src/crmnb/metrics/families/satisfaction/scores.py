"""Scores of surveys after an interaction or a purchase: satisfaction, recommendation and effort, each survey by itself."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.derived_tables import once
from crmnb.engine.segments import with_component
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.features.answer_scale import MOST_BOXES, answer_points, pointing, top_box
from crmnb.metrics.measures import composition, mean_on_scale, net_score, share
from crmnb.schema.client import Item

_PER_SURVEY = {"denominator": "valid answers", "breakdown": "survey"}


@once
def _surveys(survey_responses: nw.LazyFrame, item: str) -> nw.LazyFrame:
    """The first and the last, by name, of the surveys that an item was ever answered in: one row."""
    answered = survey_responses.filter(~nw.col(item).is_null())
    return answered.select(first_survey=nw.col("survey").min(), last_survey=nw.col("survey").max())


def _answers(survey_responses: View, item: Item) -> nw.LazyFrame:
    """Each period's valid answers to an item (the intake has rejected what is off its scale), as `x`; a breakdown per survey.

    After a purchase people answer otherwise than after a case for support, so a figure over several surveys would move with
    their mix. Where the data hold a single survey with the item, its breakdown has no name.
    """
    answers = survey_responses.during("responded_at").filter(~nw.col(item.name).is_null())
    paired = answers.join(_surveys(survey_responses.rows, item.name), how="cross")
    only = nw.col("first_survey") == nw.col("last_survey")
    named = with_component(paired, survey_responses.rows, "survey")
    return named.with_columns(
        x=nw.col(item.name).cast(nw.Float64), breakdown=nw.when(only).then(nw.lit("")).otherwise(nw.col("breakdown"))
    ).drop("first_survey", "last_survey")


@metric(
    title="Customer satisfaction (CSAT)",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"purchase": "7 / 9", "support": "2 / 5"},
)
def csat(survey_responses, *, item: Item = "satisfied"):
    """Share of the answers in the top box, per survey.

    The top box is the two best answers of a scale of 4 to 11 answers, or the declared ones.

    Why: it is the simplest sign of a good interaction, and the most widely used.
    Caution: respondents differ from invited customers; see the response rate. Shares from scales of
        different length do not compare, nor do those of different surveys, and "not applicable" is missing, not low.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 2 (customer satisfaction, top
        two boxes); Wilson 1927, JASA 22:209 (interval).
    """
    satisfied = nw.col("x") >= top_box(item)
    answers = _answers(survey_responses, item)
    return share(answers, satisfied, numerator="answers in the top box", **_PER_SURVEY)


@metric(
    title="Mean satisfaction score",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={"purchase": "(36 / 9 - 1) / 4 * 100", "support": "(15 / 5 - 1) / 4 * 100"},
)
def csat_mean(survey_responses, *, item: Item = "satisfied"):
    """Mean answer, rescaled from the ends of the scale to 0 (worst) and 100 (best); per survey.

    Why: it also reacts to changes below the top box.
    Caution: a mean can hide two opposite groups; see the share of satisfied answers. It treats the steps of the scale as equal.
    Formula: 100 * (mean(x) - x_worst) / (x_best - x_worst), where x = the valid answers on their scale; x_worst = the worst answer of the
    scale; x_best = the best answer of the scale.
    Source: Fornell, Johnson, Anderson, Cha & Bryant 1996, Journal of Marketing 60(4):7 (rescaling to 0-100).
    """
    points = answer_points("x", pointing(item, "up"))
    answers = _answers(survey_responses, item)
    words = "points of all answers, 0 (worst) to 100 (best)"
    return mean_on_scale(answers, points, bounds=(0, 100), numerator=words, aspect_of="csat", **_PER_SURVEY)


def _boxes(item: Item) -> dict[str, nw.Expr]:
    """The condition of each answer on the item's scale, in order; of a scale of more than 11 answers, ten bands of equal width."""
    low, high = item.scale
    width = 1 if high - low < MOST_BOXES else -(-(high - low + 1) // 10)
    starts = range(low, high + 1, width)
    names = [f"{start}" if width == 1 else f"{start} to {min(start + width - 1, high)}" for start in starts]
    return {
        name: (nw.col("x") >= start) & (nw.col("x") < start + width) for name, start in zip(names, starts, strict=True)
    }


@metric(
    title="Distribution of satisfaction answers",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count={
        "purchase, 1": "0 / 9",
        "purchase, 2": "1 / 9",
        "purchase, 3": "1 / 9",
        "purchase, 4": "4 / 9",
        "purchase, 5": "3 / 9",
        "support, 1": "1 / 5",
        "support, 2": "1 / 5",
        "support, 3": "1 / 5",
        "support, 4": "1 / 5",
        "support, 5": "1 / 5",
    },
)
def satisfaction_distribution(survey_responses, *, item: Item = "satisfied"):
    """Share of each answer on the scale of satisfaction, per survey.

    Why: two groups with the same mean can be all alike or deeply divided; only the distribution shows it.
    Caution: the shares of one survey add up to 100%, so they do not move independently.
    Source: Agresti 2013, Categorical Data Analysis, 3rd ed., 1.2 (multinomial shares).
    """
    answers = _answers(survey_responses, pointing(item, "up"))
    return composition(answers, _boxes(item), numerator="answers of one kind", aspect_of="csat", **_PER_SURVEY)


def _zero_to_ten(item: Item) -> Item:
    """The item, if it is asked as the net promoter score is defined."""
    if pointing(item, "up").scale != (0, 10):
        raise Unavailable(Note("needs_item_0_to_10", item=item.name, low=item.scale[0], high=item.scale[1]))
    return item


@metric(
    title="Net promoter score (NPS)",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={"purchase": "(4 - 2) / 8", "support": "(1 - 2) / 5"},
)
def nps(survey_responses, *, item: Item = "recommend"):
    """Share of promoters (9 or 10) minus share of detractors (0 to 6), in points from -100 to 100; per survey.

    Why: one widely known figure for the willingness to recommend.
    Caution: it ignores most of the scale, so its interval is wide: about 15 points in each direction with a hundred answers. A change
        within the interval can be chance.
    Formula: 100 * (P - D) / n, where P = the number of promoters (9 or 10); D = the number of detractors (0 to 6).
    Source: Reichheld 2003, Harvard Business Review 81(12):46 (definition); Rocks 2016, The American Statistician 70:365
        (adjusted Wald interval).
    """
    answers = _answers(survey_responses, _zero_to_ten(item))
    words = "promoters (9-10) less detractors (0-6)"
    return net_score(answers, nw.col("x") >= 9, nw.col("x") <= 6, numerator=words, **_PER_SURVEY)


@metric(
    title="Promoters, passives and detractors",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count={
        "purchase, detractors": "2 / 8",
        "purchase, passives": "2 / 8",
        "purchase, promoters": "4 / 8",
        "support, detractors": "2 / 5",
        "support, passives": "2 / 5",
        "support, promoters": "1 / 5",
    },
)
def nps_shares(survey_responses, *, item: Item = "recommend"):
    """Shares of promoters (9 or 10), passives (7 or 8) and detractors (0 to 6) among the answers, per survey.

    Why: the same score can come from many passives or from two extreme groups, which need different measures.
    Caution: a step from 6 to 7 changes the group, a step from 0 to 6 does not.
    Source: Reichheld 2003, as above; Agresti 2013, Categorical Data Analysis, 3rd ed., 1.2 (multinomial shares).
    """
    x = nw.col("x")
    groups = {"detractors": x <= 6, "passives": (x >= 7) & (x <= 8), "promoters": x >= 9}
    answers = _answers(survey_responses, _zero_to_ten(item))
    return composition(answers, groups, numerator="answers of the group", aspect_of="nps", **_PER_SURVEY)


def _wanted(item: Item) -> str:
    return "down" if item.direction == "effort" else "up"


@metric(
    title="Customer effort score (CES)",
    unit="scale",
    kind="outcome",
    direction=_wanted,
    hand_count={"purchase": "23 / 9", "support": "20 / 4"},
)
def ces(survey_responses, *, item: Item = "effort"):
    """Mean answer on the declared scale, per survey.

    The direction is declared: on an effort scale, 1 is very low effort; on an ease scale, a high answer is easy.

    Why: high effort is more closely related to churn than low delight.
    Caution: two directions are in use and look alike; the one declared is printed beside the figure.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7/8):116.
    """
    answers = _answers(survey_responses, pointing(item, "effort", "ease"))
    return mean_on_scale(answers, nw.col("x"), bounds=item.scale, numerator="the answers on the scale", **_PER_SURVEY)


@metric(
    title="Distribution of effort answers",
    unit="%",
    kind="outcome",
    direction="-",
    hand_count={
        "purchase, 1": "3 / 9",
        "purchase, 2": "2 / 9",
        "purchase, 3": "1 / 9",
        "purchase, 4": "2 / 9",
        "purchase, 5": "1 / 9",
        "purchase, 6": "0 / 9",
        "purchase, 7": "0 / 9",
        "support, 1": "0 / 4",
        "support, 2": "0 / 4",
        "support, 3": "1 / 4",
        "support, 4": "1 / 4",
        "support, 5": "0 / 4",
        "support, 6": "1 / 4",
        "support, 7": "1 / 4",
    },
)
def effort_distribution(survey_responses, *, item: Item = "effort"):
    """Share of each answer on the scale of effort, per survey.

    Why: most harm comes from the few customers with very high effort, whom a mean hides.
    Caution: on an effort scale the high answers are the bad ones, on an ease scale the low ones; the direction is declared.
    Source: Dixon, Freeman & Toman 2010, as above; Agresti 2013, as above (multinomial shares).
    """
    answers = _answers(survey_responses, pointing(item, "effort", "ease"))
    return composition(answers, _boxes(item), numerator="answers of one kind", aspect_of="ces", **_PER_SURVEY)


@metric(
    title="Low-effort share",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"purchase": "6 / 9", "support": "1 / 4"},
)
def ces_low_effort(survey_responses, *, item: Item = "effort"):
    """Share of the answers on the easy side of the middle of the scale, per survey.

    Why: a share is easier to communicate than a mean, and has the same direction on every scale.
    Caution: the middle itself counts as not easy, so shares from scales with and without a middle do not compare.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7/8):116.
    """
    middle = sum(pointing(item, "effort", "ease").scale) / 2
    easy = nw.col("x") < middle if item.direction == "effort" else nw.col("x") > middle
    answers = _answers(survey_responses, item)
    words = "answers on the easy side of the scale's middle"
    return share(answers, easy, numerator=words, aspect_of="ces", **_PER_SURVEY)
