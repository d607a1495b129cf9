"""Customer effort score (CES): a mean on a scale whose good end is not the same everywhere."""

from statistics import median

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

TABLES = {"survey_responses": ("response_id", "survey", "responded_at", "effort")}
BREAKDOWN = "purchase"
PLACE = 4
QUESTION = 'The owner of the corner shop asks: "Do we make it easy for our customers?"'


@exercise(
    "q1",
    ask="What is the CES after a purchase in 2025? Count with a pencil.",
    unit="of 7",
    hints=(
        "Tick the rows of 2025 whose survey is purchase, then strike those without an answer.",
        "Add up the answers that remain, and count them.",
        "Divide the sum by the number of answers. It stays on the scale: nothing is multiplied by 100.",
    ),
)
def after_purchase(survey_responses):
    """The mean of the answers after a purchase in the year, without empty ones."""
    return mean(answers(survey_responses, "effort"))


@exercise(
    "q2",
    ask="And after a case for support? Now with two lines of pandas.",
    unit="of 7",
    hints=(
        'Keep the rows of 2025 whose survey is "support", and of these the column `effort`.',
        "`mean()` leaves out empty answers by itself.",
        '`rows[rows.survey == "support"].effort.mean()`',
    ),
)
def after_support(survey_responses):
    """The same, of the rows whose survey is "support"."""
    return mean(answers(survey_responses, "effort", "support"))


@misconception("low-effort share", of=["q1", "q7"])
def low_effort_share(survey_responses):
    """You gave the share of easy answers. That is a figure of its own; the CES is the mean answer."""
    scores = answers(survey_responses, "effort")
    return percent(sum(score < 4 for score in scores), len(scores))


@misconception("read as ease", of=["q1", "q7"])
def read_as_ease(survey_responses):
    """You turned the scale round. Here 1 is very little effort: low is good, and it is reported as it was asked."""
    return 8 - after_purchase.value(survey_responses)


@misconception("blanks as 0", of=["q1", "q7"])
def blanks_as_0(survey_responses):
    """You divided by all sheets, as if an empty answer were a 0. There is no 0 on this scale."""
    sheets = during(of_survey(survey_responses), "responded_at")
    return percent(sum(known(sheets, "effort")), len(sheets)) / 100


@misconception("blanks as the middle", of=["q1"])
def blanks_as_the_middle(survey_responses):
    """You put the middle of the scale in the place of empty answers. Nobody said so."""
    return mean(
        4 if row["effort"] is None else row["effort"] for row in during(of_survey(survey_responses), "responded_at")
    )


@misconception("a sum", of=["q1"])
def a_sum(survey_responses):
    """You gave the sum. Divide it by the number of answers."""
    return sum(answers(survey_responses, "effort"))


@misconception("a percentage", of=["q1"])
def a_percentage(survey_responses):
    """You divided the mean by the top of the scale. The CES stays on its scale."""
    return 100 * after_purchase.value(survey_responses) / 7


@misconception("both surveys pooled", of=["q1", "q2", "q7"])
def both_surveys(survey_responses):
    """You pooled two surveys. Then the figure moves with their mix, even if nobody finds it easier."""
    return mean(known(during(survey_responses, "responded_at"), "effort"))


