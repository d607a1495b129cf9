"""Customer satisfaction (CSAT): the share of answers in the two best boxes, of those who answered."""

from crmnb.learn.declaration import (
    Claim,
    Misuse,
    during,
    exercise,
    known,
    mean,
    misconception,
    percent,
    transfer,
    trap,
    without_change,
)
from crmnb.learn.lessons._answers import answers, next_year, of_survey, one_more

TABLES = {"survey_responses": ("response_id", "survey", "responded_at", "satisfied")}
BREAKDOWN = "purchase"
PLACE = 2
QUESTION = 'The owner of the corner shop asks: "Are our customers satisfied?"'


def _share(scores, satisfied_from=4, base=None):
    satisfied = sum(score >= satisfied_from for score in scores)
    return percent(satisfied, len(scores) if base is None else base)


@exercise(
    "q1",
    ask="What is the CSAT after a purchase in 2025? Count with a pencil.",
    unit="%",
    hints=(
        "Tick the rows of 2025 whose survey is purchase, then strike those without an answer.",
        "How many of the remaining ones are in the two best boxes, 4 and 5?",
        "Divide these by all that you ticked and did not strike, and multiply by 100.",
    ),
)
def after_purchase(survey_responses):
    """Answers of 4 or 5, out of all answers to the question after a purchase in the year, times 100."""
    return _share(answers(survey_responses, "satisfied"))


@exercise(
    "q2",
    ask="And after a case for support? Now with two lines of pandas.",
    unit="%",
    hints=(
        'Keep the rows of 2025 whose survey is "support", and of these the column `satisfied`.',
        "`dropna()` leaves out who did not answer.",
        "`100 * (scores >= 4).mean()`",
    ),
)
def after_support(survey_responses):
    """The same, of the rows whose survey is "support"."""
    return _share(answers(survey_responses, "satisfied", "support"))


@misconception("mean of the answers", of=["q1", "q7"])
def mean_of_answers(survey_responses):
    """You averaged the answers. CSAT counts people: how many are satisfied."""
    return mean(answers(survey_responses, "satisfied"))


@misconception("mean as a percentage", of=["q1"])
def mean_as_a_percentage(survey_responses):
    """You divided the mean by the best answer. Even a room full of the worst answers would not be at zero then."""
    return 100 * mean(answers(survey_responses, "satisfied")) / 5


@misconception("mean on a scale of 0 to 100", of=["q1"])
def mean_rescaled(survey_responses):
    """You stretched the mean from 0 to 100. That is a figure of its own, the mean satisfaction score; it is no share."""
    return 100 * (mean(answers(survey_responses, "satisfied")) - 1) / 4


@misconception("best box only", of=["q1", "q7"])
def best_box_only(survey_responses):
    """You counted the 5 alone. On a scale of five, a 4 says satisfied as well."""
    return _share(answers(survey_responses, "satisfied"), 5)


@misconception("the middle is satisfied", of=["q1", "q7"])
def the_middle_is_satisfied(survey_responses):
    """You counted a 3 as satisfied. The middle box is neither good nor bad."""
    return _share(answers(survey_responses, "satisfied"), 3)


@misconception("blanks in the base", of=["q1", "q7"])
def blanks_in_the_base(survey_responses):
    """You divided by all sheets. Who did not answer this question is not dissatisfied: nobody knows."""
    return _share(answers(survey_responses, "satisfied"), base=len(during(of_survey(survey_responses), "responded_at")))


@misconception("both surveys pooled", of=["q1", "q7"])
def both_surveys(survey_responses):
    """You pooled two surveys. Then the figure moves with their mix, even if nobody changes their mind."""
    return _share(known(during(survey_responses, "responded_at"), "satisfied"))


