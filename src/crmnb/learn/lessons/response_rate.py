"""Response rate: how many of those who were asked stand behind a figure."""

from datetime import datetime, timedelta

from crmnb.learn.declaration import YEAR, Claim, Misuse, during, exercise, misconception, percent, transfer, trap
from crmnb.learn.lessons._answers import of_survey

TABLES = {
    "survey_invitations": ("invitation_id", "survey", "sent_at", "reached_at", "started_at", "completed_at"),
}
BREAKDOWN = "purchase"
PLACE = 1
QUESTION = 'The owner of the corner shop asks: "Your survey, do those who answer speak for all?"'

DAYS = 14  # to answer, as the metric's setting has it
_WINDOW = timedelta(days=DAYS)
_DATA_END = datetime(YEAR + 1, 1, 1)


def _invited(survey_invitations, survey="purchase"):
    """The year's invitations of a survey that have had their time to be answered."""
    sent = during(of_survey(survey_invitations, survey), "sent_at")
    return [row for row in sent if row["sent_at"] + _WINDOW <= _DATA_END]


def _came_to(rows, step):
    """The invitations that came to a step in time."""
    return [row for row in rows if row[step] is not None and row[step] <= row["sent_at"] + _WINDOW]


def _rate(rows, base=None):
    return percent(len(_came_to(rows, "completed_at")), len(rows if base is None else base))


@exercise(
    "q1",
    ask="What is the response rate after a purchase in 2025? Count with a pencil.",
    unit="%",
    hints=(
        f"Tick the invitations of the survey purchase that were sent in 2025, then strike those sent so late that {DAYS} days have not passed.",
        "How many of them were completed?",
        "Divide these by all that you ticked and did not strike, whether they arrived or not, and multiply by 100.",
    ),
)
def after_purchase(survey_invitations):
    """Surveys completed in time, out of all invitations of the year that have had their time, times 100."""
    return _rate(_invited(survey_invitations))


@exercise(
    "q2",
    ask="And after a case for support? Now with pandas.",
    unit="%",
    hints=(
        'Keep the rows whose survey is "support", sent from 2025-01-01 to 2025-12-18.',
        "`completed_at.notna()` is yes where the survey was completed.",
        "`100 * asked.completed_at.notna().mean()`",
    ),
)
def after_support(survey_invitations):
    """The same, of the rows whose survey is "support"."""
    return _rate(_invited(survey_invitations, "support"))


@misconception("of those reached", of=["q1", "q7"])
def of_those_reached(survey_invitations):
    """You divided by the invitations that arrived. That is the cooperation rate; it hides how many addresses are wrong."""
    rows = _invited(survey_invitations)
    return _rate(rows, _came_to(rows, "reached_at"))


@misconception("of those who started", of=["q1", "q7"])
def of_those_who_started(survey_invitations):
    """You divided by the surveys that were begun. That is the completion rate: it speaks of the questions, not of who is missing."""
    rows = _invited(survey_invitations)
    return _rate(rows, _came_to(rows, "started_at"))


@misconception("started, not completed", of=["q1", "q7"])
def started(survey_invitations):
    """You counted whoever began. Who broke off has given no answer that counts."""
    rows = _invited(survey_invitations)
    return percent(len(_came_to(rows, "started_at")), len(rows))


@misconception("no time to answer", of=["q1", "q7"])
def no_time_to_answer(survey_invitations):
    """You counted invitations that were sent in the last days of the data. They look unanswered, but have not had their time."""
    return _rate(during(of_survey(survey_invitations), "sent_at"))


@misconception("both surveys pooled", of=["q1", "q2"])
def both_surveys(survey_invitations):
    """You pooled two surveys. Then the figure moves with their mix."""
    return _rate([*_invited(survey_invitations), *_invited(survey_invitations, "support")])


@misconception("all years", of=["q1", "q7"])
def all_years(survey_invitations):
    """You counted invitations of all years. A figure is of its period."""
    rows = of_survey(survey_invitations)
    return _rate([row for row in rows if row["sent_at"] + _WINDOW <= _DATA_END])


@misconception("those who are silent", of=["q1"])
def those_who_are_silent(survey_invitations):
    """You gave the share of those who did not answer: the other side."""
    return 100 - after_purchase.value(survey_invitations)


@misconception("a count", of=["q1"])
def a_count(survey_invitations):
    """You gave the number of completed surveys. A rate says out of how many."""
    return len(_came_to(_invited(survey_invitations), "completed_at"))


@misconception("the other survey", of=["q2"])
def the_other_survey(survey_invitations):
    """You computed the survey after a purchase. The question is about support."""
    return after_purchase.value(survey_invitations)


@misconception("no time to answer", of=["q2"])
def support_without_time(survey_invitations):
    """You counted invitations that were sent in the last days of the data. They look unanswered, but have not had their time."""
    return _rate(during(of_survey(survey_invitations, "support"), "sent_at"))


@misconception("started, not completed", of=["q2"])
def support_started(survey_invitations):
    """You counted whoever began. Who broke off has given no answer that counts."""
    rows = _invited(survey_invitations, "support")
    return percent(len(_came_to(rows, "started_at")), len(rows))


@misconception("of those who started", of=["q2"])
def support_of_those_who_started(survey_invitations):
    """You divided by the surveys that were begun. That is the completion rate."""
    rows = _invited(survey_invitations, "support")
    return _rate(rows, _came_to(rows, "started_at"))


@misconception("mean of two rates", of=["q2"])
def mean_of_two_rates(survey_invitations):
    """You averaged the rates of two surveys, as if each were of as many people."""
    return (after_purchase.value(survey_invitations) + after_support.value(survey_invitations)) / 2


