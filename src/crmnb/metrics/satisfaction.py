"""Satisfaction: what customers say after an interaction or a purchase."""

import narwhals.stable.v2 as nw

from crmnb.client import Item
from crmnb.errors import Unavailable
from crmnb.estimate import count, mean_on_scale, net_promoters
from crmnb.metric import metric
from crmnb.period import Period


def _pointing(item: Item, *directions: str) -> Item:
    """The item, if it points in one of these directions; what was not declared so is not guessed."""
    if item.direction not in directions:
        wanted = " or ".join(directions)
        raise Unavailable(f"needs an item with direction {wanted}; {item.name} is declared {item.direction}")
    return item


def _answers(survey_responses: nw.LazyFrame, period: Period, item: Item) -> nw.LazyFrame:
    """The period's valid answers to an item (the intake has rejected what is off its scale), as `x`."""
    return survey_responses.filter(period.holds("responded_at"), ~nw.col(item.name).is_null()).with_columns(
        x=nw.col(item.name).cast(nw.Float64)
    )


@metric(
    title="Customer satisfaction (CSAT)",
    unit="%",
    kind="outcome",
    better="up",
    counts="answers in the top two boxes",
    out_of="valid answers",
    by_hand="9 / 14",
    rows_at="responded_at",
)
def csat(survey_responses, *, period, item: Item = "satisfied"):
    """Share of the answers that choose one of the two best boxes of the scale.

    Why: the plainest sign of whether an interaction went well, and the one most companies can compare with.
    Beware: those who answer are not those who were asked; read it beside the response rate. Shares from scales of
        different length do not compare, and "not applicable" is missing, not low.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 2 (customer satisfaction, top
        two boxes); Wilson 1927, JASA 22:209 (interval).
    """
    if item.scale[1] - item.scale[0] < 3:
        raise Unavailable(f"needs a scale of four boxes or more; {item.name} has fewer")
    top = _pointing(item, "up").scale[1] - 1
    return _answers(survey_responses, period, item).with_columns(num=(nw.col("x") >= top).cast(nw.Int64), den=nw.lit(1))


@metric(
    title="Mean satisfaction",
    unit="points",
    kind="outcome",
    better="up",
    counts="points of all answers, 0 (worst) to 100 (best)",
    out_of="valid answers",
    by_hand="(51 / 14 - 1) / 4 * 100",
    estimate=mean_on_scale,
    bounds=(0, 100),
    rows_at="responded_at",
)
def csat_mean(survey_responses, *, period, item: Item = "satisfied"):
    """Mean answer, rescaled from the ends of the scale to 0 (worst) and 100 (best).

    Why: it moves when people go from bad to middling, which the share of the satisfied does not see.
    Beware: a mean hides two camps; look at the share of satisfied answers too. It treats the steps of the scale as equal.
    Source: Fornell, Johnson, Anderson, Cha & Bryant 1996, Journal of Marketing 60(4):7 (rescaling to 0-100).
    """
    low, high = _pointing(item, "up").scale
    return _answers(survey_responses, period, item).with_columns(value=(nw.col("x") - low) / (high - low) * 100)


@metric(
    title="Net promoter score (NPS)",
    unit="points",
    kind="outcome",
    better="up",
    counts="promoters (9-10) less detractors (0-6)",
    out_of="valid answers",
    by_hand="(5 - 4) / 13",
    estimate=net_promoters,
    rows_at="responded_at",
)
def nps(survey_responses, *, period, item: Item = "recommend"):
    """Share of the answers that promote (9 or 10) less the share that detract (0 to 6), in points from -100 to 100.

    Why: one figure for how far customers would stand up for the company; widely known, so widely compared.
    Beware: it throws away most of the scale and is noisy: a hundred answers leave about 15 points either way. A change
        inside the interval is no change.
    Source: Reichheld 2003, Harvard Business Review 81(12):46 (definition); Rocks 2016, The American Statistician 70:365
        (adjusted Wald interval).
    """
    if _pointing(item, "up").scale != (0, 10):
        raise Unavailable(f"needs an item from 0 to 10; {item.name} goes from {item.scale[0]} to {item.scale[1]}")
    promotes, detracts = (nw.col("x") >= 9).cast(nw.Int64), (nw.col("x") <= 6).cast(nw.Int64)
    return _answers(survey_responses, period, item).with_columns(num=promotes - detracts, den=nw.lit(1))


def _wanted(item: Item) -> str:
    return "down" if item.direction == "effort" else "up"


@metric(
    title="Customer effort score (CES)",
    unit="scale",
    kind="outcome",
    better=_wanted,
    counts="sum of the answers on the scale",
    out_of="valid answers",
    by_hand="43 / 13",
    estimate=mean_on_scale,
    bounds=lambda item: item.scale,
    rows_at="responded_at",
)
def ces(survey_responses, *, period, item: Item = "effort"):
    """Mean answer on the declared scale, in the declared direction: `effort` (1 = very low effort) or `ease` (high = easy).

    Why: customers who had to work hard leave more often than customers who were merely not delighted.
    Beware: two directions are in use and look alike; the one declared is printed beside the figure.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7/8):116.
    """
    return _answers(survey_responses, period, _pointing(item, "effort", "ease")).with_columns(value=nw.col("x"))