@misconception("all years", of=["q1", "q7"])
def all_years(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return _share(known(of_survey(survey_responses), "satisfied"))


@misconception("the dissatisfied", of=["q1"])
def the_dissatisfied(survey_responses):
    """You counted those who are not satisfied: the other side."""
    return 100 - after_purchase.value(survey_responses)


@misconception("a count", of=["q1"])
def a_count(survey_responses):
    """You gave the number of satisfied answers. A rate says out of how many."""
    return sum(score >= 4 for score in answers(survey_responses, "satisfied"))


@misconception("the other survey", of=["q2"])
def the_other_survey(survey_responses):
    """You computed the survey after a purchase. The question is about support."""
    return after_purchase.value(survey_responses)


@misconception("both surveys pooled", of=["q2"])
def pooled_again(survey_responses):
    """You pooled two surveys. Support is asked of people who had a problem."""
    return both_surveys.value(survey_responses)


@misconception("best box only", of=["q2"])
def best_box_after_support(survey_responses):
    """You counted the 5 alone. On a scale of five, a 4 says satisfied as well."""
    return _share(answers(survey_responses, "satisfied", "support"), 5)


@misconception("the middle is satisfied", of=["q2"])
def the_middle_after_support(survey_responses):
    """You counted a 3 as satisfied. The middle box is neither good nor bad."""
    return _share(answers(survey_responses, "satisfied", "support"), 3)


@misconception("all years", of=["q2"])
def all_years_after_support(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return _share(known(of_survey(survey_responses, "support"), "satisfied"))


@misconception("mean of the answers", of=["q2"])
def mean_after_support(survey_responses):
    """You averaged the answers. CSAT counts people: how many are satisfied."""
    return mean(answers(survey_responses, "satisfied", "support"))


@trap(
    "not applicable",
    'Another buyer ticks "not applicable" in December 2025. Which way will the CSAT after a purchase go?',
)
def not_applicable(survey_responses):
    """It is no answer, and no low one either. The sheet is not counted and not part of the base."""
    return one_more(survey_responses, "satisfied", None)


@trap("a box in the middle", "Another buyer gives a 3 in December 2025: neither good nor bad. Which way will it go?")
def a_box_in_the_middle(survey_responses):
    """A 3 is not satisfied, but it is in the base. What sounds neutral lowers the share."""
    return one_more(survey_responses, "satisfied", 3)


@trap("delight", "Every buyer of 2025 who gave a 4 would have given a 5. Which way would it go?")
def delight(survey_responses):
    """Both boxes are satisfied, so the share does not see it. The mean would: that is why reports have both."""
    return {
        "survey_responses": [
            dict(row, satisfied=5) if row["survey"] == "purchase" and row["satisfied"] == 4 else row
            for row in survey_responses
        ]
    }


@trap("the edge of the period", "At midnight, as 2026 begins, a buyer gives a 1. Which way will the CSAT of 2025 go?")
def the_edge_of_the_period(survey_responses):
    """The first instant of 2026 belongs to 2026."""
    return one_more(survey_responses, "satisfied", 1, next_year())


CLAIMS = (
    Claim("After a purchase, {base} were a 4 or a 5: {value}.", True, "It says what was counted, and of how many."),
    Claim(
        "Of the customers who bought, {value} were satisfied.",
        False,
        "Only those who answered are known. Who does not answer may think otherwise: see the response rate.",
        caution=True,
    ),
    Claim(
        "Of many more such buyers, as few as the lower or as many as the upper of these may be satisfied: {limits}.",
        True,
        "That is what the interval says of so few answers.",
    ),
    Claim(
        "Purchases satisfy and support does not, so the support team works badly.",
        False,
        "The two surveys ask different people: those who need support have had a problem. They do not compare.",
        caution=True,
    ),
    Claim(
        "Satisfaction differs from that of 2024.",
        False,
        "The change: {change}. It can be chance.",
        where=without_change,
    ),
)
MISUSES = (
    Misuse(
        (
            "CSAT after a purchase: {value}",
            "{base}, {interval}",
            "Another shop reports more on a scale of ten, so it is better",
        ),
        3,
        "The two best of ten boxes are another share than the two best of five. Scales of different length do not compare.",
    ),
    Misuse(
        (
            "All our customers together: {value} are satisfied",
            "Asked after a purchase, of {base}",
            "Interval: {limits}",
        ),
        1,
        "It is of those who answered after a purchase, not of all customers.",
    ),
    Misuse(
        (
            "CSAT after a purchase: {value} ({interval})",
            "We leave out who gave a 3: they have no opinion",
            "Change: {change}",
        ),
        2,
        "A 3 is an opinion. To leave it out of the base makes the share larger without a single customer being happier.",
    ),
)


@transfer(
    ask="What is the CSAT of this client after a purchase in 2025?",
    unit="%",
    hints=(
        "The table has other surveys and other years as well. Keep the rows that the question is about.",
        "Empty answers are not in the base: `dropna()`.",
        "`100 * (scores >= 4).mean()`",
    ),
    tables={"survey_responses": ("response_id", "survey", "responded_at", "satisfied")},
    breakdown="purchase",
)
def of_a_simulated_client(survey_responses):
    """Answers of 4 or 5 after a purchase, out of all answers to the question after a purchase in the year, times 100."""
    return after_purchase.value(survey_responses)