def _with_one(survey_invitations, sent_at, *, reached=True, started_after=None, completed_after=None):
    """The table with one more invitation after a purchase; the steps come so many days after it was sent."""
    steps = {"reached_at": 0 if reached else None, "started_at": started_after, "completed_at": completed_after}
    times = {step: None if days is None else sent_at + timedelta(days=days) for step, days in steps.items()}
    row = {"invitation_id": "new", "survey": "purchase", "sent_at": sent_at, **times}
    return {"survey_invitations": [*survey_invitations, row]}


@trap(
    "a wrong address",
    "One more invitation is sent in November 2025; it never arrives. Which way will the response rate after a purchase go?",
)
def a_wrong_address(survey_invitations):
    """It was meant to be asked, so it is in the base. A list of old addresses lowers the rate, and so it should."""
    return _with_one(survey_invitations, datetime(YEAR, 11, 10, 9), reached=False)


@trap(
    "a day before the end",
    "One more invitation is sent on 30 December 2025, the day before the data end. Nobody has answered yet. Which way will it go?",
)
def a_day_before_the_end(survey_invitations):
    """It has not had its days to be answered, so it is not counted yet."""
    return _with_one(survey_invitations, datetime(YEAR, 12, 30, 9))


@trap("half-way", "One more customer is asked in November 2025, begins, and breaks off. Which way will it go?")
def half_way(survey_invitations):
    """It is in the base and is no completed survey. Count such cases by themselves, too: they speak of the questions."""
    return _with_one(survey_invitations, datetime(YEAR, 11, 10, 9), started_after=1)


@trap("too late", "One more customer is asked in October 2025 and answers after three weeks. Which way will it go?")
def too_late(survey_invitations):
    """All invitations have the same days. Were late answers counted, older invitations would look better, as they had longer."""
    return _with_one(survey_invitations, datetime(YEAR, 10, 10, 9), started_after=21, completed_after=21)


CLAIMS = (
    Claim(
        "{value} is a good rate, so the survey speaks for all customers.",
        False,
        "A high rate does not make a survey representative. It matters which customers are missing.",
        caution=True,
    ),
    Claim(
        "Whether those who answer think like the others, this rate does not tell.",
        True,
        "It says how many are missing, not who.",
        caution=True,
    ),
    Claim("After a purchase, {base} were answered: {value}.", True, "It says out of how many, and of which survey."),
    Claim(
        "People answer support more gladly than sales, as its rate is higher.",
        False,
        "Both are of a few invitations, and their intervals overlap by far.",
    ),
    Claim(
        "Of many more such invitations, anything from {limits} may be answered.",
        True,
        "That is what the interval says of so few.",
    ),
)
MISUSES = (
    Misuse(
        (
            "Response after a purchase: {value}",
            "{base}, {interval}",
            "So many have answered that the answers are representative",
        ),
        3,
        "That depends on who is missing. The angry and the delighted answer, those in between do not.",
    ),
    Misuse(
        (
            "Invitations that bounced are left out: nobody could answer them",
            "The survey after a purchase, sent in 2025",
            "Without them we are well above {value}",
        ),
        1,
        "Wrong addresses are part of the truth about the survey. Without them it is the cooperation rate, and has to be called so.",
    ),
    Misuse(
        (
            "Response after a purchase: {value}",
            "The last week of December is far lower: people are tired of us",
            "Interval of the year: {limits}",
        ),
        2,
        "The invitations of the last days have not had their time to be answered.",
    ),
)


@transfer(
    ask="What is the response rate of this client after a purchase in 2025?",
    unit="%",
    hints=(
        f"Keep the survey purchase, sent in 2025 and at least {DAYS} days before 2026 begins.",
        f"Here some answers come late: count those that were completed within {DAYS} days of the invitation.",
        "`(asked.completed_at - asked.sent_at).dt.total_seconds()` is empty where nobody answered; a comparison with it is then no.",
    ),
    tables={"survey_invitations": ("invitation_id", "survey", "sent_at", "reached_at", "started_at", "completed_at")},
    breakdown="purchase",
)
def of_a_simulated_client(survey_invitations):
    """Surveys after a purchase that were completed in time, out of all invitations of the year that have had their time, times 100."""
    return after_purchase.value(survey_invitations)


@misconception("late answers count", of=["q7"])
def late_answers_count(survey_invitations):
    """You counted answers that came after the days to answer. Older invitations would look better, as they had longer."""
    rows = _invited(survey_invitations)
    return percent(sum(row["completed_at"] is not None for row in rows), len(rows))


def redraw(tables, random):
    """Other invitations, with the same ways to end."""
    rows = sorted((_invitation(random) for _ in range(28)), key=lambda row: row["sent_at"])
    return {"survey_invitations": [{"invitation_id": f"K{place:02}", **row} for place, row in enumerate(rows, 1)]}


def _invitation(random):
    begins, days = random.choices(
        ((datetime(YEAR - 1, 3, 1), 300), (datetime(YEAR, 1, 1), 350), (datetime(YEAR, 12, 19), 13)), (0.2, 0.65, 0.15)
    )[0]
    sent = begins + timedelta(days=random.randrange(days), hours=random.randint(8, 18))
    far = (
        random.choices(range(4), (0.12, 0.25, 0.18, 0.45))[0] if sent < datetime(YEAR, 12, 18) else random.randint(0, 1)
    )
    reached, started = sent + timedelta(minutes=1), sent + timedelta(days=random.randint(0, 4), hours=2)
    return {
        "survey": random.choice(("purchase", "purchase", "support")),
        "sent_at": sent,
        "reached_at": reached if far > 0 else None,
        "started_at": started if far > 1 else None,
        "completed_at": started + timedelta(minutes=random.randint(2, 9)) if far > 2 else None,
    }