@metric(
    title="Low effort",
    unit="%",
    kind="outcome",
    better="up",
    counts="answers on the easy side of the scale's middle",
    out_of="valid answers",
    by_hand="7 / 13",
    rows_at="responded_at",
)
def ces_low_effort(survey_responses, *, period, item: Item = "effort"):
    """Share of the answers that lie on the easy side of the middle of the scale.

    Why: easier to say in a meeting than a mean on a scale, and it has the same direction whatever the scale's.
    Beware: the middle itself counts as not easy, so shares from scales with and without a middle do not compare.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7/8):116.
    """
    middle = sum(_pointing(item, "effort", "ease").scale) / 2
    easy = nw.col("x") < middle if item.direction == "effort" else nw.col("x") > middle
    return _answers(survey_responses, period, item).with_columns(num=easy.cast(nw.Int64), den=nw.lit(1))


def _share_of(invitations: nw.LazyFrame, period: Period, of: str | None, done: str) -> nw.LazyFrame:
    """Of the period's invitations (that have a time in `of`): those that have one in `done`; a component per survey."""
    sent = invitations.filter(period.holds("sent_at"))
    base = sent if of is None else sent.filter(~nw.col(of).is_null())
    return base.with_columns(component=nw.col("survey"), num=(~nw.col(done).is_null()).cast(nw.Int64), den=nw.lit(1))


@metric(
    title="Acceptance rate",
    unit="%",
    kind="process",
    better="up",
    counts="surveys started",
    out_of="invitations that reached the customer",
    by_hand={"purchase": "7 / 10", "support": "5 / 6"},
    component="survey",
    rows_at="sent_at",
)
def acceptance_rate(survey_invitations, *, period):
    """Share of the invitations that reached a customer and were followed by a start of the survey; per survey.

    Why: it tells whether the invitation works, before the questions have had a chance to.
    Beware: surveys differ too much for one figure over all of them. Invitations sent on the last days may still be taken up.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (contact and cooperation).
    """
    return _share_of(survey_invitations, period, "reached_at", "started_at")


@metric(
    title="Completion rate",
    unit="%",
    kind="process",
    better="up",
    counts="surveys completed",
    out_of="surveys started",
    by_hand={"purchase": "5 / 7", "support": "4 / 5"},
    component="survey",
    rows_at="sent_at",
)
def completion_rate(survey_invitations, *, period):
    """Share of the surveys that were started and also completed; per survey.

    Why: people who give up in the middle tell something about the length and the questions.
    Beware: a short survey completes better and learns less.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (break-offs).
    """
    return _share_of(survey_invitations, period, "started_at", "completed_at")


@metric(
    title="Response rate",
    unit="%",
    kind="process",
    better="up",
    counts="surveys completed",
    out_of="eligible invitations (for cooperation: those that reached the customer)",
    by_hand={
        "purchase": "5 / 12",
        "purchase, cooperation": "5 / 10",
        "support": "4 / 7",
        "support, cooperation": "4 / 6",
    },
    component="survey",
    rows_at="sent_at",
)
def response_rate(survey_invitations, *, period):
    """Share of all eligible invitations that led to a completed survey (AAPOR RR1); per survey.

    Beside it, named cooperation, the share of those that reached the customer.

    Why: the first question about any survey figure is how many of those who were asked are in it.
    Beware: a high rate does not make a survey representative, nor a low one useless: what matters is who is missing.
    Source: AAPOR 2023, Standard Definitions, 10th ed., RR1 and COOP1.
    """
    of_all = _share_of(survey_invitations, period, None, "completed_at")
    if "reached_at" not in survey_invitations.collect_schema().names():
        return of_all
    of_reached = _share_of(survey_invitations, period, "reached_at", "completed_at")
    cooperation = nw.concat_str([nw.col("survey"), nw.lit("cooperation")], separator=", ")
    return nw.concat([of_all, of_reached.with_columns(component=cooperation)])


def _reviews(reviews: nw.LazyFrame, period: Period) -> nw.LazyFrame:
    return reviews.filter(period.holds("posted_at")).with_columns(component=nw.col("platform"))


@metric(
    title="Review rating",
    unit="points",
    kind="outcome",
    better="up",
    counts="points of all reviews, 0 (worst) to 100 (best)",
    out_of="public reviews",
    by_hand={"Trustpilot": "(75 + 100 + 0 + 50) / 4", "Local Guide": "(3 + 6 + 9) / 9 / 3 * 100"},
    estimate=mean_on_scale,
    bounds=(0, 100),
    component="platform",
    rows_at="posted_at",
)
def review_rating(reviews, *, period):
    """Mean rating of the public reviews, rescaled from 1 and the platform's best to 0 and 100; per platform.

    Why: it is what strangers read before they become customers.
    Beware: people review when they are delighted or angry, and some reviews are bought. Platforms do not compare.
    Source: Hu, Pavlou & Zhang 2006, ACM Conference on Electronic Commerce (J-shaped ratings). Interval: a score interval,
        which covers where a bootstrap of such ratings falls short (benchmarks/coverage.py).
    """
    return _reviews(reviews, period).with_columns(value=(nw.col("rating") - 1) / (nw.col("scale") - 1) * 100)


@metric(
    title="Review volume",
    unit="count",
    kind="output",
    better="up",
    counts="public reviews",
    out_of="",
    by_hand={"Trustpilot": "4", "Local Guide": "3"},
    estimate=count,
    component="platform",
    rows_at="posted_at",
)
def review_volume(reviews, *, period):
    """Number of public reviews; per platform.

    Why: a rating from eight reviews and one from eight hundred are different things.
    Beware: a campaign that asks for reviews moves the number and the mix at once.
    Source: Hu, Pavlou & Zhang 2006, as above. Interval: McCullagh & Nelder 1989, Generalized Linear Models, 6.2
        (over-dispersion).
    """
    return _reviews(reviews, period).with_columns(num=nw.lit(1), den=nw.lit(None, nw.Float64), at=nw.col("posted_at"))
