"""Net promoter score (NPS): the two ends of a scale, and nobody from its middle."""

from datetime import datetime

from crmnb.learn.declaration import (
    YEAR,
    Claim,
    Misuse,
    during,
    exercise,
    known,
    mean,
    misconception,
    on_both_sides_of_0,
    percent,
    transfer,
    trap,
    without_change,
)

TABLES = {"survey_responses": ("response_id", "survey", "responded_at", "recommend")}
BREAKDOWN = "purchase"
PLACE = 3
QUESTION = 'The owner of the corner shop asks: "Would our customers recommend us?"'


def _of_purchase(survey_responses):
    return [row for row in survey_responses if row["survey"] == "purchase"]


def _scores(survey_responses):
    return known(during(survey_responses, "responded_at"), "recommend")


def _number(scores, lowest, highest):
    return sum(lowest <= score <= highest for score in scores)


def _net(scores, promoters_from=9, detractors_to=6, base=None):
    net = _number(scores, promoters_from, 10) - _number(scores, 0, detractors_to)
    return percent(net, len(scores) if base is None else base)


@exercise(
    "q1",
    ask="What is the NPS of all answers of 2025, whatever the survey? Count with a pencil.",
    unit="points",
    hints=(
        "Only answers of 2025 count, and only those with a score. How many are there?",
        "Promoters gave 9 or 10, detractors 0 to 6. Count both.",
        "Take the detractors from the promoters, divide by all scores of 2025, and multiply by 100.",
    ),
)
def of_all_answers(survey_responses):
    """Promoters less detractors, out of all scores of the year, times 100."""
    return _net(_scores(survey_responses))


@exercise(
    "q2",
    ask="And of the survey after a purchase alone? Now with two lines of pandas.",
    unit="points",
    hints=(
        'First keep the rows of 2025 whose survey is "purchase", as in `rows[rows.survey == "purchase"]`.',
        "`dropna()` leaves out who gave no score.",
        "`100 * ((scores >= 9).mean() - (scores <= 6).mean())`",
    ),
)
def after_purchase(survey_responses):
    """The same, of the rows whose survey is "purchase"."""
    return _net(_scores(_of_purchase(survey_responses)))


@misconception("mean of the scores", of=["q1"])
def mean_of_scores(survey_responses):
    """You averaged the scores. The NPS compares two groups of people."""
    return mean(_scores(survey_responses))


@misconception("promoters only", of=["q1"])
def promoters_only(survey_responses):
    """You left the detractors out. The NPS is what remains after them."""
    scores = _scores(survey_responses)
    return percent(_number(scores, 9, 10), len(scores))


@misconception("eights promote", of=["q1"])
def eights_promote(survey_responses):
    """You counted an 8 as a promoter. It is passive: the bar is meant to be high."""
    return _net(_scores(survey_responses), promoters_from=8)


@misconception("sixes are passive", of=["q1"])
def sixes_are_passive(survey_responses):
    """You counted a 6 as passive. It looks fair, but it is a detractor."""
    return _net(_scores(survey_responses), detractors_to=5)


@misconception("passives left out", of=["q1"])
def passives_left_out(survey_responses):
    """You divided by promoters and detractors. Passives are part of the base."""
    scores = _scores(survey_responses)
    return _net(scores, base=_number(scores, 9, 10) + _number(scores, 0, 6))


@misconception("blanks in the base", of=["q1"])
def blanks_in_the_base(survey_responses):
    """You divided by all sheets. Who gave no score is in no group."""
    return _net(_scores(survey_responses), base=len(during(survey_responses, "responded_at")))


@misconception("no answer as 0", of=["q1"])
def no_answer_as_0(survey_responses):
    """You took an empty answer for a 0. Who did not answer is no detractor."""
    return _net([row["recommend"] or 0 for row in during(survey_responses, "responded_at")])