@misconception("all years", of=["q1", "q7"])
def all_years(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return mean(known(of_survey(survey_responses), "effort"))


@misconception("the median", of=["q1"])
def the_median(survey_responses):
    """You gave the middle answer. The CES is the mean: those who had much effort weigh in it."""
    return median(answers(survey_responses, "effort") or [float("nan")])


@misconception("the other survey", of=["q2"])
def the_other_survey(survey_responses):
    """You computed the survey after a purchase. The question is about support."""
    return after_purchase.value(survey_responses)


@misconception("read as ease", of=["q2"])
def support_read_as_ease(survey_responses):
    """You turned the scale round. Here 1 is very little effort, and it is reported as it was asked."""
    return 8 - after_support.value(survey_responses)


@misconception("blanks as 0", of=["q2"])
def support_blanks_as_0(survey_responses):
    """You divided by all sheets, as if an empty answer were a 0. There is no 0 on this scale."""
    sheets = during(of_survey(survey_responses, "support"), "responded_at")
    return percent(sum(known(sheets, "effort")), len(sheets)) / 100


@misconception("all years", of=["q2"])
def support_of_all_years(survey_responses):
    """You counted answers of all years. A figure is of its period."""
    return mean(known(of_survey(survey_responses, "support"), "effort"))


@trap(
    "a blank answer",
    "Another buyer leaves the question empty in December 2025. Which way will the CES after a purchase go?",
)
def a_blank_answer(survey_responses):
    """An empty answer is neither in the sum nor in the number of answers."""
    return one_more(survey_responses, "effort", None)


@trap("a hard time", "Another buyer gives a 7 in December 2025. Which way will the CES go?")
def a_hard_time(survey_responses):
    """The figure goes up, and that is bad news: on this scale 7 is the most effort. Elsewhere 7 means very easy."""
    return one_more(survey_responses, "effort", 7)


@trap(
    "both ends",
    "Two more buyers answer in December 2025: a 1 and a 7. Which way will the CES go?",
)
def both_ends(survey_responses):
    """Their mean is the middle of the scale, so the figure moves towards it. That they had opposite days, a mean does not show."""
    table = one_more(survey_responses, "effort", 1)
    return one_more(table["survey_responses"], "effort", 7)


@trap("the edge of the period", "At midnight, as 2026 begins, a buyer gives a 7. Which way will the CES of 2025 go?")
def the_edge_of_the_period(survey_responses):
    """The first instant of 2026 belongs to 2026."""
    return one_more(survey_responses, "effort", 7, next_year())


CLAIMS = (
    Claim(
        "Another shop reports a higher CES, so it is easier to buy there.",
        False,
        "Two directions are in use and look alike. First ask which end of their scale is the good one.",
        caution=True,
    ),
    Claim(
        "{value} is low, so our customers are not convinced.",
        False,
        "Low is good here: the question is about effort.",
        caution=True,
    ),
    Claim(
        "After a purchase, the mean answer was {value}, where 1 is very little effort; {base}.",
        True,
        "It says the scale, its good end, and how many answered.",
    ),
    Claim(
        "Effort differs from that of 2024, because of the new till.",
        False,
        "The change: {change}. And nothing here shows a cause.",
        where=without_change,
    ),
    Claim(
        "Of many more such buyers, the mean may lie anywhere from {limits}.",
        True,
        "That is what the interval says of so few answers.",
    ),
)
MISUSES = (
    Misuse(
        (
            "CES after a purchase: {value} ({interval})",
            "The goal for next year: a higher score",
            "Asked with a scale of effort, of {base}",
        ),
        2,
        "On a scale of effort, a higher score is worse.",
    ),
    Misuse(
        (
            "We and the shop next door, in one chart: who is ahead?",
            "Our CES after a purchase: {value}",
            "{base}, {interval}",
        ),
        1,
        "Nobody knows whether next door asks for effort or for ease, and on which scale.",
    ),
    Misuse(
        (
            "CES after a purchase: {value}",
            "{base}",
            "Effort falls, so fewer customers will leave: we can plan with that",
        ),
        3,
        "The change: {change}. And whether less effort keeps these customers, nothing here shows.",
    ),
)


@transfer(
    ask="What is the CES of this client after a purchase in 2025?",
    unit="of 7",
    hints=(
        "The table has other surveys and other years as well. Keep the rows that the question is about.",
        "This client, too, asks for effort: 1 is very little.",
        "`rows[...].effort.mean()` leaves out empty answers by itself.",
    ),
    tables={"survey_responses": ("response_id", "survey", "responded_at", "effort")},
    breakdown="purchase",
)
def of_a_simulated_client(survey_responses):
    """The mean of the answers after a purchase in the year, without empty ones."""
    return after_purchase.value(survey_responses)