@misconception("all years", of=["q1"])
def all_years(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return _net(known(survey_responses, "recommend"))


@misconception("a count", of=["q1"])
def a_count(survey_responses):
    """You gave the difference in people. Divide it by all who gave a score."""
    scores = _scores(survey_responses)
    return _number(scores, 9, 10) - _number(scores, 0, 6)


@misconception("both surveys pooled", of=["q2", "q7"])
def both_surveys(survey_responses):
    """You pooled two surveys. Then the figure moves with their mix."""
    return _net(_scores(survey_responses))


@misconception("mean of the scores", of=["q2", "q7"])
def mean_after_purchase(survey_responses):
    """You averaged the scores. The NPS compares two groups of people."""
    return mean(_scores(_of_purchase(survey_responses)))


@misconception("promoters only", of=["q2", "q7"])
def promoters_after_purchase(survey_responses):
    """You left the detractors out. The NPS is what remains after them."""
    return promoters_only.value(_of_purchase(survey_responses))


@misconception("blanks in the base", of=["q2", "q7"])
def blanks_after_purchase(survey_responses):
    """You divided by all sheets. `mean()` of a comparison counts empty scores as no."""
    return blanks_in_the_base.value(_of_purchase(survey_responses))


@misconception("all years", of=["q2", "q7"])
def all_years_after_purchase(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return all_years.value(_of_purchase(survey_responses))


@trap(
    "a blank answer",
    "Another customer fills in a sheet in December 2025, but leaves this question empty. Which way will the NPS go?",
)
def a_blank_answer(survey_responses):
    """Without a score the sheet is neither counted nor part of the base."""
    return {"survey_responses": [*survey_responses, dict(_last_of_year(survey_responses), recommend=None)]}


@trap("one more passive", "Another customer gives an 8 in December 2025. Which way will the NPS go?")
def another_passive(survey_responses):
    """A passive counts in the base alone, so the same difference is spread over more people: the figure moves towards 0."""
    return {"survey_responses": [*survey_responses, dict(_last_of_year(survey_responses), recommend=8)]}


@trap(
    "one step on the scale",
    "The mildest detractor of 2025 would have given a 7 on another day. Which way would the NPS go?",
)
def one_step_on_the_scale(survey_responses):
    """A single step over the border takes a detractor away. From 0 to 6, a step that matters far more to the customer, nothing moves."""
    mildest = max(
        (
            row
            for row in during(survey_responses, "responded_at")
            if row["recommend"] is not None and row["recommend"] <= 6
        ),
        key=lambda row: row["recommend"],
        default=None,
    )
    return {"survey_responses": [dict(row, recommend=7) if row is mildest else row for row in survey_responses]}


@trap("the edge of the period", "At midnight, as 2026 begins, a customer gives a 0. Which way will the NPS of 2025 go?")
def the_edge_of_the_period(survey_responses):
    """The first instant of 2026 belongs to 2026. The last second of 2025 would have counted."""
    last = _last_of_year(survey_responses)
    return {"survey_responses": [*survey_responses, dict(last, recommend=0, responded_at=datetime(YEAR + 1, 1, 1))]}


def _last_of_year(survey_responses):
    return during(survey_responses, "responded_at")[-1]


CLAIMS = (
    Claim(
        "Most customers would recommend the shop.",
        False,
        "Nothing is known of those who did not answer, and the score is no share of customers.",
    ),
    Claim(
        "Of {base}, the promoters less the detractors come to {value}.", True, "It says what was counted, and of whom."
    ),
    Claim(
        "Next year five points more will show that we have improved.",
        False,
        "So small a change lies far within the interval: it can be chance.",
        caution=True,
    ),
    Claim(
        "With so few answers, we cannot say on which side of 0 the score lies.",
        True,
        "The interval has both sides: {interval}.",
        where=on_both_sides_of_0,
    ),
    Claim(
        "The score differs from that of 2024, so the training of the staff works.",
        False,
        "The change: {change}. And nothing here shows a cause.",
        where=without_change,
    ),
)
MISUSES = (
    Misuse(
        ("NPS after a purchase: {value}", "Of {base}, {interval}", "The staff's bonus follows each point of the score"),
        3,
        "A point is chance: one other answer would move the score by more than that ({interval}).",
    ),
    Misuse(
        ("{value} of our customers recommend us", "Of {base}, {interval}", "Compared with the year before: {change}"),
        1,
        "The score is a difference of two shares. It is no number and no share of customers.",
    ),
    Misuse(
        (
            "NPS after a purchase: {value} ({interval})",
            "Asked after a purchase; the score after support is shown by itself",
            "Both together make one company score for the annual report",
        ),
        3,
        "Pooled, the score moves with the mix of the two surveys, even where nobody has changed their mind.",
    ),
)


@transfer(
    ask="What is the NPS of this client after a purchase in 2025?",
    unit="points",
    hints=(
        "The table has other surveys and other years as well. Keep the rows that the question is about.",
        "Empty scores are in no group and not in the base: `dropna()`.",
        "`100 * ((scores >= 9).mean() - (scores <= 6).mean())`",
    ),
    tables={"survey_responses": ("response_id", "survey", "responded_at", "recommend")},
    breakdown="purchase",
)
def of_a_simulated_client(survey_responses):
    """Promoters less detractors after a purchase, out of all scores after a purchase in the year, times 100."""
    return after_purchase.value(survey_responses)
